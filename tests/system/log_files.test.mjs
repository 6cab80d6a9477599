/*
 * Log files: globs, formats, and lines that belong together, from real files through the real daemons to the API. What is
 * killed in between loses and doubles nothing.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { start, temporaryFolder } from './harness.mjs';

let belfry, folder;
const at = (name) => path.join(folder, name);
const logs = async (source) => (await belfry.get(`/api/logs?source=${source}&order=asc&limit=1000`, { key: belfry.adminKey })).json.logs;
const messages = async (source) => (await logs(source)).map((line) => line.message);
const arrives = (source, expected) =>
  belfry.until(async () => (await messages(source)).length >= expected.length, `the lines of ${source}`)
    .then(async () => assert.deepEqual(await messages(source), expected));

before(async () => {
  folder = temporaryFolder();
  fs.mkdirSync(at('apps'));
  fs.writeFileSync(at('apps/first.log'), 'first 1\n');
  fs.writeFileSync(at('apps/first.log.1'), 'old 1\n');
  fs.writeFileSync(at('apps/packed.log.gz'), 'not text\n');
  for (const name of ['json', 'fmt', 'own', 'trace', 'head', 'sys']) fs.writeFileSync(at(`${name}.txt`), '');
  belfry = await start({
    conf: {
      watch: { host_interval: '1h', max_log_files: 6 },
      logs: [
        { path: at('apps/*') },
        { path: at('sub-*/*.log'), source: 'sub' },
        { path: at('json.txt'), source: 'json', format: 'json' },
        { path: at('fmt.txt'), source: 'fmt', format: 'logfmt' },
        { path: at('own.txt'), source: 'own', pattern: '^(?<severity>\\w+)/(?<shop>\\w+) (?<message>.*)$' },
        { path: at('sys.txt'), source: 'sys', format: 'syslog' },
        { path: at('trace.txt'), source: 'trace' },
        { path: at('head.txt'), source: 'head', multiline_start: '^\\d+ ' },
      ],
    },
  });
});
after(() => belfry?.stop());

test('a glob leads to the files that are there, and to those that come', async () => {
  await arrives('first.log', ['first 1']);
  fs.writeFileSync(at('apps/second.log'), 'second 1\n');
  await arrives('second.log', ['second 1']);
  fs.mkdirSync(at('sub-a'));
  fs.writeFileSync(at('sub-a/x.log'), 'in a folder that came later\n');
  fs.symlinkSync(at('apps/second.log'), at('apps/current'));
  // Rotated in both ways that there are, and by hand to a name that says nothing.
  fs.renameSync(at('apps/first.log.1'), at('apps/first.log.2'));
  fs.renameSync(at('apps/first.log'), at('apps/first.log.1'));
  fs.writeFileSync(at('apps/first.log'), 'first 2\n');
  fs.renameSync(at('apps/second.log'), at('apps/second.1.log'));
  fs.writeFileSync(at('apps/second.log'), 'second 2\n');
  await arrives('first.log', ['first 1', 'first 2']);
  await arrives('second.log', ['second 1', 'second 2']);
  await belfry.kill('belfry-watchd');
  fs.appendFileSync(at('apps/second.log'), 'second 3\n');
  fs.appendFileSync(at('apps/first.log'), 'first 3\n');
  belfry.startProgram('belfry-watchd');
  await arrives('first.log', ['first 1', 'first 2', 'first 3']);
  await arrives('second.log', ['second 1', 'second 2', 'second 3']);
  await arrives('sub', ['in a folder that came later']);
  const { logs: all } = (await belfry.get('/api/logs?limit=1000', { key: belfry.adminKey })).json;
  const sources = new Set(all.map((line) => line.source));
  for (const name of ['first.log.1', 'first.log.2', 'second.1.log', 'packed.log.gz', 'current']) assert.ok(!sources.has(name), `${name} is followed`);
});

test('more files than may be followed are told', async () => {
  for (let i = 0; i < 8; i++) fs.writeFileSync(at(`apps/many${i}.log`), `${i}\n`);
  await belfry.until(() => /more than 6 log files match the globs of `logs`/.test(belfry.log('belfry-watchd')), 'the warning');
});

test('each format says what its lines are', async () => {
  fs.appendFileSync(at('json.txt'), '{"time":"2026-11-20T10:00:00Z","level":"error","msg":"it broke","code":7}\nno json\n');
  fs.appendFileSync(at('fmt.txt'), 'level=warn msg="a b" n=1\n');
  fs.appendFileSync(at('own.txt'), 'ERROR/north all gone\nother\n');
  fs.appendFileSync(at('sys.txt'), '2026-11-20T10:00:00Z web cron[7]: ran\n');
  await arrives('json', ['it broke', 'no json']);
  await arrives('fmt', ['a b']);
  await arrives('own', ['all gone', 'other']);
  await arrives('sys', ['ran']);
  const [broke] = await logs('json');
  assert.equal(broke.severity, 'error');
  assert.equal(broke.timestamp, '2026-11-20T10:00:00.000Z');
  assert.deepEqual(broke.attributes, { code: 7 });
  assert.deepEqual((await logs('fmt'))[0].attributes, { n: 1 });
  assert.deepEqual((await logs('own'))[0].attributes, { shop: 'north' });
  assert.deepEqual((await logs('sys'))[0].attributes, { pid: 7, host: 'web' });
  await belfry.until(async () => (await belfry.get('/api/loop-status', { key: belfry.adminKey })).json.misfits_total >= 2, 'misfits_total');
});

test('the lines of a trace are one event, however they come and whoever is killed', async () => {
  const trace = ['2026-11-20 10:00:00 ERROR failed', 'Traceback (most recent call last):', '  File "a.py", line 1, in f', '    g()', 'ValueError: no'];
  fs.appendFileSync(at('trace.txt'), `${trace[0]}\n${trace[1]}\n`);
  fs.appendFileSync(at('trace.txt'), `${trace[2]}\n`);
  await belfry.kill('belfry-watchd');
  belfry.startProgram('belfry-watchd');
  fs.appendFileSync(at('trace.txt'), `${trace[3]}\n${trace[4]}\nINFO on\n`);
  await belfry.until(async () => (await messages('trace')).length >= 2, 'the trace');
  // Who was killed may have taken the first half for all of it; nothing is lost or doubled.
  assert.equal((await messages('trace')).join('\n'), [...trace, 'INFO on'].join('\n'));
  fs.appendFileSync(at('trace.txt'), `${trace.join('\n')}\nINFO off\n`);
  await belfry.until(async () => (await messages('trace')).at(-1) === 'INFO off', 'another trace');
  assert.equal((await messages('trace')).at(-2), trace.join('\n'));
  fs.appendFileSync(at('head.txt'), '1 a\nb\n\nc\n2 d\n');
  await arrives('head', ['1 a\nb\n\nc', '2 d']);
});
