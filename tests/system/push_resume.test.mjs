/*
 * Coming back to belfry-pushd, and staying while the history is in trouble: kill -9 of either daemon under load,
 * everybody resuming at once, a history that is locked, away, shortened or another one. Nothing is lost silently: every
 * id comes once and in order, or a gap is told.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { start } from './harness.mjs';
import { Flow, Wire } from './push_wire.mjs';
import { readAll } from './steady.mjs';

const quiet = { logs: [], watch: { host_interval: '1h', interval: '1h' } };
const historyd = 'belfry-historyd';
const pushd = 'belfry-pushd';
const all = (wires, ask) => Promise.all(wires.map(ask));

/** How a client connects and what it says when it comes back. */
const kinds = [
  { target: '/ws?events=flow', resume: (place) => ({ target: `/ws?events=flow&since=${place}` }) },
  {
    target: '/ws?events=flow',
    resume: (place) => ({ target: `/ws?events=flow&epoch=${place.split('-')[0]}&since=${place.split('-')[1]}` }),
  },
  { target: '/ws?events=flow', batch: true, resume: (place) => ({ target: `/ws?events=flow&since=${place}` }) },
  { target: '/events?events=flow', resume: (place) => ({ target: '/events?events=flow', headers: { 'Last-Event-ID': place } }) },
  { target: '/events?events=flow&named=1', resume: (place) => ({ target: `/events?events=flow&named=1&since=${place}` }) },
];

/** Somebody who comes back as often as it is sent away, until it is told to leave. */
class Dweller {
  constructor(belfry, number) {
    Object.assign(this, { belfry, kind: kinds[number % kinds.length] });
    this.ids = [];
    this.faults = [];
    this.comings = 0;
    this.going = true;
    this.done = this.dwell();
  }

  async dwell() {
    while (this.going) {
      const before = this.place;
      this.wire = new Wire(this.belfry, before ? this.kind.resume(before) : this.kind);
      const { wire } = this;
      try {
        const told = await wire.open();
        this.comings++;
        this.from ??= told.head;
        if (before && (!told.complete || `${told.epoch}-${told.resumed_from}` !== before))
          this.faults.push(`came back at ${before}, and was told ${JSON.stringify(told)}`);
        if (this.kind.batch) wire.send('subscribe', { events: ['flow'], batch: true });
        this.ready = true;
        await wire.gone;
      } catch {
        await pause(20); // it is not there yet
      }
      if (wire.status === 101 || wire.status === 200) {
        this.ids.push(...wire.ids);
        if (wire.told('connected')) this.place = wire.place;
        if (wire.told('gap')) this.faults.push(`a gap: ${JSON.stringify(wire.told('gap'))}`);
        if (wire.fault) this.faults.push(String(wire.fault));
      }
    }
  }

  get last() {
    return this.wire.ids.at(-1) ?? this.ids.at(-1) ?? 0;
  }

  async leave() {
    this.going = false;
    this.wire.terminate();
    await this.done;
  }
}

/** Posts until it is told to end. */
class Load {
  constructor(flow, { count = 20, everyMs = 20 } = {}) {
    this.going = true;
    this.posts = 0;
    this.done = (async () => {
      while (this.going) {
        await flow.post(count);
        this.posts++;
        await pause(everyMs);
      }
    })();
  }

  async end() {
    this.going = false;
    await this.done;
  }
}

const stored = async (belfry) => (await readAll(belfry, 'event=flow')).map((event) => event.id);

/** That ids are those that are due: none left out, none twice, in order. */
function checkIds(ids, due, what) {
  const wrong = due.findIndex((id, n) => ids[n] !== id);
  assert.ok(wrong < 0, `${what}: in place of ${due[wrong]} (number ${wrong}) came ${ids[wrong]}`);
  assert.equal(ids.length, due.length, `${what}: so many events`);
}

