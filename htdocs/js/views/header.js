/*
 * The bar at the top: what this instance is, whether all is well, whether the page is live, and who is looking.
 */
import { html, useEffect } from '../../vendor/htm-preact.js';
import { useNow } from '../clock.js';
import { clockTime, fullTime, span } from '../format.js';
import { overall } from '../health.js';
import { stateIcon } from '../icons.js';
import { useStore } from '../store.js';
import { Theme } from './theme.js';

const OFFLINE_AFTER_MS = 10_000;

/** The pages that the bar leads to. @type {[string, string][]} */
const PAGES = [
  ['dashboard', 'Overview'],
  ['services', 'Services'],
  ['alerts', 'Alerts'],
];

/**
 * @param {{page: string, skipTo: string, skipText: string, onRetry: () => void, onSignOut: () => void}} props
 *   `page`: which of them this is
 */
export function Header({ page, skipTo, skipText, onRetry, onSignOut }) {
  const me = useStore((state) => state.me);
  return html`
    <header class="bar">
      <a class="skip" href=${`#${skipTo}`}>${skipText}</a>
      <h1 class="bar-title"><img src="assets/icon.svg" alt="" width="26" height="26" /><span>${me?.title || 'Belfry'}</span></h1>
      <nav class="bar-pages" aria-label="Pages">
        ${PAGES.map(([name, words]) => html`<a key=${name} class="bar-page" href=${name} aria-current=${name === page ? 'page' : undefined}>${words}</a>`)}
      </nav>
      <${Health} />
      <div class="bar-space"></div>
      <${Connection} onRetry=${onRetry} />
      <${Theme} />
      ${me?.signed_in
        ? html`<span class="bar-user" title=${`Signed in as ${me.name} (${me.role})`}>${me.name}</span>
            <button class="button quiet" type="button" onClick=${onSignOut}>Sign out</button>`
        : me && html`<a class="button quiet" href="login">Sign in</a>`}
    </header>`;
}

function Health() {
  const snapshot = useStore((state) => state.snapshot);
  const live = useStore((state) => state.link.phase === 'live');
  const now = overall(snapshot);
  const status = live || !snapshot ? now.status : 'unknown';
  const text = live || !snapshot ? now.text : `${now.text}, when last seen`;

  const title = useStore((state) => state.me?.title) || 'Belfry';
  useEffect(() => {
    document.title = status === 'down' || status === 'degraded' ? `▲ ${text} – ${title}` : title;
  }, [status, text, title]);

  return html`<p class=${`health health-${status}`} role="status">${stateIcon(status)}<span>${text}</span></p>`;
}

/** @param {{onRetry: () => void}} props */
function Connection({ onRetry }) {
  const link = useStore((state) => state.link);
  if (link.phase === 'live') return html`<p class="link link-live" role="status" title=${`Since ${fullTime(link.since)}`}><i class="pulse"></i>Live</p>`;
  return html`<${Away} link=${link} onRetry=${onRetry} />`;
}

/** @param {{link: import('../types.js').LinkStatus, onRetry: () => void}} props */
function Away({ link, onRetry }) {
  const now = useNow();
  const first = useStore((state) => state.snapshotAt === 0);
  const offline = now - link.since > OFFLINE_AFTER_MS;
  const seconds = Math.max(0, Math.ceil((link.retryAt - now) / 1000));
  const next = link.phase === 'connecting' || seconds === 0 ? 'trying now' : `next try in ${span(seconds)}`;
  const what = offline ? `Offline since ${clockTime(link.since)}` : first && link.attempts <= 1 ? 'Connecting' : 'Reconnecting';
  return html`
    <div class=${`link ${offline ? 'link-offline' : 'link-away'}`}>
      <i class="pulse"></i>
      <span role="status">${what}</span>
      ${what !== 'Connecting' && html`<span class="link-next" aria-hidden="true">${next}</span>
        <button class="button quiet small" type="button" disabled=${link.phase === 'connecting'} onClick=${onRetry}>Retry</button>
        ${offline && html`<a class="button quiet small" href="websocket-test" aria-label="Find out why" title="Find out why">Why?</a>`}`}
    </div>`;
}
