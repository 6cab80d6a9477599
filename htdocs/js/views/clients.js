/*
 * How many look on, and, when asked, what the push daemon says about itself. Nothing is fetched while it is closed: most
 * days nobody needs it.
 */
import { html, useEffect, useRef, useState } from '../../vendor/htm-preact.js';
import * as api from '../api.js';
import { isNumber, plural } from '../format.js';
import { pushInWords } from '../push_state.js';
import { useStore } from '../store.js';

const AGAIN_MS = 3_000;
const RATE_OVER_MS = 5_000;

export function Clients() {
  const clients = useStore((state) => state.snapshot?.connected_clients);
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => {
    if (!open) return undefined;
    /** @param {Event} event */
    const elsewhere = (event) => {
      const outside = event instanceof KeyboardEvent ? event.key === 'Escape' : !box.current?.contains(/** @type {Node} */ (event.target));
      if (outside) setOpen(false);
    };
    addEventListener('pointerdown', elsewhere);
    addEventListener('keydown', elsewhere);
    return () => {
      removeEventListener('pointerdown', elsewhere);
      removeEventListener('keydown', elsewhere);
    };
  }, [open]);
  if (!isNumber(clients)) return null;
  return html`
    <div class="clients" ref=${box}>
      <button class="clients-count" type="button" aria-expanded=${open} aria-controls=${open ? 'clients-more' : undefined} onClick=${() => setOpen(!open)}>${plural(clients, 'connected client')}</button>
      ${open && html`<div class="clients-more" id="clients-more" role="region" aria-label="Push"><${Counters} /></div>`}
    </div>`;
}

function Counters() {
  const [known, setKnown] = useState(/** @type {{push: import('../types.js').PushState|null, at: number}|null} */ (null));
  const [error, setError] = useState('');
  useEffect(() => {
    let gone = false;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    const read = async () => {
      try {
        const push = await api.pushState();
        if (!gone) setKnown({ push, at: Date.now() });
        if (!gone) setError('');
      } catch (cause) {
        if (!gone) setError(cause instanceof Error ? cause.message : String(cause));
      }
      if (!gone) timer = setTimeout(read, AGAIN_MS);
    };
    read();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);
  const rate = useDeliveries(known?.push?.deliveries, known?.at ?? 0);
  return html`
    ${error && html`<p role="alert">${error}</p>`}
    ${!known && !error && html`<p>Asking…</p>`}
    ${known && !known.push && html`<p>The push daemon is not running.</p>`}
    ${known?.push && html`<dl>${pushInWords(known.push, rate).map(({ name, text, tone }) => html`<dt key=${name}>${name}</dt><dd class=${tone ? `tone-${tone}` : ''}>${text}</dd>`)}</dl>`}
    <p>Since the push daemon started. <a href="websocket-test">Try it out</a></p>`;
}

/** How fast a total grows, over some seconds. @param {unknown} total @param {number} at @returns {number|null} a second */
function useDeliveries(total, at) {
  const marks = /** @type {{at: number, total: number}[]} */ (useRef(/** @type {{at: number, total: number}[]} */ ([])).current);
  if (!isNumber(total)) return null;
  const last = marks[marks.length - 1];
  if (last && total < last.total) marks.length = 0; // it was restarted
  if (!last || at > last.at) marks.push({ at, total });
  while (marks.length > 2 && at - (marks[1]?.at ?? at) >= RATE_OVER_MS) marks.shift();
  const first = marks[0];
  return first && at > first.at ? ((total - first.total) * 1000) / (at - first.at) : null;
}
