/*
 * GET /api/events as an export (format=csv, format=ndjson), and what happened around an event.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { childrenOf, programPath, start } from './harness.mjs';

const COUNT = 50_000;
const severities = ['debug', 'info', 'success', 'warning', 'error', 'critical'];
const WORKERS = 4; // one long request at a time
let belfry, key, first, last;

// A sanitizer keeps freed memory for a while.
const environment = { 'belfry-fcgi': { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1` } };
const sanitized = fs.readFileSync(programPath('belfry-fcgi')).includes('__asan_init');

before(async () => {
  belfry = await start({ conf: { logs: [], fcgi: { workers: WORKERS } }, environment });
  key = await belfry.makeKey('viewer');
  const filler = 'Tränen 😀 '.repeat(60);
  for (let from = 0; from < COUNT; from += 5000) {
    const lines = Array.from({ length: 5000 }, (_, i) => from + i).map((n) =>
      JSON.stringify({
        event: n % 2 ? 'agent.ended' : 'agent.started',
        severity: severities[n % 6],
        source: `s${n % 7}`,
        event_id: `e${n}`,
        timestamp: Date.UTC(2026, 0, 1) + n * 1000,
        data: { n, filler, ...(n % 1000 === 0 ? { text: 'a needle, found' } : {}) },
      }),
    );
    const answer = await belfry.post('/api/events', lines.join('\n'), {
      key: belfry.adminKey,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    assert.equal(answer.status, 201, answer.text);
    first ??= answer.json.first_id;
    last = answer.json.last_id; // others may have stored something in between
  }
});
after(() => belfry?.stop());

const mine = 'event=agent.*';
const get = (target) => belfry.get(target, { key });

/** What the list says, page by page. */
async function pages(query) {
  const events = [];
  let cursor = '';
  do {
    const answer = await get(`/api/events?${query}&limit=1000${cursor}`);
    assert.equal(answer.status, 200, answer.text);
    events.push(...answer.json.events);
    cursor = answer.json.next_cursor ? `&cursor=${answer.json.next_cursor}` : '';
  } while (cursor);
  return events;
}

/** Rows of cells of a whole CSV; fails on anything else. */
function parseCsv(text) {
  assert.ok(text.endsWith('\r\n'), `a whole export ends in CR LF: ${JSON.stringify(text.slice(-60))}`);
  text = text.replace(/\r\n$/, '\n');
  const rows = [[]];
  let at = 0;
  while (at < text.length) {
    const cell = /"((?:[^"]|"")*)"|([^",\r\n]*)/y;
    cell.lastIndex = at;
    const [raw, quoted, plain] = cell.exec(text);
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += raw.length;
    if (text[at] === ',') at++;
    else {
      assert.equal(text[at], '\n', `the end of row ${rows.length}`);
      at++;
      if (at < text.length) rows.push([]);
    }
  }
  return rows;
}

/** An export whose bytes are taken when asked for only. */
function slowExport(query) {
  const slow = { bytes: 0, text: '', ended: undefined };
  slow.request = http.get(
    { host: '127.0.0.1', port: belfry.port, path: `/api/events?${query}`, agent: false, headers: { authorization: `Bearer ${key}` } },
    (response) => {
      slow.response = response;
      response.setEncoding('utf8');
      response.on('end', () => (slow.ended ??= 'whole'));
      response.on('error', () => (slow.ended ??= 'broken'));
    },
  );
  slow.request.on('error', () => (slow.ended ??= 'broken'));
  slow.begun = () => belfry.until(() => slow.response, 'the export begins');
  slow.read = async () => {
    slow.response.on('data', (text) => (slow.text += text));
    await belfry.until(() => slow.ended, 'the export ends');
  };
  return slow;
}

/** The most memory of its own that a worker takes on while something is done: not what it shares with the page cache. */
async function memoryPeak(doing) {
  const own = () => new Map(childrenOf(belfry.pid('belfry-fcgi')).map((pid) => [pid, 1024 * Number(/RssAnon:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])]));
  const before = own();
  let peak = 0;
  const timer = setInterval(() => {
    for (const [pid, bytes] of own()) peak = Math.max(peak, bytes - (before.get(pid) ?? 0));
  }, 10);
  const result = await doing();
  clearInterval(timer);
  return { result, peak };
}

