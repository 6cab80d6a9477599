/*
 * belfry recover: has an action of a service run and waits for what comes of it; without a service,
 * lists what can be done.
 */
#include "cli/admin.h"
#include "cli/show.h"
#include "cli/url.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 250

struct wish {
  const char *service, *action, *reason;
  bool dry_run, no_wait;
};

static int print_actions(struct admin *admin) {
  struct buf text;
  size_t index;
  json_t *item, *answer = admin_ask(admin, "GET", "api/recovery", slice_of(NULL), 200);
  buf_init(&text, 0);
  json_array_foreach(json_object_get(answer, "actions"), index, item) {
    const char *service = json_string_value(json_object_get(item, "service"));
    const char *action = json_string_value(json_object_get(item, "action"));
    show_put_escaped(&text, slice_of(service));
    buf_put_char(&text, ' ');
    show_put_escaped(&text, slice_of(action));
    buf_put_text(&text,
                 json_is_true(json_object_get(item, "automatic")) ? "  # automatic\n" : "\n");
  }
  if (text.data)
    fwrite(text.data, 1, text.len, stdout);
  buf_fini(&text);
  bool any = json_array_size(json_object_get(answer, "actions")) > 0;
  if (answer && !any)
    command_complain("there are no recoveries: add some to `recoveries` in belfry.yaml");
  else if (answer && !json_is_true(json_object_get(answer, "available")))
    command_complain("none of them can be run now: see the log of belfry-watchd");
  int status = answer && any ? EXIT_OK : EXIT_FAILED;
  json_decref(answer);
  return status;
}

static void put_member(struct buf *body, const char *key, const char *value) {
  if (!value)
    return;
  buf_printf(body, ",\"%s\":", key);
  json_put_string(body, slice_of(value));
}

/* Returns: owned, the answer; NULL when it was refused, which has been told. */
static json_t *begin(struct admin *admin, const struct wish *wish) {
  struct buf body;
  buf_init(&body, 65536);
  buf_printf(&body, "{\"dry_run\":%s", wish->dry_run ? "true" : "false");
  put_member(&body, "service", wish->service);
  put_member(&body, "action", wish->action);
  put_member(&body, "reason", wish->reason);
  buf_put_char(&body, '}');
  json_t *answer = NULL;
  if (buf_status(&body))
    command_complain("the arguments are too long");
  else
    answer = admin_ask(admin, "POST", "api/recovery", buf_slice(&body), 202);
  buf_fini(&body);
  return answer;
}

/* Looks for the recovery among the service's last ones. Returns: owned, the list; NULL when it
 * could not be read. `*out` is borrowed from it, NULL when it is not there yet. */
static json_t *look(struct admin *admin, const char *service, const char *id, json_t **out) {
  struct buf path;
  size_t index;
  json_t *item;
  buf_init(&path, 4096);
  buf_put_text(&path, "api/recoveries?limit=100");
  url_put_parameter(&path, "service", service);
  json_t *answer =
      buf_status(&path) ? NULL : admin_ask(admin, "GET", path.data, slice_of(NULL), 200);
  buf_fini(&path);
  *out = NULL;
  json_array_foreach(json_object_get(answer, "recoveries"), index, item) {
    const char *found = json_string_value(json_object_get(item, "recovery_id"));
    if (found && strcmp(found, id) == 0)
      *out = item;
  }
  return answer;
}

static int print_end(const json_t *recovery, const char *state) {
  const char *message = json_string_value(json_object_get(recovery, "message"));
  struct buf line;
  buf_init(&line, 0);
  show_put_escaped(&line, slice_of(state));
  buf_put_text(&line, ": ");
  show_put_escaped(&line, slice_of(message));
  buf_put_char(&line, '\n');
  if (line.data)
    fwrite(line.data, 1, line.len, stdout);
  buf_fini(&line);
  return strcmp(state, "succeeded") == 0 || strcmp(state, "dry_run") == 0 ? EXIT_OK : EXIT_FAILED;
}

static int wait_for_end(struct admin *admin, const struct wish *wish, const char *id) {
  for (;;) {
    json_t *recovery, *answer = look(admin, wish->service, id, &recovery);
    const char *state = json_string_value(json_object_get(recovery, "state"));
    int status = !answer ? EXIT_FAILED : -1;
    if (state && strcmp(state, "running") != 0)
      status = print_end(recovery, state);
    json_decref(answer);
    if (status >= 0)
      return status;
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
  }
}

static int recover(struct admin *admin, const struct wish *wish) {
  if (!wish->service)
    return print_actions(admin);
  json_t *answer = begin(admin, wish);
  const char *id = json_string_value(json_object_get(answer, "recovery_id"));
  int status = EXIT_FAILED;
  if (id && wish->no_wait) {
    printf("%s\n", id);
    status = EXIT_OK;
  } else if (id) {
    status = wait_for_end(admin, wish, id);
  }
  json_decref(answer);
  return status;
}

int cmd_recover(const struct command *command, int argc, char **argv) {
  enum { REASON = 'r', DRY_RUN = 'n', NO_WAIT = 'w' };
  static const struct option options[] = {{"reason", required_argument, NULL, REASON},
                                          {"dry-run", no_argument, NULL, DRY_RUN},
                                          {"no-wait", no_argument, NULL, NO_WAIT},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  struct admin admin = {0};
  struct wish wish = {0};
  struct belfry_error error = {0};
  int option, status = EXIT_FAILED;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (option == REASON)
      wish.reason = optarg;
    else if (option == DRY_RUN)
      wish.dry_run = true;
    else if (option == NO_WAIT)
      wish.no_wait = true;
    else if (!connection_take_option(&admin.options, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if (argc - optind > 2)
    return command_misused(command, "no argument '%s' is taken", argv[optind + 2]);
  wish.service = optind < argc ? argv[optind] : NULL;
  wish.action = optind + 1 < argc ? argv[optind + 1] : NULL;
  if (connection_init(&admin.connection, &admin.options, &error) == BELFRY_OK)
    admin.http = http_open(&admin.connection, &error);
  if (!admin.http)
    command_complain("%s", error.text);
  else
    status = recover(&admin, &wish);
  http_close(admin.http);
  connection_fini(&admin.connection);
  return status;
}
