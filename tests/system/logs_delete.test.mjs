/*
 * DELETE /api/logs: what an administrator deletes is shown to nobody from the answer on, by lists, exports, ids, words
 * and push; then it is taken out of hot.db and of the sealed files, whatever is killed meanwhile.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

const COUNT = 4000;
const T0 = Date.parse('2026-10-01T00:00:00Z');
const sources = ['web', 'db', 'recovery:web'];
const levels = ['info', 'warning', 'error'];
const make = (n) => ({
  event: n % 4 ? 'log' : 'agent_activity',
  event_id: `one-${n}`,
  source: sources[n % 3],
  severity: levels[n % 5 % 3],
  timestamp: new Date(T0 + n * 60_000).toISOString(),
  data: { message: `secret-${String(n).padStart(5, '0')}-x told` },
});
const isLog = (n) => n % 4 !== 0;

let belfry, viewer;
const ids = [];
before(async () => {
  belfry = await start({ conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, history: { hot_events: 300 } } });
  viewer = await belfry.makeKey('viewer');
  for (let n = 0; n < COUNT; n += 500) {
    const { first_id: first } = await belfry.deliver(Array.from({ length: 500 }, (_, i) => make(n + i)));
    for (let i = 0; i < 500; i++) ids.push(first + i);
  }
});
after(() => belfry?.stop());

const remove = (query, key = belfry.adminKey) => belfry.request('DELETE', `/api/logs${query}`, { key });

/** The numbers of ours that an export gives. */
async function there(query = '') {
  const answer = await belfry.get(`/api/events?format=ndjson&order=asc${query}`, { key: viewer });
  assert.equal(answer.status, 200, answer.text);
  const events = answer.text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line));
  return events.filter((event) => event.event_id.startsWith('one-')).map((event) => Number(event.event_id.slice(4)));
}
const expected = new Set(Array.from({ length: COUNT }, (_, n) => n));
const forget = (gone) => [...expected].filter((n) => isLog(n) && gone(n)).map((n) => expected.delete(n)).length;

async function figure(name) {
  const { text } = await belfry.get('/metrics', { key: belfry.adminKey });
  return Number(text.match(new RegExp(`^${name} (\\d+)`, 'm'))?.[1]);
}
const carriedOut = (deleted) =>
  belfry.until(async () => (await figure('belfry_history_deleted_events_total')) >= deleted && (await figure('belfry_history_deletions')) === 0, 'the deletion is carried out');

describe('deleting log lines', { concurrency: false }, () => {
  test('takes an administrator', async () => {
    expect.problem(await remove('', ''), 401);
    for (const role of ['viewer', 'operator', 'ingest', 'scrape']) expect.problem(await remove('', await belfry.makeKey(role)), 403);
    assert.deepEqual(await there(), [...expected]);
  });

  test('is refused when a condition is misspelt, empty or says nothing', async () => {
    for (const [query, pointer] of [
      ['?befor=-7d', 'befor'],
      ['?before=', 'before'],
      ['?before=yesterday', 'before'],
      ['?from=2026-10-02&before=2026-10-01', 'before'],
      ['?type=everything', 'type'],
      ['?source=%2C', 'source'],
      ['?source=a%0Ab', 'source'],
      ['?source=web&type=recovery', 'source'],
      ['?severity=%2C', 'severity'],
      ['?severity=bad', 'severity'],
    ])
      expect.problem(await remove(query), 400, { pointer });
    assert.deepEqual(await there(), [...expected]);
    assert.equal((await belfry.get('/api/events?event=audit&q=logs_deleted', { key: viewer })).json.events.length, 0);
  });

  test('ends what is shown, at once and everywhere, and says who did it', async () => {
    const live = belfry.ws('/ws?events=log,audit', { key: viewer });
    await live.next('connected');
    const before = new Date(T0 + 1000 * 60_000).toISOString();
    const answer = await remove(`?severity=info,error&before=${before}`);
    assert.equal(answer.status, 200, answer.text);
    const gone = forget((n) => n < 1000 && make(n).severity !== 'warning');
    assert.deepEqual({ ...answer.json, audit_id: 0 }, { deleted: gone, partial: false, audit_id: 0 });
    assert.deepEqual(await there(), [...expected]);
    assert.deepEqual(await there('&q=told'), [...expected]);
    expect.problem(await belfry.get(`/api/events/${ids[2]}`, { key: viewer }), 404);
    assert.deepEqual(await there('&q=secret-00002-x'), []);
    const histogram = (await belfry.get(`/api/logs/histogram?from=${new Date(T0).toISOString()}&to=${encodeURIComponent(before)}`, { key: viewer })).json;
    assert.equal(histogram.total, [...expected].filter((n) => isLog(n) && n < 1000).length);
    const { json: audit } = await belfry.get(`/api/events/${answer.json.audit_id}`, { key: viewer });
    assert.equal(expect.event(audit).event, 'audit');
    assert.deepEqual(audit.data, { action: 'logs_deleted', by: audit.data.by, filter: { severity: 'info,error', before }, deleted: gone, partial: false });
    await live.next((message) => message.id === answer.json.audit_id);
    live.terminate();
  });

  test('is then carried out, and leaves nothing of it on the disk', async () => {
    await carriedOut(1);
    assert.deepEqual(await there(), [...expected]);
    const gone = Array.from({ length: COUNT }, (_, n) => n).filter((n) => !expected.has(n));
    const history = path.join(belfry.stateDir, 'history');
    for (const name of ['hot.db', 'hot.db-wal']) {
      const bytes = fs.readFileSync(path.join(history, name));
      assert.deepEqual(gone.filter((n) => bytes.includes(make(n).data.message)), [], `${name} holds them`);
    }
  });

  test('makes no room for the same again', async () => {
    const receipt = await belfry.deliver([make(1), make(2), make(4)]);
    assert.equal(receipt.duplicates, 3);
    assert.deepEqual(await there(), [...expected]);
  });

  test('reaches who comes back to the push daemon', async () => {
    const answer = await remove('?type=recovery');
    assert.equal(answer.json.deleted, forget((n) => make(n).source === 'recovery:web'));
    const socket = belfry.ws(`/ws?events=log,agent_activity,audit&since=${ids[0] - 1}`, { key: viewer });
    await socket.next((message) => message.id === answer.json.audit_id);
    const told = socket.messages.filter((message) => message.event_id?.startsWith('one-')).map((message) => Number(message.event_id.slice(4)));
    assert.deepEqual(told, [...expected]);
    socket.terminate();
  });

  test('goes on after kill -9', async () => {
    const { json } = await remove('');
    assert.equal(json.deleted, forget(() => true));
    for (let i = 0; i < 5; i++) {
      await belfry.kill('belfry-historyd');
      belfry.startProgram('belfry-historyd');
      await belfry.untilHealthy();
      assert.deepEqual(await there(), [...expected]);
    }
    await belfry.until(async () => (await figure('belfry_history_deletions')) === 0, 'the deletion is carried out');
    assert.deepEqual(await there(), [...expected]);
    assert.ok((await belfry.get('/api/logs', { key: viewer })).json.logs.every((log) => !log.message.startsWith('secret-')));
  });
});
