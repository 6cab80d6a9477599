/*
 * Belfry about itself: its daemons, its version, who else is looking.
 */
import { html } from '../../vendor/htm-preact.js';
import { fullTime, moment } from '../format.js';
import { stateIcon } from '../icons.js';
import { useStore } from '../store.js';
import { Clients } from './clients.js';

const SKEW_WORTH_SAYING_MS = 5_000;

export function Footer() {
  const daemons = useStore((state) => state.snapshot?.daemons);
  const version = useStore((state) => state.version || state.me?.version || '');
  const skew = useStore((state) => state.skew);
  const live = useStore((state) => state.link.phase === 'live');
  return html`
    <footer class="foot">
      <span>Belfry ${version}</span>
      <ul class="foot-daemons" aria-label="Belfry's own programs">
        ${(daemons ?? []).map((daemon) => {
          const status = live ? daemon.status : 'unknown';
          return html`<li key=${daemon.name} title=${`${daemon.name} ${daemon.version}, ${status}${daemon.started ? `, started ${fullTime(moment(daemon.started))}` : ''}`}>
            ${stateIcon(status)}<span>${daemon.name.replace(/^belfry-/, '')}</span><span class="visually-hidden">${status}</span></li>`;
        })}
      </ul>
      <${Clients} />
      ${Math.abs(skew) > SKEW_WORTH_SAYING_MS && html`<span class="foot-skew">The server's clock is ${Math.abs(Math.round(skew / 1000))} s ${skew > 0 ? 'ahead of' : 'behind'} this one</span>`}
      <span class="foot-space"></span>
      <a href="websocket-test">push test</a>
      <a href="health">health</a>
      <a href="stats">stats</a>
    </footer>`;
}
