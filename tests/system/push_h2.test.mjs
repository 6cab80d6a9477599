/*
 * Push over HTTP/2: belfry-pushd spoken to directly (h2c) on its unix socket and on its TCP port, and behind nghttpx.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { H2, head } from './h2_client.mjs';
import { EventStream, freePort, start } from './harness.mjs';
import { binary, close, ping, text } from './raw_ws.mjs';

let belfry, viewer, port;
before(async () => {
  port = await freePort();
  belfry = await start({
    conf: { logs: [], watch: { host_interval: '1h', interval: '1h' }, push: { listen: `127.0.0.1:${port}` } },
  });
  viewer = await belfry.makeKey('viewer');
});
after(() => belfry?.stop());

const emit = (events) => belfry.deliver(events);
const batch = (event, count, from = 0, pad = '') =>
  Array.from({ length: count }, (_, n) => ({ event, source: 'test', data: { n: from + n, pad } }));
const numbers = (client, event) => client.events.filter((one) => one.event === event).map((one) => one.data.n);
const counted = (count, from = 0) => Array.from({ length: count }, (_, n) => from + n);

for (const where of ['push.sock', 'push.listen'])
  describe(`at ${where}`, () => {
    let connection;
    before(async () => {
      connection = await H2.connect(belfry, where === 'push.sock' ? {} : { port });
    });
    after(() => connection.terminate());

    test('the settings allow extended CONNECT and bound what a peer may do', () => {
      const { enableConnectProtocol, maxConcurrentStreams, maxHeaderListSize, initialWindowSize } = connection.session.remoteSettings;
      assert.equal(enableConnectProtocol, true);
      assert.equal(maxConcurrentStreams, 1000);
      assert.equal(maxHeaderListSize, 16384);
      assert.ok(initialWindowSize <= 65536);
    });

    for (const [kind, path, open] of [
      ['WebSocket', '/ws', (...args) => connection.ws(...args)],
      ['SSE', '/events', (...args) => connection.sse(...args)],
    ])
      describe(kind, () => {
        test('begins with connected; events come live and in order', async () => {
          const client = open(path, { key: viewer });
          const hello = await client.next(() => true);
          assert.equal(hello.event, 'connected');
          assert.equal(hello.data.role, 'viewer');
          assert.ok(client.headers['x-request-id']);
          await emit(batch('h2_one', 200));
          await client.next((message) => message.event === 'h2_one' && message.data.n === 199);
          assert.deepEqual(numbers(client, 'h2_one'), counted(200));
          client.terminate();
        });

        test('since goes on without a seam', async () => {
          const { first_id: first } = await emit(batch('h2_seam', 300));
          const client = open(`${path}?events=h2_seam&since=${first + 99}`);
          await emit(batch('h2_seam', 100, 300));
          await client.next((message) => message.event === 'h2_seam' && message.data.n === 399);
          assert.deepEqual(numbers(client, 'h2_seam'), counted(300, 100));
          assert.equal(client.messages[0].data.complete, true);
          client.terminate();
        });

        test('who may not listen is told why', async () => {
          for (const [options, status] of [
            [{ key: null }, 401],
            [{ key: 'rubbish' }, 401],
            [{ key: await belfry.makeKey('scrape') }, 403],
            [{ headers: { origin: 'https://evil.example' } }, 403],
          ]) {
            const client = open(path, options);
            await client.end();
            assert.equal(client.status, status, client.closed.reason);
            assert.match(client.headers['content-type'], /problem\+json/);
            assert.equal(JSON.parse(client.text).status, status);
          }
        });

        test('a page of the same site may; the site is :authority', async () => {
          const client = open(path, { headers: { origin: 'http://belfry.example:8080', ':authority': 'belfry.example:8080' } });
          await client.next('connected');
          client.terminate();
        });
      });

    test('Last-Event-ID resumes', async () => {
      const first = connection.sse('/events?events=h2_resume');
      await first.next('connected');
      await emit(batch('h2_resume', 10));
      await first.next((message) => message.data.n === 9);
      const id = first.ids[5];
      first.terminate();
      const second = connection.sse('/events?events=h2_resume', { headers: { 'last-event-id': id } });
      await second.next((message) => message.data.n === 9);
      assert.deepEqual(numbers(second, 'h2_resume'), counted(5, 5));
      second.terminate();
    });

    test('a cookie that HTTP/2 has split is one again', async () => {
      const { headers } = await belfry.post('/api/login', { key: viewer });
      const session = headers['set-cookie'][0].split(';')[0];
      const client = connection.ws('/ws', { key: null, headers: { cookie: ['a=b', session, 'c=d'] } });
      await client.next('connected');
      client.terminate();
    });

    test('commands, pings and the close work as on a connection of its own', async () => {
      const client = connection.ws('/ws');
      await client.next('connected');
      client.send('ping', { at: 1 });
      assert.deepEqual((await client.next('pong')).data, { at: 1 });
      client.send('subscribe', { events: ['h2_chosen'], batch: true });
      await client.next('subscribed');
      await emit([...batch('h2_other', 3), ...batch('h2_chosen', 50)]);
      await client.next((message) => message.event === 'h2_chosen' && message.data.n === 49);
      assert.deepEqual(client.events.map((event) => event.event), Array(50).fill('h2_chosen'));
      client.shut(1000);
      assert.equal((await client.end()).code, 1000);
      await belfry.until(() => client.stream.closed, 'the stream is closed');
      assert.equal(client.stream.rstCode, 0);
    });

    test('what a client may not send ends its stream with the code of RFC 6455, and no other stream', async () => {
      const other = connection.ws('/ws?events=h2_still');
      await other.next('connected');
      for (const [bytes, code] of [
        [binary('x').bytes, 1003],
        [text(Buffer.from([0xff])).bytes, 1007],
        [text('x'.repeat(65537)).bytes, 1009],
        [ping('', { rsv: 1 }).bytes, 1002],
        [text('{}', { mask: null }).bytes, 1002],
      ]) {
        const client = connection.ws('/ws');
        await client.next('connected');
        client.sendRaw(bytes);
        assert.equal((await client.end()).code, code);
      }
      await emit(batch('h2_still', 1));
      await other.next('h2_still');
      other.terminate();
    });

    test('messages are compressed for those who offer it', async () => {
      const plain = connection.ws('/ws?events=h2_large');
      const client = connection.ws('/ws?events=h2_large', { deflate: true });
      await Promise.all([plain, client].map((one) => one.next('connected')));
      assert.match(client.headers['sec-websocket-extensions'], /^permessage-deflate/);
      await emit(batch('h2_large', 20, 0, 'y'.repeat(2000)));
      await Promise.all([plain, client].map((one) => one.next((message) => message.event === 'h2_large' && message.data.n === 19)));
      assert.deepEqual(numbers(client, 'h2_large'), counted(20));
      assert.ok(client.bytes < plain.bytes / 4, `${client.bytes} bytes instead of ${plain.bytes}`);
      plain.terminate();
      client.terminate();
    });

    test('a message that is longer than the window comes through', async () => {
      const client = connection.ws('/ws');
      await client.next('connected');
      client.send('ping', 'x'.repeat(60000));
      assert.equal((await client.next('pong')).data.length, 60000);
      client.sendRaw(close(1000).bytes);
      await client.end();
    });

    test('other requests are refused as over HTTP/1.1', async () => {
      const key = { authorization: `Bearer ${viewer}` };
      const answers = [
        [{ ':path': '/nowhere', ...key }, 404],
        [{ ':method': 'POST', ':path': '/events', ...key }, 405],
        [{ ':method': 'DELETE', ':path': '/ws', ...key }, 405],
        [{ ':path': '/ws', ...key }, 426],
        [{ ':path': '/events?since=x', ...key }, 400],
        [{ ':path': '/events', accept: 'text/html', ...key }, 406],
        [{ ':path': '/events', 'x-long': 'x'.repeat(17000), ...key }, 431],
        [{ ':path': '/events', ...Object.fromEntries(counted(101).map((n) => [`x-${n}`, 'y'])), ...key }, 431],
        [{ ':method': 'CONNECT', ':authority': 'example.com:80' }, 501],
        [{ ':method': 'CONNECT', ':protocol': 'connect-udp', ':scheme': 'http', ':path': '/ws', ':authority': 'x', ...key }, 501],
        [{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/ws', ':authority': 'x', ...key }, 426],
      ];
      for (const [headers, status] of answers) {
        const answer = await connection.request(headers);
        assert.equal(answer.status, status, `${JSON.stringify(headers).slice(0, 200)}: ${answer.text} ${answer.error}`);
        expect.problem(answer, status);
        assert.equal(answer.headers.upgrade, undefined);
      }
      const withHead = await connection.request({ ':method': 'HEAD', ':path': '/events', ...key });
      assert.equal(withHead.status, 405);
      assert.equal(withHead.text, '');
      const options = await connection.request({ ':method': 'OPTIONS', ':path': '/events' });
      assert.equal(options.status, 204);
      assert.equal(options.headers.allow, 'GET, OPTIONS');
    });

    test('a request with a body is refused without the body being waited for', async () => {
      const answer = await connection.request(head(connection, 'GET', '/events', { headers: { 'content-length': '5' } }), 'hello');
      expect.problem(answer, 400);
    });
  });

test('curl reads an event stream over HTTP/2', async () => {
  const curl = spawn('setpriv', [
    '--pdeathsig', 'KILL', 'curl', '-sNi', '--http2-prior-knowledge', '-H', `Authorization: Bearer ${viewer}`,
    '--unix-socket', `${belfry.dir}/run/push.sock`, 'http://localhost/events?events=h2_curl',
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  curl.stdout.setEncoding('utf8').on('data', (part) => (output += part));
  await belfry.until(() => output.includes('"connected"'), () => `connected: ${output}`);
  assert.match(output, /^HTTP\/2 200/);
  await emit(batch('h2_curl', 1));
  await belfry.until(() => output.includes('"h2_curl"'), () => `the event: ${output}`);
  curl.kill();
});

describe('behind nghttpx', () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy?.stop());

  /** Many clients, each a connection of its own to the proxy. */
  const kinds = [
    ['WebSocket over HTTP/1.1', (target) => proxy.ws(target)],
    ['SSE over HTTP/1.1', (target) => proxy.sse(target.replace('/ws', '/events'))],
    ['WebSocket over HTTP/2', async (target) => (await proxy.h2()).ws(target)],
    ['SSE over HTTP/2', async (target) => (await proxy.h2()).sse(target.replace('/ws', '/events'))],
  ];
  for (const [kind, open] of kinds)
    test(`${kind}: events come live and in order, resume goes on, few connections carry many clients`, async () => {
      const type = `proxied_${kinds.findIndex(([name]) => name === kind)}`;
      const { first_id: first } = await emit(batch(type, 20));
      const clients = await Promise.all(counted(40).map(() => open(`/ws?events=${type}&since=${first + 9}`)));
      await Promise.all(clients.map((client) => client.next('connected')));
      for (let from = 20; from < 60; from += 10) await emit(batch(type, 10, from));
      for (const client of clients) {
        await client.next((message) => message.event === type && message.data.n === 59);
        assert.deepEqual(numbers(client, type), counted(50, 10));
      }
      const { clients: count, connections } = await belfry.until(async () => {
        const figures = await overHttp2();
        return figures.clients >= 40 && figures;
      }, 'belfry-pushd tells of 40 clients over HTTP/2');
      assert.ok(connections >= 1 && connections <= 4, `${connections} connections carry ${count} clients`);
      for (const client of clients) client.terminate();
    });

  test('what is not push goes to nginx; /ws/dashboard goes to belfry-pushd', async () => {
    assert.equal((await proxy.get('/health')).status, 200);
    const client = proxy.ws('/ws/dashboard');
    await client.next('metrics_update');
    client.terminate();
  });

  test('a page of the proxy may connect, one of another site may not', async () => {
    const own = proxy.ws('/ws', { headers: { origin: `http://127.0.0.1:${proxy.port}` } });
    await own.next('connected');
    own.terminate();
    const foreign = proxy.ws('/ws', { headers: { origin: 'http://127.0.0.1:1' } });
    await foreign.end();
    assert.equal(foreign.status, 403);
  });

  test('commands and the close cross the proxy', async () => {
    const client = proxy.ws('/ws');
    await client.next('connected');
    client.send('ping', [1, 2]);
    assert.deepEqual((await client.next('pong')).data, [1, 2]);
    client.sendRaw(Buffer.from('x'));
    assert.equal((await client.end()).code, 1003);
  });

  test('a refusal crosses the proxy', async () => {
    for (const open of [(options) => proxy.ws('/ws', options), (options) => proxy.sse('/events', options)]) {
      const client = open({ key: null });
      await client.end();
      assert.equal(client.status, 401, JSON.stringify(client.closed));
      assert.match(client.headers['content-type'], /problem\+json/);
    }
  });
});

