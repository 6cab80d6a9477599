/*
 * The page of the services as an operator and a viewer meet it: how each is and was, and what can be done about it.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { start } from '../system/harness.mjs';
import { launch, NOT_SIGNED_IN, openPage } from './browser.mjs';

let belfry, browser, server, operator, viewer;
const health = { shop: 503 };

before(async () => {
  server = http.createServer((request, response) => response.writeHead(health[request.url.slice(1)] ?? 200).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  belfry = await start({
    conf: {
      push: { interval: '1s' },
      watch: { interval: '1s', host_interval: '1h', retries: 0 },
      services: ['shop', 'bank', 'farm'].map((name) => ({ name, port, health_endpoint: `/${name}` })),
      recoveries: [{ name: 'look', service: 'shop', command: ['/bin/echo', 'all <b>well</b>'], verify_after: '10ms', verify_timeout: '200ms', cooldown: '100ms' }],
    },
  });
  operator = await belfry.makeKey('operator');
  viewer = await belfry.makeKey('viewer');
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await belfry?.stop();
  server?.close();
});

async function open(key, { prefix = '', query = '', ...options } = {}) {
  const watched = await openPage(browser, options);
  const { page, allow, forbid } = watched;
  allow(NOT_SIGNED_IN);
  await page.goto(`${belfry.url}${prefix}/services${query}`);
  await page.waitForURL('**/login?next=*');
  await page.fill('#key', key);
  await page.press('#key', 'Enter');
  await page.waitForURL('**/services*');
  await page.waitForSelector('.link-live');
  forbid();
  return watched;
}
const names = (page) => page.$$eval('.watched-name > span > span:first-child', (spans) => spans.map((span) => span.textContent));

test('trouble comes first; the table filters and sorts, and the address holds that', async () => {
  const { page, assertQuiet, close } = await open(viewer, { prefix: '/monitor' });
  await page.waitForSelector('.watched-down .watched-name:has-text("shop"):has-text("HTTP 503")');
  assert.equal((await names(page))[0], 'shop');
  assert.match(await page.textContent('tbody:has-text("bank")'), /100 %/);
  await page.fill('input[type=search]', 'A');
  await page.waitForFunction(() => !document.querySelector('.watched-table')?.textContent?.includes('shop'));
  assert.deepEqual((await names(page)).filter((name) => !name.startsWith('belfry')), ['bank', 'farm']);
  await page.click('th button:has-text("24 hours")');
  await page.waitForSelector('th[aria-sort=descending]:has-text("24 hours")');
  assert.match(page.url(), /\?q=A&sort=day$/);
  await page.fill('input[type=search]', '');
  await page.selectOption('select[aria-label=Status]', 'down');
  await page.waitForFunction(() => document.querySelectorAll('.watched-name').length === 1);
  await page.reload();
  await page.waitForSelector('.watched-down');
  assert.deepEqual(await names(page), ['shop'], 'a reload shows the same');
  assertQuiet();
  await close();
});

test('a row tells what the service went through; who may only look has nothing to press', async () => {
  const { page, assertQuiet, close } = await open(viewer, { query: '?service=shop' });
  await page.waitForSelector('[aria-label="Incidents of shop"] li:has-text("HTTP 503")');
  assert.equal(await page.locator('.watched-acts').count(), 0);
  health.shop = 200;
  await page.waitForSelector('.watched-up .watched-name:has-text("shop")');
  await page.waitForSelector('[aria-label="Incidents of shop"] li:not(:has-text("since"))');
  await page.focus('.watched-name:has-text("shop")');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => !document.querySelector('.watched-details'));
  assertQuiet();
  await close();
});

test('an operator checks it, pauses it and resumes it', async () => {
  const { page, assertQuiet, close } = await open(operator, { query: '?service=farm' });
  await page.click('button:has-text("Check now")');
  await page.waitForSelector('.watched-acts [role=status]:has-text("Checked.")');
  await page.click('button:has-text("Pause…")');
  await page.selectOption('.watched-ask select', '8h');
  await page.fill('.watched-ask input', 'no <i>cows</i>');
  await page.click('button:has-text("Pause farm")');
  await page.waitForSelector('.watched-paused .watched-name:has-text("no <i>cows</i>")');
  await page.click('button:has-text("Resume")');
  await page.waitForSelector('.watched-up .watched-name:has-text("farm")');
  assertQuiet();
  await close();
});

test('an operator has it recovered: dry first, then really, and reads what that wrote', async () => {
  const { page, assertQuiet, close } = await open(operator, { query: '?service=shop' });
  await page.click('button:has-text("Recover…")');
  await page.click('button:has-text("Dry run")');
  await page.waitForSelector('[aria-label="Recoveries of shop"] li:has-text("dry run")');
  assert.equal(await page.locator('.past-output').count(), 0, 'nothing was run');
  await page.click('button:has-text("Recover…")');
  await page.fill('.watched-ask input', 'it looked odd');
  await page.click('.watched-ask button[type=submit]');
  await page.click('.watched-ask button:has-text("Really run it")');
  await page.waitForSelector('.past-output pre:has-text("all <b>well</b>")');
  await page.waitForSelector('[aria-label="Recoveries of shop"] li:has-text("by test-operator"):has-text("succeeded")');
  assertQuiet();
  await close();
});

test('it fits a phone', async () => {
  const { page, assertQuiet, close } = await open(operator, { query: '?service=shop', viewport: { width: 360, height: 740 } });
  await page.waitForSelector('.watched-details .watched-acts');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
  assertQuiet();
  await close();
});
