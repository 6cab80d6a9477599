/*
 * API keys in full: lists, one by one, new secrets, when they were last seen; what the roles that stand apart may do;
 * /metrics without a key from where that is allowed.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { programPath, run, start } from './harness.mjs';

let belfry;
before(async () => (belfry = await start({ conf: { access: { metrics_from: '127.0.0.0/29, ::1' } } })));
after(() => belfry?.stop());

const asAdmin = (method, target) => belfry.request(method, target, { key: belfry.adminKey });

async function makeKey(name, role, more = {}) {
  const made = await belfry.post('/api/keys', { name, role, ...more }, { key: belfry.adminKey });
  assert.equal(made.status, 201, made.text);
  return made.json;
}

describe('keys', () => {
  test('are listed a page at a time, and by role', async () => {
    for (const [name, role] of [['k1', 'viewer'], ['k2', 'ingest'], ['k3', 'viewer']]) await makeKey(name, role);
    const names = [];
    let cursor = '';
    do {
      const page = await asAdmin('GET', `/api/keys?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      assert.ok(page.json.keys.length <= 3);
      names.push(...page.json.keys.map((key) => key.name));
      cursor = page.json.next_cursor;
    } while (cursor);
    assert.deepEqual(names, ['admin', 'k1', 'k2', 'k3']);
    assert.deepEqual((await asAdmin('GET', '/api/keys?role=viewer')).json.keys.map((key) => key.name), ['k1', 'k3']);
    for (const query of ['cursor=x', 'cursor=5', 'limit=1001', 'role=root']) expect.problem(await asAdmin('GET', `/api/keys?${query}`), 400);
  });

  test('are seen one by one', async () => {
    const { key, ...made } = await makeKey('single', 'operator', { expires_in: '1h' });
    const seen = await asAdmin('GET', `/api/keys/${made.id}`);
    assert.deepEqual(seen.json, made);
    assert.ok(!seen.text.includes(key.slice(-20)));
    assert.match(seen.json.expires, expect.RFC3339);
    assert.deepEqual([(await asAdmin('HEAD', `/api/keys/${made.id}`)).status], [200]);
    expect.problem(await asAdmin('GET', '/api/keys/aaaaaaaaaaaa'), 404);
    expect.problem(await asAdmin('PUT', `/api/keys/${made.id}`), 405);
    expect.problem(await belfry.get(`/api/keys/${made.id}`, { key }), 403);
  });

  test('tell when they were last seen, without a write for each request', async () => {
    const { key, id, last_used } = await makeKey('seen', 'viewer');
    assert.equal(last_used, null);
    await belfry.get('/stats', { key });
    const first = await belfry.until(async () => (await asAdmin('GET', `/api/keys/${id}`)).json.last_used, 'it is told');
    assert.match(first, expect.RFC3339);
    for (let i = 0; i < 5; i++) await belfry.get('/stats', { key });
    const before = (await asAdmin('GET', '/stats')).json.metrics.total_events;
    assert.equal((await asAdmin('GET', `/api/keys/${id}`)).json.last_used, first, 'a minute counts as one moment');
    assert.equal((await asAdmin('GET', '/stats')).json.metrics.total_events, before, 'it is no event');
  });

  test('that only hold a push connection were seen, too', async () => {
    const { key, id } = await makeKey('pushed', 'viewer');
    await belfry.ws('/ws', { key }).next('connected');
    await belfry.until(async () => (await asAdmin('GET', `/api/keys/${id}`)).json.last_used, 'it is told');
  });

  test('get a new secret; the old one is good for as long as was asked for', async () => {
    const made = await makeKey('turning', 'viewer');
    const client = belfry.ws('/ws', { key: made.key });
    await client.next('connected');
    const kept = await asAdmin('POST', `/api/keys/${made.id}/rotate?keep=1h`);
    assert.equal(kept.status, 200, kept.text);
    assert.deepEqual([kept.json.id, kept.json.name, kept.json.role], [made.id, 'turning', 'viewer']);
    assert.notEqual(kept.json.key, made.key);
    for (const key of [made.key, kept.json.key]) assert.equal((await belfry.get('/stats', { key })).status, 200);
    const old = (await belfry.get('/api/me', { key: made.key })).json;
    assert.equal(old.expires, kept.json.previous_until);
    assert.equal((await belfry.get('/api/me', { key: kept.json.key })).json.expires, null);

    const gone = await asAdmin('POST', `/api/keys/${made.id}/rotate`);
    assert.equal(gone.json.previous_until, null);
    for (const key of [made.key, kept.json.key]) expect.problem(await belfry.get('/stats', { key }), 401);
    assert.equal((await belfry.get('/stats', { key: gone.json.key })).status, 200);
    expect.problem(await asAdmin('POST', `/api/keys/${made.id}/rotate?keep=31d`), 400);
    expect.problem(await asAdmin('POST', '/api/keys/aaaaaaaaaaaa/rotate'), 404);
    expect.problem(await asAdmin('GET', `/api/keys/${made.id}/rotate`), 405);
    const { events } = (await asAdmin('GET', `/api/events?event=audit&q=${made.id}&order=asc`)).json;
    assert.deepEqual(events.map(({ data }) => data.action), ['key_created', 'key_rotated', 'key_rotated']);
  });

  test('get a new secret from the command line', async () => {
    const made = await makeKey('by hand', 'viewer');
    const environment = { BELFRY_URL: `${belfry.url}/`, BELFRY_KEY: belfry.adminKey };
    const turned = await run(programPath('belfry'), ['keys', 'rotate', made.id, '--keep', '5m'], { env: environment });
    assert.equal(turned.status, 0, turned.stderr);
    assert.equal((await belfry.get('/stats', { key: turned.stdout.trim() })).status, 200);
  });
});

describe('roles', () => {
  /** What each may do: 403 for all else that there is. */
  const doors = [
    ['GET', '/stats', 'viewer'],
    ['GET', '/api/events', 'viewer'],
    ['GET', '/api/logs', 'viewer'],
    ['GET', '/api/metrics', 'viewer'],
    ['GET', '/api/keys', 'admin'],
    ['GET', '/api/users', 'admin'],
    ['DELETE', '/api/logs?source=nobody', 'admin'],
    ['POST', '/api/events', 'ingest'],
    ['POST', '/api/logs', 'ingest'],
    ['POST', '/api/metrics', 'ingest'],
    ['GET', '/metrics', 'scrape'],
  ];
  const allows = { viewer: ['viewer'], operator: ['viewer'], ingest: ['ingest'], scrape: ['scrape'], admin: ['viewer', 'admin', 'ingest', 'scrape'] };
  for (const [role, needed] of Object.entries(allows))
    test(`${role} opens what it should and nothing else`, async () => {
      const { key } = await makeKey(`door-${role}`, role);
      for (const [method, target, need] of doors) {
        const answer = await belfry.request(method, target, { key });
        if (needed.includes(need)) assert.ok(![401, 403].includes(answer.status), `${method} ${target}: ${answer.text}`);
        else expect.problem(answer, 403);
      }
    });
});

test('/metrics needs no key from where access.metrics_from says, but a wrong one is still wrong', async () => {
  assert.equal((await belfry.get('/metrics')).status, 200);
  expect.problem(await belfry.get('/metrics', { key: `bfy_aaaaaaaaaaaa_${'b'.repeat(43)}` }), 401);
  expect.problem(await belfry.get('/stats'), 401);
  expect.problem(await belfry.get('/metrics', { key: (await makeKey('m', 'viewer')).key }), 403);
  belfry.conf.access.metrics_from = '192.0.2.0/24';
  belfry.writeConf();
  await belfry.restart('belfry-fcgi');
  await belfry.untilHealthy();
  expect.problem(await belfry.get('/metrics', { headers: { 'x-forwarded-for': '192.0.2.1' } }), 401);
});
