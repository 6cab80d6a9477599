/*
 * Metrics: samples posted, samples found in events, the list of metrics, one metric over time.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry, key;
before(async () => {
  belfry = await start();
  key = await belfry.makeKey('ingest', 'meter');
});
after(() => belfry?.stop());

const post = (body, headers = {}) => belfry.post('/api/metrics', body, { key, headers });
async function history(query) {
  const answer = await belfry.get(`/api/history?${query}`, { key: belfry.adminKey });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}
const hour = Date.UTC(2026, 10, 20, 9);

test('a sample is stored and comes back over time', async () => {
  const samples = Array.from({ length: 60 }, (_, n) => ({
    metric: 'room_temperature_celsius',
    value: n,
    labels: { room: n % 2 ? 'hall' : 'tower' },
    timestamp: hour + n * 60_000,
  }));
  const answer = await post(samples);
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.json.accepted, 60);

  const range = `metric=room_temperature_celsius&from=${hour}&to=${hour + 3_600_000}`;
  const all = await history(`${range}&step=600&agg=avg,min,max,sum,count,last`);
  assert.equal(all.metric, 'room_temperature_celsius');
  for (const member of ['unit', 'from', 'to', 'step', 'resolution', 'series']) assert.ok(member in all, member);
  assert.equal(all.series.length, 2);
  const tower = all.series.find((series) => series.labels.room === 'tower');
  assert.equal(tower.points.length, 6);
  // 0, 2, 4, 6, 8 in the first ten minutes.
  assert.deepEqual(tower.points[0], [hour, 4, 0, 8, 20, 5, 8]);

  const hall = await history(`${range}&step=3600&agg=max&label.room=hall`);
  assert.deepEqual(hall.series.map((series) => series.points), [[[hour, 59]]]);
});

test('points bounds how many come', async () => {
  const { series } = await history(`metric=room_temperature_celsius&from=${hour}&to=${hour + 3_600_000}&points=10&label.room=hall`);
  assert.ok(series[0].points.length >= 5 && series[0].points.length <= 11, `${series[0].points.length} points`);
});

test('a sample without a time is of now', async () => {
  assert.equal((await post({ metric: 'now_count', value: 1.5 })).status, 201);
  const { series } = await history('metric=now_count&from=-15m&agg=last');
  assert.deepEqual(series[0].points.map((point) => point[1]), [1.5]);
});

test('points= gives about so many, also when the range ends now', async () => {
  for (const [range, points, step] of [['-5m', 5, 60], ['-1h', 60, 60], ['-1h', 300, 15], ['-10s', 10, 1]])
    assert.equal((await history(`metric=room_temperature_celsius&from=${range}&points=${points}`)).step, step, `${range} in ${points}`);
});

test('the same sample twice is one', async () => {
  const sample = { metric: 'twice_count', value: 3, timestamp: hour };
  await post(sample);
  assert.equal((await post(sample)).status, 201);
  const { series } = await history(`metric=twice_count&from=${hour}&to=${hour + 1000}&agg=count&step=1`);
  assert.deepEqual(series[0].points, [[hour, 1]]);
});

test('numbers of events become samples with source and agent', async () => {
  await belfry.deliver([
    { event: 'agent_execution_completed', source: 'bot', timestamp: hour, data: { agent_name: 'ann', duration_ms: 120, quality_score: 88, success: true } },
    { event: 'metrics_updated', source: 'voice', timestamp: hour, data: { audio_quality_mos: 4.2, response_latency_ms: 310, note: 'text' } },
    { event: 'session_update', source: 'bot', timestamp: hour, data: { session_id: 's1', agent: 'ann', state: 'active', token_usage: 1200, context_percentage: 6 } },
  ]);
  const at = `from=${hour}&to=${hour + 1000}&agg=last&step=1`;
  for (const [metric, value, labels] of [
    ['quality_score', 88, { source: 'bot', agent: 'ann' }],
    ['audio_quality_mos', 4.2, { source: 'voice' }],
    ['response_latency_ms', 310, { source: 'voice' }],
    ['token_usage', 1200, { source: 'bot', agent: 'ann' }],
    ['context_percentage', 6, { source: 'bot', agent: 'ann' }],
  ]) {
    const { series } = await history(`metric=${metric}&${at}`);
    assert.equal(series.length, 1, metric);
    assert.deepEqual(series[0].labels, labels, metric);
    assert.deepEqual(series[0].points, [[hour, value]], metric);
  }
});

test('the list of metrics has units and newest values', async () => {
  const answer = await belfry.get('/api/metrics?limit=1000', { key: belfry.adminKey });
  assert.equal(answer.status, 200, answer.text);
  assert.ok('next_cursor' in answer.json);
  const names = answer.json.metrics.map((metric) => metric.metric ?? metric.name);
  assert.ok(names.includes('room_temperature_celsius'), names.join());
  assert.match(answer.text, /"unit"/);
});

test('the list has statistics of the last hour', async () => {
  const now = Date.now();
  await post([8, 2.5, 6].map((value, n) => ({ metric: 'listed_percent', value, labels: { n: '1' }, timestamp: now - 60_000 + n * 1000 })));
  await post([{ metric: 'listed_percent', value: 1, labels: { n: '2' }, timestamp: now - 7_200_000 }]);
  const { json } = await belfry.get('/api/metrics?metric=listed_percent', { key: belfry.adminKey });
  assert.equal(json.window_seconds, 3600);
  const [recent, old] = json.metrics[0].series;
  assert.deepEqual(recent.statistics, { count: 3, min: 2.5, max: 8, avg: 5.5, last: 6 });
  assert.deepEqual([recent.last, recent.count], [6, 3]);
  assert.deepEqual(old.statistics, { count: 0, min: null, max: null, avg: null, last: null });
  const { json: page } = await belfry.get('/api/metrics?metric=listed_percent&limit=1', { key: belfry.adminKey });
  const { json: rest } = await belfry.get(`/api/metrics?metric=listed_percent&limit=1&cursor=${page.next_cursor}`, { key: belfry.adminKey });
  assert.deepEqual([page, rest].map((one) => one.metrics[0].series[0].labels.n), ['1', '2']);
  assert.equal(rest.next_cursor, null);
});

test('a metric that nobody knows has no series', async () => {
  const answer = await belfry.get('/api/history?metric=no_such_metric', { key: belfry.adminKey });
  assert.ok([200, 404].includes(answer.status), answer.text);
  if (answer.status === 200) assert.deepEqual(answer.json.series, []);
});

for (const [what, body, pointer] of [
  ['no metric', { value: 1 }, '/metric'],
  ['a name with a blank', { metric: 'a b', value: 1 }, '/metric'],
  ['no value', { metric: 'x' }, '/value'],
  ['a value that is text', { metric: 'x', value: '1' }, '/value'],
  ['labels that are a list', { metric: 'x', value: 1, labels: [] }, '/labels'],
  ['a label that is an object', { metric: 'x', value: 1, labels: { a: {} } }, '/labels/a'],
  ['a time that is none', { metric: 'x', value: 1, timestamp: 'soon' }, '/timestamp'],
])
  test(`${what} is 422 and says where`, async () => {
    expect.problem(await post(body), 422, { pointer });
    expect.problem(await post([{ metric: 'fine', value: 1 }, body]), 422, { pointer: `/1${pointer}` });
  });

test('a value that no number can hold is refused', async () => {
  expect.problem(await post('{"metric":"x","value":1e999}'), [400, 422]);
  expect.problem(await post('{"metric":"x","value":NaN}'), 400);
});

for (const query of ['metric=x&from=bad', 'metric=x&agg=mode', 'metric=x&step=0', 'metric=x&step=-5', 'metric=x&points=0', 'metric=BAD%20NAME'])
  test(`/api/history?${query} is 400`, async () => {
    expect.problem(await belfry.get(`/api/history?${query}`, { key: belfry.adminKey }), 400);
  });

test('samples are sent with an ingest key and read with a viewer key', async () => {
  expect.problem(await belfry.post('/api/metrics', { metric: 'x', value: 1 }), 401);
  const viewer = await belfry.makeKey('viewer');
  expect.problem(await belfry.post('/api/metrics', { metric: 'x', value: 1 }, { key: viewer }), 403);
  expect.problem(await belfry.get('/api/metrics', { key }), 403);
  expect.problem(await belfry.get('/api/history?metric=x', { key }), 403);
  assert.equal((await belfry.get('/api/metrics', { key: viewer })).status, 200);
});
