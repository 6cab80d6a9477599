/*
 * Thousands of broken requests over kept connections, from a fixed seed: whatever is done to a good one, it is stored whole
 * or not at all, its answer comes, is no 5xx, and the worker is none the bigger for it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { childrenOf, start } from './harness.mjs';

const REQUESTS = 4000;
const CONNECTIONS = 8;

let belfry, ingest;
before(async () => {
  belfry = await start({ conf: { logs: [], watch: { interval: '60s' }, fcgi: { workers: 2, request_timeout: '5s' }, history: { max_series: 2000 } } });
  ingest = await belfry.makeKey('ingest', 'mutant');
});
after(() => belfry?.stop());

/** Numbers that look like chance and are the same each time (mulberry32). */
function chance(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) / 4294967296 * below) | 0;
  };
}

// --- good requests: each carries a mark once in every record, and how many records that are

const json = 'application/json';
const keyValues = (object) => Object.entries(object).map(([key, value]) => ({ key, value: { stringValue: String(value) } }));
const resource = { attributes: keyValues({ 'service.name': 'mutant' }) };
const nanoseconds = (n) => `${1_795_176_000_000 + n}000000`;
const templates = [
  (mark) => ['/api/events', json, { event: 'mutation', source: mark, data: { n: 1, s: 'x"\\\u{1f600}' } }, 1],
  (mark) => ['/api/events', json, Array.from({ length: 20 }, (_, i) => ({ event: 'mutation', source: mark, event_id: `${i}`, severity: 'warning', timestamp: 1795176000 + i, data: { i, list: [1, 2.5e3, null, true] } })), 20],
  (mark) => ['/api/events', 'application/x-ndjson', Array.from({ length: 5 }, (_, i) => JSON.stringify({ event: 'mutation', source: mark, data: { i } })).join('\n'), 5],
  (mark) => ['/api/events', 'application/cloudevents-batch+json', Array.from({ length: 5 }, (_, i) => ({ specversion: '1.0', id: `${i}`, source: mark, type: 'Mutation.X', subject: 's', time: '2026-11-20T10:00:00Z', data: { i } })), 5],
  (mark) => ['/api/events', 'application/cloudevents+json', { specversion: '1.0', id: '1', source: mark, type: 'm', data_base64: 'AAEC' }, 1],
  (mark) => ['/api/events', 'text/xml', '<mutation/>', 1, { 'ce-id': '1', 'ce-specversion': '1.0', 'ce-source': mark, 'ce-type': 'm', 'ce-subject': 'caf%C3%A9' }],
  (mark) => ['/api/logs', json, [{ message: 'one', source: mark, level: 'warn', attributes: { a: 1 } }, { msg: 'two', source: mark, time: '2026-11-20 10:00:00', user: 'u' }], 2],
  (mark) => [`/api/logs?source=${mark}`, 'text/plain', 'first\nsecond\n\tthird', 3],
  () => ['/api/metrics', json, [{ metric: 'mutations', value: 1.5, labels: { a: 'b' }, timestamp: '2026-11-20T10:00:00Z' }, { metric: 'mutations', value: 2 }], 0],
  (mark) => ['/v1/logs', json, { resourceLogs: [{ resource: { attributes: keyValues({ 'service.name': mark }) }, scopeLogs: [{ scope: { name: 's' }, logRecords: Array.from({ length: 5 }, (_, i) => ({ timeUnixNano: nanoseconds(i), severityNumber: i * 4, body: { stringValue: 'm' }, attributes: keyValues({ i }) })) }] }] }, null],
  () => ['/v1/metrics', json, { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [
    { name: 'm.sum', unit: 's', sum: { aggregationTemporality: 1, dataPoints: [{ timeUnixNano: nanoseconds(1), asInt: '5', attributes: keyValues({ r: '/a' }) }] } },
    { name: 'm.histogram', histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: nanoseconds(1), count: '3', sum: 4.5, explicitBounds: [1, 2], bucketCounts: ['1', '1', '1'] }] } },
    { name: 'm.exponential', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ count: 3, scale: 3, zeroCount: 1, positive: { offset: -4, bucketCounts: [1, 1] } }] } },
  ] }] }] }, null],
  (mark) => ['/v1/traces', json, { resourceSpans: [{ resource: { attributes: keyValues({ 'service.name': mark }) }, scopeSpans: [{ spans: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name: 'chat', kind: 3, startTimeUnixNano: nanoseconds(0), endTimeUnixNano: nanoseconds(9), attributes: keyValues({ 'gen_ai.operation.name': 'chat', 'gen_ai.conversation.id': 'c' }), events: [{ name: 'e' }], status: { code: 2 } }] }] }] }, null],
  () => ['/api/login', json, { key: 'bfy_nothing' }, 0],
  () => ['/api/logout', json, {}, 0],
  () => ['/api/keys', json, { name: 'x', role: 'viewer' }, 0],
];

