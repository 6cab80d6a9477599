/*
 * The live figures: how much comes, how late, and whether all of it came.
 */
import { html, useEffect } from '../../../vendor/htm-preact.js';
import { bytes, bytesParts, count, countFull, duration, figure, NONE, plural } from '../../format.js';
import { usePainter } from '../../push/paint.js';
import { Card } from '../card.js';
import { Spark } from '../spark.js';

/** @param {{live: import('../../websocket-test.js').Live}} props */
export function Figures({ live: { session, painter } }) {
  usePainter(painter);
  useEffect(() => {
    const timer = setInterval(() => painter.changed(), 1000); // rates fall without anything coming
    return () => clearInterval(timer);
  }, [painter]);

  const now = Date.now();
  const { messages, events, bytes: received, pings, latencies, ...figures } = session.figures;
  const [byteRate, byteUnit] = bytesParts(Math.round(received.now(now)));
  const [fastest, median, slow] = pings.quantiles([0, 0.5, 0.99]);
  const clock = session.clock;
  const [latency, latencyHigh] = latencies.quantiles([0.5, 0.99]).map((ms) => ms + (clock?.offset ?? NaN));
  return html`
    <section class="figures" aria-label="Figures">
      <ul class="figure-row">
        <${Card} label="Messages" ...${rate(messages.now(now))} title=${`${countFull(messages.total)} received`}
          note=${`${count(messages.total)} in, ${count(figures.messagesSent)} out`} spark=${html`<${Spark} points=${messages.points(now)} most=${1} />`} />
        <${Card} label="Events" ...${rate(events.now(now))} title=${`${countFull(events.total)} received`}
          note=${`${count(events.total)} in all`} spark=${html`<${Spark} points=${events.points(now)} most=${1} />`} />
        <${Card} label="Bytes" value=${byteRate} unit=${`${byteUnit}/s`} title="As the page sees them: a compressed message counts as what it unfolds to"
          note=${`${bytes(received.total)} in, ${bytes(figures.bytesSent)} out`} spark=${html`<${Spark} points=${received.points(now)} most=${100} />`} />
        <${Card} label="Event latency" ...${atMost(latency, clock?.uncertain ?? 0)} title=${latencyTitle(latencies.size, clock)}
          note=${latencies.size ? `p99 ${small(latencyHigh)}${clock ? `, ± ${small(clock.uncertain)}` : ''}` : 'from stored to here'} />
        <${Card} label="Round trip" ...${parts(pings.last)} title=${pings.size ? `Of the last ${plural(pings.size, 'ping')}: fastest ${small(fastest)}, median ${small(median)}, 99th percentile ${small(slow)}` : ''}
          note=${pings.size ? `min ${bare(fastest)} med ${bare(median)} p99 ${bare(slow)}` : session.phase === 'live' && !session.websocket ? 'no pings over this stream' : 'of a ping'} />
        <${Card} label="Reconnects" value=${count(figures.reconnects)} tone=${figures.gaps || figures.incomplete ? 'warning' : 'calm'}
          title=${figures.missed ? `${plural(figures.missed, 'event')} not sent` : ''} note=${losses(figures)} />
      </ul>
    </section>`;
}

/** @param {number} value */
const rate = (value) => ({ value: value >= 100 ? count(Math.round(value)) : figure(Math.round(value * 10) / 10), unit: '/s' });

/** A time of a millisecond or so, as value and unit. @param {number|undefined} ms */
function parts(ms) {
  if (ms === undefined || Number.isNaN(ms)) return { value: NONE };
  const [value, ...unit] = small(ms).split(' ');
  return { value, unit: unit.join(' ') };
}

/** What is less than the clocks can tell is not told. @param {number|undefined} ms @param {number} uncertain */
function atMost(ms, uncertain) {
  if (ms === undefined || !(ms < uncertain)) return parts(ms);
  const { value, unit } = parts(Math.max(0, ms) + uncertain);
  return { value: `≤ ${value}`, unit };
}

/** @param {number|undefined} ms */
const bare = (ms) => small(ms).replace(/ ms$/, '');

/** Below zero is what the clocks' difference makes of nearly nothing. @param {number|undefined} ms @returns {string} */
const small = (ms) => (ms === undefined || Number.isNaN(ms) ? NONE : ms < 0 ? small(0) : ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : duration(ms));

/** @param {number} size @param {import('../../push/session.js').Session['clock']} clock */
function latencyTitle(size, clock) {
  if (!size || !clock) return 'From the moment an event was stored until it was here; events that are sent again do not count.';
  return `Median of the last ${countFull(size)} new events, from stored to here. The server's clock is taken to be ${small(Math.abs(clock.offset))} ${clock.offset < 0 ? 'behind' : 'ahead of'} this one, ± ${small(clock.uncertain)}: estimated from connected.server_time, how long connecting took${clock.byPing ? ', and the fastest ping' : ''}.`;
}

/** @param {{gaps: number, missed: number, reconnects: number, incomplete: number}} figures */
function losses({ gaps, missed, reconnects, incomplete }) {
  if (gaps) return `${plural(gaps, 'gap')}: ${plural(missed, 'event')}`;
  if (incomplete) return `${count(incomplete)} not complete`;
  return reconnects ? 'all complete, no gaps' : 'no gaps';
}
