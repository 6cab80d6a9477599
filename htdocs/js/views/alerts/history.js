/*
 * What happened to alerts, newest first.
 */
import { html } from '../../../vendor/htm-preact.js';
import { describe } from '../../describe.js';
import { clockMinutes, dayKey, dayName, fullTime, moment } from '../../format.js';
import { severityIcon } from '../../icons.js';
import { useStore } from '../../store.js';
import { Panel } from '../panel.js';

export function AlertHistory() {
  const events = useStore((state) => state.alerting?.history);
  let day = 0;
  return html`
    <${Panel} id="alert-history" title="History">
      ${events?.length
        ? html`<ol class="side-list">${events.map((event) => {
            const at = moment(event.timestamp);
            const begins = dayKey(at) !== day;
            day = dayKey(at);
            return html`
              ${begins && html`<li class="side-day">${dayName(at)}</li>`}
              <li key=${event.id} class="side-row">
                ${severityIcon(event.severity)}
                <p class="side-main"><span class="visually-hidden">${event.severity}: </span>${describe(event).map((part) => (typeof part === 'string' ? part : html`<b>${part.strong}</b>`))}</p>
                <time class="side-when" datetime=${event.timestamp} title=${fullTime(at)}>${clockMinutes(at)}</time>
              </li>`;
          })}</ol>`
        : html`<p class="empty">${events ? 'No alert has fired yet.' : '\u00a0'}</p>`}
    <//>`;
}
