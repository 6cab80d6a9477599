/*
 * systemd's units over a real D-Bus: a dbus-daemon of the test's own, on which a small program answers as systemd does.
 * Control groups are a folder. Units fail and recover, the bus falls silent, goes away and comes back.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sourceDir, start, temporaryFolder } from './harness.mjs';

const folder = temporaryFolder();
const address = `unix:path=${folder}/bus`;
const running = new Map();
let belfry;

function run(name, command, args, sign) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: address },
  });
  running.set(name, child);
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => String(chunk).includes(sign) && resolve());
    child.once('exit', () => reject(new Error(`${name} ended before it was ready`)));
  });
}
async function end(name) {
  const child = running.get(name);
  running.delete(name);
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function startBus() {
  fs.rmSync(`${folder}/bus`, { force: true });
  fs.writeFileSync(`${folder}/bus.conf`, `<busconfig><type>system</type><listen>${address}</listen><auth>EXTERNAL</auth>
    <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>`);
  await run('bus', 'dbus-daemon', ['--nofork', `--config-file=${folder}/bus.conf`, '--print-address'], 'unix:');
}
const startSystemd = () => run('systemd', '/usr/bin/python3', [path.join(sourceDir, 'tests/system/fake_systemd.py'), `${folder}/units.json`], 'ready');

/** Says how all units are. */
function units(all) {
  fs.writeFileSync(`${folder}/units.json.new`, JSON.stringify(all));
  fs.renameSync(`${folder}/units.json.new`, `${folder}/units.json`);
}
const usual = {
  'nginx.service': { state: 'active', sub: 'running', restarts: 2 },
  'backup.timer': { state: 'active', sub: 'waiting' },
  'gone.service': { state: 'inactive', sub: 'dead', load: 'not-found' },
  'db@15-main.service': { state: 'active', sub: 'running' },
  'tmp.mount': { state: 'inactive', sub: 'dead' },
  'sda.device': { state: 'active', sub: 'plugged' },
  'old.service': { state: 'failed', sub: 'failed', result: 'timeout', since_us: (Date.now() - 5 * 86400_000) * 1000 },
};

function group(unit, files) {
  const dir = path.join(folder, 'cgroup/system.slice', unit);
  fs.mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), text);
}

before(async () => {
  units(usual);
  await startBus();
  await startSystemd();
  group('nginx.service', { 'cpu.stat': 'usage_usec 1000\n', 'memory.current': '5000000\n', 'pids.current': '4\n' });
  fs.writeFileSync(path.join(folder, 'cgroup/cgroup.controllers'), 'cpu memory pids\n');
  belfry = await start({
    conf: {
      paths: { cgroups: path.join(folder, 'cgroup') },
      services: [
        { name: 'web', type: 'systemd', unit: 'nginx.service' },
        { name: 'short', type: 'systemd', unit: 'nginx' },
        { name: 'timer', type: 'systemd', unit: 'backup.timer' },
        { name: 'db', type: 'systemd', unit: 'db@15-main.service' },
        { name: 'nowhere', type: 'systemd', unit: 'nowhere.service' },
        { name: 'broken', type: 'systemd', unit: 'old.service' },
      ],
      watch: { host_interval: '1s', interval: '1h', timeout: '2s', retries: 0 },
    },
    environment: { 'belfry-watchd': { DBUS_SYSTEM_BUS_ADDRESS: address } },
  });
});
after(async () => {
  await belfry?.stop();
  for (const name of [...running.keys()]) await end(name);
});

async function newest(metric, label) {
  const { json } = await belfry.get(`/api/history?metric=${metric}&from=-5m&agg=last`, { key: belfry.adminKey });
  return Object.fromEntries(json.series.map((one) => [one.labels[label] ?? '', one.points.at(-1)[1]]));
}
/** Waits until belfry-watchd has read the states once more. */
async function isRead() {
  const newestAt = async () => (await belfry.get('/api/metrics?metric=host_units', { key: belfry.adminKey })).json.metrics[0].series[0].last_timestamp;
  const before = await newestAt();
  await belfry.until(async () => (await newestAt()) > before, 'the states are read once more');
}
const events = async (type) => (await belfry.get(`/api/events?event=${type}&order=asc`, { key: belfry.adminKey })).json.events;

test('states are counted, and services charted with what they use', async () => {
  await belfry.until(async () => (await newest('host_units', 'state')).active === 3 && 'nginx.service' in (await newest('unit_active', 'unit')), 'the states are stored');
  assert.deepEqual(await newest('host_units', 'state'), { active: 3, reloading: 0, inactive: 1, failed: 1, activating: 0, deactivating: 0 });
  assert.deepEqual(await newest('unit_active', 'unit'), { 'nginx.service': 1, 'old.service': 0 });
  assert.deepEqual(await newest('unit_memory_bytes', 'unit'), { 'nginx.service': 5000000 });
  assert.deepEqual(await newest('unit_tasks', 'unit'), { 'nginx.service': 4 });
  group('nginx.service', { 'cpu.stat': 'usage_usec 100000000\n' });
  await belfry.until(async () => (await newest('unit_cpu_percent', 'unit'))['nginx.service'] >= 0, 'its use of the processors is stored');
});

