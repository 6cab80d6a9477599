/*
 * GET /api/events: filters, order, pages, one event.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

const severities = ['debug', 'info', 'success', 'warning', 'error', 'critical'];
let belfry, key, first, count;

before(async () => {
  belfry = await start({ conf: { logs: [] } });
  key = await belfry.makeKey('viewer');
  const events = [];
  for (let n = 0; n < 300; n++)
    events.push({
      event: ['agent.started', 'agent.ended', 'tool_call'][n % 3],
      severity: severities[n % 6],
      source: n % 2 ? 'east' : 'west-1',
      event_id: `e${n}`,
      timestamp: Date.UTC(2026, 0, 1) + n * 60_000,
      data: { n, text: n % 10 === 0 ? 'the quick brown fox' : `plain ${n}` },
    });
  const answer = await belfry.deliver(events);
  first = answer.first_id;
  count = events.length;
});
after(() => belfry?.stop());

/** Ours, by their number. */
async function list(query) {
  const answer = await belfry.get(`/api/events?${query}`, { key });
  assert.equal(answer.status, 200, answer.text);
  assert.ok('next_cursor' in answer.json);
  answer.json.events.forEach(expect.event);
  return answer.json;
}
const numbers = (page) => page.events.map((event) => event.data.n);
const where = (wanted) => Array.from({ length: count }, (_, n) => n).filter(wanted).reverse();

test('the newest hundred come by default', async () => {
  const page = await list('source=east,west-1');
  assert.deepEqual(numbers(page), where((n) => n >= 200));
  assert.equal(typeof page.next_cursor, 'string');
});

for (const [query, wanted] of [
  ['event=tool_call', (n) => n % 3 === 2],
  ['event=agent.*', (n) => n % 3 !== 2],
  ['event=agent.ended,tool_*', (n) => n % 3 !== 0],
  ['event=agent.?????', (n) => n % 3 === 1],
  ['event=agent.*&severity=error', (n) => n % 3 !== 2 && n % 6 === 4],
  ['event=agent.*,tool_call&severity=debug,critical', (n) => n % 6 === 0 || n % 6 === 5],
  ['event=agent.*,tool_call&min_severity=warning', (n) => n % 6 >= 3],
  ['source=east', (n) => n % 2 === 1],
  ['source=west*', (n) => n % 2 === 0],
  ['source=west*,east&q=quick%20fox', (n) => n % 10 === 0],
  ['source=west*,east&q=%22quick%20brown%22', (n) => n % 10 === 0],
  ['source=west*,east&q=plain%20-plain', () => false],
  ['source=west*,east&q=QUICK', (n) => n % 10 === 0],
  ['from=2026-01-01T01:00:00Z&to=2026-01-01T02:00:00Z', (n) => n >= 60 && n < 120],
  [`from=${Date.UTC(2026, 0, 1) / 1000 + 3600}&to=${Date.UTC(2026, 0, 1, 2)}`, (n) => n >= 60 && n < 120],
])
  test(`?${query}`, async () => {
    assert.deepEqual(numbers(await list(`${query}&limit=1000`)), where(wanted));
  });

test('after and before bound the ids', async () => {
  const page = await list(`source=east,west-1&after=${first + 9}&before=${first + 20}`);
  assert.deepEqual(numbers(page), [19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
});

test('order=asc turns the list around', async () => {
  assert.deepEqual(numbers(await list('source=east,west-1&order=asc&limit=5')), [0, 1, 2, 3, 4]);
});

for (const order of ['desc', 'asc'])
  test(`pages follow one another without a gap or an overlap (${order})`, async () => {
    const seen = [];
    let cursor = '';
    do {
      const page = await list(`source=east,west-1&limit=37&order=${order}${cursor}`);
      assert.ok(page.events.length <= 37);
      seen.push(...numbers(page));
      cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : '';
      assert.ok(seen.length <= count);
    } while (cursor);
    const all = where(() => true);
    assert.deepEqual(seen, order === 'asc' ? all.reverse() : all);
  });

test('pages hold still while new events come in', async () => {
  const one = await list('event=agent.*,tool_call&limit=10');
  await belfry.deliver({ event: 'tool_call', source: 'new', data: { n: -1 } });
  const two = await list(`event=agent.*,tool_call&limit=10&cursor=${encodeURIComponent(one.next_cursor)}`);
  assert.deepEqual([...numbers(one), ...numbers(two)], where((n) => n >= count - 20));
});

test('one event is there by its id', async () => {
  const { json } = await belfry.get(`/api/events/${first + 5}`, { key });
  assert.equal(expect.event(json).event_id, 'e5');
  assert.equal(json.id, first + 5);
});

test('an event that is not there is 404', async () => {
  expect.problem(await belfry.get('/api/events/999999999', { key }), 404);
  for (const id of ['abc', '0', '-1', '1.5', '99999999999999999999', '1e3'])
    expect.problem(await belfry.get(`/api/events/${id}`, { key }), [400, 404]);
});

for (const query of [
  'limit=0',
  'limit=1001',
  'limit=-1',
  'limit=ten',
  'severity=loud',
  'min_severity=7',
  'order=sideways',
  'cursor=rubbish',
  'from=yesterdayish',
  'to=2026-99-99',
  'after=x',
  'before=-5',
])
  test(`?${query} is 400 and names the parameter`, async () => {
    const answer = expect.problem(await belfry.get(`/api/events?${query}`, { key }), 400);
    assert.ok(JSON.stringify(answer).includes(query.split('=')[0]), JSON.stringify(answer));
  });

test('relative times are understood', async () => {
  await belfry.deliver({ event: 'just_now', source: 'clock' });
  assert.equal((await list('event=just_now&from=-15m&to=now')).events.length <= 1, true);
  assert.equal((await list('event=just_now&from=-15m')).events.length, 1);
  assert.equal((await list('event=just_now&from=-7d')).events.length, 1);
  assert.equal((await list('event=just_now&to=-24h')).events.length, 0);
});

test('nothing found is an empty list', async () => {
  assert.deepEqual(await list('event=there_is_no_such'), { ...(await list('event=there_is_no_such')), events: [], next_cursor: null });
});

test('the list can be asked for again with its ETag', async () => {
  const one = await belfry.get('/api/events?event=tool_call&limit=3', { key });
  if (one.headers.etag) {
    const two = await belfry.get('/api/events?event=tool_call&limit=3', { key, headers: { 'if-none-match': one.headers.etag } });
    assert.equal(two.status, 304);
  }
});

test('reading is for viewers', async () => {
  expect.problem(await belfry.get('/api/events'), 401);
  expect.problem(await belfry.get('/api/events', { key: await belfry.makeKey('ingest') }), 403);
  expect.problem(await belfry.get('/api/events', { key: await belfry.makeKey('scrape') }), 403);
});

test('methods: HEAD, OPTIONS, and 405 with Allow', async () => {
  const head = await belfry.request('HEAD', '/api/events', { key });
  assert.equal(head.status, 200);
  assert.equal(head.bytes.length, 0);
  const options = await belfry.request('OPTIONS', '/api/events', { key });
  assert.match(options.headers.allow, /GET.*POST|POST.*GET/);
  const wrong = await belfry.request('PUT', '/api/events', { key: belfry.adminKey });
  expect.problem(wrong, 405);
  assert.match(wrong.headers.allow, /GET/);
  assert.match(wrong.headers.allow, /POST/);
});
