/*
 * From what happens to who is told: an alert reaches its channels once when it fires and once when it is over, through
 * kills, and not while somebody has acknowledged or silenced it.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { start } from './harness.mjs';

let belfry, server, operator;
const health = {}; // of each service: the status that it answers
const messages = []; // that the hooks got, in their order

before(async () => {
  server = http.createServer((request, response) => {
    const name = request.url.slice(1);
    let body = '';
    request.setEncoding('utf8').on('data', (part) => (body += part));
    request.on('end', () => {
      if (request.method === 'POST') messages.push({ hook: name, ...JSON.parse(body) });
      response.writeHead(request.method === 'POST' ? 200 : (health[name] ?? 200)).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const hook = (name, more) => ({ name, type: 'webhook', url: `http://127.0.0.1:${port}/${name}`, group_wait: '100ms', retry_delay: '100ms', ...more });
  belfry = await start({
    conf: {
      watch: { interval: '1h', host_interval: '1h', retries: 0 },
      alerting: { defaults: false },
      services: ['shop', 'bank', 'farm', 'mill'].map((name) => ({ name, port, health_endpoint: `/${name}`, ...(name === 'mill' ? { depends_on: ['farm'] } : {}) })),
      alerts: [
        { name: 'down', services: ['*'], severity: 'critical', labels: ['team=red'], group: ['service'], summary: '{service} is down' },
        { name: 'quiet', services: ['shop'], channels: ['night'] },
      ],
      channels: [hook('day'), hook('grave', { min_severity: 'critical', send_resolved: false }), hook('night', { default: false })],
    },
  });
  operator = await belfry.makeKey('operator');
});
after(async () => {
  await belfry?.stop();
  server?.close();
});

const check = (service) => belfry.post('/api/health-check', { service }, { key: operator });
const become = async (service, status) => {
  health[service] = status;
  assert.equal((await check(service)).status, 200);
};
const alerts = async (query = '') => (await belfry.get(`/api/alerts${query}`, { key: operator })).json.alerts;
const alertOf = async (service, rule = 'down') => (await alerts(`?rule=${rule}`)).find(({ labels }) => labels.service === service);
const is = (service, state) => belfry.until(async () => (await alertOf(service))?.state === state, `${service}'s alert is ${state}`);
/** What a hook was told of a service, in words. */
const told = (hook, service, rule = 'down') =>
  messages.filter((message) => message.hook === hook).flatMap((message) => message.alerts).filter((alert) => alert.rule === rule && alert.labels.service === service).map(({ status }) => status);
const drained = () => belfry.until(async () => (await belfry.get('/api/channels', { key: operator })).json.channels.every(({ queued }) => queued === 0), 'nothing waits');

test('firing and over, once each, to those who are to hear of it', async () => {
  await become('shop', 503);
  await belfry.until(() => told('day', 'shop').length === 1, 'the day is told');
  const alert = await alertOf('shop');
  await belfry.until(async () => (await alertOf('shop')).notified, 'it is known that somebody was told');
  assert.equal(alert.message, 'shop is down');
  await belfry.until(() => told('night', 'shop', 'quiet').length === 1, 'the night is told');
  await become('shop', 200);
  await belfry.until(() => told('day', 'shop').length === 2 && told('night', 'shop', 'quiet').length === 2, 'and that it is over');
  await drained();
  assert.deepEqual(told('day', 'shop'), ['firing', 'resolved']);
  assert.deepEqual(told('grave', 'shop'), ['firing'], 'it wants nothing of what is over');
  assert.deepEqual(told('day', 'shop', 'quiet'), [], 'the rule names another channel');
  assert.deepEqual(told('night', 'shop'), []);
  const [message] = messages.filter(({ hook }) => hook === 'day');
  assert.equal(message.alerts[0].summary, 'shop is down');
  assert.deepEqual(message.alerts[0].labels, { alertname: 'down', service: 'shop', severity: 'critical', team: 'red' });
  const sent = (await belfry.get('/api/events?event=notification_sent&limit=100', { key: operator })).json.events;
  assert.equal(sent.filter(({ data }) => data.channel === 'day').length, 2, 'each message is on the timeline');
});

test('through kills at any moment it is neither lost nor told twice', async () => {
  for (const pause of [0, 20, 60, 120]) {
    const before = messages.length;
    await become('bank', 503);
    await is('bank', 'firing');
    await new Promise((resolve) => setTimeout(resolve, pause)); // a moment that is another each time, not a wait for something
    await belfry.kill('belfry-watchd');
    await belfry.restart('belfry-watchd');
    await belfry.until(() => messages.slice(before).some(({ hook, alerts: list }) => hook === 'day' && list.some(({ status }) => status === 'firing')), 'it is told that it fires');
    await become('bank', 200);
    await is('bank', 'ok');
    await belfry.kill('belfry-watchd');
    await belfry.restart('belfry-watchd');
    await belfry.until(() => messages.slice(before).some(({ hook, alerts: list }) => hook === 'day' && list.some(({ status }) => status === 'resolved')), 'it is told that it is over');
    await drained();
    const stati = messages.slice(before).filter(({ hook }) => hook === 'day').flatMap(({ alerts: list }) => list.map(({ status }) => status));
    // A kill between a channel's yes and the history's knowledge of it may tell the same again: at least once.
    assert.deepEqual([...new Set(stati)], ['firing', 'resolved']);
    assert.ok(stati.length <= 4, stati.join());
  }
});

test('what depends on something that is down is told when that is up and it itself is not', async () => {
  await become('farm', 503);
  await is('farm', 'firing');
  await become('mill', 503);
  await is('mill', 'silenced');
  await drained();
  assert.deepEqual(told('day', 'mill'), []);
  await become('farm', 200);
  await belfry.until(() => told('day', 'mill').length === 1, 'now the mill is told of');
  await become('mill', 200);
  await belfry.until(() => told('day', 'mill').length === 2, 'and that it is over');
});

test('what was over while it was silenced is not told of at all', async () => {
  const silence = await belfry.post('/api/silences', { service: 'mill', duration: '1h' }, { key: operator });
  assert.equal(silence.status, 201, silence.text);
  const before = told('day', 'mill').length;
  await become('mill', 503);
  await is('mill', 'silenced');
  await become('mill', 200);
  await is('mill', 'ok');
  await drained();
  assert.equal(told('day', 'mill').length, before);
  assert.equal((await belfry.request('DELETE', `/api/silences/${silence.json.id}`, { key: operator })).status, 204);
});

test('a rule that goes while nobody watches takes its alerts along, and says so', async () => {
  await become('bank', 503);
  await belfry.until(() => told('day', 'bank').at(-1) === 'firing', 'the day is told');
  await drained();
  await belfry.terminate('belfry-watchd');
  const conf = JSON.parse(fs.readFileSync(belfry.confPath, 'utf8'));
  fs.writeFileSync(belfry.confPath, JSON.stringify({ ...conf, alerts: conf.alerts.filter(({ name }) => name !== 'down') }));
  belfry.startProgram('belfry-watchd');
  await belfry.until(() => told('day', 'bank').at(-1) === 'resolved', 'and that it is over');
  await belfry.until(async () => (await alerts('?rule=down')).length === 0, 'nothing is left of it');
  const [event] = (await belfry.get('/api/events?event=alert_resolved&limit=1', { key: operator })).json.events;
  assert.equal(event.data.reason, 'the rule is gone');
});
