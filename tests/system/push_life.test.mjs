/*
 * The life of belfry-pushd: its end, which sends everybody away a few at a time; the upgrade to a new binary, which
 * nobody may notice but by a `closing`; reload; limits per address and key; the end of a sign-in; what it counts.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { H2 } from './h2_client.mjs';
import { childrenOf, freePort, programPath, start } from './harness.mjs';
import { Flow, frame, handshake, Wire } from './push_wire.mjs';

const quiet = { logs: [], watch: { host_interval: '1h', interval: '1h' } };
const pushd = 'belfry-pushd';
const all = (wires, ask) => Promise.all(wires.map(ask));
const targets = ['/ws?events=flow', '/events?events=flow'];

/** Comes back at once as often as it is sent away, and keeps account. */
class Stayer {
  constructor(belfry, number) {
    Object.assign(this, { belfry, target: targets[number % targets.length] });
    this.ids = [];
    this.closings = [];
    this.faults = [];
    this.going = true;
    this.done = this.stay();
  }

  async stay() {
    let place;
    while (this.going) {
      const wire = new Wire(this.belfry, { target: place ? `${this.target}&since=${place}` : this.target });
      this.wire = wire;
      try {
        const told = await wire.open();
        this.from ??= told.head;
        if (place && (!told.complete || `${told.epoch}-${told.resumed_from}` !== place))
          this.faults.push(`came back at ${place} and was told ${JSON.stringify(told)}`);
        this.ready = true;
        await wire.gone;
        this.ids.push(...wire.ids);
        place = wire.place;
        if (this.going && !wire.told('closing')) this.faults.push(`lost without a word: ${wire.error?.message ?? wire.code}`);
        if (wire.told('closing')) this.closings.push({ ...wire.told('closing'), code: wire.code });
        if (wire.told('gap')) this.faults.push(`a gap ${JSON.stringify(wire.told('gap'))}`);
      } catch (error) {
        this.faults.push(error.message);
        this.going = false;
      }
    }
  }

  upTo(id) {
    return this.belfry.until(
      () => this.faults.length || (this.wire.ids.at(-1) ?? this.ids.at(-1)) >= id,
      () => `event ${id} has come (${this.wire.ids.at(-1)})`,
    );
  }

  async leave() {
    this.going = false;
    this.wire.terminate();
    await this.done;
  }
}

/** Posts until it is told to end. */
class Load {
  constructor(flow) {
    this.going = true;
    this.done = (async () => {
      while (this.going) {
        await flow.post(10);
        await pause(15);
      }
    })();
  }

  async end() {
    this.going = false;
    await this.done;
  }
}

/** Connects through nginx all the time; every answer must be a push connection's. */
class Knocker {
  constructor(belfry) {
    this.answers = {};
    this.going = true;
    this.done = (async () => {
      while (this.going) {
        const status = await this.knock(belfry);
        this.answers[status] = (this.answers[status] ?? 0) + 1;
        await pause(2);
      }
    })();
  }

  knock(belfry) {
    return new Promise((resolve) => {
      const socket = net.connect(belfry.port, '127.0.0.1');
      socket.on('error', (error) => resolve(error.code));
      socket.on('close', () => resolve('closed'));
      socket.on('data', (bytes) => {
        resolve(bytes.toString('latin1').split(' ')[1]);
        socket.destroy();
      });
      socket.write(handshake('/events', { key: belfry.adminKey }));
    });
  }

  async end() {
    this.going = false;
    await this.done;
    return this.answers;
  }
}

/** What belfry-pushd says of itself, when `holds` holds for it. */
async function figures(belfry, holds = () => true) {
  let last;
  await belfry.until(
    async () => {
      const { json } = await belfry.get('/stats', { key: belfry.adminKey });
      last = json.push;
      return last && holds(last);
    },
    () => `the figures are right: ${JSON.stringify(last)}`,
  );
  return last;
}

/** Waits until belfry-pushd lets somebody in. */
const listening = (belfry) =>
  belfry.until(async () => {
    const wire = new Wire(belfry);
    try {
      return await wire.open();
    } catch {
      return false; // not yet
    } finally {
      wire.terminate();
    }
  }, 'belfry-pushd lets somebody in');

