#include "cli/event_args.h"

#include "base/json.h"

#include <stdbool.h>
#include <string.h>

/* Returns: the `=` of KEY=VALUE, where KEY is a plain name; NULL when the word is not that. */
static const char *equals_sign(const char *word) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  size_t len = strspn(word, plain);
  bool starts_well = strchr("0123456789.-", word[0]) == NULL;
  return len > 0 && starts_well && word[len] == '=' ? word + len : NULL;
}

/* What JSON itself would not take as a string. */
static bool is_bare_value(const char *text) {
  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "null") == 0)
    return true;
  if (!(text[0] == '-' || (text[0] >= '0' && text[0] <= '9')))
    return false;
  json_t *number = json_parse(slice_of(text), 1, NULL);
  bool is_number = json_is_number(number) && strpbrk(text, " \t\r\n") == NULL;
  json_decref(number);
  return is_number;
}

static void put_separator(struct buf *object) {
  if (object->len > 0 && object->data[object->len - 1] != '{')
    buf_put_char(object, ',');
}

static void put_member(struct buf *object, struct slice key, const char *value, bool bare) {
  put_separator(object);
  json_put_string(object, key);
  buf_put_char(object, ':');
  if (bare)
    buf_put_text(object, value);
  else
    json_put_string(object, slice_of(value));
}

/* Fails when one of the texts is not UTF-8: it would be stored as something else. */
static int check_utf8(const char *text, struct belfry_error *error) {
  struct slice slice = slice_of(text);
  return utf8_valid_prefix(slice) == slice.len
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_EINVAL, "'%s' is not UTF-8", text);
}

static int put_pairs(const struct event_args *args, struct buf *object,
                     struct belfry_error *error) {
  for (int i = 0; i < args->word_count; i++) {
    const char *word = args->words[i], *equals = equals_sign(word);
    if (!equals)
      continue;
    if (check_utf8(word, error))
      return BELFRY_EINVAL;
    struct slice key = slice_new(word, (size_t)(equals - word));
    for (int before = 0; before < i; before++)
      if (equals_sign(args->words[before]) && strncmp(args->words[before], word, key.len + 1) == 0)
        return belfry_error_set(error, BELFRY_EINVAL, "'%.*s' is given twice", SLICE_ARG(key));
    put_member(object, key, equals + 1, is_bare_value(equals + 1));
  }
  return BELFRY_OK;
}

static int put_message(const struct event_args *args, struct buf *message,
                       struct belfry_error *error) {
  if (args->message)
    buf_put_text(message, args->message);
  for (int i = 0; i < args->word_count; i++) {
    if (equals_sign(args->words[i]))
      continue;
    if (args->message)
      return belfry_error_set(error, BELFRY_EINVAL,
                              "'%s' would be a second message beside --message", args->words[i]);
    if (message->len > 0)
      buf_put_char(message, ' ');
    buf_put_text(message, args->words[i]);
  }
  return message->data ? check_utf8(message->data, error) : BELFRY_OK;
}

/* Puts the members of `--data` and checks that none of them is said again. */
static int put_given(const struct event_args *args, bool log, bool has_message, struct buf *data,
                     struct belfry_error *error) {
  struct belfry_error why = {0};
  int status = BELFRY_EINVAL;
  json_t *given = json_parse(slice_of(args->data), JSON_DEPTH_DEFAULT, &why);
  if (!given) {
    belfry_error_set(error, status, "--data is not JSON: %s", why.text);
    goto out;
  }
  if (!json_is_object(given)) {
    belfry_error_set(error, status, "--data must be a JSON object such as '{\"key\":\"value\"}'");
    goto out;
  }
  if (has_message && json_object_get(given, "message")) {
    belfry_error_set(error, status, "--data has a `message` already: leave one of the two out");
    goto out;
  }
  for (int i = 0; i < args->word_count; i++) {
    const char *equals = equals_sign(args->words[i]);
    struct slice key = slice_new(args->words[i], equals ? (size_t)(equals - args->words[i]) : 0);
    char name[256];
    if (!equals || key.len >= sizeof name)
      continue;
    memcpy(name, key.data, key.len);
    name[key.len] = '\0';
    if (json_object_get(given, log ? "attributes" : name)) {
      belfry_error_set(error, status, "--data has `%s` already: leave one of the two out",
                       log ? "attributes" : name);
      goto out;
    }
  }
  struct slice text = slice_trim(slice_of(args->data));
  put_separator(data);
  struct slice inside = slice_trim(slice_new(text.data + 1, text.len - 2));
  if (inside.len == 0 && data->data[data->len - 1] == ',')
    data->data[--data->len] = '\0';
  buf_put_slice(data, inside);
  status = BELFRY_OK;
out:
  json_decref(given);
  return status;
}

