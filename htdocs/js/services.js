/*
 * The page of the services: how each is and was, and what an operator can do about it.
 */
import { html, render } from '../vendor/htm-preact.js';
import { liveFor } from './asking.js';
import { Footer } from './views/footer.js';
import { Header } from './views/header.js';
import { Guard } from './views/panel.js';
import { Table } from './views/watched/table.js';
import { introduce, signOut } from './visit.js';
import { watching } from './watching.js';

const live = liveFor(watching);

function Page() {
  return html`
    <${Header} page="services" skipTo="watched-title" skipText="Skip to the services" onRetry=${() => live.reconnectNow()} onSignOut=${signOut} />
    <main class="watched-board"><${Table} /></main>
    <${Guard}><${Footer} /><//>`;
}

render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
if (await introduce()) {
  watching.start();
  live.start();
}
