/*
 * The push test as a person meets it: whether it shows what really goes over the connection, and says what is wrong when
 * there is none. The real stack, the shipped nginx configuration, a real browser.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { buildDir, run, start } from '../system/harness.mjs';
import { launch, openPage } from './browser.mjs';

let belfry, browser;
before(async () => {
  belfry = await start({ conf: { push: { interval: '1s' }, watch: { host_interval: '1s', interval: '1s' } } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await belfry?.stop();
});

const NO_SOCKET = /^console: WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/[^']*' failed: .*\/js\/push\/transport\.js\)$/;
const REFUSED_STREAM = /^console: Failed to load resource: the server responded with a status of (40[0-9]|50[0-9]) .*\/events(\?[^)]*)?\)$/;

const emit = (events) => belfry.deliver(events);
const flood = (event, from, to) => Array.from({ length: to - from }, (_, i) => ({ event, source: 'test', data: { n: from + i } }));

/** The page, signed in unless `key` is null. */
async function open(query = '', { prefix = '', key = belfry.adminKey, url = belfry.url, ...options } = {}) {
  const watched = await openPage(browser, options);
  const { page } = watched;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  if (key) assert.equal((await page.request.post(`${url}${prefix}/api/login`, { data: { key } })).status(), 200);
  await page.goto(`${url}${prefix}/websocket-test${query}`);
  await page.waitForSelector('.connect form');
  const phase = (name) => page.waitForSelector(`[data-phase=${name}]`);
  return {
    ...watched,
    phase,
    press: (name) => page.getByRole('button', { name, exact: true }).click(),
    connect: async () => {
      await page.getByRole('button', { name: 'Connect', exact: true }).click();
      await phase('live');
    },
    say: async (text) => {
      await page.fill('#raw', text);
      await page.getByRole('button', { name: 'Send as it is' }).click();
    },
    /** Waits for a row of the log that is in sight. */
    row: (text) => page.locator('.row', { hasText: text }).first().waitFor(),
    outcome: (text) => page.locator('.callout', { hasText: text }).waitFor(),
    /** What the log holds, oldest first. */
    log: async () => {
      await page.getByRole('button', { name: /^Copy all/ }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.split(/\n(?=\d{4}-)/).map((line) => {
        const [, arrow, rest] = /^\S+ (\S) (?:\d+ B )?(.*)$/s.exec(line) ?? [];
        return { arrow, text: rest, json: arrow === '·' ? null : JSON.parse(rest) };
      });
    },
    /** A figure's title, which has all digits. */
    figure: (label) => page.locator('.card', { has: page.locator(`h3:text-is("${label}")`) }).locator('.card-value').getAttribute('title'),
  };
}

/** The events of the log that are numbered by a flood, in the order in which they came. */
const numbers = (rows, event) =>
  rows.filter((one) => one.arrow === '↓').flatMap((one) => one.json).filter((one) => one.event === event).map((one) => one.data.n);

for (const prefix of ['', '/monitor'])
  describe(`mounted at ${prefix}/`, () => {
    test('connects, says who the server takes us for, and shows what comes', async () => {
      const { page, connect, phase, press, row, outcome, assertQuiet, close } = await open('', { prefix });
      await connect();
      await row('connected');
      const facts = await page.textContent('.fact-list');
      assert.match(facts, /Roleadmin/);
      assert.match(facts, /Historyevents \d+ to \d+, epoch [0-9a-z]+/);
      assert.match(facts, /Limits65,536 bytes a message, 20 commands a second, 40 commands at once/);
      await emit({ event: 'hello_there', source: 'test', data: { prefix } });
      await row('hello_there');
      await press('Disconnect');
      await phase('idle');
      await outcome('Closed with 1000');
      await outcome('You disconnected.');
      assertQuiet();
      await close();
    });

    test('not signed in it says so, with a link that leads back', async () => {
      const { page, phase, press, outcome, allow, forbid, assertQuiet, close } = await open('?events=agent_*&last=5', { prefix, key: null });
      await outcome('You are not signed in');
      assertQuiet(); // nothing has gone wrong so far
      allow(NO_SOCKET);
      await press('Connect');
      await outcome('You are not signed in (401).');
      await phase('idle');
      forbid();
      await page.click('.callout a');
      await page.waitForURL('**/login?next=*');
      await page.fill('#key', belfry.adminKey);
      await page.press('#key', 'Enter');
      await page.waitForURL(`${belfry.url}${prefix}/websocket-test?events=agent_*&last=5`);
      assert.equal(await page.inputValue('[name=events]'), 'agent_*');
      await press('Connect');
      await phase('live');
      assertQuiet();
      await close();
    });

    test('Server-Sent Events: the same messages, one way, each record as it is', async () => {
      const { page, connect, row, outcome, phase, press, allow, forbid, assertQuiet, close } = await open('?way=events&events=stream*&last=3', { prefix });
      await connect();
      await row('retry:');
      await emit({ event: 'streamed', source: 'test', data: { prefix } });
      await row('streamed');
      assert.equal(await page.getByRole('button', { name: 'Subscribe', exact: true }).isDisabled(), true);
      allow(/^console: Failed to load resource: .*\/events\?[^)]*\)$/);
      await belfry.kill('belfry-pushd');
      await phase('waiting');
      await emit({ event: 'streamed_later', source: 'test', data: {} });
      belfry.startProgram('belfry-pushd');
      await phase('live');
      await outcome('Complete.');
      await row('streamed_later');
      forbid();
      await press('Disconnect');
      await phase('idle');
      assertQuiet();
      await close();
    });
  });