test('a restart tells every stream, says goodbye to the connection, and nothing is lost', async () => {
  const connection = await H2.connect(belfry);
  const clients = [...counted(20).map(() => connection.ws('/ws?events=h2_restart')), ...counted(20).map(() => connection.sse('/events?events=h2_restart'))];
  await Promise.all(clients.map((client) => client.next('connected')));
  const { last_id: before } = await emit(batch('h2_restart', 5));
  await Promise.all(clients.map((client) => client.next((message) => message.id === before)));
  await belfry.restart('belfry-pushd');
  for (const client of clients) {
    const closing = await client.next('closing');
    assert.equal(closing.data.reason, 'restart');
    assert.ok(closing.data.retry_after_ms > 0);
    await client.end();
    await belfry.until(() => client.stream.closed, 'the stream is closed');
    assert.equal(client.stream.rstCode, 0, 'it ended in order');
    if (client instanceof EventStream) assert.equal(client.ended, true);
    else assert.equal(client.closed.code, 1012);
  }
  await belfry.until(() => connection.session.closed, 'the connection is closed');
  assert.deepEqual([...new Set(connection.goaways)], [0]);
  assert.equal(connection.error, undefined);
  connection.terminate();
  await emit(batch('h2_restart', 5, 5));
  const [again, resumed] = await belfry.until(async () => {
    const session = await H2.connect(belfry);
    const client = session.sse(`/events?events=h2_restart&since=${before}`);
    await belfry.until(() => client.closed || client.messages.length > 0, 'an answer');
    return client.messages.length > 0 && [session, client];
  }, 'belfry-pushd is there again');
  await resumed.next((message) => message.data.n === 9);
  assert.deepEqual(numbers(resumed, 'h2_restart'), counted(5, 5));
  again.terminate();
});

