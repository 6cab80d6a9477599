/*
 * The stream: what happened, newest on top. It holds still while somebody reads in it, says how much has come since,
 * and lets go by itself when nobody touches it any more, so that a forgotten pointer does not stop a wall.
 */
import { html, useEffect, useMemo, useRef, useState } from '../../vendor/htm-preact.js';
import { describeText, isRoutine } from '../describe.js';
import { clockTime, dayKey, dayName, moment, plural } from '../format.js';
import { pauseIcon, playIcon, searchIcon } from '../icons.js';
import { searchOlder } from '../search.js';
import { EVENTS_MOST, getState, useStore } from '../store.js';
import { CopyButton } from './copy.js';
import { EventRow } from './event.js';
import { Panel } from './panel.js';

const ROWS_MOST = 200;
const FOLD_FROM = 4; // so many routine lines in a row become one and a button
const OLDER_PAGE = 100;
const OLDER_MOST = 300;
const SCROLLED_PX = 24;
const LET_GO_MS = 60_000; // of a pointer or focus that rests
const LET_GO_SCROLLED_MS = 300_000;
const NOT_LOG = '-log'; // the choice of every type but log lines, which are many
const SEVERITIES = ['debug', 'info', 'success', 'warning', 'error', 'critical'];

/**
 * @typedef {import('../types.js').BelfryEvent} BelfryEvent
 * @typedef {{text: string, severity: string, type: string, source: string}} Filter
 * @typedef {{by: 'button'|'touch', frozen: BelfryEvent[], head: number, since: number}} Hold
 */

/** @param {string} choice  a name, or a name with `+` for "and worse". @returns {string[]} */
const severities = (choice) => (choice.endsWith('+') ? SEVERITIES.slice(SEVERITIES.indexOf(choice.slice(0, -1))) : choice ? [choice] : []);

/** @type {WeakMap<BelfryEvent, string>} */
const haystacks = new WeakMap();
/** @param {BelfryEvent} event */
function haystack(event) {
  let text = haystacks.get(event);
  if (text === undefined) {
    text = `${event.event} ${event.source} ${describeText(event)} ${JSON.stringify(event.data)}`.slice(0, 20_000).toLowerCase();
    haystacks.set(event, text);
  }
  return text;
}

/** @param {Filter} filter @returns {(event: BelfryEvent) => boolean} */
function matcher(filter) {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = severities(filter.severity);
  return (event) =>
    (!wanted.length || wanted.includes(event.severity)) &&
    (!filter.type || (filter.type === NOT_LOG ? event.event !== 'log' : event.event === filter.type)) &&
    (!filter.source || event.source === filter.source) &&
    words.every((word) => haystack(event).includes(word));
}

/** The filter lives in the address, so that it survives a reload and can be sent to somebody. @returns {Filter} */
function filterFromAddress() {
  const query = new URLSearchParams(location.search);
  const severity = query.get('severity') ?? '';
  return {
    text: query.get('q') ?? '',
    severity: SEVERITIES.includes(severity.replace(/\+$/, '')) ? severity : '',
    type: query.get('event') ?? '',
    source: query.get('source') ?? '',
  };
}

/** @param {Filter} filter */
function filterToAddress(filter) {
  const address = new URL(location.href);
  for (const [name, value] of [['q', filter.text], ['severity', filter.severity], ['event', filter.type], ['source', filter.source]]) {
    if (value) address.searchParams.set(/** @type {string} */ (name), value);
    else address.searchParams.delete(/** @type {string} */ (name));
  }
  if (address.href !== location.href) history.replaceState(null, '', address);
}