for (const order of ['asc', 'desc'])
  test(`an export of ${COUNT} events as NDJSON is the list, byte for byte, in little memory (${order})`, async () => {
    const { result: answer, peak } = await memoryPeak(() => get(`/api/events?${mine}&order=${order}&format=ndjson`));
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^application\/x-ndjson/);
    assert.match(answer.headers['content-disposition'], /^attachment; filename="belfry-events-[\dTZ-]+\.ndjson"$/);
    assert.ok(answer.bytes.length > 40 << 20, `${answer.bytes.length} bytes`);
    assert.ok(peak < (sanitized ? 128 : 16) << 20, `a worker took ${peak} bytes`);
    assert.ok(peak > 0 || order === 'desc', 'the first one was measured; the next may do with what that has left');
    const lines = (await pages(`${mine}&order=${order}`)).map((event) => JSON.stringify(event));
    assert.equal(lines.length, COUNT);
    assert.ok(`${lines.join('\n')}\r\n` === answer.text, 'the export differs from the list');
  });

test('an export as CSV holds the same', async () => {
  const answer = await get(`/api/events?${mine}&order=asc&format=csv&severity=error`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^text\/csv; charset=utf-8/);
  assert.match(answer.headers['content-disposition'], /filename="belfry-events-[\dTZ-]+\.csv"$/);
  const [head, ...rows] = parseCsv(answer.text);
  assert.deepEqual(head, ['id', 'timestamp', 'received', 'event', 'severity', 'source', 'event_id', 'data']);
  const events = await pages(`${mine}&order=asc&severity=error`);
  assert.deepEqual(
    rows,
    events.map((event) => [String(event.id), event.timestamp, event.received, event.event, event.severity, event.source, event.event_id, JSON.stringify(event.data)]),
  );
});

test('an export takes all filters, and a limit if it is given one', async () => {
  const lines = async (query) => {
    const { text } = await get(`/api/events?${query}&format=ndjson`);
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line).data.n);
  };
  assert.deepEqual(await lines(`${mine}&q=needle&order=asc`), Array.from({ length: COUNT / 1000 }, (_, i) => i * 1000));
  assert.deepEqual(await lines(`${mine}&limit=3`), [COUNT - 1, COUNT - 2, COUNT - 3]);
  assert.equal((await lines(`${mine}&limit=2500`)).length, 2500);
  assert.deepEqual(await lines(`${mine}&from=2026-01-01T00:00:10Z&to=2026-01-01T00:00:13Z&order=asc`), [10, 11, 12]);
  assert.deepEqual(await lines(`${mine}&after=${first}&before=${first + 3}&order=asc`), [1, 2]);
});

test('an export of nothing is whole', async () => {
  const ndjson = await get('/api/events?event=no_such&format=ndjson');
  assert.equal(ndjson.status, 200);
  assert.equal(ndjson.text, '\r\n');
  const csv = await get('/api/events?event=no_such&format=csv');
  assert.equal(csv.text, 'id,timestamp,received,event,severity,source,event_id,data\r\n');
});

test('what comes while an export runs does not make it endless', async () => {
  const slow = slowExport(`${mine}&order=asc&format=ndjson`);
  await slow.begun();
  await belfry.deliver({ event: 'agent.late', source: 'late' });
  await slow.read();
  assert.equal(slow.ended, 'whole');
  assert.equal(slow.text.split('\n').length - 1, COUNT);
  assert.ok(!slow.text.includes('agent.late'));
});

test('HEAD of an export has its headers', async () => {
  const answer = await belfry.request('HEAD', `/api/events?${mine}&format=csv`, { key });
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^text\/csv/);
  assert.equal(answer.bytes.length, 0);
});

