/*
 * The dashboard: puts the parts together. Data flows one way: the push connection and the API fill the store, the
 * views show it.
 */
import { html, render } from '../vendor/htm-preact.js';
import * as api from './api.js';
import { moment } from './format.js';
import { HostHistory } from './host.js';
import { Live } from './live.js';
import { addEvents, dropGap, EVENTS_MOST, getState, putGap, setState } from './store.js';
import { Cards } from './views/cards.js';
import { Events } from './views/events.js';
import { Footer } from './views/footer.js';
import { Header } from './views/header.js';
import { HostCharts } from './views/host.js';
import { Guard } from './views/panel.js';
import { Services } from './views/services.js';
import { checkSession, followVersion, goToLogin, introduce, signOut } from './visit.js';

const FLUSH_MS = 200; // events that come together are drawn together
const HISTORY_AGAIN_MS = 3_600_000; // what is pushed continues the charts; this only brings the extremes in between
const HISTORY_RETRY_MS = 15_000;
const GAP_TRIES = 4;

const hostHistory = new HostHistory();

// --- events -----------------------------------------------------------------------------------------------------------

/** @type {import('./types.js').BelfryEvent[]} */
let pending = [];
/** @type {ReturnType<typeof setTimeout>|undefined} */
let flushTimer;

/** @param {import('./types.js').BelfryEvent[]} events */
function receive(events) {
  pending = pending.concat(events);
  if (pending.length > 2 * EVENTS_MOST) pending = pending.slice(-EVENTS_MOST); // a hidden page may be late
  flushTimer ??= setTimeout(flush, FLUSH_MS);
}

function flush() {
  clearTimeout(flushTimer);
  flushTimer = undefined;
  const events = pending;
  pending = [];
  addEvents(events);
}

/** Fetches what was not sent, newest part first; what is more than the page holds stays marked. @param {number} from @param {number} to */
async function fetchMissing(from, to) {
  if (!(to >= from)) return;
  /** @type {import('./types.js').Gap} */
  const gap = { from, to, state: 'loading' };
  putGap(gap);
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await api.events({ after: from - 1, before: to + 1, limit: EVENTS_MOST });
      dropGap(gap);
      const oldest = found.events[found.events.length - 1]?.id ?? to + 1;
      if (oldest > from) putGap({ from, to: oldest - 1, state: found.more ? 'lost' : 'gone' });
      addEvents(found.events);
      return;
    } catch (error) {
      if (error instanceof api.ApiError && error.status === 401) goToLogin();
      if (attempt >= GAP_TRIES) break;
      await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** attempt));
    }
  }
  putGap({ ...gap, state: 'lost' });
}

/** While nothing can be pushed, the API is asked instead, at the pace of the attempts. */
async function poll() {
  const newest = live.lastId || getState().events[0]?.id || 0;
  try {
    const found = await api.events({ limit: EVENTS_MOST, ...(newest ? { after: newest } : {}) });
    addEvents(found.events);
  } catch {
    // The connection's state says it already.
  }
}

// --- the connection ---------------------------------------------------------------------------------------------------

let historyAt = 0;

async function readHistory() {
  historyAt = Date.now();
  await hostHistory.refresh();
  if (hostHistory.failed) setTimeout(readHistory, HISTORY_RETRY_MS);
}

const live = new Live('ws/dashboard', {
  onEvents: receive,
  onSnapshot(snapshot) {
    // Nobody measures the host any more: what was last known stays, and says how old it is.
    const host = snapshot.host?.timestamp ? snapshot.host : (getState().snapshot?.host ?? snapshot.host);
    setState({ snapshot: { ...snapshot, host }, snapshotAt: Date.now() });
    hostHistory.push(host);
  },
  onStatus: (link) => setState({ link }),
  onMissing(from, to) {
    flush();
    fetchMissing(from, to);
  },
  onReset() {
    pending = [];
    setState({ events: [], gaps: [] });
  },
  onConnected(hello) {
    const serverTime = moment(hello.server_time);
    if (!Number.isNaN(serverTime)) setState({ skew: serverTime - Date.now() });
    if (Number(hello.head) === 0) setState({ filled: true });
    followVersion(String(hello.version ?? ''));
    if (Date.now() - historyAt > 10_000) readHistory();
  },
  async checkSession() {
    const answer = await checkSession();
    if (answer === 'ok') poll();
    return answer;
  },
  onSignedOut: goToLogin,
});

// --- the page ---------------------------------------------------------------------------------------------------------

function Dashboard() {
  return html`
    <${Header} page="dashboard" skipTo="events-title" skipText="Skip to the events" onRetry=${() => live.reconnectNow()} onSignOut=${signOut} />
    <main class="board">
      <${Cards} history=${hostHistory} />
      <div class="board-main">
        <${HostCharts} history=${hostHistory} />
        <${Services} />
      </div>
      <${Events} onFetchGap=${(/** @type {import('./types.js').Gap} */ gap) => fetchMissing(gap.from, gap.to)} />
    </main>
    <${Guard}><${Footer} /><//>`;
}

render(html`<${Dashboard} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
if (await introduce()) {
  readHistory();
  setInterval(() => getState().link.phase === 'live' && readHistory(), HISTORY_AGAIN_MS);
  live.start();
}
