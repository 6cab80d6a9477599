/*
 * A WebSocket client that does as it is told: frames of any shape, written in pieces of any size, and every frame that
 * comes back. It shares no code with Belfry or with npm ws, so that it cannot be wrong in the same way.
 *
 * It is strict with the server: a masked frame, a length that is not in its shortest form, a reserved bit that nothing
 * explains, a broken message or a wrong Sec-WebSocket-Accept are faults, and end up in `fault`.
 */
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import zlib from 'node:zlib';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PATIENCE_MS = 30_000;
const names = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };
let keys = 0x12345678;

/** What bytes look like in a sentence. */
export function show(bytes, most = 60) {
  const text = bytes.toString('utf8');
  const plain = Buffer.from(text).equals(bytes) && !/[\x00-\x1f\x7f]/.test(text);
  const all = plain ? `"${text}"` : `<${bytes.toString('hex')}>`;
  return all.length > most + 2 ? `${all.slice(0, most)}... (${bytes.length} bytes)` : all;
}

/**
 * A frame, as bytes and in words.
 * @param {number} opcode
 * @param {string | Buffer} payload
 * @param {object} [options]
 * @param {boolean} [options.fin]
 * @param {number} [options.rsv] the three reserved bits, 4 is RSV1
 * @param {Buffer | null} [options.mask] the masking key; null: not masked; by default a new one each time
 * @param {7 | 16 | 64} [options.form] bits of the length; by default the fewest
 * @param {bigint | number} [options.length] what the header says; by default the truth
 */
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask, form, length } = {}) {
  const data = Buffer.from(payload);
  const says = BigInt(length ?? data.length);
  const bits = form ?? (says < 126n ? 7 : says < 65536n ? 16 : 64);
  if (mask === undefined) {
    mask = Buffer.alloc(4);
    mask.writeUInt32BE((keys = Math.imul(keys, 1664525) + 1013904223) >>> 0);
  }
  const head = Buffer.alloc(2 + (bits === 7 ? 0 : bits / 8));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (mask ? 0x80 : 0) | (bits === 7 ? Number(says) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(says), 2);
  if (bits === 64) head.writeBigUInt64BE(says, 2);
  const words = [
    fin ? '' : 'unfinished',
    names[opcode] ?? `opcode ${opcode}`,
    rsv ? `with reserved bits ${rsv.toString(2).padStart(3, '0')}` : '',
    mask ? '' : 'unmasked',
    length !== undefined || form ? `said to have ${says} bytes (${bits} bits)` : '',
    data.length ? show(data) : length === undefined ? 'empty' : '',
  ];
  const masked = mask ? data.map((byte, at) => byte ^ mask[at % 4]) : data;
  return { bytes: Buffer.concat([head, mask ?? Buffer.alloc(0), masked]), words: words.filter(Boolean).join(' ') };
}

export const text = (payload, options) => frame(TEXT, payload, options);
export const binary = (payload, options) => frame(BINARY, payload, options);
export const more = (payload, options) => frame(0, payload, options);
export const ping = (payload, options) => frame(PING, payload, options);
export const pong = (payload, options) => frame(PONG, payload, options);
export const raw = (bytes, words = `bytes ${show(bytes)}`) => ({ bytes, words });

/** A close frame; without a code it is empty. */
export function close(code, reason = '', options) {
  if (code === undefined) return frame(CLOSE, '', options);
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
  const made = frame(CLOSE, payload, options);
  return { bytes: made.bytes, words: `close ${code}${reason.length ? ` ${show(Buffer.from(reason))}` : ''}` };
}

/** A message cut into frames of `size` bytes each. `rsv` is the first one's. */
export function fragments(opcode, payload, size, { rsv = 0 } = {}) {
  const data = Buffer.from(payload);
  const parts = [];
  for (let at = 0; at === 0 || at < data.length; at += size)
    parts.push(frame(at ? 0 : opcode, data.subarray(at, at + size), { fin: at + size >= data.length, rsv: at ? 0 : rsv }));
  return parts;
}

