/*
 * The raw log: every message both ways, newest on top. Only the rows in sight are drawn. It holds still while somebody
 * reads in it, and says how much has come since.
 */
import { html, useEffect, useMemo, useRef, useState } from '../../../vendor/htm-preact.js';
import { bytes, clockTime, count, plural } from '../../format.js';
import { crossIcon, pauseIcon, playIcon, searchIcon } from '../../icons.js';
import { logText, prettyText, rowFilter, ROWS_MOST } from '../../push/log.js';
import { usePainter } from '../../push/paint.js';
import { CopyButton } from '../copy.js';
import { Panel } from '../panel.js';

const BEYOND = 6; // rows drawn above and below the ones in sight
const SCROLLED_PX = 8;
const DETAIL_MOST = 200_000; // characters

/**
 * @typedef {import('../../push/log.js').LogRow} LogRow
 * @typedef {{by: 'button'|'touch', rows: LogRow[], count: number}} Hold
 */

/** @param {{live: import('../../websocket-test.js').Live}} props */
export function Messages({ live: { session, painter } }) {
  usePainter(painter);
  const { log } = session;
  const [filter, setFilter] = useState('');
  const [hold, setHold] = useState(/** @type {Hold|null} */ (null));
  const [selected, setSelected] = useState(/** @type {LogRow|null} */ (null));
  const box = useRef(/** @type {HTMLElement|null} */ (null));

  const latest = useMemo(() => log.latest(), [log.version]);
  const matches = useMemo(() => rowFilter(filter), [filter]);
  const source = hold ? hold.rows : latest;
  const rows = useMemo(() => (matches ? source.filter(matches) : source), [source, matches]);
  const waiting = hold ? log.count - hold.count : 0;

  /** @param {'button'|'touch'} by */
  const holdStill = (by) =>
    setHold((/** @type {Hold|null} */ held) => (held ? (by === 'button' ? { ...held, by } : held) : { by, rows: log.latest(), count: log.count }));
  const letGo = () => {
    setHold(null);
    setSelected(null);
    if (box.current) box.current.scrollTop = 0;
  };
  const busy = () => (box.current?.scrollTop ?? 0) > SCROLLED_PX || (box.current?.contains(document.activeElement) ?? false);
  const left = () => {
    if (hold?.by === 'touch' && !selected && !busy()) setHold(null);
  };
  /** @param {LogRow|undefined} row */
  const select = (row) => {
    if (!row) return;
    holdStill('touch');
    setSelected(row);
  };
  const clear = () => {
    letGo();
    session.clearLog();
  };

  const paused = hold?.by === 'button';
  return html`
    <${Panel} id="messages" title="Messages" class="messages" aside=${html`
      <p class="panel-note" id="log-count"><span>${matches ? `${count(rows.length)} of ${count(source.length)}` : plural(source.length, 'row')}</span>${log.dropped > 0 && html`<span class="log-dropped">, ${plural(log.dropped, 'older one')} dropped</span>`}</p>`}>
      <div class="log-tools" role="search" aria-label="The log">
        <label class="filter-text">${searchIcon()}<span class="visually-hidden">Filter the messages</span>
          <input type="search" value=${filter} placeholder="Filter: words, -without, sent, received" maxlength="200" autocomplete="off" spellcheck="false"
            onInput=${(/** @type {Event} */ event) => setFilter(/** @type {HTMLInputElement} */ (event.target).value)} /></label>
        <button class="button quiet small" type="button" aria-pressed=${paused} onClick=${() => (paused ? letGo() : holdStill('button'))}>${paused ? html`${playIcon()}Resume` : html`${pauseIcon()}Pause`}</button>
        <${CopyButton} text=${() => logText(rows)} label="Copy all" class="quiet" />
        <button class="button quiet small" type="button" onClick=${clear}>Clear</button>
      </div>
      <div class=${`log-split${selected ? ' has-detail' : ''}`}>
        <div class="reading"
          onPointerMove=${(/** @type {PointerEvent} */ event) => event.pointerType !== 'touch' && rows.length && holdStill('touch')}
          onPointerLeave=${(/** @type {PointerEvent} */ event) => event.pointerType !== 'touch' && left()}>
          ${waiting > 0 && html`<button class="button pill" type="button" onClick=${letGo}>${waiting > ROWS_MOST ? `${count(ROWS_MOST)}+` : waiting} new</button>`}
          <${Rows} rows=${rows} selected=${selected} box=${box} onSelect=${select} onScrolled=${() => holdStill('touch')} onTop=${left} onEscape=${letGo} />
          ${!rows.length && html`<p class="empty log-empty">${source.length ? 'None of the messages matches.' : 'Nothing yet. What goes over the connection appears here, both ways, as it is.'}</p>`}
        </div>
        ${selected && html`<${Detail} row=${selected} onClose=${letGo} />`}
      </div>
    <//>`;
}