test('a subscription lets through what it asks for; unsubscribing ends it', async () => {
  const { page, connect, press, row, log, assertQuiet, close } = await open();
  await connect();
  await page.fill('[name=events]', 'wanted*');
  await page.selectOption('[name=min_severity]', 'warning');
  assert.equal(await page.textContent('.will-send'), '{"event":"subscribe","data":{"events":["wanted*"],"min_severity":"warning","metrics":false}}');
  await press('Subscribe');
  await row('subscribed');
  await emit([
    { event: 'wanted_one', severity: 'error', source: 'test', data: {} },
    { event: 'wanted_two', severity: 'info', source: 'test', data: {} },
    { event: 'other', severity: 'error', source: 'test', data: {} },
    { event: 'wanted_three', severity: 'critical', source: 'test', data: {} },
  ]);
  await row('wanted_three');
  assert.match(await page.textContent('.fact-list'), /Subscriptionwanted\*, from warning/);
  await press('Unsubscribe from all');
  await row('unsubscribed');
  await emit({ event: 'wanted_four', severity: 'error', source: 'test', data: {} });
  await page.getByRole('button', { name: 'Get state' }).click();
  await row('{"event":"state"');
  const names = (await log()).filter((one) => typeof one.json?.id === 'number').map((one) => one.json.event);
  assert.deepEqual(names, ['wanted_one', 'wanted_three']);
  assertQuiet();
  await close();
});

test('the interval can be set, the state asked for, a ping timed', async () => {
  const { page, connect, press, row, assertQuiet, close } = await open('?way=dashboard&events=nothing_like_this');
  await connect();
  await page.fill('[name=set_interval]', '2');
  await press('Set interval');
  await row('interval_set');
  await page.waitForSelector('.fact-list:has-text("every 2 s")');
  await press('Request refresh');
  await row('metrics_update');
  await press('Get state');
  await row('{"event":"state"');
  await press('Ping');
  await belfry.until(async () => /^\d/.test((await page.locator('.card', { hasText: 'Round trip' }).locator('.card-value span').first().textContent()) ?? ''), 'the round trip is shown');
  await page.waitForSelector('.card-note:has-text("min"):has-text("med"):has-text("p99")');
  await page.waitForSelector('.fact-list:has-text("and the fastest ping")');
  assertQuiet();
  await close();
});

