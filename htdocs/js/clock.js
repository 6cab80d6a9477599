/*
 * One tick a second for everything that shows how old something is. It stands still while the page is hidden.
 */
import { useEffect, useState } from '../vendor/htm-preact.js';

/** @type {Set<() => void>} */
const listeners = new Set();

setInterval(() => {
  if (document.visibilityState === 'visible') for (const listener of listeners) listener();
}, 1000);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') for (const listener of listeners) listener();
});

/** Renders the component again every second. Returns: now. */
export function useNow() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const listener = () => setNow(Date.now());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return now;
}
