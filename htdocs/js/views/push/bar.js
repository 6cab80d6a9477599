/*
 * The bar at the top of the push test: the state of the connection, and the way back.
 */
import { html } from '../../../vendor/htm-preact.js';
import { useNow } from '../../clock.js';
import { span } from '../../format.js';
import { usePainter } from '../../push/paint.js';
import { Theme } from '../theme.js';

/** @param {{live: import('../../websocket-test.js').Live, me: import('../../types.js').Me|null}} props */
export function Bar({ live, me }) {
  return html`
    <header class="bar">
      <a class="skip" href="#messages-title">Skip to the messages</a>
      <h1 class="bar-title"><img src="assets/icon.svg" alt="" width="26" height="26" /><span>Push test</span></h1>
      <${State} live=${live} />
      <div class="bar-space"></div>
      <a class="button quiet" href="dashboard">Dashboard</a>
      <${Theme} />
      ${me?.signed_in && html`<span class="bar-user" title=${`Signed in as ${me.name} (${me.role})`}>${me.name}</span>`}
      ${me && !me.signed_in && html`<a class="button quiet" href=${signInAddress()}>Sign in</a>`}
    </header>`;
}

/** Where to sign in and come back from. */
export const signInAddress = () => `login?next=${encodeURIComponent(`websocket-test${location.search}`)}`;

/** @param {{live: import('../../websocket-test.js').Live}} props */
function State({ live: { session, painter } }) {
  usePainter(painter);
  const now = useNow();
  const seconds = Math.max(0, Math.ceil((session.retryAt - now) / 1000));
  const [look, word, more] = {
    idle: session.problem || (session.end && !session.end.byUs && session.end.code !== 1000) ? ['link-offline', 'Not connected', ''] : ['link-idle', 'Not connected', ''],
    connecting: ['link-away', 'Connecting', ''],
    live: ['link-live', 'Connected', `for ${span((now - session.liveAt) / 1000)}`],
    waiting: ['link-away', 'Not connected', seconds ? `next try in ${span(seconds)}` : 'trying now'],
  }[session.phase];
  return html`<p class=${`link ${look}`} data-phase=${session.phase}><i class="pulse"></i><span role="status">${word}</span>${more && html`<span class="link-next" aria-hidden="true">${more}</span>`}</p>`;
}
