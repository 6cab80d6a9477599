/*
 * A titled part of the page. A fault in one part shows there and leaves the others alone: nobody reloads a wall.
 */
import { html, useErrorBoundary } from '../../vendor/htm-preact.js';

/** @param {{id: string, title: string, class?: string, aside?: unknown, stale?: string, children?: unknown}} props */
export function Panel({ id, title, class: more = '', aside, children }) {
  return html`
    <section class=${`panel ${more}`} aria-labelledby=${`${id}-title`}>
      <header class="panel-head">
        <h2 id=${`${id}-title`}>${title}</h2>
        ${aside}
      </header>
      <${Guard}>${children}<//>
    </section>`;
}

/** @param {{children?: unknown}} props */
export function Guard({ children }) {
  const [error, again] = useErrorBoundary((/** @type {unknown} */ cause) => console.error(cause));
  if (!error) return children;
  return html`
    <div class="empty" role="alert">
      <p>This part could not be shown: ${String(error?.message ?? error)}</p>
      <button class="button" type="button" onClick=${again}>Try again</button>
    </div>`;
}
