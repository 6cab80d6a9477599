/*
 * Probes against real programs that nobody here wrote: nginx with TLS and a certificate that ends soon, Python's gRPC
 * server, Nagios' plugins, processes, sources that fall silent. Each is broken, looked at, mended and looked at again.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, start, temporaryFolder } from './harness.mjs';

const PLUGINS = '/usr/lib/nagios/plugins';
const GRPC_SERVER = `
import os, sys
from concurrent import futures
import grpc
def check(request, context):
    name = request[2:].decode() if request else ''
    if name not in ('', 'voice'): context.abort(grpc.StatusCode.NOT_FOUND, 'unknown service')
    return bytes([8, 2 if not name and os.path.exists(sys.argv[2]) else 1])
handler = grpc.method_handlers_generic_handler('grpc.health.v1.Health', {'Check': grpc.unary_unary_rpc_method_handler(check)})
server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers((handler,))
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
server.wait_for_termination()
`;

let belfry, folder, api, answer;
const ports = {};
const running = new Map();

/** Runs a program until `ended` or the end of the tests. */
function run(name, command, args, options) {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  running.set(name, child);
  return child;
}
async function end(name) {
  const child = running.get(name);
  running.delete(name);
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}
const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });

function makeCertificate(name, days) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=127.0.0.1',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-days', String(days), '-keyout', path.join(folder, `${name}.key`), '-out', path.join(folder, `${name}.crt`)], { stdio: 'ignore' });
}

function startNginx() {
  const server = (port, certificate) =>
    `server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${folder}/${certificate}.crt; ssl_certificate_key ${folder}/${certificate}.key; return 200 "fine\n"; }`;
  fs.writeFileSync(path.join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; events {}
     http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
     ${server(ports.soon, 'soon')} ${server(ports.long, 'long')} }`);
  run('nginx', 'nginx', ['-p', folder, '-c', path.join(folder, 'nginx.conf'), '-e', path.join(folder, 'nginx.log')]);
}

before(async () => {
  folder = temporaryFolder();
  for (const name of ['api', 'grpc', 'soon', 'long', 'tcp', 'nothing']) ports[name] = await freePort();
  makeCertificate('soon', 5);
  makeCertificate('long', 90);
  startNginx();
  run('grpc', '/usr/bin/python3', ['-c', GRPC_SERVER, String(ports.grpc), path.join(folder, 'grpc-down')]);
  answer = { status: 200, body: '{"checks":[{"status":"up"},{"n":5}],"text":"all is well"}', seen: null };
  api = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      answer.seen = { method: request.method, headers: request.headers, body };
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  api.listen(ports.api, '127.0.0.1');
  await once(api, 'listening');
  const at = { port: ports.api, health_endpoint: '/health' };
  const tls = (port) => ({ health_endpoint: `https://127.0.0.1:${port}/`, insecure: true });
  belfry = await start({
    conf: {
      watch: { interval: '1h', host_interval: '1h', timeout: '2s', retries: 0 },
      services: [
        { name: 'plain', ...at },
        { name: 'status', ...at, expect_status: '200,418' },
        { name: 'text', ...at, expect_text: 'all is well' },
        { name: 'json', ...at, expect_json: 'checks.0.status=up' },
        { name: 'number', ...at, expect_json: 'checks.1.n=5' },
        { name: 'post', ...at, method: 'PUT', headers: ['X-Asked-By: belfry', 'Content-Type: text/plain'], body: 'are you well?' },
        { name: 'head', ...at, method: 'HEAD' },
        { name: 'https', ...tls(ports.long) },
        { name: 'https-soon', ...tls(ports.soon) },
        { name: 'untrusted', health_endpoint: `https://127.0.0.1:${ports.long}/` },
        { name: 'tls', type: 'tls', port: ports.long, insecure: true },
        { name: 'tls-soon', type: 'tls', port: ports.soon, insecure: true, certificate_days: 3 },
        { name: 'tls-plain', type: 'tls', port: ports.api, insecure: true },
        { name: 'port', port: ports.tcp, host: 'localhost' },
        { name: 'nowhere', type: 'tcp', port: 1, host: 'no.such.host.invalid' },
        { name: 'grpc', type: 'grpc', port: ports.grpc },
        { name: 'grpc-voice', type: 'grpc', port: ports.grpc, grpc_service: 'voice' },
        { name: 'grpc-other', type: 'grpc', port: ports.grpc, grpc_service: 'nobody' },
        { name: 'grpc-plain', type: 'grpc', port: ports.api },
        { name: 'plugin', type: 'exec', command: [`${PLUGINS}/check_tcp`, '-H', '127.0.0.1', '-p', String(ports.api)] },
        { name: 'plugin-down', type: 'exec', command: [`${PLUGINS}/check_tcp`, '-H', '127.0.0.1', '-p', String(ports.nothing)] },
        { name: 'load', type: 'exec', command: [`${PLUGINS}/check_load`, '-w', '1000,1000,1000', '-c', '2000,2000,2000'] },
        { name: 'warns', type: 'exec', command: ['/bin/sh', '-c', "echo \"WARNING - \u00e4 bit slow | 'a b'=7.5s;5;10 size=3KB bad=U rate=4%;;; 'it''s'=1\"; exit 1"] },
        { name: 'unsure', type: 'exec', command: ['/bin/sh', '-c', 'echo cannot tell; exit 3'] },
        { name: 'odd', type: 'exec', command: ['/bin/sh', '-c', 'exit 17'] },
        { name: 'hangs', type: 'exec', timeout: '500ms', command: ['/bin/sh', '-c', `sleep 3600 & echo $! >> ${folder}/pids; sleep 3600`] },
        { name: 'missing', type: 'exec', command: ['/no/such/program'] },
        { name: 'environment', type: 'exec', command: ['/bin/sh', '-c', 'echo $(env | sort)$WATCH_SECRET'] },
        { name: 'process', type: 'process', process: 'sleeper' },
        { name: 'process-path', type: 'process', process: path.join(temporaryFolderOf('sleeper'), 'sleeper') },
        { name: 'cron', type: 'push', source: 'cron', within: '3s' },
        { name: 'backup', type: 'push', source: 'nas', metric: 'backup_bytes', within: '3s' },
      ],
    },
    environment: { 'belfry-watchd': { WATCH_SECRET: 'hidden' } },
  });
  await belfry.until(async () => (await answers(ports.long)) && (await answers(ports.grpc)), 'nginx and the gRPC server are there', { timeout: 60000 });
});
after(async () => {
  await belfry?.stop();
  for (const name of [...running.keys()]) await end(name);
  api?.close();
});

