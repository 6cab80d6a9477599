/*
 * Spans as events of type `span`, at their start, with duration. What is at the border of a service
 * (kinds server, client, producer, consumer) gives a sample of `span_duration_ms` by source and
 * kind.
 *
 * Generative AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/): a span of
 * `invoke_agent` is an execution of the agent from start to end, one of `execute_tool` its
 * activity. Token usage goes to the session that `gen_ai.conversation.id` names, as an increment:
 * the projection adds it once, since the event's id is the span's. A span of `invoke_agent` tells
 * the sum of the spans below it, which have told it already: its usage is `of_trace`, of which only
 * what is above theirs is added.
 */
#include "model/otlp_priv.h"

#include "history/append.h"
#include "model/sample_json.h"
#include "model/severity.h"

#include <math.h>
#include <stdio.h>

#define NAME_BYTES_MAX   128
#define EVENTS_MAX       128 /* of one span; what there is beyond is counted */
#define TRACE_DIGITS     32
#define SPAN_DIGITS      16
#define SPAN_ID_BYTES    (TRACE_DIGITS + 1 + SPAN_DIGITS + 1)
#define DERIVED_SUFFIXES 12 /* "-completed" */

static const char *const kind_names[] = {"UNSPECIFIED", "INTERNAL", "SERVER",
                                         "CLIENT",      "PRODUCER", "CONSUMER"};
static const char *const kinds[] = {"unspecified", "internal", "server",
                                    "client",      "producer", "consumer"};
enum { KIND_INTERNAL = 1, KIND_COUNT = 6 };

static const char *const status_names[] = {"UNSET", "OK", "ERROR"};
static const char *const statuses[] = {"unset", "ok", "error"};
static const enum severity severities[] = {SEVERITY_INFO, SEVERITY_SUCCESS, SEVERITY_ERROR};
enum { STATUS_ERROR = 2, STATUS_COUNT = 3 };

struct span {
  struct slice trace_raw, id_raw, parent_raw, name, kind_raw, start_raw, end_raw, attributes_raw;
  struct slice events, status_raw;
  struct slice status_message; /* raw */
  struct slice trace, id;
  int kind, status;
  int64_t start_ms, end_ms;
  double duration_ms;
  int attributes; /* how many, in parse->attributes */
  char event_id[SPAN_ID_BYTES];
};

static bool is_text(struct slice raw) {
  return raw.len >= 2 && raw.data[0] == '"';
}

static int read_times(struct otlp_parse *parse, struct span *span) {
  uint64_t start_ns = 0, end_ns = 0;
  span->start_ms = span->end_ms = parse->options->now_ms;
  if (!otlp__time(span->start_raw, &span->start_ms))
    return otlp__wrong(parse, "/startTimeUnixNano", "must be nanoseconds since 1970");
  span->end_ms = span->start_ms;
  if (!otlp__time(span->end_raw, &span->end_ms))
    return otlp__wrong(parse, "/endTimeUnixNano", "must be nanoseconds since 1970");
  if (span->start_raw.data && span->end_raw.data && otlp__unsigned(span->start_raw, &start_ns) &&
      otlp__unsigned(span->end_raw, &end_ns) && start_ns > 0 && end_ns > start_ns)
    span->duration_ms = (double)((end_ns - start_ns) / 1000) / 1000; /* clocks may go back */
  return BELFRY_OK;
}

static int read_span(struct otlp_parse *parse, struct slice raw, struct span *span) {
  const struct otlp_member members[] = {
      {"traceId", &span->trace_raw},       {"spanId", &span->id_raw},
      {"parentSpanId", &span->parent_raw}, {"name", &span->name},
      {"kind", &span->kind_raw},           {"startTimeUnixNano", &span->start_raw},
      {"endTimeUnixNano", &span->end_raw}, {"attributes", &span->attributes_raw},
      {"events", &span->events},           {"status", &span->status_raw},
  };
  otlp__members(raw, members, sizeof members / sizeof *members);
  if (!otlp__hex_id(span->trace_raw, TRACE_DIGITS, &span->trace))
    return otlp__wrong(parse, "/traceId", "must be 32 hexadecimal digits, not all 0");
  if (!otlp__hex_id(span->id_raw, SPAN_DIGITS, &span->id))
    return otlp__wrong(parse, "/spanId", "must be 16 hexadecimal digits, not all 0");
  if (span->kind_raw.data &&
      !otlp__enum(span->kind_raw, "SPAN_KIND_", kind_names, KIND_COUNT, &span->kind))
    span->kind = 0;
  struct slice code = {0};
  const struct otlp_member parts[] = {{"code", &code}, {"message", &span->status_message}};
  if (span->status_raw.data)
    otlp__members(span->status_raw, parts, 2);
  if (code.data && !otlp__enum(code, "STATUS_CODE_", status_names, STATUS_COUNT, &span->status))
    span->status = 0;
  span->attributes = otlp__attributes(span->attributes_raw, parse->attributes);
  if (span->attributes < 0)
    return otlp__wrong(parse, "/attributes", "must be an array of at most %d {key, value}",
                       OTLP_ATTRIBUTES_MAX);
  snprintf(span->event_id, sizeof span->event_id, "%.*s-%.*s", SLICE_ARG(span->trace),
           SLICE_ARG(span->id));
  return read_times(parse, span);
}

