/*
 * Signing in: sends the key, or user and password, once, over this origin only, keeps nothing, and goes on to where the visitor came from. It
 * does not ask whether somebody is signed in already: who is, does not come here, and for all others the browser would
 * report the answer as an error.
 */
import * as api from './api.js';
import { plural } from './format.js';

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (byId('form'));
const key = /** @type {HTMLInputElement} */ (byId('key'));
const user = /** @type {HTMLInputElement} */ (byId('user'));
const password = /** @type {HTMLInputElement} */ (byId('password'));
const fields = [key, user, password];
const ways = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name=way]')]);
const reveals = /** @type {HTMLButtonElement[]} */ ([...form.querySelectorAll('.login-field button')]);
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

/** @param {string} text @param {HTMLInputElement[]} [wrong] */
function complain(text, wrong = []) {
  error.textContent = text;
  for (const field of fields) field.setAttribute('aria-invalid', String(wrong.includes(field)));
}

const byUser = () => ways.some((way) => way.checked && way.value === 'user');

/** Shows the fields of the way that is chosen. */
function showWay() {
  byId('by-key').hidden = byUser();
  byId('by-user').hidden = !byUser();
  byId('hint').hidden = byUser();
  complain('');
}

/** What is missing, with the field that it belongs into. @returns {[string, HTMLInputElement] | null} */
function missing() {
  if (!byUser()) return key.value.trim() ? null : ['Paste an API key first.', key];
  if (!user.value.trim()) return ['Who are you? Type the name of your user.', user];
  return password.value ? null : ['Type your password.', password];
}

/** @param {unknown} cause */
function explain(cause) {
  if (!(cause instanceof api.ApiError)) return String(cause);
  if (cause.status === 0) return `${cause.message} Is Belfry running?`;
  if (cause.status === 429) return `Too many attempts. Try again in ${plural(cause.retryAfter || 60, 'second')}.`;
  if (cause.status === 502 || cause.status === 503 || cause.status === 504) return 'Belfry is not ready to answer. It may be starting; try again in a moment.';
  return cause.message;
}

for (const reveal of reveals) {
  const field = /** @type {HTMLInputElement} */ (byId(reveal.getAttribute('aria-controls') ?? ''));
  reveal.addEventListener('click', () => {
    const shown = field.type === 'password';
    field.type = shown ? 'text' : 'password';
    reveal.textContent = shown ? 'Hide' : 'Show';
    reveal.setAttribute('aria-pressed', String(shown));
    field.focus();
  });
}
for (const field of fields) field.addEventListener('input', () => complain(''));
for (const way of ways) way.addEventListener('change', showWay);
showWay(); // a browser that comes back remembers the choice

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const wanted = missing();
  if (wanted) {
    complain(wanted[0], [wanted[1]]);
    wanted[1].focus();
    return;
  }
  complain('');
  submit.disabled = true;
  submit.textContent = 'Signing in…';
  try {
    // A key that was pasted from a terminal may bring a line end; blanks of a password are part of it.
    if (byUser()) await api.loginAsUser(user.value.trim(), password.value);
    else await api.login(key.value.trim());
    key.type = password.type = 'password'; // so that password managers know them
    location.replace(target());
    return;
  } catch (cause) {
    complain(explain(cause), byUser() ? [user, password] : [key]);
    (byUser() ? password : key).select();
  }
  submit.disabled = false;
  submit.textContent = 'Sign in';
});
