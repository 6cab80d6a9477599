#include "model/log_json.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "model/severity.h"

#include <string.h>

void log_parsed_init(struct log_parsed *parsed) {
  event_parsed_init(&parsed->event);
  buf_init(&parsed->text, 0);
}

void log_parsed_fini(struct log_parsed *parsed) {
  event_parsed_fini(&parsed->event);
  buf_fini(&parsed->text);
}

/* --- in --- */

/* The members that mean something; of two names for one, the first wins. */
enum {
  MEMBER_MESSAGE,
  MEMBER_MSG,
  MEMBER_SEVERITY,
  MEMBER_LEVEL,
  MEMBER_TIMESTAMP,
  MEMBER_TIME,
  MEMBER_SOURCE,
  MEMBER_EVENT_ID,
  MEMBER_ATTRIBUTES,
  MEMBER_COUNT
};

static const char *const names[MEMBER_COUNT] = {
    [MEMBER_MESSAGE] = "message",       [MEMBER_MSG] = "msg",
    [MEMBER_SEVERITY] = "severity",     [MEMBER_LEVEL] = "level",
    [MEMBER_TIMESTAMP] = "timestamp",   [MEMBER_TIME] = "time",
    [MEMBER_SOURCE] = "source",         [MEMBER_EVENT_ID] = "event_id",
    [MEMBER_ATTRIBUTES] = "attributes",
};

static int member_of(struct slice key) {
  for (int i = 0; i < MEMBER_COUNT; i++)
    if (slice_is(key, names[i]))
      return i;
  return MEMBER_COUNT;
}

static void find_members(struct slice text, struct slice found[MEMBER_COUNT]) {
  struct json_walk walk;
  struct slice key, raw;
  if (json_walk_start(&walk, text))
    while (json_walk_next(&walk, &key, &raw)) {
      int member = member_of(key);
      if (member < MEMBER_COUNT && !slice_is(raw, "null"))
        found[member] = raw;
    }
}

/* Puts all members that have no meaning of their own. */
static void put_others(struct buf *out, struct slice text) {
  struct json_walk walk;
  struct slice key, raw;
  const char *before = ",\"attributes\":{";
  if (json_walk_start(&walk, text))
    while (json_walk_next(&walk, &key, &raw)) {
      if (member_of(key) < MEMBER_COUNT)
        continue;
      buf_printf(out, "%s\"", before);
      buf_put_slice(out, key);
      buf_put_text(out, "\":");
      buf_put_slice(out, raw);
      before = ",";
    }
  if (before[1] == '\0')
    buf_put_char(out, '}');
}

static void put_member(struct buf *out, const char *name, struct slice first, struct slice second) {
  struct slice raw = first.data ? first : second;
  if (!raw.data)
    return;
  buf_printf(out, ",\"%s\":", name);
  buf_put_slice(out, raw);
}

static int parse_as_event(const struct event_parse_options *options, struct log_parsed *out,
                          struct model_problem *problem) {
  struct event_parse_options checked = *options;
  checked.checked = true;
  if (buf_status(&out->text))
    return model_problem_set(problem, buf_status(&out->text), "", "is too large");
  if (json_check_depth(buf_slice(&out->text), JSON_DEPTH_DEFAULT)) /* with what was put around it */
    return model_problem_set(problem, BELFRY_EINVAL, "", "nests deeper than %d levels",
                             JSON_DEPTH_DEFAULT - 2);
  return event_parse(buf_slice(&out->text), &checked, &out->event, problem);
}

static void begin_event(struct buf *out) {
  buf_clear(out);
  buf_put_text(out, "{\"event\":\"" LOG_EVENT_TYPE "\",\"data\":{\"message\":");
}

/* What event_parse calls it, and what the line did. */
static void rename_pointer(struct model_problem *problem, const struct slice *members, int wanted,
                           int other) {
  if (problem->pointer[0] == '/' && strcmp(problem->pointer + 1, names[wanted]) == 0 &&
      !members[wanted].data && members[other].data) {
    struct model_problem copy = *problem;
    char pointer[16] = "/";
    strcat(pointer, names[other]);
    (void)model_problem_set(problem, 0, pointer, "%s", copy.detail);
  }
}

