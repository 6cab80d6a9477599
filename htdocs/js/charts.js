/*
 * One line chart: uPlot with our colours, a time window that ends now, bands between minimum and maximum, gaps
 * left open, and a cursor shared by all charts of the page.
 */
import uPlot from '../vendor/uplot.js';
import { clockMinutes } from './format.js';

/** @param {string} name of a custom property */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** @param {string} name @param {number} alpha */
const faint = (name, alpha) => `color-mix(in srgb, ${colour(name)} ${alpha * 100}%, transparent)`;

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

/**
 * @param {HTMLElement} place  its size is the chart's
 * @param {import('./host.js').ChartKind} kind
 * @param {() => number} windowMs  how much time it shows
 * @param {(index: number|null, time: number) => void} onCursor
 */
export function makeChart(place, kind, windowMs, onCursor) {
  /** @returns {[number, number]} */
  const windowNow = () => {
    const now = Date.now();
    return [now - windowMs(), now];
  };
  /** Whether a label there would be cut off by the chart's edge. @param {number} time */
  const nearEdge = (time) => {
    const [from, to] = windowNow();
    return Math.min(time - from, to - time) < 0.04 * (to - from);
  };
  const font = () => `${0.72 * rem()}px ${getComputedStyle(document.body).fontFamily}`;
  const single = kind.lines.length === 1;
  /** @type {uPlot.Series[]} */
  const series = [{}];
  /** @type {uPlot.Band[]} */
  const bands = [];
  kind.lines.forEach((line, i) => {
    series.push(
      { scale: 'y', stroke: () => colour(line.colour), width: 1.5, points: { show: false }, ...(single ? { fill: () => faint(line.colour, 0.1) } : {}) },
      { scale: 'y', points: { show: false }, width: 0 },
      { scale: 'y', points: { show: false }, width: 0 },
    );
    bands.push({ series: [i * 3 + 2, i * 3 + 3], fill: () => faint(line.colour, 0.22) });
  });

  const chart = new uPlot(
    {
      ms: 1,
      width: Math.max(80, place.clientWidth),
      height: Math.max(60, place.clientHeight),
      padding: [() => 0.5 * rem(), 0, 0, 0],
      legend: { show: false },
      series,
      bands,
      scales: {
        x: { time: true, range: () => windowNow() },
        y: {
          range: (_chart, _least, most) => {
            if (kind.most) return [0, kind.most];
            return [0, Math.max(kind.least ?? 1, most ?? 0) * 1.1];
          },
        },
      },
      axes: [
        {
          stroke: () => colour('--text-3'),
          grid: { show: false },
          ticks: { show: false },
          gap: 4,
          size: () => 1.5 * rem(),
          space: () => 3.4 * rem(),
          font: font(),
          values: (_chart, splits) => splits.map((time) => (nearEdge(time) ? '' : clockMinutes(time))),
        },
        {
          scale: 'y',
          stroke: () => colour('--text-3'),
          grid: { stroke: () => colour('--line-faint'), width: 1 },
          ticks: { show: false },
          gap: 6,
          size: () => 4.2 * rem(),
          space: () => 2.2 * rem(),
          font: font(),
          values: (_chart, splits) => splits.map((value) => (kind.most ? `${value} %` : kind.key === 'network' ? kind.write(value) : String(Number(value.toFixed(2))))),
        },
      ],
      cursor: {
        sync: { key: 'host' },
        drag: { x: false, y: false, setScale: false },
        y: false,
        points: {
          show: (_chart, index) => (index % 3 === 1 ? dot() : /** @type {any} */ (null)),
          fill: (_chart, index) => colour(kind.lines[(index - 1) / 3]?.colour ?? '--chart-1'),
        },
      },
      hooks: {
        setCursor: [
          (self) => {
            const index = self.cursor.left != null && self.cursor.left >= 0 ? (self.cursor.idx ?? null) : null;
            onCursor(index, index === null ? 0 : (self.data[0][index] ?? 0));
          },
        ],
      },
    },
    [[], ...series.slice(1).map(() => [])],
    place,
  );

  const resized = new ResizeObserver(() => chart.setSize({ width: Math.max(80, place.clientWidth), height: Math.max(60, place.clientHeight) }));
  resized.observe(place);
  const repaint = () => {
    for (const axis of chart.axes) axis.font = /** @type {any} */ (font());
    chart.redraw(false, true);
  };
  document.documentElement.addEventListener('themechange', repaint);

  return {
    /** @param {[number[], ...(number|null)[][]]} columns */
    show: (columns) => chart.setData(columns),
    destroy() {
      resized.disconnect();
      document.documentElement.removeEventListener('themechange', repaint);
      chart.destroy();
    },
  };
}

/** The cursor's point on a line. */
function dot() {
  const point = document.createElement('div');
  point.className = 'chart-dot';
  return point;
}
