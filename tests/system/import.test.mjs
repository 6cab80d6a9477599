/*
 * belfry import: log files, exports and CSV as they are found on disks. What is stored is compared with what grep and
 * plain arithmetic say of the same files.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { programPath, run, start, temporaryFolder } from './harness.mjs';

const conf = { logs: [], watch: { host_interval: '1h', interval: '1h' }, history: { hot_events: 300 } };
const folder = temporaryFolder();
let belfry, ingest, viewer;
before(async () => {
  belfry = await start({ conf });
  ingest = await belfry.makeKey('ingest', 'importer');
  viewer = await belfry.makeKey('viewer');
});
after(async () => {
  await belfry?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

function file(name, content) {
  const full = path.join(folder, name);
  fs.writeFileSync(full, content);
  return full;
}
const importInto = (instance, key, args, options) =>
  run(programPath('belfry'), ['import', ...args], { env: { BELFRY_URL: instance.url, BELFRY_KEY: key, BELFRY_KEY_FILE: '', TZ: 'UTC' }, ...options });
async function imported(args, options) {
  const result = await importInto(belfry, ingest, args, options);
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim();
}

async function lines(query) {
  const answer = await belfry.get(`/api/events?format=ndjson&order=asc&${query}`, { key: viewer });
  assert.equal(answer.status, 200, answer.text);
  return answer.text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line));
}

/** A log as a web application writes it: addresses, names with `_` and `-`, numbers, quotes, a stack trace. */
function makeLog(count) {
  const made = [];
  const agents = ['order_intake', 'mail-relay', 'gpu0', 'Scheduler', 'x-ray'];
  const texts = [
    (n) => `Accepted connection from 10.0.${n % 7}.${n % 250} port ${40000 + n}`,
    (n) => `retry_count=${n % 5} for job job-${n % 40}: "time out" after ${n % 90}.5s`,
    (n) => `Failed password for invalid user admin${n % 9} from 173.234.31.${n % 200}`,
    (n) => `GET /api/v${n % 3}/orders/${n} took ${n % 800}ms`,
    (n) => `cache_hit ratio ${n % 100}% in /var/cache/app-${n % 3}.db`,
  ];
  for (let n = 0; n < count; n++) {
    const when = new Date(Date.UTC(2026, 2, 1) + n * 37_000).toISOString().replace('T', ' ').replace('Z', '');
    made.push(`${when} ${['INFO', 'WARN', 'ERROR'][n % 11 % 3]} [${agents[n % 5]}] ${texts[n % 5](n)}`);
    if (n % 100 === 99) made.push('  at Object.<anonymous> (/srv/app/main.js:10:5)', '');
  }
  return made;
}

