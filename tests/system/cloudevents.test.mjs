/*
 * CloudEvents 1.0: what the JavaScript SDK sends, through nginx and Apache; and the spec's corners by hand.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { load } from '../deps.mjs';
import { startApache } from './apache.mjs';
import * as expect from './expect.mjs';
import { freePort, start } from './harness.mjs';

const { CloudEvent, HTTP } = load('cloudevents');

let belfry, apache, ingest;
const ports = {};
before(async () => {
  const pushPort = await freePort();
  belfry = await start({ conf: { logs: [], push: { listen: `127.0.0.1:${pushPort}` }, history: { hot_events: 100 } } });
  ingest = await belfry.makeKey('ingest', 'broker');
  ports.nginx = belfry.port;
  apache = await startApache(belfry);
  ports.Apache = belfry.port;
  belfry.port = ports.nginx; // where we go unless we say so
});
after(async () => {
  await apache?.stop();
  await belfry?.stop();
});

const batch = { 'content-type': 'application/cloudevents-batch+json' };
const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
const binary = (attributes, type) => ({
  ...(type ? { 'content-type': type } : {}),
  ...Object.fromEntries(Object.entries({ specversion: '1.0', ...attributes }).filter(([, value]) => value !== undefined).map(([name, value]) => [`ce-${name}`, value])),
});
const post = (body, headers) => belfry.post('/api/events', body, { key: ingest, headers });

/** Posts and returns what was stored, oldest first. */
async function stored(body, headers) {
  const answer = await post(body, headers);
  assert.equal(answer.status, 201, answer.text);
  const { accepted, first_id: first, last_id: last } = answer.json;
  if (!accepted) return [];
  const list = await belfry.get(`/api/events?order=asc&after=${first - 1}&before=${last + 1}&source=ce*,/ce*`, { key: belfry.adminKey });
  return list.json.events.map(expect.event);
}
const one = async (body, headers) => (await stored(body, headers))[0];
let made = 0;
const fresh = (more) => ({ specversion: '1.0', id: `f-${++made}`, source: '/ce/test', type: 'x', ...more });

test('a batch', async () => {
  const events = await stored([
    fresh({ id: 'b-1', type: 'com.example.order.created', time: '2026-11-20T12:30:00.1234567+02:00', data: { n: 1.50 } }),
    fresh({ id: 'b-2', type: 'Com.Example/Order Paid', subject: 'order 7', traceparent: '00-ab-cd-01', data: [1, 2] }),
    fresh({ id: 'b-3', data_base64: 'AAEC/w==', datacontenttype: 'image/png' }),
  ], batch);
  assert.deepEqual(events.map(({ event, event_id, source, severity, data }) => ({ event, event_id, source, severity, data })), [
    { event: 'com.example.order.created', event_id: 'b-1', source: '/ce/test', severity: 'info', data: { n: 1.5 } },
    { event: 'com.example_order_paid', event_id: 'b-2', source: '/ce/test', severity: 'info', data: { data: [1, 2], cloudevent: { subject: 'order 7', traceparent: '00-ab-cd-01', type: 'Com.Example/Order Paid' } } },
    { event: 'x', event_id: 'b-3', source: '/ce/test', severity: 'info', data: { data_base64: 'AAEC/w==', cloudevent: { datacontenttype: 'image/png' } } },
  ]);
  assert.equal(events[0].timestamp, '2026-11-20T10:30:00.123Z');
  assert.deepEqual((await post([], batch)).json, { accepted: 0, duplicates: 0, first_id: null, last_id: null });
  const wrong = await post([fresh(), fresh({ id: undefined }), fresh()], batch);
  expect.problem(wrong, 422, { pointer: '/1/id' });
  const { json } = await belfry.get('/api/events?source=/ce/test&limit=1000', { key: belfry.adminKey });
  assert.equal(json.events.length, 3, 'all or nothing');
});

