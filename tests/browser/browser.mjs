/*
 * A real Chromium for a test, and a watch over what goes wrong in its pages: any error in the console, any violation of
 * the CSP, any uncaught exception fails the test, unless the test has said that exactly this is to be expected.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { load } from '../deps.mjs';

const { chromium } = load('playwright-core');

/** The longest that anything may take. Generous: no test fails because a machine is slow. */
const PATIENCE_MS = 90_000;

const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const launch = () =>
  chromium.launch({
    executablePath: paths.find((path) => fs.existsSync(path)),
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
    ],
  });

/**
 * A page of its own cookies, watched.
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const trouble = [];
  const allowed = [];
  const note = (text) => allowed.some((pattern) => pattern.test(text)) || trouble.push(text);

  page.on('console', (message) => message.type() === 'error' && note(`console: ${message.text()} (${message.location().url})`));
  page.on('pageerror', (error) => note(`exception: ${error.stack}`));
  page.on('crash', () => note('the page crashed'));
  await context.exposeBinding('belfryViolation', (_source, text) => note(`CSP: ${text}`));
  await context.addInitScript(() =>
    addEventListener('securitypolicyviolation', (event) => globalThis.belfryViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)),
  );

  return {
    page,
    /** What may go wrong from now on; the text is what the console says, with the address in brackets. */
    allow: (...patterns) => allowed.push(...patterns),
    /** From now on nothing may go wrong any more. */
    forbid: () => allowed.splice(0),
    assertQuiet: () => assert.deepEqual(trouble, [], 'something went wrong in the page'),
    close: () => context.close(),
  };
}

/** The browser itself reports every answer of 401 in the console; a page that finds out whether it is signed in cannot avoid it. */
export const NOT_SIGNED_IN = /^console: Failed to load resource: the server responded with a status of 401 .*\/api\/me\)$/;
