/*
 * An open dashboard whose history changes under it: none yet, the first event, and another history in its place.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { daemons, start } from '../system/harness.mjs';
import { launch, openPage } from './browser.mjs';

let belfry, browser;
before(async () => {
  // Nothing that would write events of its own, and open to everybody, as the keys go with the history.
  belfry = await start({ conf: { access: { read_role: 'none' }, logs: [], watch: { enabled: false } } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await belfry?.stop();
});

test('a page without events says how to send one; with another history it forgets the old one', async () => {
  const { page, allow, forbid, assertQuiet, close } = await openPage(browser);
  await page.goto(`${belfry.url}/monitor/dashboard`);
  await page.waitForSelector('.link-live');
  await page.waitForSelector('text=Sign in');
  await page.waitForSelector(`.empty:has-text("curl ${belfry.url}/monitor/api/events")`);

  await belfry.deliver(Array.from({ length: 5 }, (_, n) => ({ event: 'old_life', source: 'test', data: { n } })));
  await page.waitForSelector('.event:has-text("n 4")');
  assert.equal(await page.locator('.event:has-text("old_life")').count(), 5);

  allow(/WebSocket connection to .*\/ws\/dashboard/, /Failed to load resource: the server responded with a status of 50\d/);
  for (const name of [...daemons].reverse()) await belfry.terminate(name);
  for (const file of fs.readdirSync(path.join(belfry.stateDir, 'history'))) fs.rmSync(path.join(belfry.stateDir, 'history', file), { recursive: true });
  fs.rmSync(path.join(belfry.stateDir, 'admin.token'));
  belfry.adminKey = undefined;
  for (const name of daemons) belfry.startProgram(name);
  await belfry.untilHealthy();
  await belfry.deliver(Array.from({ length: 3 }, (_, n) => ({ event: 'new_life', source: 'test', data: { n } })));
  await page.waitForSelector('.link-live');
  await belfry.until(async () => (await page.locator('.event:has-text("new_life")').count()) === 3, 'the events of the new history are shown');
  assert.equal(await page.locator('.event:has-text("old_life")').count(), 0);
  forbid();
  assertQuiet();
  await close();
});
