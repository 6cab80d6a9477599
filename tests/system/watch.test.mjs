/*
 * What watchd sees by itself: the host, services, log files.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, start, temporaryFolder } from './harness.mjs';

let belfry, service, servicePort, folder;
let answer = 200;

before(async () => {
  folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'app.log'), '');
  servicePort = await freePort();
  service = http.createServer((request, response) => response.writeHead(answer).end('{"status":"ok"}'));
  service.listen(servicePort, '127.0.0.1');
  await once(service, 'listening');
  belfry = await start({
    conf: {
      watch: { interval: '1s', host_interval: '1s' },
      thresholds: { restart_failures: 2 },
      services: [
        { name: 'shop', port: servicePort, health_endpoint: '/health' },
        { name: 'nobody', port: await freePort() },
      ],
      logs: [{ path: path.join(folder, 'app.log'), source: 'app' }],
    },
  });
});
after(async () => {
  await belfry?.stop();
  service?.close();
});

const admin = () => ({ key: belfry.adminKey });
async function logs(query) {
  const { json } = await belfry.get(`/api/events?event=log&order=asc&limit=1000&${query}`, admin());
  return json.events;
}

test('the host is measured', async () => {
  for (const metric of ['host_cpu_percent', 'host_memory_percent', 'host_load1', 'host_disk_percent'])
    await belfry.until(async () => {
      const { json } = await belfry.get(`/api/history?metric=${metric}&from=-15m&agg=last`, admin());
      const values = json.series.flatMap((series) => series.points.map((point) => point[1]));
      return values.length > 0 && values.every((value) => value >= 0);
    }, `samples of ${metric}`);
  const { json } = await belfry.get('/api/history?metric=host_disk_percent&from=-15m&agg=last', admin());
  assert.ok(json.series.every((series) => typeof series.labels.mount === 'string'));
});

test('a service goes down after its failures in a row, and up again', async () => {
  const changes = async () =>
    (await belfry.get('/api/events?event=health_changed&order=asc&limit=1000', admin())).json.events.filter((event) =>
      JSON.stringify(event.data).includes('"shop"'),
    );
  const status = async () => {
    const client = belfry.ws();
    await client.next('connected');
    client.send('get_state');
    const { services } = (await client.next('state')).data;
    client.terminate();
    return services.find((one) => one.name === 'shop')?.status;
  };
  await belfry.until(async () => (await status()) === 'up', 'shop is up');
  answer = 500;
  await belfry.until(async () => (await status()) === 'down', 'shop is down');
  answer = 200;
  await belfry.until(async () => (await status()) === 'up', 'shop is up again');
  assert.ok((await changes()).length >= 2, 'the changes are on the timeline');
});

test('a service that was never there is down, and its name is told', async () => {
  await belfry.until(async () => {
    const { json } = await belfry.get('/api/history?metric=service_up&from=-15m&agg=last&label.service=nobody', admin());
    return json.series.some((series) => series.points.at(-1)[1] === 0);
  }, 'service_up of nobody is 0');
});

test('lines of a log file become events, each exactly once, across rotation and restarts', async () => {
  const file = path.join(folder, 'app.log');
  let written = 0;
  const write = (count) => {
    for (let n = 0; n < count; n++) fs.appendFileSync(file, `line ${written++} of the log\n`);
  };
  const arrived = () =>
    belfry.until(async () => (await logs('source=app')).length >= written, `${written} lines`);
  write(100);
  await arrived();
  await belfry.restart('belfry-watchd');
  write(100);
  await arrived();
  fs.renameSync(file, `${file}.1`);
  fs.appendFileSync(`${file}.1`, `line ${written++} of the log\n`);
  write(100);
  await arrived();
  await belfry.kill('belfry-watchd');
  write(100);
  belfry.startProgram('belfry-watchd');
  await arrived();
  await belfry.kill('belfry-historyd');
  write(100);
  belfry.startProgram('belfry-historyd');
  await arrived();

  const lines = (await logs('source=app')).map((event) => event.data.message);
  assert.deepEqual(
    lines.map((line) => Number(line.match(/line (\d+)/)[1])).sort((a, b) => a - b),
    Array.from({ length: written }, (_, n) => n),
  );
});

test('half a line waits for its end, a line that is too long is cut, bytes that are no text are replaced', async () => {
  const file = path.join(folder, 'app.log');
  fs.appendFileSync(file, 'first half, ');
  fs.appendFileSync(file, 'whole\nsecond half\n');
  await belfry.until(async () => (await logs('source=app&q=%22second%20half%22')).length === 1, 'the second line');
  const halves = await logs('source=app&q=%22first%20half%22');
  assert.deepEqual(halves.map((event) => event.data.message), ['first half, whole']);

  fs.appendFileSync(file, `long ${'x'.repeat(300_000)}\n`);
  fs.appendFileSync(file, Buffer.concat([Buffer.from('bytes '), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from(' end\n')]));
  await belfry.until(async () => (await logs('source=app&q=bytes')).length === 1, 'the odd line');
});

test("Belfry's own access log arrives as log events exactly once, without what fills it", async (t) => {
  const own = await start();
  t.after(() => own.stop());
  const wanted = async () => {
    const { json } = await own.get('/api/events?event=log&source=nginx&order=asc&limit=1000', { key: own.adminKey });
    return json.events.map((event) => event.data.message + JSON.stringify(event.data.attributes ?? {}));
  };
  for (let n = 0; n < 20; n++) {
    await own.get(`/mark-${n}?token=geheim`);
    await own.deliver({ event: 'noise' });
    await own.post('/api/metrics', { metric: 'noise', value: n }, { key: own.adminKey });
    await own.get('/health');
    await own.get('/monitor/stats', { key: own.adminKey });
  }
  const client = own.ws('/monitor/ws');
  await client.next('connected');
  client.terminate();
  await own.get('/mark-last');
  await own.until(async () => (await wanted()).some((line) => line.includes('/mark-last')), 'the last request is there');
  const lines = await wanted();
  for (let n = 0; n < 20; n++)
    assert.equal(lines.filter((line) => line.includes(`/mark-${n} `) || line.includes(`/mark-${n}"`)).length, 1, `mark ${n}`);
  assert.deepEqual(lines.filter((line) => /POST[^A-Za-z]*\/api\/(events|metrics)|"?\/(health|stats)\b|\/ws\b|geheim/.test(line)), []);
});
