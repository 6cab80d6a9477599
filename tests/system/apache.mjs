/*
 * A real Apache 2.4 in front of an instance, with the shipped configuration (apache/): its own folder in that of the
 * instance, in the foreground, on a free port of the loopback. The instance's requests go through it from then on.
 *
 *   const apache = await startApache(belfry, { mounts: ['/monitor/', '/'] });
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { buildDir, freePort, sourceDir } from './harness.mjs';

const program = ['/usr/sbin/apache2', '/usr/sbin/httpd'].find((file) => fs.existsSync(file)) ?? 'apache2';
const modules = '/usr/lib/apache2/modules';

/** What `a2enmod` of apache/belfry-mount.conf loads, in Debian's order, and what Debian always has. */
const loaded = [
  'mpm_event', 'authz_core', 'dir', 'env', 'filter', 'mime',
  'alias', 'deflate', 'headers', 'http2', 'proxy', 'proxy_fcgi', 'proxy_http', 'proxy_http2', 'rewrite', 'setenvif', 'unique_id',
];

/** Real Basic authentication, and who of the people has a role. */
function signIn({ dir, people, roles }) {
  return `
      <Location />
        AuthType Basic
        AuthName people
        AuthUserFile "${dir}/people"
        Require valid-user
        ${Object.entries(roles).map(([name, role]) => `ProxyFCGISetEnvIf "%{REMOTE_USER} == '${name}'" BELFRY_ROLE ${role}`).join('\n')}
      </Location>`;
}

function configuration({ dir, port, runDir, mounts, events, people, roles }) {
  return `
    ServerRoot "${dir}"
    ServerName localhost
    Listen 127.0.0.1:${port}
    PidFile "${dir}/apache.pid"
    DefaultRuntimeDir "${dir}"
    ${[...loaded, ...(people ? ['auth_basic', 'authn_core', 'authn_file', 'authz_user'] : [])].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
    # It does not run as root: another user of root's group reaches sockets and files.
    User nobody
    Group "#${process.getgid()}"
    TypesConfig /dev/null
    ErrorLog "${dir}/../log/apache.log"
    LogLevel warn
    # One child, so that nothing starts or ends while a test looks at connections.
    StartServers 1
    ThreadsPerChild 64
    MaxRequestWorkers 64
    MinSpareThreads 1
    MaxSpareThreads 64
    DocumentRoot "${dir}/site"
    <Directory "${dir}/site">
      Require all granted
    </Directory>
    Protocols h2c http/1.1
    <VirtualHost *:${port}>
      Define BELFRY_RUN ${runDir}
      Define BELFRY_HTDOCS ${dir}/htdocs
      Define BELFRY_CUSTOM ${dir}/custom
      ${people ? 'Define BELFRY_REMOTE_USER' : ''}
      ${events ? `Define BELFRY_EVENTS ${events}` : ''}
      ${mounts.map((mount) => `Define BELFRY_MOUNT ${mount}\nInclude belfry/belfry-mount.conf`).join('\n')}
      ${people ? signIn({ dir, people, roles }) : ''}
      CustomLog "${dir}/access.log" belfry env=!belfry_unlogged
    </VirtualHost>`;
}

/**
 * @param {object} belfry of start()
 * @param {object} [options]
 * @param {string[]} [options.mounts] with their slashes, the longest first
 * @param {string} [options.events] BELFRY_EVENTS
 * @param {{[name: string]: string}} [options.people] whom Apache signs in, with their passwords as htpasswd -s has them
 * @param {{[name: string]: string}} [options.roles] the roles that some of them have
 */
export async function startApache(belfry, { mounts = ['/monitor/', '/'], events, people, roles = {} } = {}) {
  const dir = path.join(belfry.dir, 'apache');
  fs.rmSync(dir, { recursive: true, force: true });
  for (const folder of ['site', 'custom/css']) fs.mkdirSync(path.join(dir, folder), { recursive: true });
  fs.writeFileSync(path.join(dir, 'site/index.html'), 'the site itself\n');
  fs.symlinkSync(path.join(sourceDir, 'apache'), path.join(dir, 'belfry'));
  // A clone or build folder may be one that Apache's user must not enter.
  fs.cpSync(path.join(buildDir, 'htdocs'), path.join(dir, 'htdocs'), { recursive: true, dereference: true });
  fs.chmodSync(belfry.dir, 0o750);
  const port = await freePort();
  const file = path.join(dir, 'apache.conf');
  fs.writeFileSync(file, configuration({ dir, port, runDir: path.join(belfry.dir, 'run'), mounts, events, people, roles }));
  if (people) fs.writeFileSync(path.join(dir, 'people'), Object.entries(people).map((entry) => `${entry.join(':')}\n`).join(''));
  const log = fs.openSync(path.join(belfry.dir, 'log/apache.out'), 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, '-d', dir, '-f', file, '-D', 'FOREGROUND'], { stdio: ['ignore', log, log] });
  fs.closeSync(log);
  const gone = once(child, 'exit');
  const before = belfry.port;
  Object.assign(belfry, { port, url: `http://127.0.0.1:${port}` });
  const apache = {
    dir,
    accessLog: () => fs.readFileSync(path.join(dir, 'access.log'), 'utf8'),
    async stop() {
      for (const socket of belfry.sockets) socket.terminate();
      Object.assign(belfry, { port: before, url: `http://127.0.0.1:${before}` });
      child.kill('SIGTERM');
      await gone;
    },
  };
  await belfry.until(
    async () => {
      if (child.exitCode !== null) throw Object.assign(new Error(`Apache ended with status ${child.exitCode}\n${belfry.logs()}`), { final: true });
      return (await belfry.get(`${mounts[0]}health`)).status === (people ? 401 : 200);
    },
    'Apache serves the instance',
  );
  return apache;
}
