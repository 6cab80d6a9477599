/*
 * Who is looking: asks until it is known, leads to the sign-in and back, and keeps a page from staying that of an old
 * version for months.
 */
import * as api from './api.js';
import { getState, setState } from './store.js';

const ME_RETRY_MS = 5_000;
const SESSION_AGAIN_MS = 3_600_000;
const UNTOUCHED_MS = 60_000;

export function goToLogin() {
  const here = (location.pathname.split('/').pop() || 'dashboard') + location.search + location.hash;
  location.replace(new URL(`login?next=${encodeURIComponent(here)}`, document.baseURI));
}

/** @returns {Promise<'ok'|'signed_out'|'unreachable'>} */
export async function checkSession() {
  try {
    const me = await api.visitor();
    if (me.role === 'none') return 'signed_out';
    setState({ me });
    return 'ok';
  } catch (error) {
    return error instanceof api.ApiError && error.status === 401 ? 'signed_out' : 'unreachable';
  }
}

/** Asks until it is known, and again from time to time: that extends a sign-in. Returns: whether somebody may look. */
export async function introduce() {
  const answer = await checkSession();
  if (answer === 'signed_out') goToLogin();
  if (answer === 'unreachable') setTimeout(introduce, ME_RETRY_MS);
  if (answer === 'ok') setInterval(async () => (await checkSession()) === 'signed_out' && goToLogin(), SESSION_AGAIN_MS);
  return answer !== 'signed_out';
}

export async function signOut() {
  await api.logout().catch(() => {}); // the login page tells what is so
  location.assign('login');
}

let touchedAt = 0;
for (const kind of ['pointermove', 'keydown', 'touchstart', 'wheel']) addEventListener(kind, () => (touchedAt = Date.now()), { passive: true });

/** A page that stays open for months must not stay the page of an old version. @param {string} version */
export function followVersion(version) {
  const before = getState().version;
  setState({ version });
  if (!before || !version || before === version) return;
  setInterval(() => Date.now() - touchedAt > UNTOUCHED_MS && location.reload(), 5_000);
}
