/*
 * permessage-deflate: compressed messages are the same messages, in fewer bytes; what clients compress is understood
 * and bounded; an offer that cannot be met is declined, not refused. Through nginx and at belfry-pushd's own socket.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { start } from './harness.mjs';
import { RawWs, TEXT, binary, fragments, frame, inflate, more, ping, text } from './raw_ws.mjs';

const OFFER = 'permessage-deflate; client_max_window_bits';
const ANSWER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const RSV1 = 4;

let belfry;
before(async () => {
  belfry = await start({ conf: { logs: [], watch: { host_interval: '1s' } } });
});
after(() => belfry?.stop());

const routes = {
  direct: () => ({ path: path.join(belfry.dir, 'run/push.sock') }),
  'through nginx': () => ({ host: '127.0.0.1', port: belfry.port }),
};

/** A message as a client compresses it: without the tail of the flush. */
const deflate = (message, options) =>
  zlib.deflateRawSync(message, { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options }).subarray(0, -4);
const compressed = (message) => text(deflate(typeof message === 'string' ? message : JSON.stringify(message)), { rsv: RSV1 });

const agents = ['voice-agent', 'planner', 'billing-bot', 'transcriber'];
const actions = ['invoked', 'called a tool', 'handed over to a person', 'completed'];

/** Events as agents make them; as JSON about 230 to 320 bytes each. */
const activities = (event, count) =>
  Array.from({ length: count }, (_, n) => ({
    event,
    source: agents[n % 4],
    data: { agent: agents[n % 4], action: actions[(n >> 2) % 4], duration_ms: (n * 7919) % 5000, n, call: 'answered, the customer asks' },
  }));

/** A raw client; what it is sent is kept as parsed messages, with the bytes that they took. */
class Viewer {
  static async open(target = '/ws', { place = routes.direct(), extensions = OFFER } = {}) {
    const viewer = new Viewer();
    viewer.raw = await RawWs.open(place, { target, headers: { Authorization: `Bearer ${belfry.adminKey}` }, extensions });
    viewer.got = [];
    await viewer.next('connected');
    return viewer;
  }

  /** The next message of a name; all before it are kept too. */
  async next(event, holds = () => true) {
    for (;;) {
      const item = await this.raw.next(`the message ${event}`);
      assert.ok(item, `${this.raw.ending()} instead of the message ${event}`);
      assert.equal(item.kind, 'text');
      const json = item.payload.toString();
      const message = JSON.parse(json);
      const found = { json, message, events: [message].flat(), bytes: item.payload.length, wire: item.wire, compressed: item.compressed };
      this.got.push(found);
      if (found.events.some((one) => one.event === event && holds(one))) return found;
    }
  }

  async upTo(event, n) {
    await this.next(event, (one) => one.data.n === n);
    return this.got.filter((found) => found.events.some((one) => one.event === event));
  }

  async send(...frames) {
    await this.raw.write(frames);
  }

  async command(event, data) {
    await this.send(compressed({ event, data }));
  }

  /** The code of the close frame that comes next. */
  async end() {
    for (;;) {
      const item = await this.raw.next('a close frame');
      assert.ok(item, `${this.raw.ending()} without a close frame`);
      if (item.kind === 'close') return item.code;
    }
  }

  close() {
    this.raw.destroy();
  }
}

const sum = (list, value) => list.reduce((total, one) => total + value(one), 0);
const ratio = (list) => sum(list, (one) => one.wire) / sum(list, (one) => one.bytes);

/** A figure of belfry-pushd, from /metrics. */
async function figure(name) {
  const { text: metrics } = await belfry.get('/metrics', { key: belfry.adminKey });
  const line = metrics.split('\n').find((one) => one.startsWith(`${name} `));
  assert.ok(line, `no ${name} in /metrics`);
  return Number(line.split(' ')[1]);
}
const deflated = async () => ({
  messages: await figure('belfry_push_deflate_messages_total'),
  input: await figure('belfry_push_deflate_input_bytes_total'),
  output: await figure('belfry_push_deflate_output_bytes_total'),
});

