/*
 * The dashboard as a person meets it: the real stack, the shipped nginx configuration, a real browser; at / and under a
 * prefix.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start } from '../system/harness.mjs';
import { launch, NOT_SIGNED_IN, openPage } from './browser.mjs';

let belfry, browser;
before(async () => {
  belfry = await start({ conf: { push: { interval: '1s' }, watch: { host_interval: '1s', interval: '1s' } } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await belfry?.stop();
});

const row = (name) => `.event:has-text("${name}")`;
const emit = (events) => belfry.deliver(events);

/** A signed-in dashboard. */
async function dashboard(prefix = '', query = '', options = {}, key = belfry.adminKey) {
  const watched = await openPage(browser, options);
  const { page, allow, forbid } = watched;
  allow(NOT_SIGNED_IN);
  await page.goto(`${belfry.url}${prefix}/dashboard${query}`);
  await page.waitForURL('**/login?next=*');
  await page.fill('#key', key);
  await page.press('#key', 'Enter');
  await page.waitForURL('**/dashboard*');
  await page.waitForSelector('.link-live');
  forbid();
  return watched;
}

for (const prefix of ['', '/monitor'])
  describe(`mounted at ${prefix}/`, () => {
    test('who is not signed in is asked for a key, told what is wrong with it, and led back', async () => {
      const { page, allow, assertQuiet, close } = await openPage(browser);
      allow(NOT_SIGNED_IN, /status of 401 .*\/api\/login\)$/);
      await page.goto(`${belfry.url}${prefix}/dashboard?severity=error`);
      await page.waitForURL('**/login?next=*');
      await page.fill('#key', 'bfy_wrong');
      await page.click('#submit');
      await page.waitForFunction(() => /unknown|expired/.test(document.querySelector('#error')?.textContent ?? ''));
      await page.fill('#key', ` ${belfry.adminKey}\n`);
      await page.click('#submit');
      await page.waitForURL(`${belfry.url}${prefix}/dashboard?severity=error`);
      await page.waitForSelector('.link-live');
      assert.equal(await page.inputValue('select[aria-label=Severity]'), 'error');
      await page.click('text=Sign out');
      await page.waitForURL(`${belfry.url}${prefix}/login`);
      assertQuiet();
      await close();
    });

    test('a user signs in by name and password, with the keyboard alone', async () => {
      const user = { name: `robin${prefix.length}`, role: 'viewer', password: 'correct horse' };
      assert.equal((await belfry.post('/api/users', user, { key: belfry.adminKey })).status, 201);
      const { page, allow, assertQuiet, close } = await openPage(browser, { viewport: { width: 360, height: 740 } });
      allow(NOT_SIGNED_IN, /status of 401 .*\/api\/login\)$/);
      await page.goto(`${belfry.url}${prefix}/login?next=dashboard`);
      await page.focus('input[value=key]');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Tab');
      await page.keyboard.type(user.name);
      await page.keyboard.press('Enter');
      assert.equal(await page.textContent('#error'), 'Type your password.');
      await page.keyboard.type('not the password');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => /wrong/.test(document.querySelector('#error')?.textContent ?? ''));
      assert.equal(await page.getAttribute('#password', 'aria-invalid'), 'true');
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
      await page.keyboard.type(user.password);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${belfry.url}${prefix}/dashboard`);
      await page.waitForSelector('.link-live');
      assertQuiet();
      await close();
    });

    test('an event that is posted appears by itself, in words', async () => {
      const { page, assertQuiet, close } = await dashboard(prefix);
      const name = `robin${prefix.length}`;
      await emit({ event: 'agent_execution_completed', source: 'nest', data: { agent_id: name, agent_name: name, duration_ms: 1234, success: true, quality_score: 0.93 } });
      await page.waitForSelector(row(`${name} completed in 1.2 s, quality 0.93`));
      assert.match((await page.textContent(row(name))) ?? '', /success.*\d\d:\d\d:\d\d.*agent_execution_completed.*nest/s);
      assertQuiet();
      await close();
    });

    test('text from outside is text', async () => {
      const { page, assertQuiet, close } = await dashboard(prefix);
      const attack = `<img src=x onerror="document.title='broken'">${prefix}`;
      await emit({ event: 'error_occurred', source: '<b>source</b>', data: { component: attack, message: '"><script>document.title="broken"</script>' } });
      const head = page.locator('.event-head', { hasText: attack }).first();
      await head.click();
      await page.waitForSelector('.event-json');
      assert.equal(await page.locator('.stream img, .stream script').count(), 0);
      assert.doesNotMatch(await page.title(), /broken/);
      assertQuiet();
      await close();
    });
  });

test('the figures and the charts of the host move', async () => {
  const { page, assertQuiet, close } = await dashboard();
  const figure = (label) => page.locator('.card', { has: page.locator(`h3:text-is("${label}")`) }).locator('.card-value span').first();
  await belfry.until(async () => /^\d/.test((await figure('CPU').textContent()) ?? ''), 'the CPU card shows a figure');
  await belfry.until(async () => /^\d/.test((await figure('System uptime').textContent()) ?? ''), 'the uptime shows a figure');

  const total = Number((await figure('Total events').textContent())?.replaceAll(',', ''));
  await emit({ event: 'figure_moves', source: 'test', data: {} });
  await belfry.until(async () => Number((await figure('Total events').textContent())?.replaceAll(',', '')) > total, 'the total counts on');

  assert.equal(await page.locator('.chart canvas').count(), 4);
  const drawn = () => page.locator('.chart canvas').first().evaluate((canvas) => canvas.toDataURL());
  const earlier = await drawn();
  await belfry.until(async () => (await drawn()) !== earlier, 'the CPU chart is drawn anew');
  assert.match((await page.getAttribute('.chart-place', 'aria-label')) ?? '', /^CPU: used now [\d.]+ %, between [\d.]+ % and [\d.]+ %/);
  assertQuiet();
  await close();
});

test('who looks on, and what the push daemon says about itself, is there when asked for', async () => {
  const { page, assertQuiet, close } = await dashboard();
  await emit({ event: 'counted', source: 'test', data: {} });
  await page.click('.clients-count');
  await page.waitForSelector('.clients-more:has-text("by WebSocket")');
  await page.waitForSelector('.clients-more dd:has-text("a second")');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.clients-more').count(), 0);
  assert.equal(await page.getAttribute('.clients-count', 'aria-expanded'), 'false');
  assertQuiet();
  await close();
});

test('what is watched is listed with its state', async () => {
  const { page, assertQuiet, close } = await dashboard();
  await page.waitForSelector('.service:has-text("historyd"):has-text("up")');
  await page.waitForSelector('.foot-daemons:has-text("watchd")');
  assertQuiet();
  await close();
});

test('events that came while pushd was dead arrive, in order, without a reload', async () => {
  const { page, allow, forbid, assertQuiet, close } = await dashboard();
  await emit({ event: 'outage', source: 'test', data: { n: 0 } });
  await page.waitForSelector(row('outage'));
  await page.evaluate(() => (globalThis.sameDocument = true));

  // The socket, and nothing else, may fail from here on: pushd is dead, the API is not.
  allow(/^console: WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/ws\/dashboard\?[^']*' failed: .* \(http:\/\/127\.0\.0\.1:\d+\/js\/live\.js\)$/);
  await belfry.kill('belfry-pushd');
  await page.waitForSelector('.link:not(.link-live)');
  await page.waitForSelector('.card.is-old >> text=as of');
  for (let n = 1; n <= 40; n++) await emit({ event: 'outage', source: 'test', data: { n } });
  belfry.startProgram('belfry-pushd');
  await page.waitForSelector('.link-live');
  forbid();
  await emit({ event: 'outage', source: 'test', data: { n: 41 } });

  const shown = () => page.$$eval('.event', (rows) => rows.map((one) => /\bn (\d+)$/.exec(one.querySelector('.event-words')?.textContent ?? '')?.[1]).filter(Boolean).map(Number));
  await page.selectOption('select[aria-label=Type]', 'outage');
  await belfry.until(async () => (await shown()).length >= 42, 'all events of the outage are shown');
  assert.deepEqual(await shown(), Array.from({ length: 42 }, (_, i) => 41 - i), 'newest on top, each once');
  assert.equal(await page.locator('.event-gap').count(), 0);
  assert.equal(await page.locator('.card.is-old').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'the page was not loaded again');
  assertQuiet();
  await close();
});

test('after a restart of everything the page finds back', async () => {
  const { page, allow, forbid, assertQuiet, close } = await dashboard();
  allow(/WebSocket connection to .*\/ws\/dashboard/, /Failed to load resource: the server responded with a status of 50\d .*\/api\/(me|events|history)/);
  for (const name of ['belfry-pushd', 'belfry-fcgi', 'belfry-watchd', 'belfry-historyd']) await belfry.terminate(name);
  await page.waitForSelector('.link:not(.link-live)');
  for (const name of ['belfry-historyd', 'belfry-fcgi', 'belfry-pushd', 'belfry-watchd']) belfry.startProgram(name);
  await belfry.untilHealthy();
  await page.waitForSelector('.link-live');
  await page.waitForSelector('.card:has-text("CPU"):not(.is-old)');
  forbid();
  await emit({ event: 'all_is_back', source: 'test', data: {} });
  await page.waitForSelector(row('all_is_back'));
  assertQuiet();
  await close();
});

test('a key that expires or is deleted leads back to signing in', async () => {
  const { json: short } = await belfry.post('/api/keys', { name: 'short', role: 'viewer', expires_in: '4s' }, { key: belfry.adminKey });
  const { json: long } = await belfry.post('/api/keys', { name: 'long', role: 'viewer' }, { key: belfry.adminKey });
  const expiring = await dashboard('', '', {}, short.key);
  expiring.allow(NOT_SIGNED_IN);
  await expiring.page.waitForURL('**/login?next=dashboard');
  expiring.assertQuiet();
  await expiring.close();

  const deleted = await dashboard('', '', {}, long.key);
  deleted.allow(NOT_SIGNED_IN, /WebSocket connection to .* failed/);
  assert.equal((await belfry.request('DELETE', `/api/keys/${long.id}`, { key: belfry.adminKey })).status, 204);
  await deleted.page.waitForURL('**/login?next=dashboard');
  deleted.assertQuiet();
  await deleted.close();
});

test('the list stays bounded, holds still while somebody reads, and says what is waiting', async () => {
  const { page, assertQuiet, close } = await dashboard();
  await emit(Array.from({ length: 1500 }, (_, n) => ({ event: 'flood', source: 'test', data: { n } })));
  await page.waitForSelector(row('n 1,499'));
  assert.ok((await page.locator('.event').count()) <= 200, 'rows are bounded');

  await page.hover('.event >> nth=3');
  const top = await page.textContent('.event >> nth=0');
  await emit({ event: 'meanwhile', source: 'test', data: {} });
  await page.waitForSelector('.pill:has-text("new")');
  assert.equal(await page.textContent('.event >> nth=0'), top, 'nothing moves under the pointer');
  await page.click('.pill');
  await page.waitForSelector(row('meanwhile'));
  assertQuiet();
  await close();
});

test('on a phone, what is opened stays where it is', async () => {
  await emit({ event: 'opened', source: 'test', data: { answer: 42 } });
  const { page, assertQuiet, close } = await dashboard('', '', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.tap(`${row('answer 42')} .event-head`);
  await page.waitForSelector('.event-json:has-text("42")');
  const place = await page.locator('.event.is-open').evaluate((one) => one.offsetTop);
  await emit(Array.from({ length: 5 }, (_, n) => ({ event: 'later', source: 'test', data: { n } })));
  await page.waitForSelector('.pill');
  assert.equal(await page.locator('.event.is-open').evaluate((one) => one.offsetTop), place);
  await page.tap('.pill');
  await page.waitForSelector(row('later'));
  assertQuiet();
  await close();
});

test('the filter finds by text and severity, lives in the address, and looks further back', async () => {
  await emit([
    { event: 'needle', severity: 'critical', source: 'haystack', data: { message: 'the sharp one' } },
    ...Array.from({ length: 700 }, (_, n) => ({ event: 'hay', source: 'haystack', data: { n } })),
    { event: 'needle', severity: 'info', source: 'haystack', data: { message: 'the dull one' } },
  ]);
  const { page, assertQuiet, close } = await dashboard();
  await page.waitForSelector(row('the dull one'));
  await page.fill('input[type=search]', 'needle');
  await belfry.until(async () => (await page.locator('.event').count()) === 1, 'one match among the latest');
  await page.click('text=Search further back');
  await page.waitForSelector(row('the sharp one'));
  await page.selectOption('select[aria-label=Severity]', 'error+');
  assert.match(page.url(), /q=needle&severity=error%2B/);
  await page.click('text=Search further back');
  await belfry.until(async () => (await page.locator('.event').count()) === 1, 'only the critical one');
  assert.match((await page.textContent('.event')) ?? '', /critical/);
  assertQuiet();
  await close();
});

test('the theme follows the system until it is chosen, and the choice stays', async () => {
  const { page, assertQuiet, close } = await dashboard('', '', { colorScheme: 'dark' });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.click('[aria-label^="Theme: auto"]');
  await page.waitForSelector('[aria-label^="Theme: light"]');
  assert.notEqual(await background(), dark);
  const light = await background();
  await page.reload();
  await page.waitForSelector('.link-live');
  assert.equal(await background(), light);
  assertQuiet();
  await close();
});

test('everything can be reached and worked by keyboard', async () => {
  await emit({ event: 'keyboard', source: 'test', data: { opened: true } });
  const { page, assertQuiet, close } = await dashboard();
  await page.waitForSelector(row('keyboard'));
  const unnamed = await page.$$eval('button, a, input, select', (all) =>
    all.filter((one) => !(one.getAttribute('aria-label') || one.textContent?.trim() || one.closest('label')?.textContent?.trim())).map((one) => one.outerHTML));
  assert.deepEqual(unnamed, [], 'every control has a name');
  await page.focus(`${row('keyboard')} .event-head`);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.event-json:has-text("opened")');
  assert.equal(await page.getAttribute(`${row('keyboard')} .event-head`, 'aria-expanded'), 'true');
  assertQuiet();
  await close();
});

for (const next of ['https://example.org/', '//example.org/x', '/\\example.org', 'javascript:alert(1)', '../../elsewhere', 'login'])
  test(`after signing in nobody is led to ${next}`, async () => {
    const { page, assertQuiet, close } = await openPage(browser);
    await page.goto(`${belfry.url}/monitor/login?next=${encodeURIComponent(next)}`);
    await page.fill('#key', belfry.adminKey);
    await page.press('#key', 'Enter');
    await page.waitForURL(`${belfry.url}/monitor/dashboard`);
    assertQuiet();
    await close();
  });

for (const width of [360, 768, 1280, 2560])
  test(`nothing sticks out at a width of ${width} px`, async () => {
    const { page, assertQuiet, close } = await dashboard('', '', { viewport: { width, height: 800 } });
    await page.waitForSelector('.event');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page does not scroll sideways');
    assertQuiet();
    await close();
  });
