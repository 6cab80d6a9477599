/*
 * POST /api/events: every form in which events come in, and every way in which they are refused.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry, key;
before(async () => {
  belfry = await start();
  key = await belfry.makeKey('ingest', 'producer');
});
after(() => belfry?.stop());

const post = (body, headers = {}) => belfry.post('/api/events', body, { key, headers });
const stored = async (id) => (await belfry.get(`/api/events/${id}`, { key: belfry.adminKey })).json;
const ndjson = { 'content-type': 'application/x-ndjson' };

/** How many events there are at all. */
const total = async () => (await belfry.get('/stats', { key: belfry.adminKey })).json.metrics.total_events;

test('one event is stored as it was sent', async () => {
  const data = '{"agent":"a","price":96.7,"big":1234567890123456789,"text":"käse \\u00e9 \\ud83d\\ude00"}';
  const answer = await post(
    `{"event":"agent_activity","event_id":"one","severity":"warning","source":"till","timestamp":"2026-11-20T11:30:00+01:00","data":${data}}`,
  );
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(Object.keys(answer.json).sort(), ['accepted', 'duplicates', 'first_id', 'last_id']);
  assert.equal(answer.json.accepted, 1);
  assert.equal(answer.json.duplicates, 0);
  assert.equal(answer.json.first_id, answer.json.last_id);

  const raw = await belfry.get(`/api/events/${answer.json.first_id}`, { key: belfry.adminKey });
  const event = expect.event(raw.json);
  assert.equal(event.event, 'agent_activity');
  assert.equal(event.event_id, 'one');
  assert.equal(event.severity, 'warning');
  assert.equal(event.source, 'till');
  assert.equal(event.timestamp, '2026-11-20T10:30:00.000Z');
  assert.ok(raw.text.includes(data), 'data byte for byte');
});

test('what an event does not say is made up', async () => {
  const answer = await post({ event: 'something' });
  const event = expect.event(await stored(answer.json.first_id));
  assert.equal(event.source, 'producer', "the key's name");
  assert.equal(event.severity, 'info');
  assert.ok(event.event_id.length > 0);
  assert.deepEqual(event.data, {});
  assert.ok(Math.abs(Date.parse(event.timestamp) - Date.now()) < 60_000);
});

for (const name of ['event', 'event_type', 'type'])
  test(`the type may be called ${name}`, async () => {
    const answer = await post({ [name]: 'kind.of:event-1' });
    assert.equal((await stored(answer.json.first_id)).event, 'kind.of:event-1');
  });

for (const [given, meant] of [
  ['2026-11-20T10:30:00Z', '2026-11-20T10:30:00.000Z'],
  ['2026-11-20T10:30:00.123456Z', '2026-11-20T10:30:00.123Z'],
  ['2026-11-20T10:30:00', '2026-11-20T10:30:00.000Z'],
  ['2026-11-20T10:30:00.5', '2026-11-20T10:30:00.500Z'],
  ['2026-11-20T05:30:00-05:00', '2026-11-20T10:30:00.000Z'],
  [1795170600, '2026-11-20T10:30:00.000Z'],
  [1795170600123, '2026-11-20T10:30:00.123Z'],
])
  test(`the time ${given} is understood`, async () => {
    const answer = await post({ event: 'timed', timestamp: given });
    assert.equal(answer.status, 201, answer.text);
    assert.equal((await stored(answer.json.first_id)).timestamp, meant);
  });

test('an array is stored in its order', async () => {
  const answer = await post(Array.from({ length: 50 }, (_, n) => ({ event: 'many', data: { n } })));
  assert.equal(answer.status, 201);
  assert.equal(answer.json.accepted, 50);
  assert.equal(answer.json.last_id - answer.json.first_id, 49);
  assert.deepEqual((await stored(answer.json.first_id + 17)).data, { n: 17 });
});

test('NDJSON is stored line by line, blank lines and a missing last newline aside', async () => {
  const answer = await post('{"event":"line","data":{"n":1}}\n\n{"event":"line","data":{"n":2}}\r\n{"event":"line","data":{"n":3}}', ndjson);
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.json.accepted, 3);
  assert.deepEqual((await stored(answer.json.last_id)).data, { n: 3 });
});

