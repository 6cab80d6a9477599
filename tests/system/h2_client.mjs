/*
 * Push clients over HTTP/2 without TLS, many on one connection, by Node's own http2: SSE as a GET, WebSocket as an
 * extended CONNECT (RFC 8441). They have the same face as the harness's clients.
 *
 *   const connection = await H2.connect(belfry);            // push.sock; or { port }
 *   const client = connection.ws('/ws');
 *   await client.next('connected');
 */
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { load } from '../deps.mjs';
import { Client, EventStream } from './harness.mjs';
import { close, frame, PONG, text } from './raw_ws.mjs';

const { PerMessageDeflate, Receiver } = load('ws');

const DEFLATE = 'permessage-deflate';

export class H2 {
  /**
   * @param {object} belfry of the harness
   * @param {object} [options]
   * @param {number} [options.port] of a server on TCP; push.sock without it
   * @param {object} [options.settings] ours
   */
  static async connect(belfry, { port, settings = {} } = {}) {
    const session = http2.connect('http://127.0.0.1', {
      createConnection: () => (port ? net.connect(port, '127.0.0.1') : net.connect(path.join(belfry.dir, 'run/push.sock'))),
      settings,
    });
    const connection = new H2(belfry, session);
    await Promise.race([once(session, 'remoteSettings'), once(session, 'close')]);
    return connection;
  }

  constructor(belfry, session) {
    this.belfry = belfry;
    this.session = session;
    this.goaways = [];
    session.on('error', (error) => (this.error = error));
    session.on('goaway', (code) => this.goaways.push(code));
    belfry.sockets.add(this);
  }

  /** A request; its status, headers and body when all is there. */
  async request(headers, body) {
    const stream = this.session.request(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    stream.setEncoding('utf8');
    let content = '';
    stream.on('data', (part) => (content += part));
    const answer = { status: undefined, headers: {}, text: '', json: undefined, code: undefined };
    stream.on('response', (got) => Object.assign(answer, { status: got[':status'], headers: got }));
    stream.on('error', (error) => (answer.error = error));
    await once(stream, 'close');
    Object.assign(answer, { text: content, code: stream.rstCode });
    if (/json/.test(answer.headers['content-type'] ?? '') && content) answer.json = JSON.parse(content);
    return answer;
  }

  sse(target = '/events', options) {
    return new H2Sse(this, target, options);
  }

  ws(target = '/ws', options) {
    return new H2Ws(this, target, options);
  }

  terminate() {
    this.belfry.sockets.delete(this);
    this.session.destroy();
  }
}

/** The head of a request for a push stream. */
export function head(connection, method, target, { key = connection.belfry.adminKey, headers = {} } = {}) {
  return { ':method': method, ':path': target, ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers };
}

function listen(client, onData) {
  let refusal = '';
  client.stream.on('response', (headers) => {
    client.status = headers[':status'];
    client.headers = headers;
  });
  client.stream.on('data', (bytes) => (client.status === 200 ? onData(bytes) : (refusal += bytes)));
  client.stream.on('error', (error) => (client.error = error));
  client.stream.on('end', () => (client.ended = true));
  client.stream.on('close', () => {
    client.text = refusal;
    client.close({ code: 0, reason: `reset ${client.stream.rstCode}, status ${client.status}: ${refusal}` });
  });
}

class H2Sse extends EventStream {
  constructor(connection, target, options = {}) {
    super(connection.belfry);
    const decoder = new TextDecoder();
    this.stream = connection.session.request(head(connection, 'GET', target, options));
    listen(this, (bytes) => this.feed(decoder.decode(bytes, { stream: true })));
  }

  /** Not read any more: what the stream's window takes still comes. */
  pause() {
    this.stream.pause();
  }

  resume() {
    this.stream.resume();
  }

  terminate() {
    this.stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}

class H2Ws extends Client {
  constructor(connection, target, { headers = {}, deflate = false, ...options } = {}) {
    super(connection.belfry);
    this.pings = 0;
    this.bytes = 0;
    const asks = { ':protocol': 'websocket', ':scheme': 'http', ':authority': '127.0.0.1', 'sec-websocket-version': '13', ...(deflate ? { 'sec-websocket-extensions': DEFLATE } : {}), ...headers };
    this.stream = connection.session.request(head(connection, 'CONNECT', target, { ...options, headers: asks }), { endStream: false });
    const inflater = new PerMessageDeflate({ isServer: false });
    inflater.accept([{ server_no_context_takeover: [true], client_no_context_takeover: [true] }]);
    const receiver = new Receiver({ isServer: false, extensions: deflate ? { [DEFLATE]: inflater } : {} });
    receiver.on('message', (data) => {
      const message = JSON.parse(data.toString());
      this.messages.push(...(Array.isArray(message) ? message : [message]));
      this.changed();
    });
    receiver.on('ping', (data) => {
      this.pings++;
      this.stream.write(frame(PONG, data).bytes);
    });
    receiver.on('conclude', (code, reason) => {
      this.close({ code, reason: reason.toString() });
      if (!this.stream.destroyed) this.stream.end(this.closing ? undefined : close(code === 1005 ? undefined : code).bytes);
    });
    receiver.on('error', (error) => this.close({ code: 0, reason: error.message }));
    listen(this, (bytes) => {
      this.bytes += bytes.length;
      receiver.write(bytes);
    });
  }

  send(event, data) {
    this.sendRaw(text(JSON.stringify(data === undefined ? { event } : { event, data })).bytes);
  }

  /** Bytes as they are. */
  sendRaw(bytes) {
    this.stream.write(bytes);
  }

  /** Begins to close. */
  shut(code = 1000) {
    this.closing = true;
    this.sendRaw(close(code).bytes);
  }

  end() {
    return this.belfry.until(() => this.closed, 'the connection is closed');
  }

  terminate() {
    this.stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}
