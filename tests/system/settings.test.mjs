/*
 * /api/settings: what may be changed while Belfry runs. A change is checked as the file is, is made as a whole or not at
 * all, told as an event, survives restarts, and takes effect in the programs that run.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { programPath, run, start } from './harness.mjs';

let belfry, viewer;
before(async () => {
  belfry = await start({
    conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, push: { interval: '7s' }, services: [{ name: 'web', port: 9 }] },
    environment: Object.fromEntries(['belfry-historyd', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd'].map((name) => [name, { BELFRY_WEB_TITLE: 'Pinned' }])),
  });
  viewer = await belfry.makeKey('viewer');
});
after(() => belfry?.stop());

const get = async (key = viewer) => {
  const answer = await belfry.get('/api/settings', { key });
  assert.equal(answer.status, 200, answer.text);
  return answer;
};
const put = (body, { key = belfry.adminKey, headers = {} } = {}) =>
  belfry.request('PUT', '/api/settings', { key, headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) });
const change = async (body, options) => {
  const answer = await put(body, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const setting = (json, key) => json.settings.find((one) => one.key === key);
const value = async (key) => setting((await get()).json, key);

describe('settings', { concurrency: false }, () => {
  test('are told with where they are from and what they may be', async () => {
    const { json } = await get();
    assert.equal(json.version, 0);
    const { about, ...interval } = setting(json, 'push.interval');
    assert.deepEqual(interval, { key: 'push.interval', value: '7s', origin: 'file', default: '5s', type: 'duration', takes: interval.takes, changed: null, changed_by: null });
    assert.match(interval.takes, /a duration from 1s to 1m/);
    assert.match(about, /metrics_update/);
    assert.deepEqual([setting(json, 'thresholds.cpu_max').value, setting(json, 'thresholds.cpu_max').origin], [90, 'default']);
    assert.deepEqual([setting(json, 'web.title').value, setting(json, 'web.title').origin], ['Pinned', 'environment']);
    assert.equal(setting(json, 'paths.state'), undefined, 'what needs a restart is not among them');
    assert.equal(setting(json, 'push.deflate').value, true);
  });

  test('are changed by an administrator only', async () => {
    expect.problem(await put({ 'push.interval': '10s' }, { key: '' }), 401);
    for (const role of ['viewer', 'operator', 'ingest', 'scrape']) expect.problem(await put({ 'push.interval': '10s' }, { key: await belfry.makeKey(role) }), 403);
    expect.problem(await belfry.request('DELETE', '/api/settings', { key: belfry.adminKey }), 405);
    assert.equal((await get()).json.version, 0);
  });

  test('are refused as the file would refuse them, and then as a whole', async () => {
    for (const [body, pointer, detail] of [
      [{ 'push.interval': '10' }, '/push.interval', /'10' is not a duration from 1s to 1m/],
      [{ 'push.interval': '2m' }, '/push.interval', /'2m' is not a duration/],
      [{ 'push.interval': 10 }, '/push.interval', /'10' is not a duration/],
      [{ 'push.interval': ['10s'] }, '/push.interval', /must be a text, a whole number/],
      [{ 'push.interval': 1.5 }, '/push.interval', /must be a text, a whole number/],
      [{ 'thresholds.cpu_max': 0 }, '/thresholds.cpu_max', /a whole number from 1 to 100/],
      [{ 'thresholds.cpu_max': 'many' }, '/thresholds.cpu_max', /'many' is not a whole number from 1 to 100/],
      [{ 'push.deflate': 'maybe' }, '/push.deflate', /'maybe' is not/],
      [{ 'logging.level': 'loud' }, '/logging.level', /'loud' is not/],
      [{ 'retention.disk': '-1' }, '/retention.disk', /'-1' is not a size/],
      [{ 'paths.state': '/tmp' }, '/paths.state', /cannot be changed|is no setting that can be changed while Belfry runs/],
      [{ nonsense: 1 }, '/nonsense', /is no setting/],
      [{ 'push.interval': '10s', 'push.max_delay': 'x' }, '/push.max_delay', /'x' is not/],
      [{ 'web.title': 'Mine' }, '/web.title', /environment variable, which wins/],
    ]) {
      const problem = expect.problem(await put(body), 422, { pointer });
      assert.match(problem.errors[0].detail, detail);
    }
    expect.problem(await put({}), 422);
    expect.problem(await put([{ 'push.interval': '10s' }]), 422);
    expect.problem(await put('{"push.interval":'), 400);
    expect.problem(await put('{"push.interval":"1s","push.interval":"2s"}'), 400);
    expect.problem(await put('push.interval: 10s', { headers: { 'content-type': 'application/yaml' } }), 415);
    assert.equal((await value('push.interval')).value, '7s');
    assert.equal((await get()).json.version, 0);
  });

  test('are changed together, and an event tells who did it', async () => {
    const live = belfry.ws('/ws?events=settings_changed', { key: viewer });
    await live.next('connected');
    const json = await change({ 'push.interval': '1s', 'thresholds.cpu_max': 55, 'push.max_connections': 3 });
    assert.equal(json.version, 1);
    const interval = setting(json, 'push.interval');
    assert.deepEqual([interval.value, interval.origin, interval.default], ['1s', 'setting', '5s']);
    assert.match(interval.changed, expect.RFC3339);
    assert.equal(typeof interval.changed_by, 'string');
    const told = await live.next('settings_changed');
    assert.deepEqual(told.data.changes, [
      { key: 'push.interval', from: '7s', to: '1s' },
      { key: 'thresholds.cpu_max', from: '90', to: '55' },
      { key: 'push.max_connections', from: '10000', to: '3' },
    ]);
    assert.equal(told.data.by, interval.changed_by);
    live.terminate();
    expect.problem(await belfry.post('/api/events', { event: 'settings_changed', data: {} }, { key: belfry.adminKey }), 403);
  });

  test('of belfry-pushd are in force without a restart', async () => {
    await belfry.until(async () => {
      const one = belfry.ws('/ws/dashboard', { key: viewer });
      const connected = await one.next('connected');
      one.terminate();
      return connected.data.interval === 1;
    }, 'the interval is that of the setting');
    await belfry.until(async () => {
      const some = [1, 2, 3, 4].map(() => belfry.ws('/ws', { key: viewer }));
      const ends = await Promise.all(some.map((one) => one.next('connected').then(() => 101, () => one.status)));
      for (const one of some) one.terminate();
      return ends.filter((status) => status === 503).length === 1;
    }, 'the fourth connection is refused');
    await change({ 'push.max_connections': null });
  });

  test('of belfry-watchd are in force without a restart', async () => {
    const checks = async () => Number((await belfry.get('/metrics', { key: belfry.adminKey })).text.match(/^belfry_watch_checks_total (\d+)/m)?.[1]);
    await change({ 'watch.interval': '1s', 'watch.timeout': '500ms' });
    await belfry.until(async () => (await belfry.get('/metrics', { key: belfry.adminKey })).text.includes('\nbelfry_watch_interval_seconds 1\n'), 'watchd has the interval');
    const then = await checks();
    await belfry.until(async () => (await checks()) >= then + 3, 'services are checked each second');
    await change({ 'watch.interval': null, 'watch.timeout': null });
  });

  test('of belfry-historyd are in force without a restart', async () => {
    await change({ 'retention.events': '400d', 'logging.level': 'debug' });
    await belfry.until(() => /logging\.level and retention are as they are configured now/.test(belfry.log('belfry-historyd')), 'historyd has them');
    await change({ 'logging.level': 'info' });
  });

  test('of the API are in force without a restart, and the workers go on meanwhile', async () => {
    assert.equal((await belfry.get('/api/me', { key: viewer })).json.title ?? 'Pinned', 'Pinned');
    await change({ 'model.agent_stale': '1m' });
    await belfry.deliver([{ event: 'agent_execution_started', timestamp: new Date(Date.now() - 600_000).toISOString(), data: { agent_name: 'slow' } }]);
    await belfry.until(async () => {
      const answer = await belfry.get('/stats', { key: viewer });
      assert.equal(answer.status, 200, answer.text);
      return answer.json.active_agents === 0;
    }, 'an agent of ten minutes ago is stale');
    await change({ 'model.agent_stale': null });
    await belfry.until(async () => (await belfry.get('/stats', { key: viewer })).json.active_agents === 1, 'and is not by default');
  });

  test('carry an ETag, and of two who change the same one is told', async () => {
    const first = await get();
    assert.ok(first.headers.etag);
    assert.equal((await belfry.get('/api/settings', { key: viewer, headers: { 'if-none-match': first.headers.etag } })).status, 304);
    const headers = { 'if-match': first.headers.etag };
    const answers = await Promise.all([put({ 'push.max_delay': '10ms' }, { headers }), put({ 'push.max_delay': '20ms' }, { headers })]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
    expect.problem(answers.find(({ status }) => status === 412), 412);
    const winner = answers.find(({ status }) => status === 200);
    assert.equal((await value('push.max_delay')).value, setting(winner.json, 'push.max_delay').value);
    expect.problem(await put({ 'push.max_delay': '30ms' }, { headers }), 412);
    assert.equal((await put({ 'push.max_delay': null }, { headers: { 'if-match': winner.headers.etag } })).status, 200);
    assert.equal((await value('push.max_delay')).origin, 'default');
    assert.equal((await belfry.request('HEAD', '/api/settings', { key: viewer })).text, '');
  });

  test('outlive kill -9 and restarts', async () => {
    await change({ 'push.interval': '2s', 'thresholds.mem_max': 66 });
    for (const name of ['belfry-historyd', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd']) await belfry.kill(name);
    for (const name of ['belfry-historyd', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd']) belfry.startProgram(name);
    await belfry.untilHealthy();
    assert.deepEqual([(await value('push.interval')).value, (await value('thresholds.mem_max')).value], ['2s', 66]);
    await belfry.until(async () => {
      const one = belfry.ws('/ws/dashboard', { key: viewer });
      const connected = await one.next('connected');
      one.terminate();
      return connected.data.interval === 2;
    }, 'belfry-pushd has it');
  });
});

test('the command shows and changes them', async () => {
  const cli = (...args) => run(programPath('belfry'), ['settings', ...args], { env: { BELFRY_URL: belfry.url, BELFRY_KEY: belfry.adminKey, BELFRY_KEY_FILE: '' } });
  assert.match((await cli()).stdout, /^logging\.level: info {2}# .*\n(.*\n)*push\.deflate: true {2}# default\n/);
  assert.deepEqual(await cli('set', 'push.max_delay=40ms', 'thresholds.cpu_max=77'), { status: 0, signal: null, stdout: '', stderr: '' });
  assert.equal((await cli('push.max_delay', 'thresholds.cpu_max')).stdout, 'push.max_delay: 40ms  # setting\nthresholds.cpu_max: 77  # setting\n');
  assert.equal((await cli('set', 'push.max_delay=')).status, 0);
  assert.equal((await cli('push.max_delay')).stdout, 'push.max_delay: 50ms  # default\n');
  const wrong = await cli('set', 'push.max_delay=long');
  assert.deepEqual([wrong.status, /'long' is not a duration/.test(wrong.stderr)], [1, true]);
  assert.equal((await cli('set', 'push.max_delay')).status, 2);
  assert.equal((await cli('paths.state')).status, 1);
});
