/*
 * Signing in: sends the key once, over this origin only, keeps nothing, and goes on to where the visitor came from. It
 * does not ask whether somebody is signed in already: who is, does not come here, and for all others the browser would
 * report the answer as an error.
 */
import * as api from './api.js';
import { plural } from './format.js';

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (byId('form'));
const key = /** @type {HTMLInputElement} */ (byId('key'));
const reveal = /** @type {HTMLButtonElement} */ (byId('reveal'));
const submit = /** @type {HTMLButtonElement} */ (byId('submit'));
const error = byId('error');

/** Where to go on to: a page of this instance, never another site, whatever the address says. */
function target() {
  const home = new URL('dashboard', document.baseURI);
  const asked = new URLSearchParams(location.search).get('next');
  if (!asked) return home;
  try {
    const base = new URL('.', document.baseURI);
    const goal = new URL(asked, base);
    const inside = goal.origin === base.origin && goal.pathname.startsWith(base.pathname);
    return inside && goal.pathname !== new URL('login', base).pathname ? goal : home;
  } catch {
    return home;
  }
}

/** @param {string} text */
function complain(text) {
  error.textContent = text;
  key.setAttribute('aria-invalid', text ? 'true' : 'false');
}

/** @param {unknown} cause */
function explain(cause) {
  if (!(cause instanceof api.ApiError)) return String(cause);
  if (cause.status === 0) return `${cause.message} Is Belfry running?`;
  if (cause.status === 429) return `Too many attempts. Try again in ${plural(cause.retryAfter || 60, 'second')}.`;
  if (cause.status === 502 || cause.status === 503 || cause.status === 504) return 'Belfry is not ready to answer. It may be starting; try again in a moment.';
  return cause.message;
}

reveal.addEventListener('click', () => {
  const shown = key.type === 'password';
  key.type = shown ? 'text' : 'password';
  reveal.textContent = shown ? 'Hide' : 'Show';
  reveal.setAttribute('aria-pressed', String(shown));
  key.focus();
});

key.addEventListener('input', () => complain(''));

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = key.value.trim(); // pasted from a terminal it may bring a line end
  if (!text) {
    complain('Paste an API key first.');
    key.focus();
    return;
  }
  complain('');
  submit.disabled = true;
  submit.textContent = 'Signing in…';
  try {
    await api.login(text);
    key.type = 'password'; // so that password managers know it
    location.replace(target());
    return;
  } catch (cause) {
    complain(explain(cause));
    key.select();
  }
  submit.disabled = false;
  submit.textContent = 'Sign in';
});