/** As belfry-pushd tells of itself once a second. */
async function overHttp2() {
  const { text: metrics } = await belfry.get('/metrics', { key: belfry.adminKey });
  return {
    clients: Number(metrics.match(/^belfry_push_protocol_clients{protocol="http2"} (\d+)$/m)?.[1]),
    connections: Number(metrics.match(/^belfry_push_http2_connections (\d+)$/m)?.[1]),
  };
}

/** nghttpx before belfry-pushd and nginx, as README shows it, but without TLS. */
async function startProxy() {
  const proxyPort = await freePort();
  const child = spawn('setpriv', [
    '--pdeathsig', 'KILL', 'nghttpx', '--conf=/dev/null', '--workers=1', '--no-ocsp',
    `--frontend=127.0.0.1,${proxyPort};no-tls`,
    `--backend=unix:${belfry.dir}/run/push.sock;/ws:/ws/dashboard:/events;proto=h2`,
    `--backend=127.0.0.1,${belfry.port}`, '--add-x-forwarded-for', '--strip-incoming-x-forwarded-for',
    '--accesslog-file=/dev/null', `--errorlog-file=${belfry.dir}/log/nghttpx.out`,
  ], { stdio: 'ignore' });
  const gone = once(child, 'exit');
  const proxy = Object.create(belfry, { port: { value: proxyPort } });
  const connections = [];
  proxy.h2 = async () => {
    const connection = await H2.connect(belfry, { port: proxyPort });
    connections.push(connection);
    return connection;
  };
  proxy.pid = child.pid;
  proxy.stop = async () => {
    for (const connection of connections) connection.terminate();
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  };
  await belfry.until(async () => {
    const client = proxy.ws('/ws');
    await belfry.until(() => client.closed || client.messages.length > 0, 'an answer of the proxy');
    client.terminate();
    return client.messages.length > 0;
  }, 'nghttpx and belfry-pushd talk to each other');
  return proxy;
}
