/*
 * Opportunities and what else events count: the list with its filters, orders and pages; errors by component, operations
 * on files.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';
import { allPages, hasManners } from './state_lists.mjs';

let belfry, key;
before(async () => {
  belfry = await start();
  key = await belfry.makeKey('viewer');
});
after(() => belfry?.stop());

const discovered = (data, rest = {}) => ({ event: 'opportunity_discovered', source: 'scout', data, ...rest });
const list = async (query = '') => {
  const answer = await belfry.get(`/api/opportunities${query}`, { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.opportunities;
};

test('opportunities are listed with what was told of them', async () => {
  await belfry.deliver([
    discovered({ opportunity_id: 'o1', title: 'A shop', category: 'retail', description: 'near "the" <b>corner</b>', confidence_score: 0.8, revenue_potential: 5000 }),
    discovered({ opportunity_id: 'o2', title: 'A farm', category: 'land', confidence_score: 95, revenue_potential: '$1k a month' }),
    discovered({ opportunity_id: 'o3', title: 7, category: null, confidence_score: 'high', revenue_potential: { usd: [1] } }),
    discovered({ opportunity_id: 'o1', confidence_score: 101 }),
    discovered({ opportunity_id: 'o1', title: 'What it was called before', category: 'old' }, { timestamp: '2026-01-01T00:00:00Z' }),
  ]);
  const rows = Object.fromEntries((await list()).map((row) => [row.opportunity_id, row]));
  const { discovered: first, updated, ...shop } = rows.o1;
  assert.equal(first, '2026-01-01T00:00:00.000Z');
  assert.match(updated, expect.RFC3339);
  assert.deepEqual(shop, { opportunity_id: 'o1', title: 'A shop', category: 'retail', description: 'near "the" <b>corner</b>', confidence: 0.8, revenue_potential: 5000, source: 'scout' });
  assert.deepEqual([rows.o2.confidence, rows.o2.revenue_potential], [0.95, '$1k a month']);
  assert.deepEqual([rows.o3.title, rows.o3.category, rows.o3.confidence, rows.o3.revenue_potential], [null, null, null, null]);
  const stats = (await belfry.get('/stats', { key })).json;
  assert.equal(stats.total_opportunities, 3);
  assert.equal(stats.metrics.total_opportunities_discovered, 3);
});

test('filters and orders', async () => {
  const ids = (rows) => rows.map((row) => row.opportunity_id);
  assert.deepEqual(ids(await list('?category=land')), ['o2']);
  assert.deepEqual(ids(await list('?min_confidence=0.8&order=confidence')), ['o2', 'o1']);
  assert.deepEqual(ids(await list('?min_confidence=90')), ['o2']);
  assert.deepEqual(ids(await list('?order=confidence')), ['o2', 'o1', 'o3']);
  assert.deepEqual(ids(await list('?source=nobody')), []);
  for (const wrong of ['high', '-1', '101', '1e400', '0x10', 'nan'])
    expect.problem(await belfry.get(`/api/opportunities?min_confidence=${wrong}`, { key }), 400, { pointer: 'min_confidence' });
});

test('pages while opportunities come, and manners', async () => {
  await belfry.deliver(Array.from({ length: 8 }, (_, n) => discovered({ title: `t${n}`, category: 'paged', confidence_score: (n >> 1) / 10 })));
  for (const order of ['discovered', 'confidence']) {
    const rows = await allPages(belfry, key, `/api/opportunities?category=paged&order=${order}`, 'opportunities', {
      between: () => belfry.deliver([discovered({ title: 'new', category: 'paged', confidence_score: 1 })]),
    });
    const titles = rows.map((row) => row.title).filter((title) => title !== 'new');
    assert.deepEqual(titles.toSorted(), Array.from({ length: 8 }, (_, n) => `t${n}`), order);
  }
  await belfry.deliver([1, 2].map((n) => ({ event: 'agent_registered', data: { agent_name: `a${n}` } })));
  await hasManners(belfry, key, '/api/opportunities', '/api/agents');
});

test('errors count by component, operations on files by what they are', async () => {
  await belfry.deliver([
    ...['db', 'db', 'web'].map((component) => ({ event: 'error_occurred', data: { component, message: `${component} broke` } })),
    { event: 'error_occurred', source: 'nameless', data: { component: ['x'] } },
    { event: 'file_operation', data: { file: '/etc/passwd', operation: 'Read', size: 100, content: 'secret words' } },
    { event: 'file_operation', data: { file: 'b', operation: 'read', size: '100' } },
    { event: 'file_operation', data: { size: 1e300 } },
  ]);
  const answer = await belfry.get('/stats', { key });
  const { errors, file_operations, metrics } = answer.json;
  assert.deepEqual(errors.map(({ component, count, last_message }) => [component, count, last_message]), [['db', 2, 'db broke'], ['nameless', 1, null], ['web', 1, 'web broke']]);
  assert.deepEqual(file_operations, [{ operation: 'read', count: 2, bytes: 100 }, { operation: 'unknown', count: 1, bytes: 0 }]);
  assert.deepEqual([metrics.total_errors, metrics.total_file_operations], [4, 3]);
  assert.doesNotMatch(answer.text, /passwd|secret/);
});
