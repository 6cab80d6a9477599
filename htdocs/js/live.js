/*
 * The push connection: one WebSocket that is kept alive, resumed where it was, and never trusted to be alive only
 * because nobody said otherwise. It knows nothing of the page; what arrives is handed to the callbacks.
 *
 *   connecting ──connected──> live ──closed, silent──> waiting ──delay over──> connecting
 */

const FIRST_EVENTS = 100; // how many of the latest events a fresh page asks for
const QUIET_PING_MS = 15_000; // nothing heard for so long: ask whether somebody is there
const SILENT_MS = 45_000; // still nothing: the connection is dead, whatever the browser thinks
const HANDSHAKE_MS = 15_000;
const TICK_MS = 2_500;
const ASLEEP_MS = 15_000; // a tick so late means that the machine slept or the tab was frozen
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 15_000;
const CLOSE_CREDENTIAL_ENDED = 4401;

/**
 * @typedef {object} LiveCallbacks
 * @property {(events: import('./types.js').BelfryEvent[]) => void} onEvents
 * @property {(snapshot: import('./types.js').Snapshot) => void} onSnapshot
 * @property {(status: import('./types.js').LinkStatus) => void} onStatus
 * @property {(from: number, to: number) => void} onMissing  events of these ids were not sent; both included
 * @property {() => void} onReset  the history is another one: what is shown is no longer part of it
 * @property {(hello: Record<string, unknown>) => void} onConnected
 * @property {() => Promise<'ok'|'signed_out'|'unreachable'>} checkSession  why did it fail? A browser cannot see it
 * @property {() => void} onSignedOut
 */

export class Live {
  /** @param {string} path relative, such as `ws/dashboard` @param {LiveCallbacks} callbacks */
  constructor(path, callbacks) {
    this.path = path;
    this.callbacks = callbacks;
    /** @type {WebSocket|null} */
    this.socket = null;
    /** @type {import('./types.js').LinkStatus} */
    this.status = { phase: 'connecting', since: Date.now(), retryAt: 0, attempts: 0 };
    this.epoch = '';
    this.lastId = 0;
    this.started = 0;
    this.heard = 0;
    this.pinged = false;
    this.ticked = 0;
    this.retryAfter = 0; // what the server asked for in `closing`
    this.ended = false;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
  }

