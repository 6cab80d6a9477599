/*
 * A whole Belfry for a test: real nginx with the shipped configuration, the four daemons, a temporary folder and a free
 * port. What a test changes (restarts, kills, full disks) happens to this instance alone, and everything ends with it.
 *
 *   const belfry = await start({ conf: { watch: { host_interval: '1s' } } });
 *   const answer = await belfry.post('/api/events', { event: 'hello' }, { key: belfry.adminKey });
 *   await belfry.stop();
 *
 * Programs come from the build folder that BELFRY_BUILD names (build by default). Nothing here waits for a fixed time:
 * until() asks again until it is so, or fails with the programs' logs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { load } from '../deps.mjs';

const { WebSocket } = load('ws');

export const sourceDir = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const buildDir = path.resolve(process.env.BELFRY_BUILD ?? path.join(sourceDir, 'build'));
export const daemons = ['belfry-historyd', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd'];

/** The longest that anything may take here. Generous: no test fails because a machine is slow. */
const PATIENCE_MS = 30_000;

/** What systemd waits by itself before it starts a program again. */
const RESTART_MS = 100;

export const programPath = (name) => path.join(buildDir, name);

/**
 * Asks until the answer is truthy, and returns it.
 * @param {() => any} ask may throw, which counts as "not yet" unless the error is `final`
 * @param {string | (() => string)} what is waited for, for the message
 */
export async function until(ask, what, { timeout = PATIENCE_MS, logs = () => '' } = {}) {
  const deadline = Date.now() + timeout;
  let reason = '';
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      reason = `last answer: ${JSON.stringify(answer)}`;
    } catch (error) {
      if (error.final) throw error;
      reason = `last error: ${error.message}`;
    }
    if (Date.now() > deadline)
      throw new Error(`not within ${timeout} ms: ${typeof what === 'function' ? what() : what} (${reason})\n${logs()}`);
    await pause(20);
  }
}

/**
 * A port that nobody listens on. Below those that the kernel gives to whoever connects or asks for any: else one of
 * them, or another test file, may have it before it is used.
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = net.createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(() => true, () => false);
    server.close();
    if (!free) continue;
    await once(server, 'close');
    return port;
  }
}

const nginxPath = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((p) => fs.existsSync(p)) ?? 'nginx';

/** A folder whose path is short enough for sockets. Ends with the test run. */
export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'belfry-test-'));
  folders.add(folder);
  return folder;
}
const folders = new Set();
const children = new Set();

