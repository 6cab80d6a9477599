/*
 * GET /api/openapi.json: valid by OpenAPI 3.1, the same as the route table, and true: what is really answered is as it
 * says, for every GET, a POST of each kind, and errors.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { load } from '../deps.mjs';
import { sourceDir, start } from './harness.mjs';

const { default: Ajv } = load('ajv/dist/2020.js');
const { default: addFormats } = load('ajv-formats');
const { Validator } = await import(pathToFileURL(load.resolve('@seriousme/openapi-schema-validator')).href);

let belfry, api, ajv;

before(async () => {
  belfry = await start({
    conf: {
      watch: { interval: '1h', retries: 0 },
      services: [{ name: 'gone', port: 1 }],
      channels: [{ name: 'ops', type: 'exec', command: ['/bin/true'] }],
      recoveries: [{ name: 'nothing', service: 'gone', command: ['/bin/true'], verify_after: '10ms', verify_timeout: '100ms' }],
    },
  });
  const answer = await belfry.get('/api/openapi.json');
  assert.equal(answer.status, 200, answer.text);
  api = answer.json;
  ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  for (const format of ['belfry-time', 'belfry-duration']) ajv.addFormat(format, true);
  ajv.addSchema({ $id: 'belfry', components: api.components });
});
after(() => belfry?.stop());

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(api));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
  assert.equal(validator.version, '3.1');
});

test('it has every row of the route table and nothing else', () => {
  const rows = [...fs.readFileSync(path.join(sourceDir, 'fcgi/routes.def'), 'utf8').matchAll(/^ROUTE\((\w+), "([^"]+)"/gm)].map(
    ([, method, route]) => `${method} ${route}`,
  );
  const told = Object.entries(api.paths).flatMap(([route, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${route}`));
  assert.deepEqual(told.sort(), rows.sort());
});

test('only what is read may be answered 304', () => {
  for (const [route, item] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(item)) assert.ok(method === 'get' || !operation.responses[304], `${method} ${route}`);
});

test('it is answered 304 while it is the same, also under a prefix, where its server is', async () => {
  const first = await belfry.get('/monitor/api/openapi.json');
  const again = await belfry.get('/monitor/api/openapi.json', { headers: { 'if-none-match': first.headers.etag } });
  assert.equal(again.status, 304);
  assert.equal(new URL(first.json.servers[0].url, `${belfry.url}/monitor/api/openapi.json`).pathname, '/monitor/');
});

/** Follows a reference into components. */
const follow = (value) => (value?.$ref ? value.$ref.slice(2).split('/').reduce((at, name) => at[name], api) : value);

/** Checks an answer against what the document says of this operation. */
function isAsTold(method, route, answer) {
  const where = `${method} ${route} ${answer.status}`;
  const operation = api.paths[route][method.toLowerCase()];
  const told = follow(operation.responses[answer.status]);
  assert.ok(told, `${where} is not in the document: ${answer.text}`);
  for (const name of Object.keys(told.headers)) assert.ok(answer.headers[name.toLowerCase()], `${where} has no ${name}`);
  const type = answer.headers['content-type'];
  if (!told.content) {
    assert.equal(type, undefined, where);
    assert.equal(answer.text, '', where);
    return;
  }
  assert.ok(told.content[type], `${where} has the type ${type}, not ${Object.keys(told.content)}`);
  if (!/json$/.test(type) || type.includes('ndjson')) return;
  checkJson(where, told.content[type].schema, answer.json);
}

function checkJson(where, schema, value) {
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"belfry#/components')));
  assert.ok(validate(value), `${where}: ${JSON.stringify(validate.errors, null, 1)}\n${JSON.stringify(value)}`);
}