// --- what is done to them

/** Something odd in the place of a JSON value. */
const odd = ['1e999', '-1e999', '123456789012345678901234567890', '-0', '1e-400', '0.1e5', '""', 'null', 'true', '[]', '{}', '[[]]', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', `"${'x'.repeat(300)}"`, '"-1h"', '"NaN"', '9223372036854775808', '18446744073709551616', '{"a":1,"a":2}', '"{{}}<script>%s%n"', "\"'; DROP TABLE event;--\""];
const bytes = (text) => Buffer.from(text);
const splice = (body, at, remove, ...parts) => Buffer.concat([body.subarray(0, at), ...parts.map((part) => bytes(part)), body.subarray(at + remove)]);

const bodyMutations = [
  (body) => body,
  (body, pick) => body.subarray(0, pick(body.length + 1)),
  (body, pick) => splice(body, pick(body.length), 1, Buffer.from([pick(256)])),
  (body, pick) => splice(body, pick(body.length), pick(20)),
  (body, pick) => splice(body, pick(body.length), 0, Buffer.from(['ff', 'c0af', 'eda080', 'f4908080', '00', 'e282'][pick(6)], 'hex')),
  (body, pick) => {
    const values = [...body.toString('latin1').matchAll(/(?<=[:[,])("(?:[^"\\]|\\.)*"|-?[\d.]+|true|false|null)(?=[,\]}])/g)];
    if (!values.length) return body;
    const value = values[pick(values.length)];
    return splice(body, value.index, value[0].length, odd[pick(odd.length)]);
  },
  (body, pick) => {
    const keys = [...body.toString('latin1').matchAll(/"(\w+)":/g)];
    if (!keys.length) return body;
    const key = keys[pick(keys.length)];
    return splice(body, key.index, key[0].length, pick(2) ? '"zz":' : `${keys[pick(keys.length)][0]}`);
  },
  (body, pick) => splice(body, pick(body.length), 0, '['.repeat(1 + pick(3000))),
  (body, pick) => bytes(`${'{"a":['.repeat(20 + pick(40))}1${']}'.repeat(20 + pick(40))}`),
  (body, pick) => Buffer.concat([body, body].slice(0, 1 + pick(2))),
  (body, pick) => splice(body, pick(body.length), 0, body.subarray(pick(body.length))),
  (body) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]),
];

const codings = [
  ...Array(8).fill((body) => [body, undefined]),
  (body) => [gzipSync(body, { level: 1 }), 'gzip'],
  (body, pick) => [gzipSync(body, { level: 1 }).subarray(0, pick(30)), 'gzip'],
  (body, pick) => { const zipped = gzipSync(body, { level: 1 }); return [splice(zipped, pick(zipped.length), 1, Buffer.from([pick(256)])), 'gzip']; },
  (body) => [body, 'gzip'],
  (body) => [body, ['br', 'deflate', 'gzip, gzip', 'identity', 'x'][body.length % 5]],
];
const bomb = gzipSync(Buffer.alloc(12 << 20, '[1,'));
const types = ['text/html', 'application/json; charset=latin1', 'application/x-protobuf', 'application/json;;;', '', 'x'.repeat(200), 'multipart/form-data; boundary=x', 'application/cloudevents+json', 'application/x-ndjson'];
const headers = [
  (pick) => `ce-${'abc'[pick(3)]}: %${pick(100)}`,
  () => `ce-id: ${'y'.repeat(500)}`,
  (pick) => `X-Request-Id: ${'z<>"'.repeat(pick(30))}`,
  () => 'Accept: text/html;q=x, */*;q=0.0001',
  () => 'Cookie: belfry=; ;; =; belfry_test=%00',
  () => 'If-None-Match: "x", W/"y", *',
  () => 'Authorization: Basic !!!!',
  () => 'Content-Type: application/json',
];