test('gzip bodies are taken, of an array and of NDJSON', async () => {
  const gzip = { 'content-encoding': 'gzip' };
  const array = await post(gzipSync(JSON.stringify([{ event: 'zipped' }, { event: 'zipped' }])), gzip);
  assert.equal(array.status, 201, array.text);
  assert.equal(array.json.accepted, 2);
  const lines = await post(gzipSync('{"event":"zipped"}\n'.repeat(1000)), { ...gzip, ...ndjson });
  assert.equal(lines.json.accepted, 1000);
});

test('gzip that is none, is cut off, or swells beyond the limit is refused', async () => {
  const gzip = { 'content-encoding': 'gzip' };
  expect.problem(await post('{"event":"plain"}', gzip), 400);
  expect.problem(await post(gzipSync('{"event":"cut off"}'.padEnd(5000)).subarray(0, 30), gzip), 400);
  expect.problem(await post(gzipSync(Buffer.alloc(64 << 20, 0x20)), gzip), 413);
  expect.problem(await post('{"event":"x"}', { 'content-encoding': 'br' }), 415);
});

describe('duplicates', () => {
  test('the same source and event_id is stored once, within a request and across requests', async () => {
    const event = { event: 'once', source: 'till', event_id: 'dup-1' };
    const first = await post([event, event]);
    assert.equal(first.status, 201, first.text);
    assert.deepEqual([first.json.accepted, first.json.duplicates], [1, 1]);
    const second = await post(event);
    assert.equal(second.status, 201);
    assert.deepEqual([second.json.accepted, second.json.duplicates], [0, 1]);
    const third = await post({ ...event, source: 'other' });
    assert.deepEqual([third.json.accepted, third.json.duplicates], [1, 0]);
    const { json } = await belfry.get('/api/events?event=once&source=till', { key: belfry.adminKey });
    assert.equal(json.events.length, 1);
  });

  test('only what is new of a batch is stored', async () => {
    const batch = (from, to) =>
      Array.from({ length: to - from }, (_, n) => ({ event: 'half', source: 'h', event_id: `h${from + n}` }));
    await post(batch(0, 10));
    const answer = await post(batch(5, 20));
    assert.deepEqual([answer.json.accepted, answer.json.duplicates], [10, 5]);
    const { json } = await belfry.get('/api/events?event=half&limit=100', { key: belfry.adminKey });
    assert.equal(new Set(json.events.map((event) => event.event_id)).size, 20);
    assert.equal(json.events.length, 20);
  });
});