const events = [
  { event: 'agent_registered', source: 'crew', data: { agent_id: 'a1', agent_name: 'scout' } },
  { event: 'agent_execution_started', source: 'crew', data: { agent_id: 'a1', agent_name: 'scout', task_description: 'look' } },
  { event: 'agent_execution_completed', source: 'crew', data: { agent_id: 'a1', agent_name: 'scout', duration_ms: 120, success: true, quality_score: 0.9 } },
  { event: 'agent_execution_started', source: 'crew', data: { agent_id: 'a2', agent_name: 'second' } },
  { event: 'opportunity_discovered', source: 'crew', data: { opportunity_id: 'o1', title: 'One', confidence_score: 0.7, revenue_potential: '5k' } },
  { event: 'opportunity_discovered', source: 'crew', data: { opportunity_id: 'o2' } },
  { event: 'session_update', source: 'crew', data: { session_id: 's1', agent: 'scout', state: 'active', token_usage: 900, context_percentage: 12.5 } },
  { event: 'error_occurred', source: 'crew', data: { component: 'disk', message: 'slow' } },
  { event: 'file_operation', source: 'crew', data: { file: '/tmp/x', operation: 'write', size: 12 } },
];

/** A body for each POST that needs one, and how it is sent. */
const bodies = {
  '/api/events': [
    { body: events[0] },
    { body: events },
    { body: `${JSON.stringify(events[1])}\n${JSON.stringify(events[2])}\n`, type: 'application/x-ndjson' },
    { body: JSON.stringify({ specversion: '1.0', id: '1', source: 's', type: 'cloud.made', data: {} }), type: 'application/cloudevents+json' },
  ],
  '/api/logs': [
    { body: { message: 'one', level: 'warning', user: 'u' } },
    { body: '{"msg":"two"}\n', type: 'application/x-ndjson' },
    { body: 'a line\nanother\n', type: 'text/plain' },
  ],
  '/api/metrics': [{ body: { metric: 'queue_depth', value: 3, labels: { queue: 'a' } } }, { body: [{ metric: 'queue_depth', value: 4 }] }],
  '/v1/logs': [{ body: { resourceLogs: [] } }],
  '/v1/metrics': [{ body: { resourceMetrics: [] } }],
  '/v1/traces': [{ body: { resourceSpans: [] } }],
  '/api/keys': [{ body: { name: 'reader', role: 'viewer', expires_in: '1h' } }],
  '/api/keys/{id}/rotate': [{ body: '' }],
  '/api/users': [{ body: { name: 'reader', role: 'viewer', password: 'correct horse' } }],
  '/api/sessions/{id}/terminate': [{ body: { reason: 'enough' } }],
  '/api/alerts/{id}/ack': [{ body: { comment: 'seen' } }],
  '/api/silences': [{ body: { service: 'gone', duration: '1h', comment: 'known' } }],
  '/api/services/{name}/pause': [{ body: { duration: '1h', comment: 'moving' } }],
  '/api/services/{name}/resume': [{ body: '' }],
  '/api/channels/{name}/test': [{ body: '' }],
  '/api/logout': [{ body: '' }],
};

/** What stands for the placeholders, so that there is something of this name. */
const named = { '/api/services/{name}': '/api/services/belfry-pushd', '/api/services/{name}/pause': '/api/services/belfry-pushd/pause', '/api/services/{name}/resume': '/api/services/belfry-pushd/resume', '/api/channels/{name}/test': '/api/channels/ops/test', '/api/events/{id}': '/api/events/1', '/api/agents/{name}': '/api/agents/scout', '/api/sessions/{id}': '/api/sessions/s1', '/api/sessions/{id}/terminate': '/api/sessions/s1/terminate' };

