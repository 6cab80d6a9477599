/*
 * Programs that connect as the form is set.
 */
import { html, useState } from '../../../vendor/htm-preact.js';
import { SNIPPETS } from '../../push/snippets.js';
import { CopyButton } from '../copy.js';
import { Panel } from '../panel.js';

/** @param {{form: import('../../push/form.js').Form}} props */
export function Snippets({ form }) {
  const [chosen, setChosen] = useState(/** @type {string} */ (SNIPPETS[0].key));
  const snippet = SNIPPETS.find((one) => one.key === chosen) ?? SNIPPETS[0];
  const text = snippet.make(form, document.baseURI);
  return html`
    <${Panel} id="code" title="The same in code" class="code" aside=${html`<${CopyButton} text=${text} label="Copy" class="quiet" />`}>
      <fieldset class="segments">
        <legend class="visually-hidden">Language</legend>
        ${SNIPPETS.map((one) => html`<label key=${one.key} class=${one.key === chosen ? 'is-set' : ''}><input type="radio" name="snippet" value=${one.key} checked=${one.key === chosen}
          onChange=${() => setChosen(one.key)} /><span>${one.name}</span></label>`)}
      </fieldset>
      <pre class="snippet" tabindex="0" aria-label=${`${snippet.name} code`}><code>${text}</code></pre>
    <//>`;
}
