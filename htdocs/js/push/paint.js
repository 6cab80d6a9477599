/*
 * When what arrives is drawn: in an animation frame, and not more often than eyes can follow, however fast it comes. A
 * hidden page draws nothing.
 */
import { useEffect, useState } from '../../vendor/htm-preact.js';

const APART_MS = 100;

export class Painter {
  constructor() {
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.waiting = false;
    this.paintedAt = 0;
  }

  changed() {
    if (this.waiting) return;
    this.waiting = true;
    const left = this.paintedAt + APART_MS - performance.now();
    if (left > 0) setTimeout(() => this.#frame(), left);
    else this.#frame();
  }

  #frame() {
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paintedAt = performance.now();
      for (const listener of this.listeners) listener();
    });
  }
}

/** Renders the component again when something has changed. @param {Painter} painter */
export function usePainter(painter) {
  const [, again] = useState(0);
  useEffect(() => {
    const listener = () => again((/** @type {number} */ n) => n + 1);
    painter.listeners.add(listener);
    return () => {
      painter.listeners.delete(listener);
    };
  }, [painter]);
}
