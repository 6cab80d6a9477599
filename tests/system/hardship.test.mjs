/*
 * Hard times: programs that are stopped and go on, no descriptors left, a foreign reader that does not let go, a disk
 * that is full or read-only. Each is refused clearly or ridden out, is over by itself when its cause is, loses nothing,
 * and nothing is said to be down that is not.
 *
 * Runs by itself: it stops programs for a time that others are measured by.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { childrenOf, daemons, start, temporaryFolder, until } from './harness.mjs';
import { LogWriter, Producers, Shop, Viewer, falseAlarms, readAll } from './steady.mjs';

/** How long a stop lasts. Longer than the time of a request and of a check here. */
const STOP_MS = 3000;

const WORKERS = 4;

/** The processes of a program; of belfry-fcgi the workers too. */
const processesOf = (belfry, name) => [belfry.pid(name), ...childrenOf(belfry.pid(name))];
const signal = (pids, name) => pids.forEach((pid) => process.kill(pid, name));

const passes = (ms) => {
  const end = performance.now() + ms;
  return until(() => performance.now() >= end, 'time passes');
};

/** Lets `disturb` happen under producers, viewers and a growing log file, and checks what is there afterwards. */
async function survive(t, belfry, logFile, disturb, { down = [] } = {}) {
  const log = new LogWriter(logFile);
  const viewers = ['ws', 'sse', 'ws', 'sse'].map((kind) => new Viewer(belfry, { kind }));
  t.after(() => Promise.all(viewers.map((viewer) => viewer.end())));
  let producers;
  try {
    await belfry.until(() => viewers.every((viewer) => viewer.ready), 'the viewers are connected');
    producers = new Producers(belfry, { count: 8, anonymous: 2, batch: 2, pauseMs: 10 });
    await producers.progress();
    await disturb(producers, viewers);
    await producers.progress();
  } finally {
    await producers?.end();
    log.end();
  }
  const stored = await readAll(belfry);
  producers.check(stored);
  for (const viewer of viewers) await viewer.check(stored);
  await log.check(belfry, 'app');
  assert.deepEqual(await falseAlarms(belfry, down), [], 'nothing was down');
  await belfry.untilHealthy();
  assert.deepEqual(belfry.ends, [], 'nothing has ended');
}

const post = (belfry) => belfry.post('/api/events', { event: 'steady', source: 'asks', data: {} }, { key: belfry.adminKey });

function refused(answer) {
  expect.problem(answer, [503, 504]);
  assert.ok(Number(answer.headers['retry-after']) > 0, 'Retry-After');
}

