/*
 * Channels: what they are told, in each one's own shape, through kills, absences and refusals: at least once, nothing
 * lost; secrets stay where they belong. The notices are put as alerts put them (put_notices.c).
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { buildDir, run, sourceDir, start, temporaryFolder, until } from './harness.mjs';

const folder = temporaryFolder();
const secrets = { url: 'path-secret-1', header: 'header-secret-2', token: 'token-secret-3', bot: '12345:bot-secret_4', mail: 'mail-secret' };
const file = (name) => path.join(folder, name);
const servers = [];
const answers = {}; // by path: what to answer, else 200
const got = {}; // by path: what came
const mails = [];
let belfry, viewer, operator, smtp, smtpPort, port, tlsPort, conf;

function listen(make) {
  const server = make((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => (body += part));
    request.on('end', async () => {
      const [, name] = request.url.split('/');
      (got[name] ??= []).push({ url: request.url, headers: request.headers, body: JSON.parse(body) });
      const answer = answers[name]?.(got[name].length) ?? { status: 200, body: name.startsWith('bot') ? '{"ok":true}' : 'ok' };
      if (answer.hang) return;
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  return once(server, 'listening').then(() => server.address().port);
}

const count = (name) => got[name]?.length ?? 0;
const last = (name) => got[name].at(-1);
let serial = 0;
const fired = Date.UTC(2026, 10, 20, 10, 30);

/** A notice of an alert of its own, unless said otherwise. */
function notice(fields = {}) {
  const alert = fields.alert_id ?? `rule/${++serial}`;
  const kind = fields.kind ?? 'firing';
  const started = fields.started ?? fired;
  return {
    notice_id: `${alert}/${started}/${kind}`,
    alert_id: alert,
    rule: 'rule',
    kind,
    severity: 'error',
    group: `group-${alert}`,
    labels: { alertname: 'rule', severity: 'error', host: 'h1' },
    summary: `${alert} is bad`,
    started,
    ended: kind === 'resolved' ? started + 60000 : 0,
    ...fields,
  };
}

async function put(...notices) {
  const { status, stderr } = await run(path.join(buildDir, 'tests/system/put_notices'), [belfry.confPath], {
    input: notices.map((one) => `${JSON.stringify(one)}\n`).join(''),
  });
  assert.equal(status, 0, stderr);
}

