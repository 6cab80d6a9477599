/*
 * belfry emit: sends one event made of the command's words, or many from stdin. It has succeeded
 * only when the server has stored them. Every event has an id before it is sent, so that sending it
 * again after a lost answer stores nothing twice.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/ulid.h"
#include "cli/command.h"
#include "cli/event_args.h"
#include "cli/http.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DATA_BYTES_MAX  ((size_t)8 << 20)
#define BATCH_BYTES_MAX ((size_t)512 << 10)
#define BATCH_LINES_MAX 500
#define BATCH_WAIT_MS   200 /* a line waits at most so long for others */

struct emit {
  struct event_args event;
  struct connection_options connection;
  bool lines;
};

struct counts {
  int64_t accepted, duplicates;
  int64_t last_id; /* 0 when the server told none */
};

/* Sends until it is stored, refused or the time is up. */
static int post(struct http *http, const char *type, struct slice body, int64_t timeout_ms,
                struct counts *counts) {
  struct http_request request = {.method = "POST",
                                 .path = "api/events",
                                 .accept = "application/json",
                                 .content_type = type,
                                 .body = body,
                                 .timeout_ms = timeout_ms};
  struct http_response response;
  struct belfry_error error = {0};
  http_response_init(&response);
  int status = http_perform_patiently(http, &request, &response, &error);
  if (status) {
    command_complain("%s", error.text);
  } else if (response.status != 201) {
    http_complain(http, &response);
    status = BELFRY_EINVAL;
  } else {
    json_t *answer = json_parse(buf_slice(&response.body), JSON_DEPTH_DEFAULT, NULL);
    counts->accepted += json_integer_value(json_object_get(answer, "accepted"));
    counts->duplicates += json_integer_value(json_object_get(answer, "duplicates"));
    counts->last_id = json_integer_value(json_object_get(answer, "last_id"));
    json_decref(answer);
  }
  http_response_fini(&response);
  return status;
}

/* Not by /dev/stdin, which cannot be opened when it is a socket. */
static int read_stdin(struct buf *out, struct belfry_error *error) {
  char *room;
  ssize_t n = 1;
  while (n != 0 && (room = buf_reserve(out, 65536))) {
    n = read(STDIN_FILENO, room, 65536);
    if (n < 0 && errno != EINTR)
      return belfry_error_errno(error, errno, "cannot read stdin");
    if (n > 0)
      buf_commit(out, (size_t)n);
  }
  if (buf_status(out))
    return belfry_error_set(error, buf_status(out), "the data on stdin: %s",
                            belfry_strerror(buf_status(out)));
  if (out->len == 0 || memchr(out->data, '\0', out->len))
    return belfry_error_set(error, BELFRY_EINVAL, "the data on stdin is not a JSON object");
  return BELFRY_OK;
}

static int emit_one(struct http *http, const struct emit *emit, int64_t timeout_ms) {
  struct event_args event = emit->event;
  struct ulid_maker maker = {0};
  struct belfry_error error = {0};
  struct counts counts = {0};
  struct buf body, given;
  char id[ULID_BYTES];
  int status = BELFRY_OK;
  buf_init(&body, DATA_BYTES_MAX * 2);
  buf_init(&given, DATA_BYTES_MAX);
  if (!event.id) {
    ulid_make(&maker, clock_realtime_ms(&clock_system), id);
    event.id = id;
  }
  if (event.data && strcmp(event.data, "-") == 0) {
    status = read_stdin(&given, &error);
    event.data = given.data;
  }
  if (!status)
    status = event_args_put(&event, &body, &error);
  if (status)
    command_complain("%s", error.code ? error.text : belfry_strerror(status));
  else
    status = post(http, "application/json", buf_slice(&body), timeout_ms, &counts);
  if (!status && counts.last_id > 0)
    printf("%" PRId64 "\n", counts.last_id);
  else if (!status)
    printf("%s\n", event.id);
  buf_fini(&given);
  buf_fini(&body);
  return status ? EXIT_FAILED : EXIT_OK;
}

/* Lines of stdin on their way into batches. */
struct feed {
  struct http *http;
  int64_t timeout_ms;
  struct ulid_maker maker;
  struct counts counts;
  struct buf input, batch;
  size_t batch_lines;
  int64_t line; /* number of the line that was taken last */
};

static int send_batch(struct feed *feed) {
  if (feed->batch_lines == 0)
    return BELFRY_OK;
  int status = post(feed->http, "application/x-ndjson", buf_slice(&feed->batch), feed->timeout_ms,
                    &feed->counts);
  if (status)
    command_complain("the %zu events up to line %" PRId64 " are not stored", feed->batch_lines,
                     feed->line);
  buf_clear(&feed->batch);
  feed->batch_lines = 0;
  return status;
}

static int take_line(struct feed *feed, struct slice line) {
  char id[ULID_BYTES];
  struct belfry_error error = {0};
  if (slice_trim(line).len == 0) {
    feed->line++;
    return BELFRY_OK;
  }
  if (feed->batch_lines >= BATCH_LINES_MAX || feed->batch.len + line.len > BATCH_BYTES_MAX) {
    int sent = send_batch(feed);
    if (sent)
      return sent;
  }
  feed->line++;
  size_t before = feed->batch.len;
  ulid_make(&feed->maker, clock_realtime_ms(&clock_system), id);
  int status = event_line_put(line, id, NULL, &feed->batch, &error);
  buf_put_char(&feed->batch, '\n');
  if (status) {
    feed->batch.len = before; /* the good lines before it are still sent */
    command_complain("line %" PRId64 " of stdin: %s", feed->line,
                     error.code ? error.text : belfry_strerror(status));
    return status;
  }
  feed->batch_lines++;
  return buf_status(&feed->batch);
}

