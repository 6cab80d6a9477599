/*
 * What is watched: state, what the last check said, how long it took, and since when it is so. Trouble comes first.
 */
import { html } from '../../vendor/htm-preact.js';
import { useNow } from '../clock.js';
import { age, clockTime, duration, fullTime, moment, plural, span } from '../format.js';
import { sortServices } from '../health.js';
import { stateIcon } from '../icons.js';
import { useStore } from '../store.js';
import { Panel } from './panel.js';

const SHOWN_MOST = 200; // trouble comes first, so it is always among them

export function Services() {
  const services = useStore((state) => state.snapshot?.services);
  const asOf = useStore((state) => (state.link.phase === 'live' ? 0 : state.snapshotAt));
  const skew = useStore((state) => state.skew);
  const now = useNow() + skew;
  const sorted = sortServices(services ?? []);
  const up = sorted.filter((service) => service.status === 'up').length;

  const aside = html`<p class="panel-note">${asOf ? `as of ${clockTime(asOf)}` : sorted.length ? `${up} of ${sorted.length} up` : ''}</p>`;
  return html`
    <${Panel} id="services" title="Services" class=${`services${asOf ? ' is-old' : ''}`} aside=${aside}>
      ${services === undefined
        ? html`<p class="empty">Waiting for the first figures…</p>`
        : sorted.length === 0
          ? html`<div class="empty">
              <p>Nothing is watched yet. Name services in <code>belfry.yaml</code>:</p>
              <pre><code>${'services:\n  - name: api\n    port: 8000\n    health_endpoint: /health'}</code></pre>
            </div>`
          : html`<ul class="service-list">
              ${sorted.slice(0, SHOWN_MOST).map((service) => html`<${Row} key=${service.name} service=${service} now=${now} />`)}
            </ul>
            ${sorted.length > SHOWN_MOST && html`<p class="notice">${plural(sorted.length - SHOWN_MOST, 'more service')} not shown.</p>`}`}
    <//>`;
}

/** @param {{service: import('../types.js').Service, now: number}} props */
function Row({ service, now }) {
  const checked = moment(service.last_check);
  const changed = moment(service.last_change);
  const words = service.status === 'unknown' && !service.message ? 'not checked yet' : service.message;
  return html`
    <li class=${`service service-${service.status}`}>
      ${stateIcon(service.status)}
      <div class="service-what">
        <span class="service-name">${service.name}</span>
        <span class="service-message" title=${words ?? undefined}>${words || '\u00a0'}</span>
      </div>
      <div class="service-state">
        <span class="service-status">${service.status}</span>
        <span class="service-since" title=${Number.isNaN(changed) ? undefined : `Since ${fullTime(changed)}`}>${Number.isNaN(changed) ? '\u00a0' : `for ${span((now - changed) / 1000)}`}</span>
      </div>
      <div class="service-figures">
        <span class="service-latency">${service.latency_ms == null ? '–' : duration(service.latency_ms)}</span>
        <span class="service-checked" title=${Number.isNaN(checked) ? undefined : `Checked ${fullTime(checked)}`}>${Number.isNaN(checked) ? '\u00a0' : age((now - checked) / 1000)}</span>
      </div>
    </li>`;
}
