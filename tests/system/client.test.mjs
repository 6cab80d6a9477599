/*
 * The client in one header, and the examples: what they send arrives, once, whatever happens on the way.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { run, sourceDir, start, temporaryFolder } from './harness.mjs';

const examples = path.join(sourceDir, 'examples');
let belfry, dir, keyFile;
before(async () => {
  belfry = await start({ conf: { logs: [] } });
  dir = temporaryFolder();
  keyFile = path.join(dir, 'key');
  fs.writeFileSync(keyFile, `${await belfry.makeKey('ingest', 'examples')}\n`, { mode: 0o600 });
});
after(() => belfry?.stop());

const env = () => ({ BELFRY_URL: `${belfry.url}/monitor/`, BELFRY_KEY_FILE: keyFile });
async function events(query) {
  const { json } = await belfry.get(`/api/events?order=asc&limit=1000&${query}`, { key: belfry.adminKey });
  return json.events.map(expect.event);
}

/** Compiles a C program and returns its path. */
async function compile(name, source, { compiler = 'cc', flags = ['-std=c99'] } = {}) {
  const file = path.join(dir, `${name}.c`);
  if (source) fs.writeFileSync(file, source);
  const out = path.join(dir, name);
  const args = [...flags, '-Wall', '-Wextra', '-Wpedantic', '-Werror', `-I${sourceDir}/client`, '-o', out, source ? file : path.join(examples, 'emit.c')];
  const { status, stderr } = await run(compiler, args);
  assert.equal(status, 0, `${compiler}: ${stderr}`);
  return out;
}

for (const example of ['emit.sh', 'emit.py'])
  test(example, async () => {
    const sent = await run(path.join(examples, example), ['order.created', '{"total": 12.50}'], { env: env() });
    assert.equal(sent.status, 0, sent.stderr);
    assert.equal(JSON.parse(sent.stdout).accepted, 1);
    assert.deepEqual((await events(`source=${example}`)).map((event) => [event.event, event.data]), [['order.created', { total: 12.5 }]]);
    const bare = await run(path.join(examples, example), ['bare'], { env: env() });
    assert.equal(bare.status, 0, bare.stderr);
    assert.deepEqual((await events(`source=${example}&event=bare`)).map((event) => event.data), [{}]);
    const refused = await run(path.join(examples, example), ['Not A Type'], { env: env() });
    assert.notEqual(refused.status, 0, 'what is refused is told');
  });

for (const [name, compiler, flags] of [['c99', 'cc', ['-std=c99']], ['cpp', 'c++', ['-std=c++17', '-x', 'c++']]])
  test(`emit.c as ${name}`, async () => {
    const before = (await events('source=emit.c')).length;
    const sent = await run(await compile(name, undefined, { compiler, flags }), [], { env: env() });
    assert.equal(sent.status, 0, sent.stderr);
    const [event, line] = (await events('source=emit.c')).slice(before);
    assert.deepEqual([event.event, event.severity, event.data], ['agent_activity', 'info', { agent: 'example', action: 'invoked' }]);
    assert.deepEqual([line.event, line.severity, line.data], ['log', 'warning', { message: 'a line from "C"', attributes: { lines: 1 } }]);
    assert.ok(Math.abs(Date.parse(line.timestamp) - Date.now()) < 60_000);
    const { json } = await belfry.get('/api/metrics?metric=example_temperature_celsius', { key: belfry.adminKey });
    assert.deepEqual(json.metrics[0].series.map((series) => [series.labels, series.last]), [[{ room: 'c' }, 21.5]]);
  });