  start() {
    this.ticked = Date.now();
    setInterval(() => this.#tick(), TICK_MS);
    addEventListener('online', () => this.reconnectNow());
    addEventListener('offline', () => this.#probe());
    addEventListener('pageshow', (event) => event.persisted && this.#probe());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#wake());
    this.#connect();
  }

  /** Does not wait for the end of the delay. */
  reconnectNow() {
    if (this.ended || this.status.phase !== 'waiting') return;
    clearTimeout(this.timer);
    this.#connect();
  }

  /** @param {string} event @param {unknown} [data] */
  send(event, data) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ event, data }));
  }

  #connect() {
    const address = new URL(this.path, document.baseURI);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    address.searchParams.set('events', '*');
    if (this.lastId > 0) {
      address.searchParams.set('since', String(this.lastId));
      address.searchParams.set('epoch', this.epoch);
    } else {
      address.searchParams.set('last', String(FIRST_EVENTS));
    }

    this.#tell({ phase: 'connecting', retryAt: 0, attempts: this.status.attempts + 1 });
    this.started = this.heard = Date.now();
    this.pinged = false;
    this.retryAfter = 0;
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onmessage = (message) => this.socket === socket && this.#message(message.data);
    socket.onclose = (close) => this.socket === socket && this.#closed(close.code);
  }

  /** Gives up the present socket without waiting for its close, which may take minutes on a dead network. */
  #abandon() {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#closed(0);
  }

  /** @param {number} code */
  #closed(code) {
    this.socket = null;
    if (this.ended) return;
    const wasLive = this.status.phase === 'live';
    const attempts = wasLive ? 0 : this.status.attempts;
    const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 10));
    const delay = this.retryAfter > 0 ? this.retryAfter : most * (0.5 + Math.random() / 2);
    this.#tell({ phase: 'waiting', retryAt: Date.now() + delay, attempts, since: wasLive ? Date.now() : this.status.since });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#connect(), delay);
    // A credential that ended there may be good again: using the page extends a sign-in.
    if (!wasLive || code === CLOSE_CREDENTIAL_ENDED) this.#askWhy();
  }

  /** A handshake that fails shows no status to a page; the API does. */
  async #askWhy() {
    if ((await this.callbacks.checkSession()) === 'signed_out') this.#end();
  }

  #end() {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.callbacks.onSignedOut();
  }

  #tick() {
    const now = Date.now();
    const asleep = now - this.ticked > ASLEEP_MS;
    this.ticked = now;
    if (this.ended) return;
    if (asleep) {
      this.#wake();
      return;
    }
    if (this.status.phase === 'connecting' && now - this.started > HANDSHAKE_MS) this.#abandon();
    else if (this.status.phase === 'live') {
      const quiet = now - this.heard;
      if (quiet > SILENT_MS) this.#abandon();
      else if (quiet > QUIET_PING_MS && !this.pinged) this.#ping();
    }
  }

  /** After sleep the socket may look open for long: ask at once, and believe only an answer. */
  #wake() {
    if (this.status.phase === 'waiting') this.reconnectNow();
    else this.#probe();
  }

  #probe() {
    if (this.status.phase !== 'live') return;
    this.heard = Math.max(this.heard, Date.now() - (SILENT_MS - 10_000)); // ten seconds to answer
    this.#ping();
  }

  #ping() {
    this.pinged = true;
    this.send('ping');
  }

  /** @param {unknown} text */
  #message(text) {
    this.heard = Date.now();
    this.pinged = false;
    if (typeof text !== 'string') return;
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      return; // the server's own fault; the next message is a new chance
    }
    const events = [];
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
      if (typeof message?.event !== 'string') continue;
      if (typeof message.id === 'number') events.push(message);
      else this.#control(message.event, message.data ?? {});
    }
    if (!events.length) return;
    for (const event of events) this.lastId = Math.max(this.lastId, event.id);
    this.callbacks.onEvents(events);
  }

  /** @param {string} name @param {any} data */
  #control(name, data) {
    switch (name) {
      case 'connected':
        this.#connected(data);
        break;
      case 'metrics_update':
      case 'state':
        this.callbacks.onSnapshot(data);
        break;
      case 'position':
        if (typeof data.head === 'number') this.lastId = Math.max(this.lastId, data.head);
        break;
      case 'gap':
        this.lastId = Math.max(this.lastId, Number(data.to) || 0);
        this.callbacks.onMissing(Number(data.from), Number(data.to));
        break;
      case 'closing':
        this.retryAfter = Math.min(60_000, Math.max(0, Number(data.retry_after_ms) || 0));
        break;
    }
  }

  /** @param {any} hello */
  #connected(hello) {
    const epoch = String(hello.epoch ?? '');
    const head = Number(hello.head) || 0;
    const before = this.lastId;
    if (before > 0 && (epoch !== this.epoch || before > head)) {
      // Another history, or this one put back to an earlier state: its ids mean other events.
      this.lastId = 0;
      this.callbacks.onReset();
      if (head > 0) this.callbacks.onMissing(Math.max(1, head - FIRST_EVENTS + 1), head);
      this.lastId = head;
    } else if (before > 0 && hello.complete === false) {
      const to = Math.max(Number(hello.resumed_from) || 0, before);
      if (to > before) this.callbacks.onMissing(before + 1, to);
    }
    this.epoch = epoch;
    this.#tell({ phase: 'live', since: Date.now(), retryAt: 0, attempts: 0 });
    this.callbacks.onConnected(hello);
    this.send('get_state');
  }

  /** @param {Partial<import('./types.js').LinkStatus>} change */
  #tell(change) {
    this.status = { ...this.status, ...change };
    this.callbacks.onStatus(this.status);
  }
}
