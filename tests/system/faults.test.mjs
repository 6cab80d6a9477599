/*
 * Faults at every step of a commit: historyd is killed, or its disk fails, exactly there. What was acknowledged is there
 * once; what was not acknowledged is stored by sending it again, once. fault_preload.c does it; the product knows
 * nothing of it.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { run, sourceDir, start, temporaryFolder } from './harness.mjs';
import { LogWriter, Producers, Shop, Viewer, falseAlarms, readAll } from './steady.mjs';

const { EIO, ENOSPC, EROFS } = os.constants.errno;
const RULE_BYTES = 512;
const folder = temporaryFolder();
const preload = path.join(folder, 'fault_preload.so');
const logFile = path.join(folder, 'app.log');
const ruleFile = path.join(folder, 'rule');

let belfry, shop;
before(async () => {
  const built = await run(process.env.CC ?? 'cc', [
    ...['-std=gnu17', '-Wall', '-Wextra', '-O1', '-shared', '-fPIC', '-o', preload],
    path.join(sourceDir, 'tests/system/fault_preload.c'),
  ]);
  assert.equal(built.status, 0, built.stderr);
  fs.writeFileSync(ruleFile, Buffer.alloc(RULE_BYTES));
  shop = await new Shop().open();
  belfry = await start({
    supervised: true,
    conf: {
      logs: [{ path: logFile, source: 'app' }],
      history: { checkpoint_pages: 100 },
      watch: { interval: '1s' },
      services: [shop.conf],
    },
    environment: {
      'belfry-historyd': {
        LD_PRELOAD: preload,
        BELFRY_FAULT_RULE: ruleFile,
        // In a build with sanitizers, theirs would want to be the first; it works as the second too.
        ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`,
      },
    },
  });
});
after(async () => {
  await belfry?.stop();
  shop?.close();
});

let ruleNumber = 0;
/** Sets what is to happen next; see fault_preload.c. */
function setRule({ call, target, nth = 1, action, after: awaited = '-' }) {
  const text = `.${++ruleNumber} ${call} ${target} ${nth} ${action} ${awaited}\n`;
  fs.writeFileSync(ruleFile, Buffer.concat([Buffer.from(text)], RULE_BYTES), { flag: 'r+' });
}
const clearRule = () => fs.writeFileSync(ruleFile, Buffer.alloc(RULE_BYTES), { flag: 'r+' });
const applied = () => fs.readFileSync(ruleFile)[0] === '!'.charCodeAt(0);
const historyd = 'belfry-historyd';

/** Waits for the end of the historyd that `pid` was. Returns: {status, signal}. */
async function endOf(pid, ends) {
  await belfry.until(() => belfry.ends.length > ends, 'historyd has ended');
  await belfry.until(() => belfry.pid(historyd) !== pid, 'historyd is started again');
  return belfry.ends[ends];
}

async function integrity() {
  const checked = await run('sqlite3', ['-readonly', path.join(belfry.stateDir, 'history/hot.db'), 'PRAGMA integrity_check']);
  assert.equal(checked.stdout, 'ok\n', checked.stderr);
}

const wal = 'hot.db-wal';
// A commit of one event, in its order: what was applied is written into the log, the log is synced, the producer is
// answered, the bells are rung. Before the sync has ended the event may or may not be there after the end.
const points = [
  { name: 'after apply, before anything is written', call: 'pwrite', target: wal, nth: 1, action: 'before', stored: false },
  { name: 'after the first page', call: 'pwrite', target: wal, nth: 1, action: 'after', stored: false },
  { name: 'amid the pages', call: 'pwrite', target: wal, nth: 4, action: 'before', stored: false },
  { name: 'all is written, nothing synced', call: 'sync', target: wal, nth: 1, action: 'before' },
  // Of a log that starts over, this is the sync of its head.
  { name: 'after the first sync', call: 'sync', target: wal, nth: 1, action: 'after' },
  { name: 'committed, before the answer', call: 'send', target: 'socket', nth: 1, action: 'before', stored: true },
  { name: 'answered, before the first bell', call: 'sendto', target: 'socket', nth: 1, action: 'before', answered: true },
  { name: 'between the bells', call: 'sendto', target: 'socket', nth: 1, action: 'after', answered: true },
];

describe('killed at a point of the commit', { concurrency: false }, () => {
  for (const { name, stored, answered, ...rule } of points)
    test(name, async (t) => {
      const viewer = new Viewer(belfry, { kind: 'ws' });
      t.after(() => viewer.end());
      await belfry.until(() => viewer.ready, 'a viewer is connected');
      const event_id = `point-${ruleNumber}-${rule.call}`;
      const pid = belfry.pid(historyd);
      const ends = belfry.ends.length;
      setRule({ ...rule, after: event_id });
      // The worker sends it again by itself when historyd is back: the producer waits and notices nothing.
      const answer = await belfry.post('/api/events', { event: 'steady', source: 'point', event_id, data: {} }, { key: belfry.adminKey });
      assert.deepEqual(await endOf(pid, ends), { name: historyd, status: null, signal: 'SIGKILL' });
      assert.ok(applied());
      assert.equal(answer.status, 201, answer.text);
      if (answered || stored === false) assert.equal(answer.json.accepted, 1, answer.text);
      else if (stored) assert.equal(answer.json.duplicates, 1, 'it was durable before the end');
      const all = await readAll(belfry);
      assert.equal(all.filter((event) => event.event_id === event_id).length, 1, 'once');
      await viewer.check(all);
    });
});

