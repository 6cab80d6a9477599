/*
 * What is asked of the watcher through the API: the health snapshot, those of the past, a check now, the loop's own
 * state; over services of the tests' own that come and go.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { freePort, start } from './harness.mjs';

let belfry, service, port, answer;
const keys = {};

before(async () => {
  port = await freePort();
  answer = { status: 200, delay: 0 };
  service = http.createServer((request, response) => {
    const { status, delay } = answer;
    setTimeout(() => response.writeHead(status).end('{"status":"ok"}'), delay);
  });
  service.listen(port, '127.0.0.1');
  await once(service, 'listening');
  belfry = await start({
    conf: {
      // So long that no check comes by itself while the tests run.
      watch: { interval: '1h', host_interval: '1s', retries: 1, retry_delay: '50ms' },
      services: [
        { name: 'shop', port, health_endpoint: '/health', degraded_latency: '400ms' },
        { name: 'nobody', port: await freePort() },
      ],
    },
  });
  for (const role of ['viewer', 'operator']) keys[role] = await belfry.makeKey(role, role);
  await belfry.until(async () => (await of('shop')).status === 'up' && (await of('nobody')).status === 'down', 'both were checked');
});
after(async () => {
  await belfry?.stop();
  service?.close();
});

const snapshot = async () => {
  const answer = await belfry.get('/api/health', { key: keys.viewer });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const of = async (name, from) => (from ?? (await snapshot())).services.find((one) => one.name === name) ?? {};
const check = (body = {}, key = keys.operator) => belfry.post('/api/health-check', body, { key });
const changes = async (name) =>
  (await belfry.get('/api/events?event=health_changed&order=asc&limit=1000', { key: keys.viewer })).json.events
    .filter((event) => event.data.service === name)
    .map((event) => event.data.status);

test('the snapshot tells of everything', async () => {
  await belfry.until(async () => 'cpu_percent' in (await snapshot()).host, 'the host was measured');
  const now = await snapshot();
  assert.equal(now.overall, 'unhealthy', 'nobody is down');
  assert.equal(now.watching, true);
  const shop = await of('shop', now);
  assert.deepEqual(Object.keys(shop.uptime_percent), ['1h', '24h', '7d', '30d', '1y']);
  assert.equal(shop.uptime_percent['24h'], 100);
  assert.equal((await of('nobody', now)).uptime_percent['24h'], 0);
  assert.ok(shop.latency_ms >= 0 && shop.message === 'HTTP 200');
  assert.equal(shop.sparkline.at(-1), shop.latency_ms);
});

test('a check now finds what has changed, and says so over the push connection', async () => {
  const client = belfry.ws('/ws?events=health_*');
  await client.next('connected');
  for (const [status, wanted] of [[500, 'down'], [200, 'up']]) {
    answer.status = status;
    const from = client.messages.length;
    const found = await check({ service: 'shop' });
    assert.equal(found.status, 200, found.text);
    assert.equal((await of('shop', found.json)).status, wanted);
    const changed = await client.next('health_changed', { from });
    assert.equal(changed.data.service, 'shop');
    assert.equal(changed.data.status, wanted);
    const told = await client.next('health_checked', { from });
    assert.equal(told.data.checked, 1);
    assert.equal(told.data[wanted], 1);
    assert.equal(told.data.asked_by, 'operator');
  }
  client.terminate();
});

test('what failed once and not again is no change', async () => {
  const before = await changes('shop');
  answer.status = 503;
  service.once('request', () => (answer.status = 200)); // after the listener that answers
  assert.equal((await of('shop', (await check({ service: 'shop' })).json)).status, 'up');
  assert.deepEqual(await changes('shop'), before);
});

test('a slow service is degraded', async () => {
  answer.delay = 500;
  const slow = await of('shop', (await check({ service: 'shop' })).json);
  assert.equal(slow.status, 'degraded');
  assert.match(slow.message, /^slow, \d+ ms: HTTP 200$/);
  answer.delay = 0;
  assert.equal((await of('shop', (await check({ service: 'shop' })).json)).status, 'up');
});

test('all are checked without a name, for two who ask at a time', async () => {
  const before = await snapshot();
  const answers = await Promise.all([check(), check({ service: 'nobody' })]);
  for (const one of answers) assert.equal(one.status, 200, one.text);
  const now = await snapshot();
  for (const one of now.services) assert.ok(one.last_check > (await of(one.name, before)).last_check, one.name);
});

test('one that takes longer than is waited for is answered 202, and goes on', async () => {
  answer.delay = 1500;
  const later = await check({ service: 'shop', timeout: 0 });
  assert.equal(later.status, 202, later.text);
  assert.equal(later.json.state, 'asked');
  const finished = async () =>
    (await belfry.get('/api/events?event=health_checked', { key: keys.viewer })).json.events.some(
      (event) => event.data.task_id === later.json.task_id,
    );
  await belfry.until(finished, 'the check is told to be over');
  answer.delay = 0;
});

test('who may, and what is refused', async () => {
  expect.problem(await check({}, keys.viewer), 403);
  const unknown = await check({ service: 'shopp' });
  expect.problem(unknown, 422);
  assert.deepEqual(unknown.json.errors.map((one) => one.pointer), ['/service']);
  expect.problem(await check({ service: '' }), 422);
  expect.problem(await check({ timeout: 'long' }), 422);
  expect.problem(await check({ timeout: -1 }), 422);
  expect.problem(await belfry.get('/api/history?step=60s', { key: keys.viewer }), 400);
  expect.problem(await belfry.get('/api/history?limit=1001', { key: keys.viewer }), 400);
  expect.problem(await belfry.get('/api/history?metric=service_up&limit=5', { key: keys.viewer }), 400);
});

test('the loop tells of itself', async () => {
  const { json } = await belfry.get('/api/loop-status', { key: keys.viewer });
  assert.equal(json.running, true);
  assert.equal(json.interval_seconds, 3600);
  assert.equal(json.services, (await snapshot()).services.length);
  assert.ok(json.checks_total >= json.services && json.late === 0 && json.lateness_p99_ms >= 0, JSON.stringify(json));
  assert.ok(Date.parse(json.last_run) <= Date.now() && Date.parse(json.next_run) > Date.now(), JSON.stringify(json));
});

test('without the watcher nothing is called known, and a check is refused', async () => {
  await belfry.kill('belfry-watchd');
  await belfry.until(async () => (await snapshot()).watching === false, 'the snapshot says that nobody watches');
  assert.equal((await belfry.get('/api/loop-status', { key: keys.viewer })).json.running, false);
  const refused = await check();
  expect.problem(refused, 503);
  assert.match(refused.json.detail, /belfry-watchd/);
  belfry.startProgram('belfry-watchd');
  await belfry.until(async () => (await check({ service: 'shop' })).status === 200, 'it is checked again');
});

test('what was asked while nobody watched is not done long after', async () => {
  await belfry.kill('belfry-watchd'); // its row still says that it runs
  const later = await check({ service: 'shop', timeout: 0 });
  assert.equal(later.status, 202, later.text);
  belfry.startProgram('belfry-watchd');
  const done = async () =>
    (await belfry.get('/api/events?event=health_checked', { key: keys.viewer })).json.events.some(
      (event) => event.data.task_id === later.json.task_id,
    );
  await belfry.until(done, 'soon after it is still done');
});

test('snapshots of the past, at the interval', async (t) => {
  const own = await start({ conf: { watch: { interval: '1s', host_interval: '1s' }, services: [{ name: 'shop', port, health_endpoint: '/health' }] } });
  t.after(() => own.stop());
  const past = async (query = '') => (await own.get(`/api/history${query}`, { key: own.adminKey })).json.snapshots;
  const shop = (one) => one.services.find((service) => service.name === 'shop').status;
  await own.until(async () => (await past()).some((one) => shop(one) === 'up'), 'shop was up');
  answer.status = 500;
  await own.until(async () => (await past()).some((one) => shop(one) === 'down' && one.overall === 'unhealthy'), 'shop was down');
  answer.status = 200;
  await own.until(async () => shop((await past('?limit=1'))[0] ?? { services: [{ name: 'shop' }] }) === 'up', 'shop is up again');
  const all = await past('?limit=1000');
  const times = all.map((one) => Date.parse(one.timestamp));
  assert.deepEqual(times, [...times].sort((a, b) => b - a), 'the newest first');
  assert.ok(times.every((time) => time % 1000 === 0));
  assert.ok(all.some((one) => one.host.cpu_percent >= 0));
  const word = all.map(shop).filter((status) => status !== 'unknown').reverse().join(' ');
  assert.match(word, /^(up )+(down )+up( up)*$/);
  assert.equal((await past(`?to=${all[1].timestamp}&limit=1`))[0].timestamp, all[1].timestamp);
});
