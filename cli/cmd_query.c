/*
 * belfry query: events of the past, page by page.
 */
#include "base/json.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/show.h"
#include "cli/url.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE_EVENTS_MAX 1000 /* what the API gives at once */
#define DEFAULT_LIMIT   100

enum query_format { FORMAT_LINES, FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV };

struct query {
  const char *event, *severity, *source, *from, *to, *q, *order, *limit, *around, *window;
  struct connection_options connection;
  enum query_format format;
  bool all; /* however many there are */
  bool coloured;
  long long left; /* events still wanted */
  long long shown;
};

static void put_path(struct buf *path, const struct query *query, const char *cursor) {
  char limit[24];
  bool csv = query->format == FORMAT_CSV;
  snprintf(limit, sizeof limit, "%lld",
           query->left < PAGE_EVENTS_MAX || csv ? query->left : PAGE_EVENTS_MAX);
  buf_put_text(path, "api/events");
  url_put_parameter(path, "event", query->event);
  url_put_parameter(path, "min_severity", query->severity);
  url_put_parameter(path, "source", query->source);
  url_put_parameter(path, "from", query->from);
  url_put_parameter(path, "to", query->to);
  url_put_parameter(path, "q", query->q);
  url_put_parameter(path, "order", query->order);
  url_put_parameter(path, "around", query->around);
  url_put_parameter(path, "window", query->window);
  url_put_parameter(path, "format", csv ? "csv" : NULL);
  if (query->around) /* it says how large the neighbourhood is, on every page of it */
    url_put_parameter(path, "limit", query->limit);
  else if (!csv || !query->all)
    url_put_parameter(path, "limit", limit);
  url_put_parameter(path, "cursor", cursor);
}

static void show(struct query *query, struct slice event) {
  struct buf line;
  buf_init(&line, 0);
  if (query->format == FORMAT_LINES) {
    show_put_event(&line, event, query->coloured);
  } else {
    if (query->format == FORMAT_JSON)
      buf_put_text(&line, query->shown > 0 ? ",\n" : "[\n");
    show_put_json(&line, event);
    if (query->format == FORMAT_NDJSON)
      buf_put_char(&line, '\n');
  }
  fwrite(line.data ? line.data : "", 1, line.len, stdout);
  buf_fini(&line);
  query->shown++;
  query->left--;
}

/* Shows the events of an answer. Returns: 0 with the next page's cursor (owned; NULL at the end),
 * or an error that has been told. */
static int show_page(struct query *query, struct slice body, char **cursor) {
  struct belfry_error why = {0};
  struct json_walk walk;
  struct slice event;
  json_t *page = json_parse(body, JSON_DEPTH_DEFAULT * 2, &why);
  const char *next = json_string_value(json_object_get(page, "next_cursor"));
  bool is_page = json_is_array(json_object_get(page, "events"));
  bool partial = json_is_true(json_object_get(page, "partial"));
  *cursor = next ? strdup(next) : NULL;
  bool no_memory = next && !*cursor;
  json_decref(page);
  if (!is_page || no_memory) {
    command_complain("the answer is no list of events%s%s", why.code ? ": " : "", why.text);
    return no_memory ? BELFRY_ENOMEM : BELFRY_EPROTO;
  }
  if (json_walk_start(&walk, json_member(body, "events")))
    while (query->left > 0 && json_walk_next(&walk, NULL, &event))
      show(query, event);
  if (partial && !*cursor)
    command_complain("the search ran out of time before it had seen everything: narrow it with "
                     "--from and --to");
  return BELFRY_OK;
}

static int get_page(struct query *query, struct http *http, int64_t timeout_ms, char **cursor) {
  struct http_response response;
  struct belfry_error error = {0};
  struct buf path;
  buf_init(&path, 0);
  put_path(&path, query, *cursor);
  free(*cursor);
  *cursor = NULL;
  http_response_init(&response);
  struct http_request request = {
      .method = "GET", .path = path.data, .accept = "application/json", .timeout_ms = timeout_ms};
  int status =
      buf_status(&path) ? BELFRY_ENOMEM : http_perform_patiently(http, &request, &response, &error);
  if (status) {
    command_complain("%s", error.code ? error.text : belfry_strerror(status));
  } else if (response.status != 200) {
    http_complain(http, &response);
    status = BELFRY_EINVAL;
  } else {
    status = show_page(query, buf_slice(&response.body), cursor);
  }
  http_response_fini(&response);
  buf_fini(&path);
  return status;
}

/* --- CSV, as the server makes it --- */

struct csv_stream {
  bool shown_escaped; /* a terminal would take control characters for commands */
  char last[2];       /* the last two bytes */
  struct buf line;    /* on a terminal: what has no end yet */
};

/* Writes whole lines of the line buffer. */
static void show_lines(struct csv_stream *stream) {
  struct buf shown;
  const char *end;
  buf_init(&shown, 0);
  while (stream->line.len > 0 && (end = memchr(stream->line.data, '\n', stream->line.len))) {
    size_t len = (size_t)(end - stream->line.data);
    show_put_escaped(&shown, slice_trim(slice_new(stream->line.data, len)));
    buf_put_char(&shown, '\n');
    buf_consume(&stream->line, len + 1);
  }
  fwrite(shown.data ? shown.data : "", 1, shown.len, stdout);
  buf_fini(&shown);
}

static int on_csv(void *arg, struct slice bytes) {
  struct csv_stream *stream = arg;
  for (size_t i = bytes.len > 2 ? bytes.len - 2 : 0; i < bytes.len; i++) {
    stream->last[0] = stream->last[1];
    stream->last[1] = bytes.data[i];
  }
  if (stream->shown_escaped) {
    buf_put_slice(&stream->line, bytes);
    show_lines(stream);
    return buf_status(&stream->line);
  }
  return fwrite(bytes.data, 1, bytes.len, stdout) == bytes.len ? BELFRY_OK : BELFRY_EIO;
}