const until_ = (ask, what) => belfry.until(ask, what);
const alertIds = (message) => message.body.alerts.map((alert) => alert.alert_id).sort();
const channel = async (name) => (await belfry.get('/api/channels', { key: viewer })).json.channels.find((one) => one.name === name);
const events = async (type, name) => (await belfry.get(`/api/events?event=${type}&limit=1000`, { key: viewer })).json.events.filter(({ data }) => data.channel === name);
const tryChannel = (name) => belfry.post(`/api/channels/${name}/test`, '', { key: operator });
const settled = (name) => until_(async () => (await channel(name)).queued === 0, `nothing waits for ${name}`);

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-days', '2', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
  smtp = spawn('/usr/bin/python3', [path.join(sourceDir, 'tests/system/smtp_sink.py'), file('cert.pem'), file('key.pem')], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: smtp.stdout }).on('line', (line) => {
    const said = JSON.parse(line);
    if (typeof said === 'number') smtpPort = said;
    else mails.push(said);
  });
  port = await listen((handler) => http.createServer(handler));
  tlsPort = await listen((handler) => https.createServer({ key: fs.readFileSync(file('key.pem')), cert: fs.readFileSync(file('cert.pem')) }, handler));
  await until(() => smtpPort, 'the mail server is there');
  fs.writeFileSync(file('mail.password'), `${secrets.mail}\n`, { mode: 0o600 });
  fs.writeFileSync(file('slack.url'), `http://127.0.0.1:${port}/slack/${secrets.url}\n`, { mode: 0o640 });
  fs.writeFileSync(file('open.url'), `http://127.0.0.1:${port}/open/${secrets.url}\n`);
  fs.chmodSync(file('open.url'), 0o644);
  fs.writeFileSync(file('told.sh'), `#!/bin/sh\ncat > "$1.new" && env > "$1.env" && mv "$1.new" "$1" && test ! -e "$1.fail" || { echo "no <way>"; exit 3; }\n`, { mode: 0o755 });
  const hook = (name, more = {}) => ({ name, type: 'webhook', url: `http://127.0.0.1:${port}/${name}/${secrets.url}`, default: false, group_wait: '100ms', retry_delay: '100ms', timeout: '5s', ...more });
  const mail = { type: 'email', server: `127.0.0.1:${smtpPort}`, from: 'belfry@example.org', to: ['ops@example.org', 'second@example.org'], user: 'belfry', password_file: file('mail.password'), default: false, group_wait: '100ms', retry_delay: '100ms' };
  conf = {
    watch: { interval: '1h', host_interval: '1h' },
    alerting: { defaults: false },
    channels: [
      hook('all', { default: true, headers: [`X-Key: ${secrets.header}`], token: secrets.token }),
      hook('grave', { default: true, min_severity: 'error', send_resolved: false }),
      hook('named'), hook('grouped', { group_wait: '2s' }), hook('away'), hook('busy'), hook('given', { give_up: '1s' }), hook('poison'),
      hook('limited', { max_per_hour: 4 }), hook('crowd', { max_per_hour: 2 }), hook('doubled'), hook('killed', { timeout: '60s' }), hook('slow', { timeout: '1s' }),
      hook('tls', { url: `https://127.0.0.1:${tlsPort}/tls/x` }),
      hook('trusted', { url: `https://127.0.0.1:${tlsPort}/trusted/x`, ca_file: file('cert.pem') }),
      { ...hook('open'), url: undefined, url_file: file('open.url') },
      { ...hook('manager'), type: 'alertmanager' },
      { ...hook('slack'), type: 'slack', url: undefined, url_file: file('slack.url') },
      { ...hook('telegram'), type: 'telegram', url: `http://127.0.0.1:${port}/`, token: secrets.bot, chat: '-100' },
      { ...mail, name: 'mail', ca_file: file('cert.pem') },
      { ...mail, name: 'mail_untrusted' },
      { name: 'program', type: 'exec', command: [file('told.sh'), file('told.json')], default: false, group_wait: '100ms', retry_delay: '100ms' },
    ],
  };
  belfry = await start({ conf, supervised: true, environment: { 'belfry-watchd': { LEAK: 'environment' } } });
  viewer = await belfry.makeKey('viewer');
  operator = await belfry.makeKey('operator');
});
after(async () => {
  smtp?.kill('SIGKILL');
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await belfry?.stop();
});

test('all are listed, and nothing secret of them', async () => {
  const answer = await belfry.get('/api/channels', { key: viewer });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.channels.length, conf.channels.length);
  const all = answer.json.channels[0];
  assert.equal(all.type, 'webhook');
  assert.equal(all.default, true);
  assert.equal(all.state, 'unused');
  for (const secret of Object.values(secrets)) assert.ok(!answer.text.includes(secret), secret);
});

