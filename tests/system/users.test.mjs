/*
 * Users with passwords: what an admin does with them, how they sign in, what bounds guessing, and that a change is felt
 * at once. A check of a password is slow on purpose, so there are few.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import * as expect from './expect.mjs';
import { childrenOf, programPath, run, start } from './harness.mjs';

const password = 'correct horse';
const other = 'battery staple';

let belfry;
before(async () => (belfry = await start()));
after(() => belfry?.stop());

const asAdmin = (method, target, body) =>
  belfry.request(method, target, {
    key: belfry.adminKey,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
const basic = (user, secret) => ({ authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` });
const login = (user, secret, options) => belfry.post('/api/login', { user, password: secret }, options);
const cookieOf = (answer) => (answer.headers['set-cookie']?.[0] ?? '').split(';')[0];

/** A new user: {id, name, role, ...}. */
async function makeUser(name, role = 'viewer', secret = password) {
  const made = await asAdmin('POST', '/api/users', { name, role, password: secret });
  assert.equal(made.status, 201, made.text);
  return made.json;
}

/** A sign-in as a cookie header. */
async function signIn(name, secret = password) {
  const answer = await login(name, secret);
  assert.equal(answer.status, 200, answer.text);
  return { cookie: cookieOf(answer) };
}

/** A request from another address of this host. */
async function from(localAddress, method, target, { headers = {}, body } = {}) {
  const request = http.request({ host: '127.0.0.1', port: belfry.port, method, path: target, headers, localAddress });
  request.end(body);
  const [response] = await once(request, 'response');
  const parts = [];
  for await (const part of response) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return { status: response.statusCode, headers: response.headers, text, json: text ? JSON.parse(text) : undefined };
}

