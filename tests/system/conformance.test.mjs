/*
 * Conformance to RFC 6455 and RFC 7692: every row of the tables in conformance_cases.mjs and conformance_deflate.mjs,
 * against belfry-pushd's own socket over HTTP/1.1 and HTTP/2, through nginx, and through nghttpx.
 *
 * After each case that does not end the connection, a ping must still be answered and a close must close. What fails
 * says what was sent, what should have come and what came.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cases, ponged } from './conformance_cases.mjs';
import { cases as compressed } from './conformance_deflate.mjs';
import { freePort, start } from './harness.mjs';
import { RawWs, close, ping, show } from './raw_ws.mjs';

const AT_A_TIME = 96;

let belfry, headers, session, nghttpx, nghttpxPort;
before(async () => {
  belfry = await start({
    // Nothing comes by itself, so that what comes is an answer.
    conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, push: { ping_interval: '10m' } },
  });
  headers = { Authorization: `Bearer ${await belfry.makeKey('viewer')}` };
  await Promise.all([openSession(), startNghttpx()]);
});
after(async () => {
  session?.destroy();
  nghttpx?.kill('SIGKILL');
  await belfry?.stop();
});

const pushSocket = () => path.join(belfry.dir, 'run/push.sock');

/** One connection over HTTP/2 for all cases: what goes wrong on a stream must not harm the others. */
async function openSession() {
  session = http2.connect('http://localhost', { createConnection: () => net.connect(pushSocket()) });
  session.on('error', () => {}); // its streams tell
  await once(session, 'remoteSettings');
}

/** A proxy that makes HTTP/2 of its clients' HTTP/1.1, WebSocket too. */
async function startNghttpx() {
  nghttpxPort = await freePort();
  nghttpx = spawn('setpriv', [
    '--pdeathsig', 'KILL', 'nghttpx', '--conf=/dev/null', `--frontend=127.0.0.1,${nghttpxPort};no-tls`, `--backend=unix:${pushSocket()};;proto=h2`,
    '--workers=1', '--no-ocsp', '--accesslog-file=/dev/null', `--errorlog-file=${belfry.dir}/log/nghttpx.out`,
  ], { stdio: 'ignore' });
  const place = { host: '127.0.0.1', port: nghttpxPort };
  await belfry.until(async () => {
    (await RawWs.open(place, { target: '/ws', headers })).destroy();
    return true;
  }, 'nghttpx and belfry-pushd talk to each other');
}

