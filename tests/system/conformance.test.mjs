/*
 * Conformance to RFC 6455: every row of the table in conformance_cases.mjs, against belfry-pushd's own socket
 * and through nginx.
 *
 * After each case that does not end the connection, a ping must still be answered and a close must close. What fails
 * says what was sent, what should have come and what came.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cases, ponged } from './conformance_cases.mjs';
import { start } from './harness.mjs';
import { RawWs, close, ping, show } from './raw_ws.mjs';

const AT_A_TIME = 64;

let belfry, headers;
before(async () => {
  belfry = await start({
    // Nothing comes by itself, so that what comes is an answer.
    conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, push: { ping_interval: '10m' } },
  });
  headers = { Authorization: `Bearer ${await belfry.makeKey('viewer')}` };
});
after(() => belfry?.stop());

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

async function play(client, { send, answers, end, chop }) {
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

async function run(place, { offer, ...one }) {
  const client = await RawWs.open(place, { target: '/ws?events=nothing.of.the.kind', headers, extensions: offer });
  try {
    await play(client, one);
  } catch (error) {
    const sent = shorten(one.send.map(({ words }) => words));
    const came = shorten(client.said.filter((words) => !words.startsWith('text "{"event":"connected"')));
    error.message += `\nsent${one.chop ? ` in pieces of ${one.chop} bytes` : ''}:\n  ${sent.join('\n  ')}\ncame:\n  ${[...came, client.ending()].join('\n  ')}`;
    throw error;
  } finally {
    client.destroy();
  }
}

for (const [route, place] of [
  ['direct', () => ({ path: path.join(belfry.dir, 'run/push.sock') })],
  ['through nginx', () => ({ host: '127.0.0.1', port: belfry.port })],
])
  describe(route, { concurrency: AT_A_TIME }, () => {
    for (const one of cases) test(one.name, () => run(place(), one));
  });
