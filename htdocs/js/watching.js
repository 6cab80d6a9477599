/*
 * What the page of the services knows: every service with its uptimes and latencies, what may be done about it, and of
 * those that are open what they went through. Asked for when the page opens, when something is pushed that has to do
 * with services, and from time to time.
 */
import * as api from './api.js';
import { getState, setState } from './store.js';

const SOON_MS = 250; // what is pushed together is asked about once
const AGAIN_MS = 10_000;
const PAST_MOST = 20;
const RELEVANT = /^(health_|recovery_|audit$)/;

export class Watching {
  constructor() {
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.asking = false;
    this.wanted = false;
    this.open = '';
    this.started = false;
  }

  start() {
    this.started = true;
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

  /** Also follows what this service went through; '' none. @param {string} name */
  follow(name) {
    this.open = name;
    setState({ past: null });
    if (name && this.started) this.ask();
  }

  /** One at a time; what is wanted meanwhile is asked for behind it. */
  async ask() {
    this.wanted = true;
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      this.wanted = false;
      try {
        await this.#read();
      } catch (error) {
        setState({ watchedError: error instanceof Error ? error.message : String(error) });
      }
    }
    this.asking = false;
  }

  async #read() {
    const name = this.open;
    const [services, { available, actions }] = await Promise.all([api.services(), api.recoveryActions()]);
    setState({ watched: { services, actions, available }, watchedError: '' });
    if (!name) return;
    const [incidents, recoveries, events] = await Promise.all([
      api.incidents(name, PAST_MOST), api.recoveries(name, PAST_MOST), api.events({ source: `recovery:${name}`, event: 'log', limit: 5 * PAST_MOST }),
    ]);
    if (this.open === name) setState({ past: { name, incidents, recoveries, output: events.events } });
    else if (getState().past?.name !== this.open) this.wanted = true;
  }
}
