/*
 * One try of the push channel: connects as the form says, keeps what is worth knowing, comes back when the connection is
 * lost, and shows whether that was without a gap. It knows nothing of the page; whoever shows it is told that something
 * has changed, and reads the fields.
 *
 *   idle ──connect──> connecting ──connected──> live ──lost──> waiting ──delay over──> connecting
 */
import { moment } from '../format.js';
import { askVisitor, diagnose, explain } from './check.js';
import { Clock, Rate, Samples, utf8Bytes } from './figures.js';
import { address, parameters, wayOf } from './form.js';
import { Log } from './log.js';
import { breakHint, closeMeaning } from './meaning.js';
import { openStream, openWebSocket } from './transport.js';

export const PINGS_MOST = 100;
export const LATENCIES_MOST = 1_000;
const HANDSHAKE_MS = 15_000;
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 15_000;
const PINGS_OPEN_MOST = 50;
const QUIET_PING_MS = 20_000; // nothing heard for so long: ask whether somebody is there
const SILENT_MS = 45_000; // still nothing: the connection is dead, whatever the browser thinks
const TICK_MS = 5_000;
const CREDENTIAL_ENDED = 4401;

/**
 * @typedef {{code: number, reason: string, meaning: string, hint: string, at: number, byUs: boolean}} End
 * @typedef {{from: number, complete: boolean, why: string}} Resume
 */

/** What is counted from one press of Connect to the next. */
const freshFigures = () => ({
  messages: new Rate(), // that came
  events: new Rate(),
  bytes: new Rate(),
  messagesSent: 0,
  bytesSent: 0,
  pings: new Samples(PINGS_MOST), // ms
  latencies: new Samples(LATENCIES_MOST), // ms, from the server's clock to ours: the clocks' difference is in them
  gaps: 0,
  missed: 0, // events, by the gaps
  errors: 0,
  reconnects: 0,
  incomplete: 0, // of the reconnects
});

export class Session {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.log = new Log();

    // what the user wants
    this.reconnect = true;
    this.resume = true;
    /** @type {import('./form.js').Form|null} of the present connection */
    this.form = null;

    // the connection
    /** @type {'idle'|'connecting'|'live'|'waiting'} */
    this.phase = 'idle';
    /** @type {import('./transport.js').Transport|null} */
    this.transport = null;
    this.url = '';
    this.protocol = '';
    this.extensions = '';
    /** @type {Record<string, any>|null} the data of `connected` */
    this.hello = null;
    /** @type {Record<string, any>|null} the data of `subscribed` or `unsubscribed`: what is in force, once asked */
    this.subscription = null;
    this.interval = NaN; // seconds, by `interval_set`
    /** @type {End|null} */
    this.end = null;
    /** @type {import('./check.js').Diagnosis|null} */
    this.problem = null;
    /** @type {Resume|null} of the last return */
    this.resumed = null;
    this.liveAt = 0;
    this.heardAt = 0;
    this.retryAt = 0;
    this.epoch = '';
    this.lastId = 0;

    this.attempts = 0;
    this.askedAt = 0;
    this.byUs = false;
    this.retryAfter = 0;
    this.replayTo = 0; // events up to here are old ones sent again
    this.serial = 0; // of the connection; what an earlier one still does is not heard
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    /** @type {Map<number, number>} ping number → when it was sent, by performance.now() */
    this.pingsOpen = new Map();
    this.pingNumber = 0;
    this.serverClock = new Clock();
    this.figures = freshFigures();
    setInterval(() => this.#tick(), TICK_MS);
  }

  clearLog() {
    this.log.clear();
    this.onChange();
  }

  get websocket() {
    return this.form !== null && wayOf(this.form.way).kind === 'WebSocket';
  }

  // --- from the user ----------------------------------------------------------------------------------------------

  /** @param {import('./form.js').Form} form */
  connect(form) {
    this.#leave();
    this.form = { ...form };
    this.figures = freshFigures();
    this.lastId = 0;
    this.epoch = '';
    this.attempts = 0;
    this.resumed = null;
    this.end = null;
    this.subscription = null;
    this.interval = NaN;
    this.#open();
  }

  disconnect() {
    const was = this.phase;
    clearTimeout(this.timer);
    this.byUs = true;
    this.retryAt = 0;
    if (was === 'live' && this.transport) this.transport.close(); // its end is worth seeing
    else {
      this.#leave();
      this.#enter('idle');
    }
  }

