/*
 * The pages' modules that need no browser: words and figures, the order of events, the gaps of a chart.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeText, isRoutine } from '../../htdocs/js/describe.js';
import * as format from '../../htdocs/js/format.js';
import { overall, sortServices } from '../../htdocs/js/health.js';
import { Series } from '../../htdocs/js/series.js';

const words = (event, data) => describeText({ id: 1, event, severity: 'info', source: 's', timestamp: '2026-11-20T10:00:00.000Z', data });

for (const [event, data, expected] of [
  ['agent_registered', { agent_name: 'robin' }, 'robin registered'],
  ['agent_execution_started', { agent_id: 'r1', task_description: 'sing' }, 'r1 started: sing'],
  ['agent_execution_completed', { agent_name: 'robin', duration_ms: 1234, success: true, quality_score: 0.93 }, 'robin completed in 1.2 s, quality 0.93'],
  ['agent_execution_completed', { agent_name: 'robin', duration_ms: 90_000, success: false }, 'robin failed after 1 min 30 s'],
  ['agent_activity', { agent: 'robin', action: 'invoked', tool: 'worm' }, 'robin invoked: tool worm'],
  ['opportunity_discovered', { title: 'Worms', category: 'food', confidence_score: 0.876, revenue_potential: 12000 }, 'Worms (food), confidence 87.6 %, potential 12,000'],
  ['opportunity_discovered', { title: 'Worms', confidence_score: 87 }, 'Worms, confidence 87 %'],
  ['error_occurred', { component: 'wing', message: 'broken' }, 'wing: broken'],
  ['session_update', { session_id: 'a', agent: 'robin', state: 'active', token_usage: 1, context_percentage: 43.21 }, 'Session a of robin: active, 1 token, context 43.2 %'],
  ['file_operation', { file: '/nest', operation: 'write', size: 18230 }, 'write /nest, 18.2 kB'],
  ['log', { message: 'm', attributes: { method: 'GET', path: '/x', status: 404, duration_ms: 12 } }, 'GET /x 404 in 12 ms'],
  ['log', { message: 'just a line' }, 'just a line'],
  ['health_changed', { service: 'api', status: 'down', previous: 'up', message: 'refused' }, 'api went from up to down: refused'],
  ['audit', { actor: 'admin', action: 'key_created', target: 'ci' }, 'admin key created ci'],
  ['something.new', { speed: 12.3456, ok: true, nested: {} }, 'speed 12.3, ok true'],
  ['constructor', {}, 'no data'],
  ['agent_registered', null, 'An agent registered'],
])
  test(`${event} in words: ${expected}`, () => assert.equal(words(event, data), expected));

test('a request that went well is routine, one that did not is not', () => {
  const line = (severity, attributes) => ({ id: 1, event: 'log', severity, source: 'nginx', timestamp: '', data: { message: 'm', attributes } });
  assert.equal(isRoutine(line('info', { method: 'GET', path: '/', status: 200 })), true);
  assert.equal(isRoutine(line('warning', { method: 'GET', path: '/', status: 404 })), false);
  assert.equal(isRoutine(line('info', { other: 1 })), false);
});

for (const [write, value, expected] of [
  [format.count, 1234567, '1,234,567'], [format.count, 12_345_678, '12.35M'], [format.count, null, '–'], [format.count, NaN, '–'],
  [format.percentNumber, 99.96, '100'], [format.percentNumber, 4.25, '4.3'],
  [format.bytes, 999, '999 B'], [format.bytes, 999_499, '999 kB'], [format.bytes, 999_600, '1.0 MB'], [format.bytesPerSecond, 1500, '1.5 kB/s'],
  [format.duration, 0.8, '0.8 ms'], [format.duration, 999, '999 ms'], [format.duration, 59_940, '59.9 s'], [format.duration, 3_600_000, '1 h 00 min'],
  [format.span, 59, '59 s'], [format.span, 90_061, '1 d 01 h'], [format.age, 125, '2 min ago'], [format.age, -3, '0 s ago'],
])
  test(`${write.name || 'format'}(${value}) is ${expected}`, () => assert.equal(write(value), expected));

test('a chart leaves a gap open, and keeps the peaks of its buckets', () => {
  const series = new Series(1);
  const now = Date.now();
  const past = new Map([0, 1, 2, 30, 31].map((n) => [now - 600_000 + n * 10_000, [{ avg: n, min: n - 1, max: n + 1 }]]));
  series.load(past, 10_000);
  const [times, avg, max, min] = series.columns();
  assert.deepEqual(avg, [0, 1, 2, null, 30, 31]);
  assert.deepEqual(max, [1, 2, 3, null, 31, 32]);
  assert.deepEqual(min, [-1, 0, 1, null, 29, 30]);
  assert.equal(times.length, 6);
  assert.deepEqual(series.summary(0), { min: -1, max: 32, last: 31 });
});

test('a chart continues with what is pushed, takes nothing twice, and stays bounded', () => {
  const series = new Series(1);
  const start = Date.now();
  assert.equal(series.append(start, [1]), true);
  assert.equal(series.append(start, [1]), false);
  for (let n = 1; n < 10_000; n++) series.append(start + n * 500, [n]);
  assert.ok(series.times.length <= 4_000);
  assert.equal(series.summary(0).last, 9_999);
});

test('trouble comes first, and what is not known is not down', () => {
  const service = (name, status) => ({ name, status });
  assert.deepEqual(sortServices([service('b', 'up'), service('a', 'up'), service('z', 'down')]).map((one) => one.name), ['z', 'a', 'b']);
  assert.equal(overall(null).status, 'unknown');
  assert.equal(overall({ services: [service('a', 'up'), service('b', 'unknown')] }).status, 'unknown');
  assert.deepEqual(overall({ services: [service('a', 'down'), service('b', 'degraded')] }), { status: 'down', text: 'a is down' });
  assert.equal(overall({ services: [service('a', 'up')], daemons: [{ name: 'belfry-watchd', version: '1', status: 'down' }] }).text, 'belfry-watchd not running');
  assert.equal(overall({ services: [service('a', 'up'), service('b', 'paused')] }).status, 'up');
});
