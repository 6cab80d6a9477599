/*
 * kill -9 of one program after the other, at random moments under a crowd of producers and viewers. What was acknowledged
 * is there exactly once; every viewer saw everything in order; a log file came whole.
 *
 * BELFRY_CRASH_ROUNDS: how many kills (20), for hours of them by hand. BELFRY_CRASH_SEED: the random moments of a run
 * that failed, again.
 *
 * Runs by itself: hundreds of kills under load, and each start has to be quick.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf, start, temporaryFolder } from './harness.mjs';
import { LogWriter, Producers, Shop, Viewer, falseAlarms, readAll } from './steady.mjs';

const rounds = Number(process.env.BELFRY_CRASH_ROUNDS ?? 20);
const seed = Number(process.env.BELFRY_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Numbers from 0 to 1 that a seed makes the same again (mulberry32). */
function randomNumbers(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const victims = ['belfry-historyd', 'worker', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd'];

/** Who is killed: everybody equally often, in an order of chance. */
function* killings(random) {
  for (;;) {
    const left = [...victims];
    while (left.length > 0) yield left.splice(Math.floor(random() * left.length), 1)[0];
  }
}

async function killOne(belfry, victim, random) {
  if (victim === 'worker') {
    const workers = await belfry.until(() => childrenOf(belfry.pid('belfry-fcgi')), 'there are workers');
    process.kill(workers[Math.floor(random() * workers.length)], 'SIGKILL');
    return;
  }
  const pid = belfry.pid(victim);
  process.kill(pid, 'SIGKILL');
  await belfry.until(() => belfry.pid(victim) !== pid, `${victim} is started again`);
}

test(`${rounds} times kill -9 under load`, { timeout: 60_000 + rounds * 30_000 }, async (t) => {
  t.diagnostic(`BELFRY_CRASH_SEED=${seed}`);
  const random = randomNumbers(seed);
  const folder = temporaryFolder();
  const file = path.join(folder, 'app.log');
  const log = new LogWriter(file);
  t.after(() => log.end());
  const shop = await new Shop().open();
  t.after(() => shop.close());
  const belfry = await start({ supervised: true, conf: { logs: [{ path: file, source: 'app' }], services: [shop.conf] } });
  t.after(() => belfry.stop());

  const viewers = Array.from({ length: 16 }, (_, n) => new Viewer(belfry, { kind: n % 2 ? 'sse' : 'ws' }));
  t.after(() => viewers.map((viewer) => viewer.end()));
  await belfry.until(() => viewers.every((viewer) => viewer.ready), 'the viewers are connected');
  const producers = new Producers(belfry, { count: 16, anonymous: 4, batch: 2, pauseMs: 25 });
  try {
    await producers.progress();
    const order = killings(random);
    for (let round = 0; round < rounds; round++) {
      await pause(random() * 150); // the moment is what is by chance
      await killOne(belfry, order.next().value, random);
      await producers.progress();
    }
  } finally {
    await producers.end();
    log.end();
  }
  const stored = await readAll(belfry);
  producers.check(stored);
  for (const viewer of viewers) await viewer.check(stored);
  await log.check(belfry, 'app');
  assert.deepEqual(await falseAlarms(belfry, victims), [], 'what was not killed was not down');
  assert.deepEqual(belfry.ends.filter((end) => end.signal !== 'SIGKILL'), [], 'nothing ended but what was killed');
  await belfry.untilHealthy();
  const integrity = spawnSync('sqlite3', ['-readonly', path.join(belfry.stateDir, 'history/hot.db'), 'PRAGMA integrity_check']);
  assert.equal(integrity.stdout.toString(), 'ok\n');
  const kept = viewers.reduce((most, viewer) => Math.max(most, viewer.comings), 0);
  t.diagnostic(`${stored.length} events, ${producers.unknown.length} of unknown fate, ${log.written} lines; a viewer came back ${kept - 1} times`);
  fs.rmSync(folder, { recursive: true });
});
