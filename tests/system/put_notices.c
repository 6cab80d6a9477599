/*
 * Puts notices as belfry-watchd does when alerts change: put_notices CONF, with one JSON object a
 * line on its input. Sends nothing itself: that the running belfry-watchd does, which finds them in
 * the history.
 */
#include "base/json.h"
#include "watchd/notifier.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn static void fail(const char *why) {
  fprintf(stderr, "put_notices: %s\n", why);
  exit(1);
}

static struct slice text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return slice_of(text ? text : "");
}

static void put(struct notifier *notifier, const json_t *said) {
  char *channels[8] = {NULL}, *labels = json_dumps(json_object_get(said, "labels"), 0);
  const json_t *names = json_object_get(said, "channels");
  enum severity severity = SEVERITY_ERROR;
  struct slice kind = text_of(said, "kind");
  if (severity_parse(text_of(said, "severity"), &severity))
    severity = SEVERITY_ERROR;
  for (size_t i = 0; i < json_array_size(names) && i < 7; i++)
    channels[i] = strdup(json_string_value(json_array_get(names, i)));
  const struct notice notice = {.notice_id = text_of(said, "notice_id"),
                                .alert_id = text_of(said, "alert_id"),
                                .rule = text_of(said, "rule"),
                                .kind = slice_is(kind, "resolved") ? NOTICE_RESOLVED
                                        : slice_is(kind, "repeat") ? NOTICE_REPEAT
                                                                   : NOTICE_FIRING,
                                .severity = severity,
                                .group = text_of(said, "group"),
                                .labels = slice_of(labels ? labels : "{}"),
                                .summary = text_of(said, "summary"),
                                .value = json_is_number(json_object_get(said, "value"))
                                             ? json_number_value(json_object_get(said, "value"))
                                             : NAN,
                                .started_ms = json_integer_value(json_object_get(said, "started")),
                                .ended_ms = json_integer_value(json_object_get(said, "ended"))};
  notifier_put(notifier, names ? channels : NULL, &notice);
  for (size_t i = 0; channels[i]; i++)
    free(channels[i]);
  free(labels);
}

static void put_lines(struct notifier *notifier) {
  char *line = NULL;
  size_t size = 0;
  ssize_t len;
  while ((len = getline(&line, &size, stdin)) > 0) {
    struct belfry_error error = {0};
    json_t *said = json_parse(slice_new(line, (size_t)len), JSON_DEPTH_DEFAULT, &error);
    if (!said)
      fail(error.text);
    put(notifier, said);
    json_decref(said);
  }
  free(line);
}

int main(int argc, char **argv) {
  struct belfry_error error = {0};
  char socket_path[PATH_MAX], history_dir[PATH_MAX];
  struct conf *conf = argc == 2 ? conf_load(argv[1], &error) : NULL;
  if (!conf || conf_run_path(conf, "history.sock", socket_path, sizeof socket_path) ||
      conf_state_path(conf, "history", history_dir, sizeof history_dir))
    fail(error.text);
  /* The notifier's own loop never runs: it only puts. */
  struct notifier_parts parts = {.loop = ev_loop_new(EVFLAG_AUTO), .clock = &clock_system};
  struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
  struct notifier *notifier = NULL;
  if (schedule_new(parts.loop, &parts.schedule) || outbox_new(loop, socket_path, &parts.outbox) ||
      reader_new(history_dir, &parts.reader) || transfers_new(parts.loop, &parts.transfers) ||
      notifier_new(&parts, &notifier) || notifier_configure(notifier, conf))
    fail("out of memory");
  put_lines(notifier);
  /* What is kept is stored in order: once this is, all is. */
  const struct event last = {.timestamp_ms = clock_realtime_ms(&clock_system),
                             .severity = SEVERITY_INFO,
                             .type = slice_of("health_checked"),
                             .source = slice_of("put_notices"),
                             .data = slice_of("{}")};
  outbox_event(parts.outbox, &last);
  while (outbox_figures(parts.outbox).events == 0)
    ev_run(loop, EVRUN_ONCE);
  notifier_free(notifier);
  transfers_free(parts.transfers);
  reader_free(parts.reader);
  outbox_free(parts.outbox);
  schedule_free(parts.schedule);
  ev_loop_destroy(loop);
  ev_loop_destroy(parts.loop);
  conf_free(conf);
  return 0;
}
