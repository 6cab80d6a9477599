/*
 * Looking for a text in older events as the filter of the stream does: in the data, and, where it is one word, in the
 * type and the source as well. The API searches these apart; here their answers become one list.
 */
import * as api from './api.js';

const WORD = /^[A-Za-z0-9_.:-]+$/;

/**
 * Events older than `before`, newest first.
 * @param {{text: string, severity: string, event: string, source: string, before: number, limit: number}} wanted
 * @returns {Promise<{events: import('./types.js').BelfryEvent[], more: boolean}>}
 */
export async function searchOlder({ text, before, limit, severity, event, source }) {
  const base = { severity, event, source, limit, ...(before ? { before } : {}) };
  const q = text.trim();
  const queries = [{ ...base, q }];
  if (WORD.test(q)) {
    if (!event) queries.push({ ...base, event: `*${q.toLowerCase()}*`, q: '' });
    if (!source) queries.push({ ...base, source: `*${q}*`, q: '' });
  }
  const answers = await Promise.all(queries.map((query) => api.events(query)));

  // Below the end of an answer that goes on, the list would have holes.
  const complete = Math.max(0, ...answers.filter((one) => one.more).map((one) => one.events[one.events.length - 1]?.id ?? 0));
  /** @type {Map<number, import('./types.js').BelfryEvent>} */
  const found = new Map();
  for (const answer of answers) for (const one of answer.events) if (one.id >= complete) found.set(one.id, one);
  return { events: [...found.values()].sort((a, b) => b.id - a.id), more: complete > 0 };
}
