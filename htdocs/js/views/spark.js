/*
 * A line the size of a word. Purely decorative: the figures beside it say the same.
 */
import { html } from '../../vendor/htm-preact.js';

const WIDTH = 100;
const HEIGHT = 28;

/** @param {{points: [number, number|null][], colour?: string, most?: number}} props */
export function Spark({ points, colour = 'accent', most }) {
  const known = points.filter((point) => point[1] !== null);
  if (known.length < 2) return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true"></svg>`;

  const values = known.map((point) => /** @type {number} */ (point[1]));
  const low = most === undefined ? Math.min(...values) : 0;
  const high = Math.max(most ?? -Infinity, ...values);
  const start = points[0]?.[0] ?? 0;
  const end = points[points.length - 1]?.[0] ?? 1;
  /** @param {number} time */
  const x = (time) => (((time - start) / Math.max(1, end - start)) * WIDTH).toFixed(1);
  /** @param {number} value */
  const y = (value) => (high === low ? HEIGHT / 2 : 2 + (1 - (value - low) / (high - low)) * (HEIGHT - 4)).toFixed(1);

  let line = '';
  let pen = 'M';
  for (const [time, value] of points) {
    if (value === null) {
      pen = 'M';
      continue;
    }
    line += `${pen}${x(time)} ${y(value)}`;
    pen = 'L';
  }
  const [firstTime] = known[0] ?? [start];
  const [lastTime] = known[known.length - 1] ?? [end];
  const whole = known.length === points.length;
  return html`
    <svg class=${`spark spark-${colour}`} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      ${whole && html`<path class="spark-area" d=${`${line}L${x(lastTime)} ${HEIGHT}L${x(firstTime)} ${HEIGHT}Z`} />`}
      <path class="spark-line" d=${line} vector-effect="non-scaling-stroke" />
    </svg>`;
}
