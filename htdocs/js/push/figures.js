/*
 * Figures of a stream: rates over the last seconds, quantiles over the last samples, and how far the server's clock is
 * from ours. Nothing here asks what time it is; the caller says.
 */

const SECONDS = 60; // of the curve
const RATE_SECONDS = 3; // over which "now" is averaged

/** Things a second, in whole seconds of the caller's clock. */
export class Rate {
  constructor() {
    this.counts = new Float64Array(SECONDS + 1);
    this.second = 0; // the newest; what it holds is not yet whole
    this.first = 0; // the one in which counting began
    this.total = 0;
  }

  /** @param {number} ms @param {number} amount */
  add(ms, amount) {
    this.#turn(ms);
    this.counts[this.second % this.counts.length] = (this.counts[this.second % this.counts.length] ?? 0) + amount;
    this.total += amount;
  }

  /** @param {number} ms */
  #turn(ms) {
    const second = Math.max(this.second, Math.floor(ms / 1000));
    if (!this.first) this.first = this.second = second;
    for (let s = Math.max(this.second + 1, second - SECONDS); s <= second; s++) this.counts[s % this.counts.length] = 0;
    this.second = second;
  }

  /** A second, of late. @param {number} ms @returns {number} */
  now(ms) {
    if (!this.first) return 0;
    this.#turn(ms);
    const whole = Math.min(RATE_SECONDS, this.second - this.first);
    if (!whole) return this.counts[this.second % this.counts.length] ?? 0;
    let sum = 0;
    for (let s = this.second - whole; s < this.second; s++) sum += this.counts[s % this.counts.length] ?? 0;
    return sum / whole;
  }

  /** The last minute, second by second. @param {number} ms @returns {[number, number|null][]} */
  points(ms) {
    if (!this.first) return [];
    this.#turn(ms);
    /** @type {[number, number|null][]} */
    const points = [];
    for (let s = Math.max(this.first, this.second - SECONDS); s < this.second; s++) points.push([s, this.counts[s % this.counts.length] ?? 0]);
    return points;
  }
}

/** The last so many numbers, and their quantiles. */
export class Samples {
  /** @param {number} most */
  constructor(most) {
    this.values = new Float64Array(most);
    this.count = 0; // ever
    this.last = NaN;
  }

  /** @param {number} value */
  add(value) {
    this.values[this.count++ % this.values.length] = value;
    this.last = value;
  }

  clear() {
    this.count = 0;
    this.last = NaN;
  }

  /** How many it still has. */
  get size() {
    return Math.min(this.count, this.values.length);
  }

  /**
   * By nearest rank: a value that was really measured.
   * @param {number[]} quantiles  each 0 to 1 @returns {number[]} NaN when there is nothing
   */
  quantiles(quantiles) {
    const sorted = this.values.slice(0, this.size).sort();
    return quantiles.map((q) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? NaN);
  }
}

const TICK_MS = 1; // both clocks are read in whole milliseconds

/**
 * How far the server's clock is ahead of ours, as the bounds that follow from what it told: a time that it told in an
 * answer was read between our asking and our hearing; a time that it only wrote down, before our hearing.
 */
export class Clock {
  constructor() {
    this.low = -Infinity; // by answers
    this.high = Infinity;
    this.written = -Infinity; // a lower bound too
  }

  /** @param {number} serverTime @param {number} askedAt @param {number} heardAt  ms; the last two by our clock */
  answered(serverTime, askedAt, heardAt) {
    const low = serverTime - heardAt - TICK_MS;
    const high = serverTime - askedAt + TICK_MS;
    const wasSet = low > this.high || high < Math.max(this.low, this.written); // one of the clocks, meanwhile
    this.low = wasSet ? low : Math.max(this.low, low);
    this.high = wasSet ? high : Math.min(this.high, high);
    if (wasSet) this.written = -Infinity;
  }

  /** @param {number} serverTime @param {number} heardAt */
  wrote(serverTime, heardAt) {
    this.written = Math.max(this.written, serverTime - heardAt - TICK_MS);
    if (this.written > this.high) this.high = this.written;
  }

  /**
   * The middle of what is possible. An answer takes half a round trip each way at least, if the ways are as long.
   * @param {number} [roundTrip] ms, the fastest @returns {{offset: number, uncertain: number}|null} ms; the truth is within offset ± uncertain
   */
  estimate(roundTrip = 0) {
    let low = Math.max(this.low + roundTrip / 2, this.written);
    let high = this.high - roundTrip / 2;
    if (low > high) [low, high] = [Math.max(this.low, this.written), this.high]; // that ping was slower than what came
    return high - low < Infinity ? { offset: (low + high) / 2, uncertain: (high - low) / 2 } : null;
  }
}

/** Bytes of a text as UTF-8. @param {string} text */
export function utf8Bytes(text) {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    if (code >= 0xd800 && code < 0xdc00) i++; // a pair is four bytes and two units
  }
  return bytes;
}
