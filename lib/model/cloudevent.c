#include "model/cloudevent.h"

#include "base/json.h"
#include "base/percent.h"
#include "base/timestamp.h"
#include "model/event_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define NAME_BYTES_MAX    128 /* of a source and of an id, as of all events */
#define TYPE_BYTES_MAX    64
#define CONTEXT_BYTES_MAX 16384
#define ATTRIBUTES_MAX    64

void cloudevent_parsed_init(struct cloudevent_parsed *parsed) {
  event_parsed_init(&parsed->event);
  buf_init(&parsed->text, 0);
  buf_init(&parsed->data, 0);
}

void cloudevent_parsed_fini(struct cloudevent_parsed *parsed) {
  event_parsed_fini(&parsed->event);
  buf_fini(&parsed->text);
  buf_fini(&parsed->data);
}

/* --- the JSON format --- */

/* The raw values of the attributes that mean something to us; NULL data where absent or null. */
struct attributes {
  struct slice specversion, id, source, type, time, severity, datacontenttype;
  struct slice data, data_base64;
};

static bool has_control(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
      return true;
  return false;
}

static bool name_valid(struct slice name) {
  if (name.len < 1 || name.len > CLOUDEVENT_NAME_BYTES_MAX)
    return false;
  for (size_t i = 0; i < name.len; i++)
    if (!((name.data[i] >= 'a' && name.data[i] <= 'z') ||
          (name.data[i] >= '0' && name.data[i] <= '9')))
      return false;
  return true;
}

/* Sorts the members into `found`, and puts those that are carried along into `context`, which is
   the inside of an object. */
static int sort_members(struct slice text, struct attributes *found, struct buf *context,
                        struct model_problem *problem) {
  const struct {
    const char *name;
    struct slice *raw;
  } known[] = {{"specversion", &found->specversion},
               {"id", &found->id},
               {"source", &found->source},
               {"type", &found->type},
               {"time", &found->time},
               {"severity", &found->severity},
               {"datacontenttype", &found->datacontenttype},
               {"data", &found->data},
               {"data_base64", &found->data_base64}};
  struct json_walk walk;
  struct slice key, raw;
  size_t count = 0;
  if (!json_walk_start(&walk, text))
    return BELFRY_OK;
  while (json_walk_next(&walk, &key, &raw)) {
    struct slice *into = NULL;
    char pointer[CLOUDEVENT_NAME_BYTES_MAX + 2];
    if (slice_is(raw, "null"))
      continue;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      if (slice_is(key, known[i].name))
        into = known[i].raw;
    if (into) {
      *into = raw;
      continue;
    }
    snprintf(pointer, sizeof pointer, "/%.*s",
             key.len < CLOUDEVENT_NAME_BYTES_MAX ? (int)key.len : CLOUDEVENT_NAME_BYTES_MAX,
             key.data);
    if (!name_valid(key))
      return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                               "is no attribute's name: 1 to %d of a-z 0-9",
                               CLOUDEVENT_NAME_BYTES_MAX);
    if (raw.data[0] == '{' || raw.data[0] == '[')
      return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                               "must be a string, a number or a boolean, as all attributes");
    if (++count > ATTRIBUTES_MAX)
      return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                               "is one of more than %d "
                               "attributes",
                               ATTRIBUTES_MAX);
    buf_printf(context, "%s\"%.*s\":", context->len > 0 ? "," : "", SLICE_ARG(key));
    buf_put_slice(context, raw);
  }
  return BELFRY_OK;
}

static int take_text(struct slice raw, const char *pointer, size_t max, struct buf *scratch,
                     struct slice *out, struct model_problem *problem) {
  if (!raw.data)
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                             "is missing; an event must have "
                             "specversion, id, source and type");
  int status = json_decode_string(raw, scratch, out);
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || out->len < 1 || out->len > max || has_control(*out))
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                             "must be a string of 1 to %zu bytes without control characters", max);
  return BELFRY_OK;
}

/* Lower case, and `_` for what our types do not have. What was changed is kept in the context. */
static int take_type(const struct attributes *found, struct cloudevent_parsed *out,
                     struct buf *context, struct model_problem *problem) {
  struct buf *scratch = &out->event.scratch;
  struct slice given;
  int status = take_text(found->type, "/type", TYPE_BYTES_MAX, scratch, &given, problem);
  if (status)
    return status;
  size_t start = scratch->len;
  for (size_t i = 0; i < given.len; i++) {
    char c = given.data[i];
    if (c >= 'A' && c <= 'Z')
      c = (char)(c - 'A' + 'a');
    buf_put_char(scratch, event_type_valid(slice_new(&c, 1)) ? c : '_');
  }
  struct slice type = slice_new(scratch->data + start, scratch->len - start);
  if (!event_type_public(type))
    return model_problem_set(problem, BELFRY_EDENIED, "/type",
                             "'%.*s' is a system event, which only Belfry itself writes",
                             SLICE_ARG(type));
  if (!slice_equal(type, given)) {
    buf_put_text(context, context->len > 0 ? ",\"type\":" : "\"type\":");
    buf_put_slice(context, found->type);
  }
  out->event.event.type = type;
  return BELFRY_OK;
}