  reconnectNow() {
    if (this.phase !== 'waiting') return;
    clearTimeout(this.timer);
    this.#open();
  }

  /** Sends a text as it is. @param {string} text */
  send(text) {
    if (!this.transport?.send(text)) return;
    const bytes = utf8Bytes(text);
    this.figures.bytesSent += bytes;
    this.figures.messagesSent++;
    this.log.add({ direction: 'out', at: Date.now(), bytes, name: nameOf(text), events: 0, text });
    this.onChange();
  }

  /** @param {string} event @param {unknown} [data] */
  command(event, data) {
    this.send(JSON.stringify(data === undefined ? { event } : { event, data }));
  }

  ping() {
    const number = ++this.pingNumber;
    if (this.pingsOpen.size >= PINGS_OPEN_MOST) this.pingsOpen.clear();
    this.pingsOpen.set(number, performance.now());
    this.command('ping', { ping: number });
  }

  /** The server's clock against ours, or null. @returns {{offset: number, uncertain: number, byPing: boolean}|null} */
  get clock() {
    const { pings } = this.figures;
    const fastest = pings.size ? (pings.quantiles([0])[0] ?? 0) : 0;
    const estimate = this.serverClock.estimate(fastest);
    return estimate && { ...estimate, byPing: fastest > 0 };
  }

  // --- the connection ---------------------------------------------------------------------------------------------