describe('the handshake', () => {
  const accepted = [
    ['permessage-deflate', ANSWER],
    [OFFER, ANSWER],
    ['permessage-deflate; client_max_window_bits=8', ANSWER],
    ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', ANSWER],
    ['permessage-deflate; server_max_window_bits=12', `${ANSWER}; server_max_window_bits=12`],
    ['x-unknown; a="b", permessage-deflate; server_max_window_bits=9, permessage-deflate', ANSWER],
    [['permessage-deflate; server_max_window_bits=9', 'permessage-deflate'], ANSWER],
  ];
  for (const [extensions, answer] of accepted)
    test(`${extensions} is answered`, async () => {
      for (const place of Object.values(routes)) {
        const viewer = await Viewer.open('/ws', { place: place(), extensions });
        assert.equal(viewer.raw.extension, answer);
        viewer.close();
      }
    });

  const declined = [
    'permessage-deflate; server_max_window_bits=9',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; client_max_window_bits=16',
    'permessage-deflate; client_max_window_bits=08',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_no_context_takeover; client_no_context_takeover',
    'permessage-deflate; level=9',
    'x-webkit-deflate-frame',
    'permessage-deflate; client_max_window_bits="15',
    'permessage-deflate;;',
    '',
  ];
  for (const extensions of declined)
    test(`'${extensions}' is declined, and the client let in without it`, async () => {
      const viewer = await Viewer.open('/ws?events=declined', { extensions });
      assert.equal(viewer.raw.extension, undefined);
      await belfry.deliver(activities('declined', 2));
      const got = await viewer.upTo('declined', 1);
      assert.ok(got.every((found) => !found.compressed));
      viewer.close();
    });

  test('push.deflate: false declines it for all', async () => {
    const without = await start({ conf: { logs: [], push: { deflate: false }, watch: { host_interval: '1h' } } });
    try {
      const client = without.ws('/ws', { perMessageDeflate: true });
      await client.next('connected');
      assert.equal(client.upgrade.headers['sec-websocket-extensions'], undefined);
      assert.equal(client.socket.extensions, '');
    } finally {
      await without.stop();
    }
  });
});

for (const [route, place] of Object.entries(routes))
  describe(`${route}, what is sent`, () => {
    test('a client of npm ws gets the same compressed as plain', async () => {
      const event = `same_${route.slice(0, 4)}`;
      const one = belfry.ws(`/ws?events=${event}`, { perMessageDeflate: true });
      const other = belfry.ws(`/ws?events=${event}`);
      await Promise.all([one.next('connected'), other.next('connected')]);
      assert.match(one.socket.extensions, /permessage-deflate/);
      assert.equal(other.socket.extensions, '');
      const events = activities(event, 300);
      events[7].data.long = 'compressible '.repeat(4000);
      events[8].data.text = 'Größe, 温度 and \u{1f514}';
      events[9] = { event, event_id: `small-${event}`, source: 's', data: { n: 9 } };
      await belfry.deliver(events);
      const last = (message) => message.data?.n === 299;
      await Promise.all([one.next(last), other.next(last)]);
      assert.deepEqual(one.events, other.events);
      assert.deepEqual(one.events.map(({ data }) => data), events.map(({ data }) => data));
      one.terminate();
      other.terminate();
    });

    test('single events take at most 0.8 of their size; tiny ones go plain', async () => {
      const event = `single_${route.slice(0, 4)}`;
      const viewer = await Viewer.open(`/ws?events=${event},t`, { place: place() });
      const plain = await Viewer.open(`/ws?events=${event},t`, { place: place(), extensions: [] });
      await belfry.deliver([...activities(event, 50), { event: 't', event_id: route[0], source: 's', data: {} }]);
      const [tiny] = await Promise.all([viewer.next('t'), plain.next('t')]);
      assert.deepEqual(viewer.got.slice(1).map(({ json }) => json), plain.got.slice(1).map(({ json }) => json));
      assert.equal(tiny.compressed, false, `${tiny.bytes} bytes: ${tiny.json}`);
      const got = viewer.got.slice(1, -1);
      assert.ok(got.every((found) => found.compressed && found.bytes >= 230 && found.bytes <= 320));
      assert.ok(ratio(got) <= 0.8, `ratio ${ratio(got)}`);
      viewer.close();
      plain.close();
    });

    test('batches take at most a quarter of theirs', async () => {
      const event = `batch_${route.slice(0, 4)}`;
      const viewer = await Viewer.open('/ws?events=nothing', { place: place() });
      const plain = await Viewer.open('/ws?events=nothing', { place: place(), extensions: [] });
      for (const one of [viewer, plain]) {
        await one.send(text(JSON.stringify({ event: 'subscribe', data: { events: event, batch: true } })));
        await one.next('subscribed');
      }
      await belfry.deliver(activities(event, 20));
      await Promise.all([viewer.upTo(event, 19), plain.upTo(event, 19)]);
      await belfry.deliver(activities(event, 200).map((one) => ({ ...one, data: { ...one.data, n: one.data.n + 20 } })));
      const [got, same] = await Promise.all([viewer.upTo(event, 219), plain.upTo(event, 219)]);
      assert.deepEqual(got.flatMap(({ events }) => events), same.flatMap(({ events }) => events));
      const batches = got.filter(({ events }) => events.length >= 20);
      assert.ok(batches.length > 0, `messages of ${got.map(({ events }) => events.length)} events`);
      assert.ok(batches.every((found) => found.compressed));
      assert.ok(ratio(batches) <= 0.25, `ratio ${ratio(batches)}`);
      viewer.close();
      plain.close();
    });

    test('snapshots are the same, in fewer bytes', async () => {
      for (const [target, command, event] of [
        ['/ws?events=nothing', 'get_state', 'state'],
        ['/ws?events=nothing', 'request_refresh', 'metrics_update'],
        ['/ws/dashboard?events=nothing&interval=1', undefined, 'metrics_update'],
      ]) {
        const viewer = await Viewer.open(target, { place: place() });
        const plain = await Viewer.open(target, { place: place(), extensions: [] });
        // Both get what is current when they ask, which may be two snapshots: until it was once the same.
        for (let same = false; !same; ) {
          if (command) for (const one of [viewer, plain]) await one.send(text(JSON.stringify({ event: command })));
          const found = await viewer.next(event);
          assert.ok(found.compressed && found.wire < 0.6 * found.bytes, `${found.wire} of ${found.bytes} bytes`);
          const other = await plain.next(event);
          assert.equal(other.compressed, false);
          same = viewer.got.some(({ json }) => json.length > 500 && plain.got.some((one) => one.json === json));
        }
        viewer.close();
        plain.close();
      }
    });

    test('a compressed stream resumes without a gap', async () => {
      const event = `resumed_${route.slice(0, 4)}`;
      const { first_id: first } = await belfry.deliver(activities(event, 700));
      const viewer = await Viewer.open(`/ws?events=${event}&since=${first + 99}`, { place: place() });
      const got = await viewer.upTo(event, 699);
      assert.deepEqual(got.map(({ message }) => message.data.n), Array.from({ length: 600 }, (_, n) => n + 100));
      viewer.close();
    });
  });

