/*
 * Incidents: what a service went through becomes times with a beginning, an end and a cause.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';
import { allPages, hasManners } from './state_lists.mjs';

let belfry, server, key, answer;
const names = ['shop', 'bank', 'farm']; // few changes of each, or it would be flapping

before(async () => {
  answer = {};
  server = http.createServer((request, response) => {
    const { status = 200, delay = 0 } = answer[request.url.slice(1)] ?? {};
    setTimeout(() => response.writeHead(status).end(), delay);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  belfry = await start({
    conf: {
      watch: { interval: '1h', host_interval: '1h', retries: 0 },
      services: names.map((name) => ({ name, port: server.address().port, health_endpoint: `/${name}`, degraded_latency: '200ms' })),
    },
  });
  key = await belfry.makeKey('viewer');
  for (const name of names) await become(name, 'up', {});
});
after(async () => {
  await belfry?.stop();
  server?.close();
});

/** Makes a service answer so, and has it looked at. */
async function become(name, status, how) {
  answer[name] = how;
  const found = await belfry.post('/api/health-check', { service: name }, { key: belfry.adminKey });
  assert.equal(found.status, 200, found.text);
  assert.equal(found.json.services.find((one) => one.name === name).status, status);
}
const list = async (query = '') => {
  const found = await belfry.get(`/api/incidents${query}`, { key });
  assert.equal(found.status, 200, found.text);
  return found.json.incidents;
};

test('nothing went wrong yet', async () => {
  assert.deepEqual(await list('?service=shop'), []);
});

test('one that goes on has no end, and grows', async () => {
  await become('shop', 'degraded', { delay: 300 });
  const [slow] = await list('?service=shop');
  assert.equal(slow.status, 'degraded');
  assert.equal(slow.end, null);
  assert.match(slow.cause, /^slow, /);
  await become('shop', 'down', { status: 503 });
  const [open, ...more] = await list('?service=shop&open=true');
  assert.deepEqual(more, []);
  assert.equal(open.id, slow.id, 'it is the same one, which has become worse');
  assert.equal(open.status, 'down');
  assert.equal(open.cause, 'HTTP 503');
  assert.equal(open.start, slow.start);
  assert.ok(open.duration_seconds > slow.duration_seconds);
});

test('it ends when the service is up again', async () => {
  await become('shop', 'degraded', { delay: 300 });
  await become('shop', 'up', {});
  const [over, ...more] = await list('?service=shop');
  assert.deepEqual(more, []);
  assert.equal(over.status, 'down', 'the gravest of it');
  assert.ok(Date.parse(over.end) > Date.parse(over.start));
  assert.ok(Math.abs(over.duration_seconds - (Date.parse(over.end) - Date.parse(over.start)) / 1000) < 1e-6);
  assert.deepEqual(await list('?service=shop&open=true'), []);
  const { json } = await belfry.get(`/api/events/${over.id}`, { key });
  assert.equal(json.data.status, 'degraded', 'its id is that of the event that began it');
});

test('each service has its own, and times choose among them', async () => {
  await become('bank', 'down', { status: 500 });
  await become('farm', 'down', { status: 404 });
  const open = await list('?open=true');
  assert.deepEqual(open.map((one) => [one.service, one.cause]), [['farm', 'HTTP 404'], ['bank', 'HTTP 500']]);
  await become('bank', 'up', {});
  const [last] = await list('?service=bank&open=false');
  assert.equal(last.service, 'bank');
  assert.deepEqual((await list(`?to=${last.start}`)).map((one) => one.service), ['shop']);
  assert.ok((await list(`?from=${last.end}`)).every((one) => one.end === null || one.end > last.end));
  assert.deepEqual(await list('?service=nobody'), []);
});

test('pages, and manners', async () => {
  await become('farm', 'up', {});
  const all = (await list()).filter((one) => names.includes(one.service));
  assert.equal(all.length, 3);
  assert.deepEqual(await allPages(belfry, key, '/api/incidents?open=false', 'incidents', { limit: 1 }), all);
  assert.deepEqual(all.map((one) => one.start), all.map((one) => one.start).sort().reverse());
  await hasManners(belfry, key, '/api/incidents');
  await belfry.deliver([1, 2].map((n) => ({ event: 'agent_registered', data: { agent_name: `a${n}` } })));
  const foreign = (await belfry.get('/api/agents?limit=1', { key })).json.next_cursor;
  for (const [name, value] of [['limit', 0], ['limit', 1001], ['cursor', 'nonsense'], ['cursor', encodeURIComponent(foreign)]])
    expect.problem(await belfry.get(`/api/incidents?${name}=${value}`, { key }), 400, { pointer: name });
  expect.problem(await belfry.get('/api/incidents?open=perhaps', { key }), 400, { pointer: 'open' });
  expect.problem(await belfry.get('/api/incidents?from=soon', { key }), 400, { pointer: 'from' });
});
