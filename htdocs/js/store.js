/*
 * What the page knows. One object, replaced on every change; views pick their part of it. Events are a bounded list
 * of their own: sorted by id, newest first, each id once.
 */
import { useLayoutEffect, useState } from '../vendor/htm-preact.js';

export const EVENTS_MOST = 500;

/**
 * @typedef {object} State
 * @property {import('./types.js').Me|null} me
 * @property {import('./types.js').LinkStatus} link
 * @property {import('./types.js').Snapshot|null} snapshot
 * @property {number} snapshotAt  when it arrived
 * @property {number} skew  what the server's clock is ahead of ours, in ms
 * @property {string} version  of the server
 * @property {import('./types.js').BelfryEvent[]} events  newest first
 * @property {import('./types.js').Gap[]} gaps
 * @property {import('./types.js').Alerting|null} alerting  null: nothing has come yet
 * @property {{services: import('./types.js').WatchedService[], actions: import('./types.js').RecoveryAction[], available: boolean}|null} watched
 *   what the page of the services has asked for; null: nothing has come yet
 * @property {string} askingError  why the last asking of such a page failed; '': it did not
 * @property {{name: string, incidents: import('./types.js').Incident[], recoveries: import('./types.js').Recovery[], output: import('./types.js').BelfryEvent[]}|null} past
 *   what the service that is open went through
 * @property {boolean} filled  whether the first events (or the news that there are none) have come
 */

/** @type {State} */
let state = {
  me: null,
  link: { phase: 'connecting', since: Date.now(), retryAt: 0, attempts: 0 },
  snapshot: null,
  snapshotAt: 0,
  skew: 0,
  version: '',
  events: [],
  gaps: [],
  alerting: null,
  watched: null,
  askingError: '',
  past: null,
  filled: false,
};

/** @type {Set<() => void>} */
const listeners = new Set();

export const getState = () => state;

/** @param {Partial<State>} change */
export function setState(change) {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

/**
 * A part of the state, in a component. Renders again only when that part is another value.
 * @template T @param {(state: State) => T} pick @returns {T}
 */
export function useStore(pick) {
  const value = pick(state);
  const [, again] = useState(0);
  useLayoutEffect(() => {
    let shown = value;
    const listener = () => {
      const now = pick(state);
      if (!Object.is(now, shown)) {
        shown = now;
        again((/** @type {number} */ n) => n + 1);
      }
    };
    listeners.add(listener);
    listener();
    return () => {
      listeners.delete(listener);
    };
  }, [value]);
  return value;
}

/** Whether who is looking may act, too. */
export const useOperator = () => useStore((state) => ['operator', 'admin'].includes(state.me?.role ?? ''));

/**
 * Puts events where they belong. Known ids are left out; of more than the list holds, the newest stay.
 * @param {import('./types.js').BelfryEvent[]} list  newest first
 * @param {import('./types.js').BelfryEvent[]} more  in any order
 */
export function mergeEvents(list, more) {
  const known = new Set(list.map((event) => event.id));
  const fresh = more.filter((event) => !known.has(event.id) && known.add(event.id));
  if (!fresh.length) return list;
  fresh.sort((a, b) => b.id - a.id);
  const newest = list[0]?.id ?? 0;
  const oldestFresh = fresh[fresh.length - 1]?.id ?? 0;
  const merged = oldestFresh > newest ? fresh.concat(list) : fresh.concat(list).sort((a, b) => b.id - a.id);
  return merged.slice(0, EVENTS_MOST);
}

/** @param {import('./types.js').BelfryEvent[]} more */
export function addEvents(more) {
  const events = mergeEvents(state.events, more);
  const oldest = events.length === EVENTS_MOST ? (events[events.length - 1]?.id ?? 0) : 0;
  const gaps = state.gaps.filter((gap) => gap.to > oldest);
  if (events !== state.events || gaps.length !== state.gaps.length || !state.filled) setState({ events, gaps, filled: true });
}

/** @param {import('./types.js').Gap} gap */
export function putGap(gap) {
  const gaps = state.gaps.filter((other) => other.to < gap.from || other.from > gap.to);
  setState({ gaps: [...gaps, gap].sort((a, b) => b.to - a.to).slice(0, 20) });
}

/** @param {import('./types.js').Gap} gap */
export const dropGap = (gap) => setState({ gaps: state.gaps.filter((other) => other !== gap) });
