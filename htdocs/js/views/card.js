/*
 * A figure with its name, a line below, and perhaps a small curve or a meter. It keeps its size whatever it says.
 */
import { html } from '../../vendor/htm-preact.js';
import { clockTime, fullTime, NONE } from '../format.js';

/**
 * @typedef {object} CardProps
 * @property {string} label
 * @property {string} value
 * @property {string} [unit]
 * @property {string} [title]   all digits, or where it comes from
 * @property {unknown} [note]   the line below
 * @property {number|null} [asOf]  when the figure was true, if that is no longer now
 * @property {'calm'|'warning'|'error'} [tone]
 * @property {number|null} [meter]  0 to 100
 * @property {unknown} [spark]
 */

/** @param {CardProps} props */
export function Card({ label, value, unit, title, note, asOf, tone = 'calm', meter, spark }) {
  const old = asOf ? `as of ${clockTime(asOf)}` : '';
  return html`
    <li class=${`card tone-${tone}${old ? ' is-old' : ''}`}>
      <h3 class="card-label">${label}</h3>
      <p class="card-value" title=${title}><span>${value}</span>${unit && value !== NONE && html`<span class="card-unit">${unit}</span>`}</p>
      ${spark}
      <p class="card-note" title=${old ? fullTime(asOf ?? NaN) : undefined}>${old || note || '\u00a0'}</p>
      ${meter !== undefined && html`<${Meter} value=${meter} />`}
    </li>`;
}

/** @param {{value: number|null}} props */
const Meter = ({ value }) => html`
  <svg class="meter" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
    <rect class="meter-track" width="100" height="2" />
    <rect class="meter-fill" width=${Math.min(100, Math.max(0, value ?? 0))} height="2" />
  </svg>`;
