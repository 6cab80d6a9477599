/*
 * Silences that go on, or will.
 */
import { html, useState } from '../../../vendor/htm-preact.js';
import * as api from '../../api.js';
import { useNow } from '../../clock.js';
import { fullTime, moment, span } from '../../format.js';
import { useOperator, useStore } from '../../store.js';
import { Panel } from '../panel.js';

/** @param {{onChanged: () => void}} props */
export function Silences({ onChanged }) {
  const silences = useStore((state) => state.alerting?.silences);
  const operator = useOperator();
  return html`
    <${Panel} id="silences" title="Silences">
      ${silences?.length
        ? html`<ul class="side-list">${silences.map((silence) => html`<${Row} key=${silence.id} silence=${silence} operator=${operator} onChanged=${onChanged} />`)}</ul>`
        : html`<p class="empty">${silences ? 'Nothing is silenced by hand.' : '\u00a0'}</p>`}
    <//>`;
}

/** @param {{silence: import('../../types.js').Silence, operator: boolean, onChanged: () => void}} props */
function Row({ silence, operator, onChanged }) {
  const [error, setError] = useState('');
  const skew = useStore((state) => state.skew);
  const now = useNow() + skew;
  const pending = silence.state === 'pending';
  const at = moment(pending ? silence.start : silence.end);
  const end = () => api.endSilence(silence.id).then(onChanged, (/** @type {Error} */ cause) => setError(cause.message));
  return html`
    <li class="side-row">
      <div>
        <p class="side-main">${Object.entries(silence.matchers).map(([name, glob]) => html`<span key=${name} class="alert-label">${name}=${glob}</span>`)}</p>
        <p class="alert-note">${silence.created_by}${silence.comment && `: ${silence.comment}`}</p>
        ${error && html`<p class="alert-error" role="alert">${error}</p>`}
      </div>
      <span class="side-when" title=${fullTime(at)}>${pending ? 'begins in' : 'ends in'} ${span(Math.max(0, at - now) / 1000)}</span>
      ${operator && html`<button class="button small quiet" type="button" onClick=${end}>End<span class="visually-hidden"> the silence of ${Object.values(silence.matchers).join(', ')}</span></button>`}
    </li>`;
}
