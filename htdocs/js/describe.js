/*
 * An event in words: what happened, with the figures that matter for its type. A new type that deserves words of its
 * own is one entry in TYPES; any other shows the first plain values of its data.
 *
 * The words are parts: plain texts, and { strong } for what the eye should find.
 */
import { bytes, count, duration, figure, isNumber, percent, plural, shorten } from './format.js';

/**
 * @typedef {string | {strong: string}} Part
 * @typedef {Record<string, unknown>} Data
 */

/** @param {unknown} value */
const text = (value) => (typeof value === 'string' ? value.trim() : isNumber(value) || typeof value === 'boolean' ? String(value) : '');
/** @param {unknown} value @returns {Part} */
const strong = (value) => ({ strong: text(value) });
/** @param {Data} data @param {string[]} keys */
const first = (data, ...keys) => keys.map((key) => text(data[key])).find(Boolean) ?? '';
/** @param {unknown} value @returns {value is Data} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {Data} data */
const agent = (data) => first(data, 'agent_name', 'agent', 'agent_id') || 'An agent';
/** A score is shown as it came: 0.93 or 93. @param {unknown} value */
const score = (value) => (isNumber(value) ? figure(value) : '');
/** Confidence comes as 0–1 or as 0–100. @param {unknown} value */
const confidence = (value) => (isNumber(value) ? `${figure(value <= 1 ? value * 100 : value)} %` : '');
/** Joins the parts that are there. @param {(Part|false|''|null|undefined)[]} parts @returns {Part[]} */
const line = (...parts) => /** @type {Part[]} */ (parts.filter((part) => part && (typeof part === 'string' || part.strong)));

/** The plain values of an object as `key value, key value`. @param {Data} data @param {number} most */
function figures(data, most) {
  const shown = Object.entries(data).filter(([, value]) => isNumber(value) || typeof value === 'boolean' || (typeof value === 'string' && value));
  const words = shown.slice(0, most).map(([key, value]) => `${key.replaceAll('_', ' ')} ${isNumber(value) ? figure(value) : shorten(text(value), 60)}`);
  if (shown.length > most) words.push(`${shown.length - most} more`);
  return words.join(', ');
}

/** One line of an access log. @param {Data} a  the attributes of a log event */
function accessLine(a) {
  const method = first(a, 'method', 'request_method', 'http.request.method');
  const path = first(a, 'path', 'uri', 'request_uri', 'url', 'url.path');
  const status = first(a, 'status', 'status_code', 'http.response.status_code');
  if (!method || !path || !status) return null;
  const seconds = a.request_time ?? a.duration_seconds;
  const ms = isNumber(a.duration_ms) ? a.duration_ms : isNumber(a.request_time_ms) ? a.request_time_ms : isNumber(seconds) ? seconds * 1000 : null;
  const size = a.bytes ?? a.body_bytes_sent ?? a.size;
  return line(`${method} `, strong(shorten(path, 160)), ' ', strong(status), ms !== null && ` in ${duration(ms)}`, isNumber(size) && `, ${bytes(size)}`);
}

/** Whether it is one of the many lines that say that a request went well. @param {import('./types.js').BelfryEvent} event */
export function isRoutine(event) {
  if (event.event !== 'log' || !['debug', 'info', 'success'].includes(event.severity) || !isObject(event.data?.attributes)) return false;
  return accessLine(event.data.attributes) !== null;
}