/** Takes whole frames off the front of what has come. Returns: the frames and the rest, or a fault. */
function takeFrames(bytes) {
  const frames = [];
  let at = 0;
  for (;;) {
    const left = bytes.length - at;
    if (left < 2) break;
    const bits = bytes[at + 1] & 0x7f;
    const head = bits === 126 ? 4 : bits === 127 ? 10 : 2;
    if (left < head) break;
    const length = bits === 126 ? bytes.readUInt16BE(at + 2) : bits === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : bits;
    if (bytes[at + 1] & 0x80) return { frames, fault: 'a masked frame of the server' };
    if ((bits === 126 && length < 126) || (bits === 127 && length < 65536))
      return { frames, fault: `a length of ${length} that is not in its shortest form` };
    if (left < head + length) break;
    const payload = bytes.subarray(at + head, at + head + length);
    frames.push({ fin: bytes[at] >= 0x80, rsv: (bytes[at] >> 4) & 7, opcode: bytes[at] & 15, payload });
    at += head + length;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** Inflates a message by itself: no window of an earlier one. */
export const inflate = (payload) =>
  zlib.inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: zlib.constants.Z_SYNC_FLUSH });

/** WebSocket as a stream of HTTP/2 (RFC 8441). */
function connectStream(session, { target, headers = {}, extensions }) {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':authority': 'localhost', ':path': target,
    'sec-websocket-version': '13',
    ...Object.fromEntries(lower),
    // HTTP/2 allows no blanks around a value.
    ...(extensions === undefined ? {} : { 'sec-websocket-extensions': [extensions].flat().map((value) => value.trim()) }),
  }, { endStream: false });
}

export class RawWs {
  /**
   * Connects and shakes hands. Whatever the answer is, it is in `status` and `headers`.
   * @param {{path: string} | {port: number, host: string} | {session: import('node:http2').ClientHttp2Session}} place
   *   a server, or a connection over HTTP/2 of which it becomes a stream
   * @param {{target: string, headers: object, extensions?: string | string[]}} request
   */
  static async open(place, request) {
    const client = new RawWs(place.session ? connectStream(place.session, request) : net.connect({ ...place, noDelay: true }));
    try {
      await (place.session ? client.shakeStream() : client.shake(request));
    } catch (error) {
      client.destroy();
      throw error;
    }
    return client;
  }

  /** @param {import('node:stream').Duplex} socket */
  constructor(socket) {
    this.items = []; // whole messages and control frames that nobody has asked for yet
    this.said = []; // what came, in words
    this.rest = Buffer.alloc(0);
    this.parts = [];
    this.ended = false; // no more bytes will come
    this.fault = undefined;
    this.wake = () => {};
    this.socket = socket;
    this.socket.on('data', (bytes) => this.take(bytes));
    this.socket.on('drain', () => this.wake());
    this.socket.on('end', () => this.end());
    this.socket.on('close', () => this.end());
    this.socket.on('error', (error) => this.end(error));
  }

  end(error) {
    this.error ??= error;
    this.ended = true;
    this.wake();
  }

  async shake({ target, headers = {}, extensions }) {
    const key = randomBytes(16).toString('base64');
    const lines = [
      `GET ${target} HTTP/1.1`, 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...[extensions ?? []].flat().map((value) => `Sec-WebSocket-Extensions: ${value}`),
    ];
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    await this.until(() => this.head !== undefined, 'the answer to the handshake');
    if (this.head === undefined) throw new Error(`no answer to the handshake, but ${this.ending()}`);
    const [first, ...fields] = this.head.split('\r\n');
    this.status = Number(first.split(' ')[1]);
    this.headers = {};
    for (const field of fields) {
      const [name, ...value] = field.split(':');
      this.headers[name.toLowerCase()] = value.join(':').trim();
    }
    if (this.status !== 101) throw new Error(`the handshake was answered '${first}'`);
    const accept = createHash('sha1').update(key + GUID).digest('base64');
    if (this.headers['sec-websocket-accept'] !== accept) throw new Error('Sec-WebSocket-Accept does not fit the key');
    this.extension = this.headers['sec-websocket-extensions'];
    this.framed = true;
    this.take(Buffer.alloc(0));
  }

  async shakeStream() {
    this.socket.on('response', (headers) => {
      this.headers = headers;
      this.wake();
    });
    await this.until(() => this.headers !== undefined, 'the answer to the CONNECT');
    this.status = this.headers?.[':status'];
    if (this.status !== 200) throw new Error(`the CONNECT was answered ${this.status}, ${this.ending()}`);
    this.extension = this.headers['sec-websocket-extensions'];
    this.framed = true;
    this.take(Buffer.alloc(0));
  }

