/*
 * A probe that is stuck never delays another: name servers that do not answer, peers that take a connection and say nothing,
 * programs that hang, with many of each at a time. The loop says how late its turns begin.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { run, sourceDir, start, temporaryFolder } from './harness.mjs';

const preload = path.join(temporaryFolder(), 'slow_names.so');
let belfry, server, silent;
const asked = [];

before(async () => {
  const built = await run(process.env.CC ?? 'cc', ['-std=gnu17', '-Wall', '-Wextra', '-O1', '-shared', '-fPIC', '-o', preload, path.join(sourceDir, 'tests/system/slow_names_preload.c')]);
  assert.equal(built.status, 0, built.stderr);
  server = http.createServer((request, response) => (asked.push(Date.now()), response.end())).listen(0, '127.0.0.1');
  silent = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(silent, 'listening')]);
  const many = (make) => Array.from({ length: 10 }, (_, i) => make(i));
  belfry = await start({
    conf: {
      watch: { interval: '1s', host_interval: '1h', timeout: '300ms', retries: 0, jitter: 0 },
      services: [
        { name: 'well', port: server.address().port, health_endpoint: '/' },
        ...many((i) => ({ name: `name${i}`, health_endpoint: `http://slow.${i}.invalid/` })),
        ...many((i) => ({ name: `connect${i}`, type: 'tcp', port: 1, host: `slow.tcp${i}.invalid` })),
        ...many((i) => ({ name: `silent${i}`, port: silent.address().port, health_endpoint: '/' })),
        ...many((i) => ({ name: `hangs${i}`, type: 'exec', command: ['/bin/sh', '-c', 'trap "" TERM INT; while :; do sleep 60; done'] })),
      ],
    },
    environment: {
      'belfry-watchd': { LD_PRELOAD: preload, BELFRY_SLOW_MS: '20000', ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0` },
    },
  });
});
after(async () => {
  await belfry?.stop();
  server?.close();
  silent?.close();
});

test('what hangs is told of, and what does not is probed in time', async () => {
  const state = async () => Object.fromEntries((await belfry.get('/api/services', { key: belfry.adminKey })).json.services.map((one) => [one.name, one]));
  await belfry.until(async () => {
    const all = await state();
    return all.well.status === 'up' && all.silent9.status === 'down' && all.hangs9.status === 'down' && all.name9.last_check && all.connect9.last_check;
  }, 'all were checked');
  const from = asked.length;
  await belfry.until(() => asked.length >= from + 5, 'the one that is well is probed on');
  const all = await state();
  assert.equal(all.well.status, 'up');
  for (const name of ['name0', 'connect0']) assert.notEqual(all[name].status, 'up', name);
  // Every lookup takes 20 s: a loop that had waited for one could not have come this far.
  assert.ok(asked.at(-1) - asked[from] < 20_000, `five probes took ${asked.at(-1) - asked[from]} ms`);
  const { json } = await belfry.get('/api/loop-status', { key: belfry.adminKey });
  assert.ok(json.checks_total > 20 && json.running, JSON.stringify(json));
});