test('a notice is told once to who is to hear of it, however often it is put', async () => {
  const one = notice({ labels: { alertname: 'rule', host: 'h1' }, value: 42.5, severity: 'warning' });
  const two = notice({});
  await put(one, one);
  await put(one, two);
  await until_(() => count('all') === 2 && count('grave') === 1, 'both were told');
  const told = got.all.find(({ body }) => body.alerts[0].alert_id === one.alert_id);
  assert.equal(told.headers['x-key'], secrets.header);
  assert.equal(told.headers.authorization, `Bearer ${secrets.token}`);
  assert.equal(told.headers['idempotency-key'], told.body.id);
  assert.deepEqual(told.body.alerts, [{ alert_id: one.alert_id, rule: 'rule', status: 'firing', repeat: false, untold: false, severity: 'warning',
    summary: one.summary, labels: one.labels, value: 42.5, started: '2026-11-20T10:30:00.000Z', ended: null }]);
  assert.deepEqual(alertIds(last('grave')), [two.alert_id], 'what is not grave enough is left out');
  await settled('all');
  await put(notice({ ...one, kind: 'resolved', notice_id: `${one.alert_id}/over` }), notice({ alert_id: two.alert_id, kind: 'resolved', group: two.group }));
  await until_(() => count('all') === 4, 'both are over');
  await put(one); // told long ago
  await put(notice({ alert_id: 'never told', kind: 'resolved' })); // nobody heard that it began
  await put(notice({ channels: ['named'] }));
  await until_(() => count('named') === 1, 'the channel that is named is told');
  await settled('all');
  assert.equal(count('all'), 4);
  assert.equal(count('grave'), 1, 'it does not want to hear that an alert is over');
  await settled('named');
  const [sent] = await events('notification_sent', 'named');
  assert.deepEqual([sent.severity, sent.data.attempts, sent.data.alerts.length, sent.data.type], ['info', 1, 1, 'webhook']);
  const state = await channel('named');
  assert.deepEqual([state.state, state.sent, state.failed, state.queued, state.last_error], ['ok', 1, 0, 0, '']);
});

test('alerts of a group go in one message, each as it stands last', async () => {
  const group = 'g';
  const a = notice({ group, channels: ['grouped'] });
  const b = notice({ group, channels: ['grouped'] });
  await put(a, b, notice({ ...b, kind: 'resolved', notice_id: `${b.alert_id}/over`, ended: fired + 1000 }));
  await until_(() => count('grouped') === 1, 'they are told');
  const { alerts, firing, resolved, group: told } = last('grouped').body;
  assert.deepEqual([firing, resolved, told], [1, 1, group]);
  const over = alerts.find(({ alert_id }) => alert_id === b.alert_id);
  assert.deepEqual([over.status, over.untold, over.ended], ['resolved', true, '2026-11-20T10:30:01.000Z']);
  await put(notice({ group, channels: ['grouped'], severity: 'critical' }));
  await until_(() => count('grouped') === 2, 'a critical one is told');
});

test('a channel that is away for a while is told when it is back, and the failure is told once', async () => {
  answers.away = () => ({ status: 503, body: `<b>not now</b> ${secrets.url}\nsecond` });
  const one = notice({ channels: ['away'] });
  await put(one);
  await until_(() => count('away') >= 3, 'it is tried again and again');
  const state = await until_(async () => { const now = await channel('away'); return now.state === 'failing' && now; }, 'it is seen');
  assert.equal(state.queued, 1);
  assert.match(state.last_error, /^HTTP 503: <b>not now<\/b> \*\*\*$/);
  delete answers.away;
  await settled('away');
  await until_(async () => (await channel('away')).state === 'ok', 'it is well again');
  assert.deepEqual(alertIds(last('away')), [one.alert_id]);
  assert.equal(new Set(got.away.map(({ body }) => body.id)).size, 1, 'each attempt is the same message');
  assert.deepEqual((await events('notification_failed', 'away')).map(({ severity }) => severity), ['warning']);
  const [sent] = await events('notification_sent', 'away');
  assert.equal(sent.data.attempts, count('away'));
});

test('who says how long to wait is not asked before', async () => {
  const times = [];
  answers.busy = (n) => (times.push(Date.now()), n === 1 ? { status: 429, headers: { 'retry-after': '2' } } : { status: 204 });
  await put(notice({ channels: ['busy'] }));
  await until_(() => count('busy') === 2, 'it is told');
  assert.ok(times[1] - times[0] >= 2000, `${times[1] - times[0]} ms`);
  await settled('busy');
});