test('errors of an export are those of the list', async () => {
  for (const query of ['format=xml', 'format=csv&limit=0', 'format=csv&q=x&severity=loud', 'format=csv&cursor=x', 'window=5m', 'around=0', 'around=x', 'format=csv&around=5&limit=1001'])
    expect.problem(await get(`/api/events?${query}`), 400);
  expect.problem(await belfry.get('/api/events?format=csv'), 401);
  expect.problem(await belfry.get('/api/events?format=csv', { key: await belfry.makeKey('ingest') }), 403);
});

test('a quarter of the workers are for exports: one more is 503, and the rest of the API goes on', async () => {
  const slow = slowExport(`${mine}&format=ndjson`);
  await slow.begun();
  const refused = await get(`/api/events?${mine}&format=csv&limit=1`);
  expect.problem(refused, 503);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  for (let i = 0; i < 10; i++) assert.equal((await get(`/api/events?${mine}&limit=1`)).status, 200);
  await slow.read();
  assert.equal(slow.ended, 'whole');
  await belfry.until(async () => (await get(`/api/events?${mine}&format=csv&limit=1`)).status === 200, 'there is room again');
});

test('a client that goes away leaves room for others', async () => {
  const slow = slowExport(`${mine}&format=ndjson`);
  await slow.begun();
  slow.request.destroy();
  await belfry.until(async () => (await get(`/api/events?${mine}&format=csv&limit=1`)).status === 200, 'there is room again');
});

test('an export that breaks off can be told from a whole one', async () => {
  const slow = slowExport(`${mine}&format=ndjson`);
  await slow.begun();
  for (const pid of childrenOf(belfry.pid('belfry-fcgi'))) process.kill(pid, 'SIGKILL');
  await slow.read();
  assert.ok(slow.text.length > 0 && slow.text.length < 30e6);

  assert.ok(!slow.text.endsWith('\r\n'), `${slow.ended}, ends with ${JSON.stringify(slow.text.slice(-40))}`);
  await belfry.until(async () => (await get(`/api/events?${mine}&format=csv&limit=1`)).status === 200, 'there is room again');
});

// --- when there is no time

test('a list that runs out of time says so, and goes on from there', async () => {
  await belfry.post('/api/logs?source=sparse', Array.from({ length: 3000 }, (_, n) => `line ${n}`).join('\n'), { key: belfry.adminKey, headers: { 'content-type': 'text/plain' } });
  belfry.conf.fcgi.request_timeout = '100ms';
  belfry.writeConf();
  await belfry.restart('belfry-fcgi');
  await belfry.untilHealthy();
  // On a busy machine there may not even be time to say who is asking.
  const patiently = (target) =>
    belfry.until(async () => {
      const answer = await get(target);
      assert.ok([200, 502, 503].includes(answer.status), answer.text);
      return answer.status === 200 && answer;
    }, target);
  try {
    // Nothing but every text tells what lacks a word.
    const found = [];
    let cursor = '';
    let partial = 0;
    do {
      const answer = await patiently(`/api/events?q=-filler%20-Tr%C3%A4nen&limit=1000&event=agent.*,log${cursor}`);
      found.push(...answer.json.events.map((event) => event.id));
      partial += answer.json.partial;
      cursor = answer.json.next_cursor && `&cursor=${answer.json.next_cursor}`;
    } while (cursor);
    assert.ok(found.length >= 3000 && found.length < 3100, `${found.length} found, ${partial} times partial`);
    assert.deepEqual(found, [...new Set(found)].sort((a, b) => b - a));
    let total = 0;
    let parts = 0;
    const range = { from: '2026-01-01T00:00:00Z', to: new Date(Date.now() + 60_000).toISOString() };
    do {
      const answer = await patiently(`/api/logs/histogram?source=sparse&from=${range.from}&to=${range.to}${cursor ?? ''}`);
      assert.equal(answer.json.partial, answer.json.next_cursor !== null);
      total += answer.json.total;
      parts++;
      cursor = answer.json.next_cursor && `&cursor=${answer.json.next_cursor}`;
    } while (cursor);
    assert.equal(total, 3000, `in ${parts} parts`);
    // An export has the time that it needs.
    const whole = await get(`/api/events?q=-filler%20-Tr%C3%A4nen&event=agent.*,log&format=ndjson`);
    assert.equal(whole.text.split('\n').length - 1, found.length);
    assert.ok(whole.text.endsWith('\r\n'));
    // Who takes nothing for longer than a request may last is cut off, sees it, and does not cost a worker its life.
    const slow = slowExport(`${mine}&format=ndjson`);
    await slow.begun();
    const workers = childrenOf(belfry.pid('belfry-fcgi'));
    await belfry.until(async () => (await get(`/api/events?${mine}&format=csv&limit=1`)).status === 200, 'there is room again');
    await slow.read();
    assert.ok(!slow.text.endsWith('\r\n') && slow.text.split('\n').length < COUNT, `${slow.ended}: ${slow.text.length}`);
    assert.deepEqual(childrenOf(belfry.pid('belfry-fcgi')), workers);
  } finally {
    belfry.conf.fcgi.request_timeout = '10s';
    belfry.writeConf();
    await belfry.restart('belfry-fcgi');
    await belfry.untilHealthy();
  }
});

