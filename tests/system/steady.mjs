/*
 * A steady load, and the account of it: producers that know what was acknowledged, viewers that know what they were
 * shown, a log file with numbered lines. `check` compares what they know with what the history holds.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Clients that post all the time. Most give each event an event_id and send it again until it is acknowledged. The
 * anonymous ones give none, and so must not send again what may have been stored.
 */
export class Producers {
  static rounds = 0;

  /** @param {{count?: number, anonymous?: number, batch?: number, pauseMs?: number}} [options] */
  constructor(belfry, { count = 4, anonymous = 0, batch = 5, pauseMs = 0 } = {}) {
    Object.assign(this, { belfry, batch, pauseMs });
    this.round = Producers.rounds++;
    this.acknowledged = [];
    this.unknown = [];
    this.taken = new Array(count).fill(0); // requests of each that were acknowledged
    this.odd = []; // answers that should not be
    this.going = true;
    this.done = Promise.all(this.taken.map((_, number) => this.produce(number, number < anonymous)));
  }

  async produce(number, anonymous) {
    for (let n = 0; this.going; n++) {
      const marks = Array.from({ length: this.batch }, (_, part) => `${this.round}-${number}-${n}-${part}`);
      const events = marks.map((mark) => ({
        event: 'steady',
        source: `producer-${number}`,
        data: { mark },
        ...(anonymous ? {} : { event_id: mark }),
      }));
      let stored = await this.post(events);
      while (!stored && !anonymous) {
        await pause(10);
        stored = await this.post(events);
      }
      (stored ? this.acknowledged : this.unknown).push(...marks);
      if (stored) this.taken[number]++;
      // What failed at once would fail again at once.
      if (this.pauseMs > 0 || !stored) await pause(Math.max(this.pauseMs, stored ? 0 : 10));
    }
  }

  /** Whether the events were acknowledged. No connection, no answer and 5xx are reasons to send again, others none. */
  async post(events) {
    let answer;
    try {
      answer = await this.belfry.post('/api/events', events, { key: this.belfry.adminKey });
    } catch {
      return false;
    }
    if (answer.status === 201) return true;
    if (![502, 503, 504].includes(answer.status) || !(Number(answer.headers['retry-after']) > 0))
      this.odd.push(`${answer.status} ${answer.text}`);
    return false;
  }

  /** Waits until each of them was acknowledged again. */
  async progress(more = 1) {
    const from = [...this.taken];
    await this.belfry.until(() => this.taken.every((count, n) => count >= from[n] + more), 'the events of every producer are taken again');
  }

  async end() {
    this.going = false;
    await this.done;
  }

  /** @param {object[]} stored all events of type `steady`, by their id */
  check(stored) {
    const times = new Map();
    for (const { data } of stored) if (data.mark) times.set(data.mark, (times.get(data.mark) ?? 0) + 1);
    assert.deepEqual([...times].filter(([, count]) => count > 1), [], 'stored more than once');
    assert.deepEqual(this.acknowledged.filter((mark) => !times.has(mark)), [], 'acknowledged and lost');
    assert.deepEqual(this.odd, [], 'answers that are neither 201 nor ask to come again');
  }
}

/** A viewer as a page is one: comes back with the place up to which it has seen everything. */
export class Viewer {
  /** @param {{kind?: 'ws' | 'sse'}} [options] */
  constructor(belfry, { kind = 'ws' } = {}) {
    Object.assign(this, { belfry, kind });
    this.seen = []; // ids, in the order in which they came
    this.start = undefined; // the head when it came first
    this.place = undefined; // what it says when it comes back
    this.last = 0;
    this.comings = 0;
    this.faults = []; // gaps, resumes that are not complete
    this.going = true;
    this.done = this.watch();
  }

  get ready() {
    return this.start !== undefined;
  }

  connect() {
    if (this.kind === 'ws') return this.belfry.ws(`/ws?events=steady${this.place ? `&since=${this.place}` : ''}`);
    return this.belfry.sse('/events?events=steady', { headers: this.place ? { 'last-event-id': this.place } : {} });
  }