describe('the JavaScript SDK', () => {
  for (const name of ['nginx', 'Apache'])
    for (const mode of ['binary', 'structured'])
      test(`${mode} through ${name}`, async () => {
        const event = new CloudEvent({
          type: 'com.example.Greeting', source: 'ce://sdk', subject: 'grüße 50% ☃', severity: 'warning', myext: 'an extension', data: { hello: 'wörld', deep: [{ n: 1 }] },
        });
        const { headers, body } = HTTP[mode](event);
        const answer = await fetch(`http://127.0.0.1:${ports[name]}/monitor/api/events`, {
          method: 'POST',
          headers: { ...Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, encodeHeader(String(value))])), authorization: `Bearer ${ingest}` },
          body,
        });
        assert.equal(answer.status, 201, await answer.clone().text());
        const { json } = await belfry.get(`/api/events/${(await answer.json()).first_id}`, { key: belfry.adminKey });
        assert.equal(json.event, 'com.example.greeting');
        assert.equal(json.event_id, event.id);
        assert.equal(json.source, 'ce://sdk');
        assert.equal(json.severity, 'warning');
        assert.equal(json.timestamp, new Date(event.time).toISOString());
        assert.deepEqual(json.data, {
          hello: 'wörld', deep: [{ n: 1 }], cloudevent: { subject: 'grüße 50% ☃', myext: 'an extension', type: 'com.example.Greeting' },
        });
      });
});

/** As the HTTP binding wants it; the SDK leaves it to its user. */
function encodeHeader(text) {
  return text.replace(/[^\x21\x23\x24\x26-\x7e ]/gu, encodeURIComponent).replaceAll('%20', ' ');
}

test('a duplicate has the same source and id, also when the first is packed away', async () => {
  await stored(fresh({ id: 'same', source: '/ce/a' }), structured);
  const again = async (event, headers = structured) => (await post(event, headers)).json;
  assert.equal((await again(fresh({ id: 'same', source: '/ce/a', data: { other: 1 } }))).duplicates, 1);
  assert.equal((await again(fresh({ id: 'same', source: '/ce/b' }))).duplicates, 0);
  await stored(Array.from({ length: 2000 }, () => fresh({ source: '/ce/many' })), batch);
  await belfry.until(async () => {
    const { text } = await belfry.get('/metrics', { key: belfry.adminKey });
    return Number(text.match(/^belfry_history_sealed_events_total (\d+)/m)?.[1]) > 100;
  }, 'something is sealed');
  assert.equal((await again('', binary({ id: 'same', source: '/ce/a', type: 'y' }))).duplicates, 1);
});