test('what nobody takes is given up in the end, loudly', async () => {
  answers.given = () => ({ status: 400, body: 'never' });
  await put(notice({ channels: ['given'] }));
  await settled('given');
  const failed = await events('notification_failed', 'given');
  assert.deepEqual(failed.map(({ severity }) => severity).sort(), ['error', 'warning']);
  const given = failed.find(({ severity }) => severity === 'error');
  assert.deepEqual([given.data.given_up, given.data.message], [1, 'HTTP 400: never']);
  assert.equal((await channel('given')).given_up, 1);
});

test('a message that is refused for ever does not stop the others', async () => {
  const bad = notice({ channels: ['poison'] });
  answers.poison = () => (alertIds(last('poison')).includes(bad.alert_id) ? { status: 400 } : { status: 200 });
  await put(bad);
  await until_(() => count('poison') >= 1, 'it is refused');
  const good = notice({ channels: ['poison'] });
  await put(good);
  await until_(async () => (await events('notification_sent', 'poison')).some(({ data }) => data.alerts[0] === good.alert_id), 'the other one is told');
  delete answers.poison;
  await settled('poison');
});

test('no more than so many messages in an hour; what is beyond waits', async () => {
  await put(...[1, 2, 3, 4, 5].map(() => notice({ channels: ['limited'] })));
  await until_(() => count('limited') === 2, 'two are told');
  await until_(async () => (await channel('limited')).queued === 3, 'three wait');
  await belfry.restart('belfry-watchd');
  await belfry.untilHealthy();
  await put(notice({ channels: ['named'] })); // a turn of the notifier later
  await settled('named');
  assert.equal(count('limited'), 2, 'a restart does not give it more');
  assert.equal((await channel('limited')).queued, 3);
});

test('through kills of belfry-watchd and belfry-historyd nothing is lost, and what was recorded is not told again', async () => {
  const told = new Map();
  let hang = true;
  answers.killed = () => (hang ? { hang } : (alertIds(last('killed')).forEach((id) => told.set(id, (told.get(id) ?? 0) + 1)), { status: 200 }));
  const all = [];
  for (let round = 0; round < 6; round++) {
    const some = [1, 2, 3].map(() => notice({ channels: ['killed'] }));
    all.push(...some);
    hang = true;
    const before = count('killed');
    await put(...some);
    await until_(() => count('killed') > before, 'a message is on its way');
    hang = round % 2 === 0;
    belfry.running.get(round % 3 === 2 ? 'belfry-historyd' : 'belfry-watchd').kill('SIGKILL');
    if (round % 3 === 2) belfry.running.get('belfry-watchd').kill('SIGKILL');
    hang = false;
    await until_(() => some.every(({ alert_id }) => told.has(alert_id)), 'all of them were told after the kill');
    await settled('killed');
  }
  for (const { alert_id } of all) assert.equal(told.get(alert_id), 1, `${alert_id} was accepted ${told.get(alert_id)} times`);
});

test('killed between acceptance and record, it tells again, as the same message', async () => {
  const all = [1, 2, 3].map(() => notice({ channels: ['doubled'] }));
  for (const one of all) {
    let kill = true;
    answers.doubled = () => {
      if (kill) belfry.running.get('belfry-watchd').kill('SIGKILL');
      kill = false;
      return { status: 200 };
    };
    await put(one);
    await settled('doubled');
    await until_(() => !kill, 'it was killed');
  }
  for (const { alert_id } of all) {
    const told = got.doubled.filter((message) => alertIds(message).includes(alert_id));
    assert.ok(told.length === 1 || told.length === 2, `${alert_id} was told ${told.length} times`);
    assert.equal(new Set(told.map(({ headers }) => headers['idempotency-key'])).size, 1);
  }
});

