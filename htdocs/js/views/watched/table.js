/*
 * All services in a table that sorts and filters; a row opens what there is to know and to do about it. What is chosen
 * stays in the page's address.
 */
import { html, useEffect, useLayoutEffect, useState } from '../../../vendor/htm-preact.js';
import { useNow } from '../../clock.js';
import { age, clockTime, duration, fullTime, isNumber, moment, NONE, plural, span } from '../../format.js';
import { sortServices } from '../../health.js';
import { chevron, stateIcon } from '../../icons.js';
import { useStore } from '../../store.js';
import { follow } from '../../watching.js';
import { Panel } from '../panel.js';
import { Spark } from '../spark.js';
import { Details } from './details.js';

const SHOWN_MOST = 500;

/** @typedef {import('../../types.js').WatchedService} Service */

/** @type {[string, string, ((a: Service, b: Service) => number)|null][]} what a column is called, and how it sorts */
const COLUMNS = [
  ['state', 'Service', null],
  ['day', '24 hours', (a, b) => (a.uptime_percent['24h'] ?? 101) - (b.uptime_percent['24h'] ?? 101)],
  ['week', '7 days', (a, b) => (a.uptime_percent['7d'] ?? 101) - (b.uptime_percent['7d'] ?? 101)],
  ['month', '30 days', (a, b) => (a.uptime_percent['30d'] ?? 101) - (b.uptime_percent['30d'] ?? 101)],
  ['latency', 'Latency', (a, b) => (b.latency_ms ?? -1) - (a.latency_ms ?? -1)],
  ['change', 'Last change', (a, b) => moment(b.last_change) - moment(a.last_change)],
];

const fromAddress = () => {
  const query = new URLSearchParams(location.search);
  return { text: query.get('q') ?? '', status: query.get('status') ?? '', sort: query.get('sort') ?? 'state', open: query.get('service') ?? '' };
};

export function Table() {
  const services = useStore((state) => state.watched?.services);
  const error = useStore((state) => state.askingError);
  const asOf = useStore((state) => (state.link.phase === 'live' ? 0 : state.snapshotAt));
  const [view, setView] = useState(fromAddress);
  /** @param {Partial<typeof view>} change */
  const change = (change) => setView({ ...view, ...change });

  useLayoutEffect(() => {
    const query = new URLSearchParams(Object.entries({ q: view.text, status: view.status, sort: view.sort === 'state' ? '' : view.sort, service: view.open }).filter(([, value]) => value));
    history.replaceState(null, '', `${location.pathname}${query.size ? `?${query}` : ''}`);
  }, [view]);
  useEffect(() => follow(view.open), [view.open]);

  const found = (services ?? []).filter(
    (service) => service.name.toLowerCase().includes(view.text.trim().toLowerCase()) && (!view.status || service.status === view.status),
  );
  const compare = COLUMNS.find(([key]) => key === view.sort)?.[2];
  const sorted = /** @type {Service[]} */ (sortServices(found));
  if (compare) sorted.sort(compare);
  const up = services?.filter(({ status }) => status === 'up').length ?? 0;
  const aside = html`<p class="panel-note" role="status">${asOf ? `as of ${clockTime(asOf)}` : services?.length ? `${up} of ${services.length} up` : ''}</p>`;

  return html`
    <${Panel} id="watched" title="Services" aside=${aside}>
      ${error && html`<p class="notice" role="alert">${error}${services ? ' What is shown may be old.' : ''}</p>`}
      <div class="watched-filter">
        <input type="search" aria-label="Filter by name" placeholder="Filter by name" value=${view.text} onInput=${(/** @type {Event} */ event) => change({ text: /** @type {HTMLInputElement} */ (event.target).value })} />
        <select aria-label="Status" value=${view.status} onChange=${(/** @type {Event} */ event) => change({ status: /** @type {HTMLSelectElement} */ (event.target).value })}>
          <option value="">Any status</option>
          ${['down', 'degraded', 'unknown', 'up', 'paused'].map((status) => html`<option key=${status} value=${status}>${status}</option>`)}
        </select>
      </div>
      ${!services
        ? !error && html`<p class="empty">Asking for the services…</p>`
        : services.length === 0
          ? html`<div class="empty"><p>Nothing is watched yet. Name services in <code>belfry.yaml</code>:</p>
              <pre><code>${'services:\n  - name: api\n    port: 8000\n    health_endpoint: /health'}</code></pre></div>`
          : sorted.length === 0
            ? html`<p class="empty">No service is like that.</p>`
            : html`
              <div class="watched-scroll">
                <table class="watched-table">
                  <thead><tr>${COLUMNS.map(
                    ([key, words]) => html`<th key=${key} scope="col" class=${`watched-${key}`} aria-sort=${view.sort === key ? (key === 'state' ? 'other' : 'descending') : 'none'}>
                      <button type="button" onClick=${() => change({ sort: key })}>${words}</button></th>`,
                  )}</tr></thead>
                  ${sorted.slice(0, SHOWN_MOST).map(
                    (service) => html`<${Row} key=${service.name} service=${service} open=${view.open === service.name}
                      onToggle=${() => change({ open: view.open === service.name ? '' : service.name })} />`,
                  )}
                </table>
              </div>
              ${sorted.length > SHOWN_MOST && html`<p class="notice">${plural(sorted.length - SHOWN_MOST, 'more service')} not shown: filter by name.</p>`}`}
    <//>`;
}

