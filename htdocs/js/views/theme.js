/*
 * The button that changes the theme: as the system has it, light, dark.
 */
import { html, useEffect, useState } from '../../vendor/htm-preact.js';
import { themeIcon } from '../icons.js';

const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);

export function Theme() {
  const [theme, setTheme] = useState(() => window.belfryTheme.get());
  useEffect(() => {
    const changed = () => setTheme(window.belfryTheme.get());
    document.documentElement.addEventListener('themechange', changed);
    return () => document.documentElement.removeEventListener('themechange', changed);
  }, []);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
  const label = `Theme: ${theme}. Change to ${next}`;
  return html`<button class="button quiet icon-button" type="button" title=${label} aria-label=${label} onClick=${() => window.belfryTheme.set(next)}>${themeIcon(theme)}</button>`;
}