/** Lets `disturb` happen under producers, viewers and a growing log file, and checks what is there afterwards. */
async function survive(t, disturb) {
  const log = new LogWriter(logFile);
  const viewers = [new Viewer(belfry, { kind: 'ws' }), new Viewer(belfry, { kind: 'sse' })];
  t.after(() => Promise.all(viewers.map((viewer) => viewer.end())));
  let producers;
  try {
    await belfry.until(() => viewers.every((viewer) => viewer.ready), 'the viewers are connected');
    producers = new Producers(belfry, { count: 8, anonymous: 2 });
    await producers.progress();
    await disturb(producers);
    await producers.progress();
  } finally {
    clearRule();
    await producers?.end();
    log.end();
  }
  const stored = await readAll(belfry);
  producers.check(stored);
  for (const viewer of viewers) await viewer.check(stored);
  await log.check(belfry, 'app');
  await integrity();
  // A killed historyd is down indeed.
  assert.deepEqual(await falseAlarms(belfry, [historyd]), []);
}

test('killed at the n-th call under load, wherever that is', { timeout: 180_000 }, async (t) => {
  const calls = [
    { call: 'pwrite', target: wal, nths: [2, 17] },
    { call: 'sync', target: wal, nths: [1, 3] },
    { call: 'send', target: 'socket', nths: [1, 5] },
    { call: 'sendto', target: 'socket', nths: [1, 6] },
    // A checkpoint: the log is synced, its pages are written into the database, that is synced, the log starts over.
    { call: 'pwrite', target: 'hot.db', nths: [1, 7, 50] },
    { call: 'sync', target: 'hot.db', nths: [1, 2] },
  ];
  await survive(t, async (producers) => {
    for (const { nths, ...call } of calls)
      for (const nth of nths)
        for (const action of ['before', 'after']) {
          const pid = belfry.pid(historyd);
          const ends = belfry.ends.length;
          setRule({ ...call, nth, action });
          assert.equal((await endOf(pid, ends)).signal, 'SIGKILL');
          await producers.progress();
        }
  });
});

/** Lets a call fail until historyd gives up. */
async function disturbAndEnd(producers, rule, wanted) {
  const pid = belfry.pid(historyd);
  const ends = belfry.ends.length;
  const said = belfry.log(historyd).length;
  setRule(rule);
  assert.deepEqual(await endOf(pid, ends), { name: historyd, status: 1, signal: null });
  assert.match(belfry.log(historyd).slice(said), wanted);
  await producers.progress();
}

const failures = [
  { name: 'the sync of the log', call: 'sync', target: wal, action: EIO },
  { name: 'the sync of the log, for want of room', call: 'sync', target: wal, action: ENOSPC },
  { name: 'a write into the log', call: 'pwrite', target: wal, action: EIO },
  { name: 'a write into the log that has become read-only', call: 'pwrite', target: wal, action: EROFS },
  { name: 'a write of the checkpoint', call: 'pwrite', target: 'hot.db', action: EIO },
  { name: 'the sync of the checkpoint', call: 'sync', target: 'hot.db', action: EIO },
];
for (const { name, ...rule } of failures)
  test(`${name} fails: historyd stops acknowledging, says why, and ends`, (t) =>
    survive(t, async (producers) => {
      for (const nth of [1, 2]) await disturbAndEnd(producers, { ...rule, nth }, /the history cannot be written, so nothing is acknowledged any more: .+/);
    }));

for (const [name, target] of [['log', wal], ['database', 'hot.db']])
  test(`no room for the ${name}: refused with 503 or put off, and back by itself`, (t) =>
    survive(t, async (producers) => {
      const pid = belfry.pid(historyd);
      setRule({ call: 'pwrite', target, action: ENOSPC });
      await belfry.until(applied, 'the disk is full');
      if (target === wal) {
        const refused = await belfry.until(async () => {
          const answer = await belfry.post('/api/events', { event: 'steady', source: 'full', data: {} }, { key: belfry.adminKey });
          return answer.status !== 201 && answer;
        }, 'an event is refused');
        expect.problem(refused, 503);
        assert.ok(Number(refused.headers['retry-after']) > 0);
      } else await producers.progress(3);
      clearRule();
      await producers.progress();
      assert.equal(belfry.pid(historyd), pid, 'it went on');
    }));

test('afterwards everything is healthy', () => belfry.untilHealthy());
