/*
 * Numbers and times as people read them. Every function gives a text of steady width for steady magnitudes, so that
 * live figures do not make the page jump.
 */

const LANGUAGE = 'en-GB';
const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const clockShort = new Intl.DateTimeFormat(LANGUAGE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(LANGUAGE, { weekday: 'long', day: 'numeric', month: 'long' });
const full = new Intl.DateTimeFormat(LANGUAGE, {
  weekday: 'short', day: 'numeric', month: 'long', year: 'numeric',
  hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23', timeZoneName: 'short',
});

export const NONE = '–';

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** HH:MM:SS, local. @param {number} ms */
export const clockTime = (ms) => (isNumber(ms) ? clock.format(ms) : NONE);

/** HH:MM, local. @param {number} ms */
export const clockMinutes = (ms) => (isNumber(ms) ? clockShort.format(ms) : NONE);

/** The day in words. @param {number} ms */
export const dayName = (ms) => day.format(ms);

/** A number that is the same for all moments of one local day. @param {number} ms */
export const dayKey = (ms) => {
  const date = new Date(ms);
  return date.getFullYear() * 10000 + date.getMonth() * 100 + date.getDate();
};

/** Everything about a moment, for titles. @param {number} ms */
export const fullTime = (ms) => (isNumber(ms) ? full.format(ms) : 'unknown time');

/** Whole numbers with separators; millions and more are shortened. @param {unknown} value */
export function count(value) {
  if (!isNumber(value)) return NONE;
  return Math.abs(value) >= 1e7 ? compact.format(value) : grouped.format(value);
}

/** All digits, for titles. @param {unknown} value */
export const countFull = (value) => (isNumber(value) ? grouped.format(value) : '');

/** Any number, short. @param {unknown} value */
export function figure(value) {
  if (!isNumber(value)) return NONE;
  if (Number.isInteger(value)) return count(value);
  const size = Math.abs(value);
  if (size >= 1000) return count(Math.round(value));
  return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
}

/** @param {unknown} value @param {number} [digits] */
export const decimal = (value, digits = 2) => (isNumber(value) ? value.toFixed(digits) : NONE);

/** Without the sign. @param {unknown} value */
export const percentNumber = (value) => (isNumber(value) ? (value >= 99.95 ? '100' : value.toFixed(1)) : NONE);

/** @param {unknown} value */
export const percent = (value) => (isNumber(value) ? `${percentNumber(value)} %` : NONE);

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A size and its unit, apart, in powers of 1,000. @param {unknown} value @returns {[string, string]} */
export function bytesParts(value) {
  if (!isNumber(value)) return [NONE, ''];
  let scaled = Math.abs(value);
  let unit = 0;
  while (scaled >= 999.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : 1;
  return [(Math.sign(value) * scaled).toFixed(digits), BYTE_UNITS[unit] ?? ''];
}

/** @param {unknown} value */
export const bytes = (value) => bytesParts(value).join(' ').trim();

/** @param {unknown} value */
export const bytesPerSecond = (value) => (isNumber(value) ? `${bytes(value)}/s` : NONE);

/** How long something took. @param {unknown} ms @returns {string} */
export function duration(ms) {
  if (!isNumber(ms)) return NONE;
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 10 && !Number.isInteger(ms)) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms / 1000);
}

/** A span in its two greatest units. @param {unknown} seconds */
export function span(seconds) {
  if (!isNumber(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
}

/** How old something is, in one unit. @param {unknown} seconds */
export function age(seconds) {
  if (!isNumber(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s ago`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ago`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ago`;
  return `${Math.floor(whole / 86400)} d ago`;
}

/** @param {number} value */
const two = (value) => String(value).padStart(2, '0');

/** A moment as a number, whatever the API said. Returns: milliseconds, or NaN. @param {unknown} value */
export function moment(value) {
  if (isNumber(value)) return value;
  return typeof value === 'string' ? Date.parse(value) : NaN;
}

/** `1 event`, `2 events`. @param {number} number @param {string} noun @param {string} [many] */
export const plural = (number, noun, many = `${noun}s`) => `${count(number)} ${number === 1 ? noun : many}`;

/** Cuts a text that would fill the screen. @param {string} text @param {number} most */
export const shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