const upgraded = (belfry, times) => belfry.until(() => belfry.log(pushd).split('upgrading to belfry-pushd').length > times, 'the upgrade has begun');

describe('the life of belfry-pushd', { concurrency: true }, () => {
  describe('the end', { concurrency: false }, () => {
    let belfry;
    before(async () => {
      belfry = await start({ conf: quiet });
    });
    after(() => belfry?.stop());

    test('three hundred are sent away, each with a time of its own, and miss nothing', async () => {
      const flow = new Flow(belfry);
      await flow.post(5);
      const wires = Array.from({ length: 300 }, (_, n) => new Wire(belfry, { target: targets[n % 2] }));
      await all(wires, (one) => one.open());
      const from = flow.last;
      await flow.post(20);
      await all(wires, (one) => one.upTo(flow.last));
      const ending = belfry.terminate(pushd);
      await flow.post(20);
      await ending;
      await all(wires, (one) => one.gone);
      const times = new Set();
      for (const one of wires) {
        const { reason, retry_after_ms: ms } = one.told('closing');
        assert.equal(reason, 'restart');
        assert.ok(ms > 0 && ms < 10_000, `retry_after_ms ${ms}`);
        times.add(ms);
        if (!one.sse) assert.equal(one.code, 1012);
      }
      assert.ok(times.size > 150, `${times.size} different times`);
      belfry.startProgram(pushd);
      await listening(belfry);
      const again = wires.map((one, n) => new Wire(belfry, { target: `${targets[n % 2]}&since=${one.place}` }));
      await flow.post(1); // some have seen all others, before their turn came
      await all(again, (one) => one.upTo(flow.last));
      again.forEach((one, n) => {
        assert.equal(one.told('connected').complete, true);
        flow.check([...wires[n].ids, ...one.ids], `client ${n}`, { after: from });
        one.terminate();
      });
    });

    test('push.drain bounds how long it takes', async () => {
      const wires = Array.from({ length: 50 }, (_, n) => new Wire(belfry, { target: targets[n % 2] }));
      await all(wires, (one) => one.open());
      belfry.conf.push = { drain: '0s' };
      belfry.writeConf();
      process.kill(belfry.pid(pushd), 'SIGHUP');
      await belfry.until(() => belfry.log(pushd).includes('the configuration was loaded again'), 'it was loaded again');
      await belfry.restart(pushd);
      await all(wires, (one) => one.gone);
      for (const one of wires) assert.equal(one.told('closing').reason, 'restart');
      await listening(belfry);
    });
  });

  describe('the upgrade', { concurrency: false }, () => {
    let belfry, binary, pid, flow;
    before(async () => {
      binary = path.join(fs.mkdtempSync('/tmp/belfry-test-'), pushd);
      fs.copyFileSync(programPath(pushd), binary);
      belfry = await start({
        supervised: true,
        programs: { [pushd]: binary },
        conf: { ...quiet, push: { drain_upgrade: '3s', listen: `127.0.0.1:${await freePort()}` } },
      });
      pid = belfry.pid(pushd);
      flow = new Flow(belfry);
      await flow.post(5);
    });
    after(async () => {
      await belfry?.stop();
      fs.rmSync(path.dirname(binary), { recursive: true });
    });

    /** Another file at the binary's path, as a package manager puts it there. */
    const replace = (write) => {
      write(`${binary}.new`);
      fs.renameSync(`${binary}.new`, binary);
    };
    const script = (text) => replace((file) => fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 }));
    const mend = () => replace((file) => fs.copyFileSync(programPath(pushd), file));

    test('two hundred clients under load come over without a gap, and no connect is refused', async (t) => {
      const tcp = new Wire(belfry, { target: '/ws', port: Number(belfry.conf.push.listen.split(':')[1]) });
      await tcp.open();
      const h2 = await H2.connect(belfry);
      const streams = [h2.ws('/ws?events=none'), h2.sse('/events?events=none')];
      await all(streams, (one) => one.next('connected'));
      const stayers = Array.from({ length: 200 }, (_, n) => new Stayer(belfry, n));
      await belfry.until(() => stayers.every((one) => one.ready || one.faults.length), 'all are connected');
      const load = new Load(flow);
      const knocker = new Knocker(belfry);
      mend(); // another file, the same program
      process.kill(pid, 'SIGUSR2');
      await upgraded(belfry, 1);
      await belfry.until(() => stayers.every((one) => one.closings.length > 0 || one.faults.length), 'all were sent to the new process');
      await tcp.gone;
      assert.equal(tcp.told('closing').reason, 'upgrade');
      for (const one of streams) assert.equal((await one.next('closing')).data.reason, 'upgrade');
      await belfry.until(() => h2.goaways.length > 0, 'the HTTP/2 connection is told to end too');
      await belfry.until(() => childrenOf(pid).length === 0, 'the old process has ended, and was reaped');
      await load.end();
      await all(stayers, (one) => one.upTo(flow.last));
      const answers = await knocker.end();
      await all(stayers, (one) => one.leave());
      for (const one of stayers) {
        assert.deepEqual(one.faults, []);
        assert.equal(one.closings.length, 1);
        assert.equal(one.closings[0].reason, 'upgrade');
        if (one.target.startsWith('/ws')) assert.equal(one.closings[0].code, 1012);
        flow.check(one.ids, 'one who stayed', { after: one.from });
      }
      assert.deepEqual(Object.keys(answers), ['200'], JSON.stringify(answers));
      assert.equal(belfry.pid(pushd), pid);
      assert.equal(fs.readlinkSync(`/proc/${pid}/exe`), binary, 'the new file runs');
      assert.deepEqual(belfry.ends, []);
      const again = new Wire(belfry, { target: '/ws', port: Number(belfry.conf.push.listen.split(':')[1]) });
      await again.open();
      again.terminate();
      t.diagnostic(`${answers[200]} connects meanwhile, ${flow.ids.length} events`);
    });

    test('one that cannot be done changes nothing, and the log says why', async () => {
      const stayers = Array.from({ length: 10 }, (_, n) => new Stayer(belfry, n));
      await belfry.until(() => stayers.every((one) => one.ready || one.faults.length), 'all are connected');
      const trials = [
        ['no binary', () => fs.rmSync(binary), /cannot be executed: No such file/],
        ['no program', () => replace((file) => fs.writeFileSync(file, 'x'.repeat(100), { mode: 0o755 })), /cannot be executed|does not print the version/],
        ['another program', () => replace((file) => fs.copyFileSync('/bin/true', file)), /does not print the version/],
        ['one that crashes', () => script('kill -SEGV $$'), /ended with signal 11/],
        // It goes between the check and the exec.
        ['one that vanishes', () => script(`echo '${pushd} 9.9.9'\nrm "$0"`), /going on: .* cannot be executed/],
      ];
      for (const [what, breakIt, says] of trials) {
        const said = belfry.log(pushd).length;
        breakIt();
        process.kill(pid, 'SIGUSR2');
        await belfry.until(() => says.test(belfry.log(pushd).slice(said)), `the log says why: ${what}`);
        await flow.post(10);
        await all(stayers, (one) => one.upTo(flow.last));
        const other = new Wire(belfry, { target: '/ws' });
        await other.open();
        other.terminate();
        assert.equal(belfry.pid(pushd), pid, what);
        await belfry.until(() => childrenOf(pid).length === 0, 'nothing is left of it');
      }
      const said = belfry.log(pushd).length;
      mend();
      fs.writeFileSync(belfry.confPath, 'push: nothing\n');
      process.kill(pid, 'SIGUSR2');
      await belfry.until(() => belfry.log(pushd).slice(said).includes('not upgraded: the new binary would not start'), 'the log says that the configuration is wrong');
      belfry.writeConf();
      await flow.post(10);
      await all(stayers, (one) => one.upTo(flow.last));
      // The figures are still reported.
      const { deliveries } = await figures(belfry, (f) => f.clients === stayers.length);
      await flow.post(10);
      await figures(belfry, (f) => f.deliveries >= deliveries + 10 * stayers.length);
      await all(stayers, (one) => one.leave());
      for (const one of stayers) {
        assert.deepEqual(one.faults, []);
        assert.deepEqual(one.closings, []);
        flow.check(one.ids, 'one who stayed', { after: one.from });
      }
      assert.deepEqual(belfry.ends, []);
    });

    test('twice in a row works too, while clients of the first are still being sent over', async () => {
      const stayers = Array.from({ length: 60 }, (_, n) => new Stayer(belfry, n));
      await belfry.until(() => stayers.every((one) => one.ready || one.faults.length), 'all are connected');
      const before = belfry.log(pushd).split('upgrading to').length - 1;
      for (const more of [1, 2]) {
        process.kill(pid, 'SIGUSR2');
        await upgraded(belfry, before + more);
      }
      await belfry.until(() => childrenOf(pid).length === 0, 'the old processes have ended');
      await flow.post(10);
      await all(stayers, (one) => one.upTo(flow.last));
      await all(stayers, (one) => one.leave());
      for (const one of stayers) {
        assert.deepEqual(one.faults, []);
        flow.check(one.ids, 'one who stayed', { after: one.from });
      }
    });

    test('a new process that ends at once leaves the clients with the old one until there is another', async () => {
      const wires = Array.from({ length: 10 }, (_, n) => new Wire(belfry, { target: targets[n % 2] }));
      await all(wires, (one) => one.open());
      const from = flow.last;
      script(`[ "$1" = -V ] && echo '${pushd} 9.9.9' && exit\ncp '${programPath(pushd)}' "$0.new"\nmv "$0.new" "$0"\nexit 3`);
      process.kill(pid, 'SIGUSR2');
      await belfry.until(() => belfry.ends.some((end) => end.status === 3), 'the new one ends');
      await flow.post(10);
      await all(wires, (one) => one.upTo(flow.last));
      for (const one of wires) flow.check(one.ids, 'one of the old process', { after: from });
      assert.match(belfry.log(pushd), /the new process ended before it could serve/);
      await all(wires, (one) => one.gone);
      for (const one of wires) assert.ok(one.told('closing').retry_after_ms > 0);
      const again = wires.map((one, n) => new Wire(belfry, { target: `${targets[n % 2]}&since=${one.place}` }));
      await all(again, (one) => one.open());
      for (const one of again) {
        assert.equal(one.told('connected').complete, true);
        one.terminate();
      }
    });
  });

  describe('limits, reload, TCP', { concurrency: false }, () => {
    let belfry, tcpPort;
    const there = [];
    before(async () => {
      tcpPort = await freePort();
      belfry = await start({ conf: { ...quiet, push: { max_per_address: 3, max_per_credential: 4, max_connections: 20, listen: `127.0.0.1:${tcpPort}` } } });
    });
    after(() => belfry?.stop());

    /** A connection over TCP, that says where it comes from. */
    const from = (address, options) => new Wire(belfry, { port: tcpPort, ...(address ? { headers: { 'X-Forwarded-For': address } } : {}), ...options });
    const enter = async (wire) => {
      await wire.open();
      there.push(wire);
      return wire;
    };
    const refused = async (wire, status, says, comesBack = true) => {
      await wire.gone;
      assert.equal(wire.status, status, wire.head);
      if (comesBack) assert.match(wire.head, /\r\nRetry-After: \d+/i);
      const problem = JSON.parse(wire.rest.toString());
      assert.equal(problem.status, status);
      assert.match(problem.detail, says);
    };
    const leave = async () => {
      for (const wire of there.splice(0)) wire.terminate();
      await figures(belfry, (f) => f.clients === 0 && f.addresses === 0 && f.credentials === 0);
    };
    const reload = async (push, more = {}) => {
      const said = belfry.log(pushd).length;
      belfry.conf.push = push;
      Object.assign(belfry.conf, more);
      belfry.writeConf();
      process.kill(belfry.pid(pushd), 'SIGHUP');
      await belfry.until(() => belfry.log(pushd).slice(said).includes('the configuration was loaded again'), 'it was loaded again');
    };

    test('the fourth from one address is answered 429, through nginx and over TCP', async () => {
      const viewer = await belfry.makeKey('viewer');
      const other = await belfry.makeKey('viewer');
      for (let n = 0; n < 3; n++) {
        const client = belfry.ws('/ws', { key: n ? viewer : other });
        await client.next('connected');
        there.push(client);
      }
      const fourth = belfry.sse('/events', { key: other });
      await fourth.end();
      assert.equal(fourth.status, 429);
      assert.ok(Number(fourth.headers['retry-after']) > 0);
      assert.match(JSON.parse(fourth.text).detail, /already 3 connections from this address \(push\.max_per_address\)/);
      // It is the same address over TCP; who is no trusted proxy cannot say that it is another.
      await refused(from('192.0.2.1', { key: other }), 429, /push\.max_per_address/);
      // There is room as soon as one has gone.
      there.pop().terminate();
      await figures(belfry, (f) => f.clients === 2);
      await enter(from(undefined, { key: other }));
      await figures(belfry, (f) => f.addresses === 1 && f.credentials === 2);
      await leave();
    });

    test('what a trusted proxy says counts: the last address, over IPv6 its /64', async () => {
      await reload({ ...belfry.conf.push, max_per_credential: 0 }, { access: { ...belfry.conf.access, trusted_proxies: '127.0.0.0/8' } });
      for (let n = 0; n < 3; n++) await enter(from(`192.0.2.${n}, 198.51.100.7`));
      await refused(from('198.51.100.7'), 429, /from this address/);
      await enter(from('198.51.100.7, 198.51.100.8'));
      for (let n = 0; n < 3; n++) await enter(from(`2001:db8:1:2:${n}::1`));
      await refused(from('[2001:db8:1:2::9]:443'), 429, /from this \/64 network/);
      await enter(from('2001:db8:1:3::9'));
      for (let n = 0; n < 3; n++) await enter(from('unknown')); // then it is the proxy itself
      await refused(from(), 429, /from this address/);
      await figures(belfry, (f) => f.addresses === 5 && f.refusals.max_per_address >= 3);
      await leave();
    });

    test('one key may hold so many, sign-ins by cookie with it included', async () => {
      await reload({ ...belfry.conf.push, max_per_address: 0, max_per_credential: 2 });
      const key = await belfry.makeKey('viewer');
      const signedIn = await belfry.post('/api/login', { key });
      const cookie = signedIn.headers['set-cookie'][0].split(';')[0];
      await enter(from('192.0.2.1', { key }));
      await enter(from('192.0.2.2', { key: null, headers: { Cookie: cookie } }));
      await refused(from('192.0.2.3', { key }), 429, /already 2 connections with this key \(push\.max_per_credential\)/);
      await refused(from('192.0.2.4', { key: null, headers: { Cookie: cookie } }), 429, /push\.max_per_credential/);
      await enter(from('192.0.2.4'));
      // More from now on, and nobody was sent away.
      await reload({ ...belfry.conf.push, max_per_credential: 3, max_connections: 4 });
      await enter(from('192.0.2.5', { key }));
      await refused(from('192.0.2.6'), 503, /push\.max_connections/);
      for (const one of there) assert.equal(one.closed, undefined);
      await leave();
    });

    test('the TCP port speaks the same protocol', async () => {
      const wire = await enter(from(undefined, { target: '/ws/dashboard?events=none' }));
      const sse = await enter(from(undefined, { target: '/events?events=flow' }));
      await wire.until(() => wire.told('metrics_update'), 'the first snapshot');
      wire.send('subscribe', { events: ['flow'], batch: true });
      assert.deepEqual((await wire.until(() => wire.told('subscribed'), 'subscribed')).events, ['flow']);
      wire.send('get_state');
      assert.ok('metrics' in (await wire.until(() => wire.told('state'), 'state')));
      wire.send('set_interval', { interval: 2 });
      assert.equal((await wire.until(() => wire.told('interval_set'), 'interval_set')).interval, 2);
      wire.send('nonsense');
      assert.equal((await wire.until(() => wire.told('error'), 'error')).code, 'unknown_event');
      const flow = new Flow(belfry);
      await flow.post(50);
      await all([wire, sse], (one) => one.upTo(flow.last));
      for (const one of [wire, sse]) flow.check(one.ids, 'a client over TCP');
      const place = sse.lastEventId;
      sse.terminate();
      await flow.post(10);
      const again = await enter(from(undefined, { target: '/events?events=flow', headers: { 'Last-Event-ID': place } }));
      await again.upTo(flow.last);
      assert.deepEqual(again.ids, flow.ids.slice(50));
      wire.socket.write(frame(8, Buffer.from([0x03, 0xe8])));
      await wire.gone;
      assert.equal(wire.code, 1000);
      await refused(from(undefined, { key: null }), 401, /sign in/, false);
      await leave();
    });

    test('an IPv6 address of its own, changed and closed by a reload; who is there stays', async () => {
      const port = await freePort();
      const six = (options) => new Promise((resolve) => {
        const socket = net.connect(port, '::1');
        socket.on('error', (error) => resolve(error.code));
        socket.on('data', (bytes) => {
          resolve(bytes.toString('latin1').split('\r\n')[0]);
          socket.destroy();
        });
        socket.write(handshake('/events', { key: belfry.adminKey, ...options }));
      });
      const old = await enter(from());
      await reload({ max_per_address: 2, listen: `[::1]:${port}` });
      assert.equal(await six(), 'HTTP/1.1 200 OK');
      assert.equal(await six({ headers: { Host: `[::1]:${port}`, Origin: `http://[::1]:${port}` } }), 'HTTP/1.1 200 OK');
      assert.equal(await six({ headers: { Host: `[::1]:${port}`, Origin: 'http://elsewhere.example' } }), 'HTTP/1.1 403 Forbidden');
      const gone = from();
      await gone.gone;
      assert.equal(gone.error?.code, 'ECONNREFUSED');
      // An address that cannot be had changes nothing.
      const said = belfry.log(pushd).length;
      await reload({ listen: `127.0.0.1:${belfry.port}` });
      assert.match(belfry.log(pushd).slice(said), /push\.listen: cannot listen on .*; it stays \[::1\]/);
      assert.equal(await six(), 'HTTP/1.1 200 OK');
      await reload({});
      assert.equal(await six(), 'ECONNREFUSED');
      old.send('ping', { n: 1 });
      await old.until(() => old.told('pong'), 'who came by the old address is still there');
      await leave();
    });

    test('a reload changes intervals: pings come as often as it says now', async () => {
      await reload({ ping_interval: '1s' });
      const wire = await enter(new Wire(belfry));
      await wire.until(() => wire.pings >= 2, 'two pings within seconds');
      await figures(belfry, (f) => f.pings >= 2 && f.pongs >= 2);
      await leave();
    });
  });

  describe('what it counts', { concurrency: false }, () => {
    let belfry;
    before(async () => {
      belfry = await start({ conf: quiet });
    });
    after(() => belfry?.stop());

    test('a sign-out ends its connections within half a minute, and no others', async () => {
      const key = await belfry.makeKey('viewer');
      const cookies = [];
      for (let n = 0; n < 2; n++)
        cookies.push((await belfry.post('/api/login', { key })).headers['set-cookie'][0].split(';')[0]);
      const wires = cookies.flatMap((cookie) => ['/ws', '/events'].map((target) => new Wire(belfry, { target, key: null, headers: { Cookie: cookie } })));
      await all(wires, (one) => one.open());
      const out = await belfry.post('/api/logout', {}, { headers: { cookie: cookies[0], origin: belfry.url } });
      assert.ok(out.status < 300, out.text);
      await Promise.all([counters(belfry), all(wires.slice(0, 2), (one) => belfry.until(() => one.closed, 'it is closed', { timeout: 45_000 }))]);
      for (const one of wires.slice(0, 2)) assert.equal(one.told('closing').reason, 'signed_out');
      assert.equal(wires[0].code, 4401);
      for (const one of wires.slice(2)) assert.equal(one.closed, undefined);
      const after = await figures(belfry, (f) => f.closes.credential === 2);
      assert.equal(after.clients, 2);
      for (const one of wires) one.terminate();
    });

    /** Beside four clients that do nothing. */
    async function counters(belfry) {
      const before = await figures(belfry, (f) => f.clients === 4);
      const grown = (f, name) => f[name] - before[name];
      const ws = Array.from({ length: 3 }, () => new Wire(belfry, { target: '/ws?events=counted' }));
      const sse = [new Wire(belfry, { target: '/events?events=counted' }), new Wire(belfry, { target: '/events?events=counted&named=1' })];
      await all([...ws, ...sse], (one) => one.open());
      await figures(belfry, (f) => f.clients === 9 && f.ws_clients === 5 && f.sse_clients === 4 && f.sse_named_clients === 1 && f.http1_clients === 9 && f.http2_clients === 0 && f.audiences >= 2);
      const flow = new Flow(belfry, 'counted');
      await flow.post(20);
      await all([...ws, ...sse], (one) => one.upTo(flow.last));
      ws[0].send('ping', { n: 1 });
      await ws[0].until(() => ws[0].told('pong'), 'a pong');
      // Refused, each for its own reason.
      for (const options of [{ key: null }, { key: 'bfy_wrong' }, { target: '/events?last=x' }, { target: '/nothing' }, { headers: { Origin: 'http://elsewhere.example' } }]) {
        const wire = new Wire(belfry, options);
        await wire.gone;
        assert.ok(wire.status >= 400, wire.head);
      }
      // Closed, each in its own way.
      ws[0].socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])); // 1000
      ws[1].socket.write(Buffer.from([0x82, 0x80, 0, 0, 0, 0])); // binary
      await all(ws.slice(0, 2), (one) => one.gone);
      ws[2].terminate();
      for (const one of sse) one.terminate();
      const after = await figures(belfry, (f) => f.clients === 4 && grown(f, 'closed') === 5);
      for (const [name, count] of [
        ['accepted', 10],
        ['ws_opened', 3],
        ['sse_opened', 2],
        ['sse_named_opened', 1],
        ['http2_opened', 0],
        ['refused', 5],
        ['commands', 1],
        ['gaps', 0],
      ])
        assert.equal(grown(after, name), count, name);
      // Those who were there before see the same events.
      assert.ok(grown(after, 'deliveries') >= 5 * 20, `deliveries ${grown(after, 'deliveries')}`);
      assert.ok(grown(after, 'messages') >= grown(after, 'deliveries') + 5);
      assert.ok(grown(after, 'bytes') > 5 * 20 * 100);
      assert.ok(grown(after, 'received_bytes') > 10 * 100);
      assert.ok(grown(after, 'passes') > 0 && grown(after, 'pass_us') > 0);
      assert.ok(after.ring_events >= 20 && after.ring_bytes > 0 && after.ring_oldest >= 1 && after.head >= flow.last);
      assert.ok(after.memory_bytes > 1e6);
      const more = (map) => Object.fromEntries(Object.keys(after[map]).map((name) => [name, after[map][name] - before[map][name]]).filter(([, n]) => n));
      assert.deepEqual(more('refusals'), { bad_request: 1, unauthorized: 2, forbidden: 1, not_found: 1 });
      assert.deepEqual(more('closes'), { normal: 1, unsupported_data: 1, none: 3 });
      // They are no change of the state: who asks again with the ETag is told so.
      const first = await belfry.get('/stats', { key: belfry.adminKey });
      assert.equal((await belfry.get('/health')).json.connected_clients, 4);
      const second = await belfry.until(async () => {
        const answer = await belfry.get('/stats', { key: belfry.adminKey, headers: { 'if-none-match': first.headers.etag } });
        return answer.status === 304 && answer;
      }, 'the ETag is the same');
      assert.equal(second.status, 304);
    }
  });
});
