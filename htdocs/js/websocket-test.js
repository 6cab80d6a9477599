/*
 * The push test: puts the parts together. The session does the talking, the views show it; the form lives in the page's
 * address, so that it survives a reload and can be sent to somebody.
 */
import { html, render, useEffect, useState } from '../vendor/htm-preact.js';
import * as api from './api.js';
import { fromQuery, toQuery } from './push/form.js';
import { Painter } from './push/paint.js';
import { Session } from './push/session.js';
import { Guard } from './views/panel.js';
import { Bar } from './views/push/bar.js';
import { Check } from './views/push/check.js';
import { Commands } from './views/push/commands.js';
import { Connect } from './views/push/connect.js';
import { Facts } from './views/push/facts.js';
import { Figures } from './views/push/figures.js';
import { Messages } from './views/push/messages.js';
import { Snippets } from './views/push/snippets.js';

/** @typedef {{session: Session, painter: Painter}} Live */

const painter = new Painter();
const session = new Session(() => painter.changed());
const live = { session, painter };

function Page() {
  const [form, setForm] = useState(() => fromQuery(location.search));
  const [me, setMe] = useState(/** @type {import('./types.js').Me|null} */ (null));
  useEffect(() => {
    api.visitor().then(setMe, () => {}); // whoever connects is told what is wrong
  }, []);

  /** @param {Partial<import('./push/form.js').Form>} change */
  const change = (change) => {
    const next = { ...form, ...change };
    setForm(next);
    const query = toQuery(next).toString();
    history.replaceState(null, '', new URL(`${location.pathname}${query && `?${query}`}`, location.href));
  };

  return html`
    <${Bar} live=${live} me=${me} />
    <main class="bench">
      <div class="bench-side">
        <${Connect} live=${live} form=${form} me=${me} onChange=${change} />
        <${Check} />
        <${Commands} live=${live} form=${form} onChange=${change} />
      </div>
      <div class="bench-main">
        <${Guard}><${Figures} live=${live} /><//>
        <${Messages} live=${live} />
        <div class="bench-pair">
          <${Facts} live=${live} />
          <${Snippets} form=${form} />
        </div>
      </div>
    </main>`;
}

render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
