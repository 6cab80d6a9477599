/*
 * Every operation that openapi.json tells of holds what all of them promise: who may, which methods, HEAD, parameters
 * of the wrong kind, bodies of the wrong type, form and size. A new row of the route table is asked for by itself.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { startApache } from './apache.mjs';
import { start } from './harness.mjs';

const BODY_MAX = 4096;
const roles = ['viewer', 'operator', 'admin', 'ingest', 'scrape'];
/** Who may what asks for a role; admin may all of it. */
const allowed = { viewer: ['viewer', 'operator'], operator: ['operator'], admin: [], ingest: ['ingest'], scrape: ['scrape'] };

let belfry, operations;
const keys = {};

before(async () => {
  belfry = await start({ conf: { fcgi: { max_body: BODY_MAX, max_bulk_body: BODY_MAX } } });
  for (const role of roles) keys[role] = await belfry.makeKey(role, `rows-${role}`);
  const api = (await belfry.get('/api/openapi.json')).json;
  operations = Object.entries(api.paths).flatMap(([route, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      route,
      methods: Object.keys(item).map((one) => one.toUpperCase()),
      role: operation['x-belfry-role'],
      target: route.replace(/\{\w+\}/g, 'nothing-of-this-name'),
      // What OpenTelemetry's clients speak to has errors as they read them.
      refused: route.startsWith('/v1/') ? expect.otlpError : expect.problem,
    })),
  );
});
after(() => belfry?.stop());

/** The query without which a row would miss something. */
const needed = (operation, but) =>
  operation.parameters.filter((one) => one.in === 'query' && one.required && one.name !== but).map((one) => `${one.name}=x`);

const withQuery = (operation, but, ...more) => `${operation.target}?${[...needed(operation, but), ...more].join('&')}`;

async function refuses(operation, status, { method = operation.method, target = operation.target, ...options }, what) {
  const answer = await belfry.request(method, target, options);
  const where = `${method} ${target.slice(0, 80)}, ${what}`;
  assert.equal(answer.status, status, `${where}: ${answer.text}`);
  assert.match(answer.headers['x-request-id'] ?? '', /^[\w-]{8,64}$/, where);
  operation.refused(answer, status);
  return answer;
}

