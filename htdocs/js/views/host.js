/*
 * The host over the last hour: four charts with one cursor. What the cursor points at is written beside the title;
 * without one, the newest values are. For those who do not see the charts there is a table of the same.
 */
import { html, useEffect, useRef, useState } from '../../vendor/htm-preact.js';
import { makeChart } from '../charts.js';
import { clockMinutes, clockTime } from '../format.js';
import { CHARTS } from '../host.js';
import { WINDOW_MS } from '../series.js';
import { Panel } from './panel.js';

const SLIDE_MS = 5_000; // the window moves on although nothing arrives

/** @param {{history: import('../host.js').HostHistory}} props */
export function HostCharts({ history }) {
  const [, again] = useState(0);
  const [index, setIndex] = useState(/** @type {{at: number|null, time: number}} */ ({ at: null, time: 0 }));
  useEffect(() => {
    const changed = () => again((/** @type {number} */ n) => n + 1);
    history.listeners.add(changed);
    const slide = setInterval(() => document.visibilityState === 'visible' && changed(), SLIDE_MS);
    return () => {
      history.listeners.delete(changed);
      clearInterval(slide);
    };
  }, [history]);

  const empty = history.loaded && CHARTS.every((kind) => history.of(kind.key).times.length === 0);
  const aside = html`<p class="panel-note">${index.at !== null ? clockTime(index.time) : 'last hour'}</p>`;
  return html`
    <${Panel} id="host" title="Host" class="host" aside=${aside}>
      ${history.failed && html`<p class="notice" role="status">The past hour could not be read (${history.failed}). It is tried again.</p>`}
      ${empty && html`<p class="notice">No measurements of this host yet. They come from <code>belfry-watchd</code>, every few seconds once it runs.</p>`}
      <div class="charts" hidden=${empty}>${CHARTS.map((kind) => html`<${Chart} key=${kind.key} kind=${kind} series=${history.of(kind.key)} cursor=${index} onCursor=${setIndex} />`)}</div>
    <//>`;
}

/**
 * @param {{kind: import('../host.js').ChartKind, series: import('../series.js').Series,
 *   cursor: {at: number|null, time: number}, onCursor: (index: {at: number|null, time: number}) => void}} props
 */
function Chart({ kind, series, cursor, onCursor }) {
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  const chart = useRef(/** @type {ReturnType<typeof makeChart>|null} */ (null));
  const columns = series.columns();

  useEffect(() => {
    if (!place.current) return undefined;
    const made = makeChart(place.current, kind, (at, time) => onCursor({ at, time }));
    chart.current = made;
    made.show(series.columns());
    return () => made.destroy();
  }, []);
  useEffect(() => chart.current?.show(columns));

  /** @param {number} line */
  const shown = (line) => {
    if (cursor.at === null) return series.summary(line).last;
    return nearest(columns, line, cursor.time);
  };
  const said = kind.lines.map((line, i) => {
    const { min, max, last } = series.summary(i);
    return `${line.name} now ${kind.write(last)}, between ${kind.write(min)} and ${kind.write(max)} in the last hour`;
  });

  return html`
    <figure class="chart">
      <figcaption class="chart-head">
        <h3>${kind.title}</h3>
        <ul class="chart-legend">
          ${kind.lines.map((line, i) => html`<li key=${line.name}><i class=${`swatch swatch${line.colour}`}></i><span class="chart-name">${line.name}</span><b>${kind.write(shown(i))}</b></li>`)}
        </ul>
      </figcaption>
      <div class="chart-place" ref=${place} role="img" aria-label=${`${kind.title}: ${said.join('; ')}`}></div>
      <${Table} kind=${kind} series=${series} />
    </figure>`;
}

/** @param {[number[], ...(number|null)[][]]} columns @param {number} line @param {number} time */
function nearest(columns, line, time) {
  const [times] = columns;
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return columns[line * 3 + 1]?.[low] ?? null;
}

/** The chart as words, in steps of ten minutes. @param {{kind: import('../host.js').ChartKind, series: import('../series.js').Series}} props */
function Table({ kind, series }) {
  const step = WINDOW_MS / 6;
  const end = Math.floor(Date.now() / 60_000) * 60_000;
  const rows = Array.from({ length: 6 }, (_, i) => end - (6 - i) * step);
  return html`
    <table class="visually-hidden">
      <caption>${kind.title} in the last hour, averages of ten minutes</caption>
      <thead><tr><th scope="col">from</th>${kind.lines.map((line) => html`<th scope="col">${line.name}</th>`)}</tr></thead>
      <tbody>
        ${rows.map((from) => html`<tr key=${from}><th scope="row">${clockMinutes(from)}</th>
          ${kind.lines.map((_, i) => html`<td>${kind.write(average(series, i, from, from + step))}</td>`)}</tr>`)}
      </tbody>
    </table>`;
}

/** @param {import('../series.js').Series} series @param {number} line @param {number} from @param {number} to */
function average(series, line, from, to) {
  let sum = 0;
  let number = 0;
  series.times.forEach((time, i) => {
    const value = time >= from && time < to ? series.rows[i]?.[line]?.avg : null;
    if (value == null) return;
    sum += value;
    number++;
  });
  return number ? sum / number : null;
}