describe('coming back', { concurrency: true }, () => {
  describe('belfry-pushd goes on', { concurrency: false }, () => {
    let belfry, flow, filtered;
    before(async () => {
      belfry = await start({ supervised: true, conf: { ...quiet, push: { ring_events: 128 } } });
      flow = new Flow(belfry);
      await flow.post(10);
      // Told every 20 s at most, so that everything else here happens meanwhile.
      filtered = ['/ws', '/events'].map((target) => new Wire(belfry, { target: `${target}?events=never` }));
      await all(filtered, (one) => one.open());
    });
    after(() => belfry?.stop());

    test('two thousand who resume from far back all get everything, and those who are there are not kept waiting', async (t) => {
      await flow.post(600, { bytes: 250 });
      const from = flow.ids.at(-601);
      const due = flow.ids.filter((id) => id > from);
      const there = Array.from({ length: 8 }, (_, n) => new Wire(belfry, { target: `${n % 2 ? '/ws' : '/events'}?events=live` }));
      await all(there, (one) => one.open());
      const live = new Flow(belfry, 'live');
      const load = new Load(live, { count: 2, everyMs: 10 });
      const storm = Array.from({ length: 2000 }, (_, n) => new Wire(belfry, { target: `${n % 2 ? '/ws' : '/events'}?events=flow&since=${from}` }));
      await all(storm, (one) => one.upTo(flow.last));
      const meanwhile = Math.min(...there.map((one) => one.ids.length));
      await load.end();
      await all(there, (one) => one.upTo(live.last));
      for (const one of there) live.check(one.ids, 'one who was there');
      for (const one of storm) {
        assert.equal(one.told('connected').complete, true);
        checkIds(one.ids, due, 'one who resumed');
        one.terminate();
      }
      assert.ok(meanwhile > 0, 'events came meanwhile');
      t.diagnostic(`${meanwhile} live events came while ${storm.length * due.length} were caught up`);
      for (const one of there) one.terminate();
    });

    test('historyd is killed and started again under load: nobody is sent away, nothing is missing', async () => {
      const from = flow.last;
      const clients = Array.from({ length: 50 }, (_, n) => new Wire(belfry, kinds[n % kinds.length]));
      await all(clients, (one) => one.open());
      const load = new Load(flow);
      try {
        for (const how of ['SIGKILL', 'SIGTERM', 'SIGKILL']) {
          const pid = belfry.pid(historyd);
          process.kill(pid, how);
          await belfry.until(() => belfry.pid(historyd) !== pid, 'historyd is started again');
          const { posts } = load;
          await belfry.until(() => load.posts > posts + 5, 'events are taken again');
        }
      } finally {
        await load.end();
      }
      const due = (await stored(belfry)).filter((id) => id > from);
      assert.ok(due.length >= flow.ids.filter((id) => id > from).length);
      await all(clients, async (one) => {
        await one.upTo(due.at(-1));
        checkIds(one.ids, due, 'one who stayed');
        assert.equal(one.told('gap'), undefined);
        assert.ok(!one.closed);
        one.terminate();
      });
    });

    test('a foreign writer locks the history: what waits comes when it lets go', async () => {
      const from = flow.last;
      const client = new Wire(belfry, { target: '/ws?events=flow' });
      await client.open();
      const database = path.join(belfry.stateDir, 'history/hot.db');
      const locker = spawn('sqlite3', [database], { stdio: ['pipe', 'pipe', 'inherit'] });
      let printed = '';
      locker.stdout.on('data', (bytes) => (printed += bytes));
      locker.stdin.write('.timeout 20000\nPRAGMA wal_autocheckpoint=0;\nBEGIN IMMEDIATE;\nSELECT "locked";\n');
      await belfry.until(() => printed.includes('locked'), 'it is locked');
      const posted = flow.post(10);
      const began = performance.now();
      await belfry.until(() => performance.now() - began > 2000, 'time passes');
      assert.deepEqual(client.ids, [], 'what is not stored is not shown');
      client.send('ping', 'still');
      await client.until(() => client.told('pong'), 'an answer');
      locker.stdin.end('ROLLBACK;\n');
      await posted;
      const due = (await stored(belfry)).filter((id) => id > from);
      await client.upTo(due.at(-1));
      checkIds(client.ids, due, 'one who waited');
      client.terminate();
    });

    test('those whose filter lets nothing through are told the position, and resume from there', async () => {
      const [ws, sse] = filtered;
      const before = ws.told('connected').epoch;
      const patience = { timeout: 60_000 };
      const { head } = await ws.until(() => ws.told('position'), 'the position', patience);
      assert.ok(head > ws.told('connected').head, 'it has moved on');
      const moved = () => Number(sse.lastEventId.split('-')[1]) > sse.told('connected').head;
      await sse.until(moved, 'an id alone', patience);
      assert.equal(sse.messages.length, 1, 'and nothing else');
      assert.equal(sse.lastEventId.split('-')[0], before);
      for (const again of [
        new Wire(belfry, { target: `/ws?since=${before}-${head}` }),
        new Wire(belfry, { target: '/events', headers: { 'Last-Event-ID': sse.lastEventId } }),
      ]) {
        const told = await again.open();
        assert.equal(told.complete, true);
        assert.ok(told.resumed_from === head || `${told.epoch}-${told.resumed_from}` === sse.lastEventId);
        again.terminate();
      }
      assert.deepEqual(ws.ids, []);
      assert.deepEqual(sse.ids, []);
    });

    test('what the history no longer has is told as a gap, and the connection goes on', async () => {
      const readers = ['/ws', '/events'].map((target) => new Wire(belfry, { target: `${target}?events=flow`, chunkBytes: 4096 }));
      const from = flow.last;
      await all(readers, (one) => one.open());
      for (const one of readers) one.pace(0);
      await flow.post(3000, { bytes: 1000 });
      // What retention does: the oldest events are not there any more.
      await belfry.terminate(historyd);
      const kept = flow.ids.at(-20);
      const removed = spawnSync('sqlite3', [path.join(belfry.stateDir, 'history/hot.db'), `PRAGMA wal_autocheckpoint=0; DELETE FROM event WHERE id < ${kept};`], { encoding: 'utf8' });
      assert.equal(removed.status, 0, removed.stderr);
      belfry.startProgram(historyd);
      await flow.post(200);
      for (const one of readers) one.pace(Infinity);
      await all(readers, (one) => one.until(() => one.told('gap'), 'a gap is told'));
      await flow.post(10);
      await all(readers, async (one) => {
        await one.upTo(flow.last);
        const { from: first, to, reason } = one.told('gap');
        assert.equal(reason, 'retention');
        assert.ok(first < kept, 'what is told missing was removed');
        const due = flow.ids.filter((id) => (id > from && id < first) || id > to);
        checkIds(one.ids, due, 'what was not told missing');
        assert.equal(one.messages.filter(({ event }) => event === 'gap').length, 1, 'one gap');
        assert.ok(!one.closed);
        one.terminate();
      });
      const late = new Wire(belfry, { target: `/ws?events=flow&since=${from}` });
      assert.equal((await late.open()).complete, false, 'a resume from there is not complete');
      late.terminate();
    });
  });

  describe('belfry-pushd, or its history, goes away', { concurrency: false }, () => {
    let belfry, flow;
    before(async () => {
      belfry = await start({ supervised: true, conf: { ...quiet, push: { ring_events: 128 } } });
      flow = new Flow(belfry);
      await flow.post(10);
    });
    after(() => belfry?.stop());

    test('pushd is killed under load, and three hundred come back: every event once', async () => {
      const dwellers = Array.from({ length: 300 }, (_, n) => new Dweller(belfry, n));
      try {
        await belfry.until(() => dwellers.every((one) => one.ready), 'all are there');
        const load = new Load(flow);
        for (let round = 0; round < 3; round++) {
          const { posts } = load;
          await belfry.until(() => load.posts > posts + 5, 'events flow');
          for (const one of dwellers) one.ready = false;
          const pid = belfry.pid(pushd);
          process.kill(pid, 'SIGKILL');
          await belfry.until(() => belfry.pid(pushd) !== pid, 'pushd is started again');
          await belfry.until(() => dwellers.every((one) => one.ready), () => `all are back (${dwellers.filter((one) => !one.ready).length} are not)`);
        }
        await load.end();
        const ids = await stored(belfry);
        await belfry.until(() => dwellers.every((one) => one.last >= ids.at(-1)), 'all have the last one');
        await all(dwellers, (one) => one.leave());
        for (const one of dwellers) {
          assert.deepEqual(one.faults, []);
          checkIds(one.ids, ids.filter((id) => id > one.from), `one that came ${one.comings} times (${one.kind.target})`);
        }
      } finally {
        await all(dwellers, (one) => one.leave());
      }
    });

    test('the history is away: deliveries wait, newcomers are asked to come again, and all goes on when it is back', async () => {
      const clients = Array.from({ length: 10 }, (_, n) => new Wire(belfry, kinds[n % kinds.length]));
      await all(clients, (one) => one.open());
      // Two stop reading and fall out of the ring; they read on while the history is away.
      const slow = ['/ws', '/events'].map((target) => new Wire(belfry, { target: `${target}?events=flow`, chunkBytes: 4096 }));
      await all(slow, (one) => one.open());
      for (const one of slow) one.pace(0);
      const { head } = clients[0].told('connected');
      await flow.post(2000, { bytes: 1000 });
      await all(clients, (one) => one.upTo(flow.last));
      const folder = path.join(belfry.stateDir, 'history');
      await belfry.terminate(historyd);
      fs.renameSync(folder, `${folder}.away`);
      const said = belfry.log(pushd).length;
      await belfry.until(() => belfry.log(pushd).slice(said).includes('the history cannot be read'), 'pushd says so');
      const guest = await belfry.until(async () => {
        const one = new Wire(belfry);
        await belfry.until(() => one.closed || one.told('connected'), 'an answer');
        one.terminate();
        return one.status === 503 && one;
      }, 'a newcomer is refused');
      assert.match(guest.head, /^retry-after: \d+/im);
      for (const one of clients.filter((one) => !one.sse)) {
        one.send('ping', 'there');
        await one.until(() => one.told('pong'), 'an answer');
      }
      for (const one of slow) one.pace(Infinity);
      await all(slow, (one) => one.until(() => one.ids.length > 0, 'what was on its way comes'));
      assert.ok(slow.every((one) => one.last < flow.last), 'the rest cannot be read');
      fs.renameSync(`${folder}.away`, folder);
      belfry.startProgram(historyd);
      await flow.post(10);
      clients.push(...slow);
      await all(clients, async (one) => {
        await one.upTo(flow.last);
        checkIds(one.ids, flow.ids.filter((id) => id > head), 'one who stayed');
        assert.equal(one.told('gap'), undefined);
        one.terminate();
      });
      const lines = belfry.log(pushd).slice(said).split('\n').filter((line) => line.includes('the history can'));
      assert.equal(lines.length, 2, `said once, and once that it is over:\n${lines.join('\n')}`);
    });

    test('another history in its place: everybody is sent away, and no resume is called complete', async () => {
      const clients = Array.from({ length: 10 }, (_, n) => new Wire(belfry, kinds[n % kinds.length]));
      await all(clients, (one) => one.open());
      await flow.post(10);
      await all(clients, (one) => one.upTo(flow.last));
      const places = clients.map((one) => one.place);
      const { epoch } = clients[0].told('connected');
      await belfry.terminate(historyd);
      fs.renameSync(path.join(belfry.stateDir, 'history'), path.join(belfry.stateDir, 'history.old'));
      fs.rmSync(path.join(belfry.stateDir, 'admin.token'));
      belfry.startProgram(historyd);
      await all(clients, async (one) => {
        await belfry.until(() => one.closed, 'it is sent away');
        assert.equal(one.told('closing').reason, 'history_replaced');
        assert.ok(one.told('closing').retry_after_ms > 0);
        if (!one.sse) assert.equal(one.code, 1012);
      });
      belfry.adminKey = fs.readFileSync(path.join(belfry.stateDir, 'admin.token'), 'utf8').trim();
      const anew = new Flow(belfry);
      await anew.post(5);
      const again = places.map((place, n) => new Wire(belfry, kinds[n % kinds.length].resume(place)));
      await all(again, (one) => one.open());
      await anew.post(5);
      await all(again, async (one) => {
        const told = one.told('connected');
        assert.equal(told.complete, false);
        assert.notEqual(told.epoch, epoch);
        await one.upTo(anew.last);
        checkIds(one.ids, anew.ids.filter((id) => id > told.resumed_from), 'one who begins anew');
        one.terminate();
      });
    });
  });
});
