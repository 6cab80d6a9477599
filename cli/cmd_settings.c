/* belfry settings: shows and changes what may be changed while Belfry runs. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/show.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Asks, and tells what went wrong. Returns: owned, the settings; NULL when it failed. */
static json_t *ask(struct http *http, const char *method, struct slice body, int64_t timeout_ms) {
  const struct http_request request = {.method = method,
                                       .path = "api/settings",
                                       .accept = "application/json",
                                       .content_type = body.data ? "application/json" : NULL,
                                       .body = body,
                                       .timeout_ms = timeout_ms};
  struct http_response response;
  struct belfry_error error = {0};
  json_t *answer = NULL;
  http_response_init(&response);
  if (http_perform(http, &request, &response, &error))
    command_complain("%s", error.text);
  else if (response.status != 200)
    http_complain(http, &response);
  else if (!(answer = json_parse(buf_slice(&response.body), JSON_DEPTH_DEFAULT, &error)))
    command_complain("the answer is not JSON: %s", error.text);
  http_response_fini(&response);
  return answer;
}

static void put_value(struct buf *line, const json_t *value) {
  if (json_is_string(value))
    show_put_escaped(line, slice_of(json_string_value(value)));
  else if (json_is_integer(value))
    buf_printf(line, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else
    buf_put_text(line, json_is_true(value) ? "true" : "false");
}

/* `push.interval: 10s`, as in the file, with where it is from; all of them, or those of `keys`. */
static int print(const json_t *answer, int count, char **keys) {
  struct buf line;
  size_t index;
  json_t *item;
  int found = 0;
  buf_init(&line, 0);
  json_array_foreach(json_object_get(answer, "settings"), index, item) {
    const char *key = json_string_value(json_object_get(item, "key"));
    const char *origin = json_string_value(json_object_get(item, "origin"));
    bool wanted = count == 0;
    for (int i = 0; i < count && !wanted; i++)
      wanted = key && strcmp(keys[i], key) == 0;
    if (!wanted || !key || !origin)
      continue;
    found++;
    show_put_escaped(&line, slice_of(key));
    buf_put_text(&line, ": ");
    put_value(&line, json_object_get(item, "value"));
    buf_printf(&line, "  # %s\n", origin);
  }
  if (line.data)
    fwrite(line.data, 1, line.len, stdout);
  buf_fini(&line);
  if (found >= count)
    return EXIT_OK;
  command_complain("not all of these can be changed while Belfry runs; `belfry settings` lists "
                   "those that can");
  return EXIT_FAILED;
}

/* Puts {"key":"value",...} of KEY=VALUE; with an empty value, null. Returns: false for another
 * argument. */
static bool put_changes(int count, char **arguments, struct buf *out) {
  for (int i = 0; i < count; i++) {
    const char *equals = strchr(arguments[i], '=');
    if (!equals)
      return false;
    buf_put_char(out, i ? ',' : '{');
    json_put_string(out, slice_new(arguments[i], (size_t)(equals - arguments[i])));
    buf_put_char(out, ':');
    if (equals[1])
      json_put_string(out, slice_of(equals + 1));
    else
      buf_put_text(out, "null");
  }
  buf_put_char(out, '}');
  return true;
}

static int run(const struct command *command, struct http *http, int64_t timeout_ms, int argc,
               char **argv) {
  bool changes = argc > 0 && strcmp(argv[0], "set") == 0;
  struct buf body;
  int status = EXIT_FAILED;
  buf_init(&body, 0);
  if (changes && (argc < 2 || !put_changes(argc - 1, argv + 1, &body))) {
    buf_fini(&body);
    return command_misused(command, "set takes KEY=VALUE; KEY= for what the file says");
  }
  json_t *answer = buf_status(&body) ? NULL
                                     : ask(http, changes ? "PUT" : "GET",
                                           changes ? buf_slice(&body) : slice_of(NULL), timeout_ms);
  if (answer)
    status = changes ? EXIT_OK : print(answer, argc, argv);
  json_decref(answer);
  buf_fini(&body);
  return status;
}

int cmd_settings(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {CONNECTION_LONG_OPTIONS, {0}};
  struct connection_options wanted = {0};
  struct connection connection;
  struct belfry_error error = {0};
  struct http *http = NULL;
  int option, status = EXIT_FAILED;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!connection_take_option(&wanted, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if (connection_init(&connection, &wanted, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http)
    command_complain("%s", error.text);
  else
    status = run(command, http, connection.timeout_ms, argc - optind, argv + optind);
  http_close(http);
  connection_fini(&connection);
  return status;
}
