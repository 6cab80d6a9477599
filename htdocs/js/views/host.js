/*
 * The host over the last hour: four charts with one cursor. What the cursor points at is written beside the title;
 * without one, the newest values are. For those who do not see the charts there is a table of the same.
 */
import { html, useEffect, useMemo, useRef, useState } from '../../vendor/htm-preact.js';
import { makeChart } from '../charts.js';
import { clockMinutes, clockTime, plural } from '../format.js';
import { CHARTS } from '../host.js';
import { useStore } from '../store.js';
import { Panel } from './panel.js';

const SLIDE_MS = 5_000; // the window moves on although nothing arrives

/** @param {{history: import('../host.js').HostHistory}} props */
export function HostCharts({ history }) {
  const [drawing, again] = useState(0); // counts what has to be drawn anew; the cursor has not
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
  const asOf = useStore((state) => (state.link.phase === 'live' ? 0 : state.snapshotAt));
  const minutes = history.windowMs() / 60_000;
  const window = minutes === 60 ? 'last hour' : `last ${plural(minutes, 'minute')}`;
  const aside = html`<p class="panel-note">${index.at !== null ? clockTime(index.time) : asOf ? `as of ${clockTime(asOf)}` : window}</p>`;
  return html`
    <${Panel} id="host" title="Host" class=${`host${asOf ? ' is-old' : ''}`} aside=${aside}>
      ${history.failed && html`<p class="notice" role="status">The past hour could not be read (${history.failed}). It is tried again.</p>`}
      ${empty && html`<p class="notice">No measurements of this host yet. They come from <code>belfry-watchd</code>, every few seconds once it runs.</p>`}
      <div class="charts" hidden=${empty}>${CHARTS.map((kind) => html`<${Chart} key=${kind.key} kind=${kind} history=${history} drawing=${drawing} cursor=${index} onCursor=${setIndex} />`)}</div>
    <//>`;
}

/**
 * @param {{kind: import('../host.js').ChartKind, history: import('../host.js').HostHistory,
 *   drawing: number, cursor: {at: number|null, time: number}, onCursor: (index: {at: number|null, time: number}) => void}} props
 */
function Chart({ kind, history, drawing, cursor, onCursor }) {
  const series = history.of(kind.key);
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  const chart = useRef(/** @type {ReturnType<typeof makeChart>|null} */ (null));
  const columns = useMemo(() => series.columns(), [drawing]);

  useEffect(() => {
    if (!place.current) return undefined;
    const made = makeChart(place.current, kind, () => history.windowMs(), (at, time) => onCursor({ at, time }));
    chart.current = made;
    made.show(series.columns());
    return () => made.destroy();
  }, []);
  useEffect(() => chart.current?.show(columns), [columns]);

  /** @param {number} line */
  const shown = (line) => {
    if (cursor.at === null) return series.summary(line).last;
    return nearest(columns, line, cursor.time);
  };
  const said = kind.lines.map((line, i) => {
    const { min, max, last } = series.summary(i);
    return `${line.name} now ${kind.write(last)}, between ${kind.write(min)} and ${kind.write(max)} since ${clockMinutes(series.times[0] ?? NaN)}`;
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
      <${Table} kind=${kind} series=${series} windowMs=${history.windowMs()} />
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

/** The chart as words. @param {{kind: import('../host.js').ChartKind, series: import('../series.js').Series, windowMs: number}} props */
function Table({ kind, series, windowMs }) {
  const step = Math.max(60_000, windowMs / 6);
  const end = Math.floor(Date.now() / 60_000) * 60_000;
  const number = Math.floor(windowMs / step);
  const rows = Array.from({ length: number }, (_, i) => end - (number - i) * step);
  return html`
    <table class="visually-hidden">
      <caption>${kind.title}, averages of ${plural(step / 60_000, 'minute')}</caption>
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