/** Seconds of processor time that the workers have used: no matter how busy the machine is. */
function cpuOfWorkers() {
  const ticks = childrenOf(belfry.pid('belfry-fcgi')).map((pid) => {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
}

describe('an admin', () => {
  test('makes, sees, changes and deletes users', async () => {
    const made = await makeUser('alice', 'operator');
    assert.match(made.id, /^[0-9][0-9a-z]{11}$/);
    assert.deepEqual(
      [made.name, made.role, made.disabled, made.created_by, made.last_used],
      ['alice', 'operator', false, 'admin', null],
    );
    const list = await asAdmin('GET', '/api/users');
    assert.deepEqual(list.json, { users: [made], next_cursor: null });
    assert.doesNotMatch(list.text, /\$y\$|correct/);
    for (const name of [made.id, 'alice', 'ALICE']) assert.deepEqual((await asAdmin('GET', `/api/users/${name}`)).json, made);
    const head = await asAdmin('HEAD', '/api/users');
    assert.deepEqual([head.status, head.text], [200, '']);

    const changed = await asAdmin('PATCH', '/api/users/alice', { name: 'alice.b', role: 'viewer' });
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual([changed.json.id, changed.json.name, changed.json.role], [made.id, 'alice.b', 'viewer']);
    expect.problem(await asAdmin('GET', '/api/users/alice'), 404);
    assert.equal((await asAdmin('DELETE', '/api/users/alice.b')).status, 204);
    expect.problem(await asAdmin('DELETE', '/api/users/alice.b'), 404);
    expect.problem(await asAdmin('PATCH', '/api/users/alice.b', { role: 'viewer' }), 404);

    const audits = await asAdmin('GET', `/api/events?event=audit&q=${made.id}&order=asc`);
    assert.deepEqual(
      audits.json.events.map(({ data }) => [data.action, data.by, data.user]),
      [
        ['user_created', 'admin', 'alice'],
        ['user_renamed', 'admin', 'alice.b'],
        ['user_role_changed', 'admin', 'alice'],
        ['user_deleted', 'admin', 'alice.b'],
      ],
    );
    assert.doesNotMatch(audits.text, /\$y\$|correct/);
  });

  test('sees many of them a page at a time, and those of one role', async () => {
    for (const [name, role] of [['p1', 'viewer'], ['p2', 'operator'], ['p3', 'viewer']]) await makeUser(name, role);
    const names = [];
    let cursor = '';
    do {
      const page = (await asAdmin('GET', `/api/users?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).json;
      assert.ok(page.users.length <= 2);
      names.push(...page.users.map((user) => user.name));
      cursor = page.next_cursor;
    } while (cursor);
    assert.deepEqual(names, ['p1', 'p2', 'p3']);
    const operators = (await asAdmin('GET', '/api/users?role=operator')).json.users;
    assert.deepEqual(operators.map((user) => user.name), ['p2']);
    expect.problem(await asAdmin('GET', '/api/users?cursor=x'), 400);
    expect.problem(await asAdmin('GET', '/api/users?limit=0'), 400);
    for (const name of names) await asAdmin('DELETE', `/api/users/${name}`);
  });

  for (const [what, body, pointer] of [
    ['no name', { role: 'viewer', password }, '/name'],
    ['a name with a blank', { name: 'a b', role: 'viewer', password }, '/name'],
    ['a name that begins with a digit', { name: '1a', role: 'viewer', password }, '/name'],
    ['a role for programs', { name: 'x', role: 'ingest', password }, '/role'],
    ['no password', { name: 'x', role: 'viewer' }, '/password'],
    ['a short password', { name: 'x', role: 'viewer', password: '123456789' }, '/password'],
    ['a long password', { name: 'x', role: 'viewer', password: 'ab'.repeat(65) }, '/password'],
    ['a password of one character', { name: 'x', role: 'viewer', password: 'aaaaaaaaaaaa' }, '/password'],
    ['the name as the password', { name: 'abcdefghijk', role: 'viewer', password: 'ABCDEFGHIJK' }, '/password'],
    ['a password that is a number', { name: 'x', role: 'viewer', password: 1234567890 }, '/password'],
  ])
    test(`is told what is wrong with ${what}`, async () => {
      expect.problem(await asAdmin('POST', '/api/users', body), 422, { pointer });
    });

  test('is told what is wrong with a change', async () => {
    await makeUser('changed');
    expect.problem(await asAdmin('PATCH', '/api/users/changed', {}), 422);
    expect.problem(await asAdmin('PATCH', '/api/users/changed', { disabled: 'true' }), 422, { pointer: '/disabled' });
    expect.problem(await asAdmin('PATCH', '/api/users/changed', { role: 'root' }), 422, { pointer: '/role' });
    expect.problem(await asAdmin('PUT', '/api/users/changed', { role: 'viewer' }), 405);
    expect.problem(await asAdmin('POST', '/api/users', { name: 'CHANGED', role: 'viewer', password }), 409);
    await makeUser('second');
    expect.problem(await asAdmin('PATCH', '/api/users/second', { name: 'changed', role: 'operator' }), 409);
    assert.equal((await asAdmin('GET', '/api/users/second')).json.role, 'viewer', 'nothing of it was done');
  });

  test('alone may do that', async () => {
    for (const role of ['viewer', 'operator', 'ingest', 'scrape']) {
      const key = await belfry.makeKey(role);
      expect.problem(await belfry.get('/api/users', { key }), 403);
      expect.problem(await belfry.post('/api/users', { name: 'x', role: 'admin', password }, { key }), 403);
      expect.problem(await belfry.request('DELETE', '/api/users/changed', { key }), 403);
    }
    expect.problem(await belfry.get('/api/users'), 401);
  });
});

describe('a user', () => {
  before(() => makeUser('bob', 'operator'));

  test('signs in by name and password, and is who they are', async () => {
    const answer = await login('Bob', password);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.json.name, answer.json.role], ['bob', 'operator']);
    assert.match(answer.headers['set-cookie'][0], /^belfry-test=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    const me = (await belfry.get('/api/me', { headers: { cookie: cookieOf(answer) } })).json;
    assert.deepEqual([me.name, me.role, me.signed_in, me.how, me.of], ['bob', 'operator', true, 'cookie', 'user']);
    assert.match(me.expires, expect.RFC3339);
  });

  test('may send name and password with each request, which is quick after the first', async () => {
    const headers = basic('bob', password);
    const me = (await belfry.get('/api/me', { headers })).json;
    assert.deepEqual([me.name, me.role, me.how, me.of, me.expires], ['bob', 'operator', 'user', 'user', null]);
    const before = cpuOfWorkers();
    for (let i = 0; i < 40; i++) assert.equal((await belfry.get('/api/me', { headers })).status, 200);
    const took = cpuOfWorkers() - before;
    assert.ok(took < 0.8, `the workers were busy for ${took} s; to check the password each time would take 1.2 s or more`);
  });

  test('is not told whether it is the name or the password that is wrong', async () => {
    const wrong = await login('bob', 'not the password');
    const unknown = await login('nobody', 'not the password');
    assert.equal(expect.problem(wrong, 401).detail, expect.problem(unknown, 401).detail);
    assert.equal(cookieOf(wrong), '');
    const byHeader = await belfry.get('/api/me', { headers: basic('nobody', 'not the password') });
    assert.equal(expect.problem(byHeader, 401).detail, wrong.json.detail);
    assert.doesNotMatch(byHeader.headers['www-authenticate'], /basic/i, 'a browser would open a dialogue');
  });

  test('is told what is missing', async () => {
    expect.problem(await belfry.post('/api/login', { user: 'bob' }), 422, { pointer: '/password' });
    expect.problem(await belfry.post('/api/login', { password }), 422, { pointer: '/user' });
    expect.problem(await belfry.post('/api/login', { user: 'bob', password, key: 'bfy_x' }), 422, { pointer: '/key' });
  });

  test('changes the own password, which ends the other sign-ins', async () => {
    const here = await signIn('bob');
    const elsewhere = await signIn('bob');
    const change = (body, headers = here) => belfry.post('/api/me/password', body, { headers });
    expect.problem(await change({ current_password: 'not the password', new_password: other }), 422, { pointer: '/current_password' });
    expect.problem(await change({ current_password: password, new_password: 'short' }), 422, { pointer: '/new_password' });
    expect.problem(await change({ current_password: password, new_password: other }, { ...here, origin: 'https://evil.example' }), 403);
    expect.problem(await belfry.post('/api/me/password', { current_password: 'x', new_password: other }, { key: belfry.adminKey }), 403);
    const changed = await change({ current_password: password, new_password: other });
    assert.equal(changed.status, 204, changed.text);
    assert.equal((await belfry.get('/api/me', { headers: here })).status, 200, 'this one stays');
    expect.problem(await belfry.get('/api/me', { headers: elsewhere }), 401);
    expect.problem(await belfry.get('/api/me', { headers: basic('bob', password) }), 401);
    assert.equal((await belfry.get('/api/me', { headers: basic('bob', other) })).status, 200);
  });

  test('is not acted for by a page of another site, with a cookie or with what a browser knows for Basic', async () => {
    const body = { current_password: other, new_password: password };
    for (const headers of [await signIn('bob', other), basic('bob', other)])
      expect.problem(await belfry.post('/api/me/password', body, { headers: { ...headers, 'sec-fetch-site': 'cross-site' } }), 403);
  });

  test('does not get a push connection by a password, which would hold up everybody', async () => {
    const client = belfry.ws('/ws', { key: null, headers: basic('bob', other) });
    await belfry.until(() => client.status === 401, 'it is refused');
  });
});

describe('a change is felt', () => {
  /** A user with a push connection by cookie. */
  async function connected(name, role = 'viewer') {
    await makeUser(name, role);
    const headers = await signIn(name);
    const client = belfry.ws('/ws', { key: null, headers });
    await client.next('connected');
    return { headers, client };
  }

  const closedBecause = async (client, reason) => {
    const closing = await client.next('closing');
    assert.equal(closing.data.reason, reason);
    await belfry.until(() => client.closed?.code === 4401, () => `it is closed: ${JSON.stringify(client.closed)}`);
  };

  test('when the user is deleted', async () => {
    const { headers, client } = await connected('gone');
    assert.equal((await asAdmin('DELETE', '/api/users/gone')).status, 204);
    expect.problem(await belfry.get('/api/me', { headers }), 401);
    await closedBecause(client, 'user_deleted');
  });

  test('when the role changes', async () => {
    const { headers, client } = await connected('raised');
    assert.equal((await asAdmin('PATCH', '/api/users/raised', { role: 'operator' })).status, 200);
    assert.equal((await belfry.get('/api/me', { headers })).json.role, 'operator');
    await closedBecause(client, 'role_changed');
  });

  test('when the user is disabled, and when not any more', async () => {
    const { headers, client } = await connected('paused');
    assert.equal((await asAdmin('PATCH', '/api/users/paused', { disabled: true })).json.disabled, true);
    expect.problem(await belfry.get('/api/me', { headers }), 401);
    await closedBecause(client, 'user_deleted');
    expect.problem(await login('paused', password), 401);
    await asAdmin('PATCH', '/api/users/paused', { disabled: false });
    await signIn('paused');
    expect.problem(await belfry.get('/api/me', { headers }), 401);
  });

  test('when an admin sets another password', async () => {
    const { headers, client } = await connected('reset');
    assert.equal((await asAdmin('PATCH', '/api/users/reset', { password: other })).status, 200);
    expect.problem(await belfry.get('/api/me', { headers }), 401);
    await closedBecause(client, 'signed_out');
    await signIn('reset', other);
  });

  test('also when somebody was seen', async () => {
    await belfry.until(async () => (await asAdmin('GET', '/api/users/reset')).json.last_used, 'last_used is told');
  });
});

test('guessing is bounded for an address, and locks nobody out', async () => {
  await makeUser('target');
  const answers = [];
  for (let i = 0; i < 12; i++)
    answers.push(
      await from('127.0.0.9', 'GET', '/api/me', { headers: basic('target', `wrong ${i} wrong`) }),
    );
  for (const answer of answers.slice(0, 10)) expect.problem(answer, 401);
  for (const answer of answers.slice(10)) {
    expect.problem(answer, 429);
    assert.ok(Number(answer.headers['retry-after']) > 0 && Number(answer.headers['retry-after']) <= 60);
  }
  const right = { headers: basic('target', password) };
  expect.problem(await from('127.0.0.9', 'GET', '/api/me', right), 429);
  assert.equal((await from('127.0.0.10', 'GET', '/api/me', right)).status, 200, 'elsewhere it works');
  const byLogin = { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: 'target', password }) };
  expect.problem(await from('127.0.0.9', 'POST', '/api/login', byLogin), 429);
  assert.equal((await from('127.0.0.9', 'GET', '/api/me', { headers: { authorization: `Bearer ${belfry.adminKey}` } })).status, 200, 'a key is no guess');
});

test('the last one who can administer stays, be it a key or a user', async () => {
  const keys = (await asAdmin('GET', '/api/keys?role=admin')).json.keys;
  assert.equal(keys.length, 1);
  expect.problem(await asAdmin('DELETE', `/api/keys/${keys[0].id}`), 409);
  await makeUser('root', 'admin');
  const asRoot = (method, target, body) =>
    belfry.request(method, target, {
      headers: { ...basic('root', password), 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
  assert.equal((await asRoot('DELETE', `/api/keys/${keys[0].id}`)).status, 204);
  expect.problem(await asRoot('DELETE', '/api/users/root'), 409);
  expect.problem(await asRoot('PATCH', '/api/users/root', { role: 'operator' }), 409);
  expect.problem(await asRoot('PATCH', '/api/users/root', { disabled: true }), 409);
  const made = await asRoot('POST', '/api/keys', { name: 'admin', role: 'admin' });
  assert.equal(made.status, 201, made.text);
  belfry.adminKey = made.json.key;
  assert.equal((await asRoot('PATCH', '/api/users/root', { role: 'operator' })).status, 200);
  expect.problem(await asRoot('GET', '/api/users'), 403);
});

test('the command line makes a user from a password on stdin', async () => {
  const environment = { BELFRY_URL: `${belfry.url}/`, BELFRY_KEY: belfry.adminKey };
  const users = (args, input) => run(programPath('belfry'), ['users', ...args], { env: environment, input });
  const made = await users(['create', 'carol', 'viewer'], `${password}\n`);
  assert.equal(made.status, 0, made.stderr);
  const list = await users(['list']);
  assert.match(list.stdout, /^\S+ +viewer +.* carol$/m);
  assert.equal((await users(['passwd', 'carol'], `${other}\n`)).status, 0);
  assert.equal((await login('carol', other)).status, 200);
  assert.equal((await users(['set', 'carol', '--role', 'operator', '--disable'])).status, 0);
  assert.match((await users(['list'])).stdout, /^\S+ +operator +disabled .* carol$/m);
  const short = await users(['passwd', 'carol'], 'short\n');
  assert.notEqual(short.status, 0);
  assert.match(short.stderr, /10 to 128/);
  assert.equal((await users(['delete', 'carol'])).status, 0);
  assert.notEqual((await users(['delete', 'carol'])).status, 0);
});

test('no password is in any log', () => {
  for (const name of ['belfry-fcgi', 'belfry-historyd', 'belfry-pushd', 'nginx'])
    for (const secret of [password, other, 'wrong 1 wrong']) assert.ok(!belfry.log(name).includes(secret), name);
});