test('a message is compressed once, for all who get it', async () => {
  const viewers = await Promise.all(Array.from({ length: 30 }, () => Viewer.open('/ws?events=once')));
  await belfry.until(async () => (await figure('belfry_push_deflate_clients')) >= 30, 'the figures know the clients');
  const before = await deflated();
  await belfry.deliver(activities('once', 100));
  await Promise.all(viewers.map((viewer) => viewer.upTo('once', 99)));
  await belfry.until(async () => (await figure('belfry_push_deflate_messages_total')) >= before.messages + 100, 'the figures know the messages');
  const now = await deflated();
  assert.equal(now.messages - before.messages, 100);
  const [input, output] = [now.input - before.input, now.output - before.output];
  assert.ok(output > 0 && output < 0.8 * input, `${input} bytes became ${output}`);
  for (const viewer of viewers) viewer.close();
});

for (const [route, place] of Object.entries(routes))
  describe(`${route}, what clients send`, () => {
    const pinged = { event: 'ping', data: { text: 'the same words, the same words, the same words' } };
    const json = JSON.stringify(pinged);
    const squeezed = deflate(json);
    const tail = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

    const understood = [
      ['compressed', [compressed(json)]],
      ['plain', [text(json)]],
      ['compressed in fragments of 7 bytes', fragments(TEXT, squeezed, 7, { rsv: RSV1 })],
      ['compressed in fragments with a ping between', [text(squeezed.subarray(0, 9), { fin: false, rsv: RSV1 }), ping('x'), more(squeezed.subarray(9))]],
      ['compressed with an empty last fragment', [text(squeezed, { fin: false, rsv: RSV1 }), more('')]],
      ['stored, not compressed', [text(deflate(json, { level: 0 }), { rsv: RSV1 })]],
      ['with Huffman codes only', [text(deflate(json, { strategy: zlib.constants.Z_FIXED }), { rsv: RSV1 })]],
      ['compressed with the smallest window', [text(deflate(json, { windowBits: 9 }), { rsv: RSV1 })]],
      ['in several blocks', [text(Buffer.concat([squeezed, tail.subarray(1), deflate(' '), tail.subarray(1), deflate(' ')]), { rsv: RSV1 })]],
      ['in a final block', [text(Buffer.concat([zlib.deflateRawSync(json), Buffer.from([0])]), { rsv: RSV1 })]],
    ];
    for (const [how, frames] of understood)
      test(`a command ${how} is understood`, async () => {
        const viewer = await Viewer.open('/ws?events=nothing', { place: place() });
        await viewer.send(...frames);
        if (frames.length === 3) assert.equal((await viewer.raw.next('a pong')).kind, 'pong');
        assert.deepEqual((await viewer.next('pong')).message.data, pinged.data);
        viewer.close();
      });

    test('npm ws compresses its commands', async () => {
      const client = belfry.ws('/ws?events=nothing', { perMessageDeflate: { threshold: 0 } });
      await client.next('connected');
      for (let n = 0; n < 10; n++) client.send('ping', { n, text: 'again '.repeat(n * 100) });
      await client.next((message) => message.event === 'pong' && message.data.n === 9);
      assert.equal(client.messages.filter(({ event }) => event === 'pong').length, 10);
      client.terminate();
    });

    const refused = [
      ['64 KiB and one byte, compressed to 100 bytes', 1009, [compressed(' '.repeat(65537))]],
      ['a gigabyte in a message of 64 KiB', 1009, [text(Buffer.alloc(65000, deflate('\0'.repeat(1 << 20))), { rsv: RSV1 })]],
      ['more than 64 KiB of compressed bytes', 1009, [text(Buffer.alloc(65537), { rsv: RSV1 })]],
      ['bytes that are not compressed', 1007, [text(json, { rsv: RSV1 })]],
      ['a compressed message cut short', 1007, [text(squeezed.subarray(0, -4), { rsv: RSV1 })]],
      ['compressed text that is not UTF-8', 1007, [text(deflate(Buffer.from([0x22, 0xff, 0x22])), { rsv: RSV1 })]],
      ['a compressed binary message', 1003, [binary(deflate('x'), { rsv: RSV1 })]],
      ['a compressed ping', 1002, [ping('', { rsv: RSV1 })]],
      ['RSV1 on a continuation', 1002, [text(squeezed.subarray(0, 9), { fin: false, rsv: RSV1 }), more(squeezed.subarray(9), { rsv: RSV1 })]],
      ['RSV2', 1002, [text('', { rsv: 2 })]],
      ['RSV1 without negotiation', 1002, [compressed(json)], []],
      ['RSV1 after an offer that was declined', 1002, [compressed(json)], 'permessage-deflate; server_max_window_bits=8'],
    ];
    for (const [what, code, frames, extensions = OFFER] of refused)
      test(`${what} closes ${code}`, async () => {
        const viewer = await Viewer.open('/ws?events=nothing', { place: place(), extensions });
        await viewer.send(...frames);
        assert.equal(await viewer.end(), code);
        viewer.close();
      });

    test('an empty message and one of 64 KiB are no error', async () => {
      const viewer = await Viewer.open('/ws?events=nothing', { place: place() });
      const full = `{"event":"ping","data":"${'y'.repeat(65536 - 26)}"}`;
      assert.equal(full.length, 65536);
      await viewer.send(frame(TEXT, Buffer.from([0]), { rsv: RSV1 }), compressed(full));
      assert.equal((await viewer.next('error')).message.data.code, 'bad_json');
      assert.equal((await viewer.next('pong')).message.data, JSON.parse(full).data);
      viewer.close();
    });
  });

