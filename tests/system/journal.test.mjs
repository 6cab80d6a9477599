/*
 * systemd's journal: entries of real journal files, which systemd-journal-remote writes, are in the history once each,
 * whoever is killed in between.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { start, temporaryFolder } from './harness.mjs';

const REMOTE = '/lib/systemd/systemd-journal-remote';
let belfry, folder, made = 0;

/** Writes a journal file of entries, later than those before it. */
const write = (entries) => {
  const lines = entries.map((fields) => {
    const us = BigInt(Date.now() - 60_000) * 1000n + BigInt(++made) * 1000n;
    const all = { __REALTIME_TIMESTAMP: us, __MONOTONIC_TIMESTAMP: made * 1000, _BOOT_ID: 'a'.repeat(32), _MACHINE_ID: 'b'.repeat(32), _HOSTNAME: 'web1', ...fields };
    return `${Object.entries(all).map(([key, value]) => `${key}=${value}`).join('\n')}\n\n`;
  });
  // Whole in another place first: an application of systemd renames its files, too.
  const name = `part${made}.journal`;
  const { status, stderr } = spawnSync(REMOTE, [`--output=${path.join(folder, '..', name)}`, '-'], { input: lines.join(''), encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  fs.renameSync(path.join(folder, '..', name), path.join(folder, name));
};
const entry = (text, fields = {}) => ({ MESSAGE: text, PRIORITY: 6, SYSLOG_IDENTIFIER: 'app', _SYSTEMD_UNIT: 'app.service', _PID: 4711, ...fields });
const logs = async (source) => (await belfry.get(`/api/logs?source=${source}&order=asc&limit=1000`, { key: belfry.adminKey })).json.logs;
const arrives = (source, count) => belfry.until(async () => {
  const found = await logs(source);
  return found.length >= count && found;
}, `${count} entries of ${source}`);

before(async () => {
  folder = path.join(temporaryFolder(), 'journal');
  fs.mkdirSync(folder);
  write([entry('from before it was followed')]);
  belfry = await start({
    conf: { watch: { host_interval: '1h' }, journal: { enabled: true, directory: folder, units: 'app*, other.service' } },
  });
  // Where the journal ends is known before anything comes.
  const db = path.join(belfry.stateDir ?? belfry.dir, 'history', 'hot.db');
  await belfry.until(() => spawnSync('sqlite3', ['-readonly', db, `SELECT path FROM tail_position WHERE path = 'journal:${folder}'`], { encoding: 'utf8' }).stdout.trim(), 'its position');
});
after(() => belfry?.stop());

test('entries come with their parts; others are left out', async () => {
  write([
    entry('ready with password=hunter2secret'),
    entry('of another unit', { _SYSTEMD_UNIT: 'else.service', SYSLOG_IDENTIFIER: 'else' }),
    entry('not grave enough', { PRIORITY: 7 }),
    entry('it broke', { PRIORITY: 3, SYSLOG_IDENTIFIER: 'other', _SYSTEMD_UNIT: 'other.service' }),
    entry('last'),
  ]);
  const [ready, last] = await arrives('app', 2);
  assert.equal(ready.message, 'ready with password=***');
  assert.deepEqual(ready.attributes, { unit: 'app.service', pid: 4711, host: 'web1' });
  assert.ok(Math.abs(Date.parse(ready.timestamp) - Date.now()) < 120_000);
  assert.equal(last.message, 'last');
  assert.equal((await arrives('other', 1))[0].severity, 'error');
  assert.deepEqual(await logs('else'), []);
});

test('each is there once, whoever is killed', async () => {
  let expected = (await logs('app')).length;
  for (let round = 0; round < 6; round++) {
    const killed = round % 2 ? 'belfry-historyd' : 'belfry-watchd';
    write(Array.from({ length: 300 }, (_, n) => entry(`entry ${round}.${n}`)));
    await belfry.kill(killed);
    write(Array.from({ length: 20 }, (_, n) => entry(`more ${round}.${n}`)));
    belfry.startProgram(killed);
    expected += 320;
  }
  const count = async () => (await belfry.get('/api/logs/histogram?source=app&from=-1h&step=1h', { key: belfry.adminKey })).json.total;
  await belfry.until(async () => (await count()) >= expected, 'all entries');
  write([entry('the end', { SYSLOG_IDENTIFIER: 'other' })]);
  await belfry.until(async () => (await logs('other')).at(-1).message === 'the end', 'the end');
  assert.equal(await count(), expected);
});