/** A copy of sleep(1) under a name of its own. */
function temporaryFolderOf(name) {
  temporaryFolderOf.folder ??= temporaryFolder();
  fs.copyFileSync('/bin/sleep', path.join(temporaryFolderOf.folder, name));
  fs.chmodSync(path.join(temporaryFolderOf.folder, name), 0o755);
  return temporaryFolderOf.folder;
}

async function check(service) {
  const found = await belfry.post('/api/health-check', { service, timeout: 8 }, { key: belfry.adminKey });
  assert.equal(found.status, 200, found.text);
  return found.json.services.find((one) => one.name === service);
}
async function expect(service, status, message) {
  const found = await check(service);
  assert.equal(found.status, status, `${service}: ${found.message}`);
  assert.match(found.message, message);
  return found;
}
async function newest(metric, service) {
  const { json } = await belfry.get(`/api/history?metric=${metric}&from=-5m&agg=last&label.service=${service}`, { key: belfry.adminKey });
  return Object.fromEntries(json.series.map((one) => [one.labels.label ?? one.labels.phase ?? '', one.points.at(-1)[1]]));
}

test('http: statuses, texts and members', async () => {
  await expect('plain', 'up', /^HTTP 200$/);
  await expect('text', 'up', /^HTTP 200$/);
  await expect('json', 'up', /^HTTP 200$/);
  await expect('number', 'up', /^HTTP 200$/);
  answer.body = '{"checks":[{"status":"down"}],"text":"all is lost"}';
  await expect('plain', 'up', /^HTTP 200$/);
  await expect('text', 'down', /^HTTP 200: the answer does not hold "all is well"$/);
  await expect('json', 'down', /^HTTP 200: checks\.0\.status is down, not up$/);
  await expect('number', 'down', /^HTTP 200: the answer has no member checks\.1\.n$/);
  answer.body = '<html>';
  await expect('json', 'down', /^HTTP 200: the answer is not JSON/);
  answer.status = 418;
  await expect('status', 'up', /^HTTP 418$/);
  await expect('plain', 'down', /^HTTP 418$/);
  answer.status = 204;
  await expect('status', 'down', /^HTTP 204$/);
  answer.status = 200;
  answer.body = 'x'.repeat(3_000_000);
  await expect('plain', 'up', /^HTTP 200$/);
  await expect('text', 'down', /does not hold/);
  answer.body = '{}';
});

test('http: method, headers and body are as they should be', async () => {
  await expect('post', 'up', /^HTTP 200$/);
  assert.equal(answer.seen.method, 'PUT');
  assert.equal(answer.seen.headers['x-asked-by'], 'belfry');
  assert.equal(answer.seen.headers['content-type'], 'text/plain');
  assert.equal(answer.seen.body, 'are you well?');
  await expect('head', 'up', /^HTTP 200$/);
  assert.equal(answer.seen.method, 'HEAD');
});

test('http: the latency has phases', async () => {
  await expect('https', 'up', /^HTTP 200$/);
  await belfry.until(async () => 'tls' in (await newest('service_phase_ms', 'https')), 'the phases are stored');
  const phases = await newest('service_phase_ms', 'https');
  assert.ok(['connect', 'tls', 'wait'].every((phase) => phases[phase] > 0), JSON.stringify(phases));
});

