/*
 * belfry keys: lists, creates and deletes API keys. A new key is the only thing on stdout, so that
 * it can go into a file.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/show.h"
#include "cli/url.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keys {
  struct connection_options options;
  const char *expires, *expires_in;
  struct http *http;
  int64_t timeout_ms;
};

/* Asks, and tells what went wrong. Returns: owned, the answer's JSON (null for a 204); NULL when it
 * failed. */
static json_t *ask(struct keys *keys, const char *method, const char *path, struct slice body,
                   long wanted) {
  struct http_request request = {.method = method,
                                 .path = path,
                                 .accept = "application/json",
                                 .content_type = body.data ? "application/json" : NULL,
                                 .body = body,
                                 .timeout_ms = keys->timeout_ms};
  struct http_response response;
  struct belfry_error error = {0};
  json_t *answer = NULL;
  http_response_init(&response);
  if (http_perform(keys->http, &request, &response, &error)) {
    command_complain("%s", error.text);
  } else if (response.status != wanted) {
    http_complain(keys->http, &response);
  } else if (wanted == 204) {
    answer = json_null();
  } else {
    answer = json_parse(buf_slice(&response.body), JSON_DEPTH_DEFAULT, &error);
    if (!answer)
      command_complain("the answer is not JSON: %s", error.text);
  }
  http_response_fini(&response);
  return answer;
}

static void put_column(struct buf *line, const json_t *object, const char *key, int width) {
  const char *text = json_string_value(json_object_get(object, key));
  size_t before = line->len;
  show_put_escaped(line, slice_of(text ? text : "-"));
  for (size_t used = line->len - before; width > 0 && used < (size_t)width; used++)
    buf_put_char(line, ' ');
  buf_put_text(line, width > 0 ? "  " : "\n");
}

static bool print_page(struct keys *keys, const char *cursor, char **next) {
  struct buf path, line;
  size_t index;
  json_t *item;
  buf_init(&path, 0);
  buf_init(&line, 0);
  buf_put_text(&path, "api/keys");
  url_put_parameter(&path, "cursor", cursor);
  json_t *answer = buf_status(&path) ? NULL : ask(keys, "GET", path.data, slice_of(NULL), 200);
  const char *more = json_string_value(json_object_get(answer, "next_cursor"));
  *next = more ? strdup(more) : NULL;
  json_array_foreach(json_object_get(answer, "keys"), index, item) {
    put_column(&line, item, "id", 12);
    put_column(&line, item, "role", 8);
    put_column(&line, item, "created", 24);
    put_column(&line, item, "expires", 24);
    put_column(&line, item, "created_by", 16);
    put_column(&line, item, "name", 0);
  }
  if (line.data)
    fwrite(line.data, 1, line.len, stdout);
  bool done = answer != NULL;
  json_decref(answer);
  buf_fini(&path);
  buf_fini(&line);
  return done;
}

static int list(const struct command *command, struct keys *keys, int argc, char **argv) {
  char *cursor = NULL, *next = NULL;
  bool done;
  if (argc > 0)
    return command_misused(command, "list takes no argument '%s'", argv[0]);
  printf("%-12s  %-8s  %-24s  %-24s  %-16s  %s\n", "ID", "ROLE", "CREATED", "EXPIRES", "CREATED BY",
         "NAME");
  do {
    done = print_page(keys, cursor, &next);
    free(cursor);
    cursor = next;
  } while (done && cursor);
  free(cursor);
  return done ? EXIT_OK : EXIT_FAILED;
}

/* `30d` from now as a time. Returns: false when it is no duration. */
static bool expiry_of(const char *duration, char out[TIMESTAMP_BYTES]) {
  static const struct {
    char unit;
    int64_t ms;
  } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
  size_t len = strlen(duration);
  long long count;
  int64_t ms;
  if (len < 2 || !slice_to_int64(slice_new(duration, len - 1), &count) || count < 1)
    return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (units[i].unit == duration[len - 1]) {
      if (__builtin_mul_overflow(count, units[i].ms, &ms) ||
          __builtin_add_overflow(ms, clock_realtime_ms(&clock_system), &ms) ||
          ms > TIMESTAMP_MAX_MS)
        return false;
      timestamp_format(ms, out);
      return true;
    }
  return false;
}

