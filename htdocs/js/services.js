/*
 * The page of the services: how each is and was, and what an operator can do about it.
 */
import { html, render } from '../vendor/htm-preact.js';
import { moment } from './format.js';
import { Live } from './live.js';
import { getState, setState } from './store.js';
import { Footer } from './views/footer.js';
import { Header } from './views/header.js';
import { Guard } from './views/panel.js';
import { Table } from './views/watched/table.js';
import { checkSession, followVersion, goToLogin, introduce, signOut } from './visit.js';
import { Watching } from './watching.js';

const watching = new Watching();

const live = new Live('ws/dashboard', {
  onEvents: (events) => watching.notice(events),
  onSnapshot: (snapshot) => setState({ snapshot, snapshotAt: Date.now() }),
  onStatus: (link) => setState({ link }),
  onMissing: () => watching.ask(),
  onReset: () => watching.ask(),
  onConnected(hello) {
    const serverTime = moment(hello.server_time);
    if (!Number.isNaN(serverTime)) setState({ skew: serverTime - Date.now() });
    followVersion(String(hello.version ?? ''));
    if (getState().watched) watching.ask(); // it may have been away for long
  },
  async checkSession() {
    const answer = await checkSession();
    if (answer === 'ok') watching.ask();
    return answer;
  },
  onSignedOut: goToLogin,
});

function Page() {
  return html`
    <${Header} page="services" skipTo="watched-title" skipText="Skip to the services" onRetry=${() => live.reconnectNow()} onSignOut=${signOut} />
    <main class="watched-board"><${Table} watching=${watching} /></main>
    <${Guard}><${Footer} /><//>`;
}

render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
if (await introduce()) {
  watching.start();
  live.start();
}
