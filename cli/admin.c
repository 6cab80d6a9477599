#include "cli/admin.h"

#include "cli/show.h"
#include "cli/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *admin_ask(struct admin *admin, const char *method, const char *path, struct slice body,
                  long wanted) {
  struct http_request request = {.method = method,
                                 .path = path,
                                 .accept = "application/json",
                                 .content_type = body.data ? "application/json" : NULL,
                                 .body = body,
                                 .timeout_ms = admin->connection.timeout_ms};
  struct http_response response;
  struct belfry_error error = {0};
  json_t *answer = NULL;
  http_response_init(&response);
  if (http_perform(admin->http, &request, &response, &error)) {
    command_complain("%s", error.text);
  } else if (response.status != wanted) {
    http_complain(admin->http, &response);
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

bool admin_ask_about(struct admin *admin, const char *method, const char *path, const char *id,
                     struct slice body, long wanted) {
  struct buf whole;
  buf_init(&whole, 0);
  buf_put_text(&whole, path);
  url_put_encoded(&whole, id);
  json_t *answer = buf_status(&whole) ? NULL : admin_ask(admin, method, whole.data, body, wanted);
  bool done = answer != NULL;
  json_decref(answer);
  buf_fini(&whole);
  return done;
}

static void put_column(struct buf *line, const json_t *object, const struct admin_column *column) {
  const json_t *value = json_object_get(object, column->key);
  const char *text = json_is_true(value) ? column->key : json_string_value(value);
  size_t before = line->len;
  show_put_escaped(line, slice_of(text ? text : "-"));
  for (size_t used = line->len - before; column->width > 0 && used < (size_t)column->width; used++)
    buf_put_char(line, ' ');
  buf_put_text(line, column->width > 0 ? "  " : "\n");
}

static bool print_page(struct admin *admin, const char *path, const char *name,
                       const struct admin_column *columns, const char *cursor, char **next) {
  struct buf target, text;
  size_t index;
  json_t *item;
  buf_init(&target, 0);
  buf_init(&text, 0);
  buf_put_text(&target, path);
  url_put_parameter(&target, "cursor", cursor);
  json_t *answer =
      buf_status(&target) ? NULL : admin_ask(admin, "GET", target.data, slice_of(NULL), 200);
  const char *more = json_string_value(json_object_get(answer, "next_cursor"));
  *next = more ? strdup(more) : NULL;
  json_array_foreach(json_object_get(answer, name), index, item) {
    const struct admin_column *column = columns;
    do
      put_column(&text, item, column);
    while (column++->width > 0);
  }
  if (text.data)
    fwrite(text.data, 1, text.len, stdout);
  bool done = answer != NULL;
  json_decref(answer);
  buf_fini(&target);
  buf_fini(&text);
  return done;
}

int admin_print_list(struct admin *admin, const char *path, const char *name,
                     const struct admin_column *columns) {
  char *cursor = NULL, *next = NULL;
  bool done;
  const struct admin_column *column = columns;
  for (; column->width > 0; column++)
    printf("%-*s  ", column->width, column->title);
  printf("%s\n", column->title);
  do {
    done = print_page(admin, path, name, columns, cursor, &next);
    free(cursor);
    cursor = next;
  } while (done && cursor);
  free(cursor);
  return done ? EXIT_OK : EXIT_FAILED;
}

int admin_run(const struct command *command, struct admin *admin, const struct admin_verb *verbs,
              void *arg, int argc, char **argv) {
  struct belfry_error error = {0};
  int status = EXIT_FAILED;
  while (argc > 0 && verbs->name && strcmp(verbs->name, argv[0]) != 0)
    verbs++;
  if (argc == 0 || !verbs->name)
    return command_misused(command, "say what to do");
  if (connection_init(&admin->connection, &admin->options, &error) == BELFRY_OK)
    admin->http = http_open(&admin->connection, &error);
  if (!admin->http)
    command_complain("%s", error.text);
  else
    status = verbs->run(command, admin, arg, argc - 1, argv + 1);
  http_close(admin->http);
  connection_fini(&admin->connection);
  return status;
}
