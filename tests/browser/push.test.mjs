/*
 * Push with Chromium's own WebSocket and EventSource, and nothing of our pages' scripts: in with the cookie of a sign-in,
 * events as they come, kept alive by pings, back by itself (EventSource) or with a line of script (WebSocket) after
 * belfry-pushd was killed, with nothing missing and nothing twice. At / and under a prefix.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start } from '../system/harness.mjs';
import { RawWs } from '../system/raw_ws.mjs';
import { launch, openPage } from './browser.mjs';

let belfry, browser, viewer;
before(async () => {
  belfry = await start({ conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, push: { ping_interval: '2s' } } });
  viewer = await belfry.makeKey('viewer');
  browser = await launch();
  for (const viewing of all) await viewing.open();
});
after(async () => {
  await browser?.close();
  await belfry?.stop();
});

/** What runs in the page: a viewer that puts all it sees into globalThis.seen. */
function watchByWebSocket(base) {
  const seen = { messages: [], opens: [], closes: [] };
  globalThis.seen = seen;
  let epoch, last;
  const connect = () => {
    const socket = new WebSocket(`${base}/ws?events=numbered${last === undefined ? '' : `&since=${epoch}-${last}`}`);
    globalThis.leave = () => {
      globalThis.leave = null;
      socket.close(1000, 'done');
    };
    socket.onopen = () => seen.opens.push(socket.extensions);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      seen.messages.push(message);
      if (message.event === 'connected') {
        epoch = message.data.epoch;
        last ??= message.data.head;
      }
      if (message.event === 'position') last = message.data.head;
      last = message.id ?? last;
    };
    socket.onclose = ({ code, wasClean }) => {
      seen.closes.push({ code, wasClean });
      if (globalThis.leave) setTimeout(connect, 100);
    };
  };
  connect();
}

function watchByEventSource(base) {
  const seen = { messages: [], opens: [], closes: [] };
  globalThis.seen = seen;
  const connect = (lastId) => {
    const source = new EventSource(`${base}/events?events=numbered${lastId ? `&since=${lastId}` : ''}`);
    globalThis.leave = () => source.close();
    source.onopen = () => seen.opens.push('');
    source.onmessage = ({ data, lastEventId }) => {
      seen.messages.push(JSON.parse(data));
      lastId = lastEventId;
    };
    source.onerror = () => {
      seen.closes.push({ code: source.readyState });
      // It comes back by itself, unless it was refused: nginx answers 502 as long as belfry-pushd is not there.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 100, lastId);
    };
  };
  connect();
}

/** A page on which nothing of ours runs but what is told here. */
class Viewing {
  constructor(prefix, watch, scheme) {
    Object.assign(this, { prefix, watch, scheme });
  }

  async open() {
    Object.assign(this, await openPage(browser));
    // The console reports each connection that breaks off or is refused while belfry-pushd is away.
    this.allow(/WebSocket connection to .* failed/, /status of 502/, /net::ERR_/);
    await this.page.goto(`${belfry.url}${this.prefix}/login`);
    const status = await this.page.evaluate(
      async ([url, key]) => (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key }) })).status,
      [`${this.prefix}/api/login`, viewer],
    );
    assert.equal(status, 200, 'signed in');
    await this.page.evaluate(this.watch, `${this.scheme}://127.0.0.1:${belfry.port}${this.prefix}`);
  }

  seen() {
    return this.page.evaluate(() => globalThis.seen);
  }

  async numbers() {
    return (await this.seen()).messages.filter(({ event }) => event === 'numbered').map(({ data }) => data.n);
  }

  /** Waits for all that was posted. Returns: what the page has seen. */
  async check() {
    await belfry.until(async () => (await this.numbers()).length >= posted, `the page has seen ${posted} events`);
    assert.deepEqual(await this.numbers(), Array.from({ length: posted }, (_, n) => n), 'every event, once, in order');
    return this.seen();
  }
}

const viewings = {
  'WebSocket at /': new Viewing('', watchByWebSocket, 'ws'),
  'WebSocket at /monitor/': new Viewing('/monitor', watchByWebSocket, 'ws'),
  'EventSource at /': new Viewing('', watchByEventSource, 'http'),
  'EventSource at /monitor/': new Viewing('/monitor', watchByEventSource, 'http'),
};
const all = Object.values(viewings);
const each = (what, check) => {
  for (const [name, viewing] of Object.entries(viewings)) test(`Chromium's ${name} ${what}`, () => check(viewing));
};

let posted = 0;
async function post(count) {
  for (const end = posted + count; posted < end; )
    await belfry.deliver(Array.from({ length: 10 }, () => ({ event: 'numbered', event_id: `numbered-${posted}`, data: { n: posted++, text: 'again and '.repeat(100) } })));
}

describe('a page that is signed in', () => {
  each('is let in with its cookie', async (viewing) => {
    await belfry.until(async () => (await viewing.seen()).messages.length > 0, 'the first message');
    const [{ event, data }] = (await viewing.seen()).messages;
    assert.equal(event, 'connected');
    assert.equal(data.role, 'viewer');
    if (viewing.scheme === 'ws') assert.match((await viewing.seen()).opens[0], /^permessage-deflate/, 'compression is agreed on');
  });
});

describe('events are posted', () => {
  before(() => post(100));
  each('shows each of them once, in order', (viewing) => viewing.check());
});

describe('belfry-pushd pings', () => {
  before(async () => {
    // One that does not answer is closed. The pages have been asked as often by then.
    const mute = await RawWs.open({ host: '127.0.0.1', port: belfry.port }, { target: '/ws?events=none', headers: { Authorization: `Bearer ${viewer}` } });
    await mute.until(() => mute.closed, 'the end of a client that answers no ping');
    assert.equal(mute.closed.code, 1001);
    mute.destroy();
    await post(10);
  });
  each('is still connected', async (viewing) => {
    const { opens, closes } = await viewing.check();
    assert.deepEqual(closes, [], 'it never lost the connection');
    assert.equal(opens.length, 1);
  });
});

describe('belfry-pushd is killed while events come', () => {
  before(async () => {
    const before = posted;
    const posting = post(200);
    await belfry.until(
      async () => (await Promise.all(all.map((viewing) => viewing.numbers()))).every(({ length }) => length > before + 20),
      'every page has seen some of them',
    );
    await belfry.kill('belfry-pushd');
    await posting;
    await post(50);
    belfry.startProgram('belfry-pushd');
    await post(50);
  });
  each('comes back, and has missed nothing and seen nothing twice', async (viewing) => {
    const { messages, opens } = await viewing.check();
    const welcomes = messages.filter(({ event }) => event === 'connected').map(({ data }) => data);
    assert.ok(opens.length > 1 && welcomes.length > 1, 'it came back');
    assert.deepEqual(welcomes.filter(({ complete }) => !complete), [], 'it was told that nothing is missing');
  });
});

describe('the page closes the connection', () => {
  each('closes cleanly', async (viewing) => {
    const { closes } = await viewing.seen();
    await viewing.page.evaluate(() => globalThis.leave());
    if (viewing.scheme === 'ws') {
      await belfry.until(async () => (await viewing.seen()).closes.length > closes.length, 'the socket is closed');
      assert.deepEqual((await viewing.seen()).closes.at(-1), { code: 1000, wasClean: true });
    }
    viewing.assertQuiet();
  });
  test('belfry-pushd knows that all are gone', async () => {
    await belfry.until(async () => (await belfry.get('/health')).json.connected_clients === 0, 'no client is left');
  });
});
