/*
 * What the push daemon counts about itself, in words: what is going on, and, where something was refused or lost, what.
 */
import { bytes, count, duration, isNumber, percent, plural } from './format.js';

/** All but requests for what is not there: watchd's own look at the daemon is one of them. @type {Record<string, string>} */
const REFUSALS = {
  bad_request: 'malformed', unauthorized: 'without a good key', forbidden: 'not allowed', not_acceptable: 'no push client',
  max_connections: 'over the limit', max_per_address: 'over the limit of an address', max_per_credential: 'over the limit of a key',
  stopping: 'while it restarted', disabled: 'switched off', history: 'history not readable', overload: 'overloaded',
};

/** @type {Record<string, string>} of those that are worth a look */
const CLOSES = {
  protocol_error: 'broke the protocol', unsupported_data: 'sent binary', bad_text: 'sent no UTF-8', policy: 'too many commands', too_big: 'message too long',
  server_error: 'error of the daemon', credential: 'key ended',
};

/**
 * @param {import('./types.js').PushState} push
 * @param {number|null} deliveriesPerSecond
 * @returns {{name: string, text: string, tone?: 'warning'}[]}
 */
export function pushInWords(push, deliveriesPerSecond) {
  /** @param {string} name */
  const number = (name) => (isNumber(push[name]) ? /** @type {number} */ (push[name]) : 0);
  const before = number('deflate_input_bytes');
  /** @type {{name: string, text: string, tone?: 'warning'}[]} */
  const lines = [
    { name: 'Clients', text: joined([plural(number('clients'), 'client'), some(number('ws_clients'), 'by WebSocket'), some(number('sse_clients'), 'by event stream'), some(number('http2_clients'), 'over HTTP/2')]) },
    { name: 'Sent', text: joined([`${plural(number('deliveries'), 'event')}`, deliveriesPerSecond === null ? '' : `${count(Math.round(deliveriesPerSecond))} a second`, bytes(number('bytes'))]) },
    { name: 'Delay', text: `up to ${duration(number('lag_ms'))} of late, from stored to sent` },
    { name: 'Compression', text: before > 0 ? `${percent((100 * number('deflate_output_bytes')) / before)} is left; now for ${plural(number('ws_deflate_clients'), 'client')}` : 'not used so far' },
    { name: 'Kept ready', text: `${plural(number('ring_events'), 'event')}, ${bytes(number('ring_bytes'))}, of the last ${duration(number('ring_span_ms'))}` },
    { name: 'Slow', text: number('blocked_clients') + number('lagging_clients') ? joined([some(number('blocked_clients'), 'do not read fast enough'), some(number('lagging_clients'), 'catch up')]) : 'none' },
  ];
  const gaps = number('gaps');
  if (gaps) lines.push({ name: 'Gaps', text: `${count(gaps)}, of ${plural(number('gap_events'), 'event')} in all`, tone: 'warning' });
  const refused = told(push.refusals, REFUSALS);
  if (refused) lines.push({ name: 'Refused', text: refused });
  const closed = told(push.closes, CLOSES);
  if (closed) lines.push({ name: 'Closed', text: closed });
  return lines;
}

/** @param {string[]} parts */
const joined = (parts) => parts.filter(Boolean).join(', ');

/** @param {number} number @param {string} words */
const some = (number, words) => (number ? `${count(number)} ${words}` : '');

/** What is more than none. @param {Record<string, number>|undefined} counters @param {Record<string, string>} words */
const told = (counters, words) => joined(Object.entries(counters ?? {}).map(([name, number]) => (words[name] && isNumber(number) ? some(number, words[name]) : '')));
