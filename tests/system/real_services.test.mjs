/*
 * What people run, as they run it: nginx, Apache, Redis and PostgreSQL are killed and started again. Each time the
 * transition, the alert and the all-clear are seen once, in the API and over the push connection.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, start, temporaryFolder } from './harness.mjs';

const found = (...candidates) => candidates.find((file) => fs.existsSync(file)) ?? path.basename(candidates[0]);
const postgresDir = fs.existsSync('/usr/lib/postgresql') ? `/usr/lib/postgresql/${fs.readdirSync('/usr/lib/postgresql').sort().at(-1)}/bin` : '';

let belfry, folder, socket, key;
const running = new Map();

/** Programs that refuse to run as root do so as nobody, whose folders these are. */
const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};

function write(file, text) {
  fs.writeFileSync(path.join(folder, file), text);
  return path.join(folder, file);
}

/** How each is started; all stay in the foreground. */
const programs = {
  nginx: (port) => {
    const file = write('nginx.conf', `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
      events {} http { access_log off; server { listen 127.0.0.1:${port}; location / { return 200 "hello\\n"; } } }`);
    return { command: found('/usr/sbin/nginx'), args: ['-c', file, '-p', folder], service: { type: 'http', health_endpoint: '/', expect_text: 'hello' } };
  },
  apache: (port) => {
    const modules = ['mpm_event', 'authz_core', 'dir'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n');
    const file = write('apache.conf', `ServerRoot "${folder}"\nServerName localhost\nListen 127.0.0.1:${port}\nPidFile ${folder}/apache.pid
      ${modules}\nUser nobody\nGroup nogroup\nErrorLog ${folder}/apache.log\nDocumentRoot "${folder}"\n`);
    return { command: found('/usr/sbin/apache2'), args: ['-f', file, '-DFOREGROUND'], service: { type: 'http', health_endpoint: '/', expect_status: '200-499' } };
  },
  redis: (port) => ({
    command: found('/usr/bin/redis-server'), args: ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder], service: { type: 'tcp' },
  }),
  postgres: (port) => {
    const data = path.join(folder, 'postgres');
    fs.mkdirSync(data, { mode: 0o700 });
    if (nobody.uid) fs.chownSync(data, nobody.uid, nobody.gid);
    execFileSync(path.join(postgresDir, 'initdb'), ['-D', data, '-U', 'test', '--no-sync'], { stdio: 'ignore', cwd: data, ...nobody });
    return {
      command: path.join(postgresDir, 'postgres'),
      args: ['-D', data, '-p', `${port}`, '-k', data, '-h', '127.0.0.1'],
      options: { cwd: data, ...nobody },
      service: { type: 'exec', command: [found('/usr/lib/nagios/plugins/check_tcp'), '-H', '127.0.0.1', '-p', `${port}`] },
    };
  },
};

function run(name) {
  const { command, args, options } = programs[name];
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  running.set(name, child);
}
const answers = (port) =>
  new Promise((resolve) => {
    const connection = net.connect(port, '127.0.0.1', () => (connection.destroy(), resolve(true)));
    connection.on('error', () => resolve(false));
  });

/** kill -9, and the end of what it had started. */
async function kill(name) {
  const child = running.get(name);
  running.delete(name);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(name === 'redis' ? 'SIGKILL' : 'SIGTERM'); // who has children ends them
  await once(child, 'exit');
}

before(async () => {
  folder = temporaryFolder();
  fs.chmodSync(folder, 0o755);
  const services = [];
  for (const name of Object.keys(programs)) {
    const port = await freePort();
    programs[name] = { port, ...programs[name](port) };
    const { service } = programs[name];
    services.push({ name, ...(service.type === 'exec' ? {} : { port }), ...service });
  }
  belfry = await start({ conf: { watch: { interval: '1s', retries: 1, retry_delay: '100ms' }, services } });
  key = await belfry.makeKey('viewer');
  socket = await belfry.ws('/ws?events=health_changed,alert_*', { key });
});
after(async () => {
  for (const name of [...running.keys()]) await kill(name);
  await belfry?.stop();
});

const service = async (name) => (await belfry.get('/api/health', { key })).json.services.find((one) => one.name === name);
const told = (name) => socket.messages.filter(({ data }) => (data.service ?? data.labels?.service) === name);

for (const name of Object.keys(programs))
  test(`${name} comes, dies and comes back`, async () => {
    run(name);
    await belfry.until(() => answers(programs[name].port), `${name} answers`);
    await belfry.until(async () => (await service(name)).status === 'up', `${name} is up`);
    await belfry.until(() => told(name).at(-1)?.event === 'alert_resolved', 'what was told before it came is over');
    const from = socket.messages.length;
    await kill(name);
    await belfry.until(async () => (await service(name)).status === 'down', `${name} is down`);
    const alert = await belfry.until(
      async () => (await belfry.get('/api/alerts?state=firing&rule=service_down', { key })).json.alerts.find(({ labels }) => labels.service === name), 'the alert fires');
    assert.match(alert.message, new RegExp(`^${name} is down: `));
    run(name);
    await belfry.until(async () => (await service(name)).status === 'up', `${name} is up again`);
    await belfry.until(() => told(name).at(-1)?.event === 'alert_resolved', 'the all-clear');
    const events = socket.messages.slice(from).filter((message) => told(name).includes(message));
    assert.deepEqual(events.map(({ event, data }) => data.status ?? event), ['down', 'alert_fired', 'up', 'alert_resolved']);
    const stored = (await belfry.get(`/api/events?event=health_changed,alert_*&order=asc&after=${events[0].id - 1}&limit=1000`, { key })).json.events;
    assert.deepEqual(stored.filter(({ data }) => (data.service ?? data.labels?.service) === name).map(({ id }) => id), events.map(({ id }) => id));
    const [incident] = (await belfry.get(`/api/incidents?service=${name}`, { key })).json.incidents;
    assert.equal(incident.status, 'down');
    assert.ok(incident.end);
  });
