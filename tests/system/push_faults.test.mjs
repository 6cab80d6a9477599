/*
 * belfry-pushd and those who misbehave: readers that are slow or stop, peers that vanish, bytes that come one by one,
 * handshakes that never end, questions whose answers nobody reads. Each costs a bounded piece of memory and time, is
 * given up when it is dead, and harms nobody else.
 *
 * Runs by itself: it measures memory and times of hundreds of clients.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { H2 } from './h2_client.mjs';
import { freePort, programPath, start, until } from './harness.mjs';
import { Flow, Wire, frame, handshake, residentBytes } from './push_wire.mjs';

const quiet = { logs: [], watch: { host_interval: '1h', interval: '1h' } };
// What a sanitizer keeps of freed memory would hide what is kept by mistake.
const frugal = { 'belfry-pushd': { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1` } };
const pushd = 'belfry-pushd';
const sanitized = fs.readFileSync(programPath(pushd)).includes('__asan_init');

const all = (wires, ask) => Promise.all(wires.map(ask));
const passes = (ms) => {
  const end = performance.now() + ms;
  return until(() => performance.now() >= end, 'time passes');
};

/** One of each kind, reading as fast as it can. */
function crowd(belfry, query = '?events=flow') {
  return [
    new Wire(belfry, { target: `/ws${query}` }),
    new Wire(belfry, { target: `/events${query}` }),
    new Wire(belfry, { target: `/events${query}&named=1` }),
  ];
}

/** A WebSocket and an event stream that read so many bytes a second. */
async function slowReaders(belfry, bytesPerSecond) {
  const readers = ['/ws', '/events'].map((target) => new Wire(belfry, { target: `${target}?events=flow`, chunkBytes: 1024 }));
  await all(readers, (one) => one.open());
  for (const one of readers) one.pace(bytesPerSecond);
  return readers;
}

/** They are far behind; once they may read at full speed they get everything. */
async function checkSlow(readers, flow, from) {
  for (const one of readers) {
    assert.ok(!one.closed, `it is still connected (${one.code})`);
    assert.ok(one.ids.length > 0 && one.ids.at(-1) < flow.last, 'it reads, and is behind');
    one.pace(Infinity);
  }
  await all(readers, async (one) => {
    await one.upTo(flow.last);
    flow.check(one.ids, 'a slow reader', { after: from });
    assert.equal(one.told('gap'), undefined);
    one.terminate();
  });
}

/** How many connections belfry-pushd says it has. */
const connections = async (belfry) => (await belfry.get('/health')).json.connected_clients;

// A network of belfry-pushd's own can be taken away from its clients without a word.
const mayUnshare = process.getuid() === 0 && spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

