/*
 * Pauses: a service that an operator has paused is not probed, is no failure and does not count in uptimes; it comes back when
 * somebody says so, or by itself when the time is over, also over restarts.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { start } from './harness.mjs';

let belfry, operator, viewer, server, silent;
const asked = { paused: 0, other: 0 };

before(async () => {
  server = http.createServer((request, response) => {
    asked[request.url.slice(1)]++;
    response.writeHead(server.status ?? 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  silent = net.createServer(() => silent.emit('asked')); // takes a connection and never answers
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = server.address();
  belfry = await start({
    conf: {
      watch: { interval: '1s', host_interval: '1h', timeout: '60s', retries: 0 },
      services: [
        { name: 'shop', port, health_endpoint: '/paused' },
        { name: 'other', port, health_endpoint: '/other' },
        { name: 'silent', port: silent.address().port, health_endpoint: '/' },
      ],
    },
  });
  operator = await belfry.makeKey('operator');
  viewer = await belfry.makeKey('viewer');
});
after(async () => {
  await belfry?.stop();
  server?.close();
  silent?.close();
});

const service = async (name) => (await belfry.get(`/api/services/${name}`, { key: viewer })).json;
const pause = (name, body = {}, key = operator) => belfry.post(`/api/services/${name}/pause`, body, { key });
const resume = (name, key = operator) => belfry.post(`/api/services/${name}/resume`, '', { key });
const until = (name, status) => belfry.until(async () => (await service(name)).status === status, `${name} is ${status}`);
/** Waits until the other service was asked several times, which the paused one would have been too. */
async function othersAreAsked() {
  const from = asked.other;
  await belfry.until(() => asked.other >= from + 3, 'the other service is probed');
}

test('services as a list and one by one', async () => {
  await until('shop', 'up');
  const { json } = await belfry.get('/api/services', { key: viewer });
  assert.deepEqual(json.services.map(({ name }) => name), ['belfry-fcgi', 'belfry-historyd', 'belfry-pushd', 'other', 'shop', 'silent']);
  assert.equal(json.next_cursor, null);
  const one = await service('shop');
  assert.equal(one.message, 'HTTP 200');
  assert.equal(one.pause, undefined);
  assert.equal((await belfry.get('/api/services/nobody', { key: viewer })).status, 404);
});

test('who may pause what', async () => {
  assert.equal((await pause('shop', {}, viewer)).status, 403);
  assert.equal((await pause('nobody')).status, 404);
  assert.equal((await resume('nobody')).status, 404);
  assert.equal((await resume('shop')).status, 409);
  assert.equal((await pause('shop', { duration: 0 })).status, 422);
});

test('a paused service is not probed and shows as paused everywhere', async () => {
  const answer = await pause('shop', { comment: 'new <b>shelves</b>' });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json.service, answer.json.until, answer.json.by, answer.json.comment], ['shop', null, 'test-operator', 'new <b>shelves</b>']);
  assert.equal((await pause('shop')).status, 409);
  await until('shop', 'paused');
  const from = asked.paused;
  server.status = 500;
  await othersAreAsked();
  await until('other', 'down');
  assert.equal(asked.paused, from);
  const one = await service('shop');
  assert.deepEqual([one.pause.by, one.pause.comment, one.message], ['test-operator', 'new <b>shelves</b>', 'by test-operator: new <b>shelves</b>']);
  assert.equal(one.uptime_percent['1h'], 100);
  const { json: health } = await belfry.get('/api/health', { key: viewer });
  assert.equal(health.services.find(({ name }) => name === 'shop').status, 'paused');
  assert.equal((await belfry.get('/status', { key: viewer })).json.shop, 'paused');
  assert.match((await belfry.get('/metrics', { key: belfry.adminKey })).text, /^monitor_status\{monitor_name="shop".*\} 3$/m);
  const { json: changes } = await belfry.get('/api/events?event=health_changed&order=asc', { key: viewer });
  const of = changes.events.filter(({ data }) => data.service === 'shop');
  assert.deepEqual(of.map(({ data }) => [data.previous, data.status]), [['unknown', 'up'], ['up', 'paused']]);
  assert.equal(of[1].severity, 'info');
  const { json: audits } = await belfry.get('/api/events?event=audit', { key: viewer });
  assert.ok(audits.events.some(({ data }) => data.action === 'service_paused' && data.service === 'shop' && data.comment), JSON.stringify(audits));
  const checked = await belfry.post('/api/health-check', { service: 'shop', timeout: 20 }, { key: operator });
  assert.equal(checked.status, 200); // there is nothing to wait for
  assert.equal(asked.paused, from);
});

test('a restart changes nothing of it', async () => {
  const from = asked.paused;
  await belfry.restart('belfry-watchd');
  await othersAreAsked();
  assert.equal(asked.paused, from);
  assert.equal((await service('shop')).status, 'paused');
  const { json } = await belfry.get('/api/events?event=health_changed', { key: viewer });
  assert.equal(json.events.filter(({ data }) => data.service === 'shop').length, 2);
});

test('resumed, it is what its next check says', async () => {
  assert.equal((await resume('shop')).status, 204);
  assert.equal((await resume('shop')).status, 409);
  await until('shop', 'down');
  server.status = 200;
  await until('shop', 'up');
  const { json } = await belfry.get('/api/events?event=health_changed&order=asc', { key: viewer });
  assert.deepEqual(json.events.filter(({ data }) => data.service === 'shop').map(({ data }) => [data.previous, data.status]).slice(2), [['paused', 'down'], ['down', 'up']]);
});

test('a pause with a duration ends by itself, and another one may follow', async () => {
  for (let i = 0; i < 2; i++) {
    const answer = await pause('shop', { duration: '1s' });
    assert.equal(Date.parse(answer.json.until) - Date.parse(answer.json.since), 1000);
    await until('shop', 'paused');
    await until('shop', 'up');
  }
  assert.equal((await resume('shop')).status, 409);
});

test('a check that runs is ended by the pause', async () => {
  await Promise.all([once(silent, 'connection'), belfry.restart('belfry-watchd')]); // it is waited for, for a minute
  assert.equal((await pause('silent')).status, 200);
  await until('silent', 'paused');
  assert.equal((await belfry.get('/api/loop-status', { key: viewer })).status, 200);
  assert.equal((await resume('silent')).status, 204);
  await once(silent, 'connection');
});