test('over HTTP/2 (RFC 8441) it is the same', async () => {
  const session = http2.connect('http://localhost', { createConnection: () => net.connect(routes.direct()) });
  try {
    await once(session, 'remoteSettings');
    const stream = session.request({
      ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws?events=over_h2', authorization: `Bearer ${belfry.adminKey}`,
      'sec-websocket-version': '13', 'sec-websocket-extensions': OFFER,
    });
    let bytes = Buffer.alloc(0);
    stream.on('data', (part) => (bytes = Buffer.concat([bytes, part])));
    const [headers] = await once(stream, 'response');
    assert.equal(headers[':status'], 200);
    assert.equal(headers['sec-websocket-extensions'], ANSWER);
    const next = async () => {
      await belfry.until(() => bytes.length >= 4 && bytes[1] === 126 && bytes.length >= 4 + bytes.readUInt16BE(2), 'a frame of middle size');
      const [first, payload] = [bytes[0], bytes.subarray(4, 4 + bytes.readUInt16BE(2))];
      bytes = bytes.subarray(4 + payload.length);
      return { first, message: JSON.parse(first === 0xc1 ? inflate(payload) : payload) };
    };
    assert.equal((await next()).message.event, 'connected');
    const [sent] = activities('over_h2', 1);
    await belfry.deliver([sent]);
    const { first, message } = await next();
    assert.equal(first, 0xc1);
    assert.deepEqual(message.data, sent.data);
    const data = { text: 'the same words, '.repeat(20) };
    stream.write(compressed({ event: 'ping', data }).bytes);
    assert.deepEqual((await next()).message, { event: 'pong', data });
    stream.close();
  } finally {
    session.destroy();
  }
});