describe('belfry import', { concurrency: false }, () => {
  const log = makeLog(1500);
  const said = log.filter((line) => line !== '');

  test('a plain log: times, severities, and each line once however often', async () => {
    const plain = file('shop.log', `${log.join('\n')}\n`);
    assert.match(await imported([plain]), /shop\.log: log, 1515 lines, 1515 records, 0 of them stored before$/);
    assert.match(await imported([plain]), /1515 records, 1515 of them stored before$/);
    fs.appendFileSync(plain, '2026-04-01 00:00:00 ERROR one more\n');
    assert.match(await imported([plain]), /1516 records, 1515 of them stored before$/);
    assert.match(await imported([file('shop.log.gz', gzipSync(fs.readFileSync(plain)))]), /1516 records, 1516 of them stored before$/);
    const stored = await lines('source=shop');
    assert.deepEqual(stored.map((event) => event.data.message), [...said, '2026-04-01 00:00:00 ERROR one more']);
    const times = stored.map((event) => event.timestamp);
    assert.equal(times[0], '2026-03-01T00:00:00.000Z');
    assert.equal(times.at(-1), '2026-04-01T00:00:00.000Z');
    assert.equal(times[100], times[99], 'a line of a stack trace is of the time of the one before');
    assert.deepEqual([0, 1, 2].map((n) => stored[n].severity), ['info', 'warning', 'error']);
  });

  test('words are found as grep finds them', async () => {
    const name = path.join(folder, 'grep.log');
    fs.writeFileSync(name, `${said.join('\n')}\n`);
    const found = new Set(said.join('\n').match(/[A-Za-z0-9_]+(?:[.\-/:][A-Za-z0-9_]+)*/g));
    const words = ['10.0.3.3', 'retry_count', 'job-7', 'x-ray', 'time', 'admin3', '/api/v1', 'GPU0', 'failed', 'retry', 'app-1.db'];
    for (const word of [...found].filter((_, n) => n % Math.floor(found.size / 50) === 0)) words.push(word);
    assert.ok(words.length >= 50);
    for (const word of words) {
      let grep = '';
      try {
        grep = execFileSync('grep', ['-wiF', '--', word, name], { env: { LC_ALL: 'C' }, encoding: 'utf8' });
      } catch (error) {
        assert.equal(error.status, 1); // no line
      }
      const ours = await lines(`source=shop&to=2026-04-01&q=${encodeURIComponent(`"${word}"`)}`);
      assert.deepEqual(ours.map((event) => event.data.message), grep.split('\n').filter((line) => line !== ''), word);
    }
  });

  test('metrics: averages and extremes are those of the file', async () => {
    const rows = Array.from({ length: 2000 }, (_, n) => [Date.UTC(2026, 0, 5) + n * 300_000, (n * 7919) % 1000 / 8 - 20]);
    const csv = file('Room Temperature.csv', `timestamp,value\n${rows.map(([t, v]) => `${new Date(t).toISOString().slice(0, 19).replace('T', ' ')},${v}`).join('\n')}\n`);
    assert.match(await imported(['--label', 'room=lab', csv]), /csv, 2001 lines, 2000 records/);
    const { json } = await belfry.get('/api/history?metric=room_temperature&from=2026-01-05&to=2026-01-12&step=1h&agg=avg,min,max,count', { key: viewer });
    assert.deepEqual(json.series[0].labels, { room: 'lab' });
    const hours = new Map();
    for (const [t, v] of rows) {
      const hour = t - (t % 3_600_000);
      if (!hours.has(hour)) hours.set(hour, []);
      hours.get(hour).push(v);
    }
    const expected = [...hours].map(([t, vs]) => [t, vs.reduce((a, b) => a + b) / vs.length, Math.min(...vs), Math.max(...vs), vs.length]);
    const digits = ([t, avg, ...rest]) => [t, Number(avg.toPrecision(14)), ...rest];
    assert.deepEqual(json.series[0].points.map(digits), expected.map(digits));
  });

  test('a table of metrics, and one with a column that names them', async () => {
    await imported([file('wide.csv', 'date,"CPU, %",Load 1\r\n2026-01-05T00:00:00Z,12.5,0.25\r\n2026-01-05T00:01:00Z,,0.5\r\n')]);
    await imported(['-f', 'csv', file('long.txt', 'metric,ts,value,host\nfan_rpm,1767571200,900,a\nfan_rpm,1767571200,950,b\n')]);
    const last = async (metric) => (await belfry.get(`/api/history?metric=${metric}&from=2026-01-05&to=2026-01-06&step=1d&agg=count,last`, { key: viewer })).json.series;
    assert.deepEqual((await last('cpu')).map(({ points }) => points[0].slice(1)), [[1, 12.5]]);
    assert.deepEqual((await last('load_1')).map(({ points }) => points[0].slice(1)), [[2, 0.5]]);
    assert.deepEqual((await last('fan_rpm')).map(({ labels, points }) => [labels.host, points[0][2]]), [['a', 900], ['b', 950]]);
  });

  test('an export goes into another instance as it was', async () => {
    await belfry.deliver([{ event: 'agent_activity', source: 'bot', event_id: 'own-1', timestamp: '2026-02-03T04:05:06.789Z', severity: 'warning', data: { agent: 'a', n: 96.7 } }]);
    const answer = await belfry.get('/api/events?format=ndjson&order=asc', { key: viewer });
    const exported = answer.text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line));
    const ours = exported.filter((event) => !['audit', 'health_changed'].includes(event.event));
    assert.ok(ours.length > 1500 && ours.length < exported.length);
    const other = await start({ conf });
    try {
      const result = await importInto(other, other.adminKey, [file('export.ndjson', answer.text)]);
      assert.equal(result.status, 0, result.stderr);
      assert.match(result.stdout, new RegExp(`ndjson, ${exported.length} lines, ${ours.length} records, 0 of them stored before, ${exported.length - ours.length} events left out that only Belfry`));
      const there = (await other.get('/api/events?format=ndjson&order=asc', { key: other.adminKey })).text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line));
      const plain = ({ event, event_id, source, severity, timestamp, data }) => ({ event, event_id, source, severity, timestamp, data });
      assert.deepEqual(there.filter((event) => !['audit', 'health_changed'].includes(event.event)).map(plain), ours.map(plain));
    } finally {
      await other.stop();
    }
  });

  test('log lines as JSON, from stdin', async () => {
    const input = '{"msg":"hello","level":"WARN","time":"2026-05-05T05:05:05Z","user":"anna"}\n\n{"message":"again"}\n';
    assert.match(await imported(['--source', 'pino', '-'], { input }), /^stdin: json-log, 2 lines, 2 records/);
    assert.match(await imported(['--source', 'pino', '-'], { input }), /2 records, 2 of them stored before$/);
    const stored = await lines('source=pino');
    assert.deepEqual(stored.map(({ severity, timestamp, data }) => [severity, timestamp.slice(0, 4), data.message]), [['warning', '2026', 'hello'], ['info', timestamp(), 'again']]);
    function timestamp() {
      return new Date().toISOString().slice(0, 4);
    }
  });

  test('a wrong line ends it, or is left out, and is named', async () => {
    const bad = file('bad.ndjson', '{"event":"one","event_id":"b1","source":"bad"}\n{"event":"Two Words"}\n{"event":"three","event_id":"b3","source":"bad"}\n{"event"\n');
    const ended = await importInto(belfry, ingest, [bad]);
    assert.equal(ended.status, 1);
    assert.match(ended.stderr, /bad\.ndjson:2: event /);
    assert.deepEqual((await lines('source=bad')).map((event) => event.event_id), ['b1']);
    const skipped = await importInto(belfry, ingest, ['--skip-bad', bad]);
    assert.equal(skipped.status, 0, skipped.stderr);
    assert.match(skipped.stderr, /bad\.ndjson:2: .*\n.*bad\.ndjson:4: /);
    assert.match(skipped.stdout, /4 lines, 2 records, 1 of them stored before, 2 lines left out that are wrong/);
    for (const [content, complaint] of [
      ['a,b\n1,2\n', /:1: the first line must name the columns/],
      ['time,v\n2026-01-01,NaN\n', /:2: 'NaN' is no finite number/],
      ['time,v\nsoon,1\n', /:2: 'soon' is not a time/],
      ['time,v\n2026-01-01,1,2\n', /:2: has 3 columns where the first line has 2/],
      ['time,"v\n', /:1: column 2: a quote/],
      ['time,a b,A-B\n', /:1: columns 2 and 3 have the same name, a_b/],
    ]) {
      const result = await importInto(belfry, ingest, [file('bad.csv', content)]);
      assert.equal(result.status, 1, content);
      assert.match(result.stderr, complaint);
    }
    const cut = await importInto(belfry, ingest, [file('cut.log.gz', gzipSync(said.join('\n')).subarray(0, 2000))]);
    assert.equal(cut.status, 1);
    assert.match(cut.stderr, /is cut off/);
    for (const args of [[], ['--format', 'xml', bad], ['--batch', '0', bad], ['--label', 'x', bad], ['--until', 'soon', bad]])
      assert.equal((await importInto(belfry, ingest, args)).status, 2, args.join(' '));
    const refused = await importInto(belfry, viewer, [bad, '--skip-bad']);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /ingest/);
    assert.equal((await importInto(belfry, ingest, [path.join(folder, 'nowhere.log')])).status, 1);
  });

  test('goes on when the history is killed in the middle', async () => {
    const big = file('big.log', makeLog(30_000).map((line, n) => `${line} ${n}`).join('\n'));
    const running = importInto(belfry, ingest, ['--batch', '200', big], { timeout: 60_000 });
    let over = false;
    running.finally(() => (over = true)).catch(() => {});
    let kills = 0;
    while (!over && kills < 6) {
      const before = (await belfry.get('/stats', { key: viewer })).status;
      assert.ok([200, 503].includes(before));
      await belfry.kill('belfry-historyd');
      kills++;
      belfry.startProgram('belfry-historyd');
      await belfry.until(async () => over || (await belfry.post('/api/events', { event: 'ping', event_id: `k${kills}` }, { key: ingest })).status === 201, 'the history is there again');
    }
    const result = await running;
    assert.equal(result.status, 0, result.stderr);
    assert.ok(kills > 1, 'it was killed while it ran');
    const stored = await lines('source=big');
    assert.equal(stored.length, 30_600);
    assert.equal(new Set(stored.map((event) => event.event_id)).size, 30_600);
  });
});