/** @param {{onFetchGap: (gap: import('../types.js').Gap) => void}} props */
export function Events({ onFetchGap }) {
  const events = useStore((state) => state.events);
  const gaps = useStore((state) => state.gaps);
  const filled = useStore((state) => state.filled);
  const [filter, setFilter] = useState(filterFromAddress);
  const [hold, setHold] = useState(/** @type {Hold|null} */ (null));
  const [open, setOpen] = useState(/** @type {number} */ (0));
  const [unfolded, setUnfolded] = useState(/** @type {number} */ (0));
  const [older, setOlder] = useState(/** @type {{list: BelfryEvent[], state: ''|'loading'|'end', error: string}} */ ({ list: [], state: '', error: '' }));
  const list = useRef(/** @type {HTMLElement|null} */ (null)); // what scrolls
  const touched = useRef(0);
  const firstHead = useRef(0);
  if (!firstHead.current && filled) firstHead.current = events[0]?.id || 1;

  const matches = useMemo(() => matcher(filter), [filter]);
  const source = hold ? hold.frozen : events;
  const matching = useMemo(() => source.filter(matches), [source, matches]);
  const shown = matching.slice(0, ROWS_MOST);
  const filtering = Boolean(filter.text || filter.severity || filter.type || filter.source);
  const waiting = hold ? events.filter((event) => event.id > hold.head && matches(event)).length : 0;

  const noOlder = () => setOlder({ list: [], state: '', error: '' });
  /** @param {Partial<Filter>} change */
  const change = (change) => {
    const next = { ...filter, ...change };
    setFilter(next);
    filterToAddress(next);
    noOlder();
  };
  // Rows keep the callbacks of when they were drawn: these must not look at what was so then.
  /** @param {'button'|'touch'} by */
  const holdStill = (by) => {
    touched.current = Date.now();
    setHold((/** @type {Hold|null} */ held) => {
      if (held && !(held.by === 'touch' && by === 'button')) return held;
      const now = getState().events;
      return { by, frozen: held?.frozen ?? now, head: held?.head ?? now[0]?.id ?? 0, since: Date.now() };
    });
  };
  const letGo = () => {
    setHold(null);
    noOlder();
    if (list.current) list.current.scrollTop = 0;
  };
  const scrolled = () => (list.current?.scrollTop ?? 0) > SCROLLED_PX;
  const left = () => {
    if (hold?.by === 'touch' && !scrolled() && !list.current?.contains(document.activeElement)) letGo();
  };

  /** @param {BelfryEvent} event */
  const toggle = (event) => {
    setOpen((/** @type {number} */ id) => (id === event.id ? 0 : event.id));
    holdStill('touch'); // on a touch screen nothing hovers and little is focused
  };

  useEffect(() => {
    if (hold?.by !== 'touch') return undefined;
    const timer = setInterval(() => {
      if (Date.now() - touched.current > (scrolled() ? LET_GO_SCROLLED_MS : LET_GO_MS)) letGo();
    }, 1000);
    return () => clearInterval(timer);
  }, [hold]);

  const lookBack = async () => {
    const last = older.list[older.list.length - 1] ?? shown[shown.length - 1] ?? source[source.length - 1];
    holdStill('touch');
    setOlder({ ...older, state: 'loading', error: '' });
    try {
      const found = await searchOlder({
        text: filter.text,
        before: last?.id ?? 0,
        limit: OLDER_PAGE,
        severity: severities(filter.severity).join(','),
        event: filter.type === NOT_LOG ? '' : filter.type,
        source: filter.source,
      });
      const fitting = filter.type === NOT_LOG ? found.events.filter((event) => event.event !== 'log') : found.events;
      const all = [...older.list, ...fitting].slice(0, OLDER_MOST);
      setOlder({ list: all, state: found.more && all.length < OLDER_MOST ? '' : 'end', error: '' });
    } catch (error) {
      setOlder({ ...older, state: '', error: error instanceof Error ? error.message : String(error) });
    }
  };

  const rows = [...shown, ...older.list];
  return html`
    <${Panel} id="events" title="Events" class="events" aside=${html`
      <p class="panel-note">${hold?.by === 'button' ? `paused at ${clockTime(hold.since)}` : hold ? 'holding still' : filtering ? `${plural(matching.length, 'match', 'matches')}` : ''}</p>
      <button class="button quiet small" type="button" aria-pressed=${hold?.by === 'button'} onClick=${() => (hold?.by === 'button' ? letGo() : holdStill('button'))}>
        ${hold?.by === 'button' ? html`${playIcon()}Resume` : html`${pauseIcon()}Pause`}</button>`}>
      <${Filters} filter=${filter} events=${events} onChange=${change} />
      <div class="reading"
        onPointerMove=${(/** @type {PointerEvent} */ event) => event.pointerType !== 'touch' && shown.length && holdStill('touch')}
        onPointerLeave=${(/** @type {PointerEvent} */ event) => event.pointerType !== 'touch' && left()}
        onFocusIn=${() => holdStill('touch')} onFocusOut=${() => setTimeout(left)} onKeyDown=${() => holdStill('touch')}>
        ${waiting > 0 && html`<button class="button pill" type="button" onClick=${letGo}>${waiting >= EVENTS_MOST ? `${EVENTS_MOST}+` : waiting} new</button>`}
        <div class="stream" ref=${list} onScroll=${() => (scrolled() ? holdStill('touch') : left())}>
          ${rows.length > 0 && html`<ol class="event-list" aria-label="Events, newest first">
            ${withMarks(filtering ? rows : fold(rows, unfolded), filtering ? [] : gaps, onFetchGap, {
              event: (event) => html`<${EventRow} key=${event.id} event=${event} open=${open === event.id} fresh=${event.id > firstHead.current}
                onToggle=${() => toggle(event)} />`,
              fold: (one) => html`<li class="event-fold" key=${`fold-${one.last}`}><button class="button quiet small" type="button" aria-expanded=${unfolded === one.last}
                onClick=${() => setUnfolded(unfolded === one.last ? 0 : one.last)}>${unfolded === one.last ? 'hide' : 'and'} ${plural(one.count, 'more request', 'more requests')} that went well</button></li>`,
            })}
          </ol>`}
          ${!filled && html`<p class="empty">Waiting for the first events…</p>`}
          ${filled && events.length === 0 && html`<${FirstEvent} />`}
          ${filled && events.length > 0 && rows.length === 0 && html`<p class="empty">None of the latest ${plural(events.length, 'event')} matches.</p>`}
          ${filled && events.length > 0 && html`<div class="stream-end">
            ${older.error && html`<p class="notice" role="alert">${older.error}</p>`}
            ${older.state === 'end'
              ? html`<p class="panel-note">${older.list.length >= OLDER_MOST ? 'More than fits here: narrow the search.' : 'Nothing older.'}</p>`
              : html`<button class="button quiet" type="button" disabled=${older.state === 'loading'} onClick=${lookBack}>${filtering ? html`${searchIcon()}Search further back` : 'Older events'}</button>`}
          </div>`}
        </div>
      </div>
    <//>`;
}

