/*
 * Sessions: what their updates make of them, trends, what goes stale; and the round trip of a command to end one, with an
 * application that holds an ingest key and a WebSocket.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as expect from './expect.mjs';
import { start } from './harness.mjs';
import { allPages, hasManners } from './state_lists.mjs';

let belfry, key, operator, application;
before(async () => {
  belfry = await start();
  [key, operator, application] = [await belfry.makeKey('viewer'), await belfry.makeKey('operator', 'olga'), await belfry.makeKey('ingest', 'voice')];
});
after(() => belfry?.stop());

const minutesAgo = (n) => new Date(Date.now() - n * 60_000).toISOString();
const update = (data, minutes = 0) => belfry.deliver([{ event: 'session_update', timestamp: minutesAgo(minutes), data }], { key: application });
const session = async (id) => {
  const answer = await belfry.get(`/api/sessions/${id}`, { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const terminate = (id, body, options = { key: operator }) => belfry.post(`/api/sessions/${id}/terminate`, body, options);

test('a session is what its updates tell, with its trend', async () => {
  await update({ session_id: 'talk', agent: 'ann', state: 'active', token_usage: 1000, context_percentage: 10 }, 20);
  await update({ session_id: 'talk', token_usage: 2000, context_percentage: 20 }, 10);
  await update({ session_id: 'talk', token_usage: '9999', context_percentage: -1, state: 7 }, 5);
  await update({ session_id: 'talk', token_usage: 3000, context_percentage: 30 });
  await update({ session_id: 'talk', state: 'waiting', token_usage: 1 }, 15);
  const talk = await session('talk');
  assert.deepEqual(
    [talk.agent, talk.source, talk.state, talk.token_usage, talk.context_percentage, talk.updates, talk.ended, talk.command],
    ['ann', 'voice', 'active', 3000, 30, 5, null, null],
  );
  assert.ok(Math.abs(talk.age_seconds - 1200) < 30, `${talk.age_seconds} s`);
  assert.ok(talk.trend.tokens_per_minute > 50 && talk.trend.tokens_per_minute <= 250, JSON.stringify(talk.trend));
  const { sessions } = (await belfry.get('/stats', { key })).json;
  assert.equal(sessions.by_state.active, 1);
  const agent = await belfry.get('/api/agents?name=ann', { key });
  assert.equal(agent.json.agents.length, 0, 'a session makes no agent');
});

test('a session that is not heard of any more is stale', async () => {
  await update({ session_id: 'old', state: 'active' }, 180);
  await update({ session_id: 'over', state: 'completed' }, 180);
  assert.equal((await session('old')).state, 'stale');
  assert.equal((await session('over')).state, 'completed');
  const { json } = await belfry.get('/api/sessions?state=stale', { key });
  assert.deepEqual(json.sessions.map((one) => one.session_id), ['old']);
  assert.equal((await belfry.get('/api/sessions?ended=true', { key })).json.sessions.length, 1);
  assert.equal((await belfry.get('/stats', { key })).json.sessions.by_state.stale, 1);
});

test('a command to end a session reaches its application, and nobody else with an ingest key', async () => {
  await update({ session_id: 'call', agent: 'ann', state: 'active', token_usage: 5 });
  const app = belfry.ws('/ws', { key: application });
  const other = belfry.ws('/ws', { key: await belfry.makeKey('ingest', 'somebody-else') });
  await Promise.all([app.next('connected'), other.next('connected')]);

  const answer = await terminate('call', { reason: 'too long' });
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.json.state, 'terminating');
  const command = await app.next('command');
  assert.equal(command.event_id, answer.json.event_id);
  assert.equal(command.id, answer.json.id);
  assert.equal(command.source, 'voice');
  assert.deepEqual(command.data, { command: 'terminate_session', session_id: 'call', agent: 'ann', reason: 'too long', by: 'olga' });

  const asked = await session('call');
  assert.equal(asked.state, 'terminating');
  assert.equal(asked.command.event_id, answer.json.event_id);
  assert.match(asked.command.pending_since, expect.RFC3339);
  await update({ session_id: 'call', state: 'active', token_usage: 6 });
  assert.equal((await session('call')).state, 'terminating', 'figures alone are no acknowledgement');

  await update({ session_id: command.data.session_id, state: 'terminated', in_reply_to: command.event_id });
  const ended = await session('call');
  assert.deepEqual([ended.state, ended.command.pending_since], ['terminated', null]);
  assert.match(ended.ended, expect.RFC3339);
  expect.problem(await terminate('call', {}), 409);

  // Commands of another source come later and would be behind the first.
  await belfry.deliver([{ event: 'session_update', source: 'somebody-else', data: { session_id: 'his', state: 'active' } }]);
  assert.equal((await terminate('his')).status, 202, 'no body is as good as {}');
  await other.next('command');
  assert.deepEqual(other.events.map((event) => event.data.session_id), ['his']);
  assert.deepEqual(app.events.map((event) => event.data.session_id), ['call']);
  await belfry.deliver([{ event: 'session_update', source: 'somebody-else', data: { session_id: 'his', in_reply_to: other.events[0].event_id } }]);
  assert.equal((await session('his')).state, 'active', 'acknowledged, and not ended');
  for (const client of [app, other]) client.terminate();
});

test('what may not be terminated, and who may not', async () => {
  expect.problem(await terminate('nobody', {}), 404);
  expect.problem(await terminate('over', {}), 409);
  expect.problem(await terminate('talk', {}, { key }), 403);
  expect.problem(await terminate('talk', {}, { key: application }), 403);
  expect.problem(await terminate('talk', {}, {}), 401);
  expect.problem(await terminate('talk', 'not JSON'), 400);
  expect.problem(await terminate('talk', { reason: 5 }), 422, { pointer: '/reason' });
  expect.problem(await terminate('talk', { reason: 'x'.repeat(501) }), 422, { pointer: '/reason' });
  expect.problem(await belfry.get('/api/sessions/talk/terminate', { key: operator }), 405);
  expect.problem(await belfry.post('/api/events', { event: 'command', source: 'voice', data: {} }, { key: belfry.adminKey }), 403);
  assert.equal((await session('talk')).state, 'active', 'nothing of that was a command');
});

test('pages while sessions come, and manners', async () => {
  await belfry.deliver(Array.from({ length: 8 }, (_, n) => ({ event: 'session_update', source: 'paged', timestamp: minutesAgo(n >> 2), data: { session_id: `p${n}` } })));
  for (const order of ['started', 'updated']) {
    const rows = await allPages(belfry, key, `/api/sessions?source=paged&order=${order}`, 'sessions', {
      between: () => belfry.deliver([{ event: 'session_update', source: 'paged', data: { session_id: `new, ${order}` } }]),
    });
    const ids = rows.map((row) => row.session_id).filter((id) => id.startsWith('p'));
    assert.deepEqual(ids.toSorted(), Array.from({ length: 8 }, (_, n) => `p${n}`), order);
  }
  await belfry.deliver([1, 2].map((n) => ({ event: 'agent_registered', data: { agent_name: `a${n}` } })));
  await hasManners(belfry, key, '/api/sessions', '/api/agents');
  await hasManners(belfry, key, '/api/sessions/talk');
  expect.problem(await belfry.get('/api/sessions/nobody', { key }), 404);
});
