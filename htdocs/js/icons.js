/*
 * Small pictures. Severities and states differ by shape as well as by colour; the words beside or behind them are the
 * caller's.
 */
import { html } from '../vendor/htm-preact.js';

/** @param {string} className @param {unknown} inside */
const icon = (className, inside) => html`<svg class=${`icon ${className}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">${inside}</svg>`;

const cut = 'icon-cut'; // what is cut out of a filled shape

const RING = html`<circle cx="8" cy="8" r="5.2" fill="none" stroke="currentColor" stroke-width="1.6" />`;
const DISC = html`<circle cx="8" cy="8" r="6.4" fill="currentColor" />`;
const CHECK = html`<path class=${cut} d="M5 8.3l2.1 2.1L11 6.2" />`;
const TRIANGLE = html`<path fill="currentColor" d="M7 2.1a1.15 1.15 0 0 1 2 0l5.6 10a1.15 1.15 0 0 1-1 1.7H2.4a1.15 1.15 0 0 1-1-1.7z" />`;
const BANG = html`<path class=${cut} d="M8 5.8v3.4M8 11.4v.1" />`;
const DIAMOND = html`<rect x="2.6" y="2.6" width="10.8" height="10.8" rx="1.6" transform="rotate(45 8 8)" fill="currentColor" />`;
const CROSS = html`<path class=${cut} d="M6 6l4 4M10 6l-4 4" />`;
const SQUARE = html`<rect x="1.6" y="1.6" width="12.8" height="12.8" rx="2.6" fill="currentColor" />`;

/** @type {Record<string, unknown>} */
const SEVERITIES = {
  debug: html`<circle cx="8" cy="8" r="3" fill="none" stroke="currentColor" stroke-width="1.4" stroke-dasharray="1.6 1.5" />`,
  info: html`<circle cx="8" cy="8" r="3.4" fill="currentColor" />`,
  success: html`${DISC}${CHECK}`,
  warning: html`${TRIANGLE}${BANG}`,
  error: html`${DIAMOND}${CROSS}`,
  critical: html`${SQUARE}<path class=${cut} d="M8 4.4v4.4M8 11.5v.1" />`,
};

/** @type {Record<string, unknown>} */
const STATES = {
  up: html`${DISC}${CHECK}`,
  degraded: html`${TRIANGLE}${BANG}`,
  down: html`${DIAMOND}${CROSS}`,
  paused: html`${RING}<path d="M6.7 6v4M9.3 6v4" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" />`,
  unknown: html`<circle cx="8" cy="8" r="5.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.2 1.88" />`,
};
/** The states of alerts, by the pictures of services. @type {Record<string, string>} */
const ALERT_STATES = { ok: 'up', pending: 'degraded', firing: 'down', acknowledged: 'paused', silenced: 'paused', unknown: 'unknown' };

/** @param {string} severity */
export const severityIcon = (severity) => icon(`severity-${Object.hasOwn(SEVERITIES, severity) ? severity : 'info'}`, SEVERITIES[severity] ?? SEVERITIES.info);

/** @param {string} status */
export const stateIcon = (status) => icon(`state-${Object.hasOwn(STATES, status) ? status : 'unknown'}`, STATES[status] ?? STATES.unknown);

/** @param {string} state */
export const alertIcon = (state) => stateIcon(ALERT_STATES[state] ?? 'unknown');

/** @param {string} d */
const drawn = (d) => icon('icon-line', html`<path d=${d} />`);

export const chevron = () => drawn('M6 4l4 4-4 4');
export const pauseIcon = () => drawn('M5.5 3.5v9M10.5 3.5v9');
export const playIcon = () => drawn('M5 3.5l7 4.5-7 4.5z');
export const crossIcon = () => drawn('M4 4l8 8M12 4l-8 8');
export const searchIcon = () => drawn('M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.2 3.2');

/** @param {string} theme */
export const themeIcon = (theme) =>
  theme === 'dark'
    ? drawn('M13.2 9.4A5.6 5.6 0 0 1 6.6 2.8a5.6 5.6 0 1 0 6.6 6.6z')
    : theme === 'light'
      ? drawn('M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7')
      : icon('icon-line', html`<circle cx="8" cy="8" r="5.6" /><path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="currentColor" />`);
