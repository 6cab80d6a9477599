/*
 * Belfry behind a real Apache 2.4 with the shipped configuration: what nginx serves, Apache serves too, at / and under a
 * prefix.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startApache } from './apache.mjs';
import * as expect from './expect.mjs';
import { freePort, start, until } from './harness.mjs';

let belfry;
let apache;
let pushPort;
before(async () => {
  pushPort = await freePort();
  belfry = await start({ conf: { push: { listen: `127.0.0.1:${pushPort}` } } });
  apache = await startApache(belfry);
});
after(async () => {
  await apache?.stop();
  await belfry?.stop();
});

const html = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
let posted = 0;
/** An event of a type that nobody else posts, and its type. */
async function post(prefix) {
  const event = `apache_${++posted}`;
  const answer = await belfry.post(`${prefix}/api/events`, { event, data: { n: posted } }, { key: belfry.adminKey });
  assert.equal(answer.status, 201, answer.text);
  return { event, id: answer.json.last_id };
}

for (const prefix of ['', '/monitor'])
  describe(`mounted at ${prefix}/`, () => {
    test('the front door leads to the dashboard', async () => {
      const answer = await belfry.get(`${prefix}/`, html);
      assert.equal(answer.status, 302);
      assert.equal(answer.headers.location, `${prefix}/dashboard`);
    });

    for (const page of ['dashboard', 'login', 'websocket-test'])
      test(`/${page} is a page with all that it is made of`, async () => {
        const answer = await belfry.get(`${prefix}/${page}`, html);
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
        assert.equal(answer.headers['cache-control'], 'no-cache');
        const references = [...answer.text.matchAll(/\s(?:src|href)="([^"]+\.(js|css|svg))"/g)];
        assert.ok(references.length > 0);
        const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
        for (const [, reference, kind] of references) {
          const part = await belfry.get(`${prefix}/${reference}`);
          assert.equal(part.status, 200, reference);
          assert.equal(part.headers['content-type'], types[kind]);
        }
      });

    test('every answer carries the security headers, once', async () => {
      for (const target of ['/', '/dashboard', '/health', '/api/events', '/nothing', '/events', '/js/nothing.js']) {
        const { headers } = await belfry.get(`${prefix}${target}`);
        const csp = headers['content-security-policy'];
        assert.ok(csp, `CSP of ${target}`);
        for (const part of [/default-src 'none'/, /script-src 'self'/, /frame-ancestors 'none'/]) assert.match(csp, part);
        assert.doesNotMatch(csp, /unsafe|\*/);
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.equal(headers['x-frame-options'], 'DENY');
        assert.match(headers['x-request-id'] ?? '', /^[0-9a-f]{32}$/, `X-Request-Id of ${target}`);
      }
    });

    test('what is not there is 404: a page for a browser, a problem for a program', async () => {
      const page = await belfry.get(`${prefix}/nothing`, html);
      assert.equal(page.status, 404);
      assert.match(page.headers['content-type'], /^text\/html/);
      assert.match(page.text, new RegExp(`href="${prefix}/dashboard"`));
      for (const target of ['/nothing', '/js/nothing.js', '/js/', '/api/nothing', '/dashboard.html', '/ws/nothing', '/events/1']) {
        const answer = expect.problem(await belfry.get(`${prefix}${target}`, { key: belfry.adminKey }), 404);
        assert.equal(answer.instance, `${prefix}${target}`);
      }
    });

    test('who signs in is known by a cookie that is good for this mount', async () => {
      const answer = await belfry.post(`${prefix}/api/login`, { key: belfry.adminKey });
      assert.equal(answer.status, 200, answer.text);
      const [cookie] = answer.headers['set-cookie'];
      assert.match(cookie, new RegExp(`; Path=${prefix || ''}/(;|$)`));
      const me = await belfry.get(`${prefix}/api/me`, { headers: { cookie: cookie.split(';')[0] } });
      assert.equal(me.json.role, 'admin', me.text);
      // A page on this very host and port may connect, one from elsewhere may not.
      const origin = belfry.ws(`${prefix}/ws`, { key: undefined, headers: { cookie: cookie.split(';')[0], origin: belfry.url } });
      await origin.next('connected');
      origin.terminate();
      const foreign = belfry.ws(`${prefix}/ws`, { headers: { origin: 'http://elsewhere.example' } });
      await foreign.end();
      assert.equal(foreign.status, 403);
    });

    test('/logs and /agents are the API to a program', async () => {
      // Which of them the API has is its own matter: what is not JSON is a page.
      for (const target of ['/logs', '/agents']) {
        const answer = await belfry.get(prefix + target, { key: belfry.adminKey, headers: { accept: 'application/json' } });
        assert.match(answer.headers['content-type'], /json/, target);
        assert.match(answer.headers.vary, /\bAccept\b/i);
      }
    });

    test('log lines go in as plain text, and come out as an export that is whole', async () => {
      const source = `apache${prefix.replaceAll('/', '-')}`;
      const lines = Array.from({ length: 5000 }, (_, n) => `line ${n} ${'x'.repeat(100)}`);
      const posted = await belfry.request('POST', `${prefix}/api/logs?source=${source}`, { key: belfry.adminKey, headers: { 'content-type': 'text/plain' }, body: lines.join('\n') });
      assert.equal(posted.status, 201, posted.text);
      const answer = await belfry.get(`${prefix}/api/logs?source=${source}&format=csv&order=asc`, { key: belfry.adminKey });
      assert.equal(answer.status, 200);
      assert.match(answer.headers['content-disposition'], /^attachment; filename="belfry-logs-/);
      assert.ok(answer.text.endsWith('\r\n'));
      assert.deepEqual(answer.text.split('\n').slice(1, -1).map((row) => row.split(',')[4]), lines);
    });

    test('live events come over WebSocket and Server-Sent Events at once, and go on where they were', async () => {
      const sockets = [belfry.ws(`${prefix}/ws`), belfry.ws(`${prefix}/ws/dashboard`), belfry.sse(`${prefix}/events`)];
      await Promise.all(sockets.map((socket) => socket.next('connected')));
      assert.match(sockets[2].headers['content-type'], /^text\/event-stream/);
      for (let i = 0; i < 3; i++) {
        const { event } = await post(prefix);
        await Promise.all(sockets.map((socket) => socket.next(event)));
      }
      sockets[0].send('ping', { n: 1 });
      assert.deepEqual((await sockets[0].next('pong')).data, { n: 1 });
      const { lastId } = sockets[2];
      for (const socket of sockets) socket.terminate();
      const missed = await post(prefix);
      const back = belfry.sse(`${prefix}/events`, { headers: { 'last-event-id': lastId } });
      assert.equal((await back.next('connected')).data.complete, true);
      assert.equal((await back.next(missed.event)).id, missed.id);
      back.terminate();
    });

    test('refusals of live connections pass as they are', async () => {
      const refused = belfry.ws(`${prefix}/ws`, { key: 'bfy_nobody' });
      await refused.end();
      assert.equal(refused.status, 401);
      assert.match(refused.text, /application|title/);
      expect.problem(await belfry.get(`${prefix}/events`), 401);
      expect.problem(await belfry.get(`${prefix}/ws`, { key: belfry.adminKey }), 426);
    });
  });

test('the prefix without its slash leads to the one with it', async () => {
  const answer = await belfry.get('/monitor', html);
  assert.equal(answer.status, 308);
  assert.equal(answer.headers.location, '/monitor/');
});

test('a path cannot leave the pages', async () => {
  for (const target of ['/js/../../../../etc/passwd', '/js/%2e%2e/%2e%2e/apache.conf', '/assets/..%2f..%2fapache.conf', '//etc/passwd', '/custom/', '/monitor/.nothing'])
    assert.ok([400, 404].includes((await belfry.get(target)).status), target);
});

test('own files come first', async () => {
  fs.writeFileSync(path.join(apache.dir, 'custom/css/login.css'), '/* our own */');
  fs.writeFileSync(path.join(apache.dir, 'custom/login.html'), '<!doctype html><title>our own</title>');
  assert.equal((await belfry.get('/monitor/css/login.css')).text, '/* our own */');
  assert.match((await belfry.get('/login', html)).text, /our own/);
  fs.rmSync(path.join(apache.dir, 'custom/login.html'));
});

test('a file is compressed, and answered 304 while it is the same', async () => {
  const headers = { 'accept-encoding': 'gzip' };
  const first = await belfry.get('/js/api.js', { headers });
  assert.equal(first.headers['content-encoding'], 'gzip');
  assert.match(first.headers.vary, /Accept-Encoding/);
  const again = await belfry.get('/js/api.js', { headers: { ...headers, 'if-none-match': first.headers.etag } });
  assert.deepEqual([again.status, again.bytes.length], [304, 0]);
  const stats = await belfry.get('/stats', { key: belfry.adminKey, headers });
  assert.equal(stats.status, 200);
});

test('a method that a page does not have is 405 with Allow; OPTIONS says which there are', async () => {
  const answer = await belfry.post('/dashboard', {});
  expect.problem(answer, 405);
  assert.match(answer.headers.allow, /^GET, HEAD, OPTIONS(, TRACE)?$/); // Apache adds TRACE unless the site forbids it
  const options = await belfry.request('OPTIONS', '/dashboard');
  assert.equal(options.status, 204);
  assert.equal(options.headers.allow, 'GET, HEAD, OPTIONS');
  assert.equal((await belfry.request('HEAD', '/dashboard')).status, 200);
  expect.problem(await belfry.request('DELETE', '/api/events', { key: belfry.adminKey }), 405);
});

test('a body over what is taken is refused as a problem, with its length and without', async () => {
  const body = Buffer.alloc(9 << 20, 0x20);
  expect.problem(await belfry.post('/monitor/api/events', body, { key: belfry.adminKey }), 413);
  expect.problem(await belfry.post('/monitor/api/events', body, { key: belfry.adminKey, headers: { 'transfer-encoding': 'chunked' } }), 413);
});

test('what a client says about proxies is not believed', async () => {
  const headers = { 'x-forwarded-prefix': '/evil', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-request-id': 'mine', forwarded: 'for=203.0.113.9' };
  const answer = await belfry.post('/api/login', { key: belfry.adminKey }, { headers });
  assert.equal(answer.status, 200, answer.text);
  assert.doesNotMatch(answer.headers['set-cookie'][0], /evil|Secure/);
  assert.notEqual(answer.headers['x-request-id'], 'mine');
});

test('the access log holds no secrets, and leaves out what fills Belfry', async () => {
  await belfry.get('/dashboard?token=geheim', { headers: { referer: 'http://x/?geheim', 'user-agent': 'a "quoted" agent' } });
  await post('/monitor');
  await belfry.get('/monitor/health');
  const log = await belfry.until(() => /quoted/.test(apache.accessLog()) && apache.accessLog(), 'the line is written');
  assert.doesNotMatch(log, /geheim|POST .*\/api\/events|GET (\/monitor)?\/(ws|ws\/dashboard|events|health) HTTP/);
  assert.match(log, /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/dashboard HTTP\/1\.1" 200 \d+ "-" "a \\"quoted\\" agent"$/m);
});

test('a daemon that is not there is a problem, with Retry-After, and its return is noticed at once', async () => {
  await belfry.terminate('belfry-fcgi');
  await belfry.terminate('belfry-pushd');
  for (const target of ['/monitor/api/events', '/monitor/events']) {
    const answer = await belfry.get(target, { key: belfry.adminKey });
    expect.problem(answer, [502, 503]);
    assert.ok(Number(answer.headers['retry-after']) > 0, target);
  }
  const refused = belfry.ws('/monitor/ws');
  await refused.end();
  assert.ok([502, 503].includes(refused.status));
  assert.equal((await belfry.get('/dashboard', html)).status, 200, 'the page is served nevertheless');
  belfry.startProgram('belfry-fcgi');
  belfry.startProgram('belfry-pushd');
  await belfry.untilHealthy(); // by what it told last: it may not listen yet
  await until(async () => {
    const client = belfry.ws('/monitor/ws');
    const connected = await client.next('connected').catch(() => undefined);
    client.terminate();
    return connected;
  }, 'a WebSocket through Apache');
});

describe('event streams over HTTP/2 between Apache and belfry-pushd', () => {
  for (const [way, address] of [
    ['TCP', () => `h2c://127.0.0.1:${pushPort}`],
    ['push.sock', () => `unix:${belfry.dir}/run/push.sock|h2c://belfry-events`],
  ])
    test(`by ${way}: events come at once, a stream goes on where it was, and nothing is left of those that have gone`, async () => {
      await apache.stop();
      apache = await startApache(belfry, { events: address() });
      const clients = async () => Number((await belfry.get('/metrics', { key: belfry.adminKey })).text.match(/^belfry_push_protocol_clients\{protocol="http2"\} (\d+)$/m)?.[1]);
      const streams = Array.from({ length: 8 }, () => belfry.sse('/monitor/events'));
      await Promise.all(streams.map((stream) => stream.next('connected')));
      for (let i = 0; i < 3; i++) {
        const { event } = await post('/monitor');
        await Promise.all(streams.map((stream) => stream.next(event)));
      }
      await belfry.until(async () => (await clients()) === 8, 'all of them are HTTP/2 to belfry-pushd');
      const { lastId } = streams[0];
      for (const stream of streams) stream.terminate();
      const missed = await post('/monitor');
      const back = belfry.sse('/events', { headers: { 'last-event-id': lastId } });
      assert.equal((await back.next('connected')).data.complete, true);
      assert.equal((await back.next(missed.event)).id, missed.id);
      expect.problem(await belfry.get('/events'), 401);
      back.terminate();
      // Apache notices at the next bytes that a client has gone; belfry-pushd sends some every 15 s.
      await belfry.until(async () => (await post('/monitor')) && (await clients()) === 0, 'nobody is left');
    });
});