/* A whole export, and only a whole one, ends in CR LF. */
static int stream_csv(struct query *query, struct http *http) {
  struct csv_stream stream = {.shown_escaped = isatty(STDOUT_FILENO)};
  struct http_response response;
  struct belfry_error error = {0};
  struct buf path;
  buf_init(&path, 0);
  buf_init(&stream.line, 0);
  http_response_init(&response);
  put_path(&path, query, NULL);
  const struct http_request request = {
      .method = "GET", .path = path.data, .accept = "text/csv", .on_bytes = on_csv, .arg = &stream};
  int status = buf_status(&path) ? BELFRY_ENOMEM : http_perform(http, &request, &response, &error);
  if (!status && response.status != 200) {
    http_complain(http, &response);
    status = BELFRY_EINVAL;
  } else if (!status && fflush(stdout)) {
    command_complain("cannot write to standard output");
    status = BELFRY_EIO;
  } else if (!status && memcmp(stream.last, "\r\n", 2) != 0) {
    command_complain("the export broke off: what came is not all; the last line may be cut");
    status = BELFRY_ECLOSED;
  } else if (status) {
    command_complain("%s", error.code ? error.text : belfry_strerror(status));
  }
  http_response_fini(&response);
  buf_fini(&stream.line);
  buf_fini(&path);
  return status ? EXIT_FAILED : EXIT_OK;
}

static int run(struct query *query, struct http *http, int64_t timeout_ms) {
  char *cursor = NULL;
  int status;
  do
    status = get_page(query, http, timeout_ms, &cursor);
  while (!status && cursor && query->left > 0);
  free(cursor);
  if (query->format == FORMAT_JSON && !status)
    printf("%s\n", query->shown > 0 ? "\n]" : "[]");
  return status ? EXIT_FAILED : EXIT_OK;
}

enum {
  OPTION_FROM = 1,
  OPTION_TO,
  OPTION_ORDER,
  OPTION_AROUND,
  OPTION_WINDOW,
  OPTION_ALL,
  OPTION_JSON,
  OPTION_NDJSON,
  OPTION_CSV,
  OPTION_NO_COLOUR
};

static bool take_option(struct query *query, int option, const char *value) {
  const char **texts[] = {
      ['e'] = &query->event,           ['s'] = &query->severity, ['S'] = &query->source,
      [OPTION_FROM] = &query->from,    [OPTION_TO] = &query->to, ['q'] = &query->q,
      [OPTION_ORDER] = &query->order,  ['n'] = &query->limit,    [OPTION_AROUND] = &query->around,
      [OPTION_WINDOW] = &query->window};
  if (option > 0 && (size_t)option < sizeof texts / sizeof *texts && texts[option]) {
    *texts[option] = value;
    return true;
  }
  switch (option) {
  case OPTION_JSON:
    query->format = FORMAT_JSON;
    return true;
  case OPTION_NDJSON:
    query->format = FORMAT_NDJSON;
    return true;
  case OPTION_CSV:
    query->format = FORMAT_CSV;
    return true;
  case OPTION_ALL:
    query->all = true;
    return true;
  case OPTION_NO_COLOUR:
    query->coloured = false;
    return true;
  default:
    return connection_take_option(&query->connection, option, value);
  }
}

int cmd_query(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"event", required_argument, NULL, 'e'},
                                          {"severity", required_argument, NULL, 's'},
                                          {"source", required_argument, NULL, 'S'},
                                          {"from", required_argument, NULL, OPTION_FROM},
                                          {"to", required_argument, NULL, OPTION_TO},
                                          {"q", required_argument, NULL, 'q'},
                                          {"order", required_argument, NULL, OPTION_ORDER},
                                          {"limit", required_argument, NULL, 'n'},
                                          {"all", no_argument, NULL, OPTION_ALL},
                                          {"around", required_argument, NULL, OPTION_AROUND},
                                          {"window", required_argument, NULL, OPTION_WINDOW},
                                          {"json", no_argument, NULL, OPTION_JSON},
                                          {"csv", no_argument, NULL, OPTION_CSV},
                                          {"ndjson", no_argument, NULL, OPTION_NDJSON},
                                          {"no-color", no_argument, NULL, OPTION_NO_COLOUR},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  struct query query = {.coloured = show_wants_colour(), .left = DEFAULT_LIMIT};
  struct connection connection;
  struct belfry_error error = {0};
  struct http *http = NULL;
  int option, status = EXIT_FAILED;
  while ((option = getopt_long(argc, argv, "e:s:q:n:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!take_option(&query, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if (optind < argc)
    return command_misused(command, "query takes no argument '%s': --q searches for words",
                           argv[optind]);
  if (query.limit && (!slice_to_int64(slice_of(query.limit), &query.left) || query.left < 1))
    return command_misused(command, "--limit: '%s' is not a whole number from 1", query.limit);
  if (query.limit && query.all)
    return command_misused(command, "--all and --limit exclude one another");
  if (query.window && !query.around)
    return command_misused(command, "--window goes with --around ID");
  if (query.all && query.around)
    return command_misused(command,
                           "--all and --around exclude one another: with --around, take "
                           "a --limit of up to %d",
                           PAGE_EVENTS_MAX);
  if (query.all)
    query.left = INT64_MAX;
  tzset();
  if (connection_init(&connection, &query.connection, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http)
    command_complain("%s", error.text);
  else
    status = query.format == FORMAT_CSV ? stream_csv(&query, http)
                                        : run(&query, http, connection.timeout_ms);
  http_close(http);
  connection_fini(&connection);
  return status;
}
