/*
 * What a service went through, and what can be done about it: checked now, paused, recovered.
 */
import { html, useState } from '../../../vendor/htm-preact.js';
import * as api from '../../api.js';
import { clockTime, fullTime, moment, span } from '../../format.js';
import { stateIcon } from '../../icons.js';
import { useOperator, useStore } from '../../store.js';
import { watching } from '../../watching.js';

const COMMENT_MOST = 500;

/** @type {[string, string][]} */
const DURATIONS = [['', 'until somebody resumes it'], ['30m', 'for 30 minutes'], ['2h', 'for 2 hours'], ['8h', 'for 8 hours'], ['1d', 'for a day'], ['7d', 'for a week']];

/** @typedef {import('../../types.js').WatchedService} Service */

/** @param {{service: Service}} props */
export function Details({ service }) {
  const past = useStore((state) => (state.past?.name === service.name ? state.past : null));
  const operator = useOperator();
  return html`
    ${operator && html`<${Acts} service=${service} />`}
    <div class="watched-past">
      <section aria-label=${`Incidents of ${service.name}`}>
        <h3>Incidents</h3>
        ${!past ? html`<p class="quiet-text">Asking…</p>` : past.incidents.length === 0 ? html`<p class="quiet-text">None that are known.</p>` : html`<ul class="past-list">${past.incidents.map(
          (incident) => html`<li key=${incident.id}>${stateIcon(incident.status)}
            <span><b>${incident.end ? span(incident.duration_seconds) : `since ${clockTime(moment(incident.start))}`}</b> ${incident.cause}</span>
            <time datetime=${incident.start} title=${fullTime(moment(incident.start))}>${when(incident.start)}</time></li>`,
        )}</ul>`}
      </section>
      ${(past?.recoveries.length ?? 0) > 0 && html`
        <section aria-label=${`Recoveries of ${service.name}`}>
          <h3>Recoveries</h3>
          <ul class="past-list">${past?.recoveries.map(
            (recovery) => html`<li key=${recovery.recovery_id}>${stateIcon(RECOVERY_STATES[recovery.state] ?? 'unknown')}
              <span><b>${recovery.action}</b> ${recovery.state.replace('_', ' ')}, ${recovery.by === 'watchd' ? 'by itself' : `by ${recovery.by}`}${recovery.message && `: ${recovery.message}`}</span>
              <time datetime=${recovery.started} title=${fullTime(moment(recovery.started))}>${when(recovery.started)}</time></li>`,
          )}</ul>
        </section>`}
      ${(past?.output.length ?? 0) > 0 && html`
        <section class="past-output" aria-label=${`What recoveries of ${service.name} have written`}>
          <h3>What they have written</h3>
          <pre tabindex="0"><code>${past?.output.slice().reverse().map((event) => `${clockTime(moment(event.timestamp))} ${event.data.message}\n`).join('')}</code></pre>
        </section>`}
    </div>`;
}

/** @type {Record<string, string>} */
const RECOVERY_STATES = { running: 'degraded', succeeded: 'up', failed: 'down', interrupted: 'down', dry_run: 'paused' };

