/*
 * The page of the alerts as an operator and a viewer meet it: what fires, who cares for it, what is not to be told, and
 * whether people can be told at all.
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
  server = http.createServer((request, response) => response.writeHead(request.method === 'POST' ? 500 : (health[request.url.slice(1)] ?? 200)).end('no <i>room</i>'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  belfry = await start({
    conf: {
      push: { interval: '1s' },
      watch: { interval: '1s', host_interval: '1h', retries: 0 },
      alerting: { interval: '1s', defaults: false },
      services: ['shop', 'bank'].map((name) => ({ name, port, health_endpoint: `/${name}` })),
      alerts: [
        { name: 'down', services: ['*'], severity: 'critical', summary: '{service} is <b>{status}</b>' },
        { name: 'never', metric: 'nobody_sends_this', above: 1 },
      ],
      channels: [
        { name: 'hook', type: 'webhook', url: `http://127.0.0.1:${port}/hook`, group_wait: '100ms' },
        { name: 'program', type: 'exec', command: ['/bin/true'], group_wait: '100ms' },
      ],
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

async function open(key, prefix = '', options = {}) {
  const watched = await openPage(browser, options);
  const { page, allow, forbid } = watched;
  allow(NOT_SIGNED_IN);
  await page.goto(`${belfry.url}${prefix}/alerts`);
  await page.waitForURL('**/login?next=*');
  await page.fill('#key', key);
  await page.press('#key', 'Enter');
  await page.waitForURL('**/alerts');
  await page.waitForSelector('.link-live');
  forbid();
  return watched;
}
const row = (text) => `.alert:has-text("${text}")`;

test('what fires is on top, in words that stay words, and can be acknowledged and silenced by the keyboard', async () => {
  const { page, assertQuiet, close } = await open(operator, '/monitor');
  await page.waitForSelector(`.alert-firing${row('shop is <b>down</b>')}`);
  assert.match(await page.textContent('.panel-note[role=status]'), /1 firing/);
  assert.match(await page.textContent('.alert-unknown'), /nobody_sends_this/);
  await page.focus(`${row('shop')} button:has-text("Acknowledge")`);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.alert-ask input:focus');
  await page.keyboard.type('on my way <script>');
  await page.keyboard.press('Enter');
  await page.waitForSelector(`.alert-acknowledged:has-text("Acknowledged by test-operator")`);
  assert.match(await page.textContent(row('shop')), /on my way <script>/);
  assert.match(await page.textContent('.panel-note[role=status]'), /nothing fires/);

  await page.click(`${row('shop')} button:has-text("Silence")`);
  await page.selectOption('.alert-ask select', '8h');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.alert-ask').count(), 0, 'Escape takes it back');
  await page.click(`${row('shop')} button:has-text("Silence")`);
  await page.selectOption('.alert-ask select', '8h');
  await page.fill('.alert-ask input', 'moving');
  await page.click('.alert-ask button[type=submit]');
  await page.waitForSelector('.side-row:has-text("service=shop"):has-text("test-operator: moving")');
  assert.match(await page.textContent('.side-row:has-text("service=shop")'), /ends in 7 h 59 min|ends in 8 h/);
  await page.click('.side-row:has-text("service=shop") button');
  await page.waitForSelector('.empty:has-text("Nothing is silenced by hand")');
  assertQuiet();
  await close();
});

test('a change is there at once, and the history tells it', async () => {
  const { page, assertQuiet, close } = await open(viewer);
  await page.waitForSelector(row('shop'));
  health.bank = 500;
  await page.waitForSelector(`.alert-firing${row('bank is <b>down</b>')}`);
  health.bank = 200;
  await page.waitForSelector(`.alert-ok${row('bank is <b>up</b>')}`);
  await page.waitForSelector('ol .side-row:has-text("down is over")');
  assert.equal(await page.locator('.alert-acts, .side-row button').count(), 0, 'who may only look has nothing to press');
  assertQuiet();
  await close();
});

test('a channel that cannot be told says why; a test says how it went', async () => {
  const { page, assertQuiet, allow, close } = await open(operator);
  await page.waitForSelector('.side-row:has-text("hook"):has-text("500")');
  assert.match(await page.textContent('.side-row:has-text("hook")'), /no <i>room<\/i>/);
  await page.click('.side-row:has-text("program") button');
  await page.waitForSelector('.side-row:has-text("program"):has-text("It has taken the test.")');
  allow(/status of 502 .*\/test\)$/);
  await page.click('.side-row:has-text("hook") button');
  await page.waitForSelector('.side-row:has-text("hook") [role=status]:has-text("500")');
  assertQuiet();
  await close();
});

test('it fits a phone, and leads to the other pages', async () => {
  const { page, assertQuiet, close } = await open(viewer, '/monitor', { viewport: { width: 360, height: 740 } });
  await page.waitForSelector(row('shop'));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
  await page.click('nav a:has-text("Overview")');
  await page.waitForURL('**/monitor/dashboard');
  await page.waitForSelector('.link-live');
  await page.click('nav a:has-text("Alerts")');
  await page.waitForURL('**/monitor/alerts');
  assert.equal(await page.getAttribute('nav a[aria-current]', 'href'), 'alerts');
  assertQuiet();
  await close();
});
