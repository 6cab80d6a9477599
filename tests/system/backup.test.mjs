/*
 * A backup made under load comes back as the history of that moment, under another epoch; one that is damaged is refused
 * with the file's name; a damaged sealed file is found and set aside, and the rest is served.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { programPath, run, start, temporaryFolder } from './harness.mjs';
import { Producers, readAll } from './steady.mjs';

const conf = { logs: [], watch: { host_interval: '1s' }, history: { hot_events: 1 } };
const running = [];
async function instance(options) {
  const belfry = await start({ ...options, conf });
  running.push(belfry);
  return belfry;
}
after(() => Promise.all(running.map((belfry) => belfry.stop())));

const cli = (...args) => run(programPath('belfry'), args, { timeout: 60_000 });

const epochOf = async (belfry) => {
  const client = belfry.ws('/ws');
  await belfry.until(() => client.messages[0], 'the server has greeted');
  client.close?.();
  return client.messages[0].data.epoch;
};

/** Flips a bit behind each mark of a zstd frame: within packed events. */
function flip(file) {
  const mark = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  const bytes = fs.readFileSync(file);
  let count = 0;
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1), count++) bytes[at + 16] ^= 4;
  fs.writeFileSync(file, bytes);
  return count;
}

describe('backup', { concurrency: false }, () => {
  const folder = temporaryFolder();
  const backup = path.join(folder, 'backup');
  const state = path.join(folder, 'state');
  let belfry, events, epoch, head;

  before(async () => {
    belfry = await instance();
    const many = Array.from({ length: 1000 }, (_, n) => ({ event: 'steady', source: 'before', data: { message: `number ${n} of foo_bar` } }));
    for (let n = 0; n < 5; n++) await belfry.deliver(many.map((event) => ({ ...event, event_id: `before-${n}-${event.data.message}` })));
    await belfry.until(
      async () => fs.readdirSync(path.join(belfry.stateDir, 'history/segments')).some((name) => name.startsWith('events-')) &&
        Number(/^belfry_history_sealed_events_total (\d+)/m.exec((await belfry.get('/metrics', { key: belfry.adminKey })).text)?.[1]) >= 2048,
      'events are sealed',
    );
    epoch = await epochOf(belfry);
  });

  test('is made while events are posted', async () => {
    const producers = new Producers(belfry);
    await producers.progress();
    const { status, stdout, stderr } = await cli('backup', '--config', belfry.confPath, backup);
    await producers.progress();
    await producers.end();
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`events up to \\d+ of the history ${epoch}, \\d+ files, `));
    head = Number(/events up to (\d+)/.exec(stdout)[1]);
    events = await readAll(belfry);
    producers.check(events);
    assert.ok(head >= 5000);
    assert.ok(events.some(({ id }) => id > head), 'it was made in the middle');
    const manifest = JSON.parse(fs.readFileSync(path.join(backup, 'manifest.json'), 'utf8'));
    assert.deepEqual([manifest.format, manifest.epoch, manifest.head], [1, epoch, head]);
    const files = manifest.files.map(({ name }) => name);
    assert.ok(files.includes('hot.db') && files.some((name) => name.startsWith('segments/events-')), `${files}`);
    assert.deepEqual(fs.readdirSync(folder), ['backup'], 'nothing is left beside it');
  });

  test('goes nowhere where something is', async () => {
    const { status, stderr } = await cli('backup', '--config', belfry.confPath, backup);
    assert.equal(status, 1);
    assert.match(stderr, /is not empty: name a folder that is not there yet/);
  });

  test('is not restored over a history', async () => {
    const { status, stderr } = await cli('restore', '--config', belfry.confPath, backup);
    assert.equal(status, 1);
    assert.match(stderr, /in use by process \d+/);
  });

  test('that is damaged is refused with the name of the file', async () => {
    fs.mkdirSync(state);
    const name = fs.readdirSync(path.join(backup, 'segments')).find((file) => file.startsWith('events-'));
    const file = path.join(backup, 'segments', name);
    const right = fs.readFileSync(file);
    assert.ok(flip(file) > 0, 'there are packed events');
    const { status, stderr } = await cli('restore', '--state', state, backup);
    assert.equal(status, 1);
    assert.ok(stderr.includes(file) && stderr.includes('is damaged'), stderr);
    assert.ok(!fs.existsSync(path.join(state, 'history/hot.db')), 'nothing is left');
    fs.writeFileSync(file, right);
  });

  test('comes back as the history of its moment, under another epoch', async () => {
    const { status, stdout, stderr } = await cli('restore', '--state', state, backup);
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`events up to ${head}, .* every checksum right; the epoch is now [0-9a-f]{16}`));
    // The keys are in the history; the token of the first is a file, and not in a backup.
    fs.copyFileSync(path.join(belfry.stateDir, 'admin.token'), path.join(state, 'admin.token'));
    const restored = await instance({ stateDir: state });
    assert.deepEqual(await readAll(restored), events.filter(({ id }) => id <= head));
    const found = await restored.get('/api/events?q=foo_bar&limit=1', { key: restored.adminKey });
    assert.equal(found.json.events.length, 1);
    const now = await epochOf(restored);
    assert.notEqual(now, epoch);
    assert.ok(stdout.includes(now));
    // Somebody who was connected to the lost history is told that the place means nothing here.
    const client = restored.ws(`/ws?since=${head}&epoch=${epoch}`);
    await restored.until(() => client.messages[0], 'the server has greeted');
    assert.equal(client.messages[0].data.complete, false);
    const { last_id: next } = await restored.deliver([{ event: 'steady', event_id: 'after', data: {} }]);
    assert.ok(next > head);
  });

  test('a sealed file with flipped bits is found, named, and set aside; the rest is served', async () => {
    const restored = running.at(-1);
    const sound = await cli('check-history', '--full', '--config', restored.confPath);
    assert.equal(sound.status, 0, sound.stderr);
    assert.match(sound.stdout, /: 0 damaged, 0 written anew, 0 set aside$/m);
    await restored.terminate('belfry-historyd');
    const name = fs.readdirSync(path.join(state, 'history/segments')).find((file) => /^events-.*\.db$/.test(file));
    // What was written lately is in its log yet.
    const files = [name, `${name}-wal`].map((one) => path.join(state, 'history/segments', one)).filter((one) => fs.existsSync(one));
    assert.ok(files.map(flip).reduce((sum, count) => sum + count) > 0, 'there are packed events');
    const found = await cli('check-history', '--full', '--config', restored.confPath);
    assert.equal(found.status, 1);
    assert.match(found.stderr, new RegExp(`^${name}: `, 'm'));
    assert.match(found.stdout, /: 1 damaged, 0 written anew, 0 set aside$/m);
    const repaired = await cli('check-history', '--full', '--repair', '--config', restored.confPath);
    assert.match(repaired.stdout, /: 1 damaged, 0 written anew, 1 set aside$/m);
    restored.startProgram('belfry-historyd');
    await restored.untilHealthy();
    const rest = await readAll(restored);
    assert.ok(rest.length > 0 && rest.length < events.length);
    assert.equal(rest.at(-1).event_id, 'after');
    await restored.deliver([{ event: 'steady', event_id: 'and on', data: {} }]);
  });
});