static int give(struct otlp_parse *parse, const struct span *span, const char *type,
                const char *suffix, int64_t timestamp_ms, enum severity severity) {
  char id[SPAN_ID_BYTES + DERIVED_SUFFIXES];
  snprintf(id, sizeof id, "%s%s", span->event_id, suffix);
  int status = otlp__data_status(parse);
  if (status)
    return status;
  const struct event event = {.timestamp_ms = timestamp_ms,
                              .severity = (int)severity,
                              .type = slice_of(type),
                              .source = parse->source,
                              .event_id = slice_of(id),
                              .data = buf_slice(&parse->data)};
  return parse->sink->event(parse->sink->arg, &event);
}

/* --- the span itself --- */

/* What happened during it: [{"name","time_ms" from its start,"attributes"}]. */
static bool put_events(struct otlp_parse *parse, const struct span *span) {
  struct json_walk walk;
  struct slice raw;
  struct buf *out = &parse->data;
  int count = 0;
  if (!span->events.data || !json_walk_start(&walk, span->events) || walk.object)
    return true;
  while (json_walk_next(&walk, NULL, &raw)) {
    struct slice name = {0}, time = {0}, attributes = {0};
    const struct otlp_member members[] = {
        {"name", &name}, {"timeUnixNano", &time}, {"attributes", &attributes}};
    int64_t at_ms = span->start_ms;
    otlp__members(raw, members, 3);
    if (count++ >= EVENTS_MAX)
      continue;
    buf_put_text(out, count == 1 ? ",\"events\":[{\"name\":" : ",{\"name\":");
    buf_put_slice(out, is_text(name) ? name : slice_of("\"\""));
    if (otlp__time(time, &at_ms))
      buf_printf(out, ",\"offset_ms\":%lld", (long long)(at_ms - span->start_ms));
    buf_put_text(out, ",\"attributes\":");
    struct otlp_attribute *others = parse->attributes + span->attributes;
    bool first = true;
    int free_places = OTLP_ATTRIBUTES_MAX - span->attributes;
    int found = free_places > 0 ? otlp__attributes_up_to(attributes, others, free_places) : -1;
    buf_put_char(out, '{');
    if (found > 0 && !otlp__put_attributes(out, others, found, &first))
      return false;
    buf_put_text(out, "}}");
  }
  if (count > 0)
    buf_put_char(out, ']');
  if (count > EVENTS_MAX)
    buf_printf(out, ",\"events_left_out\":%d", count - EVENTS_MAX);
  return true;
}

static int give_span(struct otlp_parse *parse, const struct span *span) {
  struct buf *out = &parse->data;
  bool first = true;
  buf_clear(out);
  buf_put_text(out, "{\"name\":");
  buf_put_slice(out, is_text(span->name) ? span->name : slice_of("\"\""));
  buf_printf(out, ",\"kind\":\"%s\",\"duration_ms\":", kinds[span->kind]);
  json_put_number(out, span->duration_ms);
  buf_printf(out, ",\"status\":\"%s\"", statuses[span->status]);
  if (span->status_message.len > 2 && is_text(span->status_message)) {
    buf_put_text(out, ",\"message\":");
    buf_put_slice(out, span->status_message);
  }
  struct slice parent;
  if (otlp__hex_id(span->parent_raw, SPAN_DIGITS, &parent))
    buf_printf(out, ",\"parent_span_id\":\"%.*s\"", SLICE_ARG(parent));
  bool top = false;
  otlp__put_context(parse, span->trace_raw, span->id_raw, 0, &top);
  buf_put_text(out, ",\"attributes\":{");
  if (!otlp__put_attributes(out, parse->attributes, span->attributes, &first))
    return otlp__wrong(parse, "/attributes", "holds a value that is none of OTLP's");
  buf_put_char(out, '}');
  if (!put_events(parse, span))
    return otlp__wrong(parse, "/events", "hold a value that is none of OTLP's");
  buf_put_char(out, '}');
  return give(parse, span, "span", "", span->start_ms, severities[span->status]);
}

