/*
 * Alerts: rules over metrics, services, events, log lines and absence; what becomes of one over time, through restarts
 * and changes of the configuration; acknowledging, silences, maintenance. Whom they are told is notifications.test.mjs.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';
import { allPages, hasManners } from './state_lists.mjs';

let belfry, server, key, operator, socket;
const status = {}; // of what each service answers

const services = ['shop', 'bank'].map((name) => ({ name, health_endpoint: `/${name}` }));
const alerts = [
  { name: 'shop_down', services: ['shop'], severity: 'critical', labels: ['team=red'], summary: '{service} of {team}: {message}' },
  { name: 'bank_down', services: ['bank'], depends_on: ['shop'] },
  { name: 'queue', metric: 'queue_depth', agg: 'max', by: ['queue'], above: '10', clear: '5', window: '2s', match: ['site=a'], summary: 'queue {queue} holds {value}' },
  { name: 'slow_queue', metric: 'queue_depth', agg: 'max', match: ['site=slow'], above: '10', window: '2s', for: '1h' },
  { name: 'late', metric: 'response_ms', agg: 'p95', above: '100', window: '1m' },
  { name: 'errors', events: ['error_*'], min_severity: 'error', sources: ['web*'], above: '2', window: '5s' },
  { name: 'disk_words', logs: '"no space" -test', window: '5s' },
  { name: 'heartbeat', events: ['backup_done'], absent: '3s' },
  { name: 'gauge_gone', metric: 'boiler_celsius', absent: '2s', by: ['boiler'] },
  { name: 'never_seen', metric: 'nobody_sends_this', above: '1' },
];

function configuration(extra = {}) {
  return {
    watch: { interval: '1h', host_interval: '1h', retries: 0 },
    alerting: { interval: '1s', defaults: false },
    services: services.map((service) => ({ ...service, port: server.address().port })),
    alerts,
    ...extra,
  };
}

before(async () => {
  server = http.createServer((request, response) => response.writeHead(status[request.url.slice(1)] ?? 200).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  belfry = await start({ conf: configuration() });
  key = await belfry.makeKey('viewer');
  operator = await belfry.makeKey('operator');
  socket = await belfry.ws('/ws?events=alert_*');
});
after(async () => {
  await belfry?.stop();
  server?.close();
});

const all = async (query = '') => (await belfry.get(`/api/alerts${query}`, { key })).json.alerts;
const of = async (rule, labels = {}) =>
  (await all(`?rule=${rule}`)).find((alert) => Object.entries(labels).every(([name, value]) => alert.labels[name] === value));
const is = (rule, state, labels) => belfry.until(async () => {
  const alert = await of(rule, labels);
  return alert?.state === state && alert;
}, `${rule} is ${state}`);
const told = (type, rule) => socket.messages.filter(({ event, data }) => event === type && data.rule === rule);
const check = (service) => belfry.post('/api/health-check', { service }, { key: operator });
const send = (metric, value, labels) => belfry.post('/api/metrics', { metric, value, labels }, { key: belfry.adminKey });

test('all rules are there, and what they ask can be read', async () => {
  await belfry.until(async () => (await belfry.get('/api/alert-rules', { key })).json.rules.length === alerts.length, 'all rules are there');
  await belfry.until(async () => (await belfry.get('/api/alert-rules', { key })).json.rules.every((rule) => rule.evaluated), 'all have been asked');
  const { rules } = (await belfry.get('/api/alert-rules', { key })).json;
  const about = Object.fromEntries(rules.map((rule) => [rule.name, rule.about]));
  assert.equal(about.queue, 'queue_depth max of 2s above 10');
  assert.equal(about.shop_down, 'services shop are down');
  assert.equal(about.errors, 'events error_* of 5s above 2');
  assert.equal(about.disk_words, 'log lines "no space" -test of 5s above 0');
  assert.equal(about.heartbeat, 'events backup_done absent for 3s');
  assert.deepEqual(rules.filter(({ error }) => error), []);
});

test('a metric that was never sent is unknown, not fine', async () => {
  const alert = await is('never_seen', 'unknown');
  assert.equal(alert.value, null);
  assert.equal(alert.fired, null);
});

test('a service that dies fires, and is over when it is back: once each, in the API and over the push connection', async () => {
  status.shop = 503;
  assert.equal((await check('shop')).status, 200);
  const alert = await is('shop_down', 'firing');
  assert.deepEqual(alert.labels, { alertname: 'shop_down', service: 'shop', severity: 'critical', team: 'red' });
  assert.equal(alert.severity, 'critical');
  assert.equal(alert.message, 'shop of red: HTTP 503');
  assert.match(alert.fired, expect.RFC3339);
  assert.equal((await belfry.get(`/api/alerts/${alert.id}`, { key })).json.message, alert.message);
  await belfry.until(() => told('alert_fired', 'shop_down').length, 'the push connection says so');
  const [fired] = told('alert_fired', 'shop_down');
  assert.equal(fired.severity, 'critical');
  assert.equal(fired.data.alert_id, alert.id);
  assert.equal(fired.data.service, 'shop');
  await check('shop'); // again bad: nothing new
  status.shop = 200;
  await check('shop');
  const over = await is('shop_down', 'ok');
  assert.equal(over.fired, null);
  assert.match(over.resolved, expect.RFC3339);
  await belfry.until(() => told('alert_resolved', 'shop_down').length, 'the push connection says so');
  assert.equal(told('alert_fired', 'shop_down').length, 1);
  assert.equal(told('alert_resolved', 'shop_down').length, 1);
});

test('a metric above its limit fires for each of its series by itself, and is over only below the other limit', async () => {
  await send('queue_depth', 11, { queue: 'mail', site: 'a' });
  await send('queue_depth', 4, { queue: 'print', site: 'a' });
  await send('queue_depth', 99, { queue: 'mail', site: 'b' });
  const alert = await is('queue', 'firing', { queue: 'mail' });
  assert.equal(alert.message, 'queue mail holds 11');
  assert.equal(alert.value, 11);
  assert.equal(await of('queue', { queue: 'print' }), undefined, 'what is good has no alert');
  await belfry.until(async () => {
    await send('queue_depth', 7, { queue: 'mail', site: 'a' });
    return (await of('queue', { queue: 'mail' })).value === 7;
  }, 'the figure is followed');
  assert.equal((await of('queue', { queue: 'mail' })).state, 'firing', 'between the limits it goes on');
  await belfry.until(async () => {
    await send('queue_depth', 5, { queue: 'mail', site: 'a' });
    return (await of('queue', { queue: 'mail' })).state === 'ok';
  }, 'it is over');
  assert.equal(told('alert_fired', 'queue').length, 1);
});

test('without figures it is unknown: one that fires goes on, as nobody knows better', async () => {
  await send('queue_depth', 20, { queue: 'gone', site: 'a' });
  await is('queue', 'firing', { queue: 'gone' });
  await belfry.until(async () => (await of('queue', { queue: 'gone' })).value === null, 'there is no figure any more');
  assert.equal((await of('queue', { queue: 'gone' })).state, 'firing');
  await is('queue', 'unknown', { queue: 'mail' });
});

test('what must last for an hour is pending', async () => {
  await send('queue_depth', 11, { queue: 'x', site: 'slow' });
  const alert = await is('slow_queue', 'pending');
  assert.equal(alert.fired, null);
  assert.equal(told('alert_fired', 'slow_queue').length, 0);
});

test('quantiles, events and log lines', async () => {
  for (let n = 0; n < 30; n++) await send('response_ms', n === 0 ? 900 : 10, {});
  await is('late', 'ok'); // a single slow one of thirty
  await belfry.post('/api/metrics', Array.from({ length: 30 }, (_, n) => ({ metric: 'response_ms', value: 400, timestamp: Date.now() - n })), { key: belfry.adminKey });
  assert.ok((await is('late', 'firing')).value > 390);

  const event = (name, severity, source) => ({ event: name, severity, source, data: { component: 'x', message: 'y' } });
  await belfry.deliver([event('error_occurred', 'error', 'web1'), event('error_occurred', 'critical', 'web2'), event('error_occurred', 'warning', 'web1'),
    event('error_occurred', 'error', 'db'), event('other', 'error', 'web1')]);
  await belfry.post('/api/logs', [{ message: 'test: no space left', source: 'a' }, { message: 'no bar, space bar', source: 'a' }], { key: belfry.adminKey });
  await belfry.deliver([event('error_other', 'error', 'web3')]);
  assert.equal((await is('errors', 'firing')).value, 3);
  assert.equal(await of('disk_words'), undefined);
  await belfry.post('/api/logs', { message: 'write failed: no space left', source: 'a' }, { key: belfry.adminKey });
  assert.equal((await is('disk_words', 'firing')).value, 1);
  await is('errors', 'ok'); // when the window is past
});

test('what must keep coming, and does not', async () => {
  const heartbeat = await is('heartbeat', 'firing');
  assert.equal(heartbeat.value, null);
  await belfry.until(async () => {
    await belfry.deliver([{ event: 'backup_done', data: {} }]);
    return (await of('heartbeat')).state === 'ok';
  }, 'it came');
  await send('boiler_celsius', 80, { boiler: 'left' });
  await send('boiler_celsius', 80, { boiler: 'right' });
  await belfry.until(async () => {
    await send('boiler_celsius', 81, { boiler: 'left' });
    return (await of('gauge_gone', { boiler: 'right' }))?.state === 'firing';
  }, 'the right one is missed');
  assert.notEqual((await of('gauge_gone', { boiler: 'left' }))?.state, 'firing');
});

test('an acknowledged alert says by whom, and fires anew the next time', async () => {
  status.shop = 500;
  await check('shop');
  const alert = await is('shop_down', 'firing');
  const ack = (id, body = {}, who = operator) => belfry.post(`/api/alerts/${id}/ack`, body, { key: who });
  expect.problem(await ack(alert.id, {}, key), 403);
  expect.problem(await ack('0123456789abcdef'), 404);
  expect.problem(await ack(alert.id, { comment: 'x'.repeat(501) }), 422, { pointer: '/comment' });
  const answer = await ack(alert.id, { comment: 'on my way <b>' });
  assert.equal(answer.status, 200, answer.text);
  const seen = await of('shop_down');
  assert.equal(seen.state, 'acknowledged');
  assert.equal(seen.acknowledged.by, 'test-operator');
  assert.equal(seen.acknowledged.comment, 'on my way <b>');
  expect.problem(await ack(alert.id), 409);
  await belfry.until(() => told('alert_acknowledged', 'shop_down').length === 1, 'the push connection says so');
  await belfry.restart('belfry-watchd');
  await check('shop');
  assert.equal((await of('shop_down')).state, 'acknowledged', 'it stays so through a restart');
  status.shop = 200;
  await check('shop');
  const over = await is('shop_down', 'ok');
  assert.equal(over.acknowledged, null);
  expect.problem(await ack(alert.id), 409);
  status.shop = 500;
  await check('shop');
  assert.equal((await is('shop_down', 'firing')).acknowledged, null);
});

test('what depends on something that is down is silenced, and says on what', async () => {
  status.bank = 500; // the shop is down still
  await check('bank');
  const alert = await is('bank_down', 'silenced');
  assert.equal(alert.message, 'bank is down: HTTP 500');
  assert.equal(alert.silenced_by, 'depends on shop');
  await belfry.until(() => told('alert_fired', 'bank_down').length === 1, 'it is on the timeline');
  assert.equal(told('alert_fired', 'bank_down')[0].data.silenced, 'depends on shop');
  status.shop = 200;
  await check('shop');
  await is('bank_down', 'firing');
});

test('a silence: by labels, for a time, ended by hand', async () => {
  const silence = (body, who = operator) => belfry.post('/api/silences', body, { key: who });
  expect.problem(await silence({ duration: '1h' }), 422);
  expect.problem(await silence({ service: 'bank' }), 422, { pointer: '/end' });
  expect.problem(await silence({ service: 'bank', duration: '1h', end: 'now' }), 422, { pointer: '/end' });
  expect.problem(await silence({ service: 'bank', end: '-1h' }), 422, { pointer: '/end' });
  expect.problem(await silence({ labels: 'nonsense', duration: '1h' }), 422, { pointer: '/labels' });
  expect.problem(await silence({ service: 'bank', labels: 'service=x', duration: '1h' }), 422, { pointer: '/labels' });
  expect.problem(await silence({ alert_id: '0123456789abcdef', duration: '1h' }), 422, { pointer: '/alert_id' });
  expect.problem(await silence({ service: 'bank', duration: '2y' }), 422);
  expect.problem(await silence({ service: 'bank', duration: '1h' }, key), 403);
  const made = await silence({ service: 'ba*', labels: 'severity=error', duration: '1h', comment: 'moving' });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.json.matchers, { service: 'ba*', severity: 'error' });
  assert.equal(made.json.state, 'active');
  assert.equal((await is('bank_down', 'silenced')).silenced_by, 'silenced by test-operator: moving');
  const later = await silence({ rule: 'queue', start: new Date(Date.now() + 3600e3).toISOString(), duration: '1h' });
  assert.equal(later.json.state, 'pending');
  const exact = await silence({ alert_id: (await of('bank_down')).id, duration: '30m' });
  assert.deepEqual(exact.json.matchers, (await of('bank_down')).labels);
  assert.deepEqual((await allPages(belfry, key, '/api/silences', 'silences', { limit: 1 })).map(({ id }) => id),
    [exact.json.id, later.json.id, made.json.id]);
  assert.deepEqual((await belfry.get('/api/silences?state=pending', { key })).json.silences, [later.json]);
  const end = (id, who = operator) => belfry.request('DELETE', `/api/silences/${id}`, { key: who });
  expect.problem(await end(made.json.id, key), 403);
  for (const one of [made, later, exact]) assert.equal((await end(one.json.id)).status, 204);
  expect.problem(await end(made.json.id), 409);
  expect.problem(await end('nothing'), 404);
  assert.equal((await belfry.get(`/api/silences/${later.json.id}`, { key })).json.state, 'expired');
  await is('bank_down', 'firing');
  const audit = (await belfry.get('/api/events?event=audit&limit=100', { key })).json.events.map(({ data }) => data.action);
  assert.equal(audit.filter((action) => action === 'silence_created').length, 3);
  assert.equal(audit.filter((action) => action === 'silence_ended').length, 3);
  await hasManners(belfry, key, '/api/alerts');
  expect.problem(await belfry.get('/api/alerts?state=loud', { key }), 400, { pointer: 'state' });
  expect.problem(await belfry.get('/api/alerts?limit=0', { key }), 400, { pointer: 'limit' });
  expect.problem(await belfry.get('/api/alerts?cursor=nonsense', { key }), 400, { pointer: 'cursor' });
  const rows = await all();
  assert.deepEqual(await allPages(belfry, key, '/api/alerts', 'alerts', { limit: 2 }), rows);
  assert.deepEqual(await all('?state=active'), rows.filter(({ state }) => state !== 'ok'));
});

test('a kill and a restart lose no alert and double none', async () => {
  const before = await all();
  const count = socket.messages.length;
  await belfry.kill('belfry-watchd');
  const killed = new Date().toISOString();
  await belfry.restart('belfry-watchd');
  await belfry.until(async () => (await belfry.get('/api/alert-rules', { key })).json.rules.every(({ evaluated }) => evaluated > killed), 'all rules were asked again');
  for (const alert of before.filter(({ rule }) => ['bank_down', 'shop_down', 'never_seen'].includes(rule))) {
    const now = await of(alert.rule);
    assert.equal(now.state, alert.state, alert.rule);
    assert.equal(now.fired, alert.fired, alert.rule);
    assert.equal(now.since, alert.since, alert.rule);
  }
  assert.deepEqual(socket.messages.slice(count).filter(({ data }) => data.rule === 'bank_down'), []);
});

test('changes of the configuration: a rule that changes keeps its alerts, one that goes ends them', async () => {
  const { fired } = await of('bank_down');
  const file = belfry.confPath;
  const write = (extra) => {
    const conf = JSON.parse(fs.readFileSync(file, 'utf8'));
    fs.writeFileSync(file, JSON.stringify({ ...conf, ...extra }));
    process.kill(belfry.pid('belfry-watchd'), 'SIGHUP');
  };
  const changed = alerts.map((rule) => (rule.name === 'bank_down' ? { ...rule, severity: 'warning' } : rule)).filter(({ name }) => name !== 'heartbeat');
  const today = new Date().toLocaleDateString('en', { weekday: 'short', timeZone: 'Asia/Tokyo' }).toLowerCase();
  write({
    alerts: changed,
    maintenance: [
      { name: 'not now', services: ['*'], from: '2020-01-01', to: '2020-01-02' },
      { name: 'move of the bank', services: ['bank'], days: [today], start: '00:00', end: '00:00', timezone: 'Asia/Tokyo' },
    ],
  });
  await belfry.until(async () => (await of('bank_down')).severity === 'warning', 'the new rule holds');
  assert.equal((await of('bank_down')).fired, fired);
  assert.equal((await is('bank_down', 'silenced')).silenced_by, 'maintenance: move of the bank');
  await belfry.until(async () => !(await of('heartbeat')), 'the alert of the rule that is gone is gone');
  write({ maintenance: [], alerts: changed.filter(({ name }) => name !== 'bank_down') });
  await belfry.until(() => told('alert_resolved', 'bank_down').length === 1, 'it is over');
  assert.equal(told('alert_resolved', 'bank_down')[0].data.reason, 'the rule is gone');
  const rules = (await belfry.get('/api/alert-rules', { key })).json.rules.map(({ name }) => name);
  assert.deepEqual(rules.filter((name) => ['bank_down', 'heartbeat'].includes(name)), []);
});

test('without rules of its own there are some', async () => {
  const fresh = await start({ conf: { watch: { interval: '1s', retries: 0 }, services: [{ name: 'nothing', port: 1 }] } });
  try {
    const ask = async (target) => (await fresh.get(target, { key: fresh.adminKey })).json;
    await fresh.until(async () => (await ask('/api/alerts?state=firing')).alerts.some(({ rule, labels }) => rule === 'service_down' && labels.service === 'nothing'), 'the service is told of');
    assert.deepEqual((await ask('/api/alert-rules')).rules.map(({ name }) => name), ['host_cpu', 'host_disk', 'host_memory', 'service_degraded', 'service_down']);
  } finally {
    await fresh.stop();
  }
});
