/*
 * Recovery: what is done about services that are down, by itself and by hand, over a real redis-server that is killed and
 * brought up again, and commands that fail, hang, talk, and ask who they are.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { childrenOf, freePort, programPath, run, sourceDir, start, temporaryFolder } from './harness.mjs';

const root = process.getuid() === 0;
const sh = (script) => ['/bin/sh', '-c', script];
const folder = temporaryFolder();
const file = (name) => path.join(folder, name);
const pidIn = (name) => Number(fs.readFileSync(file(name), 'utf8').trim());
const lives = (pid) => {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

let belfry, redisPort, redis, web, webPort;
const keys = {};

before(async () => {
  redisPort = await freePort();
  webPort = await freePort();
  web = http.createServer((request, response) => response.end('ok'));
  web.listen(webPort, '127.0.0.1');
  await once(web, 'listening');
  redis = ['/usr/bin/redis-server', '--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--daemonize', 'yes', '--dir', folder, '--pidfile', file('redis.pid')];
  fs.writeFileSync(file('secret'), 'password=hunter2secret77');
  belfry = await start({
    conf: {
      watch: { interval: '1s', host_interval: '1s', timeout: '2s', retries: 0 },
      thresholds: { restart_failures: 2, cpu_max: 100, mem_max: 1 },
      services: [
        { name: 'cache', port: redisPort },
        { name: 'web', port: webPort },
        { name: 'broken', port: await freePort() },
        { name: 'hung', port: await freePort() },
        { name: 'child', port: await freePort(), depends_on: ['broken'] },
        { name: 'leak', port: webPort },
        { name: 'nothing', port: webPort },
        ...['a', 'b', 'c', 'd'].map((name) => ({ name, port: webPort })),
        { name: 'blind', type: 'exec', command: sh('exit 3') },
      ],
      recoveries: [
        { name: 'restart', service: 'cache', command: redis, automatic: true, cooldown: '1s', verify_after: '50ms' },
        { name: 'fail', service: 'broken', command: sh(`echo "cannot, $(cat ${file('secret')}) is wrong"; echo ERROR no >&2; date +%s%N >>${file('fails')}; exit 3`), automatic: true, after: 1, cooldown: '600ms', max_per_hour: 3 },
        { name: 'hang', service: 'hung', command: sh(`sleep 600 & echo $! >${file('hang.child')}; echo $$ >${file('hang')}; trap '' TERM; wait; wait; sleep 600`), timeout: '500ms' },
        { name: 'mark', services: ['child', 'web'], command: sh(`echo "$BELFRY_SERVICE $BELFRY_ACTION $MODE" >>${file('marks')}; pwd; env | sort`), environment: ['MODE=gentle'], folder, automatic: true, cooldown: '1s', max_per_hour: 4, verify_after: '10ms' },
        { name: 'talk', service: 'web', command: sh('i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done'), cooldown: '100ms', verify_after: '10ms' },
        { name: 'who', service: 'web', user: 'nobody', command: sh('id -u; id -g; grep -E "^(Groups|CapEff|CapPrm)" /proc/self/status; ls /proc/self/fd | tr "\\n" " "; echo; ulimit -c'), cooldown: '100ms', verify_after: '10ms' },
        { name: 'long', service: 'web', command: sh(`echo $$ >${file('long')}; sleep 600`), cooldown: '100ms' },
        { name: 'sleep', services: ['a', 'b', 'c', 'd'], command: ['/bin/sleep', '600'] },
        { name: 'gone', service: 'web', command: ['/nowhere/at/all'], cooldown: '100ms' },
        { name: 'see', service: 'blind', command: ['/usr/bin/touch', file('seen')], automatic: true, after: 1 },
        { name: 'free', service: 'leak', command: sh(`echo freed >>${file('freed')}`), automatic: true, trigger: 'memory', for: '1s', cooldown: '1h', verify_after: '10ms' },
      ],
    },
  });
  for (const role of ['viewer', 'operator']) keys[role] = await belfry.makeKey(role, role);
  await belfry.until(async () => (await of('web')).status === 'up' && (await of('broken')).status === 'down', 'all were checked');
});
after(async () => {
  await belfry?.stop();
  web?.close();
  try {
    process.kill(pidIn('redis.pid'));
  } catch {
    // It has ended.
  }
});

const of = async (name) => (await belfry.get('/api/health', { key: keys.viewer })).json.services.find((one) => one.name === name) ?? {};
const events = async (query) => (await belfry.get(`/api/events?order=asc&limit=1000&${query}`, { key: keys.viewer })).json.events;
const of_recovery = async (id, type = 'recovery_finished') => (await events(`event=${type}`)).find((event) => event.data.recovery_id === id);
const finished = (id) => belfry.until(() => of_recovery(id), `recovery ${id} is finished`);
const list = async (query = '') => (await belfry.get(`/api/recoveries?${query}`, { key: keys.viewer })).json.recoveries;
const ask = (body, key = keys.operator) => belfry.post('/api/recovery', body, { key });
/** Asks until it is not refused because of what was done before. */
const recover = (service, action, rest = {}) =>
  belfry.until(async () => {
    const answer = await ask({ service, action, ...rest });
    assert.ok([202, 409].includes(answer.status), answer.text);
    return answer.status === 202 && answer.json.recovery_id;
  }, `${action} of ${service} is begun`);