static int put_data(const struct event_args *args, bool log, struct buf *out,
                    struct belfry_error *error) {
  struct buf message, pairs;
  buf_init(&message, 0);
  buf_init(&pairs, 0);
  int status = put_message(args, &message, error);
  if (!status)
    status = put_pairs(args, &pairs, error);
  if (status)
    goto out;
  buf_put_char(out, '{');
  if (message.len > 0)
    put_member(out, slice_of("message"), message.data, false);
  if (args->data)
    status = put_given(args, log, message.len > 0, out, error);
  if (!status && log && message.len == 0 &&
      !(args->data && json_member(slice_of(args->data), "message").data))
    status = belfry_error_set(error, BELFRY_EINVAL, "a log line needs a message (or say --type)");
  if (status)
    goto out;
  if (pairs.len > 0) {
    put_separator(out);
    if (log)
      buf_put_text(out, "\"attributes\":{");
    buf_put_slice(out, buf_slice(&pairs));
    if (log)
      buf_put_char(out, '}');
  }
  buf_put_char(out, '}');
out:
  buf_fini(&message);
  buf_fini(&pairs);
  return status;
}

int event_args_put(const struct event_args *args, struct buf *out, struct belfry_error *error) {
  const struct {
    const char *key, *value;
  } members[] = {
      {"severity", args->severity},
      {"source", args->source},
      {"timestamp", args->timestamp},
      {"event_id", args->id},
  };
  const char *type = args->type ? args->type : "log";
  buf_put_char(out, '{');
  if (check_utf8(type, error))
    return BELFRY_EINVAL;
  put_member(out, slice_of("event"), type, false);
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    if (!members[i].value)
      continue;
    if (check_utf8(members[i].value, error))
      return BELFRY_EINVAL;
    put_member(out, slice_of(members[i].key), members[i].value, false);
  }
  buf_put_text(out, ",\"data\":");
  int status = put_data(args, strcmp(type, "log") == 0, out, error);
  buf_put_char(out, '}');
  return status ? status : buf_status(out);
}

int event_line_put(struct slice line, const char *id, const char *source, struct buf *out,
                   struct belfry_error *error) {
  struct belfry_error why = {0};
  line = slice_trim(line);
  json_t *event = json_parse(line, JSON_DEPTH_DEFAULT + 1, &why);
  if (!json_is_object(event)) {
    json_decref(event);
    return belfry_error_set(error, BELFRY_EINVAL, "not a JSON object%s%s", why.code ? ": " : "",
                            why.text);
  }
  bool has_id = json_object_get(event, "event_id") != NULL;
  bool has_source = !source || json_object_get(event, "source") != NULL;
  bool empty = json_object_size(event) == 0;
  json_decref(event);
  size_t start = out->len;
  buf_put_char(out, '{');
  if (!has_id)
    put_member(out, slice_of("event_id"), id, false);
  if (!has_source)
    put_member(out, slice_of("source"), source, false);
  if (out->len > start + 1 && !empty)
    buf_put_char(out, ',');
  buf_put(out, line.data + 1, line.len - 1);
  /* A line of NDJSON is one line; JSON text has raw line breaks only between its tokens. */
  for (size_t i = start; i < out->len; i++)
    if (out->data[i] == '\r')
      out->data[i] = ' ';
  return buf_status(out);
}