describe('faults of clients', { concurrency: true }, () => {
  describe('with pings once a second', { concurrency: false }, () => {
    let belfry, flow, others;
    before(async () => {
      belfry = await start({ conf: { ...quiet, push: { ring_events: 256, ping_interval: '1s' } }, environment: frugal });
      flow = new Flow(belfry);
      others = crowd(belfry);
      await all(others, (one) => one.open());
    });
    after(() => belfry?.stop());

    const othersAreUnharmed = () =>
      all(others, async (one, n) => {
        await one.upTo(flow.last);
        flow.check(one.ids, `reader ${n} that is not slow`);
        assert.equal(one.told('gap'), undefined);
      });

    test('one that reads less than what comes is not taken for dead: it cannot answer a ping that it has not come to', async () => {
      const from = flow.last;
      const readers = await slowReaders(belfry, 32_768);
      await flow.post(3000, { bytes: 1000 });
      await othersAreUnharmed();
      const began = performance.now();
      await belfry.until(() => performance.now() - began > 6000, 'the time of several pings passes');
      await checkSlow(readers, flow, from);
    });

    test('many that stop for ever cost little, and are closed after unanswered pings', async () => {
      await belfry.until(async () => (await connections(belfry)) === others.length, 'only the others are there');
      const stopped = Array.from({ length: 200 }, (_, n) => new Wire(belfry, { target: `${n % 2 ? '/ws' : '/events'}?events=flow` }));
      await all(stopped, (one) => one.open());
      await belfry.until(async () => (await connections(belfry)) === others.length + stopped.length, 'they are counted');
      const before = residentBytes(belfry.pid(pushd));
      for (const one of stopped) one.pace(0);
      let most = 0;
      for (let n = 0; n < 5; n++) {
        await flow.post(1000, { bytes: 1000 });
        most = Math.max(most, residentBytes(belfry.pid(pushd)));
      }
      await othersAreUnharmed();
      assert.ok(most - before < 32 << 20, `${(most - before) >> 20} MiB for 200 readers of 5 MB each that do not read`);
      await belfry.until(async () => (await connections(belfry)) === others.length, 'they were given up');
      for (const one of stopped) one.terminate();
      await othersAreUnharmed();
    });

    test('they come back while no descriptors are left and historyd starts anew: nobody who is there loses anything', async () => {
      const pid = belfry.pid(pushd);
      const limit = (soft) => assert.equal(spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${soft}:`]).status, 0);
      limit(1);
      const waiting = crowd(belfry);
      try {
        await belfry.until(() => belfry.log(pushd).includes('no more connections can be accepted'), 'pushd says so');
        await flow.post(100);
        await belfry.restart('belfry-historyd');
        await passes(4000); // pushd wants to open a history anew that stands still
        await flow.post(100);
        await othersAreUnharmed();
        assert.equal(waiting.filter((one) => one.status).length, 0, 'the others wait');
      } finally {
        limit(20_000);
      }
      await all(waiting, (one) => one.open());
      await flow.post(1);
      await all(waiting, async (one) => {
        await one.upTo(flow.last);
        flow.check(one.ids, 'one that had to wait', { after: one.told('connected').head });
        one.terminate();
      });
      await othersAreUnharmed();
    });
  });

  describe('with the pings of every day', { concurrency: false }, () => {
    let belfry, flow, others;
    before(async () => {
      belfry = await start({ conf: { ...quiet, push: { ring_events: 1000 } } });
      flow = new Flow(belfry);
      others = crowd(belfry);
      await all(others, (one) => one.open());
    });
    after(() => belfry?.stop());

    test('those that read 1 KB a second keep their places, in the ring and then in the history, while thousands of events pass', async () => {
      const slow = await slowReaders(belfry, 1024);
      for (let n = 0; n < 10; n++) {
        const taken = slow.map((one) => one.bytes);
        await flow.post(500, { bytes: 1000 });
        await all(others, (one) => one.upTo(flow.last));
        await belfry.until(() => slow.every((one, n) => one.bytes > taken[n]), 'they read');
      }
      await checkSlow(slow, flow, 0);
      const stalled = await slowReaders(belfry, 1024);
      const from = flow.last;
      await flow.post(700, { bytes: 1000 });
      await all(stalled, (one) => one.until(() => one.ids.length > 0, 'it reads'));
      await checkSlow(stalled, flow, from);
      await all(others, async (one) => {
        await one.upTo(flow.last);
        flow.check(one.ids, 'one that is not slow');
      });
    });

    test('questions whose answers nobody reads: what waits is bounded, and nothing is lost when it is read', async (t) => {
      const asking = Array.from({ length: 100 }, () => new Wire(belfry, { target: '/ws?events=none' }));
      await all(asking, (one) => one.open());
      const before = residentBytes(belfry.pid(pushd));
      for (const one of asking) one.pace(0);
      const question = 'q'.repeat(60_000);
      let most = 0;
      for (let n = 0; n < 30; n++) {
        for (const one of asking) one.send('ping', question);
        await belfry.deliver([{ event: 'hello' }]);
        most = Math.max(most, residentBytes(belfry.pid(pushd)));
      }
      // Unbounded it would be 170 MiB; a sanitizer's memory is scattered.
      assert.ok(most - before < (sanitized ? 320 : 64) << 20, `${(most - before) >> 20} MiB for 100 who do not read their answers`);
      t.diagnostic(`${(most - before) >> 20} MiB`);
      assert.ok(asking.some((one) => one.socket.writableLength > question.length), 'they are not read from');
      for (const one of asking) one.pace(Infinity);
      await all(asking, (one) => one.until(() => one.messages.filter(({ event }) => event === 'pong').length === 30, 'all answers have come'));
      for (const one of asking) {
        assert.equal(one.told('error'), undefined);
        one.terminate();
      }
    });

    test('messages that never end cost what was sent of them, and are still bounded and answered', async () => {
      const senders = Array.from({ length: 200 }, () => new Wire(belfry, { target: '/ws?events=none' }));
      await all(senders, (one) => one.open());
      const before = residentBytes(belfry.pid(pushd));
      const start = '{"event":"ping","data":"';
      for (const one of senders) one.socket.write(frame(1, start + 'x'.repeat(50_000), { fin: false }));
      // An answer says that what came before the question was taken.
      await all(senders, async (one) => {
        one.socket.write(frame(9, 'taken'));
        await one.until(() => one.pongsTaken === 1, 'a pong amid the message');
      });
      const cost = residentBytes(belfry.pid(pushd)) - before;
      assert.ok(cost < (sanitized ? 128 : 48) << 20, `${cost >> 20} MiB for 200 messages of 50 KB`);
      for (const [n, one] of senders.entries()) one.socket.write(n % 2 ? frame(0, '"}') : frame(0, 'x'.repeat(20_000), { fin: false }));
      await all(senders, async (one, n) => {
        if (n % 2) {
          await one.until(() => one.told('pong'), 'the answer');
          assert.equal(one.told('pong').length, 50_000);
        } else {
          await belfry.until(() => one.closed, 'it is closed');
          assert.equal(one.code, 1009);
        }
        one.terminate();
      });
    });

    test('a stream that is not read keeps its place, and the others of its HTTP/2 connection go on', async () => {
      const connection = await H2.connect(belfry);
      connection.session.setLocalWindowSize(32 << 20); // that of the connection, for all of its streams
      const from = flow.last;
      const streams = Array.from({ length: 10 }, (_, n) => (n % 2 ? connection.ws('/ws?events=flow') : connection.sse('/events?events=flow')));
      await all(streams, (one) => one.next('connected'));
      const [stopped, ...reading] = streams;
      stopped.pause();
      await flow.post(3000, { bytes: 1000 });
      const last = (one) => one.messages.at(-1).id === flow.last;
      await belfry.until(() => reading.every(last), 'the others have all');
      assert.ok(!last(stopped));
      stopped.resume();
      await belfry.until(() => last(stopped), 'it has all');
      for (const one of streams) flow.check(one.events.map(({ id }) => id), 'a stream', { after: from });
      connection.terminate();
    });

    test('a client a byte at a time, both ways', async () => {
      const clients = Array.from({ length: 20 }, (_, n) => new Wire(belfry, { target: n % 4 ? '/ws' : '/events', begin: false, chunkBytes: 1 }));
      const typing = clients.map(async (one) => {
        const type = async (bytes) => {
          for (const byte of Buffer.from(bytes)) {
            one.socket.write(Buffer.from([byte]));
            await new Promise(setImmediate);
          }
        };
        await type(handshake(`${one.sse ? '/events' : '/ws'}?events=flow`, { key: belfry.adminKey }));
        const { head } = await one.open();
        if (!one.sse) {
          const ping = JSON.stringify({ event: 'ping', data: { text: 'Grüße €' } });
          const bytes = Buffer.from(ping);
          const middle = bytes.indexOf(0xc3) + 1; // between the bytes of a letter
          await type(frame(1, bytes.subarray(0, middle), { fin: false }));
          await type(frame(9, 'between'));
          await type(frame(0, bytes.subarray(middle)));
          await one.until(() => one.told('pong'), 'the answer');
          assert.deepEqual(one.told('pong'), { text: 'Grüße €' });
          assert.equal(one.pongsTaken, 1);
        }
        return head;
      });
      const heads = await Promise.all(typing);
      // A pong amid a frame would be the test's own mistake, so this is not done where pings come every second.
      await flow.post(50);
      await all(clients, async (one, n) => {
        await one.upTo(flow.last);
        flow.check(one.ids, 'the one with single bytes', { after: heads[n] });
        one.terminate();
      });
    });

    test('thousands of handshakes that never end do not keep others out, and end after ten seconds', async () => {
      const began = performance.now();
      const half = handshake('/ws', { key: belfry.adminKey }).slice(0, 60);
      const endless = Array.from({ length: 3000 }, (_, n) => {
        const one = new Wire(belfry, { begin: false });
        if (n % 3) one.socket.write(half);
        return one;
      });
      for (let n = 0; n < 5; n++) {
        const guest = new Wire(belfry, { target: '/ws?events=hello' });
        await guest.open();
        assert.ok(endless.filter((one) => !one.closed).length > 1000, 'their ten seconds are not over');
        const { last_id: id } = await belfry.deliver([{ event: 'hello' }]);
        await guest.upTo(id);
        guest.terminate();
      }
      await belfry.until(() => endless.every((one) => one.closed), 'they are ended');
      assert.ok(performance.now() - began > 9000, 'some of them after all of their time');
    });
  });

  test('peers that vanish without a word are closed', { skip: mayUnshare ? false : 'needs root, for a network of its own' }, async (t) => {
    const network = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '-n', 'sleep', '600']);
    t.after(() => network.kill('SIGKILL'));
    const inside = ['nsenter', `--net=/proc/${network.pid}/ns/net`];
    const within = (...command) => spawnSync(inside[0], [...inside.slice(1), ...command], { encoding: 'utf8' });
    // Before it has its own network it has ours, of which nothing may be changed.
    const networkOf = (pid) => fs.readlinkSync(`/proc/${pid}/ns/net`);
    await until(() => networkOf(network.pid) !== networkOf('self'), 'it has a network of its own');
    assert.equal(within('ip', 'link', 'set', 'lo', 'up').status, 0);
    const port = await freePort();
    const belfry = await start({
      conf: { ...quiet, push: { listen: `127.0.0.1:${port}`, ping_interval: '1s' } },
      wrappers: { [pushd]: inside },
    });
    t.after(() => belfry.stop());
    const flow = new Flow(belfry);
    const others = crowd(belfry);
    await all(others, (one) => one.open());
    const peers = ['/ws', '/ws?events=flow', '/events', '/events?events=flow'].map((target) => {
      const peer = spawn(inside[0], [...inside.slice(1), 'bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}; printf %s "$1" >&3; exec cat <&3`, 'peer', handshake(target, { key: belfry.adminKey })]);
      peer.said = '';
      peer.stdout.on('data', (bytes) => (peer.said += bytes.toString('latin1')));
      t.after(() => peer.kill('SIGKILL'));
      return peer;
    });
    await belfry.until(() => peers.every((peer) => peer.said.includes('"connected"')), 'the peers are connected');
    await belfry.until(async () => (await connections(belfry)) === others.length + peers.length, 'they are counted');
    assert.equal(within('ip', 'link', 'set', 'lo', 'down').status, 0);
    await flow.post(10);
    await belfry.until(async () => (await connections(belfry)) === others.length, 'they were given up');
    assert.ok(peers.every((peer) => peer.exitCode === null), 'they do not know');
    await all(others, async (one) => {
      await one.upTo(flow.last);
      flow.check(one.ids, 'one of the others');
    });
  });
});
