/*
 * How fast the totals grow: a bounded trail of what the snapshots said in the last minutes.
 */
import { useRef } from '../../vendor/htm-preact.js';
import { isNumber } from '../format.js';
import { useStore } from '../store.js';

const TRAIL_MS = 300_000;
const TRAIL_MOST = 400;

/** @typedef {{time: number, events: number, executions: number}} Mark */

/** @returns {{events: number|null, executions: number|null, points: [number, number|null][]}} a minute; points of events */
export function useRates() {
  const snapshot = useStore((state) => state.snapshot);
  const at = useStore((state) => state.snapshotAt);
  const trail = useRef(/** @type {Mark[]} */ ([]));
  const marks = /** @type {Mark[]} */ (trail.current);

  const events = snapshot?.metrics?.total_events;
  const executions = snapshot?.metrics?.total_agents_executed;
  const last = marks[marks.length - 1];
  if (isNumber(events) && isNumber(executions) && (!last || at > last.time)) {
    if (last && events < last.events) marks.length = 0; // another history
    marks.push({ time: at, events, executions });
    while (marks.length > TRAIL_MOST || at - (marks[0]?.time ?? at) > TRAIL_MS) marks.shift();
  }

  const from = marks[0];
  const to = marks[marks.length - 1];
  const minutes = from && to ? (to.time - from.time) / 60_000 : 0;
  if (!from || !to || minutes < 0.05) return { events: null, executions: null, points: [] };
  /** @type {[number, number|null][]} */
  const points = marks.slice(1).map((mark, i) => {
    const before = /** @type {Mark} */ (marks[i]);
    return [mark.time, ((mark.events - before.events) / (mark.time - before.time)) * 60_000];
  });
  return { events: (to.events - from.events) / minutes, executions: (to.executions - from.executions) / minutes, points };
}
