/*
 * One event of the stream: a line, and behind it everything that is known.
 */
import { Component, html } from '../../vendor/htm-preact.js';
import { describe } from '../describe.js';
import { clockTime, fullTime, moment } from '../format.js';
import { chevron, severityIcon } from '../icons.js';
import { CopyButton } from './copy.js';

/** @typedef {{event: import('../types.js').BelfryEvent, open: boolean, fresh: boolean, onToggle: () => void}} RowProps */

/** A class, because only a class can say that nothing changed: a burst must not draw all rows again. */
export class EventRow extends Component {
  /** @param {RowProps} next */
  shouldComponentUpdate(next) {
    return next.event !== this.props.event || next.open !== this.props.open;
  }

  /** @param {RowProps} props */
  render({ event, open, fresh, onToggle }) {
    const time = moment(event.timestamp);
    const id = `event-${event.id}`;
    return html`
      <li class=${`event event-${event.severity}${open ? ' is-open' : ''}${fresh ? ' is-fresh' : ''}`} data-id=${event.id}>
        <button class="event-head" type="button" aria-expanded=${open} aria-controls=${open ? id : undefined} onClick=${onToggle}>
          ${severityIcon(event.severity)}<span class="visually-hidden">${event.severity}</span>
          <time class="event-time" datetime=${event.timestamp} title=${fullTime(time)}>${clockTime(time)}</time>
          <span class="event-words">${describe(event).map((part) => (typeof part === 'string' ? part : html`<b>${part.strong}</b>`))}</span>
          <span class="event-meta"><span class="event-type">${event.event}</span>${event.source && html`<span class="event-source">${event.source}</span>`}</span>
          ${chevron()}
        </button>
        ${open && html`<div class="event-body" id=${id}><${Details} event=${event} /></div>`}
      </li>`;
  }
}

/** @param {{event: import('../types.js').BelfryEvent}} props */
function Details({ event }) {
  const data = JSON.stringify(event.data, null, 2) ?? 'null';
  const happened = moment(event.timestamp);
  const received = moment(event.received);
  return html`
    <dl class="event-facts">
      <dt>happened</dt><dd>${fullTime(happened)}</dd>
      ${!Number.isNaN(received) && html`<dt>received</dt><dd>${fullTime(received)}</dd>`}
      <dt>severity</dt><dd>${event.severity}</dd>
      ${event.source && html`<dt>source</dt><dd>${event.source}</dd>`}
      <dt>id</dt><dd>${event.id}${event.event_id && html` <span class="quiet-text">${event.event_id}</span>`}</dd>
    </dl>
    <pre class="event-json" tabindex="0" aria-label="Data as JSON"><code>${data}</code></pre>
    <${CopyButton} text=${JSON.stringify(event, null, 2)} label="Copy as JSON" />`;
}