describe('binary mode', () => {
  const base = () => ({ id: `bin-${++made}`, source: '/ce/bin', type: 'x' });

  test('JSON is the data; text is text; everything else is base64', async () => {
    const data = async (body, type) => (await one(body, binary(base(), type))).data;
    assert.deepEqual(await data('{"a":96.70}', 'application/json'), { a: 96.7 });
    assert.deepEqual(await data('{"a":1}', 'application/vnd.example+json; charset=utf-8'), { a: 1 });
    assert.deepEqual(await data('[1]', 'application/json'), { data: [1] });
    assert.deepEqual(await data('"text"', 'application/json'), { data: 'text' });
    assert.deepEqual(await data('{"cloudevent":1}', 'application/json'), { data: { cloudevent: 1 } });
    assert.deepEqual(await data('<é/>\n', 'text/xml'), { data: '<é/>\n', cloudevent: { datacontenttype: 'text/xml' } });
    for (const bytes of [[0], [255, 254], [1, 2, 3], [0, 1, 2, 3]])
      assert.deepEqual(await data(Buffer.from(bytes), 'application/octet-stream'), {
        data_base64: Buffer.from(bytes).toString('base64'), cloudevent: { datacontenttype: 'application/octet-stream' },
      });
    assert.deepEqual(await data('', 'application/json'), {});
    // Without a type: JSON if it is some, else text.
    const untyped = (body) => belfry.request('POST', '/api/events', { key: ingest, headers: { ...binary(base()), 'content-length': Buffer.byteLength(body) }, body });
    for (const [body, expected] of [['{"a":1}', { a: 1 }], ['plain {', { data: 'plain {' }]]) {
      const answer = await untyped(body);
      assert.equal(answer.status, 201, answer.text);
      assert.deepEqual((await belfry.get(`/api/events/${answer.json.first_id}`, { key: belfry.adminKey })).json.data, expected);
    }
    expect.problem(await post(gzipSync('{"a":1}'), binary(base(), 'application/json')), 400);
    const zipped = await one(gzipSync('{"a":1}'), { ...binary(base(), 'application/json'), 'content-encoding': 'gzip' });
    assert.deepEqual(zipped.data, { a: 1 });
  });

  test('headers are decoded once', async () => {
    const event = await one('{}', binary({ ...base(), subject: 'a%20b%2525%E2%98%83', quoted: '"say \\"hi\\""' }, 'application/json'));
    assert.deepEqual(event.data.cloudevent, { subject: 'a b%25☃', quoted: 'say "hi"' });
  });

  test('errors name the header', async () => {
    expect.problem(await post('{}', binary({ ...base(), id: undefined }, 'application/json')), 422, { pointer: 'ce-id' });
    expect.problem(await post('{}', binary({ ...base(), specversion: '0.3' }, 'application/json')), 422, { pointer: 'ce-specversion' });
    expect.problem(await post('{}', binary({ ...base(), subject: '%ff' }, 'application/json')), 400, { pointer: 'ce-subject' });
    expect.problem(await post('{}', binary({ ...base(), subject: '%4' }, 'application/json')), 400, { pointer: 'ce-subject' });
    expect.problem(await post('{}', binary({ ...base(), 'bad-name': 'x' }, 'application/json')), 422, { pointer: 'ce-bad_name' });
    expect.problem(await post('{}', binary({ ...base(), subject: ['a', 'b'] }, 'application/json')), 400, { pointer: 'ce-subject' });
    expect.problem(await post('{', binary(base(), 'application/json')), 400, { pointer: '' });
    expect.problem(await post('{}', binary(Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x${i}`, '1'])), 'application/json')), 422);
  });
});

test('what is wrong is said, with where', async () => {
  const rows = [
    [fresh({ specversion: '1.1' }), 422, '/specversion'],
    [fresh({ type: undefined }), 422, '/type'],
    [fresh({ type: 'x'.repeat(65) }), 422, '/type'],
    [fresh({ type: 'Health_Changed' }), 403, '/type'],
    [fresh({ source: '' }), 422, '/source'],
    [fresh({ source: 7 }), 422, '/source'],
    [fresh({ time: 'yesterday' }), 422, '/time'],
    [fresh({ data: {}, data_base64: '' }), 422, '/data_base64'],
    [fresh({ data_base64: 'a-_b' }), 422, '/data_base64'],
    [fresh({ Upper: 'x' }), 422, '/Upper'],
    [fresh({ ext: {} }), 422, '/ext'],
    [fresh({ data: { x: 'y'.repeat(70_000) } }), 413, '/data'],
    [[fresh()], 422, ''],
  ];
  for (const [event, status, pointer] of rows) expect.problem(await post(event, structured), status, { pointer });
  expect.problem(await post(fresh(), batch), 422, { pointer: '' });
  expect.problem(await post('{"specversion"', structured), 400, { pointer: '' });
  const other = await post('x', { 'content-type': 'application/cloudevents+avro', 'ce-id': 'x' });
  expect.problem(other, 415);
  assert.match(other.headers.accept, /cloudevents-batch\+json/);
  expect.problem(await belfry.post('/api/events', fresh(), { headers: structured }), 401);
});

test('attributes that are null are absent; a severity that is none of ours is carried along', async () => {
  const event = await one(fresh({ subject: null, data: null, severity: 'purple', flag: true, count: 3 }), structured);
  assert.equal(event.severity, 'info');
  assert.deepEqual(event.data, { cloudevent: { flag: true, count: 3, severity: 'purple' } });
  assert.equal((await one(fresh({ type: 'error_occurred' }), structured)).severity, 'error');
});