static int take_time(struct slice raw, struct cloudevent_parsed *out,
                     struct model_problem *problem) {
  struct slice text = {0};
  if (!raw.data)
    return BELFRY_OK;
  int status = json_decode_string(raw, &out->event.scratch, &text);
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || timestamp_parse(text, &out->event.event.timestamp_ms))
    return model_problem_set(problem, BELFRY_ECONFLICT, "/time",
                             "must be a time such as \"2026-11-20T10:30:00Z\", from 1970 to 9999");
  return BELFRY_OK;
}

/* An extension that says how grave it is. One with another meaning is carried along. */
static int take_severity(struct slice raw, struct cloudevent_parsed *out, struct buf *context) {
  const struct event_type *known = event_type_find(out->event.event.type);
  enum severity severity = known ? known->severity : SEVERITY_INFO;
  struct slice name;
  int status = raw.data ? json_decode_string(raw, &out->event.scratch, &name) : BELFRY_OK;
  if (status == BELFRY_ENOMEM)
    return status;
  if (raw.data && (status || severity_parse(name, &severity))) {
    buf_put_text(context, context->len > 0 ? ",\"severity\":" : "\"severity\":");
    buf_put_slice(context, raw);
  }
  out->event.event.severity = (int)severity;
  return BELFRY_OK;
}

static bool is_base64(struct slice text) {
  size_t i = 0;
  while (i < text.len && ((text.data[i] >= 'A' && text.data[i] <= 'Z') ||
                          (text.data[i] >= 'a' && text.data[i] <= 'z') ||
                          (text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '+' ||
                          text.data[i] == '/'))
    i++;
  size_t padding = text.len - i;
  return text.len % 4 == 0 && padding <= 2 && memcmp(text.data + i, "==", padding) == 0;
}

/* application/json, and the types that are JSON by their ending (RFC 6839, 3.1). */
static bool is_json_type(struct slice type) {
  struct slice rest = type, media;
  (void)slice_split(&rest, ';', &media);
  media = slice_trim(media);
  return (media.len == 16 && strncasecmp(media.data, "application/json", 16) == 0) ||
         (media.len > 5 && strncasecmp(media.data + media.len - 5, "+json", 5) == 0);
}

static int take_content_type(struct slice raw, struct cloudevent_parsed *out, struct buf *context,
                             struct model_problem *problem) {
  struct slice type;
  if (!raw.data)
    return BELFRY_OK;
  int status = take_text(raw, "/datacontenttype", 256, &out->event.scratch, &type, problem);
  if (!status && !is_json_type(type)) {
    buf_put_text(context, context->len > 0 ? ",\"datacontenttype\":" : "\"datacontenttype\":");
    buf_put_slice(context, raw);
  }
  return status;
}

/* Puts the data together. What was accepted is stored byte for byte where nothing is put beside it.
 */
static int take_data(const struct attributes *found, const struct buf *context,
                     const struct event_parse_options *options, struct cloudevent_parsed *out,
                     struct model_problem *problem) {
  struct slice base64 = found->data_base64, data = found->data;
  const char *pointer = base64.data ? "/data_base64" : "/data";
  if (base64.data && data.data)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/data_base64",
                             "and data are both there: an event has one of them");
  if (base64.data &&
      (base64.data[0] != '"' || !is_base64(slice_new(base64.data + 1, base64.len - 2))))
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer, "must be a string in base64");
  bool object = data.data && data.data[0] == '{' && !json_member(data, "cloudevent").data;
  struct buf *text = &out->data;
  buf_clear(text);
  if (object && context->len == 0) {
    out->event.event.data = data;
  } else {
    const char *separator = "";
    buf_put_char(text, '{');
    if (object) {
      struct slice inside = slice_trim(slice_new(data.data + 1, data.len - 2));
      buf_put_slice(text, inside);
      separator = inside.len > 0 ? "," : "";
    } else if (data.data || base64.data) {
      buf_printf(text, "\"%s\":", pointer + 1);
      buf_put_slice(text, base64.data ? base64 : data);
      separator = ",";
    }
    if (context->len > 0) {
      buf_printf(text, "%s\"cloudevent\":{", separator);
      buf_put_slice(text, buf_slice(context));
      buf_put_char(text, '}');
    }
    buf_put_char(text, '}');
    out->event.event.data = buf_slice(text);
  }
  if (buf_status(text))
    return buf_status(text);
  if (out->event.event.data.len > options->max_data_bytes)
    return model_problem_set(problem, BELFRY_ETOOBIG, pointer,
                             "makes %zu bytes with what is carried along; at most %zu are taken",
                             out->event.event.data.len, options->max_data_bytes);
  if (json_check_depth(out->event.event.data, JSON_DEPTH_DEFAULT))
    return model_problem_set(problem, BELFRY_EINVAL, pointer, "nests deeper than %d levels",
                             JSON_DEPTH_DEFAULT - 1);
  return BELFRY_OK;
}

