/*
 * Alerts, those that want somebody first. An operator acknowledges one, or silences it for a while, where it stands.
 */
import { html, useLayoutEffect, useRef, useState } from '../../../vendor/htm-preact.js';
import * as api from '../../api.js';
import { useNow } from '../../clock.js';
import { clockTime, fullTime, moment, plural, span } from '../../format.js';
import { alertIcon, severityIcon } from '../../icons.js';
import { useOperator, useStore } from '../../store.js';
import { Panel } from '../panel.js';

const SHOWN_MOST = 300;
const COMMENT_MOST = 500;

/** @type {[string, string][]} */
const DURATIONS = [['30m', '30 minutes'], ['2h', '2 hours'], ['8h', '8 hours'], ['1d', 'a day'], ['7d', 'a week']];

/** @type {[string, (alert: import('../../types.js').Alert) => boolean][]} */
const GROUPS = [
  ['Firing', ({ state }) => state === 'firing'],
  ['Being cared for, or not to be told', ({ state }) => state === 'acknowledged' || state === 'silenced'],
  ['Pending', ({ state }) => state === 'pending'],
  ['Unknown', ({ state }) => state === 'unknown'],
  ['Over', ({ state }) => state === 'ok'],
];

/** @param {{onChanged: () => void}} props */
export function AlertList({ onChanged }) {
  const alerts = useStore((state) => state.alerting?.alerts);
  const error = useStore((state) => state.askingError);
  const operator = useOperator();
  const firing = alerts?.filter(({ state }) => state === 'firing').length ?? 0;
  const aside = html`<p class="panel-note" role="status">${alerts ? (firing ? `${firing} firing` : 'nothing fires') : ''}</p>`;
  return html`
    <${Panel} id="alerts" title="Alerts" aside=${aside}>
      ${error && html`<p class="notice" role="alert">${error}${alerts ? ' What is shown may be old.' : ''}</p>`}
      ${!alerts
        ? !error && html`<p class="empty">Asking for the alerts…</p>`
        : alerts.length === 0
          ? html`<p class="empty"><strong>All is well.</strong> No rule has found anything bad in the last day.</p>`
          : GROUPS.map(([title, belongs]) => html`<${Group} key=${title} title=${title} alerts=${alerts.filter(belongs)} operator=${operator} onChanged=${onChanged} />`)}
    <//>`;
}

/** @param {{title: string, alerts: import('../../types.js').Alert[], operator: boolean, onChanged: () => void}} props */
function Group({ title, alerts, operator, onChanged }) {
  if (!alerts.length) return null;
  return html`
    <h3 class="alert-group">${title} <span class="quiet-text">${alerts.length}</span></h3>
    <ul class="alert-list">
      ${alerts.slice(0, SHOWN_MOST).map((alert) => html`<${Row} key=${alert.id} alert=${alert} operator=${operator} onChanged=${onChanged} />`)}
    </ul>
    ${alerts.length > SHOWN_MOST && html`<p class="notice">${plural(alerts.length - SHOWN_MOST, 'more alert')} not shown.</p>`}`;
}

/** Labels that the row does not say elsewhere. @param {import('../../types.js').Alert} alert */
const otherLabels = (alert) => Object.entries(alert.labels).filter(([name]) => name !== 'alertname' && name !== 'severity');

/** @param {{alert: import('../../types.js').Alert, operator: boolean, onChanged: () => void}} props */
function Row({ alert, operator, onChanged }) {
  const [asked, setAsked] = useState(/** @type {''|'ack'|'silence'} */ (''));
  const skew = useStore((state) => state.skew);
  const now = useNow() + skew;
  const since = moment(alert.fired ?? alert.since);
  const active = alert.fired !== null;
  const done = () => {
    setAsked('');
    onChanged();
  };
  return html`
    <li class=${`alert alert-${alert.state}`}>
      ${active ? severityIcon(alert.severity) : alertIcon(alert.state)}
      <div class="alert-what">
        <p class="alert-message">${active && html`<span class="visually-hidden">${alert.severity}: </span>`}${alert.message}</p>
        <p class="alert-meta">
          <span class="alert-rule">${alert.rule}</span>
          ${otherLabels(alert).map(([name, value]) => html`<span key=${name} class="alert-label">${name}=${value}</span>`)}
        </p>
        ${alert.silenced_by && html`<p class="alert-note">${alert.silenced_by}</p>`}
        ${alert.acknowledged && html`<p class="alert-note">Acknowledged by ${alert.acknowledged.by} at ${clockTime(moment(alert.acknowledged.at))}${alert.acknowledged.comment && `: ${alert.acknowledged.comment}`}</p>`}
        ${asked && html`<${Ask} kind=${asked} alert=${alert} onDone=${done} onCancel=${() => setAsked('')} />`}
      </div>
      <div class="alert-when">
        <span title=${fullTime(since)}>${alert.state === 'ok' ? `over for ${span((now - moment(alert.since)) / 1000)}` : `for ${span((now - since) / 1000)}`}</span>
        ${active && html`<span class="quiet-text">${alert.notified ? `told ${clockTime(moment(alert.notified))}` : 'not told'}</span>`}
      </div>
      ${operator && active && !asked && html`
        <div class="alert-acts">
          ${!alert.acknowledged && html`<button class="button small" type="button" onClick=${() => setAsked('ack')}>Acknowledge<span class="visually-hidden"> ${alert.message}</span></button>`}
          <button class="button small" type="button" onClick=${() => setAsked('silence')}>Silence<span class="visually-hidden"> ${alert.message}</span></button>
        </div>`}
    </li>`;
}

/** The small form in a row. @param {{kind: 'ack'|'silence', alert: import('../../types.js').Alert, onDone: () => void, onCancel: () => void}} props */
function Ask({ kind, alert, onDone, onCancel }) {
  const [comment, setComment] = useState('');
  const [duration, setDuration] = useState('2h');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  useLayoutEffect(() => input.current?.focus(), []);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await (kind === 'ack' ? api.acknowledge(alert.id, comment.trim()) : api.silence({ alert_id: alert.id, duration, comment: comment.trim() }));
      onDone();
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
      setBusy(false);
    }
  };
  return html`
    <form class="alert-ask" onSubmit=${submit} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Escape' && onCancel()}>
      ${kind === 'silence' && html`
        <label>For <select value=${duration} onChange=${(/** @type {Event} */ event) => setDuration(/** @type {HTMLSelectElement} */ (event.target).value)}>
          ${DURATIONS.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
        </select></label>`}
      <label class="alert-ask-comment"><span class="visually-hidden">Comment</span>
        <input ref=${input} type="text" maxlength=${COMMENT_MOST} placeholder="Comment, for the others" value=${comment} onInput=${(/** @type {Event} */ event) => setComment(/** @type {HTMLInputElement} */ (event.target).value)} /></label>
      <button class="button small primary" type="submit" disabled=${busy}>${kind === 'ack' ? 'Acknowledge' : 'Silence'}</button>
      <button class="button small quiet" type="button" onClick=${onCancel}>Cancel</button>
      ${error && html`<p class="alert-error" role="alert">${error}</p>`}
    </form>`;
}
