/*
 * belfry keys: lists, creates, renews and deletes API keys. A new key is the only thing on stdout,
 * so that it can go into a file.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/admin.h"
#include "cli/show.h"
#include "cli/url.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct keys {
  const char *expires, *expires_in, *keep;
};

static int list(const struct command *command, struct admin *admin, void *arg, int argc,
                char **argv) {
  static const struct admin_column columns[] = {{"id", "ID", 12},
                                                {"role", "ROLE", 8},
                                                {"created", "CREATED", 24},
                                                {"expires", "EXPIRES", 24},
                                                {"last_used", "LAST USED", 24},
                                                {"created_by", "CREATED BY", 16},
                                                {"name", "NAME", 0}};
  (void)arg;
  if (argc > 0)
    return command_misused(command, "list takes no argument '%s'", argv[0]);
  return admin_print_list(admin, "api/keys", "keys", columns);
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

/* Prints the key that an answer holds, alone on stdout. Takes: `answer`, which may be NULL. */
static int print_key(json_t *answer) {
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
  return done ? EXIT_OK : EXIT_FAILED;
}

static int create(const struct command *command, struct admin *admin, void *arg, int argc,
                  char **argv) {
  const struct keys *keys = arg;
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
  int status = buf_status(&body)
                   ? EXIT_FAILED
                   : print_key(admin_ask(admin, "POST", "api/keys", buf_slice(&body), 201));
  buf_fini(&body);
  return status;
}

static int rotate(const struct command *command, struct admin *admin, void *arg, int argc,
                  char **argv) {
  const struct keys *keys = arg;
  struct buf path;
  if (argc != 1 || !argv[0][0])
    return command_misused(command, "rotate takes the id of one key");
  buf_init(&path, 0);
  buf_put_text(&path, "api/keys/");
  url_put_encoded(&path, argv[0]);
  buf_put_text(&path, "/rotate");
  url_put_parameter(&path, "keep", keys->keep);
  int status = buf_status(&path)
                   ? EXIT_FAILED
                   : print_key(admin_ask(admin, "POST", path.data, slice_of(NULL), 200));
  buf_fini(&path);
  return status;
}

static int delete (const struct command *command, struct admin *admin, void *arg, int argc,
                   char **argv) {
  (void)arg;
  if (argc != 1 || !argv[0][0])
    return command_misused(command,
                           "delete takes the id of one key; `belfry keys list` shows them");
  return admin_ask_about(admin, "DELETE", "api/keys/", argv[0], slice_of(NULL), 204) ? EXIT_OK
                                                                                     : EXIT_FAILED;
}

int cmd_keys(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"expires", required_argument, NULL, 'e'},
                                          {"expires-in", required_argument, NULL, 'i'},
                                          {"keep", required_argument, NULL, 'k'},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  static const struct admin_verb verbs[] = {
      {"list", list}, {"create", create}, {"rotate", rotate}, {"delete", delete}, {0}};
  struct keys keys = {0};
  struct admin admin = {0};
  int option;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'e')
      keys.expires = optarg;
    else if (option == 'i')
      keys.expires_in = optarg;
    else if (option == 'k')
      keys.keep = optarg;
    else if (!connection_take_option(&admin.options, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  return admin_run(command, &admin, verbs, &keys, argc - optind, argv + optind);
}
