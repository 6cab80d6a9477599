/*
 * A button that puts a text into the clipboard and says whether that worked.
 */
import { html, useState } from '../../vendor/htm-preact.js';

/** @param {{text: string | (() => string), label: string, class?: string}} props  `text` may be made when it is asked for */
export function CopyButton({ text, label, class: more = '' }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    const done = await copyText(typeof text === 'string' ? text : text());
    setSaid(done ? 'Copied' : 'Copying is not allowed here');
    setTimeout(() => setSaid(''), 2000);
  };
  return html`<button class=${`button small ${more}`} type="button" onClick=${copy}><span aria-live="polite">${said || label}</span></button>`;
}

/** The clipboard API exists only in secure contexts; a monitor on a plain-HTTP intranet is none. @param {string} text */
async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // refused: try the old way
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}
