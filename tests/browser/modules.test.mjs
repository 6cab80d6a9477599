/*
 * The pages' modules that need no browser: words and figures, the order of events, the gaps of a chart, the parts of the
 * push test.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeText, isRoutine } from '../../htdocs/js/describe.js';
import * as format from '../../htdocs/js/format.js';
import { overall, sortServices } from '../../htdocs/js/health.js';
import { pushInWords } from '../../htdocs/js/push_state.js';
import { Clock, Rate, Samples, utf8Bytes } from '../../htdocs/js/push/figures.js';
import { address, EMPTY, fromQuery, parameters, subscription, toQuery } from '../../htdocs/js/push/form.js';
import { Log, logText, rowFilter, ROWS_MOST } from '../../htdocs/js/push/log.js';
import { breakHint, closeMeaning } from '../../htdocs/js/push/meaning.js';
import { commandLine, curl, javascript, shellWord } from '../../htdocs/js/push/snippets.js';
import { SseParser } from '../../htdocs/js/push/sse.js';
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
  ['health_checked', { asked_by: 'ada', checked: 12, up: 11, down: 1 }, '12 services checked for ada: 1 down'],
  ['health_checked', { asked_by: 'ada', service: 'api', checked: 1, up: 1, down: 0 }, 'api checked for ada'],
  ['recovery_started', { service: 'api', action: 'restart', by: 'watchd', reason: '3 failed checks in a row' }, 'Recovery of api started: restart, 3 failed checks in a row'],
  ['recovery_started', { service: 'api', action: 'restart', by: 'ada', reason: '' }, 'Recovery of api started: restart by ada'],
  ['recovery_finished', { service: 'api', success: true, duration_ms: 1234, message: 'exit status 0; the service is up, 1.1 s after it' }, 'Recovery of api finished after 1.2 s: exit status 0; the service is up, 1.1 s after it'],
  ['recovery_finished', { service: 'api', success: false, duration_ms: 1234, message: 'exit status 3' }, 'Recovery of api failed after 1.2 s: exit status 3'],
  ['recovery_finished', { service: 'api', dry_run: true, duration_ms: 0, message: 'would run /bin/true' }, 'Recovery of api tried dry: would run /bin/true'],
  ['recovery_refused', { service: 'api', by: 'ada', message: 'db is down' }, 'Recovery of api not begun for ada: db is down'],
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

test('the push daemon tells what is wrong only when it is', () => {
  const calm = { clients: 3, ws_clients: 2, sse_clients: 1, deliveries: 1000, bytes: 250_000, lag_ms: 4, ring_events: 10, ring_bytes: 2500, ring_span_ms: 90_000, refusals: { unauthorized: 0, not_found: 9 }, closes: { normal: 7, none: 2 } };
  assert.deepEqual(pushInWords(calm, 12.4).map(({ name, text }) => `${name}: ${text}`), [
    'Clients: 3 clients, 2 by WebSocket, 1 by event stream', 'Sent: 1,000 events, 12 a second, 250 kB', 'Delay: up to 4 ms of late, from stored to sent',
    'Compression: not used so far', 'Kept ready: 10 events, 2.5 kB, of the last 1 min 30 s', 'Slow: none',
  ]);
  const troubled = { ...calm, gaps: 1, gap_events: 40, blocked_clients: 2, deflate_input_bytes: 1000, deflate_output_bytes: 250, refusals: { max_per_address: 5, new_one: 1 }, closes: { policy: 1 } };
  const lines = Object.fromEntries(pushInWords(troubled, null).map(({ name, text }) => [name, text]));
  assert.equal(lines.Gaps, '1, of 40 events in all');
  assert.equal(lines.Refused, '5 over the limit of an address');
  assert.equal(lines.Closed, '1 too many commands');
  assert.equal(lines.Slow, '2 do not read fast enough');
  assert.match(lines.Compression, /^25.0 % is left/);
  assert.doesNotThrow(() => pushInWords({}, null));
});

// --- the push test ---------------------------------------------------------------------------------------------------

test('an event stream is read the same wherever it is cut', () => {
  const text = ': hello\n\nretry: 2500\n\nid: e-1\nevent: a\ndata: {"x":\ndata:1}\n\nid: e-2\n\r\ndata: end\r\n\r\ndata\n\n';
  const read = (pieces) => {
    const records = [];
    const parser = new SseParser((record) => records.push(record));
    for (const piece of pieces) parser.push(piece);
    return records.map(({ raw, ...record }) => record);
  };
  const whole = read([text]);
  assert.deepEqual(whole, [
    { event: '', data: null, id: null, retry: null, comment: true },
    { event: '', data: null, id: null, retry: 2500, comment: false },
    { event: 'a', data: '{"x":\n1}', id: 'e-1', retry: null, comment: false },
    { event: '', data: null, id: 'e-2', retry: null, comment: false },
    { event: '', data: 'end', id: null, retry: null, comment: false },
    { event: '', data: '', id: null, retry: null, comment: false },
  ]);
  for (let at = 1; at < text.length; at++) assert.deepEqual(read([text.slice(0, at), text.slice(at)]), whole, `cut at ${at}`);
  assert.deepEqual(read([...text]), whole);
});

test('a stream whose record never ends is given up', () => {
  const parser = new SseParser(() => {});
  assert.throws(() => {
    for (let n = 0; n < 3000; n++) parser.push(`data: ${'x'.repeat(1000)}\n`);
  }, /does not end/);
});

test('a rate is that of the last whole seconds, falls to nothing, and the total stays', () => {
  const rate = new Rate();
  assert.equal(rate.now(0), 0);
  for (let ms = 100_000; ms < 105_000; ms += 10) rate.add(ms, 1);
  assert.equal(rate.now(105_000), 100);
  assert.deepEqual(rate.points(105_000).map((point) => point[1]), [100, 100, 100, 100, 100]);
  assert.equal(Math.round(rate.now(106_500)), 67);
  assert.equal(rate.now(110_000), 0);
  assert.equal(rate.now(500_000), 0);
  assert.equal(rate.points(500_000).length, 60);
  assert.equal(rate.total, 500);
});

test('quantiles are values that were measured, of the last ones only', () => {
  const samples = new Samples(100);
  assert.deepEqual(samples.quantiles([0.5]), [NaN]);
  for (let n = 1; n <= 1000; n++) samples.add(n);
  assert.deepEqual(samples.quantiles([0, 0.5, 0.99, 1]), [901, 950, 999, 1000]);
  assert.equal(samples.size, 100);
  assert.equal(samples.last, 1000);
});

test('the clocks are compared no better than can be known', () => {
  const clock = new Clock();
  assert.equal(clock.estimate(), null);
  clock.wrote(5015, 1016); // an event, stored before it was heard: the server is ahead by at least 3999, less a tick
  assert.equal(clock.estimate(), null);
  clock.answered(5010, 1000, 1020);
  assert.deepEqual(clock.estimate(), { offset: 4004.5, uncertain: 6.5 }); // 3998 to 4011
  assert.deepEqual(clock.estimate(4), { offset: 4003.5, uncertain: 5.5 }); // to 4009: the answer was on its way for 2
  assert.deepEqual(clock.estimate(400), clock.estimate(), 'a ping that was slower says nothing');
  clock.answered(9000, 6990, 6994); // one of them was set
  assert.deepEqual(clock.estimate(), { offset: 2008, uncertain: 3 });
});

for (const text of ['', 'plain', 'für', '→', '🔔', 'a🔔b', '\ud800'])
  test(`${JSON.stringify(text)} has as many bytes as it is sent with`, () => assert.equal(utf8Bytes(text), new TextEncoder().encode(text).length));

const logRow = (text, more = {}) => ({ direction: 'in', at: 0, bytes: text.length, name: 'x', events: 1, text, ...more });

test('the log is bounded by rows and by size, and counts what falls off', () => {
  const log = new Log();
  for (let n = 1; n <= 5_500; n++) log.add(logRow(String(n)));
  assert.equal(log.size, ROWS_MOST);
  assert.equal(log.dropped, 4_500);
  assert.deepEqual(log.latest().map((row) => row.text), Array.from({ length: ROWS_MOST }, (_, i) => String(5_500 - i)));
  for (let n = 0; n < 20; n++) log.add(logRow('x'.repeat(1_000_000)));
  assert.ok(log.latest().reduce((sum, row) => sum + row.text.length, 0) <= 8_000_000);
  assert.equal(log.size + log.dropped, 5_520);
  log.clear();
  assert.deepEqual([log.size, log.dropped, log.latest().length], [0, 0, 0]);
});

test('rows are found by words, and left out by words with a minus', () => {
  const rows = [logRow('{"event":"pong"}', { name: 'pong' }), logRow('{"event":"Ping"}', { name: 'ping', direction: 'out' })];
  const found = (filter) => rows.filter(rowFilter(filter) ?? (() => true)).map((row) => row.name);
  assert.deepEqual(found(''), ['pong', 'ping']);
  assert.deepEqual(found('PING'), ['ping']);
  assert.deepEqual(found('-pong'), ['ping']);
  assert.deepEqual(found('received'), ['pong']);
  assert.deepEqual(found('event sent -pong'), ['ping']);
  assert.equal(logText(rows), '1970-01-01T00:00:00.000Z ↑ 16 B {"event":"Ping"}\n1970-01-01T00:00:00.000Z ↓ 16 B {"event":"pong"}');
});

const form = (change) => ({ ...EMPTY, ...change });

test('the form survives the address, and says only what is set', () => {
  const set = form({ way: 'dashboard', events: 'agent_*, log', min_severity: 'error', last: '10', batch: true });
  assert.deepEqual(fromQuery(`?${toQuery(set)}`), set);
  assert.equal(toQuery(EMPTY).toString(), '');
  assert.deepEqual(fromQuery('?way=nonsense&min_severity=loud&metrics=yes'), EMPTY);
  assert.deepEqual(parameters(set), { events: 'agent_*,log', min_severity: 'error', last: '10' });
  assert.equal(address('https://h/monitor/websocket-test?x=1', 'ws/dashboard', parameters(set), true), 'wss://h/monitor/ws/dashboard?events=agent_*,log&min_severity=error&last=10');
  assert.deepEqual(subscription(set), { events: ['agent_*', 'log'], min_severity: 'error', last: 10, metrics: false, batch: true });
  assert.deepEqual(subscription(form({ since: 'abc', last: '-1' })), { since: 'abc', last: '-1', metrics: false }, 'what is wrong is the server’s to say');
});

test('code to copy holds what was typed as text, whatever it is', () => {
  const base = 'http://h/monitor/websocket-test';
  const evil = form({ events: `a'b"c$(x)\\;\`y\``, sources: "it's" });
  assert.equal(shellWord("it's"), `'it'\\''s'`);
  for (const make of [javascript, curl, commandLine]) assert.doesNotMatch(make(evil, base).replace(/'(?:[^']|'\\'')*'/g, ''), /\$\(x\)|`y/);
  assert.doesNotThrow(() => new Function(javascript(form({ ...evil, batch: true }), base)), 'it is JavaScript');
  assert.doesNotThrow(() => new Function(javascript(form({ ...evil, way: 'events' }), base)));
  assert.match(commandLine(form({ way: 'dashboard', events: 'a*', since: '7', last: '3', interval: '0' }), base), /\nbelfry tail --raw --dashboard --event 'a\*' --since 7$/);
});

test('codes of a close have a meaning each', () => {
  for (const code of [1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 4401]) assert.ok(closeMeaning(code).length > 15, String(code));
  assert.match(closeMeaning(4000), /application/);
  assert.match(closeMeaning(1999), /does not name/);
  assert.match(breakHint({ code: 1006, lived: 60_000, silent: 10_000 }), /read timeout/);
  assert.equal(breakHint({ code: 1012, lived: 60_000, silent: 10_000 }), '');
});