const lines = async (id) =>
  (await belfry.get('/api/logs?source=recovery:*&limit=1000', { key: keys.viewer })).json.logs.filter((line) => line.attributes.recovery_id === id).reverse();

test('one that was killed is brought up again: the transitions, the recovery and the all-clear, once each', async () => {
  const first = spawnSync(redis[0], redis.slice(1));
  assert.equal(first.status, 0, `${first.stdout}${first.stderr}`);
  await belfry.until(async () => (await of('cache')).status === 'up', 'the cache is up');
  // Before it was started it was down for a while, and may have been recovered: from here on it counts.
  await belfry.until(async () => (await list('service=cache')).every((one) => one.finished), 'nothing runs');
  const client = belfry.ws('/ws?events=health_changed,recovery_*');
  await client.next('connected');
  const { events: newest } = (await belfry.get('/api/events?limit=1', { key: keys.viewer })).json;
  const pid = pidIn('redis.pid');
  process.kill(pid, 'SIGKILL');
  const mine = (event) => event.data.service === 'cache';
  await client.next((message) => message.event === 'health_changed' && mine(message) && message.data.status === 'up');
  await client.next((message) => message.event === 'recovery_finished' && mine(message));
  const told = client.events.filter(mine);
  const order = (one) => `${one.event} ${one.data.status ?? ''}`.trim();
  assert.deepEqual(told.map(order).sort(), ['health_changed down', 'health_changed up', 'recovery_finished', 'recovery_started']);
  assert.deepEqual([told[0], told[1]].map(order), ['health_changed down', 'recovery_started']);
  const stored = (await events(`event=health_changed,recovery_*&after=${newest[0].id}`)).filter(mine);
  assert.deepEqual(stored.map((one) => one.id), told.map((one) => one.id));

  const done = told.find((one) => one.event === 'recovery_finished');
  const { recovery_id: id, action, by, trigger, reason, success, verified, exit_status: status, message } = done.data;
  assert.deepEqual([action, by, trigger, success, verified, status], ['restart', 'watchd', 'failures', true, true, 0], JSON.stringify(done));
  assert.equal(reason, '2 failed checks in a row');
  assert.match(message, /^exit status 0; the service is up, \d+\.\d s after it$/);
  assert.equal(done.severity, 'success');
  const [row] = await list('service=cache&limit=1');
  assert.deepEqual([row.recovery_id, row.state, row.by, row.verified, row.exit_status], [id, 'succeeded', 'watchd', true, 0]);

  // What the action has left behind, the service, lives on, in no group of ours.
  const again = pidIn('redis.pid');
  assert.notEqual(again, pid);
  const socket = net.connect(redisPort, '127.0.0.1');
  socket.write('PING\r\n');
  assert.match(String((await once(socket, 'data'))[0]), /PONG/);
  socket.destroy();
  assert.ok(lives(again));
  client.terminate();
});

