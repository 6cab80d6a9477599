/*
 * What the host charts show, one row a chart: which metrics, how they are named, scaled and written. Another chart is
 * another row. Also the traffic between api/history, metrics_update and the series.
 */
import * as api from './api.js';
import { bytesPerSecond, decimal, isNumber, moment, percent } from './format.js';
import { Series, WINDOW_MS } from './series.js';

/**
 * @typedef {object} Line
 * @property {string} name    in the legend
 * @property {string} metric  as api/history knows it; in the snapshot it is the same without `host_`
 * @property {string} colour  a custom property
 *
 * @typedef {object} ChartKind
 * @property {string} key
 * @property {string} title
 * @property {Line[]} lines
 * @property {(value: unknown) => string} write
 * @property {number} [most]   the scale's fixed end
 * @property {number} [least]  the scale's end is never below this
 * @property {'binary'|'decimal'} [ticks]
 */

/** @type {ChartKind[]} */
export const CHARTS = [
  { key: 'cpu', title: 'CPU', write: percent, most: 100, lines: [{ name: 'used', metric: 'host_cpu_percent', colour: '--chart-1' }] },
  { key: 'memory', title: 'Memory', write: percent, most: 100, lines: [{ name: 'used', metric: 'host_memory_percent', colour: '--chart-2' }] },
  {
    key: 'network', title: 'Network', write: bytesPerSecond, least: 1000,
    lines: [
      { name: 'received', metric: 'host_network_receive_bytes_per_second', colour: '--chart-3' },
      { name: 'sent', metric: 'host_network_transmit_bytes_per_second', colour: '--chart-4' },
    ],
  },
  {
    key: 'load', title: 'Load', write: (value) => decimal(value), least: 1,
    lines: [
      { name: '1 m', metric: 'host_load1', colour: '--chart-1' },
      { name: '5 m', metric: 'host_load5', colour: '--chart-5' },
      { name: '15 m', metric: 'host_load15', colour: '--chart-6' },
    ],
  },
];

const POINTS = 480;
const WINDOWS_MS = [300_000, 600_000, 900_000, 1_800_000, WINDOW_MS];

/** Interfaces that count: not the loopback, unless there is no other. @param {string[]} names */
const outward = (names) => {
  const real = names.filter((name) => name !== 'lo');
  return new Set(real.length ? real : names);
};

/** The present value of a line. A metric with labels is summed over them. @param {import('./types.js').HostState|undefined} host @param {string} metric */
export function present(host, metric) {
  const value = host?.[metric.replace(/^host_/, '')];
  if (isNumber(value)) return value;
  if (typeof value !== 'object' || value === null) return null;
  const byLabel = /** @type {Record<string, unknown>} */ (value);
  let sum = null;
  for (const name of outward(Object.keys(byLabel))) {
    const part = byLabel[name];
    if (isNumber(part)) sum = (sum ?? 0) + part;
  }
  return sum;
}

/** The series of all charts, and who wants to know of changes. */
export class HostHistory {
  constructor() {
    /** @type {Map<string, Series>} */
    this.series = new Map(CHARTS.map((kind) => [kind.key, new Series(kind.lines.length)]));
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.version = 0;
    this.loaded = false;
    this.failed = '';
    this.loading = false;
  }

  /** @param {string} key */
  of(key) {
    return /** @type {Series} */ (this.series.get(key));
  }

  /** How far back there is something to show: a young history is not squeezed into the corner of an hour. */
  windowMs() {
    const firsts = CHARTS.map((kind) => this.of(kind.key).times[0] ?? Infinity);
    const covered = Date.now() - Math.min(...firsts);
    return WINDOWS_MS.find((span) => span >= covered) ?? (covered > 0 ? WINDOW_MS : /** @type {number} */ (WINDOWS_MS[0]));
  }

  /** Continues the charts with what was pushed. @param {import('./types.js').HostState|undefined} host */
  push(host) {
    const time = moment(host?.timestamp);
    if (!host || Number.isNaN(time)) return;
    let changed = false;
    for (const kind of CHARTS) changed = this.of(kind.key).append(time, kind.lines.map((line) => present(host, line.metric))) || changed;
    if (changed) this.#changed();
  }

  /** Reads the last hour again; one at a time. */
  async refresh() {
    if (this.loading) return;
    this.loading = true;
    try {
      await Promise.all(CHARTS.map((kind) => this.#load(kind)));
      this.loaded = true;
      this.failed = '';
    } catch (error) {
      this.failed = error instanceof Error ? error.message : String(error);
    }
    this.loading = false;
    this.#changed();
  }

  /** @param {ChartKind} kind */
  async #load(kind) {
    const answers = await Promise.all(kind.lines.map((line) => api.history(line.metric, { from: '-1h', points: POINTS, agg: 'avg,min,max' })));
    /** @type {Map<number, import('./series.js').Point[]>} */
    const past = new Map();
    answers.forEach(({ series }, at) => {
      const chosen = outward(series.map((one) => one.labels?.interface ?? ''));
      for (const one of series) {
        if (!chosen.has(one.labels?.interface ?? '')) continue;
        for (const [time, avg, min, max] of one.points) {
          if (!isNumber(time)) continue;
          let row = past.get(time);
          if (!row) past.set(time, (row = kind.lines.map(() => ({ avg: null, min: null, max: null }))));
          const point = row[at];
          if (!point) continue;
          point.avg = add(point.avg, avg);
          point.min = add(point.min, min ?? avg);
          point.max = add(point.max, max ?? avg);
        }
      }
    });
    this.of(kind.key).load(past, Math.max(0, ...answers.map((answer) => answer.stepMs)));
  }

  #changed() {
    this.version++;
    for (const listener of this.listeners) listener();
  }
}

/** @param {number|null} sum @param {number|null|undefined} value */
const add = (sum, value) => (isNumber(value) ? (sum ?? 0) + value : sum);
