/*
 * HTTP manners that are not of one row: compression, a request's id in the log, limits of requests, and what the web
 * servers refuse themselves, which is a problem too.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { startApache } from './apache.mjs';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry;
before(async () => {
  belfry = await start({ conf: { logging: { level: 'debug' } } });
  await belfry.deliver(Array.from({ length: 50 }, (_, i) => ({ event: 'step', data: { i, text: 'the same again '.repeat(4) } })));
});
after(() => belfry?.stop());

/** Sends bytes as they are, and reads the answer. */
const raw = (text) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(belfry.port, '127.0.0.1', () => socket.end(text));
    const parts = [];
    socket.on('data', (part) => parts.push(part));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head, body] = Buffer.concat(parts).toString().split('\r\n\r\n');
      const [first, ...lines] = head.split('\r\n');
      const headers = Object.fromEntries(lines.map((line) => [line.split(':')[0].toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
      const text = headers['transfer-encoding'] ? body.split('\r\n')[1] : body;
      let json;
      try {
        json = JSON.parse(text);
      } catch {
        // It is none, and the test says so.
      }
      resolve({ status: Number(first.split(' ')[1]), headers, text, json });
    });
  });

async function compresses() {
  for (const format of ['json', 'csv', 'ndjson']) {
    const target = `/api/events?event=step&format=${format}`;
    const plain = await belfry.get(target, { key: belfry.adminKey });
    const packed = await belfry.get(target, { key: belfry.adminKey, headers: { 'accept-encoding': 'gzip' } });
    assert.equal(packed.headers['content-encoding'], 'gzip', format);
    assert.match(packed.headers.vary, /Accept-Encoding/i);
    assert.ok(packed.bytes.length < plain.bytes.length / 3, `${packed.bytes.length} of ${plain.bytes.length} bytes`);
    assert.equal(gunzipSync(packed.bytes).toString(), plain.text);
  }
}

test('nginx compresses JSON, CSV and NDJSON, but no live events', async () => {
  await compresses();
  const stream = belfry.sse('/events?last=20', { headers: { 'accept-encoding': 'gzip' } });
  await stream.next('step');
  assert.equal(stream.headers['content-encoding'], undefined, 'events come at once, not when a block is full');
  stream.terminate();
});

test('the log names a request as its answer does, and not its query', async () => {
  const answer = await belfry.get('/api/events?q=secretword', { key: belfry.adminKey });
  const id = answer.headers['x-request-id'];
  const line = await belfry.until(() => belfry.log('belfry-fcgi').split('\n').find((one) => one.includes(`request ${id}:`)), 'the log has it');
  assert.match(line, /GET \/api\/events of \S+ answered 200 in \d+ ms, \d+ bytes$/);
  assert.equal(belfry.log('belfry-fcgi').includes('secretword'), false);
});

test('a JSON answer says how long it is', async () => {
  const answer = await belfry.get('/api/me', { key: belfry.adminKey });
  assert.equal(Number(answer.headers['content-length']), answer.bytes.length);
});

test('what nginx refuses before it knows for whom is a problem', async () => {
  const host = 'Host: x\r\nConnection: close\r\n';
  expect.problem(await raw(`GET /api/events?q=${'x'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`), 414);
  expect.problem(await raw(`GET /api/events HTTP/1.1\r\n${host}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`), 431);
  expect.problem(await raw(`GET /api/events HTTP/1.1\r\nConnection: close\r\n\r\n`), 400);
  expect.problem(await raw(`POST /api/events HTTP/1.1\r\n${host}Content-Length: many\r\n\r\n`), 400);
});

test('and so through Apache', async () => {
  const apache = await startApache(belfry);
  try {
    await compresses();
    const answer = await belfry.get('/api/events', { key: belfry.adminKey });
    await belfry.until(() => belfry.log('belfry-fcgi').includes(`request ${answer.headers['x-request-id']}: GET /api/events`), 'the log has it');
    const tooLarge = await belfry.post('/api/events', Buffer.alloc(9 << 20, 0x20), { key: belfry.adminKey });
    expect.problem(tooLarge, 413);
  } finally {
    await apache.stop();
  }
});

test('a limit of requests is told, and kept for each key and each address', async () => {
  // Two windows of an hour at most: it may begin anew meanwhile.
  const limited = await start({ conf: { fcgi: { rate_limit: 5, rate_window: '1h' } } });
  try {
    const first = await limited.get('/api/me', { key: limited.adminKey });
    assert.equal(first.status, 200);
    assert.equal(first.headers['ratelimit-policy'], '"default";q=5;w=3600');
    assert.match(first.headers.ratelimit, /^"default";r=4;t=\d+$/);
    const until429 = async (ask) => {
      for (let i = 0; i < 12; i++) {
        const answer = await ask();
        if (answer.status === 429) return answer;
        assert.match(answer.headers.ratelimit, /^"default";r=[0-4];t=\d+$/);
      }
      assert.fail('it was never enough');
    };
    const refused = await until429(() => limited.get('/api/me', { key: limited.adminKey }));
    assert.match(expect.problem(refused, 429).detail, /more than 5 requests in 3600 seconds with this credential/);
    const wait = Number(refused.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 3600, String(wait));
    assert.match(refused.headers.ratelimit, new RegExp(`;r=0;t=${wait}$`));
    // Nobody in particular has a count of their own, a bad key no other than that.
    expect.problem(await limited.get('/api/events'), 401);
    expect.problem(await until429(() => limited.get('/api/events', { key: 'bfy_guess' })), 429);
    expect.problem(await limited.post('/api/login', { key: 'x' }), 429);
    assert.equal((await limited.get('/health')).status, 200);
  } finally {
    await limited.stop();
  }
});

test('without a limit nothing is said of it', async () => {
  const answer = await belfry.get('/api/me', { key: belfry.adminKey });
  assert.equal(answer.headers.ratelimit, undefined);
  assert.equal(answer.headers['ratelimit-policy'], undefined);
});
