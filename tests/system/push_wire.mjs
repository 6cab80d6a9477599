/*
 * Push connections as bytes on a socket, straight to belfry-pushd: a reader that can be stopped, slowed down and let
 * go again, and that says only what a test makes it say. Thousands of them fit into one test.
 *
 *   const reader = new Wire(belfry, { target: '/ws?events=flow', chunkBytes: 1024 });
 *   await reader.open();
 *   reader.pace(1024);            // bytes a second; 0: reads nothing, Infinity: all that is there
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const TICK_MS = 100;
const MASK = Buffer.alloc(4); // zeros: the payload stays as it is

/** A frame as a client sends it. */
export function frame(opcode, payload = '', { fin = true } = {}) {
  const body = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | opcode;
  let head;
  if (body.length < 126) head = Buffer.from([first, 0x80 | body.length]);
  else if (body.length < 65536) head = Buffer.from([first, 0xfe, body.length >> 8, body.length & 255]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = 0xff;
    head.writeBigUInt64BE(BigInt(body.length), 2);
  }
  return Buffer.concat([head, MASK, body]);
}

export const text = (event, data) => frame(1, JSON.stringify(data === undefined ? { event } : { event, data }));

/** The head of a handshake. Everything but SSE's paths asks for a WebSocket. */
export function handshake(target, { key, headers = {} } = {}) {
  const lines = { Host: 'localhost', ...(key ? { Authorization: `Bearer ${key}` } : {}), ...headers };
  if (!target.startsWith('/events'))
    Object.assign(lines, {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    });
  return `GET ${target} HTTP/1.1\r\n${Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Where all read at full speed: what is read is taken out at once. */
const shared = Buffer.alloc(65536);

export class Wire {
  /**
   * @param {object} [options]
   * @param {string} [options.target]
   * @param {string | null} [options.key] the admin's by default
   * @param {object} [options.headers]
   * @param {boolean} [options.pongs] whether pings are answered
   * @param {number} [options.chunkBytes] what is read at once, for one that is to be slowed down
   * @param {number} [options.port] TCP instead of push.sock
   * @param {boolean} [options.begin] whether the handshake is sent
   */
  constructor(belfry, { target = '/ws', key = belfry.adminKey, headers, pongs = true, chunkBytes, port, begin = true } = {}) {
    Object.assign(this, { belfry, pongs });
    this.sse = target.startsWith('/events');
    this.ids = []; // of the events, in the order of their coming
    this.messages = []; // everything else
    this.lastEventId = undefined; // SSE
    this.bytes = 0;
    this.pings = 0;
    this.comments = 0;
    this.budget = Infinity;
    this.socket = net.connect({
      ...(port ? { host: '127.0.0.1', port } : { path: path.join(belfry.dir, 'run/push.sock') }),
      onread: { buffer: chunkBytes ? Buffer.alloc(chunkBytes) : shared, callback: (count, buffer) => this.read(count, buffer) },
    });
    this.rest = Buffer.alloc(0);
    this.socket.on('error', (error) => (this.error = error));
    this.gone = new Promise((resolve) => this.socket.on('close', () => resolve(this.ended())));
    if (begin) this.socket.write(handshake(target, { key, headers }));
    belfry.sockets.add(this);
  }

  /** How fast it reads from now on. */
  pace(bytesPerSecond) {
    clearInterval(this.timer);
    this.budget = bytesPerSecond === Infinity ? Infinity : 0;
    if (this.budget > 0) this.socket.resume();
    else this.socket.pause();
    if (bytesPerSecond > 0 && bytesPerSecond < Infinity)
      this.timer = setInterval(() => {
        this.budget = Math.min(bytesPerSecond, this.budget + (bytesPerSecond * TICK_MS) / 1000);
        if (this.budget > 0) this.socket.resume();
      }, TICK_MS);
  }

  read(count, buffer) {
    this.bytes += count;
    this.rest = this.rest.length ? Buffer.concat([this.rest, buffer.subarray(0, count)]) : Buffer.from(buffer.subarray(0, count));
    try {
      this.parse();
    } catch (error) {
      this.fault ??= error;
      this.terminate();
    }
    this.budget -= count;
    return this.budget > 0;
  }

  parse() {
    if (!this.status) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.rest.subarray(0, end).toString('latin1');
      this.status = Number(this.head.split(' ')[1]);
      this.rest = this.rest.subarray(end + 4);
    }
    if (this.status !== 101 && this.status !== 200) return;
    while (this.sse ? this.parseRecord() : this.parseFrame());
  }

  parseFrame() {
    const { rest } = this;
    if (rest.length < 2) return false;
    let at = 2;
    let length = rest[1];
    assert.equal(length & 0x80, 0, 'a server does not mask');
    if (length === 126) {
      if (rest.length < 4) return false;
      length = rest.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (rest.length < 10) return false;
      length = Number(rest.readBigUInt64BE(2));
      at = 10;
    }
    if (rest.length < at + length) return false;
    const payload = rest.subarray(at, at + length);
    this.rest = rest.subarray(at + length);
    switch (rest[0]) {
      case 0x81:
        this.takeText(payload.toString());
        break;
      case 0x89:
        this.pings++;
        if (this.pongs) this.socket.write(frame(10, payload));
        break;
      case 0x8a:
        this.pongsTaken = (this.pongsTaken ?? 0) + 1;
        break;
      case 0x88:
        this.code = payload.length ? payload.readUInt16BE(0) : 1005;
        if (!this.socket.writableEnded) this.socket.end(frame(8, payload));
        break;
      default:
        assert.fail(`a frame that begins with 0x${rest[0].toString(16)}`);
    }
    return true;
  }

  parseRecord() {
    const end = this.rest.indexOf('\n\n');
    if (end < 0) return false;
    const record = this.rest.subarray(0, end).toString();
    this.rest = this.rest.subarray(end + 2);
    for (const line of record.split('\n')) {
      if (line.startsWith(':')) this.comments++;
      else if (line.startsWith('id: ')) this.lastEventId = line.slice(4);
      else if (line.startsWith('data: ')) this.takeText(line.slice(6));
    }
    return true;
  }

  takeText(json) {
    if (json[0] === '[') for (const message of JSON.parse(json)) this.takeText(JSON.stringify(message));
    else {
      // Of an event only the id is kept. It stands behind the data, which holds no such thing here.
      const id = /,"id":(\d+),"event_id":/.exec(json);
      if (id) this.ids.push(Number(id[1]));
      else this.messages.push(JSON.parse(json));
    }
  }

  /** The data of the first message of a name. */
  told(event, from = 0) {
    return this.messages.slice(from).find((message) => message.event === event)?.data;
  }

  until(ask, what, options) {
    return this.belfry.until(
      () => {
        if (this.fault) throw Object.assign(this.fault, { final: true });
        const answer = ask();
        if (!answer && this.closed) throw Object.assign(new Error(`closed: ${this.code ?? this.error?.message}`), { final: true });
        return answer;
      },
      what,
      options,
    );
  }

  /** Waits for `connected`; returns its data. */
  open() {
    return this.until(() => {
      if (this.status && ![101, 200].includes(this.status))
        throw Object.assign(new Error(`refused with ${this.status}: ${this.rest}`), { final: true });
      return this.told('connected');
    }, 'a push connection is open');
  }

  /** Waits for the event with `id`. */
  upTo(id, options) {
    return this.until(
      () => this.ids.at(-1) >= id,
      () => `the event ${id} has come (the last is ${this.ids.at(-1)}, ${this.bytes} bytes)`,
      options,
    );
  }

  /** What it says when it comes back. */
  get place() {
    return this.lastEventId ?? `${this.told('connected').epoch}-${this.last}`;
  }

  get last() {
    return Math.max(this.ids.at(-1) ?? 0, this.told('connected').resumed_from, this.messages.findLast((m) => m.event === 'position')?.data.head ?? 0);
  }

  send(event, data) {
    this.socket.write(text(event, data));
  }

  ended() {
    clearInterval(this.timer);
    this.closed = true;
    this.belfry.sockets.delete(this);
  }

  terminate() {
    this.socket.destroy();
    this.ended();
  }
}

/** Events in large posts; knows the ids that they got. */
export class Flow {
  constructor(belfry, event = 'flow') {
    Object.assign(this, { belfry, event });
    this.ids = [];
  }

  async post(count, { bytes = 200, batch = 500, event = this.event } = {}) {
    const data = { text: 'x'.repeat(Math.max(0, bytes - 150)) };
    for (let left = count; left > 0; left -= batch) {
      const events = Array.from({ length: Math.min(batch, left) }, () => ({ event, data }));
      const { first_id: first, last_id: last } = await this.belfry.deliver(events);
      assert.equal(last - first + 1, events.length, 'the events of one post have ids without holes');
      if (event === this.event) for (let id = first; id <= last; id++) this.ids.push(id);
    }
    return this.ids.at(-1);
  }

  get last() {
    return this.ids.at(-1) ?? 0;
  }

  /** Nothing left out, doubled or out of order, from `after` on. */
  check(ids, what, { after = 0, to = Infinity } = {}) {
    const due = this.ids.filter((id) => id > after && id <= to);
    const wrong = due.findIndex((id, n) => id !== ids[n]);
    assert.ok(wrong < 0, `${what}: the event number ${wrong} is ${ids[wrong]}, not ${due[wrong]}`);
    assert.equal(ids.length, due.length, `${what}: so many events`);
  }
}

/** What a process holds in memory, in bytes. */
export function residentBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}