describe('the header', () => {
  const program = (body) => `
    #define BELFRY_IMPLEMENTATION
    #include <belfry.h>
    int main(int argc, char **argv) {
      belfry *b = belfry_open(argc > 1 ? argv[1] : NULL, NULL);
      int i, result;
      char data[64];
      ${body}
    }`;

  test('what the server refuses is dropped by itself, and told; the rest is sent', async () => {
    const sent = await run(await compile('refused', program(`
      belfry_set_source(b, "refused");
      for (i = 0; i < 2500; i++) {
        snprintf(data, sizeof data, i == 700 ? "{\\"broken\\":}" : "{\\"i\\":%d}", i);
        belfry_event(b, i == 1800 ? "health_changed" : "x", NULL, data);
      }
      printf("%d ", belfry_event(b, "Upper", NULL, NULL));
      printf("%d ", belfry_event(b, "x", NULL, "no object"));
      printf("%d ", belfry_sample(b, "x", 1.0 / (argc - 1), NULL));
      belfry_log(b, "info", "\\xff\\xfe \\xe2\\x82 caf\\xc3\\xa9 \\x01 \\"", "{\\n\\"a\\":\\n1}");
      result = belfry_flush(b, 10000);
      printf("%d %lu %lu %s", result, belfry_dropped(b), (unsigned long)belfry_queued(b), belfry_error_text(b));
      return belfry_close(b, 0);`)), [], { env: env() });
    assert.match(sent.stdout, /^-4 -4 -4 -3 2 0 refused: line \d+\/event: 'health_changed' is a system event/, sent.stderr);
    let stored = 0, cursor = '', last;
    do {
      const { json } = await belfry.get(`/api/events?source=refused&order=asc&limit=1000${cursor}`, { key: belfry.adminKey });
      stored += json.events.length;
      last = json.events.at(-1) ?? last;
      cursor = json.next_cursor ? `&cursor=${json.next_cursor}` : '';
    } while (cursor);
    assert.equal(stored, 2499);
    assert.deepEqual(last.data, { message: '?? ?? café \u0001 "', attributes: { a: 1 } });
  });

  test('while nobody answers it waits as long as it is told, keeps what it has, and is full at last', async () => {
    const sent = await run(await compile('away', program(`
      long long begun = belfry__clock_ms(CLOCK_MONOTONIC);
      belfry_set_queue(b, 4000);
      for (i = 0; (result = belfry_event(b, "x", NULL, NULL)) == BELFRY_SENT; i++) {}
      printf("%d %d ", result, i > 20 && i < 60);
      printf("%d ", belfry_flush(b, 300));
      printf("%d ", belfry_queued(b) > 3000);
      begun = belfry__clock_ms(CLOCK_MONOTONIC) - begun;
      printf("%d %s", begun >= 300 && begun < 3000, belfry_error_text(b));
      (void)data;
      return belfry_close(b, 0) != BELFRY_LATER;`)), ['http://127.0.0.1:1/'], { env: env() });
    assert.equal(sent.status, 0, sent.stderr);
    assert.match(sent.stdout, /^-2 1 -1 1 1 cannot connect to 127\.0\.0\.1:1: Connection refused/);
  });

  test('it comes again when it is told to, and what was stored without an answer is stored once', async () => {
    // A proxy that swallows the first answer, and refuses the second request for a second.
    const asked = [];
    const proxy = http.createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', async () => {
        asked.push(Date.now());
        if (asked.length === 2) return response.writeHead(503, { 'retry-after': '1' }).end();
        const answer = await belfry.request('POST', request.url, { headers: { ...request.headers, connection: 'keep-alive' }, body: Buffer.concat(parts) });
        if (asked.length === 1) return response.destroy();
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
      });
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const sent = await run(await compile('again', program(`
      belfry_set_source(b, "again");
      for (i = 0; i < 5; i++)
        belfry_event(b, "x", "success", NULL);
      result = belfry_flush(b, 20000);
      (void)data;
      belfry_close(b, 0);
      return result;`)), [`http://localhost:${proxy.address().port}`], { env: env() });
    proxy.close();
    assert.equal(sent.status, 0, sent.stderr);
    assert.equal(asked.length, 3);
    assert.ok(asked[2] - asked[1] >= 990, `came again after ${asked[2] - asked[1]} ms`);
    assert.equal((await events('source=again')).length, 5);
  });

  test('a wrong key is told, and nothing is lost', async () => {
    const sent = await run(await compile('denied', program(`
      belfry_event(b, "x", NULL, NULL);
      printf("%d %d %s", belfry_flush(b, 5000), belfry_queued(b) > 0, belfry_error_text(b));
      (void)i; (void)result; (void)data;
      belfry_close(b, 0);
      return 0;`)), [], { env: { ...env(), BELFRY_KEY_FILE: '/dev/null' } });
    assert.match(sent.stdout, /^-1 1 the server answers 401/);
  });
});
