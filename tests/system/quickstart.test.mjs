/*
 * quickstart itself: starting, the ready line, what survives, what is refused, ending without a trace. The build folder
 * is the clone's own; BELFRY_BUILD plays no part here.
 *
 * Runs by itself: it builds, with all cores.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { daemons, freePort, run, sourceDir, temporaryFolder, until } from './harness.mjs';

const quickstart = path.join(sourceDir, 'quickstart');
const BUILD_MS = 600_000; // the first call builds

const start = (...args) => run(quickstart, ['--no-install', ...args], { timeout: BUILD_MS });
const stop = (state) => run(quickstart, ['stop', '--state', state]);
const get = (port, target, options) => fetch(`http://127.0.0.1:${port}${target}`, { redirect: 'manual', ...options });
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const pidOf = (state, name) => Number(fs.readFileSync(path.join(state, 'run', `${name}.pid`), 'utf8'));

describe('detached', () => {
  let state, port, started;
  before(async () => {
    state = path.join(temporaryFolder(), 'state of mine');
    port = await freePort();
    started = await start('--port', String(port), '--state', state, '--detach');
  });
  after(() => stop(state));

  test('it says that it is ready, and it is', async () => {
    assert.equal(started.status, 0, started.stderr);
    assert.ok(started.stdout.split('\n').includes(`belfry: ready at http://127.0.0.1:${port}/`), started.stdout);
    assert.match(started.stdout, /\/login/);
    assert.match(started.stdout, /admin\.token/);
    assert.equal((await get(port, '/')).headers.get('location'), 'dashboard');
    assert.equal((await get(port, '/dashboard')).status, 200);
    assert.equal((await (await get(port, '/health')).json()).service, 'belfry');
  });

  test('the admin key is for its owner alone, and works', async () => {
    const file = path.join(state, 'admin.token');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    const key = fs.readFileSync(file, 'utf8').trim();
    assert.equal((await get(port, '/stats', { headers: { authorization: `Bearer ${key}` } })).status, 200);
  });

  test('it listens on 127.0.0.1 alone', () => {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : []))
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && fields[1].endsWith(`:${hex}`));
    assert.deepEqual(listening.map((fields) => fields[1]), [`0100007F:${hex}`]);
  });

  test('it watches this host and itself', async () => {
    const headers = { authorization: `Bearer ${fs.readFileSync(path.join(state, 'admin.token'), 'utf8').trim()}` };
    await get(port, '/a-mark-in-the-access-log');
    await until(async () => {
      const { series } = await (await get(port, '/api/history?metric=host_cpu_percent&from=-15m', { headers })).json();
      const { events } = await (await get(port, '/api/events?event=log&source=nginx&limit=1000', { headers })).json();
      return series.length > 0 && events.some((event) => JSON.stringify(event).includes('/a-mark-in-the-access-log'));
    }, 'host metrics and the access log');
  });

  test('a second one on the same state is refused', async () => {
    const second = await start('--port', String(await freePort()), '--state', state, '--detach');
    assert.equal(second.status, 1);
    assert.match(second.stderr, /runs already/);
  });

  test('a port in use is refused and named', async () => {
    const other = path.join(temporaryFolder(), 'other');
    const second = await start('--port', String(port), '--state', other, '--detach');
    assert.equal(second.status, 1);
    assert.match(second.stderr, new RegExp(`port ${port} is in use`));
  });

  for (const name of ['nginx', ...daemons])
    test(`${name} comes back when it is killed`, async () => {
      const pid = pidOf(state, name);
      process.kill(pid, 'SIGKILL');
      await until(async () => pidOf(state, name) !== pid && alive(pidOf(state, name)), `${name} runs again`);
      await until(async () => (await (await get(port, '/health')).json()).status === 'healthy', 'all is well again');
    });

  test('stop ends everything, and the next stop says that nothing runs', async () => {
    const pids = ['quickstart', 'nginx', ...daemons].map((name) => pidOf(state, name));
    const stopped = await stop(state);
    assert.equal(stopped.status, 0, stopped.stderr);
    await until(() => !pids.some(alive), 'all have ended');
    await assert.rejects(get(port, '/'));
    const again = await stop(state);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /nothing runs/);
  });

  test('what the user wrote into belfry.yaml stays, and the history too', async () => {
    const file = path.join(state, 'belfry.yaml');
    const own = `${fs.readFileSync(file, 'utf8')}\n# mine\n`;
    fs.writeFileSync(file, own);
    const key = fs.readFileSync(path.join(state, 'admin.token'), 'utf8');
    const again = await start('--port', String(port), '--state', state, '--detach');
    assert.equal(again.status, 0, again.stderr);
    assert.equal(fs.readFileSync(file, 'utf8'), own);
    assert.equal(fs.readFileSync(path.join(state, 'admin.token'), 'utf8'), key);
    const headers = { authorization: `Bearer ${key.trim()}` };
    const { events } = await (await get(port, '/api/events?event=log&q=a-mark-in&order=asc', { headers })).json();
    assert.equal(events.length, 1);
    await stop(state);
  });

  test('when quickstart itself is killed, nothing stays behind', async () => {
    assert.equal((await start('--port', String(port), '--state', state, '--detach')).status, 0);
    const pids = ['nginx', ...daemons].map((name) => pidOf(state, name));
    process.kill(pidOf(state, 'quickstart'), 'SIGKILL');
    await until(() => !pids.some(alive), 'all have ended');
  });

  test('a start that fails says which program and why, and ends all', async () => {
    const file = path.join(state, 'belfry.yaml');
    const good = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, good.replace('watch:', 'watch:\n  timeout: soon'));
    const failed = await start('--port', String(port), '--state', state, '--detach');
    fs.writeFileSync(file, good);
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /belfry-\w+ ended while starting/);
    assert.match(failed.stderr, /watch\.timeout/);
    await assert.rejects(get(port, '/'));
  });
});

test('in the foreground it stays until a signal ends it', async () => {
  const state = path.join(temporaryFolder(), 'x'.repeat(100));
  const port = await freePort();
  const child = spawn(quickstart, ['--no-install', '--port', String(port), '--state', state, '--demo'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  const ended = new Promise((resolve) => child.on('exit', (status) => resolve(status)));
  try {
    await until(() => {
      if (child.exitCode !== null) throw Object.assign(new Error(stderr), { final: true });
      return stdout.includes(`belfry: ready at http://127.0.0.1:${port}/\n`);
    }, 'the ready line', { timeout: BUILD_MS });
    const headers = { authorization: `Bearer ${fs.readFileSync(path.join(state, 'admin.token'), 'utf8').trim()}` };
    // The demo is alive: agents work and something is found.
    await until(async () => {
      const stats = await (await get(port, '/stats', { headers })).json();
      return stats.metrics.total_events > 10;
    }, 'events of the demo');
    const pids = ['nginx', 'demo', ...daemons].map((name) => pidOf(state, name));
    child.kill('SIGINT');
    assert.equal(await ended, 0);
    await until(() => !pids.some(alive), 'all have ended');
    assert.equal(fs.existsSync(path.join(state, 'run/sockets')), false, 'the short folder of the sockets is gone');
  } finally {
    child.kill('SIGTERM');
  }
});

for (const [args, said] of [
  [['--frobnicate'], /--frobnicate/],
  [['dance'], /dance/],
  [['--port'], /--port needs a value/],
  [['--port', '0'], /1 to 65535/],
  [['--port', '70000'], /1 to 65535/],
  [['--port', 'eighty'], /eighty/],
  [['--state', ''], /--state/],
])
  test(`${args.join(' ')} is refused`, async () => {
    const answer = await run(quickstart, args);
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, said);
  });

test('--help says what there is', async () => {
  const answer = await run(quickstart, ['--help']);
  assert.equal(answer.status, 0);
  for (const word of ['--port', '--state', '--no-install', '--detach', '--demo', 'stop', 'check']) assert.ok(answer.stdout.includes(word), word);
});