static int create(const struct command *command, struct keys *keys, int argc, char **argv) {
  char computed[TIMESTAMP_BYTES];
  const char *expires = keys->expires;
  struct buf body;
  if (argc != 2)
    return command_misused(command, "create takes a name and a role: viewer, operator, admin, "
                                    "ingest or scrape");
  if (keys->expires && keys->expires_in)
    return command_misused(command, "--expires and --expires-in exclude each other");
  if (keys->expires_in) {
    if (!expiry_of(keys->expires_in, computed))
      return command_misused(command, "--expires-in: '%s' is not a duration such as 12h or 30d",
                             keys->expires_in);
    expires = computed;
  }
  buf_init(&body, 0);
  buf_put_text(&body, "{\"name\":");
  json_put_string(&body, slice_of(argv[0]));
  buf_put_text(&body, ",\"role\":");
  json_put_string(&body, slice_of(argv[1]));
  if (expires) {
    buf_put_text(&body, ",\"expires\":");
    json_put_string(&body, slice_of(expires));
  }
  buf_put_char(&body, '}');
  json_t *answer = ask(keys, "POST", "api/keys", buf_slice(&body), 201);
  const char *key = json_string_value(json_object_get(answer, "key"));
  const char *id = json_string_value(json_object_get(answer, "id"));
  if (answer && !key)
    command_complain("the answer holds no key");
  bool done = key != NULL;
  if (done) {
    struct buf line;
    buf_init(&line, 0);
    show_put_escaped(&line, slice_of(key));
    printf("%s\n", line.data ? line.data : "");
    buf_fini(&line);
    command_complain("key %s is made; it is shown this once", id ? id : "");
  }
  json_decref(answer);
  buf_fini(&body);
  return done ? EXIT_OK : EXIT_FAILED;
}

static int delete (const struct command *command, struct keys *keys, int argc, char **argv) {
  struct buf path;
  if (argc != 1 || !argv[0][0])
    return command_misused(command,
                           "delete takes the id of one key; `belfry keys list` shows them");
  buf_init(&path, 0);
  buf_put_text(&path, "api/keys/");
  url_put_encoded(&path, argv[0]);
  json_t *answer = buf_status(&path) ? NULL : ask(keys, "DELETE", path.data, slice_of(NULL), 204);
  bool done = answer != NULL;
  json_decref(answer);
  buf_fini(&path);
  return done ? EXIT_OK : EXIT_FAILED;
}

static const struct verb {
  const char *name;
  int (*run)(const struct command *command, struct keys *keys, int argc, char **argv);
} verbs[] = {{"list", list}, {"create", create}, {"delete", delete}};

static const struct verb *find_verb(const char *name) {
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp(verbs[i].name, name) == 0)
      return &verbs[i];
  return NULL;
}

int cmd_keys(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"expires", required_argument, NULL, 'e'},
                                          {"expires-in", required_argument, NULL, 'i'},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  struct keys keys = {0};
  struct connection connection;
  struct belfry_error error = {0};
  int option, status = EXIT_FAILED;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'e')
      keys.expires = optarg;
    else if (option == 'i')
      keys.expires_in = optarg;
    else if (!connection_take_option(&keys.options, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  const struct verb *verb = optind < argc ? find_verb(argv[optind]) : NULL;
  if (!verb)
    return command_misused(command, "say list, create or delete");
  if (connection_init(&connection, &keys.options, &error) == BELFRY_OK)
    keys.http = http_open(&connection, &error);
  keys.timeout_ms = connection.timeout_ms;
  if (!keys.http)
    command_complain("%s", error.text);
  else
    status = verb->run(command, &keys, argc - optind - 1, argv + optind + 1);
  http_close(keys.http);
  connection_fini(&connection);
  return status;
}