test('what had to wait goes together', async () => {
  await put(notice({ channels: ['crowd'] }));
  await until_(() => count('crowd') === 1, 'the first is told');
  const some = [1, 2, 3].map(() => notice({ channels: ['crowd'] }));
  await put(...some);
  await until_(() => /the channel crowd gets no more than 2/.test(belfry.log('belfry-watchd')), 'they have to wait');
  assert.equal(count('crowd'), 1);
  belfry.conf.channels.find(({ name }) => name === 'crowd').max_per_hour = 3600;
  belfry.writeConf();
  belfry.running.get('belfry-watchd').kill('SIGHUP');
  await settled('crowd');
  assert.equal(count('crowd'), 2);
  assert.deepEqual(alertIds(last('crowd')), some.map(({ alert_id }) => alert_id).sort());
  assert.equal(last('crowd').body.group, '', 'it is of several groups');
});

test('hostile text stays text in the shapes of others', async () => {
  const evil = `<script>alert(1)</script> *b* _i_ <!channel> [x](http://y) & "q"\r\nBcc: evil@example.org\r\n\r\nüñ☃ =?UTF-8?Q?x?= \u2028.`;
  const one = notice({ channels: ['manager', 'slack', 'telegram', 'mail', 'program'], summary: evil, labels: { alertname: evil, host: 'h' }, severity: 'critical' });
  await put(one);
  await until_(() => count('manager') && count('slack') && count(`bot${secrets.bot}`) && mails.length && fs.existsSync(file('told.json')), 'all were told');
  const am = last('manager').body;
  assert.deepEqual([am.version, am.status, am.receiver, am.alerts[0].annotations.summary, am.alerts[0].endsAt], ['4', 'firing', 'manager', evil, '0001-01-01T00:00:00Z']);
  assert.deepEqual(am.commonLabels, one.labels);
  const slack = last('slack').body;
  assert.doesNotMatch(JSON.stringify(slack), /[<>]/);
  assert.match(slack.text, /&lt;!channel&gt;/);
  assert.ok(slack.blocks.every(({ text }) => text.type === 'plain_text'));
  const telegram = last(`bot${secrets.bot}`).body;
  assert.equal(telegram.chat_id, '-100');
  assert.equal(telegram.parse_mode, undefined);
  assert.match(telegram.text, /<script>alert\(1\)<\/script>/);
  const program = JSON.parse(fs.readFileSync(file('told.json'), 'utf8'));
  assert.equal(program.alerts[0].summary, evil);
  assert.doesNotMatch(fs.readFileSync(file('told.json.env'), 'utf8'), /LEAK|alert|BELFRY/);
  const [mail] = mails;
  assert.deepEqual(mail.to, ['ops@example.org', 'second@example.org']);
  assert.deepEqual([mail.tls, mail.user], [true, 'belfry']);
  const parsed = JSON.parse(execFileSync('/usr/bin/python3', ['-c', `
import sys, json, email, email.policy
mail = email.message_from_string(sys.stdin.read(), policy=email.policy.default)
print(json.dumps({"headers": sorted(mail.keys()), "subject": mail["subject"], "text": mail.get_content(), "to": mail["to"], "defects": [str(one) for one in mail.defects]}))`], { input: mail.content }).toString());
  assert.deepEqual(parsed.defects, []);
  assert.ok(!parsed.headers.includes('Bcc'));
  assert.ok(['Date', 'From', 'Message-ID', 'MIME-Version', 'Subject', 'To'].every((name) => parsed.headers.includes(name)), parsed.headers.join());
  assert.match(parsed.subject, /^\[firing\] <script>.*üñ☃/);
  assert.match(parsed.text, /<script>alert\(1\)<\/script>.*Bcc: evil@example\.org/);
  assert.ok(mail.content.split('\r\n').every((line) => /^[\x20-\x7e\t]*$/.test(line) && line.length <= 998));
});

test('a mail that was refused is sent again as the same', async () => {
  fs.writeFileSync(file('cert.pem.down'), '');
  const before = mails.length;
  await put(notice({ channels: ['mail'] }));
  await until_(async () => /451/.test((await channel('mail')).last_error), 'it is refused');
  fs.rmSync(file('cert.pem.down'));
  await until_(() => mails.length > before, 'it is taken');
  const id = /^Message-ID: <(\S+)>/m.exec(mails.at(-1).content)[1];
  const [sent] = await until_(async () => { const found = await events('notification_sent', 'mail'); return found.length > 1 && found; }, 'it is told');
  assert.ok(id.startsWith(sent.data.message_id), `${id} ${sent.data.message_id}`);
});

