/*
 * OpenTelemetry: what its JavaScript SDK sends, through nginx; and, by hand, what others send.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { load } from '../deps.mjs';
import { startApache } from './apache.mjs';
import * as expect from './expect.mjs';
import { freePort, start } from './harness.mjs';

const { resourceFromAttributes } = load('@opentelemetry/resources');
const { LoggerProvider, BatchLogRecordProcessor } = load('@opentelemetry/sdk-logs');
const { AggregationTemporality, AggregationType, MeterProvider, PeriodicExportingMetricReader } = load('@opentelemetry/sdk-metrics');
const { BasicTracerProvider, BatchSpanProcessor } = load('@opentelemetry/sdk-trace-base');
const { OTLPLogExporter } = load('@opentelemetry/exporter-logs-otlp-http');
const { OTLPMetricExporter } = load('@opentelemetry/exporter-metrics-otlp-http');
const { OTLPTraceExporter } = load('@opentelemetry/exporter-trace-otlp-http');
const { SpanKind, SpanStatusCode, trace, ROOT_CONTEXT } = load('@opentelemetry/api');

let belfry, apache, apachePort, ingest;
before(async () => {
  const pushPort = await freePort();
  belfry = await start({ conf: { logs: [], fcgi: { request_timeout: '3s' }, push: { listen: `127.0.0.1:${pushPort}` }, history: { max_series_per_source: 40 } } });
  ingest = await belfry.makeKey('ingest', 'collector');
  const nginxPort = belfry.port;
  apache = await startApache(belfry);
  apachePort = belfry.port;
  belfry.port = nginxPort; // where we go unless we say so
});
after(async () => {
  await apache?.stop();
  await belfry?.stop();
});

const json = { 'content-type': 'application/json' };
const get = async (target) => {
  const answer = await belfry.get(target, { key: belfry.adminKey });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const post = (path, body, headers = {}) => belfry.post(path, body, { key: ingest, headers });
async function taken(path, body, headers) {
  const answer = await post(path, body, headers);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}
const exporter = (signal, { port = belfry.port, prefix = '', ...options } = {}) => ({
  url: `http://127.0.0.1:${port}${prefix}/v1/${signal}`,
  headers: { authorization: `Bearer ${ingest}` },
  ...options,
});

const resource = (name, more = {}) => resourceFromAttributes({ 'service.name': name, ...more });

/** Attributes as OTLP writes them. */
const keyValues = (object) =>
  Object.entries(object).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : typeof value === 'number' ? { intValue: String(value) } : value,
  }));
const nanoseconds = (ms) => `${ms}000000`;
const logs = (logRecords, name = 'by-hand') => ({
  resourceLogs: [{ resource: { attributes: keyValues({ 'service.name': name }) }, scopeLogs: [{ logRecords }] }],
});
const metrics = (list, name = 'by-hand', more = {}) => ({
  resourceMetrics: [{ resource: { attributes: keyValues({ 'service.name': name, ...more }) }, scopeMetrics: [{ metrics: list }] }],
});
const spans = (list, name = 'by-hand') => ({
  resourceSpans: [{ resource: { attributes: keyValues({ 'service.name': name }) }, scopeSpans: [{ spans: list }] }],
});

/** The newest values of a metric's series, by the label that tells them apart. */
async function lastValues(metric, label) {
  const { metrics: found } = await get(`/api/metrics?metric=${metric}`);
  return Object.fromEntries((found[0]?.series ?? []).map((series) => [label ? series.labels[label] : 'value', series.last]));
}

