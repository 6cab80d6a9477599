/*
 * A page that asks the API for what it shows: when it opens, when something is pushed that has to do with it, and from
 * time to time. And the push connection that tells such a page when.
 */
import { moment } from './format.js';
import { Live } from './live.js';
import { setState } from './store.js';
import { checkSession, followVersion, goToLogin } from './visit.js';

const SOON_MS = 250; // what is pushed together is asked about once

export class Asking {
  /**
   * @param {object} options
   * @param {() => Promise<void>} options.read  asks, and puts the answers into the store
   * @param {RegExp} options.relevant  which types of events say that there is something new
   * @param {number} options.againMs  how often it is asked anyway
   */
  constructor({ read, relevant, againMs }) {
    this.read = read;
    this.relevant = relevant;
    this.againMs = againMs;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.started = false;
    this.asking = false;
    this.wanted = false;
  }

  /** From now on; before it nothing is asked. */
  start() {
    const seen = () => document.visibilityState === 'visible' && this.ask();
    this.started = true;
    this.ask();
    setInterval(seen, this.againMs);
    document.addEventListener('visibilitychange', seen);
  }

  /** @param {import('./types.js').BelfryEvent[]} events that were pushed */
  notice(events) {
    if (!events.some((event) => this.relevant.test(event.event))) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), SOON_MS);
  }

  /** One at a time; what is wanted meanwhile is asked for behind it. */
  async ask() {
    this.wanted = this.started;
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      this.wanted = false;
      try {
        await this.read();
        setState({ askingError: '' });
      } catch (error) {
        setState({ askingError: error instanceof Error ? error.message : String(error) });
      }
    }
    this.asking = false;
  }
}

/** The push connection of such a page. @param {Asking} asking */
export const liveFor = (asking) =>
  new Live('ws/dashboard', {
    onEvents: (events) => asking.notice(events),
    onSnapshot: (snapshot) => setState({ snapshot, snapshotAt: Date.now() }),
    onStatus: (link) => setState({ link }),
    onMissing: () => asking.ask(),
    onReset: () => asking.ask(),
    onConnected(hello) {
      const serverTime = moment(hello.server_time);
      if (!Number.isNaN(serverTime)) setState({ skew: serverTime - Date.now() });
      followVersion(String(hello.version ?? ''));
      asking.ask(); // it may have been away for long
    },
    async checkSession() {
      const answer = await checkSession();
      if (answer === 'ok') asking.ask();
      return answer;
    },
    onSignedOut: goToLogin,
  });