/** @param {{service: Service, open: boolean, onToggle: () => void}} props */
function Row({ service, open, onToggle }) {
  const skew = useStore((state) => state.skew);
  const now = useNow() + skew;
  const changed = moment(service.last_change);
  const checked = moment(service.last_check);
  const id = `service-${service.name}`;
  return html`
    <tbody class=${`watched-${service.status}${open ? ' is-open' : ''}`}>
      <tr>
        <th scope="row">
          <button class="watched-name" type="button" aria-expanded=${open} aria-controls=${id} onClick=${onToggle}>
            ${stateIcon(service.status)}<span class="visually-hidden">${service.status}: </span>
            <span><span>${service.name}</span><span class="watched-message" title=${service.message}>${service.pause ? pauseWords(service.pause) : service.message || '\u00a0'}</span></span>
            ${chevron()}
          </button>
        </th>
        ${['24h', '7d', '30d'].map((time) => html`<td key=${time}><${Uptime} percent=${service.uptime_percent[time] ?? null} /></td>`)}
        <td class="watched-latency">
          <span title=${Number.isNaN(checked) ? undefined : `Checked ${fullTime(checked)}, ${age((now - checked) / 1000)}`}>${service.latency_ms == null ? NONE : duration(service.latency_ms)}</span>
          <${Spark} points=${service.sparkline.map((value, i) => /** @type {[number, number|null]} */ ([i, value]))} most=${0} />
        </td>
        <td class="watched-change" title=${fullTime(changed)}>${service.status} for ${span((now - changed) / 1000)}</td>
      </tr>
      ${open && html`<tr id=${id}><td colspan=${COLUMNS.length} class="watched-details"><${Details} service=${service} /></td></tr>`}
    </tbody>`;
}

/** @param {NonNullable<Service['pause']>} pause */
const pauseWords = (pause) => `paused by ${pause.by}${pause.until ? ` until ${clockTime(moment(pause.until))}` : ''}${pause.comment && `: ${pause.comment}`}`;

/** @param {{percent: number|null}} props */
function Uptime({ percent }) {
  if (!isNumber(percent)) return html`<span class="quiet-text">${NONE}</span>`;
  const tone = percent >= 99.9 ? 'good' : percent >= 99 ? 'warning' : 'error';
  const words = percent === 100 ? '100 %' : `${Math.min(percent, 99.99).toFixed(percent >= 99 ? 2 : 1)} %`;
  return html`
    <span class=${`uptime uptime-${tone}`}>${words}
      <svg class="uptime-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="meter-track" width="100" height="4" /><rect class="uptime-fill" width=${percent} height="4" /></svg>
    </span>`;
}
