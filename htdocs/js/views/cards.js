/*
 * The figures at the top: what the applications did, and how the host is. Every card keeps its size whatever it says.
 */
import { html, useEffect, useState } from '../../vendor/htm-preact.js';
import { useNow } from '../clock.js';
import { bytesParts, count, countFull, decimal, figure, fullTime, isNumber, moment, NONE, percentNumber, plural, span } from '../format.js';
import { CHARTS, present } from '../host.js';
import { useStore } from '../store.js';
import { Card } from './card.js';
import { Guard } from './panel.js';
import { Spark } from './spark.js';
import { useRates } from './rates.js';

const SPARK_SPAN_MS = 900_000;

/** @param {{history: import('../host.js').HostHistory}} props */
export function Cards({ history }) {
  return html`
    <section class="cards" aria-label="Figures">
      <${Guard}><${Metrics} /><//>
      <${Guard}><${Host} history=${history} /><//>
    </section>`;
}

/** When the snapshot was true, if the connection is gone. */
const useAsOf = () => useStore((state) => (state.link.phase === 'live' || !state.snapshotAt ? null : state.snapshotAt));

function Metrics() {
  const snapshot = useStore((state) => state.snapshot);
  const asOf = useAsOf();
  const rates = useRates();
  const metrics = snapshot?.metrics ?? {};
  const sessions = snapshot?.sessions;
  const quality = metrics.avg_quality_score;
  const active = snapshot?.active_agents ?? metrics.active_agents;

  return html`
    <ul class="card-row card-row-metrics" aria-label="Activity">
      <${Card} label="Total events" value=${count(metrics.total_events)} title=${countFull(metrics.total_events)} asOf=${asOf}
        note=${rates.events === null ? '' : `${figure(rates.events)} a minute`} spark=${html`<${Spark} points=${rates.points.length > 5 ? rates.points : []} />`} />
      <${Card} label="Agents executed" value=${count(metrics.total_agents_executed)} title=${countFull(metrics.total_agents_executed)} asOf=${asOf}
        note=${rates.executions === null ? '' : `${figure(rates.executions)} a minute`} />
      <${Card} label="Opportunities found" value=${count(metrics.total_opportunities_discovered)} title=${countFull(metrics.total_opportunities_discovered)} asOf=${asOf}
        note=${isNumber(metrics.total_opportunities_discovered) ? (metrics.total_opportunities_discovered ? 'in all' : 'none yet') : ''} />
      <${Card} label="Average quality" value=${isNumber(quality) ? decimal(quality, quality > 10 ? 1 : 2) : NONE} asOf=${asOf}
        meter=${isNumber(quality) ? (quality <= 1 ? quality * 100 : quality <= 10 ? quality * 10 : quality) : null} note=${snapshot && !isNumber(quality) ? 'no score yet' : 'score'} />
      <${Card} label="Active agents" value=${count(active)} asOf=${asOf}
        note=${isNumber(sessions?.total) && sessions.total > 0 ? `${plural(sessions.total, 'session')}${isNumber(sessions.token_usage) && sessions.token_usage > 0 ? `, ${count(sessions.token_usage)} tokens` : ''}` : 'right now'} />
      <${Uptime} asOf=${asOf} />
    </ul>`;
}

/** @param {{asOf: number|null}} props */
function Uptime({ asOf }) {
  const seconds = useStore((state) => state.snapshot?.metrics?.system_uptime_seconds ?? state.snapshot?.system_uptime_seconds);
  const at = useStore((state) => state.snapshotAt);
  const now = useNow();
  if (!isNumber(seconds)) return html`<${Card} label="System uptime" value=${NONE} asOf=${asOf} />`;
  const started = at - seconds * 1000;
  return html`<${Card} label="System uptime" value=${span(seconds + (asOf ? 0 : (now - at) / 1000))} title=${`Since ${fullTime(started)}`} asOf=${asOf} note=${`since ${sinceText(started)}`} />`;
}

const sinceDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
/** @param {number} ms */
const sinceText = (ms) => sinceDay.format(ms);

/** @param {{history: import('../host.js').HostHistory}} props */
function Host({ history }) {
  const host = useStore((state) => state.snapshot?.host);
  const skew = useStore((state) => state.skew);
  const live = useStore((state) => state.link.phase === 'live');
  const [, again] = useState(0);
  useEffect(() => {
    const changed = () => again((/** @type {number} */ n) => n + 1);
    history.listeners.add(changed);
    return () => {
      history.listeners.delete(changed);
    };
  }, [history]);
  const now = useNow();

  const measured = moment(host?.timestamp) - skew;
  const oldAfter = Math.max(30_000, 2 * history.of('cpu').gapMs());
  const asOf = !Number.isNaN(measured) && (!live || now - measured > oldAfter) ? measured : null;

  /** @param {number} at @param {number} line @param {number} [most] */
  const spark = (at, line, most) => {
    const kind = CHARTS[at];
    return kind && html`<${Spark} points=${history.of(kind.key).recent(line, SPARK_SPAN_MS)} most=${most} colour=${kind.key} />`;
  };
  const cpu = present(host, 'host_cpu_percent');
  const memory = present(host, 'host_memory_percent');
  const received = present(host, 'host_network_receive_bytes_per_second');
  const sent = present(host, 'host_network_transmit_bytes_per_second');
  const [receivedValue, receivedUnit] = bytesParts(received);
  const [mount, disk] = fullest(host);
  const load = host?.load1;
  /** @param {unknown} value @param {unknown} words */
  const note = (value, words) => (isNumber(value) ? words : host ? 'not measured' : '');

  return html`
    <ul class="card-row card-row-host" aria-label="Host">
      <${Card} label="CPU" value=${percentNumber(cpu)} unit="%" asOf=${asOf} tone=${tone(cpu, 90, 98)} spark=${spark(0, 0, 100)} note=${note(cpu, 'of all cores')} />
      <${Card} label="Memory" value=${percentNumber(memory)} unit="%" asOf=${asOf} tone=${tone(memory, 90, 97)} spark=${spark(1, 0, 100)} note=${note(memory, memoryNote(host))} />
      <${Card} label="Disk" value=${percentNumber(disk)} unit="%" asOf=${asOf} tone=${tone(disk, 85, 95)} meter=${disk} note=${note(disk, html`fullest: <code>${mount}</code>`)} />
      <${Card} label="Network" value=${receivedValue} unit=${receivedUnit && `${receivedUnit}/s`} asOf=${asOf} spark=${spark(2, 0)} note=${note(received, sent === null ? 'received' : `in, ${bytesParts(sent).join(' ')}/s out`)} />
      <${Card} label="Load" value=${decimal(load)} asOf=${asOf} spark=${spark(3, 0)} note=${note(load, isNumber(host?.load5) && isNumber(host?.load15) ? `${decimal(host.load5)} · ${decimal(host.load15)}` : 'last minute')} />
    </ul>`;
}

/** @param {import('../types.js').HostState|undefined} host */
function memoryNote(host) {
  const used = host?.memory_used_bytes;
  const total = host?.memory_total_bytes;
  return isNumber(used) && isNumber(total) ? `${bytesParts(used).join(' ')} of ${bytesParts(total).join(' ')}` : 'in use';
}

/** @param {import('../types.js').HostState|undefined} host @returns {[string, number|null]} */
function fullest(host) {
  const disks = host?.disk_percent;
  if (typeof disks !== 'object' || disks === null) return ['', isNumber(disks) ? disks : null];
  /** @type {[string, number|null]} */
  let most = ['', null];
  for (const [mount, value] of Object.entries(disks)) if (isNumber(value) && (most[1] === null || value > most[1])) most = [mount, value];
  return most;
}

/** @param {number|null} value @param {number} warning @param {number} error */
const tone = (value, warning, error) => (value === null || value < warning ? 'calm' : value < error ? 'warning' : 'error');