/* --- samples --- */

static int give_sample(struct otlp_parse *parse, const char *metric, struct label *labels,
                       size_t count, int64_t timestamp_ms, double value) {
  buf_clear(&parse->labels);
  labels_put_json(&parse->labels, labels, count);
  if (buf_status(&parse->labels))
    return buf_status(&parse->labels);
  const struct sample sample = {.metric = slice_of(metric),
                                .labels = buf_slice(&parse->labels),
                                .timestamp_ms = timestamp_ms,
                                .value = value};
  return parse->sink->sample(parse->sink->arg, &sample, HISTORY_SAMPLE_OPTIONAL);
}

static int give_duration(struct otlp_parse *parse, const struct span *span) {
  if (span->kind <= KIND_INTERNAL)
    return BELFRY_OK;
  struct label labels[] = {{slice_of("source"), parse->source},
                           {slice_of("kind"), slice_of(kinds[span->kind])}};
  return give_sample(parse, "span_duration_ms", labels, 2, span->end_ms, span->duration_ms);
}

/* --- generative AI --- */

struct gen_ai {
  struct slice operation, agent, agent_id, conversation, model, tool;
  double input_tokens, output_tokens;
  bool has_usage;
};

static struct slice text_of(struct otlp_parse *parse, const struct span *span, const char *key) {
  struct slice text =
      otlp__attribute_text(parse->attributes, span->attributes, key, &parse->scratch);
  return otlp__cut(text, NAME_BYTES_MAX);
}

static bool tokens_of(struct otlp_parse *parse, const struct span *span, const char *key,
                      double *out) {
  *out = 0;
  return otlp__attribute_number(parse->attributes, span->attributes, key, out) && *out >= 0 &&
         *out < 1e12;
}

static struct gen_ai read_gen_ai(struct otlp_parse *parse, const struct span *span) {
  struct gen_ai gen_ai = {
      .operation = text_of(parse, span, "gen_ai.operation.name"),
      .agent = text_of(parse, span, "gen_ai.agent.name"),
      .agent_id = text_of(parse, span, "gen_ai.agent.id"),
      .conversation = text_of(parse, span, "gen_ai.conversation.id"),
      .model = text_of(parse, span, "gen_ai.request.model"),
      .tool = text_of(parse, span, "gen_ai.tool.name"),
  };
  bool input = tokens_of(parse, span, "gen_ai.usage.input_tokens", &gen_ai.input_tokens);
  bool output = tokens_of(parse, span, "gen_ai.usage.output_tokens", &gen_ai.output_tokens);
  if (!input)
    gen_ai.input_tokens = 0;
  if (!output)
    gen_ai.output_tokens = 0;
  gen_ai.has_usage = input || output;
  return gen_ai;
}

static void put_text(struct buf *out, const char *key, struct slice value) {
  if (value.len == 0)
    return;
  buf_printf(out, ",\"%s\":", key);
  json_put_string(out, value);
}

static void put_number(struct buf *out, const char *key, double value) {
  buf_printf(out, ",\"%s\":", key);
  json_put_number(out, value);
}

/* Begins the data of an event that a span gives beside itself. */
static void begin_data(struct otlp_parse *parse, const struct span *span,
                       const struct gen_ai *gen_ai) {
  buf_clear(&parse->data);
  buf_printf(&parse->data, "{\"trace_id\":\"%.*s\",\"span_id\":\"%.*s\"", SLICE_ARG(span->trace),
             SLICE_ARG(span->id));
  put_text(&parse->data, "model", gen_ai->model);
}

