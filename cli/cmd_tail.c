/*
 * belfry tail: follows events over Server-Sent Events or a WebSocket. After a lost connection it
 * goes on where it was; what could not be had is said on stderr.
 */
#include "base/json.h"
#include "cli/backoff.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/show.h"
#include "cli/tail.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SUCCESS(tail) ((tail)->options.websocket ? 101 : 200)

/* A refusal that a WebSocket alone meets: the handshake did not get through as one. */
static void complain_of_upgrade(const struct tail *tail, long status) {
  if (tail->options.websocket && (status == 426 || status < 300))
    command_complain(
        "the WebSocket handshake did not reach the push daemon as one: a proxy in "
        "between must pass the headers Upgrade and Connection on (nginx/belfry-push.conf "
        "shows how); without --ws, tail needs nothing of that");
}

/* One connection, until it ends. Returns: whether another may be tried; `*wait_ms` the least time
 * to wait before. */
static bool follow(struct tail *tail, struct http *http, int64_t *wait_ms) {
  struct http_response response;
  struct belfry_error error = {0};
  bool again = true;
  http_response_init(&response);
  tail->connected = false;
  tail->closing_ms = -1;
  int status = tail->options.websocket ? tail_over_ws(tail, http, &response, &error)
                                       : tail_over_sse(tail, http, &response, &error);
  if (tail->connected) {
    command_complain("%s", status ? error.text : "the server has ended the connection");
  } else if (status) {
    command_complain("%s", error.code ? error.text : belfry_strerror(status));
    again = tail->was_lost && (status == BELFRY_ECLOSED || status == BELFRY_ETIMEDOUT);
  } else if (response.status != SUCCESS(tail)) {
    http_complain(http, &response);
    complain_of_upgrade(tail, response.status);
    again = http_is_passing(response.status);
  } else {
    command_complain("the server has ended the connection before it said anything");
  }
  if (status == BELFRY_EIO || status == BELFRY_ENOMEM || status == BELFRY_EPROTO)
    again = false;
  if (tail->connected)
    tail->was_lost = true;
  *wait_ms = tail->closing_ms >= 0                    ? tail->closing_ms
             : response.retry_after_s >= 0            ? response.retry_after_s * 1000
             : tail->sse.retry_ms < TAIL_RETRY_MAX_MS ? tail->sse.retry_ms
                                                      : TAIL_RETRY_MAX_MS;
  http_response_fini(&response);
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

enum {
  OPTION_SINCE = 1,
  OPTION_LOGS,
  OPTION_JSON,
  OPTION_NO_COLOUR,
  OPTION_RAW,
  OPTION_WS,
  OPTION_DASHBOARD,
  OPTION_INTERVAL,
  OPTION_SEND,
};

static bool take_option(struct tail_options *tail, struct connection_options *connection,
                        int option, const char *value) {
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
  case OPTION_RAW:
    tail->raw = true;
    return true;
  case OPTION_DASHBOARD:
    tail->dashboard = true;
    return true;
  case OPTION_WS:
    tail->websocket = true;
    return true;
  case OPTION_INTERVAL:
    tail->interval = value;
    return true;
  case OPTION_SEND:
    if (tail->send_count == TAIL_SEND_MAX)
      return false;
    tail->send[tail->send_count++] = value;
    return true;
  default:
    return connection_take_option(connection, option, value);
  }
}

/* Returns: EXIT_OK, or EXIT_USAGE after saying what does not go together. */
static int check_options(const struct command *command, struct tail_options *tail) {
  tail->websocket |= tail->dashboard;
  if (tail->since && tail->last)
    return command_misused(command, "--since and --last exclude each other");
  if (tail->raw && tail->json)
    return command_misused(command, "--raw and --json exclude each other");
  if (tail->send_count && !tail->websocket)
    return command_misused(command, "--send needs --ws: Server-Sent Events go one way only");
  for (size_t i = 0; i < tail->send_count; i++) {
    struct belfry_error error = {0};
    json_t *message = json_parse(slice_of(tail->send[i]), JSON_DEPTH_DEFAULT, &error);
    json_decref(message);
    if (!message)
      return command_misused(command, "--send takes JSON such as '{\"event\":\"get_state\"}': %s",
                             error.text);
  }
  return EXIT_OK;
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
                                          {"raw", no_argument, NULL, OPTION_RAW},
                                          {"ws", no_argument, NULL, OPTION_WS},
                                          {"dashboard", no_argument, NULL, OPTION_DASHBOARD},
                                          {"interval", required_argument, NULL, OPTION_INTERVAL},
                                          {"send", required_argument, NULL, OPTION_SEND},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  struct tail_options asked = {.coloured = show_wants_colour()};
  struct connection_options server = {0};
  struct tail tail;
  struct connection connection;
  struct belfry_error error = {0};
  struct http *http = NULL;
  int option, status = EXIT_FAILED;
  while ((option = getopt_long(argc, argv, "e:s:n:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!take_option(&asked, &server, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if (optind < argc)
    return command_misused(command, "tail takes no argument '%s'", argv[optind]);
  if (check_options(command, &asked) != EXIT_OK)
    return EXIT_USAGE;
  tzset();
  tail_init(&tail, &asked);
  if (connection_init(&connection, &server, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http)
    command_complain("%s", error.text);
  else
    status = follow_for_ever(&tail, http);
  http_close(http);
  connection_fini(&connection);
  tail_fini(&tail);
  return status;
}
