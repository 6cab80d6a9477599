/*
 * What the page of the alerts knows: asked for when it opens, when something is pushed that has to do with alerts, and
 * from time to time, as rules are asked without anything being pushed.
 */
import * as api from './api.js';
import { setState } from './store.js';

const SOON_MS = 250; // what is pushed together is asked about once
const AGAIN_MS = 30_000;
const HISTORY_MOST = 100;

/** What is on the timeline of the page. */
export const HISTORY_TYPES = 'alert_*,notification_*';
const RELEVANT = /^(alert_|notification_|audit$)/;

/** Alerts in the order in which they want to be looked at. @type {Record<string, number>} */
const URGENCY = { firing: 0, acknowledged: 1, silenced: 2, pending: 3, unknown: 4, ok: 5 };
/** @type {Record<string, number>} */
const GRAVITY = { critical: 0, error: 1, warning: 2, success: 3, info: 4, debug: 5 };

/** @param {import('./types.js').Alert[]} alerts */
export const sortAlerts = (alerts) =>
  [...alerts].sort(
    (a, b) =>
      (URGENCY[a.state] ?? 9) - (URGENCY[b.state] ?? 9) ||
      (GRAVITY[a.severity] ?? 9) - (GRAVITY[b.severity] ?? 9) ||
      Date.parse(b.since) - Date.parse(a.since),
  );

export class Alerting {
  constructor() {
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.asking = false;
    this.wanted = false;
  }

  start() {
    this.ask();
    setInterval(() => document.visibilityState === 'visible' && this.ask(), AGAIN_MS);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.ask());
  }

  /** @param {import('./types.js').BelfryEvent[]} events that were pushed */
  notice(events) {
    if (!events.some((event) => RELEVANT.test(event.event))) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), SOON_MS);
  }

  /** One at a time; what is wanted meanwhile is asked for behind it. */
  async ask() {
    this.wanted = true;
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      this.wanted = false;
      try {
        const [alerts, rules, silences, channels, { events }] = await Promise.all([
          api.alerts(), api.alertRules(), api.silences(), api.channels(), api.events({ event: HISTORY_TYPES, limit: HISTORY_MOST }),
        ]);
        setState({ alerting: { alerts: sortAlerts(alerts), rules, silences, channels, history: events }, alertingError: '' });
      } catch (error) {
        setState({ alertingError: error instanceof Error ? error.message : String(error) });
      }
    }
    this.asking = false;
  }
}