/* The agent's whole execution: its start and its end. */
static int give_execution(struct otlp_parse *parse, const struct span *span,
                          const struct gen_ai *gen_ai) {
  struct slice agent = gen_ai->agent.len ? gen_ai->agent : gen_ai->agent_id;
  if (agent.len == 0)
    agent = parse->source;
  begin_data(parse, span, gen_ai);
  put_text(&parse->data, "agent_name", agent);
  put_text(&parse->data, "agent_id", gen_ai->agent_id);
  put_text(&parse->data, "session_id", gen_ai->conversation);
  size_t common = parse->data.len;
  buf_put_char(&parse->data, '}');
  int status =
      give(parse, span, "agent_execution_started", "-started", span->start_ms, SEVERITY_INFO);
  if (status)
    return status;
  bool success = span->status != STATUS_ERROR;
  parse->data.len = common;
  put_number(&parse->data, "duration_ms", span->duration_ms);
  buf_printf(&parse->data, ",\"success\":%s", success ? "true" : "false");
  if (gen_ai->has_usage) {
    put_number(&parse->data, "input_tokens", gen_ai->input_tokens);
    put_number(&parse->data, "output_tokens", gen_ai->output_tokens);
  }
  buf_put_char(&parse->data, '}');
  return give(parse, span, "agent_execution_completed", "-completed", span->end_ms,
              success ? SEVERITY_SUCCESS : SEVERITY_ERROR);
}

static int give_activity(struct otlp_parse *parse, const struct span *span,
                         const struct gen_ai *gen_ai) {
  bool success = span->status != STATUS_ERROR;
  begin_data(parse, span, gen_ai);
  put_text(&parse->data, "agent", gen_ai->agent);
  put_text(&parse->data, "action", gen_ai->operation);
  put_text(&parse->data, "tool", gen_ai->tool);
  put_number(&parse->data, "duration_ms", span->duration_ms);
  buf_printf(&parse->data, ",\"success\":%s}", success ? "true" : "false");
  return give(parse, span, "agent_activity", "-activity", span->start_ms,
              success ? SEVERITY_INFO : SEVERITY_ERROR);
}

static int give_session(struct otlp_parse *parse, const struct span *span,
                        const struct gen_ai *gen_ai, bool sum) {
  begin_data(parse, span, gen_ai);
  put_text(&parse->data, "session_id", gen_ai->conversation);
  put_text(&parse->data, "agent", gen_ai->agent);
  if (gen_ai->has_usage) {
    put_number(&parse->data, "input_tokens", gen_ai->input_tokens);
    put_number(&parse->data, "output_tokens", gen_ai->output_tokens);
    put_number(&parse->data, sum ? "token_usage_of_trace" : "token_usage_added",
               gen_ai->input_tokens + gen_ai->output_tokens);
  }
  buf_put_char(&parse->data, '}');
  return give(parse, span, "session_update", "-session", span->end_ms, SEVERITY_INFO);
}

/* What one span used, so that a sum over time is what was used in it. */
static int give_tokens(struct otlp_parse *parse, const struct span *span,
                       const struct gen_ai *gen_ai) {
  const struct {
    const char *type;
    double tokens;
  } rows[] = {{"input", gen_ai->input_tokens}, {"output", gen_ai->output_tokens}};
  int status = BELFRY_OK;
  for (size_t i = 0; !status && i < 2; i++) {
    struct label labels[4] = {{slice_of("source"), parse->source},
                              {slice_of("type"), slice_of(rows[i].type)}};
    size_t count = 2;
    if (gen_ai->agent.len > 0)
      labels[count++] = (struct label){slice_of("agent"), gen_ai->agent};
    if (gen_ai->model.len > 0)
      labels[count++] = (struct label){slice_of("model"), gen_ai->model};
    if (rows[i].tokens > 0)
      status = give_sample(parse, "gen_ai_tokens", labels, count, span->end_ms, rows[i].tokens);
  }
  return status;
}

static int give_gen_ai(struct otlp_parse *parse, const struct span *span) {
  struct gen_ai gen_ai = read_gen_ai(parse, span);
  bool invokes = slice_is(gen_ai.operation, "invoke_agent");
  int status = BELFRY_OK;
  if (invokes)
    status = give_execution(parse, span, &gen_ai);
  else if (slice_is(gen_ai.operation, "execute_tool") && gen_ai.agent.len > 0)
    status = give_activity(parse, span, &gen_ai);
  if (!status && gen_ai.conversation.len > 0)
    status = give_session(parse, span, &gen_ai, invokes);
  if (!status && gen_ai.has_usage && !invokes)
    status = give_tokens(parse, span, &gen_ai);
  return status;
}

int otlp__span(struct otlp_parse *parse, struct slice raw) {
  struct span span = {0};
  int status = read_span(parse, raw, &span);
  if (!status)
    status = give_span(parse, &span);
  if (!status)
    status = give_duration(parse, &span);
  return status ? status : give_gen_ai(parse, &span);
}