test('what is sent goes out as it is: mistakes are answered, and too much ends the connection', async () => {
  const { page, connect, say, row, outcome, phase, log, assertQuiet, close } = await open('?events=nothing_like_this');
  await page.getByLabel('Come back after a loss').uncheck();
  await connect();
  for (const [text, code] of [['hello', 'bad_json'], ['{"event":"sing"}', 'unknown_event'], ['{"event":"set_interval","data":{"interval":61}}', 'bad_argument']]) {
    await say(text);
    await row(code);
  }
  await say('{"event":"ping","data":{"mine":[1,2,3]}}');
  await row('"data":{"mine":[1,2,3]}');
  await page.waitForSelector('.row.is-bad');
  await page.selectOption('[aria-label=Examples]', { label: 'more than 64 KiB (closes 1009)' });
  await page.getByRole('button', { name: 'Send as it is' }).click();
  await outcome('Closed with 1009');
  await outcome('over the limit of 64 KiB');
  await phase('idle');
  await page.fill('.log-tools input', 'note');
  const rows = await log();
  assert.ok(rows.every((one) => one.arrow === '·'), 'the filter holds for what is copied');
  assertQuiet();
  await close();
});

test('killed and back: the subscription goes on in batches, complete, each event once and in order', async () => {
  const { page, connect, press, row, phase, outcome, log, figure, allow, forbid, assertQuiet, close } = await open('?events=outage&batch=1');
  await connect();
  await press('Subscribe');
  await row('subscribed');
  await emit(flood('outage', 0, 50));
  await row(/\d+ events/);

  allow(NO_SOCKET, REFUSED_STREAM);
  await belfry.kill('belfry-pushd');
  await phase('waiting');
  await emit(flood('outage', 50, 150));
  belfry.startProgram('belfry-pushd');
  await phase('live');
  forbid();
  await outcome('nothing is missing');
  await emit(flood('outage', 150, 160));
  await belfry.until(async () => (await figure('Events')) === '160 received', 'all events are there');
  const rows = await log();
  assert.deepEqual(numbers(rows, 'outage'), Array.from({ length: 160 }, (_, n) => n));
  assert.equal(rows.filter((one) => one.json?.event === 'subscribed').length, 2, 'it asked for batches again');
  await page.waitForSelector('.card:has-text("Reconnects"):has-text("all complete, no gaps")');
  assertQuiet();
  await close();
});

test('who does not want to go on where it was is told that this is not complete', async () => {
  const { page, connect, press, phase, outcome, log, allow, forbid, assertQuiet, close } = await open('?events=forgotten');
  await page.getByLabel(/go on where it was/).uncheck();
  await connect();
  allow(NO_SOCKET, REFUSED_STREAM);
  await belfry.kill('belfry-pushd');
  await phase('waiting');
  await emit(flood('forgotten', 0, 3));
  belfry.startProgram('belfry-pushd');
  await phase('live');
  forbid();
  await outcome('Not complete');
  await emit(flood('forgotten', 3, 4));
  await belfry.until(async () => numbers(await log(), 'forgotten').length, 'the new one is there'); // the word alone is in the subscription, too
  assert.deepEqual(numbers(await log(), 'forgotten'), [3]);
  await press('Disconnect');
  assertQuiet();
  await close();
});

test('text from outside is text', async () => {
  const { page, connect, row, assertQuiet, close } = await open();
  await connect();
  const attack = `<img src=x onerror="document.title='broken'"></code><script>document.title="broken"</script>`;
  await emit({ event: 'error_occurred', source: '<b>source</b>', data: { message: attack } });
  await row('onerror');
  await page.locator('.row', { hasText: 'onerror' }).first().click();
  await page.locator('.detail-text', { hasText: '<script>document.title' }).waitFor();
  assert.equal(await page.locator('.messages img, .messages script, .messages b').count(), 0);
  assert.equal(await page.title(), 'Push test');
  assertQuiet();
  await close();
});

