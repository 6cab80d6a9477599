/*
 * The raw log: the last messages both ways, bounded by number and by size. What falls off is counted.
 */

export const ROWS_MOST = 1_000;
const CHARACTERS_MOST = 8_000_000;
const PREVIEW_MOST = 400;

/**
 * @typedef {object} LogRow
 * @property {number} n  serial number, from 1
 * @property {'in'|'out'|'note'} direction
 * @property {number} at  ms
 * @property {number} bytes
 * @property {string} name  of the message; for a note '', for a batch 'batch'
 * @property {number} events  how many events from the history it holds
 * @property {string} text  as it was sent
 * @property {string} preview
 * @property {boolean} [bad]  an error, a refusal, a loss
 */

export class Log {
  constructor() {
    /** @type {LogRow[]} oldest first; those before `first` are gone */
    this.rows = [];
    this.first = 0;
    this.characters = 0;
    this.count = 0; // ever, since it was cleared
    this.dropped = 0;
    this.version = 0;
  }

  /** @param {Omit<LogRow, 'n'|'preview'>} row */
  add(row) {
    this.rows.push({ ...row, n: ++this.count, preview: row.text.length > PREVIEW_MOST ? `${row.text.slice(0, PREVIEW_MOST)}…` : row.text });
    this.characters += row.text.length;
    this.version++;
    while (this.size > ROWS_MOST || (this.characters > CHARACTERS_MOST && this.size > 1)) {
      this.characters -= this.rows[this.first]?.text.length ?? 0;
      this.first++;
      this.dropped++;
    }
    if (this.first >= ROWS_MOST) {
      this.rows.splice(0, this.first); // now and then, rather than at every message
      this.first = 0;
    }
  }

  get size() {
    return this.rows.length - this.first;
  }

  /** What is there now, newest first. A copy: it stays as it is. @returns {LogRow[]} */
  latest() {
    return this.rows.slice(this.first).reverse();
  }

  clear() {
    this.rows = [];
    this.first = this.characters = this.count = this.dropped = 0;
    this.version++;
  }
}

/**
 * Words that must all be there; one with a minus before it must not.
 * @param {string} filter @returns {((row: LogRow) => boolean)|null} null when every row fits
 */
export function rowFilter(filter) {
  const words = filter.toLowerCase().split(/\s+/).filter((word) => word && word !== '-');
  if (!words.length) return null;
  return (row) => {
    const text = `${row.direction === 'in' ? 'received' : row.direction === 'out' ? 'sent' : 'note'} ${row.name} ${row.text}`.toLowerCase();
    return words.every((word) => (word.startsWith('-') ? !text.includes(word.slice(1)) : text.includes(word)));
  };
}

const ARROWS = { in: '↓', out: '↑', note: '·' };

/** Rows as lines to paste elsewhere, oldest first. @param {LogRow[]} rows newest first */
export const logText = (rows) =>
  [...rows].reverse().map((row) => `${new Date(row.at).toISOString()} ${ARROWS[row.direction]} ${row.direction === 'note' ? '' : `${row.bytes} B `}${row.text}`).join('\n');

/** A message's text with line ends and indents, if it is JSON. @param {string} text */
export function prettyText(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