/* Takes all whole lines; at the end of the input also what is left. */
static int take_lines(struct feed *feed, bool at_end) {
  size_t at = 0;
  int status = BELFRY_OK;
  while (!status && at < feed->input.len) {
    const char *start = feed->input.data + at;
    const char *end = memchr(start, '\n', feed->input.len - at);
    if (!end && !at_end)
      break;
    size_t len = end ? (size_t)(end - start) : feed->input.len - at;
    at += len + (end ? 1 : 0);
    status = take_line(feed, slice_new(start, len));
  }
  buf_consume(&feed->input, at);
  return status;
}

/* Reads what is there. Returns: 1, 0 at the end of the input, or an error. */
static int read_some(struct feed *feed) {
  char *room = buf_reserve(&feed->input, 65536);
  if (!room) {
    command_complain("line %" PRId64 " of stdin is longer than %zu bytes", feed->line + 1,
                     DATA_BYTES_MAX);
    return BELFRY_ETOOBIG;
  }
  ssize_t n = read(STDIN_FILENO, room, 65536);
  if (n < 0 && errno == EINTR)
    return 1;
  if (n < 0) {
    command_complain("cannot read stdin: %s", strerror(errno));
    return BELFRY_EIO;
  }
  buf_commit(&feed->input, (size_t)n);
  return n > 0;
}

static int emit_lines(struct http *http, int64_t timeout_ms) {
  struct feed feed = {.http = http, .timeout_ms = timeout_ms};
  int status = BELFRY_OK, more = 1;
  buf_init(&feed.input, DATA_BYTES_MAX);
  buf_init(&feed.batch, DATA_BYTES_MAX * 2);
  while (!status && more > 0) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&in, 1, feed.batch_lines > 0 ? BATCH_WAIT_MS : -1);
    if (ready == 0) {
      status = send_batch(&feed);
      continue;
    }
    if (ready < 0 && errno != EINTR) {
      command_complain("cannot wait for stdin: %s", strerror(errno));
      status = BELFRY_EIO;
    } else if (ready > 0) {
      more = read_some(&feed);
      status = more < 0 ? more : take_lines(&feed, more == 0);
    }
  }
  /* What was read well before a bad line is sent. */
  if (feed.batch_lines > 0 && !buf_status(&feed.batch)) {
    int sent = send_batch(&feed);
    status = status ? status : sent;
  }
  printf("accepted %" PRId64 ", duplicates %" PRId64 "\n", feed.counts.accepted,
         feed.counts.duplicates);
  buf_fini(&feed.input);
  buf_fini(&feed.batch);
  return status ? EXIT_FAILED : EXIT_OK;
}

enum { OPTION_STDIN = 1, OPTION_MESSAGE };

static bool take_option(struct emit *emit, int option, const char *value) {
  switch (option) {
  case 't':
    emit->event.type = value;
    return true;
  case 's':
    emit->event.severity = value;
    return true;
  case 'S':
    emit->event.source = value;
    return true;
  case 'i':
    emit->event.id = value;
    return true;
  case 'T':
    emit->event.timestamp = value;
    return true;
  case 'd':
    emit->event.data = value;
    return true;
  case OPTION_MESSAGE:
    emit->event.message = value;
    return true;
  case OPTION_STDIN:
    emit->lines = true;
    return true;
  default:
    return connection_take_option(&emit->connection, option, value);
  }
}

int cmd_emit(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"type", required_argument, NULL, 't'},
                                          {"severity", required_argument, NULL, 's'},
                                          {"source", required_argument, NULL, 'S'},
                                          {"id", required_argument, NULL, 'i'},
                                          {"timestamp", required_argument, NULL, 'T'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"message", required_argument, NULL, OPTION_MESSAGE},
                                          {"stdin", no_argument, NULL, OPTION_STDIN},
                                          CONNECTION_LONG_OPTIONS,
                                          {0}};
  struct emit emit = {0};
  struct connection connection;
  struct belfry_error error = {0};
  int option;
  while ((option = getopt_long(argc, argv, "t:s:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!take_option(&emit, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  emit.event.words = argv + optind;
  emit.event.word_count = argc - optind;
  bool said = emit.event.type || emit.event.data || emit.event.message || emit.event.word_count > 0;
  if (emit.lines &&
      (said || emit.event.severity || emit.event.source || emit.event.id || emit.event.timestamp))
    return command_misused(command, "--stdin takes whole events, so nothing else can be said");
  if (!emit.lines && !said)
    return command_misused(command, "nothing to send: give a message or a --type");
  struct http *http = NULL;
  int status = EXIT_FAILED;
  if (connection_init(&connection, &emit.connection, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http)
    command_complain("%s", error.text);
  else
    status = emit.lines ? emit_lines(http, connection.timeout_ms)
                        : emit_one(http, &emit, connection.timeout_ms);
  http_close(http);
  connection_fini(&connection);
  return status;
}
