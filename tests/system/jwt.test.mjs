/*
 * JSON Web Tokens as credentials, made here with node:crypto and not with the library that checks them; and people whom
 * the web server has signed in (REMOTE_USER), through nginx and Apache.
 */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startApache } from './apache.mjs';
import * as expect from './expect.mjs';
import { start, temporaryFolder } from './harness.mjs';

const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const soon = (seconds = 3600) => Math.floor(Date.now() / 1000) + seconds;

/** Signs what is given, whatever it is. */
function sign(header, claims, key) {
  const text = `${part(header)}.${part(claims)}`;
  if (key === undefined) return `${text}.`;
  if (typeof key === 'string') return `${text}.${crypto.createHmac('sha256', key).update(text).digest('base64url')}`;
  return `${text}.${crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const folder = temporaryFolder();
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key) => key.export({ type: 'spki', format: 'pem' });
const secrets = ['an older secret of the two, 32 bytes and more', 'the newer secret of the two, 32 bytes and more'];
const files = {
  HS256: `${secrets.join('\n')}\n`,
  RS256: pem(rsa.publicKey),
  ES256: pem(ec.publicKey),
};
const keys = { HS256: secrets[1], RS256: rsa.privateKey, ES256: ec.privateKey };

let belfry;
before(async () => (belfry = await start({ conf: jwtConf('RS256') })));
after(() => belfry?.stop());

function jwtConf(algorithm, more = {}) {
  const file = path.join(folder, algorithm);
  fs.writeFileSync(file, files[algorithm], { mode: 0o600 });
  return { access: { jwt_algorithm: algorithm, jwt_key_file: file, jwt_issuer: 'https://id.example', jwt_audience: 'belfry', ...more } };
}

async function use(algorithm, more) {
  Object.assign(belfry.conf.access, jwtConf(algorithm, more).access);
  belfry.writeConf();
  for (const name of ['belfry-fcgi', 'belfry-pushd']) await belfry.restart(name);
  await belfry.untilHealthy();
}

const claims = (more = {}) => ({ iss: 'https://id.example', aud: 'belfry', sub: 'robot', role: 'operator', exp: soon(), ...more });
const token = (more, header = {}) => sign({ alg: 'RS256', typ: 'JWT', ...header }, claims(more), rsa.privateKey);
const me = (key) => belfry.get('/api/me', { key });

test('who a token names is that one', async () => {
  const answer = await me(token({ exp: 4102444800 }));
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json.name, answer.json.role, answer.json.how, answer.json.signed_in], ['robot', 'operator', 'jwt', true]);
  assert.equal(answer.json.expires, '2100-01-01T00:00:30.000Z', 'with the leeway');
  assert.equal((await me(token({ aud: ['other', 'belfry'] }, { kid: 'whatever' }))).status, 200);
  expect.problem(await belfry.get('/api/keys', { key: token() }), 403);
  const sent = await belfry.post('/api/events', { event: 'x' }, { key: token({ role: 'ingest' }) });
  assert.equal(sent.status, 201, sent.text);
  const { events } = (await belfry.get(`/api/events?after=${sent.json.first_id - 1}&event=x`, { key: belfry.adminKey })).json;
  assert.equal(events[0].source, 'robot');
});

describe('a token is refused', () => {
  const rsaText = pem(rsa.publicKey);
  const good = token();
  const [header, payload, signature] = good.split('.');
  for (const [what, bad] of [
    ['without a signature (alg none)', sign({ alg: 'none' }, claims())],
    ['with alg none and the signature of another', `${part({ alg: 'none' })}.${payload}.${signature}`],
    ['signed with the public key as a secret (HS256)', sign({ alg: 'HS256' }, claims(), rsaText)],
    ['with an algorithm in other letters', token({}, { alg: 'rs256' })],
    ['signed by a stranger', sign({ alg: 'RS256' }, claims(), stranger.privateKey)],
    ['whose claims were changed', `${header}.${part(claims({ role: 'admin' }))}.${signature}`],
    ['that has expired', token({ exp: soon(-60) })],
    ['that never expires', token({ exp: undefined })],
    ['that expires at a text', token({ exp: 'tomorrow' })],
    ['that is not good yet', token({ nbf: soon(600) })],
    ['for another audience', token({ aud: 'other' })],
    ['for no audience', token({ aud: undefined })],
    ['of another issuer', token({ iss: 'https://evil.example' })],
    ['without a role', token({ role: undefined })],
    ['with a role that is none', token({ role: 'root' })],
    ['with a list of roles', token({ role: ['admin'] })],
    ['that names nobody', token({ sub: undefined })],
    ['that says its role twice', sign({ alg: 'RS256' }, JSON.stringify(claims()).replace('"role"', '"role":"admin","role"'), rsa.privateKey)],
    ['that demands an extension', token({}, { crit: ['exp'] })],
    ['that is cut off', good.slice(0, -20)],
    ['of four parts', `${good}.x`],
    ['of empty parts', '..'],
  ])
    test(what, async () => {
      const answer = await me(bad);
      expect.problem(answer, 401);
      assert.ok(answer.headers['www-authenticate']);
    });

  test('that is huge', async () => {
    // nginx takes headers of 8 KiB (400); what would come through is refused by belfry-fcgi (401).
    expect.problem(await belfry.get('/api/me', { headers: { authorization: `Bearer a.${'b'.repeat(7000)}.c` } }), 401);
    assert.ok([400, 401, 414, 431].includes((await belfry.get('/api/me', { headers: { authorization: `Bearer a.${'b'.repeat(14000)}.c` } })).status));
  });
});

test('a push connection ends when its token does', async () => {
  const client = belfry.ws('/ws', { key: token({ exp: soon(-28) }) });
  await client.next('connected');
  assert.equal((await client.next('closing')).data.reason, 'expired');
  await belfry.until(() => client.closed?.code === 4401, 'it is closed');
  const refused = belfry.ws('/ws', { key: token({ exp: soon(-60) }) });
  await belfry.until(() => refused.status === 401, 'it is refused');
});

test('the other algorithms work, each with its own keys only', async () => {
  for (const algorithm of ['ES256', 'HS256']) {
    await use(algorithm, { jwt_role_claim: 'belfry_role', jwt_audience: '', jwt_issuer: '' });
    const mine = { sub: 'robot', belfry_role: 'viewer', exp: soon() };
    assert.equal((await me(sign({ alg: algorithm }, mine, keys[algorithm]))).json?.role, 'viewer', algorithm);
    for (const other of Object.keys(keys).filter((name) => name !== algorithm))
      expect.problem(await me(sign({ alg: other }, mine, keys[other])), 401);
    expect.problem(await me(sign({ alg: algorithm }, { ...mine, aud: 'somebody' }, keys[algorithm])), 401);
  }
  assert.equal((await me(sign({ alg: 'HS256' }, { sub: 'r', belfry_role: 'viewer', exp: soon() }, secrets[0]))).status, 200, 'the older secret');
  assert.equal((await me(belfry.adminKey)).json.how, 'key', 'keys are taken as ever');
});

describe('whom the web server has signed in', () => {
  const basic = (user, secret) => ({ authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` });
  const digest = (secret) => `{SHA}${crypto.createHash('sha1').update(secret).digest('base64')}`;
  const forged = { 'remote-user': 'root', remote_user: 'root', 'x-remote-user': 'root', 'belfry-role': 'admin', belfry_role: 'admin', 'belfry_remote_user': 'root' };

  test('is not believed unless that is switched on', async () => {
    const apache = await startApache(belfry, { people: { ann: digest('secret') } });
    try {
      expect.problem(await belfry.get('/monitor/api/me', { headers: basic('ann', 'secret') }), 401);
    } finally {
      await apache.stop();
    }
  });

  test('is known behind Apache, with a role or as a viewer, and gets a cookie for push', async () => {
    await use('RS256', { remote_user: true });
    const apache = await startApache(belfry, { people: { ann: digest('secret'), bea: digest('secret') }, roles: { bea: 'operator' } });
    try {
      const asked = await belfry.get('/monitor/api/me');
      expect.problem(asked, 401);
      assert.match(asked.headers['www-authenticate'], /^Basic /, 'Apache itself asks');
      const ann = await belfry.get('/monitor/api/me', { headers: { ...basic('ann', 'secret'), ...forged } });
      assert.deepEqual([ann.status, ann.json.name, ann.json.role, ann.json.how], [200, 'ann', 'viewer', 'proxy']);
      const bea = await belfry.get('/monitor/api/visitor', { headers: { ...basic('bea', 'secret'), ...forged } });
      assert.deepEqual([bea.json.name, bea.json.role], ['bea', 'operator']);
      const cookie = bea.headers['set-cookie'][0];
      assert.match(cookie, /^belfry-test=[\w-]{43}; Path=\/monitor\/; Max-Age=3600; HttpOnly; SameSite=Strict$/);
      const headers = { ...basic('bea', 'secret'), cookie: cookie.split(';')[0] };
      assert.equal((await belfry.get('/monitor/api/visitor', { headers })).headers['set-cookie'], undefined, 'once');
      const acts = await belfry.post('/monitor/api/logout', '', { headers: { ...headers, origin: 'https://evil.example' } });
      assert.equal(acts.status, 403, 'not for a page of another site');
      const client = belfry.ws('/monitor/ws', { key: null, headers: { cookie: cookie.split(';')[0], ...basic('bea', 'secret') } });
      const connected = await client.next('connected');
      assert.equal(connected.data.role, 'operator');
      client.terminate();
      await belfry.until(async () => (await belfry.get('/monitor/health', { headers })).json.connected_clients === 0, 'the connection has ended');
    } finally {
      await apache.stop();
    }
  });

  test('is known behind nginx', async () => {
    fs.writeFileSync(path.join(belfry.dir, 'people'), `cid:${digest('secret')}\n`);
    const file = path.join(belfry.dir, 'nginx.conf');
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replace(
        'include belfry/belfry-locations.conf;',
        `include belfry/belfry-locations.conf;
         auth_basic belfry; auth_basic_user_file ${belfry.dir}/people;
         set $belfry_remote_user $remote_user; set $belfry_role operator;`,
      ),
    );
    await belfry.restart('nginx');
    await belfry.until(async () => (await belfry.get('/api/me')).status === 401, 'nginx asks');
    const cid = await belfry.get('/api/me', { headers: { ...basic('cid', 'secret'), ...forged } });
    assert.deepEqual([cid.json.name, cid.json.role, cid.json.how], ['cid', 'operator', 'proxy']);
    assert.equal((await belfry.get('/api/me', { headers: basic('cid', 'wrong') })).status, 401);
    assert.equal((await belfry.get('/api/me', { headers: basic('root', '') })).status, 401);
  });
});
