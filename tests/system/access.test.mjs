/*
 * Who may do what: API keys, sign-in by cookie, roles, requests that pages of other sites would send.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry;
before(async () => (belfry = await start()));
after(() => belfry?.stop());

const cookieOf = (answer) => answer.headers['set-cookie']?.[0] ?? '';
const login = (key, { prefix = '', headers = {} } = {}) => belfry.post(`${prefix}/api/login`, { key }, { headers });

describe('keys', () => {
  test('a key is shown once and never again', async () => {
    const made = await belfry.post('/api/keys', { name: 'ci', role: 'viewer' }, { key: belfry.adminKey });
    assert.equal(made.status, 201, made.text);
    assert.match(made.json.key, /^bfy_[A-Za-z0-9_-]+$/);
    assert.equal(made.json.name, 'ci');
    assert.equal(made.json.role, 'viewer');
    const list = await belfry.get('/api/keys', { key: belfry.adminKey });
    assert.equal(list.status, 200);
    const row = list.json.keys.find((entry) => entry.id === made.json.id);
    assert.equal(row.name, 'ci');
    assert.match(row.created, expect.RFC3339);
    assert.ok(!list.text.includes(made.json.key.split('_').pop()), 'no secret');
    assert.doesNotMatch(list.text, /hash/);
  });

  test('a deleted key is worth nothing from then on', async () => {
    const made = (await belfry.post('/api/keys', { name: 'gone', role: 'viewer' }, { key: belfry.adminKey })).json;
    const { headers } = await login(made.key);
    const cookie = headers['set-cookie'][0].split(';')[0];
    assert.equal((await belfry.get('/stats', { key: made.key })).status, 200);
    assert.equal((await belfry.request('DELETE', `/api/keys/${made.id}`, { key: belfry.adminKey })).status, 204);
    expect.problem(await belfry.get('/stats', { key: made.key }), 401);
    expect.problem(await belfry.get('/stats', { headers: { cookie } }), 401);
    expect.problem(await belfry.request('DELETE', `/api/keys/${made.id}`, { key: belfry.adminKey }), 404);
  });

  test('a key may expire', async () => {
    const past = await belfry.post('/api/keys', { name: 'p', role: 'viewer', expires: '2020-01-01T00:00:00Z' }, { key: belfry.adminKey });
    expect.problem(past, 422);
    const made = await belfry.post('/api/keys', { name: 'brief', role: 'viewer', expires_in: 1 }, { key: belfry.adminKey });
    assert.equal(made.status, 201, made.text);
    assert.match(made.json.expires, expect.RFC3339);
    await belfry.until(async () => (await belfry.get('/stats', { key: made.json.key })).status === 401, 'it has expired');
  });

  for (const [what, body, pointer] of [
    ['no name', { role: 'viewer' }, '/name'],
    ['an empty name', { name: '', role: 'viewer' }, '/name'],
    ['a name too long', { name: 'n'.repeat(200), role: 'viewer' }, '/name'],
    ['no role', { name: 'x' }, '/role'],
    ['a role that does not exist', { name: 'x', role: 'root' }, '/role'],
    ['a role that is a number', { name: 'x', role: 3 }, '/role'],
  ])
    test(`a key with ${what} is 422`, async () => {
      expect.problem(await belfry.post('/api/keys', body, { key: belfry.adminKey }), 422, { pointer });
    });

  test('keys are for admins', async () => {
    for (const role of ['viewer', 'operator', 'ingest', 'scrape']) {
      const key = await belfry.makeKey(role);
      expect.problem(await belfry.get('/api/keys', { key }), 403);
      expect.problem(await belfry.post('/api/keys', { name: 'x', role: 'admin' }, { key }), 403);
      expect.problem(await belfry.request('DELETE', '/api/keys/abcdefghijkl', { key }), 403);
    }
    expect.problem(await belfry.get('/api/keys'), 401);
  });
});

describe('credentials', () => {
  for (const [what, authorization] of [
    ['a key that nobody made', `Bearer bfy_aaaaaaaaaaaa_${'b'.repeat(43)}`],
    ['rubbish', 'Bearer rubbish'],
    ['an empty key', 'Bearer '],
    ['another scheme', 'Digest username="x"'],
    ['Basic that is no base64', 'Basic !!!'],
  ])
    test(`${what} is 401`, async () => {
      const answer = await belfry.get('/stats', { headers: { authorization } });
      expect.problem(answer, 401);
      assert.ok(answer.headers['www-authenticate']);
    });

  test('a wrong secret of a right key is 401', async () => {
    const wrong = belfry.adminKey.slice(0, -1) + (belfry.adminKey.endsWith('A') ? 'B' : 'A');
    expect.problem(await belfry.get('/stats', { key: wrong }), 401);
  });

  test('Basic takes the key as the password', async () => {
    const basic = Buffer.from(`anybody:${belfry.adminKey}`).toString('base64');
    assert.equal((await belfry.get('/stats', { headers: { authorization: `Basic ${basic}` } })).status, 200);
  });

  test('a client cannot name itself by a header', async () => {
    const headers = { 'remote-user': 'admin', 'x-remote-user': 'admin', 'x-forwarded-user': 'admin', 'x-forwarded-for': '127.0.0.1' };
    expect.problem(await belfry.get('/stats', { headers }), 401);
  });
});

describe('sign-in', () => {
  for (const prefix of ['', '/monitor'])
    test(`sets a cookie for ${prefix}/ that scripts cannot read`, async () => {
      const answer = await login(belfry.adminKey, { prefix });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.role, 'admin');
      assert.equal(answer.json.name, 'admin');
      assert.ok('expires' in answer.json);
      assert.ok(!answer.text.includes(belfry.adminKey));
      const cookie = cookieOf(answer);
      assert.match(cookie, /^belfry-test=[A-Za-z0-9_-]{20,}/);
      assert.match(cookie, /; ?HttpOnly/i);
      assert.match(cookie, /; ?SameSite=Strict/i);
      assert.ok(cookie.split(/; ?/).includes(`Path=${prefix}/`), cookie);
      assert.doesNotMatch(cookie, /Secure/i, 'plain http would not get it back');

      const me = await belfry.get(`${prefix}/api/me`, { headers: { cookie: cookie.split(';')[0] } });
      assert.equal(me.status, 200);
      assert.deepEqual([me.json.name, me.json.role, me.json.signed_in], ['admin', 'admin', true]);
      assert.equal(typeof me.json.version, 'string');
      assert.equal(typeof me.json.title, 'string');
    });

  test('a wrong key is 401 and sets nothing', async () => {
    const answer = await login(`bfy_aaaaaaaaaaaa_${'b'.repeat(43)}`);
    expect.problem(answer, 401);
    assert.equal(cookieOf(answer), '');
    expect.problem(await belfry.post('/api/login', {}), 422, { pointer: '/key' });
    expect.problem(await belfry.post('/api/login', { key: 5 }), 422, { pointer: '/key' });
    expect.problem(await belfry.post('/api/login', 'key=x', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }), 415);
  });

  test('signing out ends it, also for a copy of the cookie', async () => {
    const cookie = cookieOf(await login(belfry.adminKey)).split(';')[0];
    assert.equal((await belfry.get('/stats', { headers: { cookie } })).status, 200);
    const out = await belfry.post('/api/logout', '', { headers: { cookie } });
    assert.ok([200, 204].includes(out.status), out.text);
    assert.match(cookieOf(out), /Max-Age=0|Expires=Thu, 01 Jan 1970/i);
    expect.problem(await belfry.get('/stats', { headers: { cookie } }), 401);
  });

  test('a sign-in that is used lasts on, from half of its time', async () => {
    // A key that ends earlier than a sign-in would: every look is in the second half.
    const made = await belfry.post('/api/keys', { name: 'short', role: 'viewer', expires_in: 3600 }, { key: belfry.adminKey });
    const signed = await login(made.json.key);
    const cookie = cookieOf(signed).split(';')[0];
    const seen = await belfry.get('/api/visitor', { headers: { cookie } });
    assert.equal(seen.status, 200);
    assert.match(cookieOf(seen), /^belfry-[^=]+=[^;]+; .*HttpOnly; SameSite=Strict/);
    assert.equal(cookieOf(seen).split(';')[0], cookie, 'the same sign-in');
    assert.equal(seen.json.expires, made.json.expires, 'never longer than its key');
    const fresh = await login(belfry.adminKey);
    const again = await belfry.get('/api/visitor', { headers: { cookie: cookieOf(fresh).split(';')[0] } });
    assert.equal(cookieOf(again), '', 'nothing to extend yet');
  });

  test('nobody is told so by /api/me', async () => {
    expect.problem(await belfry.get('/api/me'), 401);
    const visitor = await belfry.get('/api/visitor');
    assert.equal(visitor.status, 200);
    assert.equal(visitor.json.role, 'none');
    assert.equal(visitor.json.signed_in, false);
    expect.problem(await belfry.get('/api/visitor', { key: `bfy_aaaaaaaaaaaa_${'b'.repeat(43)}` }), 401);
  });

  test('a page of another site cannot act with the cookie', async () => {
    const cookie = cookieOf(await login(belfry.adminKey)).split(';')[0];
    const act = (headers) => belfry.post('/api/keys', { name: 'csrf', role: 'viewer' }, { headers: { cookie, ...headers } });
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${belfry.port + 1}`, `http://127.0.0.1:${belfry.port}.evil.example`])
      expect.problem(await act({ origin }), 403);
    assert.equal((await act({ origin: belfry.url })).status, 201);
    expect.problem(await belfry.post('/api/login', { key: belfry.adminKey }, { headers: { origin: 'https://evil.example' } }), 403);
    expect.problem(await belfry.post('/api/logout', '', { headers: { cookie, origin: 'https://evil.example' } }), 403);
    assert.equal((await belfry.get('/stats', { headers: { cookie } })).status, 200, 'still signed in');
  });

  test('a cookie of another instance or of nobody means nothing', async () => {
    const value = cookieOf(await login(belfry.adminKey)).split(';')[0].split('=')[1];
    expect.problem(await belfry.get('/stats', { headers: { cookie: `belfry-other=${value}` } }), 401);
    expect.problem(await belfry.get('/stats', { headers: { cookie: `belfry-test=${'x'.repeat(43)}` } }), 401);
  });

  test('a sign-in survives the restart of every daemon', async () => {
    const cookie = cookieOf(await login(belfry.adminKey)).split(';')[0];
    for (const name of ['belfry-fcgi', 'belfry-historyd']) await belfry.restart(name);
    await belfry.untilHealthy();
    assert.equal((await belfry.get('/stats', { headers: { cookie } })).status, 200);
  });
});

test('guessing at the sign-in is slowed down', async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => login(`bfy_aaaaaaaaaaaa_${String(n).padStart(43, 'x')}`)),
  );
  for (const answer of answers) assert.ok([401, 429].includes(answer.status), answer.text);
  for (const answer of answers.filter((one) => one.status === 429)) {
    expect.problem(answer, 429);
    assert.ok(Number(answer.headers['retry-after']) > 0);
  }
});

test('read_role none opens reading, and nothing else', async () => {
  const open = await start({ conf: { access: { read_role: 'none' } } });
  try {
    assert.equal((await open.get('/stats')).status, 200);
    const me = await open.get('/api/me');
    assert.equal(me.status, 200);
    assert.equal(me.json.signed_in, false);
    expect.problem(await open.post('/api/events', { event: 'x' }), 401);
    expect.problem(await open.get('/api/keys'), 401);
    const client = open.ws('/ws', { key: null });
    await client.next('connected');
  } finally {
    await open.stop();
  }
});