test('what POST takes is as it says, and so is what it answers', async () => {
  named['/api/users/{user}'] = '/api/users/reader';
  named['/api/keys/{id}'] = `/api/keys/${(await belfry.post('/api/keys', { name: 'turned', role: 'viewer' }, { key: belfry.adminKey })).json.id}`;
  named['/api/keys/{id}/rotate'] = `${named['/api/keys/{id}']}/rotate`;
  const alert = await belfry.until(async () => (await belfry.get('/api/alerts?state=firing&rule=service_down', { key: belfry.adminKey })).json.alerts[0], 'an alert fires');
  named['/api/alerts/{id}'] = `/api/alerts/${alert.id}`;
  named['/api/alerts/{id}/ack'] = `/api/alerts/${alert.id}/ack`;
  const silence = await belfry.post('/api/silences', { rule: 'host_disk', duration: '1h' }, { key: belfry.adminKey });
  named['/api/silences/{id}'] = `/api/silences/${silence.json.id}`;
  bodies['/api/recovery'] = [{ body: { service: 'gone', action: 'nothing', reason: 'to see' } }];
  bodies['/api/login'] = [{ body: { key: belfry.adminKey } }];
  for (const [route, list] of Object.entries(bodies))
    for (const { body, type = 'application/json' } of list) {
      const operation = api.paths[route].post;
      if (type === 'application/json' && operation.requestBody) checkJson(`POST ${route}`, operation.requestBody.content[type].schema, body);
      else if (operation.requestBody) assert.ok(operation.requestBody.content[type], `${type} at ${route}`);
      const answer = await belfry.post(named[route] ?? route, body, { key: belfry.adminKey, headers: { 'content-type': type } });
      assert.ok(answer.status < 300, `POST ${route}: ${answer.status} ${answer.text}`);
      isAsTold('POST', route, answer);
    }
});

test('what GET answers is as it says', async () => {
  const query = { '/api/history': '?metric=queue_depth&agg=avg,p95' };
  for (const [route, item] of Object.entries(api.paths)) {
    if (!item.get) continue;
    const target = (named[route] ?? route) + (query[route] ?? '');
    const answer = await belfry.get(target, { key: belfry.adminKey });
    assert.equal(answer.status, 200, `GET ${target}: ${answer.text}`);
    isAsTold('GET', route, answer);
    const format = item.get.parameters.find((one) => one.name === 'format');
    for (const one of format?.schema.enum ?? [])
      isAsTold('GET', route, await belfry.get(`${target}${target.includes('?') ? '&' : '?'}format=${one}`, { key: belfry.adminKey }));
  }
});

test('a line of NDJSON is as it says', async () => {
  for (const route of ['/api/events', '/api/logs']) {
    const answer = await belfry.get(`${route}?format=ndjson`, { key: belfry.adminKey });
    const schema = api.paths[route].get.responses[200].content['application/x-ndjson'].schema.contentSchema;
    const lines = answer.text.trim().split('\n');
    assert.ok(lines.length > 1);
    for (const line of lines) checkJson(`NDJSON of ${route}`, schema, JSON.parse(line));
  }
});

test('errors are as it says', async () => {
  const viewer = await belfry.makeKey('viewer', 'openapi-viewer');
  const key = belfry.adminKey;
  const ask = async (method, route, status, { target = route, ...options } = {}) => {
    const answer = await belfry.request(method, target, options);
    assert.equal(answer.status, status, `${method} ${target}: ${answer.text}`);
    isAsTold(method, route, answer);
  };
  const json = { 'content-type': 'application/json' };
  await ask('GET', '/api/events', 400, { target: '/api/events?limit=x', key });
  await ask('GET', '/api/events', 401);
  await ask('GET', '/api/keys', 403, { key: viewer });
  await ask('GET', '/api/events/{id}', 404, { target: '/api/events/nothing', key });
  await ask('POST', '/api/events', 400, { key, headers: json, body: '{' });
  await ask('POST', '/api/events', 415, { key, headers: { 'content-type': 'image/png' }, body: 'x' });
  await ask('POST', '/api/events', 422, { key, headers: json, body: '{}' });
  await ask('POST', '/api/events', 413, { key, headers: json, body: JSON.stringify({ event: 'x', data: { x: 'x'.repeat(1 << 21) } }) });
  await ask('POST', '/v1/logs', 401, { headers: json, body: '{}' });
  await ask('POST', '/v1/logs', 415, { key, headers: { 'content-type': 'application/x-protobuf' }, body: 'x' });
});