test('a thousand events a second: every one counted, the log bounded, the page at hand', async () => {
  const SECONDS = 4;
  const { page, connect, press, row, log, figure, assertQuiet, close } = await open('?events=flood');
  await connect();
  const began = performance.now();
  for (let i = 0; i < SECONDS * 10; i++) {
    await emit(flood('flood', i * 100, i * 100 + 100));
    const ahead = began + i * 100 - performance.now();
    if (ahead > 0) await pause(ahead); // the rate is what is tested
    if (i === SECONDS * 5) await page.fill('.log-tools input', 'flood'); // somebody works with it meanwhile
  }
  const total = SECONDS * 1000;
  await belfry.until(async () => (await figure('Events')) === `${total.toLocaleString('en')} received`, 'all of them were counted');
  await page.fill('.log-tools input', '');
  assert.match(await page.textContent('#log-count'), /^1,000 rows, [\d,]+ older ones dropped$/);
  const dropped = Number(/([\d,]+) older/.exec(await page.textContent('#log-count'))[1].replaceAll(',', ''));
  const { messages, sent } = { messages: Number((await figure('Messages')).replace(/\D/g, '')), sent: 1 };
  assert.equal(dropped + 1000, messages + sent + 1, 'received, the one ping, and the note of the connecting');
  assert.ok((await page.locator('.row').count()) < 120, 'only what is in sight is drawn');
  const rows = numbers(await log(), 'flood');
  assert.deepEqual(rows, Array.from({ length: rows.length }, (_, i) => total - rows.length + i), 'the last ones, in order');
  await press('Clear');
  await press('Ping');
  await row('pong');
  assert.match(await page.textContent('#log-count'), /^\d+ rows?$/);
  assertQuiet();
  await close();
});

test('it holds still while somebody reads, and says how much has come since', async () => {
  const { page, connect, press, row, assertQuiet, close } = await open('?events=reading');
  await connect();
  await emit(flood('reading', 0, 100));
  await row('"n":99');
  await page.focus('.log');
  await page.keyboard.press('ArrowDown');
  await page.waitForSelector('.row[aria-selected=true]');
  await page.keyboard.press('ArrowDown');
  await page.waitForSelector('.detail-text');
  const chosen = await page.textContent('.row[aria-selected=true]');
  await emit(flood('reading', 100, 110));
  await page.waitForSelector('.pill:has-text("10 new")');
  assert.equal(await page.textContent('.row[aria-selected=true]'), chosen, 'nothing moves meanwhile');
  await page.keyboard.press('End');
  await page.locator('.row[aria-selected=true]', { hasText: 'Connecting to' }).waitFor();
  await page.keyboard.press('Escape');
  await row('"n":109');
  assert.equal(await page.locator('.detail').count(), 0);
  await press('Pause');
  await emit(flood('reading', 110, 111));
  await page.waitForSelector('.pill:has-text("1 new")');
  await press('Resume');
  await row('"n":110');
  assertQuiet();
  await close();
});

test('why it does not connect is said in words', async () => {
  const { page, press, phase, outcome, allow, forbid, assertQuiet, close } = await open('?last=5000');
  allow(NO_SOCKET, REFUSED_STREAM);
  await press('Connect');
  await outcome('last must be a whole number from 0 to 1000');
  await phase('idle');
  await page.fill('[name=last]', '');
  await belfry.terminate('belfry-pushd');
  await press('Connect');
  await outcome('The proxy cannot reach the push daemon');
  await press('Check');
  await page.locator('.verdict', { hasText: 'Pushes do not come through: Server-Sent Events' }).waitFor();
  belfry.startProgram('belfry-pushd');
  await phase('live'); // by itself
  forbid();
  await press('Check again');
  await page.locator('.verdict', { hasText: 'Pushes come through.' }).waitFor();
  assertQuiet();
  await close();
});

