/*
 * The rules that raise alerts, and how each stands.
 */
import { html } from '../../../vendor/htm-preact.js';
import { useNow } from '../../clock.js';
import { age, moment } from '../../format.js';
import { alertIcon } from '../../icons.js';
import { useStore } from '../../store.js';
import { Panel } from '../panel.js';

export function Rules() {
  const rules = useStore((state) => state.alerting?.rules);
  const skew = useStore((state) => state.skew);
  const now = useNow() + skew;
  return html`
    <${Panel} id="rules" title="Rules" aside=${html`<p class="panel-note">${rules ? `${rules.length}` : ''}</p>`}>
      ${rules?.length
        ? html`<ul class="side-list">${rules.map(
            (rule) => html`
              <li key=${rule.name} class="side-row">
                ${alertIcon(rule.state)}
                <div>
                  <p class="side-main">${rule.name} <span class="quiet-text">${rule.state}</span></p>
                  <p class="alert-note">${rule.about}</p>
                  ${rule.error && html`<p class="alert-error">${rule.error}</p>`}
                </div>
                <span class="side-when">${rule.evaluated ? `asked ${age((now - moment(rule.evaluated)) / 1000)}` : 'not asked yet'}</span>
              </li>`,
          )}</ul>`
        : html`<p class="empty">${rules ? html`There are none. Name some under <code>alerts:</code> in <code>belfry.yaml</code>.` : '\u00a0'}</p>`}
    <//>`;
}