/** @typedef {{count: number, last: number}} Fold  routine lines that are not shown; the id of the oldest names it */

/**
 * Leaves one of many routine lines in a row, so that they do not push out what matters.
 * @param {BelfryEvent[]} rows @param {number} unfolded  the fold that is open
 * @returns {(BelfryEvent|Fold)[]}
 */
function fold(rows, unfolded) {
  /** @type {(BelfryEvent|Fold)[]} */
  const shown = [];
  for (let i = 0; i < rows.length; ) {
    const event = /** @type {BelfryEvent} */ (rows[i]);
    let end = i + 1;
    if (isRoutine(event)) while (end < rows.length && rows[end]?.source === event.source && isRoutine(/** @type {BelfryEvent} */ (rows[end]))) end++;
    const last = rows[end - 1]?.id ?? 0;
    if (end - i < FOLD_FROM) shown.push(...rows.slice(i, end));
    else shown.push(event, { count: end - i - 1, last }, ...(unfolded === last ? rows.slice(i + 1, end) : []));
    i = end;
  }
  return shown;
}

/**
 * Rows with what belongs between them: the name of an earlier day, and gaps.
 * @param {(BelfryEvent|Fold)[]} rows @param {import('../types.js').Gap[]} gaps
 * @param {(gap: import('../types.js').Gap) => void} onFetchGap
 * @param {{event: (event: BelfryEvent) => unknown, fold: (fold: Fold) => unknown}} draw
 */
