// The belfry command against a running instance: what it stores, shows and says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { programPath, run, start, until } from './harness.mjs';

let belfry;
let env;
before(async () => {
  belfry = await start();
  const keyFile = path.join(belfry.dir, 'key');
  fs.writeFileSync(keyFile, `${belfry.adminKey}\n`, { mode: 0o600 });
  env = { BELFRY_URL: `${belfry.url}/monitor`, BELFRY_KEY_FILE: keyFile, BELFRY_KEY: '', TZ: 'UTC', NO_COLOR: '' };
});
after(() => belfry?.stop());

const cli = (args, options = {}) => run(programPath('belfry'), args, { ...options, env: { ...env, ...options.env } });

/** A `belfry tail` in the background, and the lines that it has printed so far. */
function tail(args = []) {
  const child = spawn(programPath('belfry'), ['tail', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const tailing = { child, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (tailing.out += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (tailing.err += text));
  return tailing;
}

const newest = async (event) => (await belfry.get(`/api/events?event=${event}&limit=1`, { key: belfry.adminKey })).json.events[0];

test('emit stores a log line and prints its id', async () => {
  const { status, stdout, stderr } = await cli(['emit', '--severity', 'warning', '--source', 'cron', 'disk is', 'full', 'percent=93', 'mount=/var']);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  const stored = await newest('log');
  assert.equal(stdout, `${stored.id}\n`);
  assert.deepEqual(stored.data, { message: 'disk is full', attributes: { percent: 93, mount: '/var' } });
  assert.equal(stored.severity, 'warning');
  assert.equal(stored.source, 'cron');
});

test('emit takes data from stdin and keeps its numbers as they are', async () => {
  const { status } = await cli(['emit', '--type', 'cli_data', '--data', '-', 'ok=true'], { input: '{"price": 96.70}' });
  assert.equal(status, 0);
  const { text } = await belfry.get('/api/events?event=cli_data', { key: belfry.adminKey });
  assert.match(text, /"data":\{"price": 96\.70,"ok":true\}/);
});

test('emit stores an id once', async () => {
  for (let i = 0; i < 2; i++) assert.equal((await cli(['emit', '--type', 'cli_once', '--id', 'once-1'])).status, 0);
  const { json } = await belfry.get('/api/events?event=cli_once', { key: belfry.adminKey });
  assert.equal(json.events.length, 1);
});

test('emit --stdin stores every line, and says which one is wrong', async () => {
  const lines = Array.from({ length: 1200 }, (_, i) => JSON.stringify({ event: 'cli_line', data: { i } }));
  const good = await cli(['emit', '--stdin'], { input: `${lines.join('\n')}\n` });
  assert.deepEqual([good.status, good.stdout], [0, 'accepted 1200, duplicates 0\n']);
  const bad = await cli(['emit', '--stdin'], { input: '{"event":"cli_line"}\n\n[1]\n{"event":"cli_line"}\n' });
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /line 3 of stdin: not a JSON object/);
  assert.equal(bad.stdout, 'accepted 1, duplicates 0\n');
});

test('what the server refuses is said with its reason', async () => {
  const refused = await cli(['emit', '--type', 'audit', 'a=b']);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^belfry: the server says: 403 /);
  const stranger = await cli(['query'], { env: { BELFRY_KEY_FILE: '', HOME: belfry.dir, XDG_CONFIG_HOME: '' } });
  assert.equal(stranger.status, 1);
  assert.match(stranger.stderr, /401/);
  assert.match(stranger.stderr, /--key-file/);
  const nowhere = await cli(['query', '--url', 'http://127.0.0.1:1/', '--timeout', '1']);
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /cannot reach http:\/\/127\.0\.0\.1:1\//);
});

test('query pages through all that matches', async () => {
  await cli(['emit', '--stdin'], { input: Array.from({ length: 1100 }, (_, i) => `{"event":"cli_page","data":{"i":${i}}}\n`).join('') });
  const all = await cli(['query', '--event', 'cli_page', '--limit', '5000', '--json']);
  assert.equal(all.status, 0, all.stderr);
  assert.deepEqual(JSON.parse(all.stdout).map((event) => event.data.i), Array.from({ length: 1100 }, (_, i) => 1099 - i));
  const lines = await cli(['query', '--event', 'cli_page', '--limit', '3', '--ndjson']);
  assert.equal(lines.stdout.trim().split('\n').map(JSON.parse).length, 3);
  assert.equal((await cli(['query', '--event', 'cli_nothing', '--json'])).stdout, '[]\n');
});

test('text from outside cannot reach the terminal as control characters', async () => {
  await belfry.post('/api/events', { event: 'cli_escape', data: { message: 'a\u001b[31mred\u009b1m\u202eback' } }, { key: belfry.adminKey });
  const { stdout } = await cli(['query', '--event', 'cli_escape']);
  assert.match(stdout, /a\\x1b\[31mred\\x9b1m\\u202eback\n$/);
  assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info     admin cli_escape /);
});

test('tail shows what happens, and goes on where it was when pushd has been replaced', async () => {
  const tailing = tail(['--event', 'cli_tail', '--json']);
  try {
    const seen = () => tailing.out.split('\n').filter(Boolean).map((line) => JSON.parse(line).data.i);
    // The first one only tells that the tail has begun; some may be sent before that.
    await until(async () => {
      await cli(['emit', '--type', 'cli_tail', 'i=0']);
      return seen().length > 0;
    }, 'the tail shows an event');
    await belfry.kill('belfry-pushd');
    for (let i = 1; i <= 5; i++) await cli(['emit', '--type', 'cli_tail', `i=${i}`]);
    belfry.startProgram('belfry-pushd');
    await until(() => seen().at(-1) === 5, 'the tail has caught up', { logs: () => tailing.err });
    assert.deepEqual(seen().filter((i) => i > 0), [1, 2, 3, 4, 5]);
    assert.match(tailing.err, /trying again in/);
    assert.match(tailing.err, /connected again, nothing was missed/);
  } finally {
    tailing.child.kill();
  }
});

test('tail --last begins with what was; --logs adds log lines', async () => {
  await cli(['emit', '--source', 'cli-last', 'first']);
  await cli(['emit', '--type', 'cli_last', '--source', 'cli-last', 'n=2']);
  const tailing = tail(['--source', 'cli-last', '--logs', '--last', '2']);
  try {
    await until(() => tailing.out.split('\n').length > 2, 'two events are shown', { logs: () => tailing.err });
    assert.match(tailing.out, / cli-last log first\n.* cli-last cli_last n=2\n/);
  } finally {
    tailing.child.kill();
  }
});

test('keys are made, listed and deleted', async () => {
  const made = await cli(['keys', 'create', 'voice', 'ingest', '--expires-in', '30d']);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /^bfy_[A-Za-z0-9]{12}_\S{43}\n$/);
  const id = made.stdout.split('_')[1];
  const listed = await cli(['keys', 'list']);
  assert.match(listed.stdout, new RegExp(`^${id} +ingest .* admin +voice$`, 'm'));
  const key = path.join(belfry.dir, 'voice.key');
  fs.writeFileSync(key, made.stdout, { mode: 0o600 });
  const emitted = await cli(['emit', '--key-file', key, '--type', 'cli_voice']);
  assert.equal(emitted.status, 0, emitted.stderr);
  assert.equal((await newest('cli_voice')).source, 'voice');
  assert.equal((await cli(['keys', 'delete', id])).status, 0);
  const gone = await cli(['emit', '--key-file', key, '--type', 'cli_voice']);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /the key is not accepted/);
});

test('check-config accepts what the daemons run with, and finds every mistake', async () => {
  const good = await cli(['check-config', belfry.confPath]);
  assert.deepEqual([good.status, good.stdout, good.stderr], [0, 'the configuration is valid\n', '']);
  const file = path.join(belfry.dir, 'bad.yaml');
  fs.writeFileSync(file, 'fcgi:\n  workers: many\n  wokers: 3\n');
  const bad = await cli(['check-config', file]);
  assert.equal(bad.status, 1);
  assert.equal(
    bad.stderr,
    `${file}:2:12: fcgi.workers: 'many' is not a whole number from 1 to 256\n` +
      `${file}:3:3: fcgi: unknown key 'wokers': did you mean \`workers\`?\nbelfry: 2 problems\n`,
  );
});
