/*
 * What a client may say: each command with what it needs, and a box whose text is sent as it is.
 */
import { html, useEffect, useState } from '../../../vendor/htm-preact.js';
import { subscription } from '../../push/form.js';
import { usePainter } from '../../push/paint.js';
import { Panel } from '../panel.js';

const PING_EVERY_MS = 1_000;

/** Texts to try; the last ones show how the server says no. @type {[string, () => string][]} */
const EXAMPLES = [
  ['subscribe to errors', () => '{"event":"subscribe","data":{"events":["*"],"min_severity":"error"}}'],
  ['the last 10 events again', () => '{"event":"subscribe","data":{"last":10}}'],
  ['unsubscribe from log', () => '{"event":"unsubscribe","data":{"events":["log"]}}'],
  ['ping with data', () => '{"event":"ping","data":{"hello":"world"}}'],
  ['not JSON', () => 'hello'],
  ['an unknown command', () => '{"event":"sing"}'],
  ['a bad argument', () => '{"event":"set_interval","data":{"interval":61}}'],
  ['more than 64 KiB (closes 1009)', () => `{"event":"ping","data":"${'x'.repeat(65_536)}"}`],
];

/**
 * @typedef {import('../../push/form.js').Form} Form
 * @param {{live: import('../../websocket-test.js').Live, form: Form, onChange: (change: Partial<Form>) => void}} props
 */
export function Commands({ live, form, onChange }) {
  const { session, painter } = live;
  usePainter(painter);
  const [seconds, setSeconds] = useState('5');
  const [raw, setRaw] = useState('');
  const [pinging, setPinging] = useState(false);
  const ready = session.phase === 'live' && session.websocket;
  const subscribe = { event: 'subscribe', data: subscription(form) };
  useEffect(() => {
    if (!pinging || !ready) return undefined;
    const timer = setInterval(() => session.ping(), PING_EVERY_MS);
    return () => clearInterval(timer);
  }, [pinging, ready]);

  /** @param {Event} event */
  const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;
  const note = ready ? '' : session.phase === 'live' ? 'this stream goes one way' : form.way === 'events' ? 'not over Server-Sent Events' : 'when connected';
  return html`
    <${Panel} id="commands" title="Commands" class="commands" aside=${html`<p class="panel-note">${note}</p>`}>
      <div class="command">
        <div class="switches">
          <label class="switch"><input type="checkbox" name="metrics" checked=${form.metrics} onChange=${() => onChange({ metrics: !form.metrics })} />with metrics</label>
          <label class="switch"><input type="checkbox" name="batch" checked=${form.batch} onChange=${() => onChange({ batch: !form.batch })} />in batches</label>
        </div>
        <pre class="will-send" tabindex="0" aria-label="What Subscribe sends"><code>${JSON.stringify(subscribe)}</code></pre>
        <p class="hint">With the filters above; it takes the place of the present subscription. Without events it means all, log lines too.</p>
        <div class="actions">
          <button class="button" type="button" disabled=${!ready} onClick=${() => session.command('subscribe', subscribe.data)}>Subscribe</button>
          <button class="button quiet" type="button" disabled=${!ready} onClick=${() => session.command('unsubscribe')}>Unsubscribe from all</button>
        </div>
      </div>
      <form class="command command-row" onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        session.command('set_interval', { interval: Number(seconds) });
      }}>
        <label class="inline-field">Metrics every <input name="set_interval" type="number" min="1" max="60" step="1" required value=${seconds} onInput=${(/** @type {Event} */ event) => setSeconds(valueOf(event))} /> s</label>
        <button class="button" type="submit" disabled=${!ready}>Set interval</button>
      </form>
      <div class="command command-row">
        <button class="button" type="button" disabled=${!ready} onClick=${() => session.command('get_state')}>Get state</button>
        <button class="button" type="button" disabled=${!ready} onClick=${() => session.command('request_refresh')}>Request refresh</button>
        <button class="button" type="button" disabled=${!ready} onClick=${() => session.ping()}>Ping</button>
        <label class="switch"><input type="checkbox" checked=${pinging} onChange=${() => setPinging(!pinging)} />each second</label>
      </div>
      <form class="command" onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        session.send(raw);
      }}>
        <div class="raw-head">
          <label for="raw">Any text</label>
          <select class="examples" aria-label="Examples" value="" onChange=${(/** @type {Event} */ event) => {
            const example = EXAMPLES[Number(valueOf(event))];
            if (example) setRaw(example[1]());
            /** @type {HTMLSelectElement} */ (event.target).value = '';
          }}>
            <option value="">Examples…</option>
            ${EXAMPLES.map(([name], i) => html`<option key=${name} value=${i}>${name}</option>`)}
          </select>
        </div>
        <textarea id="raw" name="raw" rows="3" spellcheck="false" autocapitalize="off" placeholder='{"event":"get_state"}' value=${raw} onInput=${(/** @type {Event} */ event) => setRaw(valueOf(event))}></textarea>
        <div class="actions"><button class="button" type="submit" disabled=${!ready}>Send as it is</button></div>
      </form>
    <//>`;
}