  /** @param {Session['phase']} phase */
  #enter(phase) {
    this.phase = phase;
    this.onChange();
  }

  /** A dead network says nothing, so silence has to be judged here. */
  #tick() {
    if (this.phase !== 'live') return;
    const silent = Date.now() - this.heardAt;
    if (silent > SILENT_MS) {
      this.#leave();
      this.#ended({ code: 1006, reason: `Nothing was heard for ${SILENT_MS / 1000} s.`, refusal: null }, this.#query());
    } else if (silent > QUIET_PING_MS && this.websocket) this.ping();
  }

  #leave() {
    clearTimeout(this.timer);
    this.serial++;
    const transport = this.transport;
    this.transport = null;
    transport?.close();
  }

  /** The query of the next connection: after the first that of what is in force, and where we were. */
  #query() {
    const form = /** @type {import('./form.js').Form} */ (this.form);
    /** @type {Record<string, string|number>} */
    const query = parameters(form);
    const inForce = this.subscription;
    if (inForce) {
      query.events = listOf(inForce.events);
      query.min_severity = String(inForce.min_severity ?? 'debug');
      query.sources = listOf(inForce.sources);
      query.interval = inForce.metrics ? Math.max(1, Math.round(Number(inForce.interval) || 1)) : 0;
    }
    if (this.interval > 0 && (!inForce || inForce.metrics)) query.interval = this.interval;
    if (this.resume && this.epoch && this.lastId > 0) {
      delete query.last;
      query.since = this.lastId;
      query.epoch = this.epoch;
    } else if (this.epoch) delete query.since; // a return that is to forget where it was
    return query;
  }

  #open() {
    const form = /** @type {import('./form.js').Form} */ (this.form);
    const way = wayOf(form.way);
    const websocket = way.kind === 'WebSocket';
    const query = this.#query();
    this.url = address(document.baseURI, way.path, query, websocket);
    this.attempts++;
    this.askedAt = Date.now();
    this.byUs = false;
    this.hello = null;
    this.problem = null;
    this.retryAfter = this.retryAt = 0;
    this.pingsOpen.clear();
    this.note(`Connecting to ${this.url}`);
    const serial = ++this.serial;
    /** @type {import('./transport.js').TransportCallbacks} */
    const callbacks = {
      onOpen: (facts) => {
        if (serial !== this.serial) return;
        this.protocol = facts.protocol;
        this.extensions = facts.extensions;
        this.heardAt = Date.now();
        this.onChange();
      },
      onMessage: (text, record) => serial === this.serial && this.#message(text, record),
      onEnd: (end) => serial === this.serial && this.#ended(end, query),
    };
    this.transport = websocket ? openWebSocket(this.url, callbacks) : openStream(this.url, callbacks);
    this.timer = setTimeout(() => {
      this.#leave();
      this.#ended({ code: 1006, reason: `No answer within ${HANDSHAKE_MS / 1000} s.`, refusal: null }, query);
    }, HANDSHAKE_MS);
    this.#enter('connecting');
  }

  /** @param {{code: number, reason: string, refusal: import('./transport.js').Refusal|null}} end @param {Record<string, string|number>} query */
  #ended({ code, reason, refusal }, query) {
    clearTimeout(this.timer);
    const wasLive = this.phase === 'live';
    const now = Date.now();
    this.transport = null;
    if (wasLive) {
      this.attempts = 0;
      const hint = this.byUs ? '' : breakHint({ code, lived: now - this.liveAt, silent: now - this.heardAt });
      this.end = { code, reason, meaning: code ? closeMeaning(code) : reason, hint, at: now, byUs: this.byUs };
      this.note(`Closed${code ? ` ${code}` : ''}${reason ? ` “${reason}”` : ''}`, !this.byUs && code !== 1000);
    } else {
      this.end = null;
      this.note(refusal?.status ? `Refused with ${refusal.status}: ${refusal.detail}` : `Not connected${reason ? `: ${reason}` : ''}`, true);
    }
    if (this.byUs || (!this.reconnect && wasLive && code !== CREDENTIAL_ENDED)) {
      this.#enter('idle');
      return;
    }
    if (this.reconnect) {
      const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(this.attempts, 10));
      const delay = Math.min(60_000, this.retryAfter || (refusal?.retryAfter ?? 0) * 1000 || most * (0.5 + Math.random() / 2));
      this.retryAt = now + delay;
      this.timer = setTimeout(() => this.#open(), delay);
      this.#enter('waiting');
    } else this.#enter('idle');
    if (!wasLive || code === CREDENTIAL_ENDED) this.#findOut(refusal, query, code === CREDENTIAL_ENDED);
  }

  /** @param {import('./transport.js').Refusal|null} refusal @param {Record<string, string|number>} query @param {boolean} credential */
  async #findOut(refusal, query, credential) {
    const serial = this.serial;
    /** @type {import('./check.js').Diagnosis} */
    let problem;
    if (credential) {
      if ((await askVisitor()) !== 'signed_out') return; // it was extended meanwhile
      problem = { text: 'The sign-in or the key has ended.', signIn: true, final: true };
    } else problem = refusal ? explain(refusal) : await diagnose(query);
    if (serial !== this.serial || this.phase === 'live') return;
    this.problem = problem;
    this.note(problem.text, true);
    if (problem.final) {
      clearTimeout(this.timer);
      this.retryAt = 0;
      this.#enter('idle');
    } else this.onChange();
  }

  // --- what comes -------------------------------------------------------------------------------------------------

  /** @param {string} text @param {import('./sse.js').SseRecord|null} record */
  #message(text, record) {
    const now = Date.now();
    this.heardAt = now;
    const raw = record ? record.raw : text;
    const bytes = utf8Bytes(raw) + (record ? 2 : 0);
    this.figures.bytes.add(now, bytes);
    if (record?.id) this.#cursor(record.id);
    if (record && record.data === null) {
      const name = record.comment ? 'comment' : record.id !== null ? 'id' : record.retry !== null ? 'retry' : '';
      this.log.add({ direction: 'in', at: now, bytes, name, events: 0, text: raw });
      this.onChange();
      return;
    }
    this.figures.messages.add(now, 1);
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      this.log.add({ direction: 'in', at: now, bytes, name: 'not JSON', events: 0, text, bad: true });
      this.onChange();
      return;
    }
    const parts = Array.isArray(parsed) ? parsed : [parsed];
    const events = parts.filter((part) => typeof part?.id === 'number').length;
    if (events) this.figures.events.add(now, events);
    const name = Array.isArray(parsed) ? 'batch' : String(parsed?.event ?? '');
    this.log.add({ direction: 'in', at: now, bytes, name, events, text, bad: name === 'error' || name === 'gap' });
    for (const part of parts) {
      if (typeof part?.id === 'number') this.#event(part, now);
      else if (typeof part?.event === 'string') this.#control(part.event, part.data ?? {}, now);
    }
    this.onChange();
  }

  /** @param {import('../types.js').BelfryEvent} event @param {number} now */
  #event(event, now) {
    this.lastId = Math.max(this.lastId, event.id);
    if (event.id <= this.replayTo) return; // how old a replayed one is says nothing about the way
    const stored = moment(event.received ?? event.timestamp);
    if (Number.isNaN(stored)) return;
    this.serverClock.wrote(stored, now);
    this.figures.latencies.add(now - stored);
  }

  /** @param {string} id  `epoch-id` */
  #cursor(id) {
    const match = /^(.*)-(\d{1,15})$/.exec(id);
    if (match && match[1] === this.epoch) this.lastId = Math.max(this.lastId, Number(match[2]));
  }

  /** @param {string} name @param {any} data @param {number} now */
  #control(name, data, now) {
    switch (name) {
      case 'connected':
        this.#connected(data, now);
        break;
      case 'subscribed':
      case 'unsubscribed':
        this.subscription = data;
        if (Number(data.head) > this.replayTo) this.replayTo = Number(data.head);
        break;
      case 'interval_set':
        this.interval = Number(data.interval);
        if (this.subscription) this.subscription = { ...this.subscription, interval: this.interval };
        break;
      case 'pong': {
        const sent = this.pingsOpen.get(data?.ping);
        if (sent === undefined) break;
        this.pingsOpen.delete(data.ping);
        this.figures.pings.add(performance.now() - sent);
        break;
      }
      case 'position':
        this.lastId = Math.max(this.lastId, Number(data.head) || 0);
        break;
      case 'gap':
        this.figures.gaps++;
        this.figures.missed += Math.max(0, Number(data.to) - Number(data.from) + 1) || 0;
        this.lastId = Math.max(this.lastId, Number(data.to) || 0);
        break;
      case 'error':
        this.figures.errors++;
        break;
      case 'closing':
        this.retryAfter = Math.min(60_000, Math.max(0, Number(data.retry_after_ms) || 0));
        break;
    }
  }

  /** @param {Record<string, any>} hello @param {number} now */
  #connected(hello, now) {
    clearTimeout(this.timer);
    const before = this.lastId;
    const epochBefore = this.epoch;
    this.hello = hello;
    this.epoch = String(hello.epoch ?? '');
    this.replayTo = Number(hello.head) || 0;
    const serverTime = moment(hello.server_time);
    if (!Number.isNaN(serverTime)) this.serverClock.answered(serverTime, this.askedAt, now);
    if (epochBefore) {
      this.figures.reconnects++;
      const complete = this.resume && before > 0 && hello.complete === true;
      if (!complete) this.figures.incomplete++;
      const why = complete ? '' : !this.resume ? 'asked for a fresh start' : this.epoch !== epochBefore ? 'the history is another one' : before <= 0 ? 'nothing had come yet' : 'the server no longer has all of it';
      this.resumed = { from: Number(hello.resumed_from) || 0, complete, why };
      this.note(complete ? `Back, complete: goes on after event ${before}` : `Back, not complete: ${why}`, !complete);
    } else if (this.form?.since.trim())
      this.resumed = { from: Number(hello.resumed_from) || 0, complete: hello.complete === true, why: hello.complete === true ? '' : 'the server no longer has all of it, or it is of another history' };
    if (this.epoch !== epochBefore || !this.resume) this.lastId = Number(hello.resumed_from) || 0;
    this.liveAt = now;
    this.end = null;
    this.problem = null;
    this.attempts = 0;
    this.#enter('live');
    if (!this.websocket) return;
    const inForce = this.subscription;
    if (inForce?.batch || inForce?.except?.length) this.#restore(inForce);
    this.ping(); // the round trip says how well the clocks can be compared
  }

  /** What the address cannot say of a subscription. @param {Record<string, any>} inForce */
  #restore(inForce) {
    if (inForce.batch) this.command('subscribe', { events: inForce.events, min_severity: inForce.min_severity, sources: inForce.sources, metrics: inForce.metrics, batch: true });
    if (inForce.except?.length) this.command('unsubscribe', { events: inForce.except });
  }

  /** A line of our own in the log. @param {string} text @param {boolean} [bad] */
  note(text, bad = false) {
    this.log.add({ direction: 'note', at: Date.now(), bytes: 0, name: '', events: 0, text, bad });
  }
}

/** @param {unknown} list */
const listOf = (list) => (Array.isArray(list) ? list.join(',') : '*');

/** @param {string} text */
function nameOf(text) {
  try {
    const name = JSON.parse(text)?.event;
    return typeof name === 'string' ? name.slice(0, 64) : '';
  } catch {
    return '';
  }
}
