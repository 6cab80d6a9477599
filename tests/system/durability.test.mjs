/*
 * What was acknowledged stays, exactly once, and every viewer sees it in order: while daemons restart, are killed, while
 * a second writer tries to get in, while the disk is full.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { daemons, programPath, run, start, temporaryFolder } from './harness.mjs';
import { Producers, Viewer, readAll } from './steady.mjs';

const running = [];
async function instance(options) {
  const belfry = await start({ ...options, conf: { logs: [], watch: { host_interval: '1s' }, ...options?.conf } });
  running.push(belfry);
  return belfry;
}
after(() => Promise.all(running.map((belfry) => belfry.stop())));

/** Lets `disturb` happen under producers and viewers, and checks what is there afterwards. */
async function survive(belfry, disturb) {
  const viewers = [new Viewer(belfry, { kind: 'ws' }), new Viewer(belfry, { kind: 'sse' })];
  let producers;
  try {
    await belfry.until(() => viewers.every((viewer) => viewer.ready), 'the viewers are connected');
    producers = new Producers(belfry);
    const progress = () => producers.progress(3);
    await progress();
    await disturb(progress);
    await progress();
    await producers.end();
    const stored = await readAll(belfry);
    producers.check(stored);
    for (const viewer of viewers) await viewer.check(stored);
  } finally {
    await producers?.end();
    await Promise.all(viewers.map((viewer) => viewer.end()));
  }
}

const restartable = ['nginx', ...daemons];

describe('under load', { concurrency: false }, () => {
  let belfry;
  test('an instance starts', async () => {
    belfry = await instance();
  });

  for (const name of restartable)
    test(`${name} is restarted`, () =>
      survive(belfry, async (progress) => {
        await belfry.restart(name);
        await progress();
      }));

  for (const name of restartable)
    test(`${name} is killed`, () =>
      survive(belfry, async (progress) => {
        await belfry.kill(name);
        belfry.startProgram(name);
        await progress();
      }));

  test('all of them are restarted', () =>
    survive(belfry, async () => {
      for (const name of restartable) await belfry.terminate(name);
      for (const name of restartable.reverse()) belfry.startProgram(name);
    }));

  test('all of them are killed at once', () =>
    survive(belfry, async () => {
      await Promise.all(restartable.map((name) => belfry.kill(name)));
      for (const name of restartable) belfry.startProgram(name);
    }));

  test('the configuration is read again on SIGHUP', () =>
    survive(belfry, async (progress) => {
      for (const name of daemons) process.kill(belfry.pid(name), 'SIGHUP');
      await progress();
      for (const name of daemons) assert.doesNotThrow(() => process.kill(belfry.pid(name), 0), name);
    }));

  test('afterwards everything is healthy', () => belfry.untilHealthy());
});

test('the end of a daemon on SIGTERM is clean', async () => {
  const belfry = await instance();
  for (const name of daemons) {
    const child = belfry.running.get(name);
    await belfry.terminate(name);
    assert.equal(child.exitCode, 0, `${name}: ${belfry.log(name)}`);
  }
});

test('a second historyd is refused', async () => {
  const belfry = await instance();
  const second = await run(programPath('belfry-historyd'), ['-c', belfry.confPath]);
  assert.notEqual(second.status, 0);
  assert.match(second.stderr, /in use by process \d+/);
  await belfry.deliver({ event: 'still_there' });
});

test('a history of a newer program is left alone', async () => {
  const belfry = await instance();
  for (const name of daemons.toReversed?.() ?? [...daemons].reverse()) await belfry.terminate(name);
  const file = path.join(belfry.stateDir, 'history/hot.db');
  const before = await run('sqlite3', [file, 'PRAGMA user_version']);
  const newer = Number(before.stdout) + 100_000;
  await run('sqlite3', [file, `PRAGMA user_version = ${newer}`]);
  const refused = await run(programPath('belfry-historyd'), ['-c', belfry.confPath]);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /newer|version|schema/i);
  assert.equal(Number((await run('sqlite3', [file, 'PRAGMA user_version'])).stdout), newer);
  await run('sqlite3', [file, `PRAGMA user_version = ${before.stdout.trim()}`]);
  for (const name of daemons) belfry.startProgram(name);
  await belfry.untilHealthy();
});

const mayMount = process.getuid() === 0 && mountProbe();

function mountProbe() {
  const probe = temporaryFolder();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'belfry-test', probe]).status !== 0) return false;
  spawnSync('umount', [probe]);
  return true;
}

test('a full disk loses nothing that was acknowledged, and its end is noticed', { skip: mayMount ? false : 'needs root, to mount a small file system' }, async (t) => {
  const disk = temporaryFolder();
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'belfry-test', disk]).status, 0);
  // The instance first: nothing can be unmounted that is in use.
  t.after(() => spawnSync('umount', ['-l', disk]));
  const belfry = await start({ stateDir: disk, conf: { logs: [], history: { ballast: '1MiB' } } });
  t.after(() => belfry.stop());

  const filler = path.join(disk, 'filler');
  fs.writeFileSync(filler, Buffer.alloc(6 << 20));
  const key = await belfry.makeKey('ingest');
  const acknowledged = [];
  const refused = await belfry.until(
    async () => {
      const event_id = `f${acknowledged.length}`;
      const answer = await belfry.post('/api/events', { event: 'steady', source: 'f', event_id, data: { text: 'x'.repeat(50_000) } }, { key });
      if (answer.status === 201) acknowledged.push(event_id);
      else return answer;
      return null;
    },
    'the disk is full',
    { timeout: 120_000 },
  );
  expect.problem(refused, 503);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.equal((await belfry.get('/api/events?limit=1', { key: belfry.adminKey })).status, 200, 'what is there can be read');
  await belfry.until(async () => (await belfry.get('/health')).json.status !== 'healthy', '/health tells of it');
  // Longer than a daemon may be silent before it counts as gone: a full disk is no fault of the others.
  const silence = Date.now() + 8000;
  await belfry.until(async () => {
    const { checks } = (await belfry.get('/health')).json;
    const seen = [checks.history.status, checks.push.status, checks.watch.status].join();
    if (seen !== 'degraded,healthy,healthy') throw Object.assign(new Error(`history, push, watch: ${seen}`), { final: true });
    return Date.now() > silence;
  }, 'nobody else is complained of');

  fs.rmSync(filler);
  await belfry.until(async () => {
    const answer = await belfry.post('/api/events', { event: 'steady', source: 'f', event_id: 'afterwards' }, { key });
    return answer.status === 201;
  }, 'events are taken again, without a restart by hand');
  const there = new Set((await readAll(belfry)).map((event) => event.event_id));
  assert.deepEqual(acknowledged.filter((id) => !there.has(id)), []);
  await belfry.untilHealthy();
});
