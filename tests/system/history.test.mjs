/*
 * A metric over time: aggregates, quantiles, rates, groups, CSV, how many points come, and what is refused.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

const hour = Date.UTC(2026, 10, 20, 9);
const minute = 60_000;
let belfry, key;

/** Values that a test can know: 240 seconds x 15 s of two agents on two hosts. */
const latency = Array.from({ length: 240 }, (_, n) => ({
  metric: 'reply_latency_ms',
  value: ((n * 37) % 240) + 1 + (n % 2 ? 1000 : 0),
  labels: { agent: n % 2 ? 'slow' : 'quick', host: n % 4 < 2 ? 'east' : 'west' },
  timestamp: hour + n * 15_000,
}));
const spikes = Array.from({ length: 3600 }, (_, n) => ({ metric: 'load_percent', value: n === 1234 ? 99.5 : 10, timestamp: hour + n * 1000 }));
/** A counter that goes up by 5 each 10 s, and begins again at 0 in the middle. */
const counter = Array.from({ length: 120 }, (_, n) => ({ metric: 'jobs_total', value: (n < 60 ? n : n - 60) * 5, timestamp: hour + n * 10_000 }));

before(async () => {
  belfry = await start();
  key = await belfry.makeKey('ingest', 'meter');
  for (const samples of [latency, spikes, counter]) {
    const answer = await belfry.post('/api/metrics', samples, { key });
    assert.equal(answer.status, 201, answer.text);
  }
});
after(() => belfry?.stop());

const ask = (query) => belfry.get(`/api/history?${query}`, { key: belfry.adminKey });
async function history(query) {
  const answer = await ask(query);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}
const range = (metric) => `metric=${metric}&from=${hour}&to=${hour + 60 * minute}`;

test('quantiles are off by at most one in a hundred', async () => {
  const { series, agg } = await history(`${range('reply_latency_ms')}&step=1h&by=agent&agg=p50,p95,p99.5,min,max`);
  assert.deepEqual(agg, ['p50', 'p95', 'p99.5', 'min', 'max']);
  assert.deepEqual(series.map((one) => one.labels), [{ agent: 'quick' }, { agent: 'slow' }]);
  for (const [i, agent] of ['quick', 'slow'].entries()) {
    const values = latency.filter((one) => one.labels.agent === agent).map((one) => one.value).sort((a, b) => a - b);
    const [, p50, p95, p995, min, max] = series[i].points[0];
    for (const [got, q] of [[p50, 0.5], [p95, 0.95], [p995, 0.995]]) {
      const right = values[Math.floor(q * (values.length - 1))];
      assert.ok(Math.abs(got - right) <= right * 0.0101, `${agent} ${q}: ${got} is not about ${right}`);
    }
    assert.deepEqual([min, max], [values[0], values.at(-1)]);
  }
});

test('by= merges series by one label, by several, or all', async () => {
  const sum = (samples) => samples.reduce((all, one) => all + one.value, 0);
  const byHost = await history(`${range('reply_latency_ms')}&step=1h&by=host&agg=sum,count`);
  assert.deepEqual(byHost.series, ['east', 'west'].map((host) => {
    const samples = latency.filter((one) => one.labels.host === host);
    return { labels: { host }, points: [[hour, sum(samples), samples.length]] };
  }));
  assert.equal((await history(`${range('reply_latency_ms')}&step=1h&by=host,agent`)).series.length, 4);
  const all = await history(`${range('reply_latency_ms')}&step=1h&by=*&agg=sum,count`);
  assert.deepEqual(all.series, [{ labels: {}, points: [[hour, sum(latency), latency.length]] }]);
  const one = await history(`${range('reply_latency_ms')}&step=1h&by=agent&label.host=east&agg=count`);
  assert.deepEqual(one.series.map((series) => series.points), [[[hour, 60]], [[hour, 60]]]);
});

test('a spike of one sample is seen at any zoom', async () => {
  for (const points of [5, 30, 300]) {
    const { series, agg } = await history(`${range('load_percent')}&points=${points}`);
    assert.deepEqual(agg, ['avg', 'min', 'max']);
    assert.equal(Math.max(...series[0].points.map((point) => point[3])), 99.5, `${points} points`);
  }
  const { series } = await history(`${range('load_percent')}&points=5&agg=avg`);
  assert.equal(series[0].points[0].length, 2, 'what was asked for, and nothing else');
});

test('rate is the increase per second, and a counter that begins again has not gone back', async () => {
  const { series } = await history(`${range('jobs_total')}&step=60&agg=rate`);
  const rates = series[0].points.map((point) => point[1]);
  assert.equal(rates.length, 20);
  // The first minute has no sample before its first: 25 in 60 s. At the restart nothing was counted between 295 and 0.
  rates.forEach((rate, n) => assert.ok(Math.abs(rate - (n === 0 || n === 10 ? 25 : 30) / 60) < 1e-9, `${n}: ${rate}`));
  // From the middle on, the sample before the first is known.
  const later = await history(`metric=jobs_total&from=${hour + 5 * minute}&to=${hour + 6 * minute}&step=60&agg=rate`);
  assert.deepEqual(later.series[0].points, [[hour + 5 * minute, 0.5]]);
});

test('CSV has a row for each point', async () => {
  const answer = await ask(`${range('reply_latency_ms')}&step=1h&by=agent&agg=count,max&format=csv`);
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers['content-type'], /^text\/csv/);
  assert.equal(answer.text, 'timestamp,labels,count,max\n2026-11-20T09:00:00.000Z,"{""agent"":""quick""}",120,239\n2026-11-20T09:00:00.000Z,"{""agent"":""slow""}",120,1240\n');
});

for (const [query, parameter] of [
  ['agg=mode', 'agg'],
  ['agg=p101', 'agg'],
  ['agg=p', 'agg'],
  ['agg=p9.', 'agg'],
  ['agg=avg,avg', 'agg'],
  ['by=a,,b', 'by'],
  ['format=xml', 'format'],
  ['step=1ms&from=-24h', 'step'],
  ['from=now&to=-1h', 'from'],
  ['label.=x', 'label'],
  ['points=x', 'points'],
])
  test(`${query} is 400 and names ${parameter}`, async () => {
    const answer = await ask(`metric=load_percent&${query}`);
    expect.problem(answer, 400);
    assert.match(answer.text, new RegExp(`"${parameter}`));
  });
