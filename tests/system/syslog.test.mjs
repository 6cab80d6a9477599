/*
 * Syslog: what logger(1) and others send over UDP, TCP and a unix socket is in the history, with its parts; what is too
 * much is dropped, and counted.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, start, temporaryFolder } from './harness.mjs';

let belfry, port, socket;
const logs = async (query) => (await belfry.get(`/api/logs?order=asc&limit=1000&${query}`, { key: belfry.adminKey })).json.logs;
const arrives = (query, count = 1) => belfry.until(async () => {
  const found = await logs(query);
  return found.length >= count && found;
}, `${count} messages of ${query}`);
const figure = async (name) => Number((await belfry.get('/metrics', { key: belfry.adminKey })).text.match(new RegExp(`^${name} (\\d+)`, 'm'))?.[1] ?? 0);
const logger = (...args) => {
  const { status, stderr } = spawnSync('logger', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
};
/** Writes to the TCP port and ends the connection. */
const send = (...pieces) => new Promise((resolve, reject) => {
  const client = net.connect(port, '127.0.0.1', () => {
    for (const piece of pieces) client.write(piece);
    client.end();
  });
  client.on('error', reject).on('close', resolve).resume();
});

before(async () => {
  port = await freePort();
  socket = path.join(temporaryFolder(), 'log');
  belfry = await start({
    conf: {
      watch: { host_interval: '1h' },
      syslog: { listen: `127.0.0.1:${port}`, socket, max_message: 1024, max_connections: 2, rate_limit: 500 },
    },
  });
  await belfry.until(() => (belfry.log('belfry-watchd').match(/syslog: listening/g) ?? []).length === 3, 'the sockets');
});
after(() => belfry?.stop());

test('logger(1) in both formats, over all three', async () => {
  const at = ['-n', '127.0.0.1', '-P', `${port}`];
  const ways = { udp: ['-d', ...at], tcp: ['-T', ...at], counted: ['-T', '--octet-count', ...at], unix: ['-u', socket] };
  for (const [way, how] of Object.entries(ways))
    for (const format of ['rfc3164', 'rfc5424']) {
      const source = `${way}-${format}`;
      logger(...how, `--${format}`, '-p', 'local3.err', '-t', source, `--id=4711`, `over ${way} password=hunter2secret`);
      const [line] = await arrives(`source=${source}`);
      assert.equal(line.message, `over ${way} password=***`, source);
      assert.equal(line.severity, 'error', source);
      assert.equal(line.attributes.facility, 'local3', source);
      assert.equal(line.attributes.pid, 4711, source);
      assert.ok(Math.abs(Date.parse(line.timestamp) - Date.now()) < 60_000, `${source}: ${line.timestamp}`);
    }
  logger('-d', ...at, '--rfc5424', '--msgid', 'ID7', '--sd-id', 'zoo@123', '--sd-param', 'tiger="hungry"', '-t', 'parts', 'fed');
  const [line] = await arrives('source=parts');
  assert.equal(line.attributes.msgid, 'ID7');
  assert.deepEqual(line.attributes.structured_data['zoo@123'], { tiger: 'hungry' });
  assert.ok(line.attributes.host);
});

test('messages over TCP come in pieces, several at once, with several lines, and too long', async () => {
  await send('<13>1 - - pieces - - - fir', 'st\n<13>1 - - pieces - - - second\n26 <13>1 - - pieces - - - a\nb', '<13>1 - - pieces - - - last');
  assert.deepEqual((await arrives('source=pieces', 4)).map((line) => line.message), ['first', 'second', 'a\nb', 'last']);
  await send(`<13>1 - - long - - - ${'x'.repeat(5000)}\n<13>1 - - long - - - next\n`);
  const [cut, next] = await arrives('source=long', 2);
  assert.ok(cut.message.length <= 1024 && cut.attributes.truncated === true);
  assert.equal(next.message, 'next');
  await send('no syslog at all\n');
  assert.equal((await arrives('source=syslog'))[0].message, 'no syslog at all');
});

test('connections and messages are bounded, and what is too much is counted', async () => {
  const clients = [];
  for (let i = 0; i < 2; i++) clients.push(net.connect(port, '127.0.0.1'));
  for (const client of clients) client.write('<13>1 - - held - - - here\n');
  await arrives('source=held', 2);
  await new Promise((resolve) => net.connect(port, '127.0.0.1').on('close', resolve).on('error', () => {}).resume());
  for (const client of clients) client.destroy();
  const udp = dgram.createSocket('udp4');
  const before = await figure('belfry_watch_syslog_dropped_total');
  for (let i = 0; i < 3000; i++) await new Promise((resolve) => udp.send(`<13>1 - - flood - - - ${i}`, port, '127.0.0.1', resolve));
  udp.close();
  await belfry.until(async () => (await figure('belfry_watch_syslog_dropped_total')) > before, 'belfry_watch_syslog_dropped_total');
  await belfry.until(async () => (await figure('belfry_watch_syslog_refused_total')) >= 1, 'belfry_watch_syslog_refused_total');
  assert.match(belfry.log('belfry-watchd'), /messages of syslog are dropped: more come in a second than syslog\.rate_limit/);
});

test('while the history is away messages wait for it', async () => {
  await belfry.until(async () => {
    await send('<13>1 - - calm - - - x\n');
    return (await logs('source=calm')).length > 0;
  }, 'the flood is over');
  await belfry.kill('belfry-historyd');
  await send(...Array.from({ length: 100 }, (_, n) => `<13>1 - - patient - - - ${n}\n`));
  belfry.startProgram('belfry-historyd');
  assert.deepEqual((await arrives('source=patient', 100)).map((line) => Number(line.message)), Array.from({ length: 100 }, (_, n) => n));
});
