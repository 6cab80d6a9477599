/*
 * Events that were sealed are there as before: lists over the border, words, one by its id, who comes back with a place
 * from long ago, duplicates; and historyd may be killed at any time meanwhile.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { start } from './harness.mjs';
import { Producers, Viewer, readAll } from './steady.mjs';

const conf = { logs: [], watch: { host_interval: '1h', interval: '1h' }, history: { hot_events: 100 } };
const running = [];
after(() => Promise.all(running.map((belfry) => belfry.stop())));
async function instance() {
  const belfry = await start({ conf });
  running.push(belfry);
  return belfry;
}

const word = (n) => ['alpha', 'beta', 'gamma', '10.0.0.5', 'foo_bar'][n % 5];
const make = (n) => ({
  event: n % 4 ? 'log' : 'agent_activity',
  event_id: `one-${n}`,
  source: `shop-${n % 3}`,
  severity: n % 7 ? 'info' : 'error',
  data: { message: `${word(n)} number ${n}`, ...(n === 1234 ? { note: 'a n\u00e9edle "quoted"' } : {}) },
});
const COUNT = 6000;

/** How many events are sealed; known from what historyd reports. */
async function sealed(belfry) {
  const text = (await belfry.get('/metrics', { key: belfry.adminKey })).text;
  return Number(text.match(/^belfry_history_sealed_events_total (\d+)/m)?.[1] ?? 0);
}

describe('sealed events', { concurrency: false }, () => {
  let belfry, first;
  const list = (query) => belfry.get(`/api/events?${query}`, { key: belfry.adminKey }).then(({ status, json, text }) => {
    assert.equal(status, 200, text);
    return json;
  });
  /** All pages of a list, as numbers of our events. */
  async function pages(query) {
    const numbers = [];
    let cursor = '';
    do {
      const page = await list(query + (cursor && `&cursor=${encodeURIComponent(cursor)}`));
      assert.equal(page.partial ?? false, false);
      numbers.push(...page.events.filter((event) => event.event_id.startsWith('one-')).map((event) => Number(event.event_id.slice(4))));
      cursor = page.next_cursor;
    } while (cursor);
    return numbers;
  }
  const numbers = (wanted = () => true) => Array.from({ length: COUNT }, (_, n) => n).filter(wanted);

  test('are made of the older ones', async () => {
    belfry = await instance();
    for (let n = 0; n < COUNT; n += 500) {
      const answer = await belfry.deliver(Array.from({ length: 500 }, (_, i) => make(n + i)));
      first ??= answer.first_id;
    }
    await belfry.until(async () => (await sealed(belfry)) >= COUNT - 100 - 1024 - 100, 'events are sealed');
    assert.ok(fs.readdirSync(path.join(belfry.stateDir, 'history/segments')).some((name) => /^events-.*\.db$/.test(name)));
  });

  test('are listed with the others, in both orders', async () => {
    assert.deepEqual(await pages('order=asc&limit=777'), numbers());
    assert.deepEqual(await pages('order=desc&limit=1000'), numbers().reverse());
  });

  test('are found by type, severity, source and words', async () => {
    assert.deepEqual(await pages('order=asc&limit=900&event=agent_*'), numbers((n) => n % 4 === 0));
    assert.deepEqual(await pages('order=asc&limit=900&severity=error&source=shop-1'), numbers((n) => n % 7 === 0 && n % 3 === 1));
    assert.deepEqual(await pages('order=asc&limit=900&q=10.0.0.5'), numbers((n) => n % 5 === 3));
    assert.deepEqual(await pages('order=desc&limit=900&q=FOO_BAR'), numbers((n) => n % 5 === 4).reverse());
    assert.deepEqual(await pages('order=asc&q=foo'), []);
    assert.deepEqual(await pages(`q=${encodeURIComponent('n\u00e9edle')}`), [1234]);
    assert.deepEqual(await pages(`q=${encodeURIComponent('"number 77"')}`), [77]);
    assert.deepEqual(await pages(`order=asc&limit=900&q=${encodeURIComponent('number -alpha -beta -gamma -foo_bar')}`), numbers((n) => n % 5 === 3));
  });

  test('are got by id', async () => {
    for (const n of [0, 1, 1023, 1024, 3000, COUNT - 1]) {
      const found = (await list(`q=${encodeURIComponent(`"number ${n}"`)}`)).events[0];
      const { status, json } = await belfry.get(`/api/events/${found.id}`, { key: belfry.adminKey });
      assert.equal(status, 200);
      assert.deepEqual(json, found);
      assert.deepEqual(json.data, make(n).data);
    }
  });

  test('are not stored again', async () => {
    const answer = await belfry.deliver(Array.from({ length: 600 }, (_, i) => make(i * 10)));
    assert.equal(answer.accepted, 0);
    assert.equal(answer.duplicates, 600);
  });

  test('are given to who comes back', async () => {
    const health = await belfry.ws('/ws?events=nothing');
    await belfry.until(() => health.messages.find(({ event }) => event === 'connected'), 'the viewer is connected');
    const { epoch } = health.messages.find(({ event }) => event === 'connected').data;
    health.terminate();
    const viewer = belfry.sse('/events?events=log,agent_activity', { headers: { 'last-event-id': `${epoch}-${first - 1}` } });
    const taken = () => viewer.messages.filter(({ event_id: id }) => id?.startsWith('one-'));
    await belfry.until(() => taken().length >= COUNT, () => `all events come (${taken().length})`);
    assert.deepEqual(taken().map(({ event_id: id }) => Number(id.slice(4))), numbers());
    assert.equal(viewer.messages.some(({ event }) => event === 'gap'), false);
    viewer.terminate();
  });

  test('are there after a restart', async () => {
    await belfry.restart('belfry-historyd');
    await belfry.untilHealthy();
    assert.deepEqual(await pages('order=asc&limit=777'), numbers());
    const answer = await belfry.deliver([make(5), make(COUNT - 2)]);
    assert.equal(answer.duplicates, 2);
  });
});

describe('sealing under load', { concurrency: false }, () => {
  test('survives kill -9 of belfry-historyd, again and again', async () => {
    const belfry = await instance();
    const viewers = [new Viewer(belfry, { kind: 'ws' }), new Viewer(belfry, { kind: 'sse' })];
    await belfry.until(() => viewers.every((viewer) => viewer.ready), 'the viewers are connected');
    const producers = new Producers(belfry, { batch: 50 });
    for (let round = 0; round < 6; round++) {
      await producers.progress(8);
      await pause(Math.random() * 300); // anywhere within a hand-over
      await belfry.kill('belfry-historyd');
      belfry.startProgram('belfry-historyd');
    }
    await producers.progress(8);
    await producers.end();
    await belfry.until(async () => (await sealed(belfry)) > 0, 'events are sealed');
    const stored = await readAll(belfry);
    producers.check(stored);
    for (const viewer of viewers) await viewer.check(stored);
    await Promise.all(viewers.map((viewer) => viewer.end()));
  });
});
