/*
 * The page of the alerts: what fires, who cares for it, which rules there are, what was told. It is asked for over the
 * API; the push connection says when.
 */
import { html, render } from '../vendor/htm-preact.js';
import { alerting } from './alerting.js';
import { liveFor } from './asking.js';
import { Channels } from './views/alerts/channels.js';
import { AlertHistory } from './views/alerts/history.js';
import { AlertList } from './views/alerts/list.js';
import { Rules } from './views/alerts/rules.js';
import { Silences } from './views/alerts/silences.js';
import { Footer } from './views/footer.js';
import { Header } from './views/header.js';
import { Guard } from './views/panel.js';
import { introduce, signOut } from './visit.js';

const live = liveFor(alerting);

function Page() {
  const onChanged = () => alerting.ask();
  return html`
    <${Header} page="alerts" skipTo="alerts-title" skipText="Skip to the alerts" onRetry=${() => live.reconnectNow()} onSignOut=${signOut} />
    <main class="alerts-board">
      <${AlertList} onChanged=${onChanged} />
      <div class="alerts-side">
        <${Silences} onChanged=${onChanged} />
        <${Channels} onChanged=${onChanged} />
        <${Rules} />
        <${AlertHistory} />
      </div>
    </main>
    <${Guard}><${Footer} /><//>`;
}

render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
if (await introduce()) {
  alerting.start();
  live.start();
}
