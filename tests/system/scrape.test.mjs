/*
 * Scrapes of real targets: Prometheus' own server, Belfry itself, an application's JSON; and of one that does what it
 * should not.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';
import { after, before, test } from 'node:test';
import { freePort, start, temporaryFolder } from './harness.mjs';

let belfry, prometheus, target, targetPort, prometheusPort, answer;
const seen = [];

before(async () => {
  const folder = temporaryFolder();
  [targetPort, prometheusPort] = [await freePort(), await freePort()];
  fs.writeFileSync(path.join(folder, 'prometheus.yml'), '{}\n');
  prometheus = spawn('prometheus', [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${prometheusPort}`], { stdio: 'ignore' });
  answer = { type: 'application/json; charset=utf-8', body: '{"total":5,"HTTP":{"Requests":7,"by-code":{"200":6}},"name":"shop","on":true,"list":[1],"deep":null}' };
  target = http.createServer((request, response) => {
    seen.push(request.headers);
    const body = answer.gzip ? zlib.gzipSync(answer.body) : answer.body;
    setTimeout(() => response.writeHead(answer.status ?? 200, { 'content-type': answer.type, ...(answer.gzip && { 'content-encoding': 'gzip' }) }).end(body), answer.delay ?? 0);
  });
  target.listen(targetPort, '127.0.0.1');
  await once(target, 'listening');
  const url = `http://127.0.0.1:${targetPort}/stats`;
  belfry = await start({
    conf: {
      watch: { interval: '1h', host_interval: '1h' },
      scrapes: [
        { url: `http://127.0.0.1:${prometheusPort}/metrics`, source: 'prometheus', interval: '1s' },
        { url: `http://127.0.0.1:${prometheusPort}/metrics`, source: 'few', interval: '1s', max_series: 20 },
        { url: `http://127.0.0.1:${prometheusPort}/metrics`, source: 'some', interval: '1s', metrics: ['go_gc_*', 'up'] },
        { url, source: 'shop', interval: '1s', timeout: '500ms', headers: ['X-Scraped-By: belfry'] },
        { url, source: 'named', interval: '1s', json: ['shop_total=total', 'shop_ok=HTTP.by-code.200', 'shop_on=on', 'shop_first=list.0'] },
      ],
    },
  });
});
after(async () => {
  await belfry?.stop();
  target?.close();
  if (prometheus?.exitCode === null) {
    prometheus.kill('SIGTERM');
    await once(prometheus, 'exit');
  }
});

async function values(metric, source) {
  const { json } = await belfry.get(`/api/history?metric=${metric}&from=-5m&agg=last&label.source=${source}`, { key: belfry.adminKey });
  return json.series.map((one) => ({ labels: one.labels, value: one.points.at(-1)[1] }));
}
const watchLog = () => path.join(belfry.dir, 'log/belfry-watchd.out');
const last = async (metric, source) => (await values(metric, source))[0]?.value;
const is = (metric, source, wanted) => belfry.until(async () => (await last(metric, source)) === wanted, `${metric} of ${source} is ${wanted}`);

test('Prometheus: all of its metrics, with their labels', async () => {
  await is('scrape_up', 'prometheus', 1);
  const count = await last('scrape_samples', 'prometheus');
  assert.ok(count > 200, `${count} samples`);
  assert.equal(await last('scrape_samples_left_out', 'prometheus'), 0);
  const [info] = await values('prometheus_build_info', 'prometheus');
  assert.equal(info.value, 1);
  assert.match(info.labels.goversion, /^go/);
  assert.ok((await last('process_resident_memory_bytes', 'prometheus')) > 1e6);
  const buckets = () => values('prometheus_http_request_duration_seconds_bucket', 'prometheus');
  await belfry.until(async () => (await buckets()).some((one) => one.labels.le === '+Inf'), 'a histogram comes as its buckets');
});

test('no more series than there may be, and only those that are wanted', async () => {
  await is('scrape_samples', 'few', 20);
  assert.ok((await last('scrape_samples_left_out', 'few')) > 150);
  await is('scrape_up', 'some', 1);
  assert.ok((await last('scrape_samples', 'some')) < 20);
  assert.ok((await values('go_gc_duration_seconds', 'some')).length > 0);
  assert.deepEqual(await values('process_open_fds', 'some'), []);
});

test('JSON: all numbers under their paths, or those that are named', async () => {
  await is('total', 'shop', 5);
  assert.equal(await last('http_requests', 'shop'), 7);
  assert.equal(await last('http_by_code_200', 'shop'), 6);
  assert.equal(await last('scrape_samples', 'shop'), 3);
  await is('shop_total', 'named', 5);
  assert.equal(await last('shop_ok', 'named'), 6);
  assert.equal(await last('shop_on', 'named'), 1);
  assert.equal(await last('shop_first', 'named'), 1);
  assert.ok(seen.some((headers) => headers['x-scraped-by'] === 'belfry'));
  assert.ok(seen.every((headers) => /openmetrics.*text\/plain/.test(headers.accept)));
});

test('OpenMetrics, compressed, with times of its own; labels that clash; what makes no sense', async () => {
  const time = Math.floor(Date.now() / 1000) - 30;
  answer = { type: 'application/openmetrics-text; version=1.0.0', gzip: true, body: `m_total{source="inner",x="1"} 3 ${time}.5\nnonsense here\nnan_value NaN\nafter 4\n# EOF\n` };
  await is('after', 'shop', 4);
  const [sample] = await values('m_total', 'shop');
  assert.deepEqual(sample.labels, { exported_source: 'inner', source: 'shop', x: '1' });
  const { json } = await belfry.get(`/api/history?metric=m_total&from=-5m&step=1s&agg=last&label.source=shop`, { key: belfry.adminKey });
  assert.equal(Math.floor(json.series[0].points[0][0] / 1000), time);
  assert.deepEqual(await values('nan_value', 'shop'), []);
  assert.match(fs.readFileSync(watchLog(), 'utf8'), /scrape of shop: 1 lines make no sense, the first is line 2/);
});

test('a target that fails, is slow, or is not there', async () => {
  const log = () => fs.readFileSync(watchLog(), 'utf8').split('\n').filter((line) => line.includes('scrape of shop:'));
  for (const [broken, why] of [
    [{ status: 500, type: 'text/plain', body: '' }, /HTTP 500/],
    [{ type: 'application/json', body: '{' }, /is not JSON/],
    [{ type: 'text/plain', body: 'late 1\n', delay: 1000 }, /no answer within 500 ms/],
  ]) {
    answer = broken;
    await is('scrape_up', 'shop', 0);
    await belfry.until(() => why.test(log().at(-1)), `the log says ${why}`);
    answer = { type: 'text/plain', body: 'fine 1\n' };
    await is('scrape_up', 'shop', 1);
    await belfry.until(() => /as it should be again/.test(log().at(-1)), 'the log says that it is well');
  }
  target.close();
  target.closeAllConnections();
  await is('scrape_up', 'shop', 0);
  await is('scrape_up', 'prometheus', 1);
});
