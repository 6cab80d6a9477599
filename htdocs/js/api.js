/*
 * The REST API as the pages use it. Addresses are relative to the page, so that a prefix needs no configuration.
 */

/** What went wrong with a request, in words for a person. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 when no answer came @param {number} [retryAfter] seconds */
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const TIMEOUT_MS = 15_000;

/**
 * @param {string} path  relative, such as `api/me`
 * @param {{method?: string, body?: unknown, query?: Record<string, string|number|undefined>}} [options]
 * @returns {Promise<any>}
 */
export async function request(path, { method = 'GET', body, query } = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined && value !== '') search.set(key, String(value));
  const address = search.size ? `${path}?${search}` : path;

  /** @type {Response} */
  let response;
  try {
    response = await fetch(address, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    const slow = cause instanceof DOMException && cause.name === 'TimeoutError';
    throw new ApiError(slow ? 'The server did not answer in time.' : 'The server cannot be reached.', 0);
  }

  const type = response.headers.get('Content-Type') ?? '';
  const answer = type.includes('json') ? await response.json().catch(() => null) : null;
  if (!response.ok) throw problem(response, answer);
  return answer;
}

/** @param {Response} response @param {any} answer */
function problem(response, answer) {
  const detail = typeof answer?.detail === 'string' ? answer.detail : typeof answer?.title === 'string' ? answer.title : '';
  const first = Array.isArray(answer?.errors) && typeof answer.errors[0]?.detail === 'string' ? answer.errors[0].detail : '';
  const text = [detail, first].filter(Boolean).join(' ') || `The server answered ${response.status}.`;
  return new ApiError(text, response.status, Number(response.headers.get('Retry-After')) || 0);
}

/**
 * Who we are, and what this instance is called. To nobody in particular too: a page that may be opened by somebody who is
 * not signed in does not begin with an error in the console.
 * @returns {Promise<import('./types.js').Me>}
 */
export const visitor = () => request('api/visitor');

/** @param {string} key */
export const login = (key) => request('api/login', { method: 'POST', body: { key } });

/** @param {string} user @param {string} password */
export const loginAsUser = (user, password) => request('api/login', { method: 'POST', body: { user, password } });

export const logout = () => request('api/logout', { method: 'POST', body: {} });

/**
 * Events, newest first.
 * @param {{after?: number, before?: number, limit?: number, q?: string, severity?: string, source?: string, event?: string}} query
 * @returns {Promise<{events: import('./types.js').BelfryEvent[], more: boolean}>}
 */
export async function events(query) {
  const answer = await request('api/events', { query: { order: 'desc', ...query } });
  return { events: Array.isArray(answer?.events) ? answer.events : [], more: answer?.next_cursor != null };
}

/**
 * A metric over time.
 * @param {string} metric
 * @param {{from: string, points: number, agg: string}} query
 * @returns {Promise<{stepMs: number, series: {labels: Record<string, string>, points: (number|null)[][]}[]}>}
 */
export async function history(metric, query) {
  const answer = await request('api/history', { query: { metric, ...query } });
  return { stepMs: 1000 * (Number(answer?.step) || 0), series: Array.isArray(answer?.series) ? answer.series : [] };
}

/** What the push daemon counts; null while it does not run. @returns {Promise<import('./types.js').PushState|null>} */
export async function pushState() {
  const answer = await request('stats');
  return typeof answer?.push === 'object' ? answer.push : null;
}

/** All pages of a list, as many as `most` rows. @param {string} path @param {string} plural @param {Record<string, string|number>} [query] @param {number} [most] */
async function all(path, plural, query = {}, most = 2000) {
  /** @type {any[]} */
  let rows = [];
  let cursor;
  do {
    const answer = await request(path, { query: { limit: 500, ...query, cursor } });
    rows = rows.concat(Array.isArray(answer?.[plural]) ? answer[plural] : []);
    cursor = answer?.next_cursor ?? undefined;
  } while (cursor && rows.length < most);
  return rows;
}

/** @returns {Promise<import('./types.js').Alert[]>} */
export const alerts = () => all('api/alerts', 'alerts');

/** @returns {Promise<import('./types.js').AlertRule[]>} */
export const alertRules = () => all('api/alert-rules', 'rules');

/** Those that are not over. @returns {Promise<import('./types.js').Silence[]>} */
export const silences = async () => (await Promise.all(['active', 'pending'].map((state) => all('api/silences', 'silences', { state })))).flat();

/** @param {string} id @param {string} comment */
export const acknowledge = (id, comment) => request(`api/alerts/${encodeURIComponent(id)}/ack`, { method: 'POST', body: comment ? { comment } : {} });

/** @param {{alert_id: string, duration: string, comment: string}} silence */
export const silence = ({ comment, ...rest }) => request('api/silences', { method: 'POST', body: comment ? { ...rest, comment } : rest });

/** @param {string} id */
export const endSilence = (id) => request(`api/silences/${encodeURIComponent(id)}`, { method: 'DELETE' });

/** @returns {Promise<import('./types.js').Channel[]>} */
export const channels = () => all('api/channels', 'channels');

/** @param {string} name */
export const testChannel = (name) => request(`api/channels/${encodeURIComponent(name)}/test`, { method: 'POST', body: {} });

/** @returns {Promise<import('./types.js').WatchedService[]>} */
export const services = async () => (await request('api/services')).services ?? [];

/** What can be done about services. @returns {Promise<{available: boolean, actions: import('./types.js').RecoveryAction[]}>} */
export const recoveryActions = () => request('api/recovery');

/** The latest of a service. @param {string} service @param {number} limit @returns {Promise<import('./types.js').Incident[]>} */
export const incidents = async (service, limit) => (await request('api/incidents', { query: { service, limit } })).incidents ?? [];

/** The latest of a service. @param {string} service @param {number} limit @returns {Promise<import('./types.js').Recovery[]>} */
export const recoveries = async (service, limit) => (await request('api/recoveries', { query: { service, limit } })).recoveries ?? [];

/** @param {string} service */
export const checkNow = (service) => request('api/health-check', { method: 'POST', body: { service } });

/** @param {string} service @param {{duration: string, comment: string}} wish  without a duration until it is resumed */
export const pause = (service, { duration, comment }) =>
  request(`api/services/${encodeURIComponent(service)}/pause`, { method: 'POST', body: { ...(duration ? { duration } : {}), ...(comment ? { comment } : {}) } });

/** @param {string} service */
export const resume = (service) => request(`api/services/${encodeURIComponent(service)}/resume`, { method: 'POST' });

/** @param {string} service @param {{action: string, reason: string, dry_run: boolean}} wish */
export const recover = (service, { reason, ...wish }) => request('api/recovery', { method: 'POST', body: { service, ...wish, ...(reason ? { reason } : {}) } });
