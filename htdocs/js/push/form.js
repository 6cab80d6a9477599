/*
 * The form as a value: to and from the page's own address, and from there to a connection's address and a `subscribe`
 * command. Empty fields are left out everywhere, so that what is sent is what a person would write.
 */

/** The ways in. `once` is what comes without being asked for. */
export const WAYS = /** @type {const} */ ([
  { key: 'ws', path: 'ws', name: '/ws', kind: 'WebSocket', once: 'All events but log lines. Metrics when asked for.' },
  { key: 'dashboard', path: 'ws/dashboard', name: '/ws/dashboard', kind: 'WebSocket', once: 'The same, and metrics updates from the start.' },
  { key: 'events', path: 'events', name: '/events', kind: 'Server-Sent Events', once: 'All events but log lines, one way only. Plain HTTP: passes every proxy that does not buffer.' },
]);

export const SEVERITIES = ['debug', 'info', 'success', 'warning', 'error', 'critical'];

/**
 * @typedef {'ws'|'dashboard'|'events'} Way
 * @typedef {object} Form
 * @property {Way} way
 * @property {string} events
 * @property {string} min_severity
 * @property {string} sources
 * @property {string} last
 * @property {string} since
 * @property {string} interval
 * @property {boolean} metrics  of `subscribe`
 * @property {boolean} batch    of `subscribe`
 */

/** @type {Form} */
export const EMPTY = { way: 'ws', events: '', min_severity: '', sources: '', last: '', since: '', interval: '', metrics: false, batch: false };

const TEXTS = /** @type {const} */ (['events', 'min_severity', 'sources', 'last', 'since', 'interval']);
const FLAGS = /** @type {const} */ (['metrics', 'batch']);
const QUERY_TEXT_MOST = 4_000;

/** @param {string} query @returns {Form} */
export function fromQuery(query) {
  const asked = new URLSearchParams(query);
  const form = { ...EMPTY };
  const way = WAYS.find((one) => one.key === asked.get('way'));
  if (way) form.way = way.key;
  for (const name of TEXTS) form[name] = (asked.get(name) ?? '').slice(0, QUERY_TEXT_MOST);
  for (const name of FLAGS) form[name] = asked.get(name) === '1';
  if (form.min_severity && !SEVERITIES.includes(form.min_severity)) form.min_severity = '';
  return form;
}

/** @param {Form} form @returns {URLSearchParams} */
export function toQuery(form) {
  const query = new URLSearchParams();
  if (form.way !== EMPTY.way) query.set('way', form.way);
  for (const name of TEXTS) if (form[name].trim()) query.set(name, form[name].trim());
  for (const name of FLAGS) if (form[name]) query.set(name, '1');
  return query;
}

/** @param {Way} key */
export const wayOf = (key) => WAYS.find((way) => way.key === key) ?? WAYS[0];

/** A comma list without blanks. @param {string} text */
const list = (text) => text.split(',').map((piece) => piece.trim()).filter(Boolean);

/** The parameters of a connection's address. @param {Form} form @returns {Record<string, string>} */
export function parameters(form) {
  /** @type {Record<string, string>} */
  const query = {};
  if (list(form.events).length) query.events = list(form.events).join(',');
  if (form.min_severity) query.min_severity = form.min_severity;
  if (list(form.sources).length) query.sources = list(form.sources).join(',');
  for (const name of /** @type {const} */ (['since', 'last', 'interval'])) if (form[name].trim()) query[name] = form[name].trim();
  return query;
}

/**
 * The whole address. Commas and stars stay readable; both may stand in a query.
 * @param {string} base  of the page @param {string} path @param {Record<string, string|number>} query @param {boolean} websocket
 */
export function address(base, path, query, websocket) {
  const url = new URL(path, base);
  if (websocket) url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString();
  url.search = search.replaceAll('%2C', ',').replaceAll('%2A', '*');
  return url.href;
}

/** @param {string} text */
const number = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text); // what is wrong is the server's to say

/** The data of `subscribe`. @param {Form} form @returns {Record<string, unknown>} */
export function subscription(form) {
  return {
    ...(list(form.events).length ? { events: list(form.events) } : {}),
    ...(form.min_severity ? { min_severity: form.min_severity } : {}),
    ...(list(form.sources).length ? { sources: list(form.sources) } : {}),
    ...(form.since.trim() ? { since: number(form.since.trim()) } : {}),
    ...(form.last.trim() ? { last: number(form.last.trim()) } : {}),
    metrics: form.metrics,
    ...(form.batch ? { batch: true } : {}),
  };
}