test('one that does not help is tried again later each time, then no more within the hour, which is told once', async () => {
  await belfry.until(async () => (await list('service=broken')).filter((one) => one.finished).length === 3, 'it was tried three times');
  const rows = (await list('service=broken')).reverse();
  for (const row of rows) {
    assert.deepEqual([row.state, row.exit_status, row.verified, row.timed_out], ['failed', 3, null, false], JSON.stringify(row));
    assert.match(row.message, /^exit status 3: (ERROR no|cannot, .*)$/);
  }
  const gap = (n) => Date.parse(rows[n].started) - Date.parse(rows[n - 1].finished);
  assert.ok(gap(1) >= 1200 && gap(2) >= 2400, `${gap(1)}, ${gap(2)} ms`);
  const refused = await belfry.until(async () => {
    const found = (await events('event=recovery_refused')).filter((event) => event.data.service === 'broken');
    return found.length && found;
  }, 'that it is not tried any more is told');
  assert.match(refused[0].data.message, /^it was done as often as it may be within an hour \(max_per_hour\), until 20/);
  const said = await lines(rows[0].recovery_id);
  assert.deepEqual(said.map((line) => [line.message, line.attributes.stream, line.source]).sort(), [
    ['ERROR no', 'stderr', 'recovery:broken'],
    ['cannot, password=*** is wrong', 'stdout', 'recovery:broken'],
  ]);
  assert.equal(said.find((line) => line.attributes.stream === 'stderr').severity, 'error');
  const checks = async () => (await belfry.get('/api/loop-status', { key: keys.viewer })).json.checks_total;
  const then = await checks();
  await belfry.until(async () => (await checks()) > then + 20, 'it was checked some times more');
  assert.equal((await events('event=recovery_refused')).filter((event) => event.data.service === 'broken').length, 1);
  assert.equal(fs.readFileSync(file('fails'), 'utf8').trim().split('\n').length, 3);
  const asked = await ask({ service: 'broken' });
  expect.problem(asked, 409);
  assert.match(asked.json.detail, /max_per_hour/);
});

test('nothing is done while what it depends on is down, by itself or by hand; that is told once', async () => {
  const refused = await belfry.until(
    async () => (await events('event=recovery_refused')).filter((event) => event.data.service === 'child' && event.data.by === 'watchd')[0],
    'it is told',
  );
  assert.equal(refused.data.message, 'broken, which the service depends on, is down');
  const asked = await ask({ service: 'child', action: 'mark' });
  expect.problem(asked, 409);
  assert.equal(asked.json.detail, 'broken, which the service depends on, is down');
  assert.equal((await events('event=recovery_refused')).filter((event) => event.data.service === 'child' && event.data.by === 'watchd').length, 1);
  assert.deepEqual(await list('service=child'), []);
});

test('nothing is done about what nobody knows of', async () => {
  await belfry.until(async () => /exit|unknown|status 3/.test((await of('blind')).message), 'it was checked');
  const asked = await ask({ service: 'blind' });
  expect.problem(asked, 409);
  assert.equal(asked.json.detail, 'the service is unknown: nothing is done about what is not known to be ill');
  assert.ok(!fs.existsSync(file('seen')));

  const pause = await belfry.post('/api/services/d/pause', {}, { key: keys.operator });
  assert.ok(pause.status < 300, pause.text);
  await belfry.until(async () => (await of('d')).status === 'paused', 'd is paused');
  const paused = await ask({ service: 'd' });
  expect.problem(paused, 409);
  assert.equal(paused.json.detail, 'the service is paused: nothing is done about what is not known to be ill');
  assert.ok((await belfry.post('/api/services/d/resume', {}, { key: keys.operator })).status < 300);
});

