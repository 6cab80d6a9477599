/*
 * The last hour of one host metric group: rows of (time, values…), filled from api/history, continued by what is
 * pushed, and bounded by time and by number.
 */

export const WINDOW_MS = 3_600_000;
const ROWS_MOST = 4_000;

/** A value with the extremes that its bucket had, so that averaging hides no peak. @typedef {{avg: number|null, min: number|null, max: number|null}} Point */

export class Series {
  /** @param {number} width how many values a row has */
  constructor(width) {
    this.width = width;
    /** @type {number[]} */
    this.times = [];
    /** @type {Point[][]} */
    this.rows = [];
    this.stepMs = 0;
  }

  /** Takes the past anew; what was pushed after it stays. @param {Map<number, Point[]>} past @param {number} stepMs */
  load(past, stepMs) {
    const times = [...past.keys()].sort((a, b) => a - b);
    const rows = times.map((time) => past.get(time) ?? []);
    const end = (times[times.length - 1] ?? 0) + stepMs;
    for (let i = 0; i < this.times.length; i++) {
      const time = this.times[i] ?? 0;
      if (time < end) continue;
      times.push(time);
      rows.push(this.rows[i] ?? []);
    }
    this.times = times;
    this.rows = rows;
    this.stepMs = stepMs;
    this.#trim(Date.now());
  }

  /** Adds a newer row. Returns: whether it was newer. @param {number} time @param {(number|null)[]} values */
  append(time, values) {
    if (!(time > (this.times[this.times.length - 1] ?? 0))) return false;
    this.times.push(time);
    this.rows.push(values.map((value) => ({ avg: value, min: value, max: value })));
    this.#trim(time);
    return true;
  }

  /** @param {number} now */
  #trim(now) {
    let drop = Math.max(0, this.times.length - ROWS_MOST);
    while (drop < this.times.length && (this.times[drop] ?? 0) < now - WINDOW_MS - 60_000) drop++;
    if (!drop) return;
    this.times.splice(0, drop);
    this.rows.splice(0, drop);
  }

  /** Rows farther apart than this are not joined by a line. */
  gapMs() {
    const distances = [];
    for (let i = Math.max(1, this.times.length - 60); i < this.times.length; i++) distances.push((this.times[i] ?? 0) - (this.times[i - 1] ?? 0));
    distances.sort((a, b) => a - b);
    return Math.max(15_000, 3.5 * Math.max(this.stepMs, distances[distances.length >> 1] ?? 0));
  }

  /**
   * As uPlot wants it: times, then for each value its averages, maxima and minima; nulls where nothing was measured.
   * @returns {[number[], ...(number|null)[][]]}
   */
  columns() {
    const gap = this.gapMs();
    /** @type {number[]} */
    const times = [];
    /** @type {(number|null)[][]} */
    const columns = Array.from({ length: this.width * 3 }, () => []);
    this.times.forEach((time, i) => {
      const before = this.times[i - 1];
      if (before !== undefined && time - before > gap) {
        times.push(before + 1);
        for (const column of columns) column.push(null);
      }
      times.push(time);
      for (let v = 0; v < this.width; v++) {
        const point = this.rows[i]?.[v];
        columns[v * 3]?.push(point?.avg ?? null);
        columns[v * 3 + 1]?.push(point?.max ?? null);
        columns[v * 3 + 2]?.push(point?.min ?? null);
      }
    });
    return [times, ...columns];
  }

  /** Statistics of one value over the window. @param {number} v */
  summary(v) {
    let min = Infinity;
    let max = -Infinity;
    let last = null;
    for (const row of this.rows) {
      const point = row[v];
      if (point?.min != null) min = Math.min(min, point.min);
      if (point?.max != null) max = Math.max(max, point.max);
      if (point?.avg != null) last = point.avg;
    }
    return { min: Number.isFinite(min) ? min : null, max: Number.isFinite(max) ? max : null, last };
  }

  /** The newest averages of one value, for a sparkline. @param {number} v @param {number} spanMs @returns {[number, number|null][]} */
  recent(v, spanMs) {
    const from = (this.times[this.times.length - 1] ?? 0) - spanMs;
    /** @type {[number, number|null][]} */
    const points = [];
    this.times.forEach((time, i) => {
      if (time >= from) points.push([time, this.rows[i]?.[v]?.avg ?? null]);
    });
    return points;
  }
}
