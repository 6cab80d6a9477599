/*
 * Secrets in what belfry-watchd reads: forty forms of them go through a log file and a program's output, and are looked
 * for in every file of the history, and in all that the API gives.
 */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { start, temporaryFolder } from './harness.mjs';

let made = 0;
/** Characters that are nowhere else, and the same in each run. */
const secret = (length, alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789') => {
  const bytes = crypto.createHash('sha512').update(`secret ${made++}`).digest();
  return Array.from({ length }, (_, n) => alphabet[bytes[n % 64] % alphabet.length]).join('');
};
const hex = (length) => secret(length, '0123456789abcdef');
const upper = (length) => secret(length, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');
const base64url = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');

/** What is written around a secret, and the secret. */
const forms = [
  ['password=', secret(12)],
  ['db_password: ', secret(12)],
  ['"password":"', secret(12), '"'],
  ["passwd => '", secret(12), "'"],
  ['{\\"client_secret\\":\\"', secret(20), '\\"}'],
  ['API_KEY=', secret(24)],
  ['x-api-key: ', secret(24)],
  ['access_token=', secret(24), '&state=1'],
  ['GET /cb?refresh_token=', secret(24), ' HTTP/1.1'],
  ['aws_secret_access_key = ', secret(40)],
  ['aws id AKIA', upper(16)],
  ['export SECRET_KEY="', secret(30), '"'],
  ['Authorization: Bearer ', secret(32)],
  ['"authorization": "Basic ', Buffer.from(`ada:${secret(9)}`).toString('base64'), '"'],
  ['Proxy-Authorization: Digest ', secret(20)],
  ['sent with bearer ', `${secret(20)}7`],
  ['Cookie: session=', secret(26), '; theme=dark'],
  ['Set-Cookie: id=', secret(26), '; HttpOnly'],
  ['connecting to postgres://app:', secret(14), '@db:5432/app'],
  ['amqp://user:', secret(14), '@mq/vhost'],
  ['mysqldump -u root --password=', secret(12), ' all'],
  ['curl --token ', secret(18), ' https://x'],
  ['jwt ', `eyJ${base64url({ alg: 'HS256' }).slice(3)}.eyJ${base64url({ sub: secret(8) }).slice(3)}.${secret(43)}`],
  ['github ghp_', secret(36)],
  ['github github_pat_', secret(60)],
  ['gitlab glpat-', secret(20)],
  ['slack xoxb-', secret(30)],
  ['https://hooks.slack.com/services/T', `${upper(8)}/B${upper(8)}/${secret(24)}`],
  ['stripe sk_live_', secret(24)],
  ['google AIza', secret(35)],
  ['openai sk-', secret(48)],
  ['anthropic sk-ant-api03-', secret(60)],
  ['huggingface hf_', secret(34)],
  ['npm npm_', secret(36)],
  ['pypi pypi-', secret(80)],
  ['sendgrid SG.', `${secret(22)}.${secret(43)}`],
  ['twilio SK', hex(32)],
  ['telegram ', `123456789:${secret(35)}`],
  ['digitalocean dop_v1_', hex(64)],
  ['belfry bfy_', `${secret(12, '0123456789abcdefghjkmnpqrstvwxyz')}_${secret(43)}`],
  ['paid with ', '4111 1111 1111 1111'],
  ['paid with ', '5555555555554444', ' today'],
  ['-----BEGIN RSA PRIVATE KEY-----\\n', secret(64)],
];
/** Another of the same form. */
const secretLike = (text) => text.replace(/[A-Za-z0-9]{9,}/g, (run) => (/^(eyJ|[0-9]+$|bfy)/.test(run) ? run : [...run].reverse().join('')));
const keyLines = Array.from({ length: 12 }, () => secret(64));
const lastKeyLine = secret(20);

let belfry, log;

before(async () => {
  const folder = temporaryFolder();
  log = path.join(folder, 'app.log');
  fs.writeFileSync(log, '');
  const script = path.join(folder, 'plugin');
  fs.writeFileSync(script, `#!/bin/sh\necho "CRITICAL - cannot sign in with password=${secret(16)}1 | time=1s"\nexit 2\n`, { mode: 0o755 });
  forms.push(['the plugin said password=', fs.readFileSync(script, 'utf8').match(/password=(\w+)/)[1]]);
  belfry = await start({
    conf: {
      watch: { interval: '1s', host_interval: '1h', retries: 0 },
      services: [{ name: 'plugin', type: 'exec', command: [script] }],
      logs: [{ path: log, source: 'app' }],
      masks: [{ pattern: 'customer-\\K[0-9]{6}' }],
      history: { hot_events: 20 },
    },
  });
});
after(() => belfry?.stop());

const logs = async (query = '') => (await belfry.get(`/api/logs?source=app&limit=1000&${query}`, { key: belfry.adminKey })).json.logs;

test('secrets in forty forms never reach the disk', async () => {
  forms.push(['of customer-', '834915', ' again']);
  const lines = forms.map(([before_, hidden, behind = '']) => `2026-11-20 10:00:00 INFO about ${before_}${hidden}${behind} and so on`);
  lines.push('-----BEGIN OPENSSH PRIVATE KEY-----', ...keyLines, lastKeyLine, '-----END OPENSSH PRIVATE KEY-----', 'the last line');
  // In several goes, so that the key is cut by the ends of batches.
  for (let n = 0; n < lines.length; n += 7) {
    fs.appendFileSync(log, `${lines.slice(n, n + 7).join('\n')}\n`);
    await belfry.until(async () => (await logs()).length >= Math.min(n + 7, lines.length), 'the lines are stored');
  }
  const stored = await logs('order=asc');
  assert.equal(stored.length, lines.length);
  await belfry.until(async () => (await belfry.get('/api/health', { key: belfry.adminKey })).json.services.find((one) => one.name === 'plugin')?.status === 'down', 'the program was run');

  const hidden = [...forms.map(([, one]) => one), ...keyLines, lastKeyLine];
  const { text: events } = await belfry.get('/api/events?limit=1000', { key: belfry.adminKey });
  const { text: health } = await belfry.get('/api/health', { key: belfry.adminKey });
  const files = [belfry.stateDir ?? belfry.dir].flatMap((dir) => fs.readdirSync(dir, { recursive: true }).map((file) => path.join(dir, file)))
    .filter((file) => /history/.test(file) && fs.statSync(file).isFile());
  assert.ok(files.some((file) => file.endsWith('hot.db')), files.join(' '));
  const disk = Buffer.concat(files.map((file) => fs.readFileSync(file))).toString('latin1');
  for (const one of hidden) {
    assert.ok(!events.includes(one), `the API gives ${one}`);
    assert.ok(!health.includes(one), `/api/health gives ${one}`);
    assert.ok(!disk.includes(one), `the disk holds ${one}`);
  }
  assert.ok(stored.every((line) => !/and so on$/.test(line.message) || /\*\*\*/.test(line.message)), 'what stands around them is there');
  assert.equal(stored.at(-1).message, 'the last line');
});

test('nor do they when they come over the API', async () => {
  const sent = forms.map(([before_, hidden, behind = '']) => [`about ${before_}`, secretLike(hidden), behind]);
  const line = ([before_, hidden, behind]) => `${before_}${hidden}${behind} and so on`;
  const attributes = { password: secret(70), nested: { api_key: [secret(30)], session: `bearer ${secret(20)}7` } };
  const keyText = ['-----BEGIN OPENSSH PRIVATE KEY-----', ...keyLines.map(secretLike), '-----END OPENSSH PRIVATE KEY-----', 'behind'].join('\n');
  const post = (url, body, type) => belfry.post(url, body, { key: belfry.adminKey, ...(type && { headers: { 'content-type': type } }) });
  const hidden = [...sent.map(([, one]) => one), attributes.password, ...attributes.nested.api_key, attributes.nested.session.slice(7), ...keyText.split('\n').slice(1, -2)];
  assert.equal((await post('/api/logs', [...sent.map((one) => ({ message: line(one), source: 'posted' })), { message: keyText, source: 'posted', attributes }])).status, 201);
  assert.equal((await post('/api/logs?source=posted', sent.map(line).join('\n'), 'text/plain')).status, 201);
  assert.equal((await post('/api/events', { event: 'log', source: 'posted', data: { message: line(sent[0]) } })).status, 201);
  const records = sent.map((one) => ({ body: { stringValue: line(one) }, attributes: [{ key: 'client_secret', value: { stringValue: attributes.password } }] }));
  assert.equal((await post('/v1/logs', { resourceLogs: [{ scopeLogs: [{ logRecords: records }] }] })).status, 200);
  const { text } = await belfry.get('/api/logs?limit=1000', { key: belfry.adminKey });
  const files = fs.readdirSync(belfry.dir, { recursive: true }).map((file) => path.join(belfry.dir, file)).filter((file) => /history/.test(file) && fs.statSync(file).isFile());
  const disk = Buffer.concat(files.map((file) => fs.readFileSync(file))).toString('latin1');
  for (const one of hidden) {
    assert.ok(!text.includes(one), `the API gives ${one}`);
    assert.ok(!disk.includes(one), `the disk holds ${one}`);
  }
  assert.ok(JSON.parse(text).logs.filter((one) => /and so on$/.test(one.message)).every((one) => /\*\*\*/.test(one.message)), 'what stands around them is there');
  await belfry.until(async () => {
    const metrics = (await belfry.get('/metrics', { key: belfry.adminKey })).text;
    return Number(metrics.match(/^belfry_http_masked_total (\d+)/m)?.[1]) >= 3 * sent.length;
  }, 'belfry_http_masked_total');
});

test('they are counted', async () => {
  await belfry.until(async () => (await belfry.get('/api/loop-status', { key: belfry.adminKey })).json.masked_total >= forms.length + keyLines.length, 'masked_total');
});

test('what is searched for is not there either', async () => {
  for (const [, one] of forms.slice(0, 6)) assert.deepEqual(await logs(`q=${encodeURIComponent(one)}`), []);
  assert.ok((await logs('q=about')).length >= 40);
});
