/*
 * Push with clients that nobody here wrote, each as it comes: npm ws, npm eventsource, Debian's python3-websockets and
 * python3-aiohttp, curl. (Chromium's are in tests/browser/push.test.mjs.) They are all connected through nginx at the same
 * time, and live through the same: events, pings, kill -9 of belfry-pushd, the end.
 *
 * The scripts in clients/ are what a user of the library would write, with no more than it takes to come back.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { load } from '../deps.mjs';
import { sourceDir, start } from './harness.mjs';
import { RawWs } from './raw_ws.mjs';

const { WebSocket } = load('ws');
const { EventSource } = load('eventsource');

const RETRY_MS = 100;
const clientsDir = path.join(sourceDir, 'tests/system/clients');

let belfry, viewer;

/** What a client has seen. Subclasses connect, come back by themselves, and leave when close() is called. */
class Subject {
  constructor() {
    this.messages = [];
    this.opened = []; // each time: the extensions that were agreed on
    this.lost = [];
    this.leaving = false;
  }

  get numbers() {
    return this.messages.filter(({ event }) => event === 'numbered').map(({ data }) => data.n);
  }

  get welcomes() {
    return this.messages.filter(({ event }) => event === 'connected').map(({ data }) => data);
  }
}

class NpmWs extends Subject {
  start() {
    const place = this.last ? `&since=${this.epoch}-${this.last}` : '';
    this.socket = new WebSocket(`ws://127.0.0.1:${belfry.port}/ws?events=numbered${place}`, {
      headers: { authorization: `Bearer ${viewer}` },
    });
    this.socket.on('open', () => this.opened.push(this.socket.extensions));
    this.socket.on('message', (data) => this.take(JSON.parse(data.toString())));
    this.socket.on('error', (error) => this.lost.push(error.message));
    this.socket.on('close', async (code) => {
      if (this.leaving) return void (this.closed = code);
      this.lost.push(`closed with ${code}`);
      await pause(RETRY_MS);
      this.start();
    });
  }

  take(message) {
    this.messages.push(message);
    if (message.event === 'connected') {
      this.epoch = message.data.epoch;
      this.last ??= message.data.head;
    }
    if (message.event === 'position') this.last = message.data.head;
    this.last = message.id ?? this.last;
  }

  close() {
    this.leaving = true;
    this.socket.close(1000);
  }
}

class NpmEventSource extends Subject {
  start(lastId) {
    const since = lastId ? `&since=${lastId}` : '';
    this.source = new EventSource(`${belfry.url}/events?events=numbered${since}`, {
      fetch: (address, request) => fetch(address, { ...request, headers: { ...request.headers, authorization: `Bearer ${viewer}` } }),
    });
    this.source.onopen = () => this.opened.push('');
    this.source.onmessage = (event) => {
      this.messages.push(JSON.parse(event.data));
      this.lastId = event.lastEventId;
    };
    this.source.onerror = async (event) => {
      this.lost.push(event.message ?? 'an error');
      // It comes back by itself, unless it was refused: nginx answers 502 as long as belfry-pushd is not there.
      if (this.source.readyState !== EventSource.CLOSED || this.leaving) return;
      await pause(RETRY_MS);
      this.start(this.lastId);
    };
  }

  close() {
    this.leaving = true;
    this.source.close();
    this.closed = 0;
  }
}

/** A script of clients/. */
class Script extends Subject {
  constructor(file, target, ...options) {
    super();
    Object.assign(this, { file, target, options });
  }

  start() {
    const url = `${this.target.startsWith('/ws') ? 'ws' : 'http'}://127.0.0.1:${belfry.port}${this.target}`;
    this.child = spawn('/usr/bin/python3', ['-B', path.join(clientsDir, this.file), url, viewer, ...this.options], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => this.lost.push(text));
    eachLine(this.child.stdout, (line) => {
      const said = JSON.parse(line);
      if ('message' in said) this.messages.push(said.message);
      if ('open' in said) this.opened.push(said.open);
      if ('lost' in said) this.lost.push(said.lost);
      if ('closed' in said) this.closed = said.closed ?? 0;
    });
  }

  close() {
    this.child.stdin.end('leave\n');
  }

  stop() {
    this.child?.kill('SIGKILL');
  }
}

class Curl extends Subject {
  start() {
    const headers = [`Authorization: Bearer ${viewer}`, ...(this.lastId ? [`Last-Event-ID: ${this.lastId}`] : [])];
    this.child = spawn('curl', ['-N', '-sS', '--fail', ...headers.flatMap((one) => ['-H', one]), `${belfry.url}/events?events=numbered`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.opened.push('');
    this.child.stderr.setEncoding('utf8').on('data', (text) => this.lost.push(text.trim()));
    eachLine(this.child.stdout, (line) => {
      if (line.startsWith('id: ')) this.lastId = line.slice(4);
      if (line.startsWith('data: ')) this.messages.push(JSON.parse(line.slice(6)));
    });
    this.child.on('exit', async (status) => {
      if (this.leaving) return void (this.closed = 0);
      this.lost.push(`curl ended with ${status}`);
      await pause(RETRY_MS);
      if (!this.leaving) this.start();
    });
  }

  close() {
    this.leaving = true;
    this.child.kill('SIGINT');
  }

  stop() {
    this.leaving = true;
    this.child?.kill('SIGKILL');
  }
}

function eachLine(stream, take) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) if (line !== '') take(line);
  });
}