static int take_attributes(const struct attributes *found,
                           const struct event_parse_options *options, struct cloudevent_parsed *out,
                           struct buf *context, struct model_problem *problem) {
  struct event *event = &out->event.event;
  struct buf *scratch = &out->event.scratch;
  struct slice version;
  int status = take_text(found->specversion, "/specversion", 8, scratch, &version, problem);
  if (!status && !slice_is(version, "1.0"))
    status = model_problem_set(problem, BELFRY_ECONFLICT, "/specversion",
                               "must be \"1.0\", the version that is understood here");
  if (!status)
    status = take_text(found->id, "/id", NAME_BYTES_MAX, scratch, &event->event_id, problem);
  if (!status)
    status = take_text(found->source, "/source", NAME_BYTES_MAX, scratch, &event->source, problem);
  if (!status)
    status = take_type(found, out, context, problem);
  if (!status)
    status = take_time(found->time, out, problem);
  if (!status)
    status = take_severity(found->severity, out, context);
  if (!status)
    status = take_content_type(found->datacontenttype, out, context, problem);
  if (!status && buf_status(context))
    status = buf_status(context) == BELFRY_ETOOBIG
                 ? model_problem_set(problem, BELFRY_ETOOBIG, "",
                                     "has more than %d bytes of attributes", CONTEXT_BYTES_MAX)
                 : buf_status(context);
  return status ? status : take_data(found, context, options, out, problem);
}

int cloudevent_parse(struct slice text, const struct event_parse_options *options,
                     struct cloudevent_parsed *out, struct model_problem *problem) {
  text = slice_trim(text);
  if (text.len == 0 || text.data[0] != '{')
    return model_problem_set(problem, BELFRY_ECONFLICT, "", "must be an object");
  /* Whatever is decoded fits, and nothing that was decoded moves. */
  buf_clear(&out->event.scratch);
  if (!buf_reserve(&out->event.scratch, 2 * text.len + TYPE_BYTES_MAX))
    return model_problem_set(problem, buf_status(&out->event.scratch), "", "is too large");
  out->event.event = (struct event){.timestamp_ms = options->now_ms};
  struct attributes found = {0};
  struct buf context;
  buf_init(&context, CONTEXT_BYTES_MAX);
  int status = sort_members(text, &found, &context, problem);
  if (!status)
    status = take_attributes(&found, options, out, &context, problem);
  buf_fini(&context);
  return status;
}

/* --- binary mode --- */

/* A header's value: a quoted string without its quotes, then percent-decoded once (HTTP protocol
   binding, 3.1.3.2). Returns: 0, BELFRY_EINVAL, or BELFRY_ENOMEM. */
static int decode_header(struct slice value, struct buf *out) {
  struct buf bare;
  buf_init(&bare, 0);
  value = slice_trim(value);
  if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
    for (size_t i = 1; i + 1 < value.len; i++) {
      if (value.data[i] == '\\' && i + 2 < value.len)
        i++;
      buf_put_char(&bare, value.data[i]);
    }
    value = buf_slice(&bare);
  }
  buf_clear(out);
  bool decoded = percent_decode(value, false, out);
  int status = buf_status(&bare) ? buf_status(&bare) : buf_status(out);
  if (!status && (!decoded || utf8_valid_prefix(buf_slice(out)) != out->len))
    status = BELFRY_EINVAL;
  buf_fini(&bare);
  return status;
}

static void put_base64(struct buf *out, struct slice bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  buf_put_char(out, '"');
  for (size_t i = 0; i < bytes.len; i += 3) {
    const unsigned char *at = (const unsigned char *)bytes.data + i;
    size_t left = bytes.len - i;
    uint32_t three = (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) |
                     (left > 2 ? (uint32_t)at[2] : 0);
    const char four[] = {digits[three >> 18], digits[three >> 12 & 63],
                         left > 1 ? digits[three >> 6 & 63] : '=',
                         left > 2 ? digits[three & 63] : '='};
    buf_put(out, four, sizeof four);
  }
  buf_put_char(out, '"');
}