static int parse_object(struct slice text, const struct event_parse_options *options, int severity,
                        struct log_parsed *out, struct model_problem *problem) {
  struct slice members[MEMBER_COUNT] = {{0}};
  find_members(text, members);
  struct slice message = members[members[MEMBER_MESSAGE].data ? MEMBER_MESSAGE : MEMBER_MSG];
  struct slice attributes = members[MEMBER_ATTRIBUTES];
  if (!message.data || message.data[0] != '"')
    return model_problem_set(problem, BELFRY_ECONFLICT,
                             members[MEMBER_MESSAGE].data || !message.data ? "/message" : "/msg",
                             message.data ? "must be a string" : "is missing: the line's text");
  if (attributes.data && attributes.data[0] != '{')
    return model_problem_set(problem, BELFRY_ECONFLICT, "/attributes", "must be an object");
  struct buf *event = &out->text;
  begin_event(event);
  buf_put_slice(event, message);
  if (attributes.data)
    put_member(event, "attributes", attributes, attributes);
  else
    put_others(event, text);
  buf_put_char(event, '}');
  if (members[MEMBER_SEVERITY].data || members[MEMBER_LEVEL].data)
    put_member(event, "severity", members[MEMBER_SEVERITY], members[MEMBER_LEVEL]);
  else
    buf_printf(event, ",\"severity\":\"%s\"", severity_name(severity));
  put_member(event, "timestamp", members[MEMBER_TIMESTAMP], members[MEMBER_TIME]);
  put_member(event, "source", members[MEMBER_SOURCE], members[MEMBER_SOURCE]);
  put_member(event, "event_id", members[MEMBER_EVENT_ID], members[MEMBER_EVENT_ID]);
  buf_put_char(event, '}');
  int status = parse_as_event(options, out, problem);
  if (status) {
    rename_pointer(problem, members, MEMBER_SEVERITY, MEMBER_LEVEL);
    rename_pointer(problem, members, MEMBER_TIMESTAMP, MEMBER_TIME);
  }
  return status;
}

int log_parse(struct slice text, const struct event_parse_options *options, int severity,
              struct log_parsed *out, struct model_problem *problem) {
  if (!options->checked) {
    struct belfry_error error = {0};
    json_t *value = json_parse(text, JSON_DEPTH_DEFAULT, &error);
    if (!value)
      return model_problem_set(problem, error.code, "", "%.200s", error.text);
    json_decref(value);
  }
  text = slice_trim(text);
  if (text.len > 0 && text.data[0] == '{')
    return parse_object(text, options, severity, out, problem);
  if (text.len == 0 || text.data[0] != '"')
    return model_problem_set(problem, BELFRY_ECONFLICT, "",
                             "must be an object with a `message`, or a string");
  begin_event(&out->text);
  buf_put_slice(&out->text, text);
  buf_printf(&out->text, "},\"severity\":\"%s\"}", severity_name(severity));
  return parse_as_event(options, out, problem);
}

int log_parse_plain(struct slice line, const struct event_parse_options *options, int severity,
                    struct log_parsed *out, struct model_problem *problem) {
  struct buf *scratch = &out->event.scratch;
  buf_clear(scratch);
  buf_put_slice(scratch, line);
  if (buf_status(scratch))
    return buf_status(scratch);
  for (size_t i = 0; i < scratch->len; i++)
    if (scratch->data[i] == '\0')
      scratch->data[i] = '\xff'; /* no UTF-8 */
  begin_event(&out->text);
  json_put_string(&out->text, buf_slice(scratch));
  buf_printf(&out->text, "},\"severity\":\"%s\"}", severity_name(severity));
  return parse_as_event(options, out, problem);
}

/* --- out --- */

/* Between the tokens of stored data there may be line breaks. */
static void put_on_one_line(struct buf *out, struct slice raw) {
  size_t start = out->len;
  buf_put_slice(out, raw);
  for (size_t i = start; i < out->len && !buf_status(out); i++)
    if (out->data[i] == '\n' || out->data[i] == '\r')
      out->data[i] = ' ';
}

void log_put_attributes(struct buf *out, const struct event *event) {
  struct slice attributes = json_member(event->data, "attributes"), key, raw;
  struct json_walk walk;
  if (attributes.data && attributes.data[0] == '{') {
    put_on_one_line(out, attributes);
    return;
  }
  const char *separator = "";
  buf_put_char(out, '{');
  if (json_walk_start(&walk, event->data))
    while (json_walk_next(&walk, &key, &raw)) {
      if (slice_is(key, "message"))
        continue;
      buf_printf(out, "%s\"", separator);
      buf_put_slice(out, key);
      buf_put_text(out, "\":");
      put_on_one_line(out, raw);
      separator = ",";
    }
  buf_put_char(out, '}');
}

void log_put_message(struct buf *out, const struct event *event) {
  struct slice raw = json_member(event->data, "message"), text;
  struct buf scratch;
  if (!raw.data || raw.data[0] != '"') {
    put_on_one_line(out, raw);
    return;
  }
  buf_init(&scratch, 0);
  if (buf_reserve(&scratch, raw.len) && json_decode_string(raw, &scratch, &text) == BELFRY_OK)
    buf_put_slice(out, text);
  else
    out->status = BELFRY_ENOMEM;
  buf_fini(&scratch);
}

void log_put_json(struct buf *out, const struct event *event) {
  char timestamp[TIMESTAMP_BYTES];
  timestamp_format(event->timestamp_ms, timestamp);
  buf_printf(out, "{\"id\":%lld,\"timestamp\":\"%s\",\"severity\":\"%s\",\"source\":",
             (long long)event->id, timestamp, severity_name(event->severity));
  json_put_string(out, event->source);
  buf_put_text(out, ",\"message\":");
  struct slice message = json_member(event->data, "message");
  if (message.data && message.data[0] == '"')
    buf_put_slice(out, message);
  else
    json_put_string(out, message); /* its JSON text */
  buf_put_text(out, ",\"attributes\":");
  log_put_attributes(out, event);
  buf_put_char(out, '}');
}