/** What Belfry says without being asked. */
const UNASKED = /^\{"event":"(connected|position)"/;

async function nextAnswer(client, what) {
  for (;;) {
    const item = await client.next(what);
    if (item?.kind !== 'text' || !UNASKED.test(item.payload.toString('latin1', 0, 24))) return item;
  }
}

const inWords = (item) => (item.kind === 'close' ? `close ${item.code} ${show(item.reason)}` : `${item.kind} ${show(item.payload)}`);

async function expectAnswer(client, wanted) {
  const item = await nextAnswer(client, wanted.words);
  assert.ok(item, `${client.ending()} instead of ${wanted.words}`);
  assert.ok(wanted.fits(item), `${inWords(item)} came instead of ${wanted.words}`);
}

async function expectClose(client, code) {
  const item = await nextAnswer(client, `close ${code}`);
  assert.ok(item, `${client.ending()} without a close frame, instead of close ${code}; a browser would show 1006`);
  assert.ok(item.kind === 'close' && item.code === code, `${inWords(item)} came instead of close ${code}`);
  await client.write([close(code)]);
  await client.until(() => client.ended, 'the end of the connection after its close frame');
  assert.equal(client.fault, undefined, `the server sent ${client.fault}`);
  assert.equal(client.items.length, 0, 'something came after the close frame');
}

async function play(client, { send, answers, end, chop, offer, agreed }) {
  assert.equal(client.extension, agreed, `the answer to the offer ${offer ?? '(none)'}`);
  await client.write(send, chop);
  for (const answer of answers) await expectAnswer(client, answer);
  if (end === 'open') {
    await client.write([ping('still here?')]);
    await expectAnswer(client, ponged('still here?'));
    await client.write([close(1000)]);
  }
  await expectClose(client, end === 'open' ? 1000 : end);
}

/** The start of a list, in words. */
function shorten(list, most = 12) {
  return list.length > most ? [...list.slice(0, most), `... (${list.length} in all)`] : list;
}

async function run(place, one) {
  const client = await RawWs.open(place, { target: '/ws?events=nothing.of.the.kind', headers, extensions: one.offer });
  try {
    await play(client, one);
  } catch (error) {
    const sent = shorten(one.send.map(({ words }) => words));
    const came = shorten(client.said.filter((words) => !words.startsWith('text "{"event":"connected"')));
    const how = one.chop ? ` in pieces of ${one.chop} bytes` : '';
    throw new Error(`${error.message}\nsent${how}:\n  ${sent.join('\n  ')}\ncame:\n  ${[...came, client.ending()].join('\n  ')}`);
  } finally {
    client.destroy();
  }
}

/** Events that many get: the same compressed frame for all who agreed to it, the plain one for the others. */
async function watchEvents(place, type) {
  const target = `/ws?events=${type}`;
  const offers = [undefined, 'permessage-deflate', 'permessage-deflate; client_max_window_bits', 'permessage-deflate; server_max_window_bits=12', 'permessage-deflate; server_max_window_bits=9'];
  const clients = await Promise.all(offers.map((offer) => RawWs.open(place, { target, headers, extensions: offer })));
  try {
    const sizes = [1, 50, 300, 3000, 30_000, 30_000, 3000];
    await belfry.deliver(sizes.map((size, n) => ({ event: type, event_id: `${type}-${n}`, data: { n, text: 'again and '.repeat(size / 10) } })));
    for (const [at, client] of clients.entries())
      for (const [n, size] of sizes.entries()) {
        const item = await nextAnswer(client, `event ${n} of ${sizes.length} with the offer ${offers[at]}`);
        assert.ok(item, client.ending());
        const { data } = JSON.parse(item.payload);
        assert.deepEqual(data, { n, text: 'again and '.repeat(size / 10) });
        // Small ones may be plain; that nobody gets one compressed who has not agreed to it, the client checks.
        if (client.extension && size > 1000) assert.ok(item.compressed, `an event of ${size} bytes came plain`);
        if (item.compressed) assert.ok(item.wire < item.payload.length, `${item.wire} bytes on the wire for ${item.payload.length}`);
      }
  } finally {
    for (const client of clients) client.destroy();
  }
}

/** More control frames than anybody needs: those up to the limit are answered, then it is over. */
async function flood(place) {
  const client = await RawWs.open(place, { target: '/ws?events=nothing.of.the.kind', headers });
  try {
    const count = 5000;
    await client.write(Array.from({ length: count }, (_, n) => ping(`${n}`)));
    let answered = 0;
    let item = await nextAnswer(client, 'pongs');
    for (; item?.kind === 'pong'; item = await nextAnswer(client, 'pongs, then close 1008'))
      assert.equal(item.payload.toString(), `${answered++}`, 'the pongs come in their order');
    assert.ok(item, `${client.ending()} without a close frame after ${answered} pongs`);
    assert.ok(item.kind === 'close' && item.code === 1008, `${inWords(item)} came instead of close 1008`);
    assert.ok(answered >= 300 && answered < count, `${answered} of ${count} pings were answered`);
  } finally {
    client.destroy();
  }
}

for (const [route, place] of [
  ['direct', () => ({ path: pushSocket() })],
  ['through nginx', () => ({ host: '127.0.0.1', port: belfry.port })],
  ['over HTTP/2', () => ({ session })],
  ['through nghttpx, from HTTP/1.1 to HTTP/2', () => ({ host: '127.0.0.1', port: nghttpxPort })],
])
  describe(route, { concurrency: AT_A_TIME }, () => {
    for (const one of [...cases, ...compressed]) test(one.name, () => run(place(), one));
    test('2.5 five thousand pings at once close 1008 when it is too much', () => flood(place()));
    test('events come compressed to those who agreed, each by itself, and plain to the others', () => watchEvents(place(), `events_${route.length}`));
  });