/** One request as bytes, and what is known of it. */
function make(number, pick) {
  const mark = `m${number}-${(Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(36)}`; // no mutation makes another's of it
  const [target, type, payload, records, more = {}] = templates[pick(templates.length)](mark);
  let body = bytes(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const mutation = pick(bodyMutations.length);
  body = bodyMutations[mutation](body, pick);
  let coding;
  if (pick(100) === 0) [body, coding] = [bomb, 'gzip'];
  else [body, coding] = codings[pick(codings.length)](body, pick);
  const lines = [
    `POST ${pick(50) ? target : `${target}${target.includes('?') ? '&' : '?'}${['source=%ff', 'x=%', '&&&', 'level=purple', `a=${'b'.repeat(3000)}`][pick(5)]}`} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${ingest}`,
    `Content-Type: ${pick(12) ? type : types[pick(types.length)]}`,
    ...(coding ? [`Content-Encoding: ${coding}`] : []),
    ...Object.entries(more).map(([name, value]) => `${name}: ${pick(8) ? value : ['', '%', '%00', '"', 'é'][pick(5)]}`),
    ...(pick(6) ? [] : [headers[pick(headers.length)](pick)]),
  ];
  const chunked = pick(5) === 0;
  const parts = [];
  if (chunked) {
    for (let at = 0; at < body.length; ) {
      const length = 1 + pick(body.length);
      const piece = body.subarray(at, at + length);
      parts.push(bytes(`${piece.length.toString(16)}\r\n`), piece, bytes('\r\n'));
      at += length;
    }
    parts.push(bytes('0\r\n\r\n'));
  } else {
    parts.push(body);
  }
  lines.push(chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`);
  return { mark, target, records, bytes: Buffer.concat([bytes(`${lines.join('\r\n')}\r\n\r\n`), ...parts]) };
}

/** A kept connection: one request at a time, opened anew when the server has closed it. */
class Connection {
  buffer = Buffer.alloc(0);

  async open() {
    const socket = net.connect(belfry.port, '127.0.0.1').setNoDelay(true);
    this.socket = socket;
    this.buffer = Buffer.alloc(0);
    this.closed = false;
    this.socket.on('data', (part) => { this.buffer = Buffer.concat([this.buffer, part]); this.wake?.(); });
    for (const event of ['close', 'error'])
      socket.on(event, () => {
        if (this.socket !== socket) return; // of the one before
        this.closed = true;
        this.wake?.();
      });
    await once(this.socket, 'connect');
  }

  async ask(request, pick) {
    if (!this.socket || this.closed) await this.open();
    if (pick(4) === 0) {
      const at = pick(request.length);
      this.socket.write(request.subarray(0, at));
      await new Promise(setImmediate);
      this.socket.write(request.subarray(at));
    } else {
      this.socket.write(request);
    }
    for (;;) {
      const answer = this.take();
      if (answer) return answer;
      assert.ok(!this.closed, `closed without an answer after ${this.buffer.length} bytes`);
      let timer;
      await new Promise((resolve, reject) => {
        this.wake = resolve;
        timer = setTimeout(() => reject(new Error('no answer within 20 s')), 20_000);
      }).finally(() => clearTimeout(timer));
    }
  }

  /** The answer at the front of the buffer, if all of it is there. */
  take() {
    const end = this.buffer.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.buffer.subarray(0, end).toString('latin1');
    const length = Number(head.match(/^content-length: (\d+)/im)?.[1] ?? 0);
    if (/^transfer-encoding/im.test(head)) throw new Error(`an answer of unknown length: ${head}`);
    if (this.buffer.length < end + 4 + length) return undefined;
    const text = this.buffer.subarray(end + 4, end + 4 + length).toString();
    this.buffer = this.buffer.subarray(end + 4 + length);
    if (/^connection: close/im.test(head)) {
      this.socket.destroy();
      this.closed = true;
    }
    return { status: Number(head.slice(9, 12)), head, text };
  }
}

const workers = () => childrenOf(belfry.pid('belfry-fcgi'));
const memoryOf = (pid) => Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(/^RssAnon:\s+(\d+)/m)[1]);

test(`${REQUESTS} of them`, async () => {
  const pick = chance(20261120);
  const requests = Array.from({ length: REQUESTS }, (_, number) => make(number, pick));
  const answers = new Array(REQUESTS);
  let next = 0;
  const run = async (until) => {
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        const connection = new Connection();
        while (next < until) {
          const number = next++;
          const answer = await connection.ask(requests[number].bytes, pick).catch((error) => {
            throw new Error(`${error.message}: request ${number}\n${requests[number].bytes.subarray(0, 2000)}\n${belfry.logs()}`);
          });
          assert.ok(answer.status < 500, `${answer.status} ${answer.text} for request ${number}\n${requests[number].bytes.subarray(0, 2000)}`);
          answers[number] = answer;
        }
        connection.socket?.destroy();
      }),
    );
  };
  await run(REQUESTS / 2);
  const before = workers();
  const most = Math.max(...before.map(memoryOf)); // of one that has seen the largest; the other may do so yet
  await run(REQUESTS);

  // Everybody who was there is still there, and no bigger. A sanitizer keeps what was freed for a while.
  const slack = process.env.ASAN_OPTIONS || /libasan/.test(fs.readFileSync(`/proc/${belfry.pid('belfry-fcgi')}/maps`, 'utf8')) ? Infinity : 2048;
  assert.deepEqual(workers(), before, 'the same workers');
  for (const pid of before) assert.ok(memoryOf(pid) <= most + slack, `worker ${pid}: ${most} kB at most, then ${memoryOf(pid)} kB`);

  // What was answered is what is stored: all records of a request, or none.
  const stored = new Map();
  let cursor = '';
  do {
    const { json: page } = await belfry.get(`/api/events?limit=1000&order=asc${cursor}`, { key: belfry.adminKey });
    for (const event of page.events) stored.set(event.source, (stored.get(event.source) ?? 0) + 1);
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor);
  const counts = {};
  requests.forEach(({ mark, target, records }, number) => {
    const { status, text } = answers[number];
    counts[status] = (counts[status] ?? 0) + 1;
    const have = stored.get(mark) ?? 0;
    const what = `request ${number} (${status} ${text.slice(0, 200)}): ${have} stored\n${requests[number].bytes.subarray(0, 1500)}`;
    if (status >= 400) assert.equal(have, 0, what);
    else if (records && status === 201) assert.ok(have <= JSON.parse(text).accepted, what);
    if (status >= 400 && target.startsWith('/v1/') && !/^HTTP\/1.1 (400|413|414|405)/.test(answers[number].head)) assert.match(text, /^\{"code":\d+,"message":"/, what);
  });
  const accepted = answers.reduce((sum, { status, text }) => sum + (status === 201 ? (JSON.parse(text).first_id !== undefined ? JSON.parse(text).accepted : 0) : 0), 0);
  assert.ok(counts[201] > REQUESTS / 20 && counts[200] > REQUESTS / 50 && counts[400] > REQUESTS / 10 && counts[422] > REQUESTS / 50, `a good mixture: ${JSON.stringify(counts)}`);
  assert.ok([...stored.values()].reduce((a, b) => a + b, 0) >= accepted, 'all that was acknowledged is there');
});
