/*
 * Push: WebSocket at /ws and /ws/dashboard, Server-Sent Events at /events, through nginx.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';

let belfry, viewer;
before(async () => {
  belfry = await start({ conf: { logs: [], watch: { host_interval: '1h', interval: '1h' } } });
  viewer = await belfry.makeKey('viewer');
});
after(() => belfry?.stop());

const emit = (events) => belfry.deliver(events);
const batch = (event, count) => Array.from({ length: count }, (_, n) => ({ event, source: 'test', data: { n } }));
const numbers = (client, event) => client.events.filter((one) => one.event === event).map((one) => one.data.n);
const counted = (count) => Array.from({ length: count }, (_, n) => n);

/** Both ways in, which promise the same. */
const kinds = [
  ['WebSocket', (query = '', options) => belfry.ws(`/ws${query}`, options)],
  ['SSE', (query = '', options) => belfry.sse(`/events${query}`, options)],
];

for (const [kind, open] of kinds)
  describe(kind, () => {
    test('begins with connected, which says where things stand', async () => {
      const client = open('', { key: viewer });
      const hello = await client.next(() => true);
      assert.equal(hello.event, 'connected');
      for (const member of ['client_id', 'version', 'server_time', 'epoch', 'oldest', 'head', 'resumed_from', 'complete', 'role', 'interval', 'limits'])
        assert.ok(member in hello.data, member);
      assert.equal(hello.data.role, 'viewer');
      assert.equal(hello.data.complete, true);
      client.terminate();
    });

    test('events arrive by themselves, in order, as the API shows them', async () => {
      const client = open();
      await client.next('connected');
      const { first_id: id } = await emit(batch('live_one', 200));
      await client.next((message) => message.event === 'live_one' && message.data.n === 199);
      assert.deepEqual(numbers(client, 'live_one'), counted(200));
      const { json } = await belfry.get(`/api/events/${id}`, { key: viewer });
      const { received: stored, ...rest } = json;
      const { received: pushed, ...shown } = client.events.find((event) => event.id === id);
      assert.deepEqual(shown, rest);
      if (pushed !== undefined) assert.equal(pushed, stored);
      client.terminate();
    });

    test('log lines come only to those who ask', async () => {
      const without = open();
      const asked = open('?events=log');
      await Promise.all([without.next('connected'), asked.next('connected')]);
      await emit([{ event: 'log', data: { message: 'm' } }, { event: 'after_log' }]);
      await asked.next('log');
      await without.next('after_log');
      assert.equal(without.messages.some((message) => message.event === 'log'), false);
      assert.equal(asked.messages.some((message) => message.event === 'after_log'), false);
      without.terminate();
      asked.terminate();
    });

    test('events, sources and min_severity choose', async () => {
      const client = open('?events=chosen.*&sources=ea*&min_severity=warning');
      await client.next('connected');
      await emit([
        { event: 'chosen.a', source: 'east', severity: 'error' },
        { event: 'other', source: 'east', severity: 'error' },
        { event: 'chosen.b', source: 'west', severity: 'error' },
        { event: 'chosen.c', source: 'east', severity: 'info' },
        { event: 'chosen.d', source: 'east', severity: 'warning' },
      ]);
      await client.next('chosen.d');
      assert.deepEqual(client.events.map((event) => event.event), ['chosen.a', 'chosen.d']);
      client.terminate();
    });

    test('last replays the most recent, oldest of them first', async () => {
      const { last_id: newest } = await emit(batch('recent', 30));
      // What counts as recent is what has come as far as belfry-pushd.
      const probe = open(`?events=recent&last=1`);
      await probe.next((message) => message.id === newest);
      probe.terminate();
      const client = open('?events=recent&last=10');
      await client.next((message) => message.event === 'recent' && message.data.n === 29);
      assert.deepEqual(numbers(client, 'recent'), counted(30).slice(20));
      client.terminate();
    });

    test('since replays what came after it and goes on without a seam', async () => {
      const { first_id: first } = await emit(batch('seam', 500));
      const client = open(`?events=seam&since=${first + 99}`);
      await emit(batch('seam_more', 1));
      const more = batch('seam', 600).slice(500);
      await emit(more);
      await client.next((message) => message.event === 'seam' && message.data.n === 599);
      assert.deepEqual(numbers(client, 'seam'), counted(600).slice(100));
      const hello = client.messages[0];
      assert.equal(hello.data.resumed_from, first + 99);
      assert.equal(hello.data.complete, true);
      client.terminate();
    });

    test('since with the epoch is complete; of another history, or beyond the head, it is not', async () => {
      const probe = open();
      const { epoch, head } = (await probe.next('connected')).data;
      probe.terminate();
      for (const [since, complete] of [
        [`${epoch}-${head}`, true],
        [`${epoch.slice(0, -1)}${epoch.endsWith('0') ? '1' : '0'}-${head}`, false],
        [`${head + 1_000_000}`, false],
      ]) {
        const client = open(`?since=${since}`);
        assert.equal((await client.next('connected')).data.complete, complete, since);
        client.terminate();
      }
    });

    test('who may not listen is refused at the handshake', async () => {
      for (const [options, status] of [
        [{ key: null }, 401],
        [{ key: 'rubbish' }, 401],
        [{ key: `bfy_aaaaaaaaaaaa_${'b'.repeat(43)}` }, 401],
        [{ key: await belfry.makeKey('scrape') }, 403],
        [{ key: null, headers: { cookie: `belfry-test=${'x'.repeat(43)}` } }, 401],
      ]) {
        const client = open('', options);
        await client.end();
        assert.equal(client.status, status, JSON.stringify(client.closed));
        assert.match(client.headers['content-type'], /problem\+json/);
      }
    });

    test('a page of another site is refused, our own is not', async () => {
      for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${belfry.port + 1}`]) {
        const client = open('', { headers: { origin } });
        await client.end();
        assert.equal(client.status, 403, origin);
      }
      const client = open('', { headers: { origin: belfry.url } });
      await client.next('connected');
      client.terminate();
    });

    test('a cookie is a credential', async () => {
      const { headers } = await belfry.post('/api/login', { key: viewer });
      const client = open('', { key: null, headers: { cookie: headers['set-cookie'][0].split(';')[0], origin: belfry.url } });
      assert.equal((await client.next('connected')).data.role, 'viewer');
      client.terminate();
    });

    for (const query of ['?min_severity=loud', '?since=xyz', '?last=5000', '?last=-1', '?interval=99', '?interval=x'])
      test(`${query} is refused and named`, async () => {
        const client = open(query);
        await client.end();
        assert.equal(client.status, 400, JSON.stringify(client.closed));
        assert.match(client.text, new RegExp(query.slice(1).split('=')[0]));
      });
  });

describe('WebSocket commands', () => {
  test('subscribe replaces the subscription and says how it stands', async () => {
    const client = belfry.ws();
    await client.next('connected');
    client.send('subscribe', { events: ['wanted.*'], min_severity: 'info' });
    const answer = await client.next('subscribed');
    assert.deepEqual(answer.data.events, ['wanted.*']);
    await emit([{ event: 'unwanted' }, { event: 'wanted.one' }]);
    await client.next('wanted.one');
    assert.equal(client.messages.some((message) => message.event === 'unwanted'), false);
    client.send('unsubscribe');
    await client.next('unsubscribed');
    await emit([{ event: 'wanted.two' }]);
    client.send('ping', { n: 1 });
    await client.next('pong');
    assert.equal(client.messages.some((message) => message.event === 'wanted.two'), false);
    client.terminate();
  });

  test('subscribe with since replays', async () => {
    const { first_id: first } = await emit(batch('again', 20));
    const client = belfry.ws('/ws?events=nothing_at_all');
    await client.next('connected');
    client.send('subscribe', { events: ['again'], since: first + 9 });
    await client.next((message) => message.event === 'again' && message.data.n === 19);
    assert.deepEqual(numbers(client, 'again'), counted(20).slice(10));
    client.terminate();
  });

  test('an empty subscribe is everything with metrics', async () => {
    const client = belfry.ws();
    await client.next('connected');
    client.send('subscribe');
    const answer = await client.next('subscribed');
    assert.equal(answer.data.metrics, true);
    client.terminate();
  });

  test('get_state and request_refresh answer with the snapshot', async () => {
    const client = belfry.ws();
    await client.next('connected');
    client.send('get_state');
    const state = await client.next('state');
    for (const member of ['metrics', 'active_agents', 'connected_clients', 'services', 'host', 'sessions'])
      assert.ok(member in state.data, member);
    assert.ok('total_events' in state.data.metrics);
    client.send('request_refresh');
    const update = await client.next('metrics_update');
    assert.ok('total_events' in update.data.metrics);
    client.terminate();
  });

  test('/ws/dashboard starts with metrics; they come when something changed', async () => {
    const client = belfry.ws('/ws/dashboard?interval=1');
    const one = await client.next('metrics_update');
    const from = client.messages.length;
    await emit({ event: 'change' });
    const two = await client.next('metrics_update', { from });
    assert.ok(two.data.metrics.total_events > one.data.metrics.total_events);
    client.terminate();
  });

  test('set_interval takes 1 to 60', async () => {
    const client = belfry.ws();
    await client.next('connected');
    client.send('set_interval', { interval: 7 });
    assert.equal((await client.next('interval_set')).data.interval, 7);
    for (const interval of [0, 61, -1, 'x', 1e9, null]) {
      const from = client.messages.length;
      client.send('set_interval', { interval });
      const answer = await client.next('error', { from });
      assert.equal(answer.data.code, 'bad_argument', String(interval));
      assert.equal(answer.data.in_reply_to, 'set_interval');
    }
    client.terminate();
  });

  test('ping brings back its data', async () => {
    const client = belfry.ws();
    await client.next('connected');
    for (const data of [{ t: 1.5, s: 'ü' }, [1, [2]], 'text', 5, null, true]) {
      const from = client.messages.length;
      client.send('ping', data);
      assert.deepEqual((await client.next('pong', { from })).data, data);
    }
    client.terminate();
  });

  test('bad commands get an error and the connection stays', async () => {
    const client = belfry.ws();
    await client.next('connected');
    for (const [text, code] of [
      ['not json', 'bad_json'],
      ['{"event":"subscribe","data":', 'bad_json'],
      ['[]', 'bad_json|unknown_event|bad_argument'],
      ['5', 'bad_json|unknown_event|bad_argument'],
      ['{"event":"dance"}', 'unknown_event'],
      ['{"data":{}}', 'unknown_event|bad_argument|bad_json'],
      ['{"event":"subscribe","data":{"events":5}}', 'bad_argument'],
      ['{"event":"subscribe","data":{"min_severity":"loud"}}', 'bad_argument'],
      ['{"event":"subscribe","data":[]}', 'bad_argument'],
    ]) {
      const from = client.messages.length;
      client.sendRaw(text);
      const answer = await client.next('error', { from });
      assert.match(answer.data.code, new RegExp(`^(${code})$`), text);
      assert.equal(typeof answer.data.message, 'string');
    }
    client.send('ping', 'alive');
    await client.next('pong');
    client.terminate();
  });

  for (const [what, code, send] of [
    ['a message over 64 KiB', 1009, (client) => client.sendRaw('x'.repeat(70_000))],
    ['binary', 1003, (client) => client.sendRaw(Buffer.from([1, 2, 3]))],
    ['invalid UTF-8', 1007, (client) => client.sendRaw(Buffer.from([0xc3, 0x28]), { binary: false })],
    ['an unmasked frame', 1002, (client) => client.socket._socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69]))],
    ['a reserved opcode', 1002, (client) => client.socket._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))],
  ])
    test(`${what} closes ${code}`, async () => {
      const client = belfry.ws('/ws', { perMessageDeflate: false });
      await client.next('connected');
      send(client);
      assert.equal((await client.end()).code, code);
    });

  test('too many commands get rate_limited, far too many are closed', async () => {
    const client = belfry.ws();
    await client.next('connected');
    for (let n = 0; n < 80; n++) client.send('ping', n);
    const answer = await client.next((message) => message.event === 'error');
    assert.equal(answer.data.code, 'rate_limited');
    const flood = setInterval(() => {
      for (let n = 0; n < 200 && client.socket.readyState === 1; n++) client.send('ping', n);
    }, 20);
    try {
      assert.equal((await client.end()).code, 1008);
    } finally {
      clearInterval(flood);
    }
  });

  test('compression, where it is agreed on, is without context takeover', async () => {
    const client = belfry.ws();
    await client.next('connected');
    const extensions = client.upgrade.headers['sec-websocket-extensions'];
    if (extensions) assert.match(extensions, /^permessage-deflate.*server_no_context_takeover/);
    await emit({ event: 'long_one', data: { text: 'again and '.repeat(2000) } });
    assert.equal((await client.next('long_one')).data.text.length, 20_000);
    client.terminate();
  });

  test('a plain request to /ws is told to upgrade', async () => {
    const answer = await belfry.get('/ws', { key: viewer });
    expect.problem(answer, [400, 426]);
  });

  test('an expired or deleted key ends the connection', async () => {
    const made = (await belfry.post('/api/keys', { name: 'brief', role: 'viewer', expires_in: 2 }, { key: belfry.adminKey })).json;
    const client = belfry.ws('/ws', { key: made.key });
    await client.next('connected');
    assert.equal((await client.end()).code, 4401);
  });
});

describe('SSE', () => {
  test('is a stream that proxies do not hold back', async () => {
    const client = belfry.sse();
    await client.next('connected');
    assert.match(client.headers['content-type'], /^text\/event-stream/);
    assert.match(client.headers['cache-control'], /no-cache|no-store/);
    assert.equal(client.headers['content-encoding'], undefined);
    client.terminate();
  });

  test('ids resume it, in the query and as Last-Event-ID', async () => {
    const client = belfry.sse('/events?events=resume');
    await client.next('connected');
    await emit(batch('resume', 10));
    await client.next((message) => message.data?.n === 4);
    const at = client.messages.findIndex((message) => message.data?.n === 4);
    const id = client.ids[at];
    assert.ok(id, 'an id');
    client.terminate();
    await emit([{ event: 'resume', data: { n: 10 } }]);
    for (const again of [
      belfry.sse('/events?events=resume', { headers: { 'last-event-id': id } }),
      belfry.sse(`/events?events=resume&since=${id}`),
    ]) {
      await again.next((message) => message.data?.n === 10);
      assert.deepEqual(numbers(again, 'resume'), [5, 6, 7, 8, 9, 10]);
      assert.equal(again.messages[0].data.complete, true);
      again.terminate();
    }
  });

  test('POST is 405', async () => {
    const answer = await belfry.request('POST', '/events', { key: belfry.adminKey });
    expect.problem(answer, 405);
    assert.match(answer.headers.allow, /GET/);
  });
});

test('two hundred viewers all see everything in order', async () => {
  const clients = Array.from({ length: 200 }, (_, n) => kinds[n % 2][1]('?events=crowd'));
  await Promise.all(clients.map((client) => client.next('connected')));
  for (let n = 0; n < 20; n++) await emit(batch('crowd', 50).map((event) => ({ ...event, data: { n: n * 50 + event.data.n } })));
  await Promise.all(clients.map((client) => client.next((message) => message.data?.n === 999)));
  for (const client of clients) {
    assert.deepEqual(numbers(client, 'crowd'), counted(1000));
    client.terminate();
  }
});
