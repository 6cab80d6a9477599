/*
 * /health and /stats: what they say, to whom, and how they can be asked.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry;
before(async () => (belfry = await start()));
after(() => belfry?.stop());

test('/health tells everybody how Belfry is, and nothing secret', async () => {
  const { status, json, text } = await belfry.get('/health');
  assert.equal(status, 200);
  assert.equal(json.status, 'healthy');
  assert.equal(json.service, 'belfry');
  assert.match(json.version, /^\d+\.\d+/);
  assert.match(json.timestamp, expect.RFC3339);
  assert.equal(typeof json.uptime_seconds, 'number');
  assert.ok('uptime' in json);
  assert.equal(typeof json.connected_clients, 'number');
  assert.ok('connections' in json);
  assert.equal(typeof json.checks, 'object');
  assert.doesNotMatch(text, /bfy_|admin\.token/);
  assert.ok(!text.includes(belfry.dir), 'no path of the machine');
});

test('/health counts the connected clients', async () => {
  const clients = [belfry.ws(), belfry.ws('/ws/dashboard'), belfry.sse()];
  await Promise.all(clients.map((client) => client.next('connected')));
  await belfry.until(async () => (await belfry.get('/health')).json.connected_clients === 3, 'three clients are counted');
  for (const client of clients) client.terminate();
  await belfry.until(async () => (await belfry.get('/health')).json.connected_clients === 0, 'none are counted');
});

test('/health says what is missing while a daemon is down', async () => {
  await belfry.terminate('belfry-watchd');
  const answer = await belfry.until(async () => {
    const health = await belfry.get('/health');
    return health.json?.status !== 'healthy' && health;
  }, 'the missing daemon is noticed');
  assert.ok(['degraded', 'unhealthy'].includes(answer.json.status));
  assert.equal(answer.status, answer.json.status === 'unhealthy' ? 503 : 200);
  belfry.startProgram('belfry-watchd');
  await belfry.untilHealthy();
});

test('/stats has the totals, and they follow the events', async () => {
  const before = await belfry.get('/stats', { key: belfry.adminKey });
  assert.equal(before.status, 200);
  for (const name of [
    'total_events',
    'total_agents_executed',
    'total_opportunities_discovered',
    'avg_quality_score',
    'system_uptime_seconds',
  ])
    assert.ok(name in before.json.metrics, name);
  for (const name of [
    'active_agents',
    'total_opportunities',
    'recent_events',
    'system_uptime_seconds',
    'connected_clients',
    'sessions',
  ])
    assert.ok(name in before.json, name);

  await belfry.deliver([
    { event: 'agent_execution_started', source: 's', data: { agent_name: 'a1' } },
    {
      event: 'agent_execution_completed',
      source: 's',
      data: { agent_name: 'a1', duration_ms: 5, success: true, quality_score: 80 },
    },
    { event: 'opportunity_discovered', source: 's', data: { opportunity_id: 'o1', title: 'T', confidence_score: 70 } },
    { event: 'quality_score_updated', source: 's', data: { quality_score: 90 } },
    { event: 'log', source: 's', data: { message: 'logs do not count' } },
  ]);
  const { json } = await belfry.get('/stats', { key: belfry.adminKey });
  assert.equal(json.metrics.total_events - before.json.metrics.total_events, 4);
  assert.equal(json.metrics.total_agents_executed, before.json.metrics.total_agents_executed + 1);
  assert.equal(json.metrics.total_opportunities_discovered, before.json.metrics.total_opportunities_discovered + 1);
  assert.equal(json.metrics.avg_quality_score, 85);
});

test('/stats carries an ETag and is answered 304 while nothing changed', async () => {
  // The host's values change now and then; between two asks in a row they mostly do not.
  await belfry.until(async () => {
    const first = await belfry.get('/stats', { key: belfry.adminKey });
    assert.ok(first.headers.etag, 'an ETag');
    const second = await belfry.get('/stats', {
      key: belfry.adminKey,
      headers: { 'if-none-match': first.headers.etag },
    });
    return second.status === 304 && second.bytes.length === 0;
  }, '304');
});

test('an ETag that went through compression is recognised', async () => {
  await belfry.until(async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const first = await belfry.get('/stats', { key: belfry.adminKey, headers });
    const second = await belfry.get('/stats', {
      key: belfry.adminKey,
      headers: { ...headers, 'if-none-match': `W/${first.headers.etag.replace(/^W\//, '')}` },
    });
    return second.status === 304;
  }, '304');
});

test('HEAD is GET without the body; OPTIONS and 405 name the methods', async () => {
  const head = await belfry.request('HEAD', '/health');
  assert.equal(head.status, 200);
  assert.equal(head.bytes.length, 0);
  const options = await belfry.request('OPTIONS', '/health');
  assert.ok([200, 204].includes(options.status));
  assert.match(options.headers.allow, /GET/);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    const answer = await belfry.request(method, '/health', { key: belfry.adminKey });
    expect.problem(answer, 405);
    assert.match(answer.headers.allow, /GET/);
  }
});

test('/stats is for viewers', async () => {
  const answer = await belfry.get('/stats');
  expect.problem(answer, 401);
  assert.ok(answer.headers['www-authenticate']);
  expect.problem(await belfry.get('/stats', { key: await belfry.makeKey('ingest') }), 403);
  assert.equal((await belfry.get('/stats', { key: await belfry.makeKey('viewer') })).status, 200);
});