test('a unit that fails is told of once, with the reason; so is its recovery', async () => {
  const failed = { state: 'failed', sub: 'failed', result: 'exit-code', status: 3, since_us: Date.now() * 1000 };
  units({ ...usual, 'nginx.service': failed });
  await belfry.until(async () => (await events('unit_failed')).length, 'the failure is told');
  const [event] = await events('unit_failed');
  assert.equal(event.severity, 'error');
  assert.equal(event.source, 'watchd');
  assert.deepEqual(event.data, { unit: 'nginx.service', state: 'failed', result: 'exit-code', exit_status: 3, restarts: 0, message: 'nginx.service failed: exit-code, status 3' });
  assert.ok(Math.abs(Date.parse(event.timestamp) - failed.since_us / 1000) <= 1, 'it has the time at which it failed');

  // A restart of belfry-watchd makes no second event, and the unit stays failed meanwhile.
  await belfry.restart('belfry-watchd');
  await isRead();
  units({ ...usual, 'nginx.service': { ...failed, state: 'activating', sub: 'start', since_us: failed.since_us + 1 } });
  await belfry.until(async () => (await newest('host_units', 'state')).activating === 1, 'it is being started');
  units({ ...usual, 'nginx.service': { ...failed, since_us: failed.since_us + 2 } }); // by a timer, say: it fails again and again
  await belfry.until(async () => (await newest('host_units', 'state')).failed === 2, 'it has failed again');
  units(usual);
  await belfry.until(async () => (await events('unit_recovered')).length, 'the recovery is told');
  assert.equal((await events('unit_failed')).length, 1);
  assert.deepEqual((await events('unit_recovered')).map((one) => one.data), [{ unit: 'nginx.service', message: 'nginx.service is well again' }]);
});

async function expect(service, status, message) {
  const found = await belfry.post('/api/health-check', { service, timeout: 8 }, { key: belfry.adminKey });
  assert.equal(found.status, 200, found.text);
  const one = found.json.services.find(({ name }) => name === service);
  assert.deepEqual([one.status, one.message], [status, message], service);
}

/** The same, when it may take a while: until() asks again what has thrown. */
const comes = (...wanted) => belfry.until(() => expect(...wanted).then(() => true), `${wanted[0]} is ${wanted[1]}`);

test('the probe systemd says what systemd says', async () => {
  await comes('web', 'up', 'active (running)');
  await comes('short', 'up', 'active (running)');
  await comes('timer', 'up', 'active (waiting)');
  await comes('db', 'up', 'active (running)');
  await comes('nowhere', 'down', 'inactive (not-found)');
  await comes('broken', 'down', 'failed (failed): timeout');
  await belfry.until(async () => (await newest('service_restarts', 'service')).web === 2, 'its restarts are stored');
  for (const [state, sub, status, message] of [
    ['reloading', 'reload', 'up', 'reloading (reload)'],
    ['activating', 'start-pre', 'degraded', 'activating (start-pre)'],
    ['activating', 'auto-restart', 'down', 'activating (auto-restart): signal, status 9'],
    ['inactive', 'dead', 'down', 'inactive (dead): signal, status 9'],
    ['deactivating', 'stop-sigterm', 'down', 'deactivating (stop-sigterm): signal, status 9'],
  ]) {
    units({ ...usual, 'nginx.service': { state, sub, result: 'signal', status: 9 } });
    await comes('web', status, message);
  }
  units(usual);
});

test('nobody else may say that a unit failed', async () => {
  assert.equal((await belfry.post('/api/events', { event: 'unit_failed', data: {} }, { key: belfry.adminKey })).status, 403);
});

test('a silent systemd, and none, is a fault of the monitor and never a failure', async () => {
  units({ ...usual, silent: true });
  await expect('db', 'up', 'cannot check: systemd did not answer in time');
  units(usual);
  await comes('db', 'up', 'active (running)'); // a slow machine's answer may come too late
  await end('systemd');
  for (const status of ['up', 'up', 'unknown'])
    await expect('timer', status, 'cannot check: systemd: The name org.freedesktop.systemd1 was not provided by any .service files');
  await startSystemd();
  await comes('timer', 'up', 'active (waiting)');
});

test('without a bus all else goes on, without complaint; with one it is read again', async () => {
  await end('systemd');
  await end('bus');
  const before = Date.now();
  await belfry.until(async () => {
    const { json } = await belfry.get('/api/history?metric=unit_tasks&from=-5m&agg=last', { key: belfry.adminKey });
    return json.series[0].points.at(-1)[0] > before + 1000;
  }, 'what services use is still read');
  units({ ...usual, 'more.service': { state: 'active', sub: 'running' } });
  await startBus();
  await startSystemd();
  await belfry.until(async () => (await newest('host_units', 'state')).active === 4, 'the states are read again');
  assert.doesNotMatch(belfry.log('belfry-watchd'), /(warning|error|critical): .*(D-Bus|systemd)/);
});