describe('the JavaScript SDK', () => {
  for (const compression of ['none', 'gzip'])
    test(`log records become log lines (${compression})`, async () => {
      const provider = new LoggerProvider({
        resource: resource(`js-${compression}`, { 'service.version': '1.2.3' }),
        processors: [new BatchLogRecordProcessor(new OTLPLogExporter(exporter('logs', { compression })))],
      });
      const logger = provider.getLogger('checkout');
      logger.emit({ severityNumber: 13, severityText: 'WARN', body: 'card “declined” 😀', attributes: { code: 51, retry: false, tags: ['a', 'b'], nested: { x: 1.5 } } });
      logger.emit({ severityNumber: 9, body: { reason: 'structured', n: 2 } });
      logger.emit({ severityNumber: 21, body: 'gone' });
      await provider.shutdown();
      const { logs: lines } = await get(`/api/logs?source=js-${compression}&order=asc`);
      assert.deepEqual(lines.map((line) => [line.severity, line.message]), [
        ['warning', 'card “declined” 😀'],
        ['info', '{"reason":"structured","n":2}'],
        ['critical', 'gone'],
      ]);
      assert.deepEqual(lines[0].attributes, {
        code: 51, retry: false, tags: ['a', 'b'], nested: { x: 1.5 }, scope: 'checkout', resource: { 'service.version': '1.2.3' },
      });
      assert.ok(Math.abs(Date.parse(lines[0].timestamp) - Date.now()) < 60_000, 'the record’s own time');
    });

  test('a record with a name is an event of that type, and means what such an event means', async () => {
    const provider = new LoggerProvider({
      resource: resource('js-events'),
      processors: [new BatchLogRecordProcessor(new OTLPLogExporter(exporter('logs')))],
    });
    const logger = provider.getLogger('agent');
    logger.emit({ eventName: 'Order.Placed', body: 'thanks', attributes: { total: 12 } });
    logger.emit({ eventName: 'opportunity_discovered', attributes: { opportunity_id: 'otlp-1', title: 'A bridge', confidence_score: 80 } });
    await provider.shutdown();
    const { events } = await get('/api/events?source=js-events&order=asc');
    assert.deepEqual(events.map((event) => [event.event, event.data]), [
      ['order.placed', { message: 'thanks', total: 12, scope: 'agent' }],
      ['opportunity_discovered', { opportunity_id: 'otlp-1', title: 'A bridge', confidence_score: 80, scope: 'agent' }],
    ]);
    assert.equal((await get('/stats')).total_opportunities, 1);
  });

  for (const temporality of ['CUMULATIVE', 'DELTA'])
    test(`metrics become samples; ${temporality} sums are counters all the same`, async () => {
      const name = `js-${temporality.toLowerCase()}`;
      const reader = new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter(exporter('metrics', { temporalityPreference: AggregationTemporality[temporality] })),
        exportIntervalMillis: 3_600_000,
      });
      const provider = new MeterProvider({
        resource: resource(name, { 'service.instance.id': 'one' }),
        readers: [reader],
        views: [{ instrumentName: 'http.client.size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
      });
      const meter = provider.getMeter('m');
      const requests = meter.createCounter('http.requests', { unit: '{request}' });
      const duration = meter.createHistogram('http.server.request.duration', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } });
      const size = meter.createHistogram('http.client.size', { unit: 'By' });
      meter.createObservableGauge('process.cpu.utilization', { unit: '1' }).addCallback((result) => result.observe(0.25));
      const queue = meter.createUpDownCounter('queue.length');
      const before = Date.now();
      for (let round = 0; round < 3; round++) {
        requests.add(5, { 'http.route': '/a' });
        requests.add(1, { 'http.route': '/b' });
        duration.record(0.05);
        duration.record(5);
        size.record(0);
        size.record(3);
        size.record(1000);
        queue.add(round === 2 ? -1 : 2);
        await reader.forceFlush();
        await belfry.until(() => Date.now() > before + round + 2, 'the clock goes on'); // a data point each
      }
      await provider.shutdown();
      const only = (object) => Object.values(object)[0];
      const series = async (metric, label) => {
        const { metrics: found } = await get(`/api/metrics?metric=${metric}&limit=1000`);
        const mine = found[0].series.filter((one) => one.labels.source === name);
        assert.ok(mine.every((one) => one.labels.instance === 'one'), JSON.stringify(mine));
        return Object.fromEntries(mine.map((one) => [one.labels[label] ?? '', one.last]));
      };
      assert.deepEqual(await series('http_requests', 'http_route'), { '/a': 15, '/b': 3 });
      assert.deepEqual(await series('http_server_request_duration_seconds_bucket', 'le'), { '+Inf': 6, 0.1: 3, 1: 3 });
      assert.equal(only(await series('http_server_request_duration_seconds_count')), 6);
      assert.ok(Math.abs(only(await series('http_server_request_duration_seconds_sum')) - 15.15) < 1e-9);
      assert.deepEqual(await series('http_client_size_bytes_bucket', 'le'), { '+Inf': 9, 0: 3, 4: 6, 8: 6, 16: 6, 32: 6, 64: 6, 128: 6, 256: 6, 512: 6, 1024: 9 });
      assert.equal(only(await series('process_cpu_utilization_ratio')), 0.25);
      assert.equal(only(await series('queue_length')), 3);
      const { series: rates } = await get(`/api/history?metric=http_requests&label.source=${name}&label.http_route=/a&from=${before - 1000}&to=${Date.now() + 1000}&points=1&agg=rate`);
      assert.ok(rates[0].points[0][1] > 0, JSON.stringify(rates));
    });

  test('spans become events with a duration', async () => {
    const provider = new BasicTracerProvider({
      resource: resource('js-spans'),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(exporter('traces')))],
    });
    const tracer = provider.getTracer('web');
    const parent = tracer.startSpan('GET /cart', { kind: SpanKind.SERVER, attributes: { 'http.route': '/cart' }, startTime: 1_795_176_000_000 });
    const child = tracer.startSpan('SELECT', { kind: SpanKind.CLIENT, startTime: 1_795_176_000_100 }, trace.setSpan(ROOT_CONTEXT, parent));
    child.addEvent('retry', { attempt: 2 }, 1_795_176_000_120);
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'deadlock' });
    child.end(1_795_176_000_150);
    parent.end(1_795_176_000_250.5);
    await provider.shutdown();
    const { events } = await get('/api/events?source=js-spans&event=span');
    const [server, client] = ['server', 'client'].map((kind) => events.find((event) => event.data.kind === kind));
    assert.equal(server.timestamp, new Date(1_795_176_000_000).toISOString());
    assert.equal(server.data.name, 'GET /cart');
    assert.equal(server.data.duration_ms, 250.5);
    assert.equal(server.event_id, `${server.data.trace_id}-${server.data.span_id}`);
    assert.deepEqual(server.data.attributes, { 'http.route': '/cart' });
    assert.equal(client.severity, 'error');
    assert.equal(client.data.message, 'deadlock');
    assert.equal(client.data.parent_span_id, server.data.span_id);
    assert.equal(client.data.trace_id, server.data.trace_id);
    assert.deepEqual(client.data.events, [{ name: 'retry', offset_ms: 20, attributes: { attempt: 2 } }]);
    assert.deepEqual(await lastValues('span_duration_ms', 'kind'), { server: 250.5, client: 50 });
  });

  test('spans of generative AI feed agents, sessions and tokens, once', async () => {
    const provider = new BasicTracerProvider({
      resource: resource('js-genai'),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(exporter('traces')))],
    });
    const tracer = provider.getTracer('genai');
    const common = { 'gen_ai.agent.name': 'Planner', 'gen_ai.conversation.id': 'conv-js', 'gen_ai.request.model': 'small' };
    const usage = (input, output) => ({ 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': output });
    for (const turn of [1, 2]) {
      const agent = tracer.startSpan('invoke_agent Planner', { attributes: { ...common, 'gen_ai.operation.name': 'invoke_agent' } });
      const inside = trace.setSpan(ROOT_CONTEXT, agent);
      for (const step of [1, 2])
        tracer
          .startSpan('chat small', { kind: SpanKind.CLIENT, attributes: { ...common, 'gen_ai.operation.name': 'chat', ...usage(100 * turn, 10 * step) } }, inside)
          .end();
      tracer.startSpan('execute_tool search', { attributes: { ...common, 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' } }, inside).end();
      agent.setAttributes(usage(200 * turn, 30)); // the sum of the above, as frameworks tell it
      if (turn === 2) agent.setStatus({ code: SpanStatusCode.ERROR });
      agent.end();
    }
    await provider.shutdown();
    const { agents } = await get('/api/agents').catch(() => ({ agents: undefined }));
    if (agents) {
      const planner = agents.find((one) => one.name === 'Planner');
      assert.equal(planner.invocations, 2);
    }
    const { events } = await get('/api/events?source=js-genai&event=agent_*&order=asc&limit=100');
    const of = (type) => events.filter((event) => event.event === type);
    assert.equal(of('agent_execution_started').length, 2);
    assert.deepEqual(of('agent_execution_completed').map((event) => [event.data.agent_name, event.data.success]), [['Planner', true], ['Planner', false]]);
    assert.deepEqual(of('agent_activity').map((event) => [event.data.action, event.data.tool]), [['execute_tool', 'search'], ['execute_tool', 'search']]);
    const stats = await get('/stats');
    assert.equal(stats.metrics.total_agents_executed, 2);
    assert.equal(stats.active_agents, 0);
    assert.equal(stats.sessions.total, 1);
    assert.equal(stats.sessions.token_usage, 100 + 10 + 100 + 20 + 200 + 10 + 200 + 20);
    const { metrics: found } = await get('/api/metrics?metric=gen_ai_tokens');
    assert.deepEqual(found[0].series.map((one) => one.labels), [
      { agent: 'Planner', model: 'small', source: 'js-genai', type: 'input' },
      { agent: 'Planner', model: 'small', source: 'js-genai', type: 'output' },
    ]);
  });

  test('through Apache, under a prefix', async () => {
    const provider = new LoggerProvider({
      resource: resource('js-apache'),
      processors: [new BatchLogRecordProcessor(new OTLPLogExporter(exporter('logs', { port: apachePort, prefix: '/monitor', compression: 'gzip' })))],
    });
    provider.getLogger('x').emit({ body: 'by another way' });
    await provider.shutdown();
    assert.deepEqual((await get('/api/logs?source=js-apache')).logs.map((line) => line.message), ['by another way']);
  });
});

describe('by hand', () => {
  const time = 1_795_176_000_000;

  test('the same request again stores nothing twice; two equal records of one request are two', async () => {
    const record = { timeUnixNano: nanoseconds(time), body: { stringValue: 'twin' } };
    for (let i = 0; i < 3; i++) assert.deepEqual(await taken('/v1/logs', logs([record, record], 'twins')), {});
    assert.equal((await get('/api/logs?source=twins')).logs.length, 2);
    // Without a time, what comes again in another request is meant.
    const timeless = { body: { stringValue: 'tick' } };
    for (const request of [logs([timeless], 'clock'), logs([timeless], 'clock'), logs([timeless, timeless], 'clock')]) await taken('/v1/logs', request);
    assert.equal((await get('/api/logs?source=clock')).logs.length, 3);
  });

  test('deltas that come again are not added again', async () => {
    const now = Date.now();
    const request = (ms, value) =>
      metrics([{ name: 'deltas', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ timeUnixNano: nanoseconds(ms), asInt: value }] } }]);
    for (const [ms, value] of [[now, 5], [now, 5], [now + 1000, '7'], [now, 5], [now + 1000, '7']]) assert.deepEqual(await taken('/v1/metrics', request(ms, value)), {});
    assert.deepEqual(await lastValues('deltas'), { value: 12 });
  });

  test('what cannot be taken is told, and the rest stored', async () => {
    const answer = await taken('/v1/logs', logs([
      { body: { stringValue: 'fine' } },
      17,
      { timeUnixNano: '99999999999999999999', body: { stringValue: 'too late' } },
      { eventName: 'health_changed' },
      { body: { stringValue: 'fine too' }, attributes: [{ key: 'x', value: { intValue: 'nine' } }] },
      { body: { stringValue: 'x'.repeat(70_000) } },
      { body: { stringValue: 'fine as well' } },
    ], 'partly'));
    assert.equal(answer.partialSuccess.rejectedLogRecords, '5');
    assert.match(answer.partialSuccess.errorMessage, /^\/resourceLogs\/0\/scopeLogs\/0\/logRecords\/1: must be an object/);
    assert.deepEqual((await get('/api/logs?source=partly&order=asc')).logs.map((line) => line.message), ['fine', 'fine as well']);
    const points = await taken('/v1/metrics', metrics([
      { name: 'fine.gauge', gauge: { dataPoints: [{ asInt: '9007199254740993' }, { asDouble: 'NaN' }, { flags: 1 }] } },
      { name: '', gauge: { dataPoints: [{ asInt: 1 }] } },
      { name: 'no.temporality', sum: { dataPoints: [{ asInt: 1 }, { asInt: 2 }] } },
      { name: 'bad.buckets', histogram: { aggregationTemporality: 2, dataPoints: [{ count: 1, explicitBounds: [1, 2], bucketCounts: [1] }] } },
      { name: 'a.summary', unit: 'ms', summary: { dataPoints: [{ count: '2', sum: 3, quantileValues: [{ quantile: 0.5, value: 1 }, { quantile: 1, value: 2 }] }] } },
    ]));
    assert.equal(points.partialSuccess.rejectedDataPoints, '5');
    assert.deepEqual(await lastValues('fine_gauge'), { value: 9007199254740992 });
    assert.deepEqual(await lastValues('a_summary_ms', 'quantile'), { 0.5: 1, 1: 2 });
    const traces = await taken('/v1/traces', spans([{ traceId: '0'.repeat(32), spanId: 'ab'.repeat(8), name: 'x' }]));
    assert.equal(traces.partialSuccess.rejectedSpans, '1');
  });

  test('more series than may be are left out and told, the others stored', async () => {
    const dataPoints = Array.from({ length: 60 }, (_, i) => ({ asInt: i, attributes: keyValues({ user: `u${i}` }) }));
    const request = metrics([{ name: 'known', gauge: { dataPoints: [{ asInt: 1 }] } }, { name: 'many', gauge: { dataPoints } }, { name: 'known', gauge: { dataPoints: [{ asInt: 2, timeUnixNano: nanoseconds(Date.now() + 1000) }] } }], 'hoarder');
    const answer = await taken('/v1/metrics', request);
    assert.equal(answer.partialSuccess.rejectedDataPoints, '21');
    assert.match(answer.partialSuccess.errorMessage, /max_series/);
    assert.deepEqual(await lastValues('known'), { value: 2 });
    assert.equal(Object.keys(await lastValues('many', 'user')).length, 39);
  });

  test('more records than a batch holds', async () => {
    const records = Array.from({ length: 10_003 }, (_, i) => ({ timeUnixNano: nanoseconds(time + i), body: { stringValue: `n ${i}` } }));
    for (let i = 0; i < 2; i++) assert.deepEqual(await taken('/v1/logs', gzipSync(JSON.stringify(logs(records, 'crowd'))), { ...json, 'content-encoding': 'gzip' }), {});
    const { total } = await get(`/api/logs/histogram?source=crowd&from=${time}&to=${time + 20_000}`);
    assert.equal(total, 10_003);
  });

  test('errors have OTLP’s form, and say what would be right', async () => {
    for (const signal of ['logs', 'metrics', 'traces'])
      expect.otlpError(await post(`/v1/${signal}`, Buffer.from([10, 0]), { 'content-type': 'application/x-protobuf' }), 415, /OTEL_EXPORTER_OTLP_PROTOCOL=http\/json/);
    expect.otlpError(await post('/v1/logs', '{"resourceLogs":'), 400, /line 1/);
    expect.otlpError(await post('/v1/logs', { event: 'x' }), 400, /resourceLogs/);
    expect.otlpError(await post('/v1/logs', { resourceLogs: {} }), 400, /must be an array/);
    expect.otlpError(await post('/v1/traces', []), 400, /resourceSpans/);
    expect.otlpError(await post('/v1/logs', `{"resourceLogs":${'['.repeat(100)}${']'.repeat(100)}}`), 400, /nested/);
    expect.otlpError(await post('/v1/logs', gzipSync(Buffer.alloc(9 << 20, ' ')), { ...json, 'content-encoding': 'gzip' }), 413, /after inflating/);
    expect.otlpError(await belfry.post('/v1/logs', {}), 401, /sign in/);
    expect.otlpError(await belfry.post('/v1/logs', {}, { key: await belfry.makeKey('viewer') }), 403, /ingest/);
    assert.equal((await get('/api/events?source=by-hand&event=x')).events.length, 0);
    assert.deepEqual(await taken('/v1/logs', {}), {});
  });

  test('while the history cannot be written, clients are told when to come again', async () => {
    await belfry.terminate('belfry-historyd');
    const answer = await post('/v1/logs', logs([{ body: { stringValue: 'later' }, timeUnixNano: nanoseconds(time) }], 'patient'));
    expect.otlpError(answer, 503);
    assert.ok(Number(answer.headers['retry-after']) > 0);
    belfry.startProgram('belfry-historyd');
    await belfry.untilHealthy();
    assert.deepEqual(await taken('/v1/logs', logs([{ body: { stringValue: 'later' }, timeUnixNano: nanoseconds(time) }], 'patient')), {});
    assert.equal((await get('/api/logs?source=patient')).logs.length, 1);
  });
});