test('a test says at once how it went, in the words of the channel', async () => {
  const good = await tryChannel('trusted');
  assert.deepEqual([good.status, good.json?.result, good.json?.channel], [200, 'accepted', 'trusted'], good.text);
  assert.equal(last('trusted').body.test, true);
  assert.match(last('trusted').body.title, /^\[test\] /);
  for (const [name, words] of [['tls', /certificate/i], ['mail_untrusted', /certificate/i], ['open', /may be read by everybody/], ['given', /HTTP 400: never/]]) {
    const answer = await tryChannel(name);
    assert.equal(answer.status, 502, `${name}: ${answer.text}`);
    assert.match(answer.json.detail, words);
  }
  answers.slow = () => ({ hang: true });
  const slow = await tryChannel('slow');
  assert.equal(slow.status, 502);
  assert.match(slow.json.detail, /no answer within 1000 ms/);
  assert.equal((await belfry.post('/api/channels/nobody/test', '', { key: operator })).status, 404);
  assert.equal((await belfry.post('/api/channels/all/test', '', { key: viewer })).status, 403);
  fs.writeFileSync(file('told.json.fail'), '');
  const program = await tryChannel('program');
  assert.match(program.json.detail, /exit status 3: no <way>/);
  assert.equal((await channel('trusted')).state, 'unused', 'a test is none of its figures');
});

test('belfry test-alert tries one, or all', async () => {
  const env = { BELFRY_URL: belfry.url, BELFRY_KEY: operator };
  const one = await run(path.join(buildDir, 'belfry'), ['test-alert', 'trusted'], { env });
  assert.deepEqual([one.status, one.stdout], [0, 'trusted: accepted\n'], one.stderr);
  const all = await run(path.join(buildDir, 'belfry'), ['test-alert'], { env });
  assert.equal(all.status, 1);
  assert.match(all.stdout, /^all: accepted\n/);
  assert.match(all.stderr, /tls:.*certificate/is);
});

test('figures are in /metrics', async () => {
  const text = await until_(async () => (await belfry.get('/metrics', { key: belfry.adminKey })).text, 'there are metrics');
  assert.match(text, /^belfry_notifications_sent_total \d+$/m);
  assert.match(text, /^belfry_notifications_failed_total \d+$/m);
  await until_(async () => /^belfry_notifications_queued 3$/m.test((await belfry.get('/metrics', { key: belfry.adminKey })).text), 'three wait');
});

test('what waits for a channel that is gone is given up, loudly', async () => {
  belfry.conf.channels = belfry.conf.channels.filter(({ name }) => name !== 'limited');
  belfry.writeConf();
  belfry.running.get('belfry-watchd').kill('SIGHUP');
  const [failed] = await until_(async () => { const found = await events('notification_failed', 'limited'); return found.length && found; }, 'it is told');
  assert.deepEqual([failed.severity, failed.data.given_up], ['error', 3]);
});

test('no secret is in a log, a file of the history, or what check-config shows', async () => {
  const dump = await run(path.join(buildDir, 'belfry'), ['check-config', '--dump', belfry.confPath]);
  assert.equal(dump.status, 0, dump.stderr);
  const texts = { 'check-config': dump.stdout };
  for (const name of fs.readdirSync(belfry.dir, { recursive: true }))
    if (/^(log|history)\//.test(name) && fs.statSync(path.join(belfry.dir, name)).isFile()) texts[name] = fs.readFileSync(path.join(belfry.dir, name), 'latin1');
  assert.ok(Object.keys(texts).some((name) => name.startsWith('history/')), Object.keys(texts).join());
  for (const [name, text] of Object.entries(texts))
    for (const secret of Object.values(secrets)) assert.ok(!text.includes(secret), `${secret} is in ${name}`);
});
