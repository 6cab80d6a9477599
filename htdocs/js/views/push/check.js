/*
 * Whether pushes come through to this browser, step by step, for somebody who wants to know it now.
 */
import { html, useState } from '../../../vendor/htm-preact.js';
import { stateIcon } from '../../icons.js';
import { checkPath } from '../../push/check.js';
import { Panel } from '../panel.js';
import { signInAddress } from './bar.js';

export function Check() {
  const [steps, setSteps] = useState(/** @type {import('../../push/check.js').Step[]} */ ([]));
  const [running, setRunning] = useState(false);
  const [done, setDone] = useState(false);
  const run = async () => {
    setSteps([]);
    setDone(false);
    setRunning(true);
    await checkPath((step) => setSteps((/** @type {import('../../push/check.js').Step[]} */ known) => [...known, step]));
    setRunning(false);
    setDone(true);
  };
  const broken = steps.find((step) => step.state === 'down');
  return html`
    <${Panel} id="check" title="Does it come through?" class="check"
      aside=${html`<button class="button small" type="button" disabled=${running} onClick=${run}>${running ? 'Checking…' : steps.length ? 'Check again' : 'Check'}</button>`}>
      <div aria-live="polite">
        ${!steps.length && html`<p class="empty">From this browser through every proxy to the push daemon: the API, the sign-in, Server-Sent Events, WebSocket, compression, one after the other.</p>`}
        ${steps.length > 0 && html`<ol class="steps">${steps.map((step) => html`
          <li key=${step.key} class=${`step step-${step.state}`}>${stateIcon(step.state)}<div><b>${step.name}</b><span class="visually-hidden"> ${WORDS[step.state]}: </span><p>${step.text}</p></div></li>`)}</ol>`}
        ${done && html`<p class=${`verdict ${broken ? 'bad' : ''}`}>${broken ? `Pushes do not come through: ${broken.name} is where it breaks.` : 'Pushes come through.'}
          ${broken?.key === 'sign-in' && html` <a href=${signInAddress()}>Sign in</a>`}</p>`}
      </div>
    <//>`;
}

const WORDS = { up: 'works', degraded: 'works badly', down: 'does not work', unknown: 'is not there' };
