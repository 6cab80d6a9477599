/*
 * What the server said when it let us in, and what holds now.
 */
import { html } from '../../../vendor/htm-preact.js';
import { count, duration, fullTime, moment, span } from '../../format.js';
import { usePainter } from '../../push/paint.js';
import { Panel } from '../panel.js';

/** Said in words; what else `connected` holds is shown as it is. */
const SHOWN = new Set(['client_id', 'version', 'server_time', 'epoch', 'oldest', 'head', 'resumed_from', 'complete', 'role', 'interval', 'limits']);

/** @param {{live: import('../../websocket-test.js').Live}} props */
export function Facts({ live: { session, painter } }) {
  usePainter(painter);
  const hello = session.hello;
  return html`
    <${Panel} id="facts" title="What the server says" class="facts" aside=${hello && html`<p class="panel-note">${session.protocol}</p>`}>
      ${hello ? html`<${List} session=${session} hello=${hello} />` : html`<p class="empty">Connect, and the server introduces itself here: who it takes you for, what the history holds, what it puts up with.</p>`}
    <//>`;
}

/** @param {{session: import('../../push/session.js').Session, hello: Record<string, any>}} props */
function List({ session, hello }) {
  const { clock, subscription } = session;
  const rest = Object.entries(hello).filter(([name]) => !SHOWN.has(name));
  const interval = session.interval > 0 ? session.interval : Number(hello.interval);
  return html`
    <dl class="fact-list">
      <dt>Role</dt><dd>${hello.role}</dd>
      <dt>Client</dt><dd><code>${hello.client_id}</code></dd>
      <dt>Version</dt><dd>${hello.version}</dd>
      ${session.websocket && html`<dt>Compression</dt><dd>${session.extensions ? html`<code>${session.extensions}</code>` : 'none was agreed on'}</dd>`}
      <dt>History</dt><dd>events ${String(hello.oldest)} to ${String(hello.head)}, epoch <code>${hello.epoch}</code></dd>
      <dt>Began</dt><dd>after event ${String(hello.resumed_from)}, ${hello.complete ? 'complete' : html`<b class="bad">not complete</b>`}</dd>
      <dt>Now at</dt><dd>event ${String(session.lastId)}</dd>
      <dt>Metrics</dt><dd>${(subscription ? subscription.metrics : interval > 0) ? `every ${span(subscription?.interval ?? interval)}` : 'none'}</dd>
      ${subscription && html`<dt>Subscription</dt><dd>${inWords(subscription)}</dd>`}
      ${clock && html`<dt>Its clock</dt><dd title=${fullTime(moment(hello.server_time))}>${offsetText(clock)}</dd>`}
      ${limits(hello.limits)}
      ${rest.map(([name, value]) => html`<dt key=${name}>${name}</dt><dd><code>${typeof value === 'string' ? value : JSON.stringify(value)}</code></dd>`)}
    </dl>`;
}

/** @param {NonNullable<import('../../push/session.js').Session['clock']>} clock */
const offsetText = ({ offset, uncertain, byPing }) =>
  `${Math.abs(offset) <= uncertain ? 'as this one' : `${duration(Math.round(Math.abs(offset)))} ${offset < 0 ? 'behind' : 'ahead of'} this one`}, ± ${uncertain < 10 ? uncertain.toFixed(1) : Math.round(uncertain)} ms by how long connecting took${byPing ? ' and the fastest ping' : ''}`;

/** @param {Record<string, any>} subscription */
function inWords({ events, except, min_severity: least, sources, batch }) {
  /** @param {unknown} list */
  const text = (list) => (Array.isArray(list) ? list.join(', ') : '');
  if (!text(events)) return 'nothing';
  return [
    text(events) === '*' ? 'all events' : text(events),
    text(except) && `but ${text(except)}`,
    least && least !== 'debug' && `from ${least}`,
    text(sources) && text(sources) !== '*' && `of ${text(sources)}`,
    batch && 'in batches',
  ].filter(Boolean).join(', ');
}

/** @type {Record<string, string>} */
const LIMITS = { message_bytes: 'a message', commands_per_second: 'commands a second', commands_burst: 'commands at once', last: 'events asked for by last' };

/** @param {unknown} told */
function limits(told) {
  if (typeof told !== 'object' || told === null) return null;
  const words = Object.entries(told).map(([name, value]) => (/_bytes$/.test(name) ? `${count(value)} bytes ${LIMITS[name] ?? `${name.replace(/_bytes$/, '').replaceAll('_', ' ')}`}` : `${typeof value === 'number' ? count(value) : JSON.stringify(value)} ${LIMITS[name] ?? name.replaceAll('_', ' ')}`));
  return html`<dt>Limits</dt><dd>${words.join(', ')}</dd>`;
}
