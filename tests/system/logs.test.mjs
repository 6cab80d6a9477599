/*
 * /api/logs: log lines in (JSON, NDJSON, plain text), listed, exported and counted. Most of them are sealed meanwhile.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry, key, ingest;
before(async () => {
  belfry = await start({ conf: { logs: [], history: { hot_events: 700 } } });
  key = await belfry.makeKey('viewer');
  ingest = await belfry.makeKey('ingest', 'shipper');
});
after(() => belfry?.stop());

const get = (target) => belfry.get(target, { key });
const ndjson = { 'content-type': 'application/x-ndjson' };
const plain = { 'content-type': 'text/plain' };

/** Posts and returns the receipt. */
async function post(body, { query = '', headers = {} } = {}) {
  const answer = await belfry.post(`/api/logs${query}`, body, { key: ingest, headers });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

function line(value) {
  assert.deepEqual(Object.keys(value), ['id', 'timestamp', 'severity', 'source', 'message', 'attributes']);
  assert.ok(Number.isSafeInteger(value.id));
  assert.match(value.timestamp, expect.RFC3339);
  for (const member of ['severity', 'source', 'message']) assert.equal(typeof value[member], 'string', member);
  assert.equal(typeof value.attributes, 'object');
  return value;
}

async function list(query) {
  const answer = await get(`/api/logs?${query}`);
  assert.equal(answer.status, 200, answer.text);
  assert.ok('next_cursor' in answer.json);
  assert.equal(answer.json.partial, false);
  answer.json.logs.forEach(line);
  return answer.json;
}
const messages = (page) => page.logs.map((log) => log.message);

// --- in

test('a line as an object', async () => {
  const receipt = await post({
    message: 'disk is nearly full',
    severity: 'warning',
    source: 'df',
    timestamp: '2026-03-01T10:00:00+01:00',
    event_id: 'df-1',
    attributes: { mount: '/var', percent: 93.7 },
  });
  assert.deepEqual({ ...receipt, first_id: 0, last_id: 0 }, { accepted: 1, duplicates: 0, first_id: 0, last_id: 0 });
  const { logs } = await list('source=df');
  assert.deepEqual(logs, [
    { id: receipt.first_id, timestamp: '2026-03-01T09:00:00.000Z', severity: 'warning', source: 'df', message: 'disk is nearly full', attributes: { mount: '/var', percent: 93.7 } },
  ]);
  assert.equal((await get('/api/logs?source=df')).text.match(/93\.7/g).length, 1);
  const { json } = await get(`/api/events/${receipt.first_id}`);
  assert.equal(expect.event(json).event, 'log');
  assert.deepEqual(json.data, { message: 'disk is nearly full', attributes: { mount: '/var', percent: 93.7 } });
  const again = await post({ message: 'again', source: 'df', event_id: 'df-1' });
  assert.equal(again.duplicates, 1);
});

test('what loggers call things is understood; other members are attributes', async () => {
  await post({ msg: 'hello', level: 'WARN', time: 1_772_000_000_000, user: 'anna', n: 1 }, { query: '?source=pino' });
  const [log] = (await list('source=pino')).logs;
  assert.deepEqual({ ...log, id: 0 }, { id: 0, timestamp: new Date(1_772_000_000_000).toISOString(), severity: 'warning', source: 'pino', message: 'hello', attributes: { user: 'anna', n: 1 } });
});

test('arrays, texts and NDJSON; the source is the key’s name, the severity info', async () => {
  await post([{ message: 'one' }, 'two', { message: 'three', severity: 'error' }]);
  await post('{"message":"four"}\n\n"five"\r\n', { headers: ndjson, query: '?level=debug' });
  const { logs } = await list('source=shipper&order=asc');
  assert.deepEqual(
    logs.map((log) => [log.message, log.severity]),
    [['one', 'info'], ['two', 'info'], ['three', 'error'], ['four', 'debug'], ['five', 'debug']],
  );
});

test('plain text is a line each', async () => {
  const text = 'first\r\n\n  \tindented, "quoted" \\ and 😀  \n\x1b[31mred\x1b[0m\tTab\n=1+1\nlast without end';
  const receipt = await post(text, { headers: { 'content-type': 'text/plain; charset=utf-8' }, query: '?source=text&level=error' });
  assert.equal(receipt.accepted, 5);
  const { logs } = await list('source=text&order=asc');
  assert.deepEqual(logs.map((log) => log.message), ['first', '  \tindented, "quoted" \\ and 😀', '\x1b[31mred\x1b[0m\tTab', '=1+1', 'last without end']);
  assert.ok(logs.every((log) => log.severity === 'error'));
});

test('plain text may hold anything', async () => {
  const bytes = Buffer.concat([Buffer.from('caf\xe9 bar\n', 'latin1'), Buffer.from([0x61, 0, 0x62, 0x0a, 0xff, 0xfe, 0x0a])]);
  assert.equal((await post(bytes, { headers: plain, query: '?source=bytes' })).accepted, 3);
  assert.deepEqual(messages(await list('source=bytes&order=asc')), ['caf\ufffd bar', 'a\ufffdb', '\ufffd\ufffd']);
});

test('gzip is taken', async () => {
  await post(gzipSync('zipped\nlines\n'), { headers: { ...plain, 'content-encoding': 'gzip' }, query: '?source=gzip' });
  assert.deepEqual(messages(await list('source=gzip&order=asc')), ['zipped', 'lines']);
});

for (const [what, body, headers, status, where] of [
  ['no message', { level: 'info' }, {}, 422, '/message'],
  ['a message that is a number', [{ message: 'x' }, { message: 5 }], {}, 422, '/1/message'],
  ['a level that does not exist', { message: 'x', level: 'loud' }, {}, 422, '/level'],
  ['a severity that does not exist', { message: 'x', severity: 'loud' }, {}, 422, '/severity'],
  ['a time that is none', { message: 'x', time: 'soon' }, {}, 422, '/time'],
  ['attributes that are a list', { message: 'x', attributes: [] }, {}, 422, '/attributes'],
  ['a number', '5', {}, 422, ''],
  ['an empty array', [], {}, 422, ''],
  ['blank lines', ' \n\n', plain, 422, ''],
  ['broken JSON', '{"message":', {}, 400, ''],
  ['a broken line', '{"message":"x"}\n{', ndjson, 400, 'line 2'],
  ['a line that is too long', `ok\n${'x'.repeat(70_000)}`, plain, 413, 'line 2/data'],
])
  test(`${what} is ${status}, and nothing is stored`, async () => {
    const answer = await belfry.post('/api/logs?source=wrong', body, { key: ingest, headers });
    expect.problem(answer, status, { pointer: where });
    assert.deepEqual((await list('source=wrong')).logs, []);
  });

test('more lines than a request may have are 413', async () => {
  expect.problem(await belfry.post('/api/logs', 'x\n'.repeat(10_001), { key: ingest, headers: plain }), 413);
});

test('a wrong parameter or type of a post is refused by name', async () => {
  for (const query of ['?level=loud', `?source=${'x'.repeat(129)}`, '?source=a%0Ab'])
    assert.ok(JSON.stringify(expect.problem(await belfry.post(`/api/logs${query}`, 'x', { key: ingest, headers: plain }), 400)).includes(query.slice(1, 6)));
  const answer = await belfry.post('/api/logs', 'x', { key: ingest, headers: { 'content-type': 'text/html' } });
  expect.problem(answer, 415);
  assert.match(answer.headers.accept, /text\/plain/);
  expect.problem(await belfry.post('/api/events', 'x', { key: ingest, headers: plain }), 415);
});

// --- out

const COUNT = 3000;
const severities = ['debug', 'info', 'success', 'warning', 'error', 'critical'];
let firstId;

test('lines of the days before', async () => {
  const lines = Array.from({ length: COUNT }, (_, n) => ({
    message: n % 100 === 0 ? `needle ${n} from 10.0.0.5 foo_bar a-b "x, y"` : `straw ${n}`,
    severity: severities[n % 6],
    source: `host-${n % 3}`,
    timestamp: Date.UTC(2026, 1, 1) + n * 60_000,
  }));
  firstId = (await post(lines.map((one) => JSON.stringify(one)).join('\n'), { headers: ndjson })).first_id;
  await belfry.deliver({ event: 'agent.started', source: 'host-0', data: { message: 'needle, but no log line' } });
});

const N = (log) => Number(/\d+/.exec(log.message)[0]);
const where = (wanted) => Array.from({ length: COUNT }, (_, n) => n).filter(wanted).reverse();
const mine = 'source=host-*';
const posted = new Set();

for (const [query, wanted] of [
  ['level=error', (n) => n % 6 >= 4],
  ['level=err', (n) => n % 6 >= 4],
  ['level=info,error', (n) => [1, 4].includes(n % 6)],
  ['level=error,', (n) => n % 6 === 4],
  ['severity=warning', (n) => n % 6 === 3],
  ['min_severity=critical', (n) => n % 6 === 5],
  ['level=warning&severity=info,critical', (n) => n % 6 === 5],
  ['q=needle', (n) => n % 100 === 0],
  ['q=NEEDLE%20foo_bar', (n) => n % 100 === 0],
  ['q=%22needle%201000%22', (n) => n === 1000],
  ['q=10.0.0.5', (n) => n % 100 === 0],
  ['q=needle%20-foo_bar', () => false],
  ['from=2026-02-01T01:00:00Z&to=2026-02-01T02:00:00Z', (n) => n >= 60 && n < 120],
])
  test(`?${query}`, async () => {
    const answer = await get(`/api/logs?${mine}&${query}&format=ndjson`);
    assert.equal(answer.status, 200, answer.text);
    const logs = answer.text.trim() ? answer.text.trim().split('\n').map((one) => line(JSON.parse(one))) : [];
    assert.deepEqual(logs.map(N), where(wanted));
    assert.deepEqual((await list(`${mine}&${query}&limit=50`)).logs.map(N), where(wanted).slice(0, 50));
  });

for (const order of ['desc', 'asc'])
  test(`pages follow one another while lines come in (${order})`, async () => {
    const seen = [];
    let cursor = '';
    do {
      const page = await list(`${mine}&q=straw&level=warning&limit=211&order=${order}${cursor}`);
      seen.push(...page.logs.map(N));
      cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
      await post({ message: 'needle in between', source: 'host-new' });
    } while (cursor);
    const all = where((n) => n % 100 !== 0 && n % 6 >= 3);
    assert.deepEqual(seen, order === 'asc' ? all.reverse() : all);
  });

test('around a line, and around an event that is none', async () => {
  const page = await list(`${mine}&around=${firstId + 500}&limit=5&order=asc`);
  assert.deepEqual(page.logs.map(N), [498, 499, 500, 501, 502]);
  assert.equal(page.around, firstId + 500);
  const near = await list(`source=host-1&around=${firstId + COUNT}&limit=5&order=asc`);
  assert.deepEqual(near.logs.map(N), [COUNT - 5, COUNT - 2], 'the event itself is no log line');
});

test('CSV has the message and the attributes', async () => {
  await post([
    { message: '=HYPERLINK("http://x")', source: 'csv', attributes: { a: '1,2' } },
    { message: 'two\r\nlines', source: 'csv' },
    { message: '-5 °C', source: 'csv', level: 'debug' },
  ]);
  const { text, headers } = await get('/api/logs?source=csv&format=csv&order=asc');
  assert.match(headers['content-disposition'], /filename="belfry-logs-/);
  const [head, ...rows] = text.split(/\n(?=\d+,|$)/);
  assert.equal(head, 'id,timestamp,severity,source,message,attributes');
  assert.deepEqual(
    rows.map((row) => row.replace(/^\d+,[^,]*,/, '')),
    [`info,csv,"'=HYPERLINK(""http://x"")","{""a"":""1,2""}"`, 'info,csv,"two\nlines",{}', `debug,csv,'-5 °C,{}\r`, ''],
  );
});

// What the manual says a word is, over lines that are sealed and such that are not.
const searched = ['from 10.0.0.5', 'from 110.0.0.5', 'from 10.0.0.57', 'foo', 'foo_bar', 'foo-bar', 'FOO: "Bar"', 'beginning begun', 'Tränen der Freude 😀', 'tab\there', 'a "quoted phrase" here', '50% of x=1;y=2'];
for (const [q, found] of [
  ['10.0.0.5', [0]],
  ['foo', [3, 5, 6]],
  ['foo_bar', [4]],
  ['foo-bar', [5]],
  ['foo bar', [5, 6]],
  ['"foo bar"', []],
  ['"foo: \"bar', [6]],
  ['foo -bar', [3]],
  ['foo*', [3, 4, 5, 6]],
  ['beg* -begun', []],
  ['begin', []],
  ['tränen', [8]],
  ['Freude 😀', [8]],
  ['"tab\there"', [9]],
  ['"quoted phrase"', [10]],
  ['phrase quoted', [10]],
  ['x=1', [11]],
  ['message', []],
])
  test(`q=${JSON.stringify(q)} finds ${JSON.stringify(found.map((n) => searched[n]))}`, async () => {
    for (const source of ['words-1', 'words-2']) {
      if (!posted.has(source)) await post(searched, { query: `?source=${source}` });
      posted.add(source);
      // Others push the first ones out of what is not sealed yet.
      if (source === 'words-1') await post(Array.from({ length: 100 }, (_, n) => `filler ${n}`));
      const { logs } = await list(`source=${source}&order=asc&q=${encodeURIComponent(q)}`);
      assert.deepEqual(logs.map((log) => log.message), found.map((n) => searched[n]));
    }
  });

test('a log event of another shape is shown as far as it goes', async () => {
  await belfry.deliver([
    { event: 'log', source: 'shapes', data: {} },
    { event: 'log', source: 'shapes', data: { message: { a: 1 }, b: 2 } },
    { event: 'log', source: 'shapes', data: { message: 'x', attributes: 'y' } },
  ]);
  assert.deepEqual(
    (await list('source=shapes&order=asc')).logs.map(({ message, attributes }) => [message, attributes]),
    [['', {}], ['{"a":1}', { b: 2 }], ['x', { attributes: 'y' }]],
  );
});

for (const query of ['level=loud', 'level=debug&severity=info,x', 'level=critical&severity=info', 'limit=1001', 'format=xml', 'q=a&from=never', 'cursor=x', 'around=x'])
  test(`?${query} is 400 and names the parameter`, async () => {
    const problem = expect.problem(await get(`/api/logs?${query}`), 400);
    assert.ok(query.split('&').some((one) => problem.detail.startsWith(one.split('=')[0])), problem.detail);
  });

test('/logs is the list to a program, under every prefix', async () => {
  for (const prefix of ['', '/monitor']) {
    const answer = await get(`${prefix}/logs?source=df`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.vary, /Accept(,|$)/);
    assert.deepEqual(answer.json, (await get('/api/logs?source=df')).json);
    expect.problem(await belfry.get(`${prefix}/logs`), 401);
    assert.equal((await belfry.request('HEAD', `${prefix}/logs`, { key })).status, 200);
  }
});

// --- counted

/** Counts what the list says. */
function count(logs, from, step, buckets) {
  const counts = Array.from({ length: buckets }, () => Object.fromEntries(severities.map((name) => [name, 0])));
  for (const log of logs) counts[Math.floor((Date.parse(log.timestamp) - from) / step)][log.severity]++;
  return counts;
}

for (const query of ['', '&level=warning', '&q=needle', '&level=info,error&q=straw', '&source=host-2'])
  test(`the histogram counts what the list has: ${query || 'everything'}`, async () => {
    const range = 'from=2026-02-01T00:00:00Z&to=2026-02-02T12:00:00Z';
    const answer = await get(`/api/logs/histogram?${mine}&${range}&step=1h${query}`);
    assert.equal(answer.status, 200, answer.text);
    const { from, to, step, buckets, total, counts, partial, next_cursor } = answer.json;
    assert.deepEqual([from, to, step, partial, next_cursor], ['2026-02-01T00:00:00.000Z', '2026-02-02T12:00:00.000Z', 3600, false, null]);
    assert.equal(buckets.length, 36);
    assert.deepEqual(buckets.map((bucket) => bucket.start), buckets.map((_, i) => new Date(Date.UTC(2026, 1, 1, i)).toISOString()));
    const { text } = await get(`/api/logs?${mine}&${range}&format=ndjson${query}`);
    const logs = text.trim().split('\n').map((one) => JSON.parse(one));
    assert.deepEqual(buckets.map((bucket) => bucket.counts), count(logs, Date.UTC(2026, 1, 1), 3_600_000, 36));
    assert.equal(total, logs.length);
    assert.equal(Object.values(counts).reduce((a, b) => a + b), total);
    for (const bucket of buckets) assert.equal(Object.values(bucket.counts).reduce((a, b) => a + b), bucket.total);
  });

test('the histogram chooses a step, and begins within a bucket', async () => {
  const { json } = await get(`/api/logs/histogram?${mine}&from=2026-02-01T00:30:00Z&to=2026-02-02T00:30:00Z&buckets=24`);
  assert.equal(json.step, 3600);
  assert.equal(json.buckets.length, 25);
  assert.equal(json.total, 24 * 60);
  assert.equal(json.buckets[0].total, 30);
  assert.equal((await get('/api/logs/histogram?source=df')).json.total, 0, 'a day by default');
});

for (const query of ['step=1h&buckets=5', 'step=1s&from=-7d', 'buckets=0', 'buckets=1001', 'from=2026-02-02&to=2026-02-01', 'level=loud', 'cursor=x', 'step=x'])
  test(`histogram?${query} is 400 and names the parameter`, async () => {
    const problem = expect.problem(await get(`/api/logs/histogram?${query}`), 400);
    assert.ok(query.split('&').some((one) => problem.detail.startsWith(one.split('=')[0])), problem.detail);
  });

test('who may', async () => {
  expect.problem(await belfry.get('/api/logs'), 401);
  expect.problem(await belfry.get('/api/logs', { key: ingest }), 403);
  expect.problem(await belfry.get('/api/logs/histogram', { key: ingest }), 403);
  expect.problem(await belfry.post('/api/logs', 'x', { key, headers: plain }), 403);
});