/**
 * A list box that draws what is in sight.
 * @param {{rows: LogRow[], selected: LogRow|null, box: {current: HTMLElement|null}, onSelect: (row: LogRow|undefined) => void,
 *   onScrolled: () => void, onTop: () => void, onEscape: () => void}} props
 */
function Rows({ rows, selected, box, onSelect, onScrolled, onTop, onEscape }) {
  const [size, setSize] = useState({ rowRem: 2, rowPx: 28, height: 400 });
  const [top, setTop] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = () => {
      const rowRem = Number(getComputedStyle(element).getPropertyValue('--row-rem')) || 2;
      setSize({ rowRem, rowPx: rowRem * parseFloat(getComputedStyle(document.documentElement).fontSize), height: element.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  const first = Math.max(0, Math.floor(top / size.rowPx) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + size.height) / size.rowPx) + BEYOND);
  const at = selected ? rows.indexOf(selected) : -1;

  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const page = Math.max(1, Math.floor(size.height / size.rowPx) - 1);
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length });
    if (event.key === 'Escape') onEscape();
    const step = steps[event.key];
    if (step === undefined || !rows.length) return;
    event.preventDefault();
    const goal = Math.min(rows.length - 1, Math.max(0, at < 0 ? (step > 0 && step < rows.length ? 0 : at + step) : at + step));
    onSelect(rows[goal]);
    const element = box.current;
    if (!element) return;
    const edge = goal * size.rowPx;
    if (edge < element.scrollTop) element.scrollTop = edge;
    else if (edge + size.rowPx > element.scrollTop + size.height) element.scrollTop = edge + size.rowPx - size.height;
  };
  const scrolled = () => {
    const now = box.current?.scrollTop ?? 0;
    setTop(now);
    if (now > SCROLLED_PX) onScrolled();
    else onTop();
  };
  return html`
    <div class="log" ref=${box} role="listbox" aria-label="Messages, newest first" tabindex="0" aria-activedescendant=${at >= 0 ? `row-${rows[at]?.n}` : undefined}
      onKeyDown=${key} onScroll=${scrolled}>
      <div class="log-rows" role="presentation" style=${{ height: `${rows.length * size.rowRem}rem` }}>
        ${rows.slice(first, last).map((row, i) => html`<${Row} key=${row.n} row=${row} place=${first + i} of=${rows.length} rowRem=${size.rowRem} selected=${row === selected} onSelect=${onSelect} />`)}
      </div>
    </div>`;
}

const ARROWS = { in: '↓', out: '↑', note: '' };
const WORDS = { in: 'received', out: 'sent', note: '' };

/** @param {{row: LogRow, place: number, of: number, rowRem: number, selected: boolean, onSelect: (row: LogRow) => void}} props */
const Row = ({ row, place, of, rowRem, selected, onSelect }) => html`
  <div class=${`row row-${row.direction}${row.bad ? ' is-bad' : ''}`} id=${`row-${row.n}`} role="option" aria-selected=${selected} aria-posinset=${place + 1} aria-setsize=${of}
    style=${{ top: `${place * rowRem}rem` }} onClick=${() => onSelect(row)}>
    <span class="row-arrow" aria-hidden="true">${ARROWS[row.direction]}</span>
    <span class="row-time">${clockTime(row.at)}<small>.${String(Math.floor(row.at) % 1000).padStart(3, '0')}</small></span>
    ${row.direction === 'note'
      ? html`<span class="row-text">${row.preview}</span>`
      : html`<span class="visually-hidden">${WORDS[row.direction]}</span>
          <span class="row-name">${row.name === 'batch' ? plural(row.events, 'event') : row.name || 'text'}</span>
          <span class="row-text">${row.preview}</span>
          <span class="row-size">${bytes(row.bytes)}</span>`}
  </div>`;

/** @param {{row: LogRow, onClose: () => void}} props */
function Detail({ row, onClose }) {
  const [pretty, setPretty] = useState(true);
  const whole = useMemo(() => (pretty && row.direction !== 'note' ? prettyText(row.text) : row.text), [row, pretty]);
  const text = whole.length > DETAIL_MOST ? `${whole.slice(0, DETAIL_MOST)}\n…` : whole;
  const title = row.direction === 'note' ? 'Note' : row.name === 'batch' ? `A batch of ${plural(row.events, 'event')}` : row.name || 'A text';
  return html`
    <div class="detail" role="region" aria-label="The chosen message">
      <div class="detail-head">
        <h3>${title}</h3>
        <p class="panel-note">${row.direction === 'note' ? '' : `${WORDS[row.direction]}, ${count(row.bytes)} bytes`}</p>
        <button class="button quiet small" type="button" aria-pressed=${pretty} onClick=${() => setPretty(!pretty)}>Pretty</button>
        <${CopyButton} text=${row.text} label="Copy" class="quiet" />
        <button class="button quiet small" type="button" aria-label="Close" title="Close (Escape)" onClick=${onClose}>${crossIcon()}</button>
      </div>
      <pre class="detail-text" tabindex="0" aria-label="The message"><code>${text}</code></pre>
    </div>`;
}