function withMarks(rows, gaps, onFetchGap, draw) {
  const items = [];
  let day = dayKey(Date.now());
  const open = [...gaps];
  for (const row of rows) {
    if ('last' in row) {
      items.push(draw.fold(row));
      continue;
    }
    while (open[0] && open[0].from > row.id) items.push(gapRow(/** @type {import('../types.js').Gap} */ (open.shift()), onFetchGap));
    const time = moment(row.timestamp);
    const its = dayKey(time);
    if (its !== day && !Number.isNaN(its)) {
      day = its;
      items.push(html`<li class="event-day" key=${`day-${row.id}`}>${dayName(time)}</li>`);
    }
    items.push(draw.event(row));
  }
  for (const gap of open) items.push(gapRow(gap, onFetchGap));
  return items;
}

/** @param {import('../types.js').Gap} gap @param {(gap: import('../types.js').Gap) => void} onFetchGap */
function gapRow(gap, onFetchGap) {
  const events = plural(gap.to - gap.from + 1, 'event');
  const words = { loading: `Fetching ${events}…`, lost: `${events} not shown`, gone: `${events} no longer stored` };
  return html`
    <li class="event-gap" key=${`gap-${gap.to}`}>
      <span>${words[gap.state]}</span>
      ${gap.state === 'lost' && html`<button class="button quiet small" type="button" onClick=${() => onFetchGap(gap)}>Fetch</button>`}
    </li>`;
}

/** @param {{filter: Filter, events: BelfryEvent[], onChange: (change: Partial<Filter>) => void}} props */
function Filters({ filter, events, onChange }) {
  const types = useMemo(() => names(events, (event) => event.event, filter.type), [events, filter.type]);
  const sources = useMemo(() => names(events, (event) => event.source, filter.source), [events, filter.source]);
  /** @param {Event} event */
  const value = (event) => /** @type {HTMLInputElement} */ (event.target).value;
  return html`
    <form class="filters" role="search" aria-label="Filter the events" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label class="filter-text">${searchIcon()}<span class="visually-hidden">Text</span>
        <input type="search" value=${filter.text} placeholder="Filter by text" maxlength="200" autocomplete="off" spellcheck="false"
          onInput=${(/** @type {Event} */ event) => onChange({ text: value(event) })} /></label>
      <select class=${filter.severity ? 'is-set' : ''} aria-label="Severity" value=${filter.severity} onChange=${(/** @type {Event} */ event) => onChange({ severity: value(event) })}>
        <option value="">Any severity</option>
        <option value="warning+">Warning and worse</option>
        <option value="error+">Error and worse</option>
        <optgroup label="Only">${SEVERITIES.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</optgroup>
      </select>
      <select class=${filter.type ? 'is-set' : ''} aria-label="Type" value=${filter.type} onChange=${(/** @type {Event} */ event) => onChange({ type: value(event) })}>
        <option value="">Any type</option>
        <option value=${NOT_LOG}>All but logs</option>
        ${types.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
      <select class=${filter.source ? 'is-set' : ''} aria-label="Source" value=${filter.source} onChange=${(/** @type {Event} */ event) => onChange({ source: value(event) })}>
        <option value="">Any source</option>
        ${sources.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </form>`;
}

/** What can be chosen: what the list holds, and what is chosen. @param {BelfryEvent[]} events @param {(event: BelfryEvent) => string} pick @param {string} chosen */
function names(events, pick, chosen) {
  const all = new Set(events.map(pick).filter(Boolean));
  if (chosen && chosen !== NOT_LOG) all.add(chosen);
  return [...all].sort();
}

/** Nothing has ever happened: how to make the first event. */
function FirstEvent() {
  const address = new URL('api/events', document.baseURI).href;
  const command = [
    `curl ${address} \\`,
    `  -H "Authorization: Bearer $(cat admin.token)" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{"event":"agent_activity","source":"me",`,
    `       "data":{"agent":"me","action":"rang the bell"}}'`,
  ].join('\n');
  return html`
    <div class="empty">
      <p><strong>No events yet.</strong> Send the first one and it appears here at once:</p>
      <pre tabindex="0"><code>${command}</code></pre>
      <${CopyButton} text=${command} label="Copy the command" />
    </div>`;
}
