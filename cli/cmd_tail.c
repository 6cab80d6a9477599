/*
 * belfry tail: follows events over Server-Sent Events. After a lost connection it goes on where it
 * was (Last-Event-ID); what could not be had is said on stderr.
 */
#include "base/json.h"
#include "cli/backoff.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/show.h"
#include "cli/sse.h"
#include "cli/url.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RETRY_MAX_MS 60000

struct tail {
  const char *event, *severity, *source, *since, *last;
  struct connection_options connection;
  bool logs, json, coloured;
  struct sse sse;
  bool connected;     /* the server has said hello on this connection */
  bool was_lost;      /* there was a connection before */
  int64_t closing_ms; /* the server said when to come back; -1 when not */
};

/* `log` lines come only to those who ask: --logs beside --event adds them. */
static void put_events_parameter(struct buf *path, const struct tail *tail) {
  struct buf globs;
  buf_init(&globs, 0);
  if (tail->event)
    buf_put_text(&globs, tail->event);
  if (tail->logs)
    buf_put_text(&globs, tail->event ? ",log" : "*");
  url_put_parameter(path, "events", globs.data);
  buf_fini(&globs);
}

static void put_path(struct buf *path, const struct tail *tail) {
  buf_put_text(path, "events");
  put_events_parameter(path, tail);
  url_put_parameter(path, "min_severity", tail->severity);
  url_put_parameter(path, "sources", tail->source);
  if (!tail->sse.last_id[0]) { /* else Last-Event-ID says it better */
    url_put_parameter(path, "since", tail->since);
    url_put_parameter(path, "last", tail->last);
  }
}

static void on_connected(struct tail *tail, const json_t *data) {
  bool asked = tail->was_lost || tail->since;
  tail->connected = true;
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
  } else if (strcmp(kind, "gap") == 0) {
    command_complain("events %" PRId64 " to %" PRId64
                     " were not sent (%s): `belfry query` has them",
                     (int64_t)json_integer_value(json_object_get(data, "from")),
                     (int64_t)json_integer_value(json_object_get(data, "to")),
                     reason ? reason : "no reason given");
  } else if (strcmp(kind, "closing") == 0) {
    const json_t *after = json_object_get(data, "retry_after_ms");
    command_complain("the server closes the connection: %s", reason ? reason : "no reason given");
    if (json_is_integer(after) && json_integer_value(after) >= 0)
      tail->closing_ms =
          json_integer_value(after) < RETRY_MAX_MS ? json_integer_value(after) : RETRY_MAX_MS;
  } else if (strcmp(kind, "error") == 0) {
    const char *message = json_string_value(json_object_get(data, "message"));
    command_complain("the server says: %s", message ? message : "an error without a message");
  }
}

static void on_message(void *arg, struct slice name, struct slice data) {
  struct tail *tail = arg;
  struct buf line;
  json_t *message = json_parse(data, JSON_DEPTH_DEFAULT * 2, NULL);
  const char *kind = json_string_value(json_object_get(message, "event"));
  (void)name;
  if (!kind) {
    command_complain("a message that is no event was left out: %.*s",
                     (int)(data.len < 80 ? data.len : 80), data.data ? data.data : "");
  } else if (!json_object_get(message, "id")) {
    on_notice(tail, kind, json_object_get(message, "data"));
  } else {
    buf_init(&line, 0);
    if (tail->json) {
      show_put_json(&line, data);
      buf_put_char(&line, '\n');
    } else {
      show_put_event(&line, data, tail->coloured);
    }
    fwrite(line.data ? line.data : "", 1, line.len, stdout);
    buf_fini(&line);
  }
  json_decref(message);
}

static int on_bytes(void *arg, struct slice bytes) {
  struct tail *tail = arg;
  int status = sse_feed(&tail->sse, bytes);
  if (!status && fflush(stdout) != 0)
    return BELFRY_EIO;
  return status;
}

/* One connection, until it ends. Returns: whether another may be tried; `*wait_ms` the least time
 * to wait before. */