  async watch() {
    while (this.going) {
      const client = this.connect();
      let taken = 0;
      await new Promise((resolve) => {
        this.leave = resolve;
        client.onChange = () => {
          for (; taken < client.messages.length; taken++) this.take(client.messages[taken]);
          if (this.kind === 'sse' && client.lastId) this.place = client.lastId;
          if (client.closed) resolve();
        };
        client.onChange();
      });
      client.terminate();
      if (this.going) await pause(10 + Math.random() * 20);
    }
  }

  take({ event, data, id }) {
    if (event === 'connected') {
      this.comings++;
      this.epoch = data.epoch;
      if (!this.ready) this.start = this.last = data.head;
      else if (!data.complete || data.resumed_from !== this.last)
        this.faults.push(`came back after ${this.last}, and was told ${JSON.stringify(data)}`);
    } else if (event === 'gap') this.faults.push(`gap ${JSON.stringify(data)}`);
    else if (event === 'position') this.last = data.head;
    else if (typeof id === 'number') {
      this.seen.push(id);
      this.last = id;
    }
    if (this.kind === 'ws' && this.ready) this.place = `${this.epoch}-${this.last}`;
  }

  async end() {
    this.going = false;
    this.leave?.();
    await this.done;
  }

  /** Waits for the last of `stored`, and checks that nothing was left out, doubled or out of order. */
  async check(stored) {
    const due = stored.map((event) => event.id).filter((id) => id > this.start);
    await this.belfry.until(
      () => this.seen.length >= due.length,
      () => `a viewer (${this.kind}) has seen ${due.length} events, not ${this.seen.length}`,
    );
    assert.deepEqual(this.faults, [], `a viewer (${this.kind}) was told of gaps where none should be`);
    assert.deepEqual(this.seen, due, `a viewer (${this.kind}) saw all, in order, once`);
  }
}

/** A program that writes numbered lines into its log, some of them in two halves. */
export class LogWriter {
  constructor(file, { lines = 5, everyMs = 20 } = {}) {
    Object.assign(this, { file, lines });
    fs.appendFileSync(file, '');
    this.written = fs.readFileSync(file, 'utf8').split('\n').length - 1; // by one before this
    this.half = false;
    this.timer = setInterval(() => this.write(), everyMs);
  }

  write() {
    let text = '';
    if (this.half) text += ` of the log\n`;
    for (let n = 0; n < this.lines; n++) text += `line ${this.written++} of the log\n`;
    this.half = this.written % 7 === 0;
    if (this.half) text += `line ${this.written++}`;
    fs.appendFileSync(this.file, text);
  }

  end() {
    clearInterval(this.timer);
    if (this.half) fs.appendFileSync(this.file, ' of the log\n');
    this.half = false;
  }

  /** Waits for the last line, and checks that each came once, in order. */
  async check(belfry, source) {
    const wanted = Array.from({ length: this.written }, (_, n) => `line ${n} of the log`);
    let events;
    await belfry.until(
      async () => {
        events = await readAll(belfry, `event=log&source=${source}`);
        return events.length >= wanted.length;
      },
      () => `${wanted.length} lines of the log have arrived, not ${events?.length}`,
    );
    assert.deepEqual(events.map((event) => event.data.message), wanted, 'each line once, in order');
  }
}

/** All events of a query, oldest first, page by page. */
export async function readAll(belfry, query = 'event=steady') {
  const all = [];
  let cursor = '';
  do {
    const answer = await belfry.get(`/api/events?${query}&order=asc&limit=1000${cursor}`, { key: belfry.adminKey });
    assert.equal(answer.status, 200, answer.text);
    all.push(...answer.json.events);
    cursor = answer.json.next_cursor ? `&cursor=${encodeURIComponent(answer.json.next_cursor)}` : '';
  } while (cursor);
  return all;
}

/** A service to be watched that is always up; `onRequest` hears of each check. */
export class Shop {
  async open() {
    this.onRequest = () => {};
    this.server = http.createServer(async (request, response) => {
      await this.onRequest();
      response.writeHead(200).end('{"status":"ok"}');
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.conf = { name: 'shop', port: this.server.address().port, health_endpoint: '/health' };
    return this;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** What was said to be down, without what has been (`killed`). */
export async function falseAlarms(belfry, killed = []) {
  const changes = await readAll(belfry, 'event=health_changed');
  return changes
    .filter(({ data }) => data.status === 'down' && !killed.includes(data.service))
    .map(({ data }) => `${data.service}: ${data.message}`);
}
