/*
 * GET /status: one word for each part of Belfry, for the agents and for every watched service.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { freePort, start } from './harness.mjs';
import { hasManners } from './state_lists.mjs';

let belfry, key, service;
before(async () => {
  service = http.createServer((request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const services = [
    { name: 'shop', port: service.address().port },
    { name: 'gone', port: await freePort() },
    { name: 'metrics', port: service.address().port },
  ];
  belfry = await start({ conf: { services, watch: { interval: '1s' }, thresholds: { restart_failures: 1 } } });
  key = await belfry.makeKey('viewer');
});
after(async () => {
  await belfry?.stop();
  service?.close();
});

const status = async () => {
  const answer = await belfry.get('/status', { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};

test('every part and every service has its word', async () => {
  const json = await belfry.until(async () => {
    const now = await status();
    return now.gone === 'unhealthy' && !Object.values(now.services).includes('unknown') && now;
  }, 'the services were checked');
  for (const part of ['agents', 'api', 'websocket', 'history', 'watch']) assert.equal(json[part], 'healthy', part);
  assert.equal(json.status, 'unhealthy', 'as bad as the worst');
  for (const [name, word] of Object.entries(json.services)) assert.equal(word, name === 'gone' ? 'unhealthy' : 'healthy', name);
  assert.equal(json.shop, 'healthy');
  assert.equal(json.services.metrics, 'healthy');
  assert.equal(json.metrics.active_agents, 0, 'a service does not take the place of what is ours');
  assert.ok(json.metrics.total_requests > 0);
});

test('an agent that failed at last makes agents degraded', async () => {
  await belfry.deliver([{ event: 'agent_execution_completed', data: { agent_name: 'a', success: false } }]);
  assert.equal((await status()).agents, 'degraded');
  await belfry.deliver([{ event: 'agent_execution_completed', data: { agent_name: 'a', success: true } }]);
  assert.equal((await status()).agents, 'healthy');
});

test('manners', () => hasManners(belfry, key, '/status'));

test('requests are counted without a new ETag; a part that ends makes one', async () => {
  const first = await belfry.get('/status', { key });
  const second = await belfry.until(async () => {
    const answer = await belfry.get('/status', { key });
    return answer.json.metrics.total_requests > first.json.metrics.total_requests && answer;
  }, 'requests are counted');
  assert.equal(second.headers.etag, first.headers.etag);
  await belfry.kill('belfry-pushd');
  const without = await belfry.until(async () => {
    const answer = await belfry.get('/status', { key });
    return answer.json.websocket !== 'healthy' && answer;
  }, 'it is known to be gone');
  assert.equal(without.json.websocket, 'degraded');
  assert.notEqual(without.headers.etag, first.headers.etag);
});