describe('refused', () => {
  for (const [what, body] of [
    ['text', 'hello'],
    ['JSON that is cut off', '{"event":"x"'],
    ['two values', '{"event":"x"} {"event":"y"}'],
    ['a doubled key', '{"event":"x","event":"y"}'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x65, 0x76, 0x65, 0x6e, 0x74, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
    ['a lone surrogate', '{"event":"x","data":{"a":"\\ud800"}}'],
    ['not a number', '{"event":"x","data":{"a":NaN}}'],
    ['a comma too many', '[{"event":"x"},]'],
    ['nothing', ''],
  ])
    test(`${what} is 400`, async () => {
      expect.problem(await post(body), 400);
    });

  for (const [what, body, pointer] of [
    ['no type', { data: {} }, '/event'],
    ['a type that is a number', { event: 5 }, '/event'],
    ['a type with a blank', { event: 'a b' }, '/event'],
    ['a type in capitals', { event: 'ABC' }, '/event'],
    ['an empty type', { event: '' }, '/event'],
    ['a type too long', { event: 'x'.repeat(65) }, '/event'],
    ['data that is an array', { event: 'x', data: [] }, '/data'],
    ['data that is text', { event: 'x', data: 'y' }, '/data'],
    ['a severity that does not exist', { event: 'x', severity: 'loud' }, '/severity'],
    ['a severity that is a number', { event: 'x', severity: 3 }, '/severity'],
    ['a source too long', { event: 'x', source: 's'.repeat(129) }, '/source'],
    ['a source that is an object', { event: 'x', source: {} }, '/source'],
    ['an event_id too long', { event: 'x', event_id: 'i'.repeat(129) }, '/event_id'],
    ['a time that is none', { event: 'x', timestamp: 'yesterday' }, '/timestamp'],
    ['a time in the thirteenth month', { event: 'x', timestamp: '2026-13-01T00:00:00Z' }, '/timestamp'],
    ['a time that is an object', { event: 'x', timestamp: {} }, '/timestamp'],
  ])
    test(`${what} is 422 and says where`, async () => {
      expect.problem(await post(body), 422, { pointer });
      expect.problem(await post([{ event: 'fine' }, body]), 422, { pointer: `/1${pointer}` });
    });

  test('a value that is no event is 422', async () => {
    for (const body of ['5', '"text"', 'null', 'true', '[5]', '[[]]']) expect.problem(await post(body), 422);
  });

  test('one wrong event keeps the whole request out', async () => {
    const before = await total();
    expect.problem(await post([{ event: 'good' }, { event: 'good' }, { event: 'Bad' }]), 422, { pointer: '/2/event' });
    expect.problem(await post('{"event":"good"}\n{"event":\n', ndjson), 400);
    expect.problem(await post('{"event":"good"}\n{"event":"Bad"}\n', ndjson), 422);
    assert.equal(await total(), before);
  });

  test('a body over the limit is 413, of JSON sooner than of NDJSON', async () => {
    const line = JSON.stringify({ event: 'big', data: { text: 'x'.repeat(1000) } });
    expect.problem(await post(`[${Array(1100).fill(line).join()}]`), 413);
    const lines = await post(`${line}\n`.repeat(1100), ndjson);
    assert.equal(lines.status, 201, lines.text);
    expect.problem(await post(`${line}\n`.repeat(9000), ndjson), 413);
  });

  test('an event over 64 KiB is 413', async () => {
    expect.problem(await post({ event: 'big', data: { text: 'x'.repeat(66_000) } }), 413);
    assert.equal((await post({ event: 'big', data: { text: 'x'.repeat(64_000) } })).status, 201);
  });

  test('more than 10,000 events at once are 413', async () => {
    expect.problem(await post('{"event":"x"}\n'.repeat(10_001), ndjson), [413, 422]);
    assert.equal((await post('{"event":"x"}\n'.repeat(10_000), ndjson)).json.accepted, 10_000);
  });

  test('JSON that is too deep is refused, however deep', async () => {
    const deep = (levels) => `{"event":"x","data":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
    assert.equal((await post(deep(20))).status, 201);
    for (const levels of [40, 3000, 100_000]) expect.problem(await post(deep(levels)), 400);
  });

  test('a content type that is not known is 415', async () => {
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-protobuf'])
      expect.problem(await post('{"event":"x"}', { 'content-type': type }), 415);
    assert.equal((await post('{"event":"x"}', { 'content-type': 'application/json; charset=utf-8' })).status, 201);
  });

  test('types that only Belfry writes are 403', async () => {
    for (const event of ['health_changed', 'alert_fired', 'alert_resolved', 'recovery_started', 'settings_changed', 'command', 'audit']) {
      expect.problem(await post({ event }), 403);
      expect.problem(await post([{ event: 'fine' }, { event }]), 403);
      const answer = await belfry.post('/api/events', { event }, { key: belfry.adminKey });
      expect.problem(answer, 403);
    }
  });

  test('who may not send is told so', async () => {
    const answer = await belfry.post('/api/events', { event: 'x' });
    expect.problem(answer, 401);
    assert.ok(answer.headers['www-authenticate']);
    for (const role of ['viewer', 'operator', 'scrape'])
      expect.problem(await belfry.post('/api/events', { event: 'x' }, { key: await belfry.makeKey(role) }), 403);
    assert.equal((await belfry.post('/api/events', { event: 'x' }, { key: belfry.adminKey })).status, 201);
  });
});

test('markup and SQL in an event stay text', async () => {
  const nasty = `<script>alert(1)</script>'); DROP TABLE event; --\u001b[31m`;
  const answer = await post({ event: 'nasty', source: `'; DROP TABLE event; --`, data: { nasty } });
  assert.equal(answer.status, 201, answer.text);
  assert.equal((await stored(answer.json.first_id)).data.nasty, nasty);
});

test('an acknowledged event is there for the next request, whoever answers it', async () => {
  for (let n = 0; n < 30; n++) {
    const { json } = await post({ event: 'at_once', data: { n } });
    assert.deepEqual((await stored(json.first_id)).data, { n });
  }
});
