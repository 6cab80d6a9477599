/*
 * Log records. One with a name (`eventName`, or the attribute `event.name`) is an event of that
 * type, its attributes the data; all others are log lines.
 */
#include "model/otlp_priv.h"

#include "model/event_type.h"
#include "model/log_json.h"

struct record {
  struct slice time, observed, severity_number, severity_text, body, attributes, trace, span, name;
};

/* 1 to 24, four to a level: trace, debug, info, warn, error, fatal. */
static enum severity severity_of(const struct record *record, struct buf *scratch) {
  static const enum severity levels[] = {SEVERITY_DEBUG,   SEVERITY_DEBUG, SEVERITY_INFO,
                                         SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRITICAL};
  int64_t number;
  enum severity severity;
  struct slice text;
  if (record->severity_number.data && otlp__integer(record->severity_number, &number) &&
      number >= 1 && number <= 24)
    return levels[(number - 1) / 4];
  if (otlp__text(record->severity_text, scratch, &text) && !severity_parse(text, &severity))
    return severity;
  return SEVERITY_INFO;
}

/* The type of a record that has a name. Returns: empty for one without. */
static struct slice type_of(struct otlp_parse *parse, const struct record *record,
                            const struct otlp_attribute *attributes, int count) {
  struct slice name = {0};
  if (!otlp__text(record->name, &parse->scratch, &name) || name.len == 0)
    name = otlp__attribute_text(attributes, count, "event.name", &parse->scratch);
  buf_clear(&parse->name);
  otlp__put_name(&parse->name, name, ".:-");
  return buf_slice(&parse->name);
}

static void put_message(struct otlp_parse *parse, struct slice body) {
  struct slice text = body.data ? json_member(body, "stringValue") : body;
  buf_put_text(&parse->data, "\"message\":");
  if (text.data && text.data[0] == '"') {
    buf_put_slice(&parse->data, text);
  } else if (!body.data) {
    buf_put_text(&parse->data, "\"\"");
  } else { /* a value of another kind: its JSON */
    struct buf value;
    buf_init(&value, parse->options->max_data_bytes);
    if (!otlp__put_value(&value, body))
      buf_clear(&value);
    json_put_string(&parse->data, buf_slice(&value));
    if (buf_status(&value))
      parse->data.status = buf_status(&value);
    buf_fini(&value);
  }
}

/* {"message","attributes":{}} for a line; the attributes themselves, and the body as the message,
   for an event. */
static int put_data(struct otlp_parse *parse, const struct record *record, int count, bool named) {
  struct buf *out = &parse->data;
  bool first = true;
  buf_clear(out);
  buf_put_char(out, '{');
  if (!named || record->body.data) {
    put_message(parse, record->body);
    first = false;
  }
  if (!named) {
    buf_put_text(out, ",\"attributes\":{");
    first = true;
  }
  if (!otlp__put_attributes(out, parse->attributes, count, &first))
    return otlp__wrong(parse, "/attributes", "holds a value that is none of OTLP's");
  otlp__put_context(parse, record->trace, record->span, count, &first);
  buf_put_text(out, named ? "}" : "}}");
  return otlp__data_status(parse);
}

/* A record without any time could come again, and mean it, in another request: its id then depends
   on the whole of the request. */
static int make_id(struct otlp_parse *parse, bool timed, struct slice raw,
                   char id[DERIVED_ID_BYTES]) {
  unsigned char seed[DERIVED_SEED_BYTES];
  if (timed)
    return derived_id_make(&parse->ids, parse->seed, parse->record, raw, id);
  int status = derived_id_seed(&parse->ids, &parse->body, 1, seed);
  return status ? status : derived_id_make(&parse->ids, seed, parse->record, raw, id);
}

/* Those that became the type and the message. */
static int without_used(struct otlp_attribute *attributes, int count, bool has_body) {
  int kept = 0;
  for (int i = 0; i < count; i++)
    if (!slice_is(attributes[i].key, "\"event.name\"") &&
        !(has_body && slice_is(attributes[i].key, "\"message\"")))
      attributes[kept++] = attributes[i];
  return kept;
}

static int take_type(struct otlp_parse *parse, const struct record *record, int count,
                     struct event *event) {
  event->type = type_of(parse, record, parse->attributes, count);
  if (buf_status(&parse->name))
    return buf_status(&parse->name);
  if (event->type.len == 0)
    event->type = slice_of(LOG_EVENT_TYPE);
  if (!event_type_valid(event->type))
    return otlp__wrong(parse, "/eventName", "must be at most 64 bytes long");
  if (!event_type_public(event->type))
    return otlp__wrong(parse, "/eventName", "'%.*s' is a system event, which only Belfry writes",
                       SLICE_ARG(event->type));
  return BELFRY_OK;
}

int otlp__log(struct otlp_parse *parse, struct slice raw) {
  struct record record = {0};
  const struct otlp_member members[] = {
      {"timeUnixNano", &record.time},
      {"observedTimeUnixNano", &record.observed},
      {"severityNumber", &record.severity_number},
      {"severityText", &record.severity_text},
      {"body", &record.body},
      {"attributes", &record.attributes},
      {"traceId", &record.trace},
      {"spanId", &record.span},
      {"eventName", &record.name},
  };
  otlp__members(raw, members, sizeof members / sizeof *members);
  char id[DERIVED_ID_BYTES];
  struct json_walk walk;
  struct slice kind, value;
  if (record.body.data &&
      !(json_walk_start(&walk, record.body) && json_walk_next(&walk, &kind, &value)))
    record.body = slice_new(NULL, 0); /* {}: a value that is none */
  int count = otlp__attributes(record.attributes, parse->attributes);
  if (count < 0)
    return otlp__wrong(parse, "/attributes", "must be an array of at most %d {key, value}",
                       OTLP_ATTRIBUTES_MAX);
  struct event event = {.timestamp_ms = -1, .source = parse->source};
  /* The time it happened wins over the time it was seen. */
  if (!otlp__time(record.observed, &event.timestamp_ms) ||
      !otlp__time(record.time, &event.timestamp_ms))
    return otlp__wrong(parse, "/timeUnixNano", "must be nanoseconds since 1970, before year 10000");
  bool timed = event.timestamp_ms >= 0;
  if (!timed)
    event.timestamp_ms = parse->options->now_ms;
  event.severity = (int)severity_of(&record, &parse->scratch);
  int status = take_type(parse, &record, count, &event);
  bool named = !slice_is(event.type, LOG_EVENT_TYPE);
  if (!status && named)
    count = without_used(parse->attributes, count, record.body.data);
  if (!status)
    status = put_data(parse, &record, count, named);
  if (!status)
    status = make_id(parse, timed, raw, id);
  if (status)
    return status;
  event.event_id = slice_of(id);
  event.data = buf_slice(&parse->data);
  return parse->sink->event(parse->sink->arg, &event);
}