describe('an instance under load', { concurrency: false }, () => {
  const folder = temporaryFolder();
  const logFile = path.join(folder, 'app.log');
  let belfry, shop;
  before(async () => {
    shop = await new Shop().open();
    belfry = await start({
      conf: {
        fcgi: { workers: WORKERS, request_timeout: '2s' },
        history: { wal_limit: '1MiB' },
        watch: { interval: '1s', timeout: '5s' },
        services: [shop.conf],
        logs: [{ path: logFile, source: 'app' }],
      },
    });
  });
  after(async () => {
    await belfry?.stop();
    shop?.close();
  });

  // Stopped and continued

  test('belfry-historyd stops: requests are refused after their time, nothing is lost', (t) =>
    survive(t, belfry, logFile, async () => {
      const pids = processesOf(belfry, 'belfry-historyd');
      signal(pids, 'SIGSTOP');
      try {
        const answers = await Promise.all([post(belfry), passes(STOP_MS)]);
        refused(answers[0]);
      } finally {
        signal(pids, 'SIGCONT');
      }
    }));

  test('belfry-fcgi stops, master and workers: requests wait', (t) =>
    survive(t, belfry, logFile, async () => {
      const pids = processesOf(belfry, 'belfry-fcgi');
      let waiting;
      signal(pids, 'SIGSTOP');
      try {
        waiting = post(belfry);
        await passes(STOP_MS);
      } finally {
        signal(pids, 'SIGCONT');
      }
      const answer = await waiting;
      if (answer.status !== 201) refused(answer);
    }));

  for (const [what, processes] of [
    ["belfry-fcgi's master", () => [belfry.pid('belfry-fcgi')]],
    ['one worker', () => childrenOf(belfry.pid('belfry-fcgi')).slice(0, 1)],
    ['belfry-pushd', () => processesOf(belfry, 'belfry-pushd')],
    ['belfry-watchd', () => processesOf(belfry, 'belfry-watchd')],
  ])
    test(`${what} stops: the others go on`, (t) =>
      survive(t, belfry, logFile, async (producers) => {
        const pids = processes();
        signal(pids, 'SIGSTOP');
        try {
          // A stopped worker keeps the request that it has.
          const others = what === 'one worker' ? post(belfry) : producers.progress(5);
          await Promise.all([others, passes(STOP_MS)]);
        } finally {
          signal(pids, 'SIGCONT');
        }
      }));

  test('everything stops, as when the machine sleeps', (t) =>
    survive(t, belfry, logFile, async () => {
      const pids = [...daemons, 'nginx'].flatMap((name) => processesOf(belfry, name));
      signal(pids, 'SIGSTOP');
      try {
        await passes(STOP_MS);
      } finally {
        signal(pids.reverse(), 'SIGCONT'); // who watches wakes before those whom it watches
      }
    }));

  // Descriptors

  /**
   * Leaves a process `free` descriptors beside those that it has.
   * Returns: what undoes it, unless the process has ended by then; undefined if it had ended before.
   */
  function limitDescriptors(pid, free) {
    let open, before;
    try {
      open = new Set(fs.readdirSync(`/proc/${pid}/fd`).map(Number));
      before = fs.readFileSync(`/proc/${pid}/limits`, 'utf8').match(/^Max open files +(\d+)/m)[1];
    } catch (error) {
      if (['ENOENT', 'ESRCH'].includes(error.code)) return undefined;
      throw error;
    }
    let below = 0;
    for (let left = free; left > 0 || open.has(below); below++) if (!open.has(below)) left--;
    const set = (limit) => {
      const { status, stderr } = spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${limit}:`], { encoding: 'utf8' });
      const gone = /No such process/.test(stderr);
      assert.ok(status === 0 || gone, `prlimit: ${stderr}`);
      return !gone;
    };
    return set(below) ? () => set(before) : undefined;
  }

  test('belfry-pushd has no descriptors left: those who are there go on, the others wait', (t) =>
    survive(t, belfry, logFile, async (producers, viewers) => {
      const restore = limitDescriptors(belfry.pid('belfry-pushd'), 4);
      const more = [];
      try {
        for (let n = 0; n < 40; n++) more.push(new Viewer(belfry, { kind: n % 2 ? 'sse' : 'ws' }));
        await belfry.until(() => belfry.log('belfry-pushd').includes('no more connections can be accepted'), 'pushd says so');
        assert.ok(!more.every((viewer) => viewer.ready), 'some wait');
        const seen = viewers.map((viewer) => viewer.seen.length);
        await producers.progress(5);
        await belfry.until(() => viewers.every((viewer, n) => viewer.seen.length > seen[n]), 'the others are still shown events');
      } finally {
        restore();
        await belfry.until(() => more.every((viewer) => viewer.ready), 'all are connected').finally(() =>
          Promise.all(more.map((viewer) => viewer.end())),
        );
      }
    }));

  test("belfry-fcgi's workers have no descriptors left: refused, and back by itself", (t) =>
    survive(t, belfry, logFile, async (producers) => {
      // A worker that cannot accept ends, and may do so at any moment from here on; another comes in its place.
      const restores = new Map();
      const from = belfry.log('belfry-fcgi').length;
      const limitWorkers = () => {
        for (const pid of childrenOf(belfry.pid('belfry-fcgi')).filter((pid) => !restores.has(pid))) {
          const restore = limitDescriptors(pid, 0);
          if (restore) restores.set(pid, restore);
        }
        return restores.size >= WORKERS;
      };
      try {
        await belfry.until(limitWorkers, 'every worker, or who came in its place, has none left');
        await Promise.all(Array.from({ length: 20 }, () => belfry.get('/health')));
        await producers.progress();
        await belfry.until(() => belfry.log('belfry-fcgi').includes('Too many open files', from), 'a worker says so');
      } finally {
        for (const restore of restores.values()) restore();
      }
    }));

  test('belfry-historyd has no descriptors left: who is connected goes on', (t) =>
    survive(t, belfry, logFile, async (producers) => {
      const restore = limitDescriptors(belfry.pid('belfry-historyd'), 3);
      const sockets = [];
      const from = belfry.log('belfry-historyd').length;
      try {
        for (let n = 0; n < 20; n++) {
          const socket = net.connect(path.join(belfry.dir, 'run/history.sock'));
          sockets.push(socket);
          socket.on('error', () => {});
          await once(socket, 'connect');
        }
        const said = () => belfry.log('belfry-historyd').slice(from).match(/no more connections can be accepted/g)?.length ?? 0;
        await belfry.until(said, 'historyd says so');
        await producers.progress(20);
        assert.equal(said(), 1, 'it says so once');
      } finally {
        restore();
        for (const socket of sockets) socket.destroy();
      }
    }));

  test('belfry-watchd has no descriptors left: what it cannot check is unknown, not down', (t) =>
    survive(t, belfry, logFile, async () => {
      const status = async () =>
        (await readAll(belfry, 'event=health_changed')).filter(({ data }) => data.service === 'shop').at(-1)?.data.status;
      const restore = limitDescriptors(belfry.pid('belfry-watchd'), 0);
      try {
        await belfry.until(async () => (await status()) === 'unknown', 'shop is unknown');
      } finally {
        restore();
      }
      await belfry.until(async () => (await status()) === 'up', 'shop is up again');
    }));

  // A reader that does not let go

  test('a foreign transaction reads for ten seconds: appends go on, the log starts over afterwards', (t) =>
    survive(t, belfry, logFile, async (producers) => {
      const database = path.join(belfry.stateDir, 'history/hot.db');
      const walBytes = () => fs.statSync(`${database}-wal`).size;
      const walStarts = () => {
        const fd = fs.openSync(`${database}-wal`, 'r');
        const head = Buffer.alloc(16);
        fs.readSync(fd, head, 0, 16, 0);
        fs.closeSync(fd);
        return head.readUInt32BE(12);
      };
      const reader = spawn('sqlite3', ['-readonly', database], { stdio: ['pipe', 'pipe', 'inherit'] });
      let printed = '';
      reader.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
      const count = async () => {
        printed = '';
        reader.stdin.write('SELECT count(*) FROM event;\n');
        await belfry.until(() => printed.endsWith('\n'), 'the reader has counted');
        return Number(printed);
      };
      let bytes = 0;
      const large = async () => {
        const body = Array.from({ length: 20 }, () => ({ event: 'large', data: { text: 'x'.repeat(10_000) } }));
        bytes += JSON.stringify(body).length;
        await belfry.deliver(body);
      };
      try {
        reader.stdin.write('BEGIN;\n');
        const counted = await count();
        const began = performance.now();
        const startsBefore = walStarts();
        do await large();
        while (performance.now() - began < 10_000 || bytes < 8 << 20);
        await producers.progress(5);
        assert.ok(walStarts() - startsBefore <= 1, 'the reader was in the way indeed');
        assert.ok(walBytes() < 4 * bytes + (16 << 20), `the log holds what was written, not more: ${walBytes()} bytes for ${bytes}`);
        assert.equal(await count(), counted, 'the reader still sees its moment');
      } finally {
        reader.stdin.end();
        await once(reader, 'exit');
      }
      const most = walBytes();
      const starts = walStarts();
      await belfry.until(async () => {
        await large();
        return walStarts() > starts + 1;
      }, 'the log starts over, again and again');
      assert.ok(walBytes() <= most + (4 << 20), 'the log no longer grows');
    }));
});

test('belfry-watchd is held up amid checks: late answers are its own fault', async (t) => {
  const shop = await new Shop().open();
  t.after(() => shop.close());
  const belfry = await start({
    conf: { watch: { interval: '1s', timeout: '1s' }, thresholds: { restart_failures: 1 }, services: [shop.conf], logs: [] },
  });
  t.after(() => belfry.stop());
  const pid = belfry.pid('belfry-watchd');
  for (let round = 0; round < 3; round++) {
    let stopped;
    await new Promise((resolve) => {
      shop.onRequest = () => {
        process.kill(pid, 'SIGSTOP');
        shop.onRequest = () => {};
        stopped = performance.now();
        resolve();
      };
    });
    await until(() => performance.now() - stopped > STOP_MS, 'the check would have timed out');
    const again = new Promise((resolve) => (shop.onRequest = resolve));
    process.kill(pid, 'SIGCONT');
    await again;
  }
  const checked = Date.now();
  await belfry.until(async () => {
    const { json } = await belfry.get('/api/history?metric=service_up&from=-15m&agg=last&label.service=shop&step=1s', { key: belfry.adminKey });
    return json.series.some((series) => series.points.some(([at]) => at >= checked));
  }, 'shop was checked again');
  assert.deepEqual(await falseAlarms(belfry), []);
});

const mayMount = process.getuid() === 0 && mountProbe();
const root = { skip: mayMount ? false : 'needs root, to mount a small file system' };

function mountProbe() {
  const probe = temporaryFolder();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'belfry-test', probe]).status !== 0) return false;
  spawnSync('umount', [probe]);
  return true;
}

/** A file system of its own for a history. */
function mount(t, size) {
  const disk = temporaryFolder();
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'belfry-test', disk]);
  assert.equal(done.status, 0, `mount: ${done.stderr}`);
  t.after(() => spawnSync('umount', ['-l', disk]));
  return disk;
}

test('the disk of the history is read-only at the start: refused clearly, and back by itself', root, async (t) => {
  const disk = mount(t, '64m');
  const remount = (how) => {
    const done = spawnSync('mount', ['-o', `remount,${how}`, disk]);
    assert.equal(done.status, 0, `remount: ${done.stderr}`);
  };
  const folder = temporaryFolder();
  const logFile = path.join(folder, 'app.log');
  const shop = await new Shop().open();
  t.after(() => shop.close());
  const belfry = await start({
    stateDir: disk,
    supervised: true,
    conf: { fcgi: { request_timeout: '2s' }, services: [shop.conf], watch: { interval: '1s' }, logs: [{ path: logFile, source: 'app' }] },
  });
  t.after(() => belfry.stop());
  const producers = new Producers(belfry);
  await producers.progress();
  await producers.end();

  // A file system in use does not become read-only: everybody has to be gone for a moment.
  for (const name of [...daemons].reverse()) await belfry.terminate(name);
  remount('ro');
  const log = new LogWriter(logFile);
  t.after(() => log.end());
  for (const name of daemons) belfry.startProgram(name);
  await belfry.until(() => belfry.ends.length >= 3, 'historyd was started in vain');
  assert.deepEqual(belfry.ends.filter((end) => end.name !== 'belfry-historyd' || end.status !== 1), [], 'nobody else ends');
  assert.match(belfry.log('belfry-historyd'), /Read-only file system/);
  refused(await belfry.until(async () => {
    const answer = await post(belfry);
    return answer.status !== 502 && answer;
  }, 'an answer'));
  await belfry.until(async () => (await belfry.get('/health')).status === 503, '/health tells of it');

  remount('rw');
  await belfry.untilHealthy();
  const later = new Producers(belfry);
  await later.progress();
  await later.end();
  log.end();
  const stored = await readAll(belfry);
  producers.check(stored);
  later.check(stored);
  await log.check(belfry, 'app');
  assert.deepEqual(await falseAlarms(belfry, ['belfry-historyd']), []);
});

test('a full disk: viewers and the log file lose nothing, and nothing is called down', root, async (t) => {
  const disk = mount(t, '24m');
  const logFile = path.join(temporaryFolder(), 'app.log');
  const shop = await new Shop().open();
  t.after(() => shop.close());
  const belfry = await start({
    stateDir: disk,
    conf: {
      history: { ballast: '1MiB' },
      watch: { interval: '1s' },
      services: [shop.conf],
      logs: [{ path: logFile, source: 'app' }],
    },
  });
  t.after(() => belfry.stop());
  await survive(t, belfry, logFile, async (producers) => {
    const filler = path.join(disk, 'filler');
    // Something else fills the disk, to the last byte.
    const fd = fs.openSync(filler, 'w');
    try {
      const part = Buffer.alloc(64 << 10);
      const answer = await belfry.until(async () => {
        try {
          for (;;) fs.writeSync(fd, part);
        } catch (error) {
          assert.equal(error.code, 'ENOSPC');
        }
        const answer = await post(belfry);
        return answer.status !== 201 && answer;
      }, 'the disk is full');
      refused(answer);
      assert.equal((await belfry.get('/stats', { key: belfry.adminKey })).status, 200, 'reading goes on');
      await belfry.until(async () => (await belfry.get('/health')).json.status === 'degraded', '/health tells of it');
      await passes(STOP_MS);
    } finally {
      fs.closeSync(fd);
      fs.rmSync(filler);
    }
    await producers.progress();
  });
});
