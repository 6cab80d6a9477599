/*
 * Samples that were sealed are there as before: every answer stays what it was, late samples and samples sent again
 * find their place, and historyd may be killed at any time meanwhile.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start, until } from './harness.mjs';

const minute = 60_000;
const day = 1440 * minute;
/** Six hours that were over long ago, so that they are sealed at once. */
const begin = Math.floor((Date.now() - 2 * day) / day) * day - 3 * 60 * minute;
const end = begin + 360 * minute;
let belfry, key;

/** What was posted, by series and time: the plain list that the answers are compared with. */
const list = new Map();
const value = (n) => Math.round(((n * 7919) % 100_003) / 7) / 100;
async function post(samples) {
  const answer = await belfry.post('/api/metrics', samples, { key });
  assert.equal(answer.status, 201, answer.text);
  for (const { labels, timestamp, value } of samples) {
    if (!list.has(labels.host)) list.set(labels.host, new Map());
    list.get(labels.host).set(timestamp, value);
  }
}
const sample = (host, n, of = value(n + host.length)) => ({ metric: 'answer_ms', value: of, labels: { host }, timestamp: begin + n * 15_000 });

function plain(host, from, to, step) {
  const buckets = new Map();
  for (const [timestamp, one] of [...(list.get(host) ?? [])].sort(([a], [b]) => a - b)) {
    if (timestamp < from || timestamp >= to) continue;
    const at = Math.floor(timestamp / step) * step;
    if (!buckets.has(at)) buckets.set(at, []);
    buckets.get(at).push(one);
  }
  return [...buckets].map(([at, values]) => [at, Math.min(...values), Math.max(...values), values.length, values.at(-1), values.reduce((a, b) => a + b, 0)]);
}

async function check() {
  const resolutions = new Set();
  for (const [from, to, step] of [
    [begin, end, 3600],
    [begin + 1000, end - 1000, 3600],
    [begin, end, 300],
    [begin + 7 * minute, begin + 90 * minute, 60],
    [begin, begin + 30 * minute, 15],
    [begin - day, end + day, 86_400],
  ]) {
    const { json, text } = await belfry.get(`/api/history?metric=answer_ms&from=${from}&to=${to}&step=${step}&agg=min,max,count,last,sum,p50`, { key: belfry.adminKey });
    assert.ok(json.series, text);
    assert.equal(json.partial, undefined);
    resolutions.add(json.resolution);
    assert.deepEqual(json.series.map((one) => one.labels.host), [...list.keys()].sort());
    for (const { labels, points } of json.series) {
      const right = plain(labels.host, from, to, step * 1000);
      assert.deepEqual(points.map((point) => point.slice(0, 5)), right.map((point) => point.slice(0, 5)), `${labels.host} by ${step} s`);
      points.forEach((point, i) => assert.ok(Math.abs(point[5] - right[i][5]) < 1e-6, `sum of ${labels.host} by ${step} s`));
    }
  }
  return resolutions;
}

async function figure(name) {
  const { text } = await belfry.get('/metrics', { key: belfry.adminKey });
  return Number(text.match(new RegExp(`^${name} (\\d+)`, 'm'))?.[1] ?? 0);
}

before(async () => {
  belfry = await start({ conf: { logs: [], watch: { host_interval: '1h', interval: '1h' } } });
  key = await belfry.makeKey('ingest', 'meter');
});
after(() => belfry?.stop());

test('what is over is sealed, and answered from the roll-ups as from the samples', async () => {
  for (const host of ['a', 'b', 'c']) await post(Array.from({ length: 1440 }, (_, n) => sample(host, n)));
  await check();
  await until(async () => (await figure('belfry_history_sealed_samples_total')) >= 3 * 1440, 'the samples to be sealed');
  const resolutions = await check();
  assert.deepEqual([...resolutions].sort(), ['1h', '1m', 'raw']);
});

test('late samples, new series and corrections are in the next answer, and stay', async () => {
  const sealed = await figure('belfry_history_sealed_samples_total');
  const late = [sample('a', 100.5, 999), sample('b', 700, -5), sample('c', 1439, 0.25), ...Array.from({ length: 50 }, (_, n) => sample('d', n * 20))];
  await post(late);
  await check();
  await until(async () => (await figure('belfry_history_sealed_samples_total')) >= sealed + late.length, 'the late samples to be sealed');
  await check();
});

test('historyd may be killed at any time', async () => {
  for (let round = 0; round < 6; round++) {
    await post(Array.from({ length: 200 }, (_, n) => sample('abcdef'[round], ((n * 37 + round * 11) % 1440) + 0.25, round + n / 100)));
    await belfry.kill('belfry-historyd');
    belfry.startProgram('belfry-historyd');
    await until(async () => (await belfry.post('/api/metrics', [sample('a', 0)], { key })).status === 201, 'historyd to be back');
    await check();
  }
});
