#include "cli/tail.h"

#include "base/json.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void on_sse_message(void *arg, struct slice name, struct slice data) {
  (void)name;
  tail_take(arg, data);
}

void tail_init(struct tail *tail, const struct tail_options *options) {
  *tail = (struct tail){
      .options = *options, .terminal = isatty(STDOUT_FILENO), .place = -1, .closing_ms = -1};
  sse_init(&tail->sse, on_sse_message, tail);
}

void tail_fini(struct tail *tail) {
  sse_fini(&tail->sse);
}

/* `log` lines come only to those who ask: --logs beside --event adds them. */
static void put_events_parameter(struct buf *path, const struct tail_options *options) {
  struct buf globs;
  buf_init(&globs, 0);
  if (options->event)
    buf_put_text(&globs, options->event);
  if (options->logs)
    buf_put_text(&globs, options->event ? ",log" : "*");
  url_put_parameter(path, "events", globs.data);
  buf_fini(&globs);
}

void tail_put_filters(struct buf *path, const struct tail *tail) {
  put_events_parameter(path, &tail->options);
  url_put_parameter(path, "min_severity", tail->options.severity);
  url_put_parameter(path, "sources", tail->options.source);
  url_put_parameter(path, "interval", tail->options.interval);
}

/* --- where it is --------------------------------------------------------------------------------
 */

static void move_to(struct tail *tail, const json_t *id) {
  if (json_is_integer(id) && json_integer_value(id) > tail->place)
    tail->place = json_integer_value(id);
}

static void on_connected(struct tail *tail, const json_t *data) {
  bool asked = tail->was_lost || tail->options.since;
  const char *epoch = json_string_value(json_object_get(data, "epoch"));
  tail->connected = true;
  if (epoch)
    snprintf(tail->epoch, sizeof tail->epoch, "%s", epoch);
  tail->place = -1; /* of another history, perhaps */
  move_to(tail, json_object_get(data, "resumed_from"));
  if (asked && json_is_false(json_object_get(data, "complete")))
    command_complain("some events since then cannot be had any more: `belfry query` shows what is "
                     "still kept");
  else if (tail->was_lost)
    command_complain("connected again, nothing was missed");
}

/* What is no event of the log. Kinds that a tail has no use for are passed over. */
static void on_notice(struct tail *tail, const char *kind, const json_t *data) {
  const char *reason = json_string_value(json_object_get(data, "reason"));
  if (strcmp(kind, "connected") == 0) {
    on_connected(tail, data);
  } else if (strcmp(kind, "position") == 0) {
    move_to(tail, json_object_get(data, "head"));
  } else if (strcmp(kind, "gap") == 0) {
    command_complain("events %" PRId64 " to %" PRId64
                     " were not sent (%s): `belfry query` has them",
                     (int64_t)json_integer_value(json_object_get(data, "from")),
                     (int64_t)json_integer_value(json_object_get(data, "to")),
                     reason ? reason : "no reason given");
    move_to(tail, json_object_get(data, "to"));
  } else if (strcmp(kind, "closing") == 0) {
    const json_t *after = json_object_get(data, "retry_after_ms");
    command_complain("the server closes the connection: %s", reason ? reason : "no reason given");
    if (json_is_integer(after) && json_integer_value(after) >= 0)
      tail->closing_ms = json_integer_value(after) < TAIL_RETRY_MAX_MS ? json_integer_value(after)
                                                                       : TAIL_RETRY_MAX_MS;
  } else if (strcmp(kind, "error") == 0) {
    const char *message = json_string_value(json_object_get(data, "message"));
    command_complain("the server says: %s", message ? message : "an error without a message");
  }
}

/* --- showing ------------------------------------------------------------------------------------
 */

/* As it came. But a line stays one line, and a terminal gets no control characters. */
static void put_raw(struct buf *line, struct slice message, bool terminal) {
  if (terminal) {
    show_put_json(line, message);
  } else {
    size_t start = line->len;
    buf_put_slice(line, message);
    for (size_t i = start; i < line->len; i++)
      if (line->data[i] == '\n' || line->data[i] == '\r')
        line->data[i] = ' '; /* between tokens: strings have them escaped */
  }
  buf_put_char(line, '\n');
}

static void print_line(struct buf *line) {
  fwrite(line->data ? line->data : "", 1, line->len, stdout);
  buf_clear(line);
}

static void take_one(struct tail *tail, struct slice text, struct buf *line) {
  json_t *message = json_parse(text, JSON_DEPTH_DEFAULT * 2, NULL);
  const char *kind = json_string_value(json_object_get(message, "event"));
  const json_t *id = json_object_get(message, "id");
  if (!kind) {
    if (!tail->options.raw)
      command_complain("a message that is no event was left out: %.*s",
                       (int)(text.len < 80 ? text.len : 80), text.data ? text.data : "");
  } else if (!id) {
    on_notice(tail, kind, json_object_get(message, "data"));
  } else {
    move_to(tail, id);
    if (!tail->options.raw && tail->options.json) {
      show_put_json(line, text);
      buf_put_char(line, '\n');
    } else if (!tail->options.raw) {
      show_put_event(line, text, tail->options.coloured);
    }
    print_line(line);
  }
  json_decref(message);
}

void tail_take(struct tail *tail, struct slice message) {
  struct json_walk walk;
  struct slice one;
  struct buf line;
  buf_init(&line, 0);
  if (tail->options.raw) {
    put_raw(&line, message, tail->terminal);
    print_line(&line);
  }
  /* Several come as an array to one who has asked for batches. The walk needs valid text. */
  json_t *batch = message.len > 0 && message.data[0] == '['
                      ? json_parse(message, JSON_DEPTH_DEFAULT * 2, NULL)
                      : NULL;
  if (batch && json_walk_start(&walk, message)) {
    while (json_walk_next(&walk, NULL, &one))
      take_one(tail, one, &line);
  } else {
    take_one(tail, message, &line);
  }
  json_decref(batch);
  buf_fini(&line);
}