const subjects = {
  'npm ws': new NpmWs(),
  'npm eventsource': new NpmEventSource(),
  'python3-websockets': new Script('ws_websockets.py', '/ws?events=numbered'),
  'python3-aiohttp, WebSocket': new Script('ws_aiohttp.py', '/ws?events=numbered', '0'),
  'python3-aiohttp, WebSocket with compression': new Script('ws_aiohttp.py', '/ws?events=numbered', '15'),
  'python3-aiohttp, Server-Sent Events': new Script('sse_aiohttp.py', '/events?events=numbered'),
  'curl -N': new Curl(),
};
const everybody = Object.values(subjects);
const each = (what, check) => {
  for (const [name, subject] of Object.entries(subjects)) test(`${name} ${what}`, () => check(subject, name));
};

let posted = 0;
async function post(count) {
  for (const end = posted + count; posted < end; ) {
    const events = Array.from({ length: Math.min(10, end - posted) }, () => ({
      event: 'numbered', event_id: `numbered-${posted}`, data: { n: posted++, text: 'the same text again and again, '.repeat(30) },
    }));
    await belfry.deliver(events);
  }
}

async function checkSeen(subject, name) {
  await belfry.until(
    () => subject.numbers.length >= posted,
    () => `${name} has seen all ${posted} events, and not ${subject.numbers.length}; it lost the connection ${subject.lost.length} times: ${subject.lost.slice(-3).join('; ')}`,
  );
  assert.deepEqual(subject.numbers, Array.from({ length: posted }, (_, n) => n), 'every event, once, in order');
}

before(async () => {
  belfry = await start({
    conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, push: { ping_interval: '2s' } },
  });
  viewer = await belfry.makeKey('viewer');
  for (const subject of everybody) subject.start();
});
after(async () => {
  for (const subject of everybody) subject.stop?.();
  await belfry?.stop();
});

describe('a client is let in with an API key', () => {
  each('is welcomed', async (subject) => {
    await belfry.until(() => subject.welcomes.length > 0, () => `the first message; lost: ${subject.lost}`);
    assert.equal(subject.messages[0].event, 'connected');
    assert.equal(subject.messages[0].data.role, 'viewer');
  });
});

describe('compression is agreed on', () => {
  for (const [name, agreed] of [
    ['npm ws', /^permessage-deflate$/], ['python3-websockets', /^permessage-deflate; .*server_no_context_takeover/],
    ['python3-aiohttp, WebSocket with compression', /^15 bits$/],
  ])
    test(`by ${name}`, () => assert.match(subjects[name].opened[0] ?? 'nothing', agreed));
  test('but not by who does not ask', () => assert.equal(subjects['python3-aiohttp, WebSocket'].opened[0], null));
});

describe('events are posted through nginx', () => {
  before(() => post(100));
  each('sees each of them once, in order', checkSeen);
});

describe('belfry-pushd pings', () => {
  before(async () => {
    // One that does not answer is closed. All that came before it have been asked as often by then.
    const mute = await RawWs.open({ host: '127.0.0.1', port: belfry.port }, { target: '/ws?events=none', headers: { Authorization: `Bearer ${viewer}` } });
    await mute.until(() => mute.closed, 'the end of a client that answers no ping');
    assert.equal(mute.closed.code, 1001);
    mute.destroy();
    await post(1);
  });
  each('answers, and is still connected', async (subject, name) => {
    await checkSeen(subject, name);
    assert.deepEqual(subject.lost, [], 'it never lost the connection');
    assert.equal(subject.welcomes.length, 1);
  });
});

describe('belfry-pushd is killed while events come', () => {
  before(async () => {
    const posting = post(300);
    await belfry.until(() => everybody.every(({ numbers }) => numbers.length > 150), 'everybody has seen some of them');
    await belfry.kill('belfry-pushd');
    await posting;
    await post(50);
    belfry.startProgram('belfry-pushd');
    await post(50);
  });
  each('comes back, and has missed nothing and seen nothing twice', async (subject, name) => {
    await checkSeen(subject, name);
    assert.ok(subject.welcomes.length > 1, 'it came back');
    assert.deepEqual(subject.welcomes.filter(({ complete }) => !complete), [], 'it was told that nothing is missing');
  });
});

describe('a client leaves', () => {
  before(() => everybody.forEach((subject) => subject.close()));
  each('closes cleanly', async (subject) => {
    const lost = subject.lost.length;
    await belfry.until(() => subject.closed !== undefined, () => `the end; ${subject.lost.slice(lost)}`);
    assert.ok([0, 1000].includes(subject.closed), `closed with ${subject.closed}`);
    assert.deepEqual(subject.lost.slice(lost), []);
  });
  test('belfry-pushd knows that all are gone', async () => {
    await belfry.until(async () => (await belfry.get('/health')).json.connected_clients === 0, 'no client is left');
  });
});