static bool is_text_type(struct slice type) {
  return type.len >= 5 && strncasecmp(type.data, "text/", 5) == 0;
}

/* Puts the body as a member of the event in the JSON format. */
static int put_body(struct buf *out, struct slice type, struct slice body,
                    struct model_problem *problem) {
  struct belfry_error error = {0};
  if (body.len == 0)
    return BELFRY_OK;
  bool untyped = slice_trim(type).len == 0, json = is_json_type(type);
  if (json || untyped) {
    json_t *checked = json_parse(body, JSON_DEPTH_DEFAULT, &error);
    json_decref(checked);
    if (checked) {
      buf_put_text(out, ",\"data\":");
      buf_put_slice(out, slice_trim(body));
      return BELFRY_OK;
    }
    if (json || error.code == BELFRY_ENOMEM)
      return model_problem_set(problem, error.code, "", "%.200s", error.text);
  }
  bool text = (untyped || is_text_type(type)) && utf8_valid_prefix(body) == body.len &&
              !memchr(body.data, '\0', body.len);
  buf_put_text(out, text ? ",\"data\":" : ",\"data_base64\":");
  if (text)
    json_put_string(out, body);
  else
    put_base64(out, body);
  return BELFRY_OK;
}

/* "/id" is the header ce-id. */
static void name_header(struct model_problem *problem) {
  struct model_problem copy = *problem;
  char pointer[sizeof problem->pointer];
  if (copy.pointer[0] != '/')
    return;
  if (strncmp(copy.pointer, "/data", 5) == 0)
    pointer[0] = '\0';
  else
    snprintf(pointer, sizeof pointer, "ce-%.150s", copy.pointer + 1);
  if (strcmp(copy.pointer, "/datacontenttype") == 0)
    snprintf(pointer, sizeof pointer, "content-type");
  (void)model_problem_set(problem, 0, pointer, "%s", copy.detail);
}

static int put_headers(struct buf *out, const struct cloudevent_header *headers, size_t count,
                       struct buf *value, struct model_problem *problem) {
  for (size_t i = 0; i < count; i++) {
    char pointer[CLOUDEVENT_NAME_BYTES_MAX + 4];
    struct slice name = headers[i].name;
    snprintf(pointer, sizeof pointer, "ce-%.*s",
             name.len < CLOUDEVENT_NAME_BYTES_MAX ? (int)name.len : CLOUDEVENT_NAME_BYTES_MAX,
             name.data);
    if (!name_valid(name) || slice_is(name, "data") || slice_is(name, "datacontenttype"))
      return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                               "is no attribute's name (ce- and 1 to %d of a-z 0-9); data and its "
                               "type are the body and Content-Type",
                               CLOUDEVENT_NAME_BYTES_MAX);
    for (size_t j = 0; j < i; j++)
      if (slice_equal(headers[j].name, name))
        return model_problem_set(problem, BELFRY_EINVAL, pointer, "is there twice");
    int status = decode_header(headers[i].value, value);
    if (status == BELFRY_EINVAL)
      return model_problem_set(problem, BELFRY_EINVAL, pointer,
                               "must be UTF-8, percent-encoded once");
    if (status)
      return status;
    buf_printf(out, "%s\"%.*s\":", i ? "," : "{", SLICE_ARG(name));
    json_put_string(out, buf_slice(value));
  }
  return BELFRY_OK;
}

int cloudevent_parse_binary(const struct cloudevent_header *headers, size_t count,
                            struct slice content_type, struct slice body,
                            const struct event_parse_options *options,
                            struct cloudevent_parsed *out, struct model_problem *problem) {
  struct buf *text = &out->text, value;
  buf_clear(text);
  buf_init(&value, 0);
  int status = put_headers(text, headers, count, &value, problem);
  buf_fini(&value);
  if (!status && slice_trim(content_type).len > 0) {
    buf_put_text(text, ",\"datacontenttype\":");
    json_put_string(text, slice_trim(content_type));
  }
  if (!status)
    status = put_body(text, content_type, body, problem);
  if (status)
    return status;
  buf_put_char(text, '}');
  if (buf_status(text))
    return model_problem_set(problem, buf_status(text), "", "is too large");
  status = cloudevent_parse(buf_slice(text), options, out, problem);
  if (status)
    name_header(problem);
  return status;
}
