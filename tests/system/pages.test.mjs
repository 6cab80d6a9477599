/*
 * What nginx serves by itself with the shipped configuration: pages, files, their headers, its own errors; at / and under
 * a prefix.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry;
before(async () => (belfry = await start({ prefixes: ['', '/monitor', '/deep/er'] })));
after(() => belfry?.stop());

const html = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

for (const prefix of ['', '/monitor', '/deep/er'])
  describe(`mounted at ${prefix}/`, () => {
    test('the front door leads to the dashboard, relatively', async () => {
      const answer = await belfry.get(`${prefix}/`, html);
      assert.equal(answer.status, 302);
      assert.equal(answer.headers.location, 'dashboard');
    });

    for (const page of ['dashboard', 'login', 'websocket-test'])
      test(`/${page} is a page that refers to everything relatively`, async () => {
        const answer = await belfry.get(`${prefix}/${page}`, html);
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'], /^text\/html; charset=utf-8/);
        const references = [...answer.text.matchAll(/\s(?:src|href|action)="([^"]+)"/g)].map((match) => match[1]);
        assert.ok(references.length > 0);
        for (const reference of references) {
          assert.doesNotMatch(reference, /^(\/|[a-z]+:)/, 'a reference that would leave the prefix');
          if (/\.(js|css|svg|png)$/.test(reference)) {
            const file = await belfry.get(`${prefix}/${reference}`);
            assert.equal(file.status, 200, reference);
            assert.equal((await belfry.request('HEAD', `${prefix}/${reference}`)).status, 200);
          }
        }
      });

    test('every answer carries the security headers', async () => {
      for (const path of ['/', '/dashboard', '/health', '/api/events', '/nothing', '/events']) {
        const { headers } = await belfry.request('HEAD', `${prefix}${path}`);
        const csp = headers['content-security-policy'];
        assert.ok(csp, `CSP of ${path}`);
        assert.match(csp, /default-src 'none'/);
        assert.match(csp, /script-src 'self'/);
        assert.match(csp, /frame-ancestors 'none'/);
        assert.doesNotMatch(csp, /unsafe|\*/);
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.match(headers['x-request-id'] ?? '', /^[0-9a-f]{32}$/, `X-Request-Id of ${path}, once`);
      }
    });

    test('what is not there is 404: a page for a browser, a problem for a program', async () => {
      const page = await belfry.get(`${prefix}/nothing`, html);
      assert.equal(page.status, 404);
      assert.match(page.headers['content-type'], /^text\/html/);
      assert.match(page.text, new RegExp(`href="${prefix}/dashboard"`));
      const answer = expect.problem(await belfry.get(`${prefix}/nothing`), 404);
      assert.equal(answer.instance, `${prefix}/nothing`);
      expect.problem(await belfry.get(`${prefix}/js/nothing.js`), 404);
      expect.problem(await belfry.get(`${prefix}/api/nothing`, { key: belfry.adminKey }), 404);
    });

    test('live connections and the API lie under the prefix too', async () => {
      assert.equal((await belfry.get(`${prefix}/health`)).status, 200);
      const client = belfry.ws(`${prefix}/ws`);
      await client.next('connected');
      client.terminate();
    });
  });

test('the prefix without its slash leads to the one with it', async () => {
  const answer = await belfry.get('/monitor', html);
  assert.equal(answer.status, 308);
  assert.equal(answer.headers.location, '/monitor/');
});

test('the internal paths cannot be asked for', async () => {
  for (const path of ['/.belfry/api/events', '/.belfry/dashboard', '/.belfry/health', '/monitor/.belfry/health'])
    assert.equal((await belfry.get(path)).status, 404, path);
});

test('a path cannot leave the pages', async () => {
  for (const path of ['/js/../../../../etc/passwd', '/js/%2e%2e/%2e%2e/config.h', '/assets/..%2f..%2fMakefile', '//etc/passwd'])
    assert.ok([400, 404].includes((await belfry.get(path)).status), path);
});

test('a file is answered 304 while it is the same', async () => {
  const first = await belfry.get('/dashboard', html);
  assert.ok(first.headers.etag);
  const again = await belfry.get('/dashboard', { headers: { ...html.headers, 'if-none-match': first.headers.etag } });
  assert.equal(again.status, 304);
  assert.equal(again.bytes.length, 0);
});

test('scripts are compressed for those who can read it', async () => {
  const script = (await belfry.get('/dashboard', html)).text.match(/src="([^"]+\.js)"/)[1];
  const module = (await belfry.get(`/${script}`)).bytes.length > 1000 ? `/${script}` : '/js/api.js';
  const answer = await belfry.get(module, { headers: { 'accept-encoding': 'gzip' } });
  assert.match(answer.headers['content-type'], /^text\/javascript/);
  assert.equal(answer.headers['content-encoding'], 'gzip');
});

test('a method that a page does not have is 405 with Allow; OPTIONS says which there are', async () => {
  const answer = await belfry.post('/dashboard', {});
  expect.problem(answer, 405);
  assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
  const options = await belfry.request('OPTIONS', '/dashboard');
  assert.equal(options.status, 204);
  assert.equal(options.headers.allow, 'GET, HEAD, OPTIONS');
});

test('a body over what nginx takes is refused as a problem', async () => {
  expect.problem(await belfry.post('/api/events', Buffer.alloc(9 << 20, 0x20), { key: belfry.adminKey }), 413);
});

test('a daemon that is not there is a problem too, with Retry-After, and its return is noticed at once', async () => {
  await belfry.terminate('belfry-fcgi');
  const answer = await belfry.get('/api/events', { key: belfry.adminKey });
  expect.problem(answer, [502, 503]);
  assert.ok(Number(answer.headers['retry-after']) > 0);
  assert.equal((await belfry.get('/dashboard', html)).status, 200, 'the page is served nevertheless');
  belfry.startProgram('belfry-fcgi');

  await belfry.terminate('belfry-pushd');
  const push = await belfry.get('/events', { key: belfry.adminKey });
  expect.problem(push, [502, 503]);
  assert.ok(Number(push.headers['retry-after']) > 0);
  belfry.startProgram('belfry-pushd');
  await belfry.untilHealthy();
});
