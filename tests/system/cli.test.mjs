// The belfry command against a running instance: what it stores, shows and says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
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
function tail(args = [], own = {}) {
  const child = spawn(programPath('belfry'), ['tail', ...args], { env: { ...process.env, ...env, ...own }, stdio: ['ignore', 'pipe', 'pipe'] });
  const tailing = { child, out: '', err: '', lines: () => tailing.out.split('\n').slice(0, -1) };
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

test('query --all has no limit, --csv is the server’s export', async () => {
  const all = await cli(['query', '--event', 'cli_page', '--all', '--order', 'asc', '--ndjson']);
  assert.equal(all.status, 0, all.stderr);
  assert.deepEqual(all.stdout.trim().split('\n').map((line) => JSON.parse(line).data.i), Array.from({ length: 1100 }, (_, i) => i));
  const csv = await cli(['query', '--event', 'cli_page', '--all', '--csv']);
  assert.equal(csv.status, 0, csv.stderr);
  assert.equal(csv.stdout, (await belfry.get('/api/events?event=cli_page&format=csv', { key: belfry.adminKey })).text);
  assert.equal(csv.stdout.split('\n').length - 2, 1100);
  assert.equal((await cli(['query', '--event', 'cli_page', '--csv', '--limit', '1050'])).stdout.split('\n').length - 2, 1050);
  assert.equal((await cli(['query', '--event', 'cli_page', '--csv'])).stdout.split('\n').length - 2, 100);
});

test('query --around shows what happened near an event', async () => {
  const { id } = (await belfry.get('/api/events?event=cli_page&order=asc&limit=1&after=' + ((await newest('cli_page')).id - 501), { key: belfry.adminKey })).json.events[0];
  const near = await cli(['query', '--event', 'cli_page', '--around', String(id), '--limit', '5', '--json']);
  assert.equal(near.status, 0, near.stderr);
  assert.deepEqual(JSON.parse(near.stdout).map((event) => event.id), [id + 2, id + 1, id, id - 1, id - 2]);
  const csv = await cli(['query', '--event', 'cli_page', '--around', String(id), '--limit', '3', '--csv', '--order', 'asc', '--window', '1h']);
  assert.deepEqual(csv.stdout.split('\n').slice(1, -1).map((row) => Number.parseInt(row)), [id - 1, id, id + 1]);
  assert.match((await cli(['query', '--around', '999999999'])).stderr, /404 .*there is no event 999999999/);
  for (const wrong of [['--window', '5m'], ['--all', '--limit', '5'], ['--all', '--around', '5']])
    assert.equal((await cli(['query', ...wrong])).status, 2);
});

test('an export that breaks off is told, and its control characters do not reach a terminal', async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv; charset=utf-8' });
    response.end('id,data\n1,"\x1b[31m"\n2,"x');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/`;
  const broken = await cli(['query', '--csv', '--url', url]);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /broke off/);
  assert.equal(broken.stdout, 'id,data\n1,"\x1b[31m"\n2,"x');
  const shown = await run('script', ['-qec', `${programPath('belfry')} query --csv --url ${url}`, '/dev/null'], { env });
  assert.match(shown.stdout, /1,"\\x1b\[31m"/);
  server.close();
});

test('text from outside cannot reach the terminal as control characters', async () => {
  await belfry.post('/api/events', { event: 'cli_escape', data: { message: 'a\u001b[31mred\u009b1m\u202eback' } }, { key: belfry.adminKey });
  const { stdout } = await cli(['query', '--event', 'cli_escape']);
  assert.match(stdout, /a\\x1b\[31mred\\x9b1m\\u202eback\n$/);
  assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info     admin cli_escape /);
});

for (const [how, args, prefix] of [
  ['over Server-Sent Events', [], '/monitor'],
  ['over a WebSocket', ['--ws'], '/monitor'],
  ['over a WebSocket without a prefix', ['--ws', '--dashboard'], ''],
])
  test(`tail ${how} shows what happens, and goes on where it was when pushd has been replaced`, async () => {
    const tailing = tail(['--event', 'cli_tail', '--json', ...args], { BELFRY_URL: `${belfry.url}${prefix}` });
    try {
      const seen = () => tailing.lines().map((line) => JSON.parse(line).data.i);
      // The first one only tells that the tail has begun; some may be sent before that.
      await until(async () => {
        await cli(['emit', '--type', 'cli_tail', 'i=0']);
        return seen().length > 0;
      }, 'the tail shows an event', { logs: () => tailing.err });
      await belfry.kill('belfry-pushd');
      for (let i = 1; i <= 5; i++) await cli(['emit', '--type', 'cli_tail', `i=${i}`]);
      belfry.startProgram('belfry-pushd');
      await until(() => seen().at(-1) === 5, 'the tail has caught up', { logs: () => tailing.err });
      await cli(['emit', '--type', 'cli_tail', 'i=6']);
      await until(() => seen().at(-1) === 6, 'the tail is live again', { logs: () => tailing.err });
      assert.deepEqual(seen().filter((i) => i > 0), [1, 2, 3, 4, 5, 6]);
      assert.match(tailing.err, /trying again in/);
      assert.match(tailing.err, /connected again, nothing was missed/);
    } finally {
      tailing.child.kill();
    }
  });

for (const args of [[], ['--ws']])
  test(`tail ${args} --last begins with what was; --logs adds log lines`, async () => {
    const source = `cli-last${args}`;
    await cli(['emit', '--source', source, 'first']);
    await cli(['emit', '--type', 'cli_last', '--source', source, 'n=2']);
    const tailing = tail(['--source', source, '--logs', '--last', '2', ...args]);
    try {
      await until(() => tailing.lines().length >= 2, 'two events are shown', { logs: () => tailing.err });
      assert.match(tailing.out, new RegExp(` ${source} log first\\n.* ${source} cli_last n=2\\n`));
    } finally {
      tailing.child.kill();
    }
  });

for (const args of [[], ['--ws']])
  test(`tail ${args} --raw prints every message as it came, one a line`, async () => {
    // What was accepted is kept byte for byte, line breaks too.
    const { json } = await belfry.post('/api/events', '{"event":"cli_raw","data":{\n  "price": 96.70, "text": "a\\nb\u009b"}}', { key: belfry.adminKey });
    const tailing = tail(['--event', 'cli_raw', '--since', String(json.first_id - 1), '--raw', ...args]);
    try {
      await until(() => tailing.lines().length >= 2, 'two messages are shown', { logs: () => tailing.err });
      const [connected, event] = tailing.lines();
      assert.deepEqual([JSON.parse(connected).event, JSON.parse(connected).data.complete], ['connected', true]);
      assert.equal(JSON.parse(event).id, json.first_id);
      assert.match(event, /"data":\{   "price": 96\.70, "text": "a\\nb\u009b"\}/);
      // A close that is announced is a message too.
      await belfry.terminate('belfry-pushd');
      belfry.startProgram('belfry-pushd');
      await until(() => JSON.parse(tailing.lines().at(-1)).event === 'connected' && tailing.lines().length > 3, 'it is connected again', { logs: () => tailing.err });
      assert.deepEqual(tailing.lines().slice(2).map((line) => JSON.parse(line).event), ['closing', 'connected']);
      assert.match(tailing.err, /the server closes the connection: /);
    } finally {
      tailing.child.kill();
    }
  });

test('tail --ws sends commands and shows the answers; metrics come at the interval asked for', async () => {
  const tailing = tail(['--dashboard', '--interval', '1', '--raw', '--send', '{"event":"ping","data":{"n":[1]}}', '--send', '{"event":"get_state"}', '--send', '{"event":"dance"}']);
  try {
    const message = (name) => tailing.lines().map((line) => JSON.parse(line)).find(({ event }) => event === name);
    await until(() => ['connected', 'pong', 'state', 'error', 'metrics_update'].every(message), 'all answers are there', { logs: () => tailing.out + tailing.err });
    assert.deepEqual(message('pong').data, { n: [1] });
    assert.equal(message('connected').data.interval, 1);
    assert.equal(message('error').data.code, 'unknown_event');
    assert.match(tailing.err, /the server says: /);
  } finally {
    tailing.child.kill();
  }
});

test('tail --ws that is refused says why, and ends', async () => {
  const key = path.join(belfry.dir, 'bad.key');
  fs.writeFileSync(key, 'bfy_nobody_0000000000000000000000000000000000000000000\n', { mode: 0o600 });
  const stranger = await cli(['tail', '--ws', '--key-file', key]);
  assert.equal(stranger.status, 1);
  assert.match(stranger.stderr, /^belfry: the server says: 401 Unauthorized: .+\nbelfry: the key is not accepted: /);
  fs.writeFileSync(key, `${await belfry.makeKey('scrape')}\n`, { mode: 0o600 });
  const scraper = await cli(['tail', '--ws', '--key-file', key]);
  assert.equal(scraper.status, 1);
  assert.match(scraper.stderr, /^belfry: the server says: 403 Forbidden: the role scrape may not receive events\n$/);
  const wrong = await cli(['tail', '--ws', '--severity', 'loud']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^belfry: the server says: 400 Bad Request: .*min_severity/);
  const elsewhere = await cli(['tail', '--ws', '--url', `${belfry.url}/nowhere/`]);
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.stderr, /^belfry: the server says: 404 Not Found: /);
  for (const [args, said] of [
    [['--send', '{"event":"ping"}'], /--send needs --ws/],
    [['--ws', '--send', 'ping'], /--send takes JSON/],
    [['--raw', '--json'], /exclude each other/],
  ]) {
    const misused = await cli(['tail', ...args]);
    assert.equal(misused.status, 2);
    assert.match(misused.stderr, said);
  }
});

test('tail --ws ends when its key is no longer good', async () => {
  const made = (await belfry.post('/api/keys', { name: 'short', role: 'viewer' }, { key: belfry.adminKey })).json;
  const key = path.join(belfry.dir, 'short.key');
  fs.writeFileSync(key, `${made.key}\n`, { mode: 0o600 });
  const tailing = tail(['--ws', '--raw', '--key-file', key]);
  try {
    await until(() => tailing.lines().length > 0, 'it is connected', { logs: () => tailing.err });
    const gone = once(tailing.child, 'exit');
    assert.equal((await belfry.request('DELETE', `/api/keys/${made.id ?? made.key.split('_')[1]}`, { key: belfry.adminKey })).status < 300, true);
    await belfry.restart('belfry-pushd');
    const [status] = await gone;
    assert.equal(status, 1);
    assert.match(tailing.err, /the server says: 401 /);
  } finally {
    tailing.child.kill();
  }
});

test('tail --ws behind a proxy that knows no WebSocket says so', async () => {
  // As a proxy does that forwards requests without Upgrade and Connection, which end at each hop.
  const proxy = http.createServer((request, response) => {
    const { upgrade, connection, ...headers } = request.headers;
    const onward = http.get({ host: '127.0.0.1', port: belfry.port, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'] });
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
  });
  const redirect = http.createServer((request, response) => response.writeHead(301, { location: 'https://belfry.example.org/' }).end());
  try {
    for (const server of [proxy, redirect]) await once(server.listen(0, '127.0.0.1'), 'listening');
    const refused = await cli(['tail', '--ws', '--url', `http://127.0.0.1:${proxy.address().port}/monitor/`]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^belfry: the server says: 426 Upgrade Required: .*\nbelfry: .*a proxy in between must pass the headers Upgrade and Connection on/);
    const led = await cli(['tail', '--ws', '--url', `http://127.0.0.1:${redirect.address().port}/`]);
    assert.equal(led.status, 1);
    assert.match(led.stderr, /the server leads elsewhere \(301\).*https:\/\/belfry\.example\.org\//);
  } finally {
    proxy.close();
    redirect.close();
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