test('a proxy that does not pass WebSocket on is found out', async () => {
  const proxy = http.createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = http.request({ host: '127.0.0.1', port: belfry.port, method, path: url, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  proxy.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    const { page, press, outcome, allow, assertQuiet, close } = await open('', { url: `http://127.0.0.1:${proxy.address().port}` });
    allow(NO_SOCKET);
    await press('Connect');
    await outcome('Server-Sent Events come through, WebSocket does not');
    await press('Check');
    await page.locator('.verdict', { hasText: 'Pushes do not come through: WebSocket is where it breaks.' }).waitFor();
    assert.equal(await page.locator('.step-up').count(), 3);
    assertQuiet();
    await close();
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test('a key that expires ends the connection, and the page says so', async () => {
  const { json } = await belfry.post('/api/keys', { name: 'short', role: 'viewer', expires_in: '5s' }, { key: belfry.adminKey });
  const { page, press, phase, outcome, allow, assertQuiet, close } = await open('', { key: json.key });
  allow(NO_SOCKET);
  await press('Connect');
  await outcome(/sign-in or the key has ended|not signed in/);
  await phase('idle');
  assert.match((await page.getAttribute('.callout a', 'href')) ?? '', /^login\?next=websocket-test/);
  assertQuiet();
  await close();
});

test('the code to copy does what the page does', async () => {
  const { page, assertQuiet, close } = await open('?events=coded&batch=1');
  await page.getByRole('button', { name: 'Copy' }).nth(0).waitFor();
  const code = async (name) => {
    await page.locator('.code').getByLabel(name, { exact: true }).check();
    return (await page.textContent('.snippet')) ?? '';
  };
  /** Posts until something is done. */
  const whilePosting = async (done) => {
    const repeat = setInterval(() => belfry.post('/api/events', { event: 'coded', source: 'test', data: {} }, { key: belfry.adminKey }).catch(() => {}), 50);
    try {
      return await done;
    } finally {
      clearInterval(repeat);
    }
  };
  const logs = async (snippet) => {
    const heard = new Promise((resolve) => page.on('console', (message) => message.text().includes('coded') && resolve(message.text())));
    await page.evaluate(snippet);
    return whilePosting(heard);
  };
  /** The first lines of what a command shows. */
  const shows = async (snippet) => {
    const env = { PATH: `${buildDir}:${process.env.PATH}` };
    const { stdout } = await whilePosting(run('bash', ['-c', `{ ${snippet}\n} | head -n 12`], { cwd: belfry.stateDir, env }));
    return stdout;
  };
  assert.match(await logs(`{${await code('JavaScript')}}`), /coded/);
  const curl = await code('curl');
  const command = await code('belfry');
  await page.locator('.connect').getByLabel('/events').check();
  assert.match(await logs(`{${await code('JavaScript')}}`), /coded/);

  const stream = await shows(curl);
  assert.match(stream, /^data: .*"event":"connected"/m);
  assert.match(stream, /^data: .*"event":"coded"/m);
  assert.match(command, /belfry tail --raw --ws --event coded --send '/);
  const raw = await shows(command);
  assert.match(raw, /^\{"event":"connected"/m);
  assert.match(raw, /^\[?\{"event":"coded"/m);
  assertQuiet();
  await close();
});

test('everything has a name, and the way to the page and back is there', async () => {
  const { page, connect, assertQuiet, close } = await open();
  await connect();
  const unnamed = await page.$$eval('button, a, input, select, textarea', (all) =>
    all.filter((one) => !(one.getAttribute('aria-label') || one.textContent?.trim() || one.closest('label')?.textContent?.trim() || document.querySelector(`label[for="${one.id}"]`))).map((one) => one.outerHTML));
  assert.deepEqual(unnamed, [], 'every control has a name');
  await page.getByRole('link', { name: 'Dashboard' }).click();
  await page.waitForSelector('.link-live');
  await page.getByRole('link', { name: 'push test' }).click();
  await page.waitForSelector('.connect form');
  assertQuiet();
  await close();
});

for (const width of [360, 768, 1280, 2560])
  test(`nothing sticks out at a width of ${width} px`, async () => {
    const { page, connect, row, assertQuiet, close } = await open('?events=wide', { viewport: { width, height: 800 } });
    await connect();
    await emit({ event: 'wide', source: 'test', data: { text: 'w'.repeat(5000) } });
    await row('wide');
    await page.locator('.row', { hasText: 'wwww' }).first().click();
    await page.waitForSelector('.detail-text');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page does not scroll sideways');
    assertQuiet();
    await close();
  });