/** @type {Record<string, (data: Data) => Part[]>} */
const TYPES = {
  agent_registered: (d) => line(strong(agent(d)), ' registered', text(d.version) && ` (${text(d.version)})`),
  agent_execution_started: (d) => line(strong(agent(d)), ' started', text(d.task_description) && `: ${text(d.task_description)}`),
  agent_execution_completed: (d) =>
    line(
      strong(agent(d)),
      d.success === false ? ' failed' : ' completed',
      isNumber(d.duration_ms) && (d.success === false ? ` after ${duration(d.duration_ms)}` : ` in ${duration(d.duration_ms)}`),
      score(d.quality_score) && `, quality ${score(d.quality_score)}`,
      text(d.task_description) && `: ${text(d.task_description)}`,
    ),
  agent_activity: (d) => line(strong(agent(d)), ' ', text(d.action) || 'was active', extra(d, ['agent', 'agent_name', 'agent_id', 'action'])),
  synthesis_started: (d) => line('Synthesis of ', strong(first(d, 'name', 'title', 'text') || 'something'), ' started'),
  synthesis_completed: (d) => line('Synthesis of ', strong(first(d, 'name', 'title', 'text') || 'something'), ' completed', isNumber(d.duration_ms) && ` in ${duration(d.duration_ms)}`),
  opportunity_discovered: (d) =>
    line(
      strong(first(d, 'title', 'opportunity_id') || 'An opportunity'),
      text(d.category) && ` (${text(d.category)})`,
      confidence(d.confidence_score) && `, confidence ${confidence(d.confidence_score)}`,
      d.revenue_potential != null && `, potential ${isNumber(d.revenue_potential) ? count(d.revenue_potential) : text(d.revenue_potential)}`,
    ),
  quality_score_updated: (d) => line(first(d, 'agent_name', 'agent_id', 'agent') && strong(agent(d)), first(d, 'agent_name', 'agent_id', 'agent') ? ': quality ' : 'Quality ', strong(score(d.quality_score))),
  error_occurred: (d) => line(text(d.component) && strong(d.component), text(d.component) && ': ', first(d, 'message', 'error', 'error_message') || 'an error'),
  system_health_updated: (d) => line(figures(d, 5) || 'Health updated'),
  metrics_updated: (d) => line(figures(d, 5) || 'Metrics updated'),
  file_operation: (d) => line(text(d.operation) || 'touched', ' ', strong(first(d, 'file', 'path') || 'a file'), isNumber(d.size) && `, ${bytes(d.size)}`),
  session_update: (d) =>
    line(
      'Session ', strong(shorten(text(d.session_id), 24)), text(d.agent) && ` of ${text(d.agent)}`,
      text(d.state) && `: ${text(d.state)}`,
      isNumber(d.token_usage) && `, ${plural(d.token_usage, 'token')}`,
      isNumber(d.context_percentage) && `, context ${percent(d.context_percentage)}`,
    ),
  log: (d) => (isObject(d.attributes) && accessLine(d.attributes)) || line(text(d.message) || figures(d, 4) || 'an empty line'),
  health_changed: (d) =>
    line(
      strong(first(d, 'service', 'name') || 'A service'),
      first(d, 'from', 'previous', 'old_status') && ` went from ${first(d, 'from', 'previous', 'old_status')} to `,
      !first(d, 'from', 'previous', 'old_status') && ' is ',
      strong(first(d, 'to', 'status', 'new_status') || 'changed'),
      first(d, 'message', 'reason') && `: ${first(d, 'message', 'reason')}`,
      isNumber(d.latency_ms) && ` (${duration(d.latency_ms)})`,
    ),
  health_checked: (d) =>
    line(
      strong(text(d.service) || (isNumber(d.checked) ? plural(d.checked, 'service') : 'Services')),
      ' checked',
      text(d.asked_by) && ` for ${text(d.asked_by)}`,
      isNumber(d.down) && d.down > 0 && `: ${count(d.down)} down`,
    ),
  unit_failed: (d) => line(strong(text(d.unit) || 'A unit'), ' failed', text(d.result) && `: ${text(d.result)}`, isNumber(d.exit_status) && d.exit_status > 0 && `, status ${d.exit_status}`),
  unit_recovered: (d) => line(strong(text(d.unit) || 'A unit'), ' is well again'),
  alert_fired: (d) => line(strong(first(d, 'rule', 'alert', 'name') || 'An alert'), ' fired', first(d, 'message', 'reason') && `: ${first(d, 'message', 'reason')}`),
  alert_resolved: (d) => line(strong(first(d, 'rule', 'alert', 'name') || 'An alert'), ' is over'),
  alert_acknowledged: (d) => line(strong(first(d, 'rule', 'alert', 'name') || 'An alert'), ' acknowledged', first(d, 'by', 'user') && ` by ${first(d, 'by', 'user')}`),
  recovery_started: (d) =>
    line('Recovery of ', strong(text(d.service) || 'a service'), ' started', text(d.action) && `: ${text(d.action)}`, text(d.by) && d.by !== 'watchd' && ` by ${text(d.by)}`, text(d.reason) && `, ${text(d.reason)}`),
  recovery_finished: (d) =>
    line(
      'Recovery of ',
      strong(text(d.service) || 'a service'),
      d.dry_run === true ? ' tried dry' : d.interrupted === true ? ' interrupted' : d.success === false ? ' failed' : ' finished',
      isNumber(d.duration_ms) && d.dry_run !== true && ` after ${duration(d.duration_ms)}`,
      text(d.message) && `: ${text(d.message)}`,
    ),
  recovery_refused: (d) => line('Recovery of ', strong(text(d.service) || 'a service'), ' not begun', text(d.by) && d.by !== 'watchd' && ` for ${text(d.by)}`, text(d.message) && `: ${text(d.message)}`),
  notification_sent: (d) => line(strong(text(d.channel) || 'A channel'), ' was told', text(d.title) && `: ${text(d.title)}`),
  notification_failed: (d) => line(strong(text(d.channel) || 'A channel'), isNumber(d.given_up) && d.given_up > 0 ? ` was not told: ${plural(d.given_up, 'notice')} given up` : ' could not be told', text(d.message) && `: ${text(d.message)}`),
  settings_changed: (d) => line('Settings changed', first(d, 'by', 'user', 'actor') && ` by ${first(d, 'by', 'user', 'actor')}`, extra(d, ['by', 'user', 'actor'])),
  command: (d) => line(strong(first(d, 'command', 'action', 'name') || 'A command'), first(d, 'session_id', 'target') && ` for ${first(d, 'session_id', 'target')}`),
  audit: (d) => line(strong(first(d, 'actor', 'by', 'user') || 'Belfry'), ' ', first(d, 'action', 'what').replaceAll('_', ' ') || 'acted', first(d, 'target', 'name', 'object') && ' ', strong(first(d, 'target', 'name', 'object'))),
};

/** What else is in the data, behind a colon. @param {Data} data @param {string[]} said */
function extra(data, said) {
  const rest = figures(Object.fromEntries(Object.entries(data).filter(([key]) => !said.includes(key))), 3);
  return rest && `: ${rest}`;
}

/**
 * @param {import('./types.js').BelfryEvent} event
 * @returns {Part[]}
 */
export function describe(event) {
  const data = isObject(event.data) ? event.data : {};
  const known = Object.hasOwn(TYPES, event.event) ? TYPES[event.event] : undefined;
  const parts = known ? known(data) : line(first(data, 'message', 'title', 'summary', 'description') || figures(data, 4));
  return parts.length ? parts : ['no data'];
}

/** The same as one plain text. @param {import('./types.js').BelfryEvent} event */
export const describeText = (event) =>
  describe(event).map((part) => (typeof part === 'string' ? part : part.strong)).join('');
