/*
 * What the page of the alerts knows. Also asked for without a push, as rules are asked without one.
 */
import * as api from './api.js';
import { Asking } from './asking.js';
import { setState } from './store.js';

const HISTORY_MOST = 100;

/** What is in the history on the page. */
const HISTORY_TYPES = 'alert_*,notification_*';

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

async function read() {
  const [alerts, rules, silences, channels, { events }] = await Promise.all([
    api.alerts(), api.alertRules(), api.silences(), api.channels(), api.events({ event: HISTORY_TYPES, limit: HISTORY_MOST }),
  ]);
  setState({ alerting: { alerts: sortAlerts(alerts), rules, silences, channels, history: events } });
}

export const alerting = new Asking({ read, relevant: /^(alert_|notification_|audit$)/, againMs: 30_000 });
