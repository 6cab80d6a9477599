/*
 * The form of a connection, and how the last one went.
 */
import { html, useState } from '../../../vendor/htm-preact.js';
import { clockTime } from '../../format.js';
import { stateIcon } from '../../icons.js';
import { address, parameters, SEVERITIES, wayOf, WAYS } from '../../push/form.js';
import { usePainter } from '../../push/paint.js';
import { CopyButton } from '../copy.js';
import { Panel } from '../panel.js';
import { signInAddress } from './bar.js';

/**
 * @typedef {import('../../push/form.js').Form} Form
 * @param {{live: import('../../websocket-test.js').Live, form: Form, me: import('../../types.js').Me|null, onChange: (change: Partial<Form>) => void}} props
 */
export function Connect({ live, form, me, onChange }) {
  const { session, painter } = live;
  usePainter(painter);
  const way = wayOf(form.way);
  const url = address(document.baseURI, way.path, parameters(form), way.kind === 'WebSocket');
  const [, again] = useState(0);
  /** @param {'reconnect'|'resume'} name */
  const flip = (name) => {
    session[name] = !session[name];
    again((/** @type {number} */ n) => n + 1);
  };
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    session.connect(form);
  };

  return html`
    <${Panel} id="connect" title="Connection" class="connect" aside=${html`<p class="panel-note">${way.kind}</p>`}>
      <form onSubmit=${submit} autocomplete="off">
        <fieldset class="segments">
          <legend class="visually-hidden">Way in</legend>
          ${WAYS.map((one) => html`<label key=${one.key} class=${one.key === form.way ? 'is-set' : ''}><input type="radio" name="way" value=${one.key} checked=${one.key === form.way}
            onChange=${() => onChange({ way: one.key })} /><span>${one.name}</span></label>`)}
        </fieldset>
        <p class="hint">${way.once}</p>
        <div class="fields">
          <${Field} name="events" label="Events" hint="patterns, by commas" value=${form.events} onChange=${onChange} placeholder="all but log, or agent_*,health_*" wide />
          <label class="field"><span>From severity</span>
            <select name="min_severity" value=${form.min_severity} onChange=${(/** @type {Event} */ event) => onChange({ min_severity: valueOf(event) })}>
              <option value="">debug, so all</option>
              ${SEVERITIES.slice(1).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
            </select></label>
          <${Field} name="sources" label="Sources" value=${form.sources} onChange=${onChange} placeholder="all, or web-*" />
          <${Field} name="last" label="Latest first" value=${form.last} onChange=${onChange} placeholder="0 to 1000" numeric />
          <${Field} name="since" label="Since event" value=${form.since} onChange=${onChange} placeholder="id" />
          <${Field} name="interval" label="Metrics every" unit="s" value=${form.interval} onChange=${onChange} placeholder=${form.way === 'dashboard' ? 'as set up' : '0: none'} numeric />
        </div>
        <div class="address"><code tabindex="0" aria-label="Address">${url}</code><${CopyButton} text=${url} label="Copy" class="quiet" /></div>
        <div class="actions">
          ${session.phase === 'idle'
            ? html`<button class="button primary" type="submit">Connect</button>`
            : html`<button class="button" type="button" onClick=${() => session.disconnect()}>${session.phase === 'live' ? 'Disconnect' : 'Stop'}</button>
                <button class="button quiet" type="submit">Connect anew</button>`}
          ${session.phase === 'waiting' && html`<button class="button quiet" type="button" onClick=${() => session.reconnectNow()}>Retry now</button>`}
        </div>
        <div class="switches">
          <label class="switch"><input type="checkbox" checked=${session.reconnect} onChange=${() => flip('reconnect')} />Come back after a loss</label>
          <label class="switch"><input type="checkbox" checked=${session.resume} disabled=${!session.reconnect} onChange=${() => flip('resume')} /><span>and go on where it was (<code>since</code>, <code>epoch</code>)</span></label>
        </div>
      </form>
      <div class="outcome" aria-live="polite"><${Outcome} session=${session} me=${me} /></div>
    <//>`;
}

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

/** @param {{name: keyof Form, label: string, hint?: string, unit?: string, value: string, placeholder?: string, numeric?: boolean, wide?: boolean, onChange: (change: Partial<Form>) => void}} props */
const Field = ({ name, label, hint, unit, value, placeholder, numeric, wide, onChange }) => html`
  <label class=${`field${wide ? ' field-wide' : ''}`}><span>${label}${hint && html` <small>${hint}</small>`}${unit && html` <small>${unit}</small>`}</span>
    <input type="text" name=${name} value=${value} placeholder=${placeholder} inputmode=${numeric ? 'numeric' : undefined} maxlength="4000" spellcheck="false" autocapitalize="off"
      onInput=${(/** @type {Event} */ event) => onChange({ [name]: valueOf(event) })} /></label>`;

/** What went wrong, ended, or went on. @param {{session: import('../../push/session.js').Session, me: import('../../types.js').Me|null}} props */
function Outcome({ session, me }) {
  const { problem, end, resumed, phase } = session;
  if (problem)
    return html`<div class="callout callout-error">${stateIcon('down')}<div><p>${problem.text}</p>
      ${problem.signIn && html`<p><a href=${signInAddress()}>Sign in</a> and come back here.</p>`}</div></div>`;
  if (end && phase !== 'live')
    return html`<div class=${`callout ${end.byUs || end.code === 1000 ? '' : 'callout-warning'}`}>${stateIcon(end.byUs ? 'paused' : 'degraded')}<div>
      <p><strong>${end.code ? `Closed with ${end.code}` : 'Ended'}</strong>${end.reason && end.code ? html` “${end.reason}”` : ''} at ${clockTime(end.at)}</p>
      <p>${end.byUs ? 'You disconnected.' : end.meaning}</p>${end.hint && html`<p>${end.hint}</p>`}</div></div>`;
  if (resumed && phase === 'live')
    return html`<div class=${`callout ${resumed.complete ? 'callout-good' : 'callout-warning'}`}>${stateIcon(resumed.complete ? 'up' : 'degraded')}<div>
      <p>${resumed.complete ? html`<strong>Complete.</strong> It goes on after event ${resumed.from}; nothing is missing.` : html`<strong>Not complete:</strong> ${resumed.why}. It goes on after event ${resumed.from}.`}</p></div></div>`;
  if (phase === 'idle' && me?.role === 'none')
    return html`<div class="callout callout-warning">${stateIcon('degraded')}<div><p>You are not signed in, so the server will refuse. <a href=${signInAddress()}>Sign in</a> first.</p></div></div>`;
  return null;
}