  take(bytes) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, bytes]) : bytes;
    if (!this.framed) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end >= 0 && this.head === undefined) {
        this.head = this.rest.toString('latin1', 0, end);
        this.rest = this.rest.subarray(end + 4);
      }
    } else {
      const taken = takeFrames(this.rest);
      for (const one of taken.frames) this.takeFrame(one);
      this.rest = taken.rest ?? Buffer.alloc(0);
      this.fault ??= taken.fault;
    }
    this.wake();
  }

  takeFrame(one) {
    const control = one.opcode >= 8;
    const first = this.parts.length === 0;
    if (this.closed) this.fault ??= `a ${names[one.opcode]} frame after the close frame`;
    if (!(one.opcode in names)) this.fault ??= `opcode ${one.opcode}`;
    if (one.rsv & 3 || (one.rsv & 4 && (control || !first || !this.extension)))
      this.fault ??= `reserved bits ${one.rsv.toString(2)} of a ${names[one.opcode]} frame`;
    if (control && (!one.fin || one.payload.length > 125)) this.fault ??= 'a control frame that is too long or in fragments';
    if (!control && (one.opcode === 0) === first) this.fault ??= 'a message that does not begin or end as it should';
    if (one.opcode === CLOSE) {
      const { payload } = one;
      this.closed = { code: payload.length >= 2 ? payload.readUInt16BE() : undefined, reason: payload.subarray(2) };
      if (payload.length === 1) this.fault ??= 'half a close code';
      if (!Buffer.from(this.closed.reason.toString()).equals(this.closed.reason)) this.fault ??= 'a close reason that is not UTF-8';
      this.give({ kind: 'close', ...this.closed }, `close ${this.closed.code ?? ''} ${show(this.closed.reason)}`);
    } else if (control) {
      this.give({ kind: names[one.opcode], payload: one.payload }, `${names[one.opcode]} ${show(one.payload)}`);
    } else {
      this.parts.push(one);
      if (one.fin) this.takeMessage();
    }
  }

  takeMessage() {
    const [{ opcode, rsv }] = this.parts;
    let payload = Buffer.concat(this.parts.map((part) => part.payload));
    this.parts = [];
    const compressed = (rsv & 4) !== 0;
    const wire = payload.length;
    try {
      if (compressed) payload = inflate(payload);
    } catch (error) {
      this.fault ??= `a message that does not inflate by itself: ${error.message}`;
    }
    this.give({ kind: names[opcode], payload, compressed, wire }, `${names[opcode]} ${show(payload, 200)}${compressed ? ' (compressed)' : ''}`);
  }

  give(item, words) {
    this.items.push(item);
    this.said.push(words);
  }

  /** Waits until it is so, or until nothing more can come. */
  async until(holds, what) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!holds() && !this.ended && !this.fault) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${what} did not come within ${PATIENCE_MS} ms, and the connection is still open`);
      let timer;
      await new Promise((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  /** The next message or control frame; undefined when the connection has ended. */
  async next(what = 'a frame') {
    await this.until(() => this.items.length > 0, what);
    if (this.fault) throw new Error(`the server sent ${this.fault}`);
    return this.items.shift();
  }

  /** How the connection is now, in words. */
  ending() {
    return this.error ? `the connection broke off (${this.error.code ?? this.error.message})` : this.ended ? 'the connection ended' : 'the connection is open';
  }

  /** Writes frames, in pieces of `size` bytes or in one. Stops early when the server has had enough. */
  async write(frames, size = Infinity) {
    const bytes = Buffer.concat(frames.map((one) => one.bytes));
    for (let at = 0; at < bytes.length && !this.ended && !this.socket.destroyed; at += size) {
      this.socket.write(bytes.subarray(at, at + size));
      if (size !== Infinity) await turn();
      if (this.socket.writableNeedDrain) await this.until(() => !this.socket.writableNeedDrain || this.closed, 'room to write');
    }
  }

  /** No more bytes from us. */
  finish() {
    this.socket.end();
  }

  /** Forgets the connection. A stream that the server has ended needs no reset. */
  destroy() {
    if (this.ended && !this.error) this.socket.end();
    else this.socket.destroy();
  }
}