test('certificates: days left, too few of them, not trusted', async () => {
  await expect('https-soon', 'degraded', /^HTTP 200, but the certificate is good for [45]\.\d days only$/);
  await expect('untrusted', 'down', /certificate|self.signed/i);
  await expect('tls', 'up', /^handshake done$/);
  await expect('tls-soon', 'up', /^handshake done$/); // three days would be enough
  await expect('tls-plain', 'down', /./);
  await belfry.until(async () => Object.keys(await newest('service_certificate_days', 'tls')).length, 'the days are stored');
  assert.ok(Math.abs((await newest('service_certificate_days', 'tls'))[''] - 90) < 1.1);
  assert.ok(Math.abs((await newest('service_certificate_days', 'tls-soon'))[''] - 5) < 1.1);
});

test('tcp: a port, and a name that is none', async () => {
  await expect('port', 'down', /^cannot connect: Connection refused$/);
  const server = net.createServer((socket) => socket.on('error', () => {})).listen(ports.tcp, '127.0.0.1');
  await once(server, 'listening');
  const up = await expect('port', 'up', /^connected$/);
  assert.ok(up.latency_ms >= 0);
  server.close();
  for (let n = 0; n < 3; n++) await check('nowhere'); // a name that nobody knows is no fault of the service
  await expect('nowhere', 'unknown', /resolve/i);
});

test('grpc: as the server and its services say', async () => {
  await expect('grpc', 'up', /^serving$/);
  await expect('grpc-voice', 'up', /^serving$/);
  await expect('grpc-other', 'down', /NOT_FOUND/);
  fs.writeFileSync(path.join(folder, 'grpc-down'), '');
  await expect('grpc', 'down', /^not serving$/);
  await expect('grpc-plain', 'down', /./);
  await end('grpc');
  await expect('grpc-voice', 'down', /^cannot connect: Connection refused$/);
});

test('exec: what Nagios’ plugins say', async () => {
  await expect('plugin', 'up', /^TCP OK/);
  await expect('plugin-down', 'down', /refused/i);
  await expect('load', 'up', /load average/i);
  await belfry.until(async () => 'load1' in (await newest('service_perfdata', 'load')), 'the load is stored');
  assert.ok('time' in (await newest('service_perfdata_seconds', 'plugin')));
});

test('exec: exit statuses, figures and words', async () => {
  await expect('warns', 'degraded', /^WARNING - \u00e4 bit slow$/);
  await belfry.until(async () => Object.keys(await newest('service_perfdata_percent', 'warns')).length, 'the figures are stored');
  assert.deepEqual(await newest('service_perfdata_seconds', 'warns'), { 'a b': 7.5 });
  assert.deepEqual(await newest('service_perfdata_bytes', 'warns'), { size: 3072 });
  assert.deepEqual(await newest('service_perfdata_percent', 'warns'), { rate: 4 });
  assert.deepEqual(await newest('service_perfdata', 'warns'), { "it's": 1 });
  for (const name of ['unsure', 'odd', 'missing']) for (let n = 0; n < 3; n++) await check(name);
  await expect('unsure', 'unknown', /^cannot tell$/);
  await expect('odd', 'unknown', /^exit status 17, which is none of 0 to 3$/);
  await expect('missing', 'unknown', /No such file/);
});

test('exec: one that hangs is ended, with all that it has started', async () => {
  await expect('hangs', 'down', /^did not end within 500 ms$/);
  const pids = fs.readFileSync(path.join(folder, 'pids'), 'utf8').trim().split('\n');
  await belfry.until(() => pids.every((pid) => !fs.existsSync(`/proc/${pid}`) || /\nState:\tZ/.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))), 'its children are gone');
});

test('exec: nothing of the environment is passed on', async () => {
  const { message } = await expect('environment', 'up', /LC_ALL=C\.UTF-8/);
  assert.doesNotMatch(message, /BELFRY|SECRET|hidden/);
});

test('process: by name and by path', async () => {
  await expect('process', 'down', /^no process sleeper runs$/);
  run('sleeper', path.join(temporaryFolderOf.folder, 'sleeper'), ['3600']);
  await belfry.until(async () => (await check('process')).status === 'up', 'it is found');
  await expect('process-path', 'up', /^runs as process \d+$/);
  await end('sleeper');
  await expect('process', 'down', /./);
  await expect('process-path', 'down', /./);
});

test('push: a source that falls silent', async () => {
  await expect('cron', 'down', /^nothing of cron within 3 s$/);
  await expect('backup', 'down', /^nothing of nas within 3 s$/);
  await belfry.deliver({ event: 'cron.done', source: 'cron' });
  await belfry.post('/api/metrics', { metric: 'backup_bytes', value: 5, labels: { source: 'nas' } }, { key: belfry.adminKey });
  await expect('cron', 'up', /^heard of \d s ago$/);
  await belfry.until(async () => (await check('backup')).status === 'up', 'the sample is heard of');
  await belfry.deliver({ event: 'cron.done', source: 'other' });
  await belfry.until(async () => (await check('cron')).status === 'down' && (await check('backup')).status === 'down', 'both are silent');
});
