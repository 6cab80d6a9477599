/*
 * One word for everything: what the dot in the header says. A fault of the monitor is not a fault of what it watches,
 * and what is not known is not called down.
 */
import { plural } from './format.js';

const WORST_FIRST = ['down', 'degraded', 'unknown', 'up', 'paused'];

/**
 * @param {import('./types.js').Snapshot|null} snapshot
 * @returns {{status: 'up'|'degraded'|'down'|'unknown', text: string}}
 */
export function overall(snapshot) {
  if (!snapshot) return { status: 'unknown', text: 'Not known yet' };
  const services = snapshot.services ?? [];
  const of = (/** @type {string} */ status) => services.filter((service) => service.status === status);
  const down = of('down');
  const degraded = of('degraded');
  const unknown = of('unknown');
  const stopped = (snapshot.daemons ?? []).filter((daemon) => daemon.status === 'down');

  if (down.length) return { status: 'down', text: down.length === 1 ? `${down[0]?.name} is down` : `${down.length} services are down` };
  if (degraded.length) return { status: 'degraded', text: degraded.length === 1 ? `${degraded[0]?.name} is degraded` : `${degraded.length} services are degraded` };
  if (stopped.length) return { status: 'degraded', text: `${stopped.map((daemon) => daemon.name).join(', ')} not running` };
  if (unknown.length) return { status: 'unknown', text: `${plural(unknown.length, 'service')} not known` };
  if (!services.length) return { status: 'unknown', text: 'No services watched' };
  return { status: 'up', text: 'All services up' };
}

/** Bad ones first, then by name. @param {import('./types.js').Service[]} services */
export const sortServices = (services) =>
  [...services].sort((a, b) => WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status) || a.name.localeCompare(b.name));