/** The time of today, the day of others. @param {string} timestamp */
const when = (timestamp) => (new Date(timestamp).toDateString() === new Date().toDateString() ? clockTime(moment(timestamp)) : new Date(timestamp).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' }));

/** @param {{service: Service}} props */
function Acts({ service }) {
  const actions = useStore((state) => state.watched?.actions)?.filter((action) => action.service === service.name) ?? [];
  const available = useStore((state) => state.watched?.available ?? false);
  const [asked, setAsked] = useState(/** @type {''|'pause'|'recover'} */ (''));
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  /** @param {() => Promise<unknown>} what @param {string} done */
  const act = async (what, done) => {
    setBusy(true);
    setSaid('…');
    try {
      await what();
      setSaid(done);
      setAsked('');
    } catch (cause) {
      setSaid(cause instanceof Error ? cause.message : String(cause));
    }
    setBusy(false);
    watching.ask();
  };
  return html`
    <div class="watched-acts">
      <button class="button small" type="button" disabled=${busy || service.status === 'paused'} onClick=${() => act(() => api.checkNow(service.name), 'Checked.')}>Check now</button>
      ${service.pause
        ? html`<button class="button small" type="button" disabled=${busy} onClick=${() => act(() => api.resume(service.name), 'It is checked again.')}>Resume</button>`
        : html`<button class="button small" type="button" disabled=${busy} aria-expanded=${asked === 'pause'} onClick=${() => setAsked(asked === 'pause' ? '' : 'pause')}>Pause…</button>`}
      ${actions.length > 0 && html`<button class="button small" type="button" disabled=${busy || !available} title=${available ? undefined : 'belfry-watchd cannot run it now'} aria-expanded=${asked === 'recover'} onClick=${() => setAsked(asked === 'recover' ? '' : 'recover')}>Recover…</button>`}
      <span class="quiet-text" role="status">${said}</span>
      ${asked === 'pause' && html`<${Pause} service=${service} busy=${busy} onPause=${(/** @type {{duration: string, comment: string}} */ wish) => act(() => api.pause(service.name, wish), 'It is paused.')} />`}
      ${asked === 'recover' && html`<${Recover} actions=${actions} busy=${busy} onRecover=${(/** @type {{action: string, reason: string, dry_run: boolean}} */ wish) =>
        act(() => api.recover(service.name, wish), wish.dry_run ? 'Tried dry: see below.' : 'It has begun: see below.')} />`}
    </div>`;
}

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

/** @param {{service: Service, busy: boolean, onPause: (wish: {duration: string, comment: string}) => void}} props */
function Pause({ service, busy, onPause }) {
  const [duration, setDuration] = useState('2h');
  const [comment, setComment] = useState('');
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    onPause({ duration, comment: comment.trim() });
  };
  return html`
    <form class="watched-ask" onSubmit=${submit}>
      <label>Do not check it <select value=${duration} onChange=${(/** @type {Event} */ event) => setDuration(valueOf(event))}>
        ${DURATIONS.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
      </select></label>
      <input type="text" aria-label="Comment" placeholder="Comment, for the others" maxlength=${COMMENT_MOST} value=${comment} onInput=${(/** @type {Event} */ event) => setComment(valueOf(event))} />
      <button class="button small primary" type="submit" disabled=${busy}>Pause ${service.name}</button>
    </form>`;
}

/** @param {{actions: import('../../types.js').RecoveryAction[], busy: boolean, onRecover: (wish: {action: string, reason: string, dry_run: boolean}) => void}} props */
function Recover({ actions, busy, onRecover }) {
  const [action, setAction] = useState(actions[0]?.action ?? '');
  const [reason, setReason] = useState('');
  const [sure, setSure] = useState(false);
  const wish = (/** @type {boolean} */ dry) => onRecover({ action, reason: reason.trim(), dry_run: dry });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (sure) wish(false);
    else setSure(true);
  };
  return html`
    <form class="watched-ask" onSubmit=${submit}>
      <label>Run <select value=${action} onChange=${(/** @type {Event} */ event) => setAction(valueOf(event))}>
        ${actions.map((one) => html`<option key=${one.action} value=${one.action}>${one.action} (${one.program}${one.user ? ` as ${one.user}` : ''})</option>`)}
      </select></label>
      <input type="text" aria-label="Reason" placeholder="Reason, for the others" maxlength=${COMMENT_MOST} value=${reason} onInput=${(/** @type {Event} */ event) => setReason(valueOf(event))} />
      <button class="button small" type="button" disabled=${busy} onClick=${() => wish(true)}>Dry run</button>
      <button class="button small primary" type="submit" disabled=${busy}>${sure ? 'Really run it' : 'Run'}</button>
    </form>`;
}
