#include "model/event_json.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "model/event_type.h"
#include "model/timestamp_json.h"

#include <stdio.h>

#define NAME_BYTES_MAX 128 /* of a source and of an event_id */

void event_parsed_init(struct event_parsed *parsed) {
  *parsed = (struct event_parsed){0};
  buf_init(&parsed->scratch, 0);
}

void event_parsed_fini(struct event_parsed *parsed) {
  buf_fini(&parsed->scratch);
}

/* The raw values of the members that mean something; NULL data where absent or null. */
struct event_members {
  struct slice type, data, severity, source, timestamp, event_id;
  const char *type_key; /* under which of its names the type came */
};

static struct event_members find_members(struct slice text) {
  /* In the order of preference: the first that is there gives the type. */
  static const char *const type_keys[] = {"event", "event_type", "type"};
  struct event_members found = {.type_key = type_keys[0]};
  struct slice types[3] = {{0}}, key, raw;
  struct {
    const char *key;
    struct slice *into;
  } members[] = {
      {"event", &types[0]},
      {"event_type", &types[1]},
      {"type", &types[2]},
      {"data", &found.data},
      {"severity", &found.severity},
      {"source", &found.source},
      {"timestamp", &found.timestamp},
      {"event_id", &found.event_id},
  };
  struct json_walk walk;
  if (json_walk_start(&walk, text))
    while (json_walk_next(&walk, &key, &raw))
      for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (slice_is(key, members[i].key) && !slice_is(raw, "null"))
          *members[i].into = raw;
  for (size_t i = 0; i < 3; i++) {
    if (types[i].data) {
      found.type = types[i];
      found.type_key = type_keys[i];
      break;
    }
  }
  return found;
}

static bool has_control(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
      return true;
  return false;
}

static int take_type(const struct event_members *members, struct event_parsed *out,
                     struct model_problem *problem) {
  char pointer[16];
  snprintf(pointer, sizeof pointer, "/%s", members->type_key);
  struct slice *type = &out->event.type;
  if (!members->type.data)
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                             "is missing: the event's type, 1 to 64 of a-z 0-9 _ . : -");
  int status = json_decode_string(members->type, &out->scratch, type);
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || !event_type_valid(*type))
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                             "must be a string of 1 to 64 of a-z 0-9 _ . : -");
  if (!event_type_public(*type))
    return model_problem_set(problem, BELFRY_EDENIED, pointer,
                             "'%.*s' is a system event, which only Belfry itself writes",
                             SLICE_ARG(*type));
  return BELFRY_OK;
}

/* A source or an event id: text of bounded length without control characters. */
static int take_name(struct slice raw, const char *pointer, struct event_parsed *out,
                     struct slice *name, struct model_problem *problem) {
  int status = json_decode_string(raw, &out->scratch, name);
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || name->len < 1 || name->len > NAME_BYTES_MAX || has_control(*name))
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                             "must be a string of 1 to %d bytes without control characters",
                             NAME_BYTES_MAX);
  return BELFRY_OK;
}

static int take_severity(struct slice raw, struct event_parsed *out,
                         struct model_problem *problem) {
  struct slice name;
  enum severity severity;
  int status = json_decode_string(raw, &out->scratch, &name);
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || severity_parse(name, &severity))
    return model_problem_set(problem, BELFRY_ECONFLICT, "/severity",
                             "must be debug, info, success, warning, error or critical");
  out->event.severity = severity;
  return BELFRY_OK;
}

static int take_data(struct slice raw, const struct event_parse_options *options,
                     struct event_parsed *out, struct model_problem *problem) {
  if (raw.data[0] != '{')
    return model_problem_set(problem, BELFRY_ECONFLICT, "/data", "must be an object");
  if (raw.len > options->max_data_bytes)
    return model_problem_set(problem, BELFRY_ETOOBIG, "/data",
                             "holds %zu bytes; at most %zu are taken", raw.len,
                             options->max_data_bytes);
  out->event.data = raw;
  return BELFRY_OK;
}

static int check_text(struct slice text, struct model_problem *problem) {
  struct belfry_error error = {0};
  json_t *value = json_parse(text, JSON_DEPTH_DEFAULT, &error);
  if (!value)
    return model_problem_set(problem, error.code, "", "%.200s", error.text);
  json_decref(value);
  return BELFRY_OK;
}

int event_parse(struct slice text, const struct event_parse_options *options,
                struct event_parsed *out, struct model_problem *problem) {
  int status = options->checked ? BELFRY_OK : check_text(text, problem);
  if (status)
    return status;
  text = slice_trim(text);
  if (text.len == 0 || text.data[0] != '{')
    return model_problem_set(problem, BELFRY_ECONFLICT, "", "must be an object");

  struct event_members members = find_members(text);
  /* Whatever is decoded fits, and nothing that was decoded moves. */
  buf_clear(&out->scratch);
  if (!buf_reserve(&out->scratch, text.len + ULID_BYTES))
    return model_problem_set(problem, buf_status(&out->scratch), "", "is too large");
  out->event = (struct event){
      .timestamp_ms = options->now_ms, .source = options->default_source, .data = slice_of("{}")};
  status = take_type(&members, out, problem);
  if (status)
    return status;
  const struct event_type *known = event_type_find(out->event.type);
  out->event.severity = known ? (int)known->severity : SEVERITY_INFO;
  if (members.severity.data)
    status = take_severity(members.severity, out, problem);
  if (!status && members.source.data)
    status = take_name(members.source, "/source", out, &out->event.source, problem);
  if (!status && members.timestamp.data)
    status = timestamp_take(members.timestamp, &out->scratch, &out->event.timestamp_ms, problem);
  if (!status && members.data.data)
    status = take_data(members.data, options, out, problem);
  if (status)
    return status;
  if (members.event_id.data)
    return take_name(members.event_id, "/event_id", out, &out->event.event_id, problem);
  char ulid[ULID_BYTES];
  ulid_make(options->ulids, options->now_ms, ulid);
  size_t start = out->scratch.len;
  buf_put_text(&out->scratch, ulid);
  out->event.event_id = slice_new(out->scratch.data + start, ULID_BYTES - 1);
  return BELFRY_OK;
}

/* Data is kept as it was accepted, line breaks between its members too; a line of output has none.
 */
static void put_on_one_line(struct buf *out, struct slice data) {
  size_t start = out->len;
  buf_put_slice(out, data);
  if (buf_status(out) || data.len == 0 ||
      (!memchr(data.data, '\n', data.len) && !memchr(data.data, '\r', data.len)))
    return;
  for (size_t i = start; i < out->len; i++)
    if (out->data[i] == '\n' || out->data[i] == '\r')
      out->data[i] = ' ';
}

void event_put_json(struct buf *out, const struct event *event) {
  char timestamp[TIMESTAMP_BYTES], received[TIMESTAMP_BYTES];
  timestamp_format(event->timestamp_ms, timestamp);
  timestamp_format(event->received_ms, received);
  buf_put_text(out, "{\"event\":");
  json_put_string(out, event->type);
  buf_put_text(out, ",\"data\":");
  put_on_one_line(out, event->data);
  buf_printf(out, ",\"id\":%lld,\"event_id\":", (long long)event->id);
  json_put_string(out, event->event_id);
  buf_printf(out, ",\"severity\":\"%s\",\"source\":", severity_name(event->severity));
  json_put_string(out, event->source);
  buf_printf(out, ",\"timestamp\":\"%s\",\"received\":\"%s\"}", timestamp, received);
}