// --- a spreadsheet is not to take texts for formulas

test('texts that look like formulas are marked as texts in CSV', async () => {
  const sources = ['=1+1', '+1', '-1', '@SUM(A1)', '＝1', 'a=1', '"quoted", with comma', ' blank ', "it's", 'ünïcode 😀'];
  await belfry.deliver(sources.map((source) => ({ event: 'formula', source, data: {} })));
  const answer = await get('/api/events?event=formula&format=csv&order=asc');
  const [, ...rows] = parseCsv(answer.text);
  assert.deepEqual(
    rows.map((row) => row[5]),
    sources.map((source) => (/^[=+\-@＝]/.test(source) ? `'${source}` : source)),
  );
});

// --- around

const around = async (query) => {
  const answer = await get(`/api/events?${query}`);
  assert.equal(answer.status, 200, answer.text);
  answer.json.events.forEach(expect.event);
  return answer.json;
};
const numbers = (page) => page.events.map((event) => event.data.n);
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('around: as many before as after, the event in the middle', async () => {
  const page = await around(`${mine}&around=${first + 500}&limit=11&order=asc`);
  assert.deepEqual(numbers(page), range(495, 505));
  assert.equal(page.around, first + 500);
  assert.equal(page.next_cursor, null);
  assert.deepEqual(numbers(await around(`${mine}&around=${first + 500}&limit=11`)), range(495, 505).reverse());
  assert.deepEqual(numbers(await around(`${mine}&around=${first + 500}&limit=4&order=asc`)), range(498, 501));
  assert.deepEqual(numbers(await around(`${mine}&around=${first + 500}&limit=1`)), [500]);
  assert.equal((await around(`${mine}&around=${first + 500}`)).events.length, 100);
});

test('around: neighbours match the filter, the event itself is there in any case', async () => {
  assert.deepEqual(numbers(await around(`${mine}&q=needle&around=${first + 2500}&limit=5&order=asc`)), [1000, 2000, 2500, 3000, 4000]);
  assert.deepEqual(numbers(await around(`event=agent.started&around=${first + 501}&limit=5&order=asc`)), [498, 500, 501, 502, 504]);
});

test('around: at the ends there is less', async () => {
  assert.deepEqual(numbers(await around(`${mine}&around=${first}&limit=5&order=asc`)), [0, 1, 2]);
  const { events } = await around(`${mine},formula&around=${last}&limit=5&order=asc&source=s*`);
  assert.deepEqual(events.map((event) => event.data.n), [COUNT - 3, COUNT - 2, COUNT - 1]);
});

test('around: a window of time', async () => {
  assert.deepEqual(numbers(await around(`${mine}&around=${first + 500}&window=3s&order=asc`)), range(497, 503));
  assert.deepEqual(numbers(await around(`${mine}&around=${first + 500}&window=3s&limit=3&order=asc`)), range(499, 501));
  const csv = await get(`/api/events?${mine}&around=${first + 500}&window=2s&format=csv&order=asc`);
  assert.deepEqual(parseCsv(csv.text).slice(1).map((row) => Number(row[0])), range(first + 498, first + 502));
});

test('around: an event that is not there is 404', async () => {
  expect.problem(await get('/api/events?around=999999999'), 404);
});
