/*
 * Whom alerts are told, and whether they can be told. An operator tries one where it stands.
 */
import { html, useState } from '../../../vendor/htm-preact.js';
import * as api from '../../api.js';
import { useNow } from '../../clock.js';
import { age, moment, plural } from '../../format.js';
import { stateIcon } from '../../icons.js';
import { useOperator, useStore } from '../../store.js';
import { Panel } from '../panel.js';

/** @param {{onChanged: () => void}} props */
export function Channels({ onChanged }) {
  const channels = useStore((state) => state.alerting?.channels);
  const operator = useOperator();
  return html`
    <${Panel} id="channels" title="Channels">
      ${channels?.length
        ? html`<ul class="side-list">${channels.map((channel) => html`<${Row} key=${channel.name} channel=${channel} operator=${operator} onChanged=${onChanged} />`)}</ul>`
        : html`<p class="empty">${channels ? html`Nobody is told of alerts. Name some under <code>channels:</code> in <code>belfry.yaml</code>.` : '\u00a0'}</p>`}
    <//>`;
}

/** @param {{channel: import('../../types.js').Channel, operator: boolean, onChanged: () => void}} props */
function Row({ channel, operator, onChanged }) {
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  const skew = useStore((state) => state.skew);
  const now = useNow() + skew;
  const failing = channel.failing_since !== null;
  const success = moment(channel.last_success);
  const test = async () => {
    setBusy(true);
    setSaid('Sending…');
    try {
      await api.testChannel(channel.name);
      setSaid('It has taken the test.');
    } catch (cause) {
      setSaid(cause instanceof Error ? cause.message : String(cause));
    }
    setBusy(false);
    onChanged();
  };
  return html`
    <li class="side-row">
      ${stateIcon(failing ? 'down' : Number.isNaN(success) ? 'unknown' : 'up')}
      <div>
        <p class="side-main">${channel.name} <span class="quiet-text">${channel.type}</span></p>
        <p class="alert-note">${Number.isNaN(success) ? 'Nothing was sent yet.' : `Last told ${age((now - success) / 1000)}.`}${channel.queued > 0 && ` ${plural(channel.queued, 'notice waits', 'notices wait')}.`}</p>
        ${failing && channel.last_error && html`<p class="alert-error">${channel.last_error}</p>`}
        ${said && html`<p class="alert-note" role="status">${said}</p>`}
      </div>
      ${operator && html`<button class="button small quiet" type="button" disabled=${busy} onClick=${test}>Test<span class="visually-hidden"> the channel ${channel.name}</span></button>`}
    </li>`;
}