// However this process ends, its children and folders end with it.
process.on('exit', () => {
  for (const child of children) endGroup(child, 'SIGKILL');
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
// The runner of the tests may be killed without a word to us.
const runner = process.ppid;
setInterval(() => process.ppid === runner || process.exit(1), 1000).unref();

function endGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

/** Runs a program to its end: {status, stdout, stderr}. */
export async function run(command, args, { input, env, cwd, timeout = PATIENCE_MS } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const [status, signal] = await once(child, 'close');
  clearTimeout(timer);
  return { status, signal, stdout, stderr };
}

/** The processes that a process has started and that still run. */
export function childrenOf(pid) {
  const parentOf = (child) => {
    try {
      return Number(fs.readFileSync(`/proc/${child}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[1]);
    } catch {
      return 0; // it has ended
    }
  };
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((child) => parentOf(child) === pid);
}

function nginxConfiguration({ dir, stateDir, port, prefixes }) {
  const mounts = prefixes.map((prefix) =>
    prefix === ''
      ? `location / { set $belfry_prefix ""; include belfry/belfry-mount.conf; }`
      : `location ^~ ${prefix}/ { set $belfry_prefix ${prefix}; include belfry/belfry-mount.conf; }
         location = ${prefix} { include belfry/belfry-headers.conf; absolute_redirect off; return 308 ${prefix}/; }`,
  );
  return `
    ${process.getuid() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 2;
    pid ${dir}/nginx.pid;
    error_log ${dir}/log/nginx.log warn;
    events { worker_connections 4096; }
    http {
      server_tokens off;
      client_body_temp_path ${dir}/tmp/body;
      fastcgi_temp_path ${dir}/tmp/fastcgi;
      proxy_temp_path ${dir}/tmp/proxy;
      scgi_temp_path ${dir}/tmp/scgi;
      uwsgi_temp_path ${dir}/tmp/uwsgi;
      include belfry/belfry-http.conf;
      access_log ${dir}/log/access.log belfry if=$belfry_loggable;
      server {
        listen 127.0.0.1:${port} backlog=4096;
        set $belfry_run ${dir}/run;
        set $belfry_htdocs "${buildDir}/htdocs";
        set $belfry_custom $belfry_htdocs;
        include belfry/belfry-locations.conf;
        include belfry/belfry-early.conf;
        ${mounts.join('\n')}
      }
    }`;
}

/**
 * Starts an instance and waits until it is healthy.
 * @param {object} [options]
 * @param {object} [options.conf] sections of belfry.yaml that differ from the test's defaults
 * @param {string[]} [options.prefixes] where it is mounted; all at once
 * @param {string} [options.stateDir] a folder for the history other than the temporary one
 * @param {boolean} [options.wait] whether to wait until it is healthy
 * @param {{[program: string]: object}} [options.environment] what a program finds in its environment beside ours
 * @param {{[program: string]: string}} [options.programs] a binary other than that of the build folder
 * @param {{[program: string]: string[]}} [options.wrappers] a command that becomes the program after what it is for
 * @param {boolean} [options.supervised] whether a program that ends by itself is started again, as systemd does
 */
export async function start({ wait = true, prefixes = ['', '/monitor'], ...options } = {}) {
  const belfry = new Belfry({ prefixes, ...options });
  await belfry.begin(wait);
  return belfry;
}

class Belfry {
  constructor({ conf = {}, prefixes, stateDir, environment = {}, programs = {}, wrappers = {}, supervised = false }) {
    this.environment = environment;
    this.programs = programs;
    this.wrappers = wrappers;
    this.supervised = supervised;
    this.ends = [];
    this.dir = temporaryFolder();
    this.stateDir = stateDir ?? this.dir;
    this.prefixes = prefixes;
    this.running = new Map();
    this.sockets = new Set();
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    const defaults = {
      paths: { state: this.stateDir, run: path.join(this.dir, 'run') },
      access: { instance: 'test' },
      watch: { interval: '2s', host_interval: '1s' },
      logs: [{ path: path.join(this.dir, 'log/access.log'), source: 'nginx' }],
    };
    this.conf = { ...defaults };
    for (const [section, value] of Object.entries(conf))
      this.conf[section] = Array.isArray(value) ? value : { ...defaults[section], ...value };
    this.confPath = path.join(this.dir, 'belfry.yaml');
  }

  async begin(wait) {
    for (const folder of ['log', 'run', 'tmp']) fs.mkdirSync(path.join(this.dir, folder));
    fs.symlinkSync(path.join(sourceDir, 'nginx'), path.join(this.dir, 'belfry'));
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.writeConf();
    fs.writeFileSync(path.join(this.dir, 'nginx.conf'), nginxConfiguration(this));
    for (const name of [...daemons, 'nginx']) this.startProgram(name);
    if (!wait) return;
    try {
      await this.untilHealthy();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** JSON is YAML. */
  writeConf() {
    fs.writeFileSync(this.confPath, `${JSON.stringify(this.conf, null, 2)}\n`);
  }

  async untilHealthy() {
    await this.until(async () => {
      for (const [name, child] of this.running)
        if (child.exitCode !== null)
          throw Object.assign(new Error(`${name} ended with status ${child.exitCode}\n${this.logs()}`), { final: !this.supervised });
      const health = await this.get('/health');
      if (health.status !== 200 || health.json.status !== 'healthy') throw new Error(health.text);
      return true;
    }, 'the instance is healthy');
    this.adminKey ??= fs.readFileSync(path.join(this.stateDir, 'admin.token'), 'utf8').trim();
  }

  until(ask, what, options = {}) {
    return until(ask, what, { logs: () => this.logs(), ...options });
  }

  // Programs

  startProgram(name) {
    const log = fs.openSync(path.join(this.dir, 'log', `${name}.out`), 'a');
    const command =
      name === 'nginx'
        ? [nginxPath, '-p', this.dir, '-c', path.join(this.dir, 'nginx.conf'), '-e', path.join(this.dir, 'log/nginx.log')]
        : [this.programs[name] ?? programPath(name), '-c', this.confPath];
    // The kernel ends it should we be killed.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...(this.wrappers[name] ?? []), ...command], {
      cwd: this.dir,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.environment[name] },
    });
    fs.closeSync(log);
    child.gone = once(child, 'exit').catch(() => {});
    child.gone.then(() => this.ended(name, child));
    children.add(child);
    this.running.set(name, child);
    return child;
  }

  /** A program has ended. One that nobody asked to is remembered in `ends` and, if supervised, started again. */
  async ended(name, child) {
    if (this.running.get(name) !== child) return;
    this.ends.push({ name, status: child.exitCode, signal: child.signalCode });
    if (!this.supervised) return;
    await pause(RESTART_MS);
    if (this.running.get(name) === child) this.startProgram(name);
  }

  async endProgram(name, signal) {
    const child = this.running.get(name);
    if (!child) return;
    this.running.delete(name);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      const timer = setTimeout(() => endGroup(child, 'SIGKILL'), PATIENCE_MS);
      await child.gone;
      clearTimeout(timer);
    }
    // What a killed master left behind.
    endGroup(child, 'SIGKILL');
    children.delete(child);
  }

  /** Ends it as a supervisor does. */
  terminate(name) {
    return this.endProgram(name, 'SIGTERM');
  }

  /** kill -9 */
  kill(name) {
    return this.endProgram(name, 'SIGKILL');
  }

  async restart(name) {
    await this.terminate(name);
    this.startProgram(name);
  }

  pid(name) {
    return this.running.get(name)?.pid;
  }

  log(name) {
    try {
      return fs.readFileSync(path.join(this.dir, 'log', `${name}.out`), 'utf8');
    } catch {
      return '';
    }
  }

  /** The ends of all logs, for a message. */
  logs() {
    return fs
      .readdirSync(path.join(this.dir, 'log'))
      .filter((file) => file !== 'access.log')
      .map((file) => [file, fs.readFileSync(path.join(this.dir, 'log', file), 'utf8').trimEnd().split('\n').slice(-20)])
      .filter(([, lines]) => lines.join('') !== '')
      .map(([file, lines]) => `--- ${file}\n${lines.join('\n')}`)
      .join('\n');
  }

  /** What a sanitizer has said, in a build with one. */
  sanitizerReports() {
    return fs
      .readdirSync(path.join(this.dir, 'log'))
      .map((file) => [file, fs.readFileSync(path.join(this.dir, 'log', file), 'utf8')])
      .map(([file, text]) => [file, text.search(/^.*(AddressSanitizer|LeakSanitizer|runtime error:)/m), text])
      .filter(([, at]) => at >= 0)
      .map(([file, at, text]) => `--- ${file}\n${text.slice(at, at + 8000)}`)
      .join('\n');
  }

  async stop() {
    for (const socket of this.sockets) socket.terminate();
    this.agent.destroy();
    await this.terminate('nginx');
    await Promise.all(['belfry-watchd', 'belfry-pushd', 'belfry-fcgi'].map((name) => this.terminate(name)));
    await this.terminate('belfry-historyd');
    const reports = this.sanitizerReports(); // leaks are told at the end of a program
    fs.rmSync(this.dir, { recursive: true, force: true });
    folders.delete(this.dir);
    if (reports) throw new Error(`a sanitizer has found something\n${reports}`);
  }

  // HTTP

  /**
   * @param {string} method
   * @param {string} target
   * @param {{key?: string, headers?: object, body?: string | Buffer, keepPath?: boolean}} [options]
   * @returns {Promise<{status: number, headers: object, text: string, bytes: Buffer, json: any}>}
   */
  request(method, target, { key, headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port: this.port,
          method,
          path: target,
          agent: this.agent,
          headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
          timeout: PATIENCE_MS,
        },
        (response) => {
          const parts = [];
          response.on('data', (part) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(parts);
            const text = bytes.toString('utf8');
            const answer = { status: response.statusCode, headers: response.headers, bytes, text, json: undefined };
            if (/[/+]json/.test(response.headers['content-type'] ?? '') && !response.headers['content-encoding'] && text)
              try {
                answer.json = JSON.parse(text);
              } catch {
                return reject(new Error(`${method} ${target} answered ${answer.status} with JSON that is none: ${text}`));
              }
            resolve(answer);
          });
        },
      );
      request.on('timeout', () => request.destroy(new Error(`${method} ${target} had no answer`)));
      request.on('error', reject);
      request.end(body);
    });
  }

  get(target, options) {
    return this.request('GET', target, options);
  }

  /** @param {any} body a string or Buffer as it is, anything else as JSON */
  post(target, body, { headers = {}, ...options } = {}) {
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    return this.request('POST', target, {
      ...options,
      headers: { 'content-type': 'application/json', ...headers },
      body: raw ? body : JSON.stringify(body),
    });
  }

  /** A new API key of a role. */
  async makeKey(role, name = `test-${role}`) {
    const answer = await this.post('/api/keys', { name, role }, { key: this.adminKey });
    if (answer.status !== 201) throw new Error(`no ${role} key: ${answer.status} ${answer.text}`);
    return answer.json.key;
  }

  /** Posts events until they are acknowledged, as a good producer does: the same event_id each time. */
  async deliver(events, { key = this.adminKey } = {}) {
    return this.until(async () => {
      const answer = await this.post('/api/events', events, { key });
      if (answer.status === 201) return answer.json;
      if (answer.status < 500) throw Object.assign(new Error(answer.text), { final: true });
      return null;
    }, 'the events are taken');
  }

  // Push

  /** A WebSocket client that remembers what it was sent. Compression has tests of its own: inflating is slow in Node. */
  ws(target = '/ws', { key = this.adminKey, headers = {}, perMessageDeflate = false, ...options } = {}) {
    const client = new WsClient(this, target, {
      perMessageDeflate,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
      ...options,
    });
    this.sockets.add(client);
    return client;
  }

  /** A Server-Sent Events client that remembers what it was sent. */
  sse(target = '/events', { key = this.adminKey, headers = {} } = {}) {
    const client = new SseClient(this, target, {
      accept: 'text/event-stream',
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...headers,
    });
    this.sockets.add(client);
    return client;
  }
}

/** What all kinds of clients have: messages in the order of their arrival. */
export class Client {
  constructor(belfry) {
    this.belfry = belfry;
    this.messages = [];
    this.closed = undefined;
    this.status = undefined;
  }

  /** Called after each message and at the end; for those who do not want to ask all the time. */
  onChange = () => {};

  changed() {
    this.onChange();
  }

  close(closed) {
    this.closed ??= closed;
    this.changed();
  }

  /** The events from the log among the messages. */
  get events() {
    return this.messages.filter((message) => typeof message.id === 'number');
  }

  /** Waits for the first message for which `wanted` (a name or a function) holds, from `from` on. */
  next(wanted, { from = 0, timeout } = {}) {
    const holds = typeof wanted === 'function' ? wanted : (message) => message.event === wanted;
    return this.belfry.until(
      () => {
        const found = this.messages.slice(from).find(holds);
        if (!found && this.closed)
          throw Object.assign(new Error(`closed: ${JSON.stringify(this.closed)}`), { final: true });
        return found;
      },
      `a message ${wanted} (got ${this.messages.length})`,
      { timeout },
    );
  }
}

class WsClient extends Client {
  constructor(belfry, target, { protocols = [], ...options }) {
    super(belfry);
    this.socket = new WebSocket(`ws://127.0.0.1:${belfry.port}${target}`, protocols, options);
    this.socket.on('upgrade', (response) => (this.upgrade = response));
    this.socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      this.messages.push(...(Array.isArray(message) ? message : [message]));
      this.changed();
    });
    this.socket.on('unexpected-response', (request, response) => {
      this.status = response.statusCode;
      this.headers = response.headers;
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () => {
        this.text = text;
        this.close({ code: 0, reason: `status ${this.status}: ${text}` });
      });
    });
    this.socket.on('error', (error) => this.close({ code: 0, reason: error.message }));
    this.socket.on('close', (code, reason) => this.close({ code, reason: reason.toString() }));
  }

  send(event, data) {
    this.socket.send(JSON.stringify(data === undefined ? { event } : { event, data }));
  }

  sendRaw(data, options = {}) {
    this.socket.send(data, options);
  }

  /** The close code, or the refusal of the handshake. */
  end() {
    return this.belfry.until(() => this.closed, 'the connection is closed');
  }

  terminate() {
    this.belfry.sockets.delete(this);
    this.socket.terminate();
  }
}

/** What both kinds of SSE clients have. */
export class EventStream extends Client {
  ids = [];
  comments = 0;
  lastId = undefined;
  rest = '';

  /** Text of the stream, cut anywhere. */
  feed(text) {
    const records = (this.rest + text).split('\n\n');
    this.rest = records.pop();
    for (const record of records) this.take(record);
  }

  take(record) {
    const data = [];
    for (const line of record.split('\n')) {
      if (line.startsWith(':')) this.comments++;
      else if (line.startsWith('id:')) this.lastId = line.slice(3).trim();
      else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    }
    if (data.length > 0) {
      this.messages.push(JSON.parse(data.join('\n')));
      this.ids.push(this.lastId);
      this.changed();
    }
  }

  end() {
    return this.belfry.until(() => this.closed, 'the stream is closed');
  }
}

class SseClient extends EventStream {
  constructor(belfry, target, headers) {
    super(belfry);
    this.request = http.get({ host: '127.0.0.1', port: belfry.port, path: target, headers, agent: false }, (response) => {
      this.status = response.statusCode;
      this.headers = response.headers;
      response.setEncoding('utf8');
      response.on('data', (text) => {
        if (this.status !== 200) {
          this.text = (this.text ?? '') + text;
          return;
        }
        this.feed(text);
      });
      response.on('close', () => this.close({ code: 0, reason: `ended, status ${this.status}: ${this.text ?? ''}` }));
    });
    this.request.on('error', (error) => this.close({ code: 0, reason: error.message }));
  }

  terminate() {
    this.belfry.sockets.delete(this);
    this.request.destroy();
  }
}
