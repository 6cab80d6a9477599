/*
 * The route table against what is served: every row is reachable through nginx, at / and under a prefix, and holds its
 * preconditions.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { sourceDir, start } from './harness.mjs';

const rows = [...fs.readFileSync(path.join(sourceDir, 'fcgi/routes.def'), 'utf8').matchAll(/^ROUTE\((\w+), "([^"]+)", (\w+),/gm)].map(
  ([, method, route, access]) => ({ method, route, access }),
);
const paths = [...new Set(rows.map((row) => row.route))];

let belfry;
before(async () => (belfry = await start()));
after(() => belfry?.stop());

const fill = (route) => route.replace(/\{\w+\}/g, 'nothing-of-this-name');

test('there are routes', () => assert.ok(rows.length > 10, `${rows.length} rows`));

for (const prefix of ['', '/monitor'])
  for (const route of paths)
    test(`${prefix}${route}: its methods and no others`, async () => {
      const methods = rows.filter((row) => row.route === route).map((row) => row.method);
      const options = await belfry.request('OPTIONS', prefix + fill(route), { key: belfry.adminKey });
      assert.ok([200, 204].includes(options.status), `OPTIONS: ${options.status} ${options.text}`);
      for (const method of methods) assert.match(options.headers.allow ?? '', new RegExp(`\\b${method}\\b`));
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !methods.includes(one))) {
        const answer = await belfry.request(method, prefix + fill(route), { key: belfry.adminKey });
        expect.problem(answer, 405);
        assert.doesNotMatch(answer.headers.allow, new RegExp(`\\b${method}\\b`));
      }
    });

/** Who may use a row that needs a role, beside admin. The other kinds of access ask for none in particular. */
const allowedBy = { VIEWER: ['viewer', 'operator'], OPERATOR: ['operator'], ADMIN: [], INGEST: ['ingest'], SCRAPE: ['scrape'] };

for (const { method, route, access } of rows.filter((row) => row.access in allowedBy))
  test(`${method} ${route} is for ${access.toLowerCase()} and up`, async () => {
    // What OpenTelemetry's clients speak to has errors as they read them.
    const refused = route.startsWith('/v1/') ? expect.otlpError : expect.problem;
    refused(await belfry.request(method, fill(route)), 401);
    const allowed = allowedBy[access];
    for (const other of ['viewer', 'operator', 'ingest', 'scrape']) {
      const answer = await belfry.request(method, fill(route), { key: await belfry.makeKey(other) });
      if (allowed.includes(other)) assert.ok(![401, 403].includes(answer.status), `${other}: ${answer.text}`);
      else refused(answer, 403);
    }
  });

test('odd requests are answered, not dropped', async () => {
  for (const target of ['/api/events/%00', '/api/%ff%fe', `/api/events?event=${'x'.repeat(5000)}`, '/api/events/1/2/3', '/api//events', '/api/events/', '/api/events?&&=&limit', '/api/events?limit=5&limit=6', '/api/events?event=%zz']) {
    const answer = await belfry.get(target, { key: belfry.adminKey });
    assert.ok(answer.status < 500, `${target}: ${answer.status} ${answer.text}`);
  }
  const strange = await belfry.request('BREW', '/api/events', { key: belfry.adminKey }).catch((error) => ({ status: error.code }));
  assert.ok([400, 405, 501, 'HPE_INVALID_METHOD'].includes(strange.status), String(strange.status));
});
