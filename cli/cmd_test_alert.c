/* belfry test-alert: has channels send a message that says that it is a test. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/show.h"
#include "cli/url.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int ask(struct http *http, const char *method, const char *path, int64_t timeout_ms,
               struct http_response *response) {
  struct belfry_error error = {0};
  const struct http_request request = {
      .method = method, .path = path, .accept = "application/json", .timeout_ms = timeout_ms};
  int status = http_perform(http, &request, response, &error);
  if (status)
    command_complain("%s", error.text);
  return status;
}

/* Tries one. Returns: whether it has accepted the message. */
static bool test(struct http *http, const char *channel, int64_t timeout_ms) {
  struct http_response response;
  struct buf path, line;
  buf_init(&path, 0);
  buf_init(&line, 0);
  http_response_init(&response);
  buf_put_text(&path, "api/channels/");
  url_put_encoded(&path, channel);
  buf_put_text(&path, "/test");
  show_put_escaped(&line, slice_of(channel));
  bool good = !buf_status(&path) && !ask(http, "POST", path.data, timeout_ms, &response);
  if (good && response.status == 200) {
    printf("%s: accepted\n", line.data ? line.data : "");
  } else if (good && response.status == 202) {
    command_complain("%s: it takes long and goes on; GET /api/channels tells how channels do",
                     channel);
    good = false;
  } else if (good) {
    command_complain("%s:", channel);
    http_complain(http, &response);
    good = false;
  }
  http_response_fini(&response);
  buf_fini(&path);
  buf_fini(&line);
  return good;
}

/* Tries all that there are. */
static bool test_all(struct http *http, int64_t timeout_ms) {
  struct http_response response;
  struct belfry_error error = {0};
  json_t *answer = NULL, *channel;
  size_t index;
  http_response_init(&response);
  bool good = !ask(http, "GET", "api/channels", timeout_ms, &response);
  if (good && response.status != 200) {
    http_complain(http, &response);
    good = false;
  } else if (good) {
    answer = json_parse(buf_slice(&response.body), JSON_DEPTH_DEFAULT, &error);
    if (!json_is_array(json_object_get(answer, "channels"))) {
      command_complain("the answer is no list of channels");
      good = false;
    } else if (json_array_size(json_object_get(answer, "channels")) == 0) {
      command_complain("there are no channels: add some to `channels` in belfry.yaml");
      good = false;
    }
  }
  json_array_foreach(json_object_get(answer, "channels"), index, channel) {
    const char *name = json_string_value(json_object_get(channel, "name"));
    if (name)
      good &= test(http, name, timeout_ms);
  }
  json_decref(answer);
  http_response_fini(&response);
  return good;
}

int cmd_test_alert(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {CONNECTION_LONG_OPTIONS, {0}};
  struct connection_options said = {0};
  struct connection connection;
  struct belfry_error error = {0};
  struct http *http = NULL;
  bool good = false;
  int option;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!connection_take_option(&said, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if (connection_init(&connection, &said, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http) {
    command_complain("%s", error.text);
  } else if (optind == argc) {
    good = test_all(http, connection.timeout_ms);
  } else {
    good = true;
    for (int i = optind; i < argc; i++)
      good &= test(http, argv[i], connection.timeout_ms);
  }
  http_close(http);
  connection_fini(&connection);
  return good ? EXIT_OK : EXIT_FAILED;
}
