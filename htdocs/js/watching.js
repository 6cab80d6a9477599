/*
 * What the page of the services knows: every service with its uptimes and latencies, what may be done about it, and what
 * the one that is open went through.
 */
import * as api from './api.js';
import { Asking } from './asking.js';
import { setState } from './store.js';

const PAST_MOST = 20;

let open = '';

async function read() {
  const name = open;
  const [services, { available, actions }] = await Promise.all([api.services(), api.recoveryActions()]);
  setState({ watched: { services, actions, available } });
  if (!name) return;
  const [incidents, recoveries, { events }] = await Promise.all([
    api.incidents(name, PAST_MOST), api.recoveries(name, PAST_MOST), api.events({ source: `recovery:${name}`, event: 'log', limit: 5 * PAST_MOST }),
  ]);
  if (open === name) setState({ past: { name, incidents, recoveries, output: events } });
}

export const watching = new Asking({ read, relevant: /^(health_|recovery_|audit$)/, againMs: 10_000 });

/** Also asks what this service went through; '' of none. @param {string} name */
export function follow(name) {
  open = name;
  setState({ past: null });
  if (name) watching.ask();
}