test('by hand: who, why, where, with which environment', async () => {
  const answer = await ask({ service: 'web', action: 'mark', reason: 'to see; token=abcdefgh12345678' });
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual([answer.json.service, answer.json.action, answer.json.state], ['web', 'mark', 'running']);
  const { data } = await finished(answer.json.recovery_id);
  assert.deepEqual([data.by, data.trigger, data.success, data.verified], ['operator', 'request', true, true], JSON.stringify(data));
  assert.equal(data.reason, 'to see; token=***');
  assert.equal(fs.readFileSync(file('marks'), 'utf8'), 'web mark gentle\n');
  const said = (await lines(answer.json.recovery_id)).map((line) => line.message);
  assert.equal(said[0], folder);
  assert.deepEqual(said.slice(1).map((line) => line.replace(/=.*/, '')).filter((name) => name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD'), ['BELFRY_ACTION', 'BELFRY_RECOVERY_ID', 'BELFRY_SERVICE', 'LC_ALL', 'MODE', 'PATH', 'PWD']);
  const too_soon = await ask({ service: 'web', action: 'mark' });
  expect.problem(too_soon, 409);
  assert.match(too_soon.json.detail, /^the service cools down after its last recovery, until 20.*Z$/);
});

test('a dry run tells what would be run, and runs nothing', async () => {
  const before_ = fs.readFileSync(file('marks'), 'utf8');
  const id = await recover('web', 'mark', { dry_run: true });
  const { data, severity } = await finished(id);
  assert.equal(data.dry_run, true);
  assert.equal(severity, 'info');
  assert.match(data.message, /^would run \/bin\/sh -c echo "\$BELFRY_SERVICE/);
  assert.equal(await of_recovery(id, 'recovery_started'), undefined);
  const [row] = await list('service=web&limit=1');
  assert.deepEqual([row.recovery_id, row.state, row.dry_run], [id, 'dry_run', true]);
  assert.equal(fs.readFileSync(file('marks'), 'utf8'), before_);
  // It does not count: the next may begin at once.
  await recover('web', 'mark', { dry_run: true });
});

test('one that hangs is ended with all of its group', async () => {
  await belfry.until(async () => (await of('hung')).status === 'down', 'it was checked');
  const id = await recover('hung');
  const { data } = await finished(id);
  assert.deepEqual([data.success, data.timed_out, data.exit_status], [false, true, undefined]);
  assert.equal(data.message, 'did not end within 500 ms, and was ended with all of its group');
  assert.ok(!lives(pidIn('hang')) && !lives(pidIn('hang.child')), 'both have ended');
  assert.ok(data.duration_ms >= 2000, 'it had some time to end by itself');
});

test('what it writes is bounded, and what is left out is told', async () => {
  const id = await recover('web', 'talk');
  const { data } = await finished(id);
  assert.equal(data.success, true);
  const said = await lines(id);
  assert.equal(said.at(-1).message, '2000 lines and 0 bytes more were not stored');
  assert.equal(said.at(-2).message, 'line 999');
});

test('another user is become for good; who may not become one says so', async () => {
  const id = await recover('web', 'who');
  const { data } = await finished(id);
  if (!root) {
    assert.match(data.message, /^was not run: belfry-runner runs as user \d+ and may not become 'nobody'/);
    return;
  }
  assert.equal(data.success, true, JSON.stringify(data));
  const said = (await lines(id)).map((line) => line.message.trim());
  const [uid, gid] = spawnSync('sh', ['-c', 'id -u nobody; id -g nobody'], { encoding: 'utf8' }).stdout.trim().split('\n');
  assert.deepEqual(said.slice(0, 2), [uid, gid]);
  assert.deepEqual(said.slice(2, 5), [`Groups:\t${gid}`, 'CapPrm:\t0000000000000000', 'CapEff:\t0000000000000000']);
  assert.equal(said[5], '0 1 2 3', 'its three and the one that ls has opened itself');
  assert.equal(said[6], '0');
});

test('a program that is not there', async () => {
  const { data } = await finished(await recover('web', 'gone'));
  assert.deepEqual([data.success, data.exit_status], [false, 127]);
  assert.equal(data.message, 'exit status 127: belfry-runner: cannot run /nowhere/at/all: No such file or directory');
});

test('too much use of memory sets off what is configured for it', async () => {
  await belfry.until(() => fs.existsSync(file('freed')), 'it was run');
  const [row] = await list('service=leak');
  assert.deepEqual([row.trigger, row.by], ['memory', 'watchd']);
  assert.match(row.reason, /^the host uses \d+\.\d % of its memory, more than thresholds\.mem_max \(1\), for \d+ s$/);
  assert.equal(fs.readFileSync(file('freed'), 'utf8'), 'freed\n');
});

test('a request names an action, and nothing of it becomes a command', async () => {
  expect.problem(await ask({ service: 'web', action: 'mark' }, keys.viewer), 403);
  const pointers = async (body) => {
    const answer = await ask(body);
    expect.problem(answer, 422);
    return answer.json.errors.map((one) => one.pointer);
  };
  assert.deepEqual(await pointers({ service: 'webb', action: 'mark' }), ['/service']);
  assert.deepEqual(await pointers({ service: 'nothing' }), ['/service']);
  assert.deepEqual(await pointers({ service: 'web', action: 'reboot' }), ['/action']);
  assert.deepEqual(await pointers({ service: 'web' }), ['/action'], 'it has several');
  assert.deepEqual(await pointers({ service: 'cache', action: 'mark' }), ['/action'], 'it is of another');
  assert.deepEqual(await pointers({ action: 'mark' }), ['/service']);
  for (const action of ['mark; touch /tmp/x', '$(id)', '../mark', 'mark\n', '/bin/sh'])
    assert.deepEqual(await pointers({ service: 'web', action }), ['/action']);
  // Members that it does not take change nothing.
  const marks = fs.readFileSync(file('marks'), 'utf8');
  const evil = `$(touch ${file('evil')}); \`touch ${file('evil')}\``;
  const id = await recover('web', 'mark', { reason: evil, command: ['/bin/touch', file('evil')], user: 'root', environment: ['MODE=evil'] });
  await finished(id);
  assert.equal(fs.readFileSync(file('marks'), 'utf8'), `${marks}web mark gentle\n`);
  assert.ok(!fs.existsSync(file('evil')));
});

test('what can be done is listed, without its arguments', async () => {
  const { json, text } = await belfry.get('/api/recovery', { key: keys.viewer });
  assert.equal(json.available, true);
  assert.deepEqual(json.actions.map((one) => `${one.service} ${one.action}`), ['cache restart', 'broken fail', 'hung hang', 'child mark', 'web mark', 'web talk', 'web who', 'web long', 'a sleep', 'b sleep', 'c sleep', 'd sleep', 'web gone', 'blind see', 'leak free']);
  assert.deepEqual(json.actions.find((one) => one.action === 'fail'), {
    service: 'broken', action: 'fail', program: 'sh', user: null, automatic: true, trigger: 'failures', after: 1, timeout_seconds: 60, cooldown_seconds: 0.6, max_per_hour: 3,
  });
  assert.ok(!text.includes(folder));
});

test('pages of the list', async () => {
  const all = await list();
  const found = [];
  let cursor = '';
  do {
    const { json } = await belfry.get(`/api/recoveries?limit=3${cursor && `&cursor=${cursor}`}`, { key: keys.viewer });
    found.push(...json.recoveries.map((one) => one.recovery_id));
    cursor = json.next_cursor;
  } while (cursor);
  assert.deepEqual(found, all.map((one) => one.recovery_id));
});

test('while the history is away nothing is done, and then it is', async () => {
  const before_ = (await list('service=cache')).length;
  const pid = pidIn('redis.pid');
  await belfry.terminate('belfry-historyd');
  process.kill(pid, 'SIGKILL');
  await belfry.until(() => /recovery restart of cache is not begun: belfry-historyd is away/.test(belfry.log('belfry-watchd')), 'it is not begun');
  assert.equal(pidIn('redis.pid'), pid, 'nothing was run');
  belfry.startProgram('belfry-historyd');
  await belfry.until(async () => (await of('cache')).status !== 'down' && pidIn('redis.pid') !== pid, 'it is up again, or flapping by now');
  await belfry.until(async () => (await list('service=cache')).every((one) => one.finished), 'that is told');
  assert.equal((await list('service=cache')).length, before_ + 1);
});

test('while one runs there is no second of the service', async () => {
  const id = await recover('web', 'long');
  await belfry.until(() => fs.existsSync(file('long')), 'it runs');
  const second = await ask({ service: 'web', action: 'who' });
  expect.problem(second, 409);
  assert.equal(second.json.detail, `the recovery ${id} (long) of the service runs`);
  assert.equal((await list('service=web&limit=1'))[0].state, 'running');
});

test('four run at a time', async () => {
  for (const service of ['a', 'b', 'c']) assert.equal((await ask({ service })).status, 202);
  const fifth = await ask({ service: 'd' });
  expect.problem(fifth, 409);
  assert.equal(fifth.json.detail, '4 recoveries run already');
  await belfry.until(async () => /^belfry_watch_recovering 4$/m.test((await belfry.get('/metrics', { key: belfry.adminKey })).text), 'the metrics say so');
});

test('kill -9 of the runner: what it ran is interrupted, and it is started again', async () => {
  const [{ recovery_id: id }] = await list('service=web&limit=1');
  const others = (await list()).filter((one) => one.action === 'sleep').map((one) => one.recovery_id);
  assert.equal(others.length, 3);
  const [runner] = childrenOf(belfry.pid('belfry-watchd')).filter((pid) => /belfry-runner/.test(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')));
  process.kill(runner, 'SIGKILL');
  const { data } = await finished(id);
  assert.deepEqual([data.interrupted, data.success, data.message], [true, false, 'interrupted: belfry-runner has ended']);
  for (const other of others) assert.equal((await finished(other)).data.interrupted, true);
  await belfry.until(() => !lives(pidIn('long')), 'its command has ended with it');
  await belfry.until(async () => (await belfry.get('/api/recovery', { key: keys.viewer })).json.available, 'it runs again');
});

test('kill -9 of watchd: what ran ends, is told to be interrupted, and all limits are as they were', async () => {
  fs.rmSync(file('long'));
  const id = await recover('web', 'long');
  await belfry.until(() => fs.existsSync(file('long')) && pidIn('long'), 'it runs');
  const pid = pidIn('long');
  const attempts = fs.readFileSync(file('fails'), 'utf8');
  await belfry.kill('belfry-watchd');
  await belfry.until(() => !lives(pid), 'its command was ended');
  belfry.startProgram('belfry-watchd');
  const { data } = await finished(id);
  assert.deepEqual([data.interrupted, data.success], [true, false]);
  assert.match(data.message, /^interrupted: belfry-watchd was ended meanwhile/);
  assert.equal((await list('service=web&limit=1'))[0].state, 'interrupted');
  await belfry.until(async () => (await belfry.get('/api/recovery', { key: keys.viewer })).json.available, 'it runs again');
  const refused = await belfry.until(async () => {
    const answer = await ask({ service: 'broken' });
    return answer.status === 409 && !/unknown/.test(answer.json.detail) && answer;
  }, 'it is known again');
  assert.match(refused.json.detail, /max_per_hour/);
  assert.equal(fs.readFileSync(file('fails'), 'utf8'), attempts);
});

test('the metrics tell of it', async () => {
  const { text } = await belfry.get('/metrics', { key: belfry.adminKey });
  assert.match(text, /^belfry_watch_runner_up 1$/m);
  assert.match(text, /^belfry_watch_recoveries_total \d+$/m);
});

test('the configuration is read again by the runner itself, and what others could have written is not believed', async () => {
  belfry.conf.recoveries.push({ name: 'new', service: 'web', command: sh('echo new'), cooldown: '1s', verify_after: '10ms' });
  belfry.writeConf();
  for (const name of ['belfry-watchd', 'belfry-fcgi']) process.kill(belfry.pid(name), 'SIGHUP');
  const id = await belfry.until(async () => {
    const answer = await ask({ service: 'web', action: 'new' });
    return answer.status === 202 && answer.json.recovery_id;
  }, 'the new action is begun');
  assert.equal((await finished(id)).data.success, true);
  if (!root) return;
  fs.chmodSync(belfry.confPath, 0o666);
  process.kill(belfry.pid('belfry-watchd'), 'SIGHUP');
  await belfry.until(async () => !(await belfry.get('/api/recovery', { key: keys.viewer })).json.available, 'it is not believed');
  const refused = await ask({ service: 'web', action: 'new' });
  expect.problem(refused, 503);
  assert.match(refused.json.detail, /can be written by others, who could have root run anything: `chmod go-w /);
  fs.chmodSync(belfry.confPath, 0o644);
  process.kill(belfry.pid('belfry-watchd'), 'SIGHUP');
  await belfry.until(async () => (await belfry.get('/api/recovery', { key: keys.viewer })).json.available, 'it is believed again');
});

test('belfry recover: lists, runs and waits, and says why not', async () => {
  const keyFile = file('key');
  fs.writeFileSync(keyFile, keys.operator, { mode: 0o600 });
  const cli = (...args) => run(programPath('belfry'), ['recover', '--url', belfry.url, '--key-file', keyFile, ...args]);
  const listed = await cli();
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /^cache restart {2}# automatic$/m);
  assert.match(listed.stdout, /^web who$/m);
  const done = await belfry.until(async () => {
    const answer = await cli('web', 'mark', '--reason', 'because');
    assert.ok(answer.status === 0 || /cools down/.test(answer.stderr), answer.stderr);
    return answer.status === 0 && answer;
  }, 'it is run');
  assert.match(done.stdout, /^succeeded: exit status 0; the service is up, \d+\.\d s after it\n$/);
  assert.deepEqual((({ reason, by }) => [reason, by])((await list('service=web&limit=1'))[0]), ['because', 'operator']);
  const dry = await belfry.until(async () => {
    const answer = await cli('web', 'mark', '--dry-run');
    return answer.status === 0 && answer;
  }, 'it is told what would be run');
  assert.match(dry.stdout, /^dry_run: would run \/bin\/sh -c /);
  const unknown = await cli('web', 'reboot');
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /\/action.* is none of the service's actions/);
  assert.equal((await cli('web', 'mark', 'more')).status, 2);
});

/** Who is not root is refused to have something run as root. */
async function mayNotBecomeRoot(other) {
  const key = other.adminKey;
  const id = await other.until(async () => {
    const answer = await other.post('/api/recovery', { service: 'web', action: 'more' }, { key });
    return answer.status === 202 && answer.json.recovery_id;
  }, 'it is begun');
  const row = await other.until(async () => (await other.get('/api/recoveries', { key })).json.recoveries.find((one) => one.recovery_id === id && one.finished), 'it has ended');
  assert.match(row.message, /^was not run: belfry-runner runs as user [1-9]\d* and may not become 'root': start belfry-watchd as root/);
}

test('belfry-watchd gives up its rights, and the runner keeps the few that it needs', async () => {
  // As the units of systemd have it: everybody is somebody else than root; only the watcher is started as root, with no
  // more capabilities than belfry-watchd-recoveries.conf gives it.
  const opened = 'chmod 711 . && chmod 1777 run && exec setpriv "$@"';
  const as = (...how) => (root ? ['/bin/sh', '-c', opened, 'sh', ...how] : []);
  const nobody = as('--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups');
  const state = temporaryFolder();
  const [uid, gid] = root ? spawnSync('sh', ['-c', 'id -u nobody; id -g nobody'], { encoding: 'utf8' }).stdout.trim().split('\n').map(Number) : [process.getuid(), process.getgid()];
  fs.chownSync(state, uid, gid);
  const given = fs.readFileSync(path.join(sourceDir, 'etc/systemd/belfry-watchd-recoveries.conf'), 'utf8').match(/^CapabilityBoundingSet=(.*)$/m)[1];
  const bounded = `-all,${given.split(' ').map((name) => `+${name.slice(4).toLowerCase()}`).join(',')}`;
  const me = spawnSync('id', ['-un'], { encoding: 'utf8' }).stdout.trim();
  const other = await start({
    stateDir: state,
    wrappers: { 'belfry-historyd': nobody, 'belfry-fcgi': nobody, 'belfry-pushd': nobody, 'belfry-watchd': as('--bounding-set', bounded) },
    conf: {
      watch: { user: root ? 'nobody' : me, interval: '1h' },
      services: [{ name: 'web', port: webPort }],
      recoveries: [
        { name: 'root', service: 'web', command: sh('id -u; exec sleep 600'), timeout: '300ms', cooldown: '100ms', verify_after: '10ms' },
        { name: 'nobody', service: 'web', user: root ? 'nobody' : me, command: sh('id -u; exec sleep 600'), timeout: '300ms', cooldown: '100ms', verify_after: '10ms' },
        { name: 'more', service: 'web', user: 'root', command: sh('id -u'), cooldown: '100ms' },
      ],
    },
  });
  try {
    const key = other.adminKey;
    const watchd = other.pid('belfry-watchd');
    const status = (pid, name) => fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(.*)$`, 'm'))[1];
    const runs = async () => (await other.get('/api/recovery', { key })).json.available;
    await other.until(runs, 'recoveries can be run');
    const [runner] = childrenOf(watchd);
    if (root) {
      assert.equal(status(watchd, 'Uid'), Array(4).fill(uid).join('\t'));
      for (const kind of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb']) assert.match(status(watchd, kind), /^0+$/);
      assert.equal(status(watchd, 'NoNewPrivs'), '1');
      assert.ok(!status(watchd, 'Groups').split(' ').includes('0'), status(watchd, 'Groups'));
      assert.equal(status(runner, 'Uid'), '0\t0\t0\t0');
      assert.equal(status(runner, 'CapEff'), '00000000000000e0'); // setgid, setuid, kill
    }
    assert.deepEqual(fs.readdirSync(`/proc/${runner}/fd`).sort(), ['0', '1', '2', '3'], 'it holds nothing of the watcher');

    // Both are run as who they should be, and ended by who may.
    await other.until(async () => (await other.get('/api/health', { key })).json.services.find((one) => one.name === 'web').status === 'up', 'it was checked');
    for (const [action, wanted] of [['root', root ? 0 : uid], ['nobody', uid]]) {
      const begun = await other.until(async () => {
        const answer = await other.post('/api/recovery', { service: 'web', action }, { key });
        return answer.status === 202 && answer.json.recovery_id;
      }, `${action} is begun`);
      const row = await other.until(async () => (await other.get('/api/recoveries', { key })).json.recoveries.find((one) => one.recovery_id === begun && one.finished), 'it has ended');
      assert.equal(row.message, `did not end within 300 ms, and was ended with all of its group: ${wanted}`);
    }

    if (!root) {
      await mayNotBecomeRoot(other);
      return;
    }
    process.kill(runner, 'SIGKILL');
    await other.until(async () => !(await runs()), 'nothing can be run any more');
    const refused = await other.post('/api/recovery', { service: 'web', action: 'root' }, { key });
    expect.problem(refused, 503);
    assert.match(refused.json.detail, /belfry-runner has ended, and belfry-watchd has given up the rights to start it: restart belfry-watchd/);
    assert.deepEqual(childrenOf(watchd).filter(lives), []);

    other.wrappers['belfry-watchd'] = nobody;
    await other.restart('belfry-watchd');
    await other.until(runs, 'they can be run again, as nobody');
    await mayNotBecomeRoot(other);
  } finally {
    await other.stop();
  }
});

test('an administrator deletes what the commands have written, and that alone', async () => {
  await belfry.post('/api/logs', { message: 'kept', source: 'app' }, { key: belfry.adminKey });
  const deleted = await belfry.request('DELETE', '/api/logs?type=recovery', { key: belfry.adminKey });
  assert.equal(deleted.status, 200, deleted.text);
  const count = async (source) => (await belfry.get(`/api/logs?source=${source}`, { key: keys.viewer })).json.logs.length;
  assert.equal(await count('recovery:*'), 0);
  assert.equal(await count('app'), 1);
});

test('the list is made anew of the log', async () => {
  const told = await list('limit=1000');
  assert.ok(told.length > 10);
  for (const name of ['belfry-watchd', 'belfry-fcgi', 'belfry-pushd', 'belfry-historyd']) await belfry.terminate(name);
  const made = await run(programPath('belfry'), ['check-history', '--config', belfry.confPath, '--projections']);
  assert.equal(made.status, 0, `${made.stdout}${made.stderr}`);
  for (const name of ['belfry-historyd', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd']) belfry.startProgram(name);
  await belfry.untilHealthy();
  const made_of = (await list('limit=1000')).filter((one) => told.some((before_) => before_.recovery_id === one.recovery_id));
  assert.deepEqual(made_of, told);
});

test('a runner that nobody has started right says so', async () => {
  const { status, stderr } = await run(programPath('belfry-runner'), []);
  assert.equal(status, 2);
  assert.match(stderr, /this program is started by belfry-watchd, when recoveries are configured/);
});