describe('mending', { concurrency: false }, () => {
  let belfry;
  const segments = () => path.join(belfry.stateDir, 'history/segments');
  const sealedFile = () => fs.readdirSync(segments()).find((file) => /^events-.*\.db$/.test(file));
  const found = async (q) => (await belfry.get(`/api/events?limit=1000&q=${q}`, { key: belfry.adminKey })).json.events.length;
  const sql = (file, text) => run('sqlite3', [file, text]).then(({ status, stderr }) => assert.equal(status, 0, stderr));
  const check = (...args) => cli('check-history', ...args, '--config', belfry.confPath);
  const state = async () => {
    const [stats, agents, sessions] = await Promise.all(
      ['/stats', '/api/agents', '/api/sessions'].map(async (target) => (await belfry.get(target, { key: belfry.adminKey })).json),
    );
    const { total_events, total_agents_executed, total_opportunities_discovered, avg_quality_score } = stats.metrics;
    return JSON.stringify([total_events, total_agents_executed, total_opportunities_discovered, avg_quality_score, agents.agents.map(({ last_seen, ...agent }) => agent), sessions.sessions.length]);
  };

  before(async () => {
    belfry = await instance();
    for (let n = 0; n < 4; n++)
      await belfry.deliver(Array.from({ length: 1000 }, (_, i) => ({ event: 'steady', event_id: `m-${n}-${i}`, data: { message: `word_${i % 7} number ${i}` } })));
    await belfry.deliver([
      ...Array.from({ length: 40 }, (_, n) => ({ event: 'agent_execution_started', data: { agent_name: `agent-${n % 3}` } })),
      ...Array.from({ length: 40 }, (_, n) => ({ event: 'agent_execution_completed', data: { agent_name: `agent-${n % 3}`, success: n % 5 > 0, quality_score: n / 40 } })),
      { event: 'session_update', data: { session_id: 's1', agent: 'agent-1', token_usage: 5 } },
      { event: 'opportunity_discovered', data: { opportunity_id: 'o1', title: 'one', confidence_score: 70 } },
    ]);
    await belfry.until(async () => Number(/^belfry_history_sealed_events_total (\d+)/m.exec((await belfry.get('/metrics', { key: belfry.adminKey })).text)?.[1]) >= 3072, 'events are sealed');
  });

  test('an index of words that is wrong is made anew of the events', async () => {
    const words = await found('word_3');
    assert.ok(words > 500);
    await belfry.terminate('belfry-historyd');
    const name = sealedFile();
    await sql(path.join(segments(), name), "INSERT INTO word (word) VALUES ('delete-all')");
    assert.match((await check('--full')).stdout, /: 1 damaged, 0 written anew/);
    const mended = await check('--full', '--repair');
    assert.match(mended.stderr, new RegExp(`^${name}: was written anew: \\d+ events are there, 0 are lost$`, 'm'));
    assert.ok(fs.existsSync(path.join(segments(), `damaged-${name}`)));
    assert.match((await check('--full')).stdout, /: 0 damaged, 0 written anew, 0 set aside$/m);
    belfry.startProgram('belfry-historyd');
    await belfry.untilHealthy();
    assert.equal(await found('word_3'), words);
  });

  test('a block that cannot be read takes no other with it', async () => {
    const before = (await readAll(belfry)).length;
    await belfry.terminate('belfry-historyd');
    const name = sealedFile();
    await sql(path.join(segments(), name), "UPDATE block_data SET data = zeroblob(100) WHERE number = 2; PRAGMA wal_checkpoint(TRUNCATE)");
    const mended = await check('--full', '--repair');
    const lost = Number(new RegExp(`^${name}: was written anew: \\d+ events are there, (\\d+) are lost$`, 'm').exec(mended.stderr)?.[1]);
    assert.equal(lost, 1024, mended.stderr);
    belfry.startProgram('belfry-historyd');
    await belfry.untilHealthy();
    assert.equal((await readAll(belfry)).length, before - lost);
  });

  test('projections are made anew of the log', async () => {
    const right = await state();
    assert.match(right, /agent-2/);
    await belfry.terminate('belfry-historyd');
    const hot = path.join(belfry.stateDir, 'history/hot.db');
    await sql(hot, "UPDATE counter SET value = 3; DELETE FROM agent; DELETE FROM session; UPDATE opportunity SET title = 'x'");
    const { status, stdout, stderr } = await check('--projections');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /the projections were made anew of \d+ events$/m);
    belfry.startProgram('belfry-historyd');
    await belfry.untilHealthy();
    const now = await state();
    // The events of the block that was lost above are not counted any more.
    const [total, ...rest] = JSON.parse(right);
    const [totalNow, ...restNow] = JSON.parse(now);
    assert.deepEqual(restNow, rest);
    assert.ok(total - totalNow >= 1024 - 10 && total - totalNow <= 1024, `${total} and ${totalNow}`);
  });

  test('projections that hold more than the log are left as they are', async () => {
    await belfry.terminate('belfry-historyd');
    await sql(path.join(belfry.stateDir, 'history/hot.db'), "UPDATE segment SET first_id = 500 WHERE kind = 'events'");
    const { status, stderr } = await check('--projections');
    assert.equal(status, 1);
    assert.match(stderr, /the events up to 499 are gone by retention/);
    const right = await check('--repair');
    assert.equal(right.status, 0, right.stderr);
  });
});
