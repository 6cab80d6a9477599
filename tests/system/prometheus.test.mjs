/*
 * GET /metrics as Prometheus asks for it: the format, who may read it, and that the figures are those of what happened.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { daemons, freePort, start } from './harness.mjs';

let belfry, key, service, servicePort, closedPort;
before(async () => {
  service = http.createServer((request, response) => response.end('{"status":"ok"}')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = service.address().port;
  closedPort = await freePort();
  belfry = await start({
    conf: {
      watch: { interval: '1s' },
      thresholds: { restart_failures: 1 },
      services: [
        { name: 'shop', port: servicePort, health_endpoint: '/health' },
        { name: 'whole', health_endpoint: `http://somebody:secret@127.0.0.1:${servicePort}/a@b?token=secret` },
        { name: 'nobody', port: closedPort },
      ],
    },
  });
  key = await belfry.makeKey('scrape', 'prometheus');
});
after(async () => {
  await belfry?.stop();
  service?.close();
});

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)$`);

/** Reads the text as strictly as the format is described: {'name{labels}': value}, and the types. */
function parse(text) {
  assert.ok(text.endsWith('\n') && !text.includes('\n\n'), 'lines, each with its end');
  const values = {};
  const types = {};
  const helps = new Set();
  let current;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name, rest] = line.match(new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`)) ?? [];
    if (kind === 'HELP') {
      assert.ok(!helps.has(name), `HELP of ${name} once`);
      helps.add(name);
      current = name;
    } else if (kind === 'TYPE') {
      assert.equal(name, current, 'TYPE behind HELP');
      assert.match(rest, /^(counter|gauge)$/);
      assert.equal(rest === 'counter', name.endsWith('_total'), `${name} is a ${rest}`);
      types[name] = rest;
    } else {
      const [, metric, labels, value] = line.match(SAMPLE) ?? assert.fail(`not a sample: ${line}`);
      assert.equal(metric, current, 'the samples of a metric stand together, behind its TYPE');
      assert.ok(types[metric], `TYPE of ${metric}`);
      assert.ok(!(metric + (labels ?? '') in values), `${line}: once`);
      values[metric + (labels ?? '')] = Number(value);
    }
  }
  return { values, types };
}

async function scrape(path = '/metrics') {
  const answer = await belfry.get(path, { key });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parse(answer.text);
}

test('a scrape key may read it, and nothing else', async () => {
  expect.problem(await belfry.get('/metrics'), 401);
  expect.problem(await belfry.get('/metrics', { key: await belfry.makeKey('operator') }), 403);
  expect.problem(await belfry.get('/api/metrics', { key }), 403);
  assert.equal((await belfry.get('/metrics', { key: belfry.adminKey })).status, 200);
});

test('every daemon tells its figures, at / and under a prefix', async () => {
  for (const path of ['/metrics', '/monitor/metrics']) {
    const { values, types } = await belfry.until(async () => {
      const scraped = await scrape(path);
      return daemons.every((name) => scraped.values[`belfry_up{daemon="${name}"}`] === 1) && scraped;
    }, 'every daemon has told its figures');
    for (const name of daemons) {
      const started = values[`belfry_start_time_seconds{daemon="${name}"}`];
      assert.ok(Math.abs(Date.now() / 1000 - started) < 600, `${name} was started at ${started}`);
    }
    for (const part of ['history', 'http', 'watch', 'push']) assert.ok(Object.keys(types).some((name) => name.startsWith(`belfry_${part}_`)), part);
    assert.ok(values['belfry_memory_bytes{daemon="belfry-pushd"}'] > 100_000);
    assert.ok(values.belfry_http_workers >= 1);
  }
});

test('watched services have the metrics of Uptime Kuma', async () => {
  const address = `http://127.0.0.1:${servicePort}`;
  const monitors = [
    `{monitor_name="shop",monitor_type="http",monitor_url="${address}/health",monitor_hostname="127.0.0.1",monitor_port="${servicePort}"}`,
    `{monitor_name="whole",monitor_type="http",monitor_url="${address}/a@b",monitor_hostname="null",monitor_port="null"}`,
    `{monitor_name="nobody",monitor_type="port",monitor_url="null",monitor_hostname="127.0.0.1",monitor_port="${closedPort}"}`,
  ];
  const { values } = await belfry.until(async () => {
    const now = await scrape();
    return now.values[`monitor_status${monitors[2]}`] === 0 && now.values[`monitor_status${monitors[1]}`] === 1 && now;
  }, 'the services have been asked');
  assert.deepEqual(monitors.map((labels) => values[`monitor_status${labels}`]), [1, 1, 0]);
  assert.ok(!Object.keys(values).some((name) => name.includes('secret')), 'what is secret in a URL is not shown');
  for (const labels of monitors.slice(0, 2)) {
    const milliseconds = values[`monitor_response_time${labels}`];
    assert.ok(milliseconds >= 0 && milliseconds < 600_000, `${labels}: ${milliseconds}`);
  }
});

test('promtool has nothing to say against it', async () => {
  const { text } = await belfry.get('/metrics', { key });
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
});

test('what happens is counted', async () => {
  const before = (await scrape()).values;
  const viewer = await belfry.makeKey('viewer');
  const ws = belfry.ws('/ws', { key: viewer });
  const sse = belfry.sse('/events', { key: viewer });
  await Promise.all([ws.next('connected'), sse.next('connected')]);
  const refused = await belfry.get('/events');
  assert.equal(refused.status, 401);
  await belfry.deliver(Array.from({ length: 10 }, (_, i) => ({ event: 'counted', data: { i } })));
  await Promise.all([ws, sse].map((client) => client.next((message) => message.data.i === 9)));
  // The daemons tell once a second.
  const grown = await belfry.until(async () => {
    const { values } = await scrape();
    const more = (name) => values[name] - (before[name] ?? 0);
    assert.ok(more('belfry_events_total') >= 10, 'events');
    assert.ok(more('belfry_push_deliveries_total') >= 20, `deliveries: ${more('belfry_push_deliveries_total')}`);
    assert.ok(more('belfry_push_sent_bytes_total') > 2000, 'bytes');
    assert.ok(more('belfry_http_requests_total') >= 3, 'requests');
    assert.equal(values['belfry_push_clients{kind="ws"}'], 1);
    assert.equal(values['belfry_push_clients{kind="sse"}'], 1);
    return values;
  }, 'the figures have grown');
  assert.ok(grown.belfry_history_head >= 10);
  assert.ok(grown.belfry_push_lag_seconds < 3600, 'told in seconds');
  ws.terminate();
  sse.terminate();
});

test('a daemon that is gone is told as down, and has no figures', async () => {
  await belfry.kill('belfry-watchd');
  const { values } = await belfry.until(async () => {
    const now = await scrape();
    return now.values['belfry_up{daemon="belfry-watchd"}'] === 0 && now;
  }, 'it is known to be gone');
  assert.deepEqual(Object.keys(values).filter((name) => name.includes('watch')), ['belfry_up{daemon="belfry-watchd"}']);
  belfry.startProgram('belfry-watchd');
  await belfry.untilHealthy();
  assert.equal((await scrape()).values['belfry_up{daemon="belfry-watchd"}'], 1);
});