/** What is checked of one operation; all of it through whatever the instance's requests go through now. */
const checks = {
  async 'who may'(operation) {
    const { role, method, target } = operation;
    if (role === 'none') {
      const answer = await belfry.request(method, target);
      assert.notEqual(answer.status, 403, answer.text);
      return;
    }
    const answer = await refuses(operation, 401, {}, 'without a credential');
    assert.match(answer.headers['www-authenticate'], /^Bearer /);
    await refuses(operation, 401, { key: 'bfy_nonsense' }, 'with a bad key');
    for (const other of role === 'any' ? [] : roles.slice(0, 5)) {
      if (other === 'admin' || allowed[role].includes(other)) continue;
      const denied = await refuses(operation, 403, { key: keys[other] }, `as ${other}`);
      assert.match(denied.json.detail ?? denied.json.message, new RegExp(`\\b${role}\\b`));
    }
  },

  async methods(operation) {
    const wanted = [...operation.methods, ...(operation.methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();
    const options = await belfry.request('OPTIONS', operation.target);
    assert.equal(options.status, 204);
    assert.equal(options.text, '');
    assert.deepEqual(options.headers.allow.split(', ').sort(), wanted);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !operation.methods.includes(one))) {
      const answer = await belfry.request(method, operation.target, { key: belfry.adminKey });
      expect.problem(answer, 405);
      assert.deepEqual(answer.headers.allow.split(', ').sort(), wanted);
    }
  },

  async 'HEAD is GET without its body'(operation) {
    if (operation.method !== 'GET') return;
    const target = withQuery(operation);
    const [get, head] = [await belfry.get(target, { key: belfry.adminKey }), await belfry.request('HEAD', target, { key: belfry.adminKey })];
    assert.equal(head.status, get.status, `HEAD ${target}`);
    assert.equal(head.text, '');
    for (const name of ['content-type', 'cache-control', 'x-content-type-options'])
      assert.equal(head.headers[name], get.headers[name], `${name} of HEAD ${target}`);
    assert.equal('content-length' in head.headers, 'content-length' in get.headers);
    assert.equal('etag' in head.headers, 'etag' in get.headers);
  },

  async 'Accept and Vary'(operation) {
    if (operation.method !== 'GET') return;
    const key = belfry.adminKey;
    const ask = (accept) => belfry.get(withQuery(operation), { key, headers: { accept } });
    const fit = await ask('*/*');
    assert.match(fit.headers.vary, operation.role === 'none' ? /Accept/ : /Accept.*Cookie/);
    assert.match(fit.headers['cache-control'], /^(no-store|private, no-cache)$/);
    for (const type of Object.keys(operation.responses[200].content)) {
      assert.equal((await ask(type)).status, fit.status, type);
      assert.equal((await ask(`image/png, ${type.split('/')[0]}/*;q=0.1`)).status, fit.status, type);
    }
    await refuses(operation, 406, { target: withQuery(operation), key, headers: { accept: 'image/png, */*;q=0' } }, 'for a picture');
  },

  async 'an ETag that is answered 304'(operation) {
    if (!operation.responses[304]) return;
    const key = belfry.adminKey;
    const first = await belfry.get(withQuery(operation), { key });
    if (first.status !== 200) return assert.equal(first.status, 404, first.text);
    // What is there may change meanwhile: Belfry watches itself.
    await belfry.until(async () => {
      const { etag } = (await belfry.get(withQuery(operation), { key })).headers;
      const again = await belfry.get(withQuery(operation), { key, headers: { 'if-none-match': `"other", ${etag}` } });
      if (again.status !== 304) return false;
      assert.equal(again.text, '');
      assert.equal(again.headers.etag, etag);
      return true;
    }, `304 at ${operation.target}`);
  },

  async 'a parameter that is not known is ignored'(operation) {
    if (operation.method !== 'GET') return;
    const [without, with_] = [withQuery(operation), withQuery(operation, undefined, 'nobody-knows=this')];
    assert.equal((await belfry.get(with_, { key: belfry.adminKey })).status, (await belfry.get(without, { key: belfry.adminKey })).status);
  },

  async 'parameters of the wrong kind'(operation) {
    for (const { name, schema, required, in: place } of operation.parameters) {
      if (place !== 'query') continue;
      const wrong = [];
      if (schema.type === 'boolean') wrong.push('perhaps');
      if (schema.enum) wrong.push('nothing-of-this-name');
      if (/^(integer|number)$/.test(schema.type)) wrong.push('x', '1e', ...(schema.maximum ? [schema.maximum + 1] : []), ...(schema.minimum ? [schema.minimum - 1] : []));
      if (schema.format) wrong.push('some-day');
      if (schema.maxLength && schema.maxLength < 3000) wrong.push('x'.repeat(schema.maxLength + 1));
      if (required) wrong.push('');
      for (const value of wrong) {
        const target = withQuery(operation, name, `${name}=${value}`);
        const answer = await refuses(operation, 400, { target, key: belfry.adminKey }, `a wrong ${name}`);
        assert.equal(answer.json.errors[0].pointer, name);
      }
    }
  },

  async 'bodies of the wrong type, form and size'(operation) {
    if (!operation.requestBody) return;
    const ask = (status, type, body, what, headers = {}) =>
      refuses(operation, status, { target: withQuery(operation), key: belfry.adminKey, headers: { 'content-type': type, ...headers }, body }, what);
    const json = 'application/json';
    await ask(415, 'image/png', 'x', 'a picture');
    await ask(415, `${json}; charset=latin1`, '{}', 'not UTF-8');
    await ask(415, json, '{}', 'an encoding nobody knows', { 'content-encoding': 'br' });
    await ask(400, json, '{}', 'gzip that is none', { 'content-encoding': 'gzip' });
    for (const [type] of Object.entries(operation.requestBody.content)) {
      await ask(413, type, ' '.repeat(BODY_MAX + 1), `a large ${type}`);
      if (type !== 'text/plain') await ask(400, type, '{"a":', `broken ${type}`);
    }
    if (!operation.route.startsWith('/v1/')) await ask(422, json, '3', 'a number');
  },
};

for (const [what, check] of Object.entries(checks))
  test(`${what}, of every operation`, async () => {
    for (const operation of operations) await check(operation);
  });

test('all of it through Apache, of some', async () => {
  const apache = await startApache(belfry);
  try {
    for (const operation of operations.filter((one) => ['/stats', '/api/events', '/api/keys', '/v1/logs', '/metrics'].includes(one.route)))
      for (const [what, check] of Object.entries(checks)) {
        try {
          await check(operation);
        } catch (error) {
          throw new Error(`through Apache, ${what}: ${error.message}`, { cause: error });
        }
      }
  } finally {
    await apache.stop();
  }
});
