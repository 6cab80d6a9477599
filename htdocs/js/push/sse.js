/*
 * Reads Server-Sent Events as the HTML standard says (https://html.spec.whatwg.org/multipage/server-sent-events.html):
 * text in, in pieces of any size; records out. A record that only moves the id, or only holds a comment, comes out too,
 * because the test page shows what really arrives.
 */

const RECORD_MOST = 1_048_576; // characters; more without an empty line is no stream of ours

/**
 * @typedef {object} SseRecord
 * @property {string} raw
 * @property {string} event    '' when it is unnamed
 * @property {string|null} data  null when there was none
 * @property {string|null} id
 * @property {number|null} retry  ms
 * @property {boolean} comment  nothing but comments
 */

export class SseParser {
  /** @param {(record: SseRecord) => void} onRecord */
  constructor(onRecord) {
    this.onRecord = onRecord;
    this.rest = '';
    /** @type {string[]} */
    this.lines = [];
    this.size = 0;
  }

  /** Throws when a record is over all bounds. @param {string} text */
  push(text) {
    this.rest += text;
    let from = 0;
    for (let at = 0; at < this.rest.length; at++) {
      const code = this.rest.charCodeAt(at);
      if (code !== 10 && code !== 13) continue;
      if (code === 13 && at + 1 === this.rest.length) break; // perhaps half of a CR LF
      this.#line(this.rest.slice(from, at));
      if (code === 13 && this.rest.charCodeAt(at + 1) === 10) at++;
      from = at + 1;
    }
    this.rest = this.rest.slice(from);
    if (this.rest.length + this.size > RECORD_MOST) throw new Error('a record of the stream does not end');
  }

  /** @param {string} line */
  #line(line) {
    if (line !== '') {
      this.lines.push(line);
      this.size += line.length;
      return;
    }
    const lines = this.lines;
    this.lines = [];
    this.size = 0;
    if (lines.length) this.onRecord(read(lines));
  }
}

/** @param {string[]} lines @returns {SseRecord} */
function read(lines) {
  /** @type {SseRecord} */
  const record = { raw: lines.join('\n'), event: '', data: null, id: null, retry: null, comment: true };
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    record.comment = false;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') record.data = record.data === null ? value : `${record.data}\n${value}`;
    else if (field === 'event') record.event = value;
    else if (field === 'id') record.id = value.includes('\0') ? record.id : value;
    else if (field === 'retry' && /^\d+$/.test(value)) record.retry = Number(value);
  }
  return record;
}
