/*
 * Agents: what their events make of them, the list with its filters and pages, one of them with its figures, and what
 * goes stale.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';
import { allPages, hasManners } from './state_lists.mjs';

let belfry, key;
before(async () => {
  belfry = await start({ conf: { model: { agent_stale: '1h' } } });
  key = await belfry.makeKey('viewer');
});
after(() => belfry?.stop());

const minutesAgo = (n) => new Date(Date.now() - n * 60_000).toISOString();
const get = async (target) => {
  const answer = await belfry.get(target, { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};

test('an agent is what its events tell, whether they name it or its id', async () => {
  await belfry.deliver([
    { event: 'agent_registered', source: 'bots', data: { agent_id: 'a-7' } },
    { event: 'agent_execution_started', source: 'bots', data: { agent_id: 'a-7', agent_name: 'scout', task_description: 'look around' } },
    { event: 'agent_execution_completed', source: 'bots', data: { agent_id: 'a-7', duration_ms: 100, success: true, quality_score: 0.5 } },
    { event: 'agent_execution_started', source: 'bots', data: { agent_id: 'a-7' } },
    { event: 'agent_execution_completed', source: 'bots', data: { agent_name: 'scout', duration_ms: 300, success: false, quality_score: 'good' } },
    { event: 'agent_activity', source: 'bots', data: { agent: 'scout', action: 'invoked' } },
    { event: 'quality_score_updated', source: 'judge', data: { agent_id: 'a-7', quality_score: 1 } },
    { event: 'agent_execution_started', source: 'bots', data: { agent_name: 'scout' } },
  ]);
  const { agents } = await get('/api/agents?name=scout');
  assert.equal(agents.length, 1);
  const { first_seen, last_seen, last_completed, ...scout } = agents[0];
  for (const time of [first_seen, last_seen, last_completed]) assert.match(time, expect.RFC3339);
  assert.deepEqual(scout, {
    name: 'scout', agent_id: 'a-7', source: 'bots', status: 'running', active: 1, invocations: 4, completions: 2, successes: 1,
    success_rate: 0.5, avg_quality_score: 0.75, avg_duration_ms: 200, last_duration_ms: 300, last_task: 'look around', last_action: 'invoked',
  });
  assert.equal((await get('/api/agents?name=a-7')).agents.length, 0, 'the row that had only its id has a name now');

  const one = await get('/api/agents/scout');
  assert.equal(one.name, 'scout');
  assert.equal(one.open_tasks.length, 1);
  assert.deepEqual({ ...one.recent.duration_ms, p95: 0 }, { count: 1, avg: 300, min: 300, max: 300, p95: 0 });
  assert.equal(one.recent.window_seconds, 86400);
  expect.problem(await belfry.get('/api/agents/nobody', { key }), 404);
});

test('events that come in the wrong order leave what the right order would', async () => {
  await belfry.deliver([
    { event: 'agent_execution_completed', timestamp: minutesAgo(1), data: { agent_name: 'late', success: true, task_description: 'second' } },
    { event: 'agent_execution_completed', timestamp: minutesAgo(5), data: { agent_name: 'late', success: false, task_description: 'first' } },
    { event: 'agent_execution_started', timestamp: minutesAgo(6), data: { agent_name: 'late' } },
    { event: 'agent_execution_started', timestamp: minutesAgo(2), data: { agent_name: 'late' } },
  ]);
  const late = await get('/api/agents/late');
  assert.deepEqual([late.status, late.active, late.invocations, late.completions, late.last_task], ['idle', 0, 2, 2, 'second']);
});

test('a task whose end is never told makes the agent stale, everywhere', async () => {
  const before = (await get('/stats')).active_agents;
  await belfry.deliver([
    { event: 'agent_execution_started', timestamp: minutesAgo(120), data: { agent_name: 'lost' } },
    { event: 'agent_execution_started', timestamp: minutesAgo(10), data: { agent_name: 'busy' } },
  ]);
  assert.equal((await get('/api/agents/lost')).status, 'stale');
  assert.equal((await get('/api/agents/busy')).status, 'running');
  assert.deepEqual((await get('/agents?status=stale')).agents.map((agent) => agent.name), ['lost']);
  assert.equal((await get('/stats')).active_agents, before + 1);
  assert.equal((await get('/status')).metrics.active_agents, before + 1);
  assert.equal((await get('/status')).agents, 'degraded');
  const metrics = await belfry.get('/metrics', { key: belfry.adminKey });
  assert.match(metrics.text, new RegExp(`^belfry_active_agents ${before + 1}$`, 'm'));
  const ws = belfry.ws('/ws/dashboard');
  assert.equal((await ws.next('metrics_update')).data.active_agents, before + 1);
  ws.terminate();
});

test('data of any shape is survived and believed only where it makes sense', async () => {
  await belfry.deliver([
    { event: 'agent_execution_completed', data: { agent_name: 'odd', duration_ms: '12', quality_score: 1e300, success: [], task_description: { a: 1 } } },
    { event: 'agent_execution_completed', data: { agent_name: 'odd', duration_ms: -5, quality_score: null, success: 'no' } },
    { event: 'agent_registered', data: { agent_name: 'x'.repeat(5000) } },
    { event: 'agent_registered', data: { agent_name: { nested: true }, agent_id: [1] } },
  ]);
  const odd = await get('/api/agents/odd');
  assert.deepEqual([odd.completions, odd.successes, odd.avg_duration_ms, odd.avg_quality_score, odd.last_task], [2, 2, null, null, null]);
  assert.ok((await get('/api/agents?limit=1000')).agents.some((agent) => agent.name === 'x'.repeat(128)), 'a long name is cut');
});

test('pages, while agents come and are heard of', async () => {
  await belfry.deliver(Array.from({ length: 10 }, (_, n) => ({ event: 'agent_registered', source: 'paged', data: { agent_name: `page ${n} é, ü` } })));
  for (const order of ['name', 'recent']) {
    const rows = await allPages(belfry, key, `/api/agents?source=paged&order=${order}`, 'agents', {
      between: () => belfry.deliver([{ event: 'agent_registered', source: 'paged', data: { agent_name: `0 came while paging by ${order}` } }]),
    });
    const names = rows.map((row) => row.name).filter((name) => name.startsWith('page'));
    assert.equal(new Set(names).size, 10, `${order}: each of them`);
    assert.equal(names.length, 10, `${order}: once`);
    if (order === 'name') assert.deepEqual(names, names.toSorted());
  }
});

test('manners, at /api/agents and /agents', async () => {
  await belfry.deliver([1, 2].map((n) => ({ event: 'session_update', data: { session_id: `s${n}` } })));
  await hasManners(belfry, key, '/api/agents', '/api/sessions');
  await hasManners(belfry, key, '/agents', '/api/sessions');
  await hasManners(belfry, key, '/api/agents/scout');
  const page = await belfry.get('/agents', { key, headers: { accept: 'text/html' } });
  assert.notEqual(page.headers['content-type'], 'application/json');
  assert.match((await belfry.get('/agents', { key })).headers.vary ?? '', /accept/i);
});
