/*
 * What all lists of what is so now have in common: pages that go on where the one before ended while rows come in, a
 * bad cursor or limit that is refused, an ETag that only a change changes, HEAD.
 */
import assert from 'node:assert/strict';
import * as expect from './expect.mjs';

/** All rows by pages of `limit`; `between` runs after the first page. */
export async function allPages(belfry, key, target, plural, { limit = 3, between = async () => {} } = {}) {
  const rows = [];
  let cursor = '';
  for (let page = 0; ; page++) {
    const answer = await belfry.get(`${target}${target.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { key });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.json[plural].length <= limit);
    rows.push(...answer.json[plural]);
    cursor = answer.json.next_cursor;
    if (cursor === null) return rows;
    assert.equal(answer.json[plural].length, limit, 'a page with a next one is full');
    if (page === 0) await between();
  }
}

/** Asks what every one of these resources must do; `other` is a list whose cursors are not its own. */
export async function hasManners(belfry, key, target, other) {
  const first = await belfry.get(target, { key });
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['content-type'], 'application/json');
  const head = await belfry.request('HEAD', target, { key });
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  const again = await belfry.get(target, { key, headers: { 'if-none-match': first.headers.etag } });
  assert.equal(again.status, 304, `the ETag ${first.headers.etag} is good`);
  assert.equal(again.text, '');
  expect.problem(await belfry.post(target, {}, { key: belfry.adminKey }), 405);
  expect.problem(await belfry.get(target), 401);
  expect.problem(await belfry.get(target, { key: await belfry.makeKey('ingest') }), 403);
  if (!other) return;
  expect.problem(await belfry.get(`${target}?limit=0`, { key }), 400, { pointer: 'limit' });
  expect.problem(await belfry.get(`${target}?limit=1001`, { key }), 400, { pointer: 'limit' });
  expect.problem(await belfry.get(`${target}?cursor=nonsense`, { key }), 400, { pointer: 'cursor' });
  expect.problem(await belfry.get(`${target}?order=upside-down`, { key }), 400, { pointer: 'order' });
  const foreign = (await belfry.get(`${other}?limit=1`, { key })).json.next_cursor;
  assert.ok(foreign);
  expect.problem(await belfry.get(`${target}?cursor=${encodeURIComponent(foreign)}`, { key }), 400, { pointer: 'cursor' });
}