static bool follow(struct tail *tail, struct http *http, int64_t *wait_ms) {
  struct http_response response;
  struct belfry_error error = {0};
  struct buf path;
  char last_id[SSE_ID_BYTES];
  bool again = true;
  strcpy(last_id, tail->sse.last_id);
  buf_init(&path, 0);
  put_path(&path, tail);
  struct http_request request = {.method = "GET",
                                 .path = path.data,
                                 .accept = "text/event-stream",
                                 .last_event_id = last_id[0] ? last_id : NULL,
                                 .on_bytes = on_bytes,
                                 .arg = tail};
  http_response_init(&response);
  sse_restart(&tail->sse);
  tail->connected = false;
  tail->closing_ms = -1;
  int status = buf_status(&path) ? BELFRY_ENOMEM : http_perform(http, &request, &response, &error);
  if (tail->connected) {
    command_complain("%s", status ? error.text : "the server has ended the connection");
  } else if (status) {
    command_complain("%s", error.code ? error.text : belfry_strerror(status));
    again = tail->was_lost && (status == BELFRY_ECLOSED || status == BELFRY_ETIMEDOUT);
  } else if (response.status != 200) {
    http_complain(http, &response);
    again = http_is_passing(response.status);
  } else {
    command_complain("the server has ended the connection before it said anything");
  }
  if (status == BELFRY_EIO || status == BELFRY_ENOMEM || status == BELFRY_EPROTO)
    again = false;
  if (tail->connected)
    tail->was_lost = true;
  *wait_ms = tail->closing_ms >= 0               ? tail->closing_ms
             : response.retry_after_s >= 0       ? response.retry_after_s * 1000
             : tail->sse.retry_ms < RETRY_MAX_MS ? tail->sse.retry_ms
                                                 : RETRY_MAX_MS;
  http_response_fini(&response);
  buf_fini(&path);
  return again;
}

/* Follows for ever; comes back only when there is no point in trying again. */
static int follow_for_ever(struct tail *tail, struct http *http) {
  struct backoff backoff = {0};
  int64_t least_ms;
  while (follow(tail, http, &least_ms)) {
    if (tail->connected)
      backoff = (struct backoff){0};
    int64_t wait_ms = backoff_next_ms(&backoff) + (least_ms > 0 ? least_ms : 0);
    command_complain("trying again in %.1f s", (double)wait_ms / 1000);
    backoff_sleep(wait_ms);
  }
  return EXIT_FAILED;
}

enum { OPTION_SINCE = 1, OPTION_LAST, OPTION_LOGS, OPTION_JSON, OPTION_NO_COLOUR };

static bool take_option(struct tail *tail, int option, const char *value) {
  switch (option) {
  case 'e':
    tail->event = value;
    return true;
  case 's':
    tail->severity = value;
    return true;
  case 'S':
    tail->source = value;
    return true;
  case OPTION_SINCE:
    tail->since = value;
    return true;
  case 'n':
    tail->last = value;
    return true;
  case OPTION_LOGS:
    tail->logs = true;
    return true;
  case OPTION_JSON:
    tail->json = true;
    return true;
  case OPTION_NO_COLOUR:
    tail->coloured = false;
    return true;
  default:
    return connection_take_option(&tail->connection, option, value);
  }
}

int cmd_tail(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"event", required_argument, NULL, 'e'},
                                          {"severity", required_argument, NULL, 's'},
                                          {"source", required_argument, NULL, 'S'},
                                          {"since", required_argument, NULL, OPTION_SINCE},
                                          {"last", required_argument, NULL, 'n'},
                                          {"logs", no_argument, NULL, OPTION_LOGS},
                                          {"json", no_argument, NULL, OPTION_JSON},
                                          {"no-color", no_argument, NULL, OPTION_NO_COLOUR},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  struct tail tail = {.coloured = show_wants_colour()};
  struct connection connection;
  struct belfry_error error = {0};
  struct http *http = NULL;
  int option, status = EXIT_FAILED;
  while ((option = getopt_long(argc, argv, "e:s:n:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!take_option(&tail, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if (optind < argc)
    return command_misused(command, "tail takes no argument '%s'", argv[optind]);
  if (tail.since && tail.last)
    return command_misused(command, "--since and --last exclude each other");
  tzset();
  sse_init(&tail.sse, on_message, &tail);
  if (connection_init(&connection, &tail.connection, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http)
    command_complain("%s", error.text);
  else
    status = follow_for_ever(&tail, http);
  http_close(http);
  connection_fini(&connection);
  sse_fini(&tail.sse);
  return status;
}
