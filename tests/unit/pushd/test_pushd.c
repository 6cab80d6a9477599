/*
 * belfry-pushd as its clients see it: the real daemon over a real history, on temporary paths.
 */
#include "base/clock.h"
#include "instance.h"
#include "push_client.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define WAIT_MS 10000

static int64_t get_int(const json_t *object, const char *key) {
  const json_t *value = json_object_get(json_object_get(object, "data"), key);
  return json_is_integer(value) ? json_integer_value(value) : -1;
}

static const char *get_text(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(json_object_get(object, "data"), key));
  return text ? text : "";
}

static bool get_bool(const json_t *object, const char *key) {
  return json_is_true(json_object_get(json_object_get(object, "data"), key));
}

/* Connects and takes `connected` into `message`. */
static void start(const struct instance *instance, struct push_client *client,
                  struct push_message *message, const char *target, const char *headers) {
  assert_true(push_client_connect(client, instance->socket));
  int status = push_client_start(client, target, headers);
  if (status != (client->sse ? 200 : 101))
    fail_msg("%s was answered %d:\n%s", target, status, client->head);
  if (push_client_next(client, message, WAIT_MS) != PUSH_MESSAGE ||
      strcmp(message->name, "connected") != 0)
    fail_msg("%s began with '%s' instead of connected", target, message->name);
}

/* Takes the next message that is an event of the log; others in between are passed over. */
static void next_event(struct push_client *client, struct push_message *message) {
  do {
    enum push_kind kind = push_client_next(client, message, WAIT_MS);
    if (kind != PUSH_MESSAGE)
      fail_msg("instead of an event came kind %d, code %u", kind, message->code);
  } while (!message->id);
}

static void expect_ids(struct push_client *client, struct push_message *message, int64_t from,
                       int64_t to) {
  for (int64_t id = from; id <= to; id++) {
    next_event(client, message);
    if (message->id != id)
      fail_msg("event %lld came instead of %lld", (long long)message->id, (long long)id);
  }
}

static void expect(struct push_client *client, struct push_message *message, const char *name) {
  enum push_kind kind = push_client_next(client, message, WAIT_MS);
  if (kind != PUSH_MESSAGE || strcmp(message->name, name) != 0)
    fail_msg("'%s' (kind %d, code %u) came instead of '%s'", message->name, kind, message->code,
             name);
}

/* The same behind events that were stored before the client came, but which pushd had not read yet.
 */
static void expect_after_events(struct push_client *client, struct push_message *message,
                                const char *name) {
  enum push_kind kind;
  do
    kind = push_client_next(client, message, WAIT_MS);
  while (kind == PUSH_MESSAGE && message->id);
  if (kind != PUSH_MESSAGE || strcmp(message->name, name) != 0)
    fail_msg("'%s' (kind %d, code %u) came instead of '%s'", message->name, kind, message->code,
             name);
}

static void expect_close(struct push_client *client, struct push_message *message, uint16_t code) {
  enum push_kind kind;
  while ((kind = push_client_next(client, message, WAIT_MS)) == PUSH_MESSAGE)
    continue;
  if (kind != PUSH_CLOSE || message->code != code)
    fail_msg("kind %d, code %u came instead of close %u", kind, message->code, code);
}

static void finish(struct push_client *client, struct push_message *message) {
  json_decref(message->json);
  *message = (struct push_message){0};
  push_client_free(client);
}

/* --- what arrives ------------------------------------------------------------------------------
 */

static void test_live_events_in_order(void **state) {
  (void)state;
  struct instance instance;
  struct push_client ws, sse;
  struct push_message message = {0};
  instance_start(&instance, "");
  int64_t head = instance_append(&instance, 3, "agent_activity", "web", 1, 0);
  start(&instance, &ws, &message, "/ws", instance.admin);
  assert_true(get_int(message.json, "head") >= head - 3);
  assert_int_equal(get_int(message.json, "oldest"), 1);
  assert_true(get_bool(message.json, "complete"));
  assert_int_equal(strlen(get_text(message.json, "epoch")), 16);
  assert_string_equal(get_text(message.json, "role"), "admin");
  int64_t from = get_int(message.json, "resumed_from") + 1;
  start(&instance, &sse, &message, "/events?named=1&since=0", instance.admin);
  assert_non_null(strstr(sse.head, "X-Accel-Buffering: no\r\n"));
  assert_non_null(strstr(sse.head, "Cache-Control: no-store\r\n"));
  assert_non_null(strstr(sse.head, "Content-Type: text/event-stream"));
  int64_t last = 0;
  for (int i = 0; i < 50; i++)
    last = instance_append(&instance, 1 + i % 7, "agent_activity", "web", 1, 0);
  expect_ids(&ws, &message, from, last);
  assert_string_equal(json_string_value(json_object_get(message.json, "severity")), "info");
  assert_string_equal(json_string_value(json_object_get(message.json, "source")), "web");
  assert_int_equal(get_int(message.json, "n"), instance.sent);
  do /* the key that historyd made told of itself; only ours count here */
    next_event(&sse, &message);
  while (message.id < last);
  assert_string_equal(message.sse_event, "agent_activity");
  assert_int_equal(strlen(message.sse_id) - strspn(message.sse_id, "0123456789abcdef"),
                   strlen(strchr(message.sse_id, '-')));
  finish(&ws, &message);
  finish(&sse, &message);
  instance_end(&instance);
}

static void test_logs_come_only_when_asked_for(void **state) {
  (void)state;
  struct instance instance;
  struct push_client plain, all, errors, sources;
  struct push_message message = {0};
  instance_start(&instance, "");
  start(&instance, &plain, &message, "/ws", instance.admin);
  start(&instance, &all, &message, "/ws?events=*", instance.admin);
  start(&instance, &errors, &message, "/events?min_severity=error", instance.admin);
  start(&instance, &sources, &message, "/ws?events=log&sources=we*,db", instance.admin);
  int64_t first = instance_append(&instance, 1, "log", "web", 1, 0);
  instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  instance_append(&instance, 1, "log", "cache", 4, 0);
  instance_append(&instance, 1, "error_occurred", "cache", 4, 0);
  instance_append(&instance, 1, "log", "db", 4, 0);
  expect_ids(&all, &message, first, first + 4);
  next_event(&plain, &message);
  assert_int_equal(message.id, first + 1);
  next_event(&plain, &message);
  assert_int_equal(message.id, first + 3);
  next_event(&errors, &message);
  assert_int_equal(message.id, first + 3);
  next_event(&sources, &message);
  assert_int_equal(message.id, first);
  next_event(&sources, &message);
  assert_int_equal(message.id, first + 4);
  finish(&plain, &message);
  finish(&all, &message);
  finish(&errors, &message);
  finish(&sources, &message);
  instance_end(&instance);
}

/* --- resuming ----------------------------------------------------------------------------------
 */

static void test_resume_over_a_restart(void **state) {
  (void)state;
  struct instance instance;
  struct push_client ws, sse;
  struct push_message message = {0};
  char target[96], last_event_id[512];
  instance_start(&instance, "");
  start(&instance, &ws, &message, "/ws", instance.admin);
  start(&instance, &sse, &message, "/events", instance.admin);
  int64_t last = instance_append(&instance, 10, "agent_activity", "web", 1, 0);
  expect_ids(&ws, &message, last - 9, last);
  expect_ids(&sse, &message, last - 9, last);
  snprintf(last_event_id, sizeof last_event_id, "%sLast-Event-ID: %s\r\n", instance.admin,
           message.sse_id);
  assert_int_equal(instance_stop(&instance.pushd, SIGTERM), 0);
  expect(&ws, &message, "closing");
  assert_string_equal(get_text(message.json, "reason"), "restart");
  assert_true(get_int(message.json, "retry_after_ms") > 0);
  expect_close(&ws, &message, 1012);
  expect(&sse, &message, "closing");
  assert_int_equal(push_client_next(&sse, &message, WAIT_MS), PUSH_END);
  finish(&ws, &message);
  finish(&sse, &message);
  instance_append(&instance, 10, "agent_activity", "web", 1, 0);
  instance_start_pushd(&instance);
  snprintf(target, sizeof target, "/ws?since=%lld", (long long)last);
  start(&instance, &ws, &message, target, instance.admin);
  assert_true(get_bool(message.json, "complete"));
  assert_int_equal(get_int(message.json, "resumed_from"), last);
  start(&instance, &sse, &message, "/events?since=0", last_event_id);
  assert_true(get_bool(message.json, "complete"));
  instance_append(&instance, 10, "agent_activity", "web", 1, 0);
  expect_ids(&ws, &message, last + 1, last + 20);
  expect_ids(&sse, &message, last + 1, last + 20);
  finish(&ws, &message);
  finish(&sse, &message);
  instance_end(&instance);
}

/* The backlog is a hundred times what the ring holds, and more comes meanwhile. */
static void test_resume_beyond_the_ring(void **state) {
  (void)state;
  struct instance instance;
  struct push_client ws, filtered, last;
  struct push_message message = {0};
  char target[96];
  instance_start(&instance, "  ring_events: 32\n");
  int64_t first = instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  for (int i = 0; i < 10; i++) {
    instance_append(&instance, 299, "agent_activity", "web", 1, 100);
    instance_append(&instance, 1, "error_occurred", "web", 4, 0);
  }
  snprintf(target, sizeof target, "/ws?since=%lld", (long long)first);
  start(&instance, &ws, &message, target, instance.admin);
  assert_true(get_bool(message.json, "complete"));
  snprintf(target, sizeof target, "/events?events=error_*&since=%lld", (long long)first);
  start(&instance, &filtered, &message, target, instance.admin);
  start(&instance, &last, &message, "/ws?events=error_*&last=4", instance.admin);
  instance_append(&instance, 100, "agent_activity", "web", 1, 0);
  instance_append(&instance, 1, "error_occurred", "web", 4, 0);
  expect_ids(&ws, &message, first + 1, first + 3101);
  for (int i = 1; i <= 10; i++) {
    next_event(&filtered, &message);
    assert_int_equal(message.id, first + 300 * i);
  }
  next_event(&filtered, &message);
  assert_int_equal(message.id, first + 3101);
  for (int i = 7; i <= 10; i++) {
    next_event(&last, &message);
    assert_int_equal(message.id, first + 300 * i);
  }
  next_event(&last, &message);
  assert_int_equal(message.id, first + 3101);
  finish(&ws, &message);
  finish(&filtered, &message);
  finish(&last, &message);
  instance_end(&instance);
}

static void test_a_resume_that_is_not_complete_says_so(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  instance_start(&instance, "");
  int64_t head = instance_append(&instance, 5, "agent_activity", "web", 1, 0);
  static const char *const targets[] = {"/ws?since=99999", "/ws?since=1&epoch=0123456789abcdef",
                                        "/events?since=0123456789abcdef-1"};
  for (size_t i = 0; i < 3; i++) {
    start(&instance, &client, &message, targets[i], instance.admin);
    if (get_bool(message.json, "complete") || get_int(message.json, "resumed_from") != head)
      fail_msg("%s was said to be complete", targets[i]);
    finish(&client, &message);
  }
  char headers[512];
  snprintf(headers, sizeof headers, "%sLast-Event-ID: what?\r\n", instance.admin);
  start(&instance, &client, &message, "/events", headers);
  assert_false(get_bool(message.json, "complete"));
  finish(&client, &message);
  /* An id that this daemon has not heard of yet, but the history has. */
  char target[64];
  head = instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  snprintf(target, sizeof target, "/ws?since=%lld", (long long)head);
  start(&instance, &client, &message, target, instance.admin);
  assert_true(get_bool(message.json, "complete"));
  finish(&client, &message);
  instance_end(&instance);
}

/* It stops reading while far more passes than sockets and ring hold, and then gets every event. */
static void test_a_slow_client_misses_nothing(void **state) {
  (void)state;
  struct instance instance;
  struct push_client slow, fast;
  struct push_message message = {0};
  instance_start(&instance, "  ring_events: 64\n");
  start(&instance, &slow, &message, "/ws?events=*", instance.admin);
  start(&instance, &fast, &message, "/ws?events=*", instance.admin);
  int64_t first = instance_append(&instance, 1, "log", "web", 1, 1000), last = 0;
  next_event(&fast, &message);
  for (int i = 0; i < 50; i++) {
    last = instance_append(&instance, 100, "log", "web", 1, 1000);
    expect_ids(&fast, &message, last - 99, last);
  }
  expect_ids(&slow, &message, first, last);
  push_client_say(&slow, "{\"event\":\"ping\",\"data\":1}");
  expect(&slow, &message, "pong");
  finish(&slow, &message);
  finish(&fast, &message);
  instance_end(&instance);
}

/* --- handshakes --------------------------------------------------------------------------------
 */

static void expect_refusal(const struct instance *instance, const char *head, int status,
                           const char *header) {
  struct push_client client;
  assert_true(push_client_connect(&client, instance->socket));
  push_client_write(&client, slice_of(head));
  int got = push_client_status(&client);
  if (got != status || !strstr(client.head, header))
    fail_msg("answered %d instead of %d with '%s' to\n%s\nthe answer:\n%s", got, status, header,
             head, client.head);
  json_t *body = push_client_body(&client);
  if (status != 204)
    assert_int_equal(json_integer_value(json_object_get(body, "status")), status);
  json_decref(body);
  push_client_free(&client);
}

static void test_refused_handshakes(void **state) {
  (void)state;
  struct instance instance;
  char head[1024], scrape[256];
  instance_start(&instance, "");
  instance_make_key(&instance, "prometheus", AUTH_ROLE_SCRAPE, 0, scrape);
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13     "Sec-WebSocket-Version: 13\r\n"
#define HOST    "Host: localhost:8080\r\n"
  expect_refusal(&instance, "\x16\x03\x01", 400, "problem+json");
  expect_refusal(&instance, "hello\r\n\r\n", 400, "problem+json");
  expect_refusal(&instance, "GET /ws HTTP/1.1\r\n\r\n", 400, "X-Request-Id: ");
  expect_refusal(&instance, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "");
  expect_refusal(&instance, "POST /events HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET");
  expect_refusal(&instance, "OPTIONS /events HTTP/1.1\r\n" HOST "\r\n", 204, "Allow: GET");
  expect_refusal(&instance, "GET /ws HTTP/1.1\r\n" HOST "\r\n", 426, "Upgrade: websocket");
  expect_refusal(&instance,
                 "GET /ws HTTP/1.1\r\n" HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426,
                 "Sec-WebSocket-Version: 13");
  expect_refusal(&instance,
                 "GET /ws HTTP/1.1\r\n" HOST UPGRADE V13 "Sec-WebSocket-Key: short\r\n\r\n", 400,
                 "");
  expect_refusal(&instance, "GET /events HTTP/1.1\r\n" HOST "Accept: image/png\r\n\r\n", 406, "");
  expect_refusal(&instance,
                 "GET /ws HTTP/1.1\r\n" HOST UPGRADE V13 KEY "Origin: http://evil.example\r\n\r\n",
                 403, "");
  expect_refusal(&instance, "GET /ws HTTP/1.1\r\n" HOST UPGRADE V13 KEY "\r\n", 401,
                 "WWW-Authenticate: ");
  expect_refusal(&instance,
                 "GET /events HTTP/1.1\r\n" HOST "Authorization: Bearer nonsense\r\n\r\n", 401,
                 "WWW-Authenticate: ");
  snprintf(head, sizeof head, "GET /events HTTP/1.1\r\n" HOST "%s\r\n", scrape);
  expect_refusal(&instance, head, 403, "");
  static const char *const wrong[] = {"last=-1", "last=1001",         "interval=61", "interval=x",
                                      "since=x", "min_severity=loud", "events=%zz",  "since=-1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf(head, sizeof head, "GET /events?%s HTTP/1.1\r\n" HOST "%s\r\n", wrong[i],
             instance.admin);
    expect_refusal(&instance, head, 400, "");
  }
  struct push_client client;
  assert_true(push_client_connect(&client, instance.socket));
  snprintf(head, sizeof head, "Origin: http://localhost\r\nX-Request-Id: abc-1\r\n%s",
           instance.admin);
  assert_int_equal(push_client_start(&client, "/ws", head), 101);
  assert_non_null(strstr(client.head, "X-Request-Id: abc-1\r\n"));
  assert_null(strcasestr(client.head, "extensions"));
  push_client_free(&client);
  instance_end(&instance);
}

/* More than fit get 503; a reload that makes room drops nobody. */
static void test_most_connections_and_reload(void **state) {
  (void)state;
  struct instance instance;
  struct push_client one, two, three;
  struct push_message message = {0};
  char head[512];
  instance_start(&instance, "");
  instance_configure(&instance, "  max_connections: 2\n");
  kill(instance.pushd, SIGHUP);
  start(&instance, &one, &message, "/ws", instance.admin);
  start(&instance, &two, &message, "/events", instance.admin);
  snprintf(head, sizeof head, "GET /events HTTP/1.1\r\nHost: x\r\n%s\r\n", instance.admin);
  expect_refusal(&instance, head, 503, "Retry-After: ");
  instance_configure(&instance, "  max_connections: 3\n");
  kill(instance.pushd, SIGHUP);
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + WAIT_MS;
  int status;
  do {
    assert_true(push_client_connect(&three, instance.socket));
    status = push_client_start(&three, "/ws", instance.admin);
    push_client_free(&three);
  } while (status != 101 && clock_monotonic_ms(&clock_system) < deadline_ms);
  assert_int_equal(status, 101);
  int64_t id = instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  next_event(&one, &message);
  assert_int_equal(message.id, id);
  next_event(&two, &message);
  assert_int_equal(message.id, id);
  finish(&one, &message);
  finish(&two, &message);
  instance_end(&instance);
}

static void test_ingest_keys_receive_their_own_commands(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  char ingest[256];
  instance_start(&instance, "");
  instance_make_key(&instance, "bot", AUTH_ROLE_INGEST, 0, ingest);
  start(&instance, &client, &message, "/ws/dashboard?events=*", ingest);
  instance_append(&instance, 1, "agent_activity", "bot", 1, 0);
  instance_append(&instance, 1, "command", "other", 1, 0);
  int64_t id = instance_append(&instance, 1, "command", "bot", 1, 0);
  next_event(&client, &message);
  assert_int_equal(message.id, id);
  push_client_say(&client, "{\"event\":\"get_state\"}");
  expect(&client, &message, "error");
  assert_string_equal(get_text(message.json, "code"), "forbidden");
  push_client_say(&client, "{\"event\":\"subscribe\"}");
  expect(&client, &message, "subscribed");
  instance_append(&instance, 1, "agent_activity", "bot", 1, 0);
  id = instance_append(&instance, 1, "command", "bot", 1, 0);
  expect(&client, &message, "command");
  assert_int_equal(message.id, id);
  finish(&client, &message);
  instance_end(&instance);
}

static void test_an_expired_key_closes_4401(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  char viewer[256];
  instance_start(&instance, "");
  instance_make_key(&instance, "guest", AUTH_ROLE_VIEWER, 1500, viewer);
  start(&instance, &client, &message, "/ws", viewer);
  expect(&client, &message, "closing");
  expect_close(&client, &message, 4401);
  finish(&client, &message);
  instance_end(&instance);
}

/* --- frames and commands -----------------------------------------------------------------------
 */

static void test_wrong_frames_close_with_their_code(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  instance_start(&instance, "");
#define ROW(code, bytes)                                                                           \
  { code, bytes, sizeof bytes - 1 }
  static const struct {
    uint16_t code;
    const char *bytes;
    size_t len;
  } rows[] = {
      ROW(1002, "\x81\x02hi"),           ROW(1002, "\xc1\x80\0\0\0\0"),
      ROW(1002, "\x83\x80\0\0\0\0"),     ROW(1007, "\x81\x81\0\0\0\0\xff"),
      ROW(1003, "\x82\x81\0\0\0\0x"),    ROW(1009, "\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0"),
      ROW(1000, "\x88\x80\0\0\0\0"),     ROW(4000, "\x88\x82\0\0\0\0\x0f\xa0"),
      ROW(1002, "\x88\x82\0\0\0\0\0\1"),
  };
#undef ROW
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    start(&instance, &client, &message, "/ws", instance.admin);
    push_client_write(&client, slice_new(rows[i].bytes, rows[i].len));
    expect_close(&client, &message, rows[i].code);
    if (push_client_next(&client, &message, WAIT_MS) != PUSH_END)
      fail_msg("row %zu: the connection goes on after the close", i);
    finish(&client, &message);
  }
  instance_end(&instance);
}

static void expect_error(struct push_client *client, struct push_message *message,
                         const char *command, const char *code) {
  push_client_say(client, command);
  expect(client, message, "error");
  if (strcmp(get_text(message->json, "code"), code) != 0)
    fail_msg("%s was answered %s instead of %s", command, get_text(message->json, "code"), code);
}

static void test_commands(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  instance_start(&instance, "");
  start(&instance, &client, &message, "/ws", instance.admin);
  push_client_say(&client, "{\"event\":\"ping\",\"data\":{\"t\": 96.70, \"x\":[1]}}");
  expect(&client, &message, "pong");
  assert_true(json_number_value(json_object_get(json_object_get(message.json, "data"), "t")) ==
              96.70);
  expect_error(&client, &message, "not json", "bad_json");
  expect_error(&client, &message, "[1]", "bad_argument");
  expect_error(&client, &message, "{\"event\":\"dance\"}", "unknown_event");
  assert_string_equal(get_text(message.json, "in_reply_to"), "dance");
  expect_error(&client, &message, "{\"event\":\"set_interval\",\"data\":{\"interval\":0}}",
               "bad_argument");
  expect_error(&client, &message, "{\"event\":\"set_interval\"}", "bad_argument");
  expect_error(&client, &message, "{\"event\":\"subscribe\",\"data\":{\"events\":7}}",
               "bad_argument");
  expect_error(&client, &message, "{\"event\":\"subscribe\",\"data\":{\"min_severity\":\"loud\"}}",
               "bad_argument");
  push_client_say(&client, "{\"event\":\"set_interval\",\"data\":{\"interval\":60}}");
  expect(&client, &message, "interval_set");
  assert_int_equal(get_int(message.json, "interval"), 60);
  push_client_say(&client, "{\"event\":\"get_state\"}");
  expect(&client, &message, "state");
  assert_non_null(json_object_get(json_object_get(message.json, "data"), "metrics"));
  push_client_say(&client, "{\"event\":\"request_refresh\"}");
  expect(&client, &message, "metrics_update");
  push_client_say(&client, "{\"event\":\"subscribe\",\"data\":{\"events\":[\"log\",\"a*\"]}}");
  expect(&client, &message, "subscribed");
  assert_false(get_bool(message.json, "metrics"));
  int64_t id = instance_append(&instance, 1, "error_occurred", "web", 1, 0);
  id = instance_append(&instance, 1, "log", "web", 1, 0);
  expect(&client, &message, "log");
  push_client_say(&client, "{\"event\":\"unsubscribe\",\"data\":{\"events\":[\"log\"]}}");
  expect(&client, &message, "unsubscribed");
  instance_append(&instance, 1, "log", "web", 1, 0);
  id = instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  expect(&client, &message, "agent_activity");
  assert_int_equal(message.id, id);
  char subscribe[128];
  snprintf(subscribe, sizeof subscribe,
           "{\"event\":\"subscribe\",\"data\":{\"since\":%lld,\"metrics\":false}}",
           (long long)id - 2);
  push_client_say(&client, subscribe);
  expect(&client, &message, "subscribed");
  assert_true(get_bool(message.json, "complete"));
  expect_ids(&client, &message, id - 1, id);
  push_client_say(&client, "{\"event\":\"subscribe\"}");
  expect(&client, &message, "subscribed");
  assert_true(get_bool(message.json, "metrics"));
  expect(&client, &message, "metrics_update");
  push_client_say(&client, "{\"event\":\"unsubscribe\"}");
  expect(&client, &message, "unsubscribed");
  instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  push_client_say(&client, "{\"event\":\"ping\"}");
  expect(&client, &message, "pong");
  finish(&client, &message);
  instance_end(&instance);
}

/* Each message is an event or an array of events; together they are all events in order. */
static void test_batches(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client, filtered;
  struct push_message message = {0};
  instance_start(&instance, "  ring_events: 1000\n");
  int64_t first = instance_append(&instance, 3000, "agent_activity", "web", 1, 0) - 2999;
  int64_t last = instance_append(&instance, 500, "log", "web", 1, 300), next = first;
  char subscribe[160];
  snprintf(subscribe, sizeof subscribe,
           "{\"event\":\"subscribe\",\"data\":{\"batch\":true,\"metrics\":false,\"since\":%lld}}",
           (long long)first - 1);
  start(&instance, &client, &message, "/ws", instance.admin);
  start(&instance, &filtered, &message, "/ws", instance.admin);
  push_client_say(&client, subscribe);
  expect(&client, &message, "subscribed");
  assert_true(get_bool(message.json, "batch"));
  int messages = 0;
  while (next <= last) {
    assert_int_equal(push_client_next(&client, &message, WAIT_MS), PUSH_MESSAGE);
    size_t count = json_is_array(message.json) ? json_array_size(message.json) : 1;
    for (size_t i = 0; i < count; i++) {
      json_t *event = json_is_array(message.json) ? json_array_get(message.json, i) : message.json;
      assert_int_equal(json_integer_value(json_object_get(event, "id")), next++);
    }
    messages++;
  }
  assert_true(messages < 100);
  snprintf(subscribe, sizeof subscribe,
           "{\"event\":\"subscribe\",\"data\":{\"batch\":true,\"events\":\"log\",\"last\":3}}");
  push_client_say(&filtered, subscribe);
  expect(&filtered, &message, "subscribed");
  assert_int_equal(push_client_next(&filtered, &message, WAIT_MS), PUSH_MESSAGE);
  assert_int_equal(json_array_size(message.json), 3);
  last = instance_append(&instance, 1, "log", "web", 1, 0);
  expect(&filtered, &message, "log");
  assert_int_equal(message.id, last);
  finish(&client, &message);
  finish(&filtered, &message);
  instance_end(&instance);
}

static void test_too_many_commands(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  instance_start(&instance, "");
  start(&instance, &client, &message, "/ws", instance.admin);
  for (int i = 0; i < 100; i++)
    push_client_say(&client, "{\"event\":\"ping\"}");
  int pongs = 0, limited = 0;
  for (int i = 0; i < 100; i++) {
    assert_int_equal(push_client_next(&client, &message, WAIT_MS), PUSH_MESSAGE);
    pongs += strcmp(message.name, "pong") == 0;
    limited += strcmp(get_text(message.json, "code"), "rate_limited") == 0;
  }
  assert_true(pongs >= 40 && limited > 0);
  assert_int_equal(pongs + limited, 100);
  for (int i = 0; i < 3000; i++)
    push_client_say(&client, "{\"event\":\"ping\"}");
  expect_close(&client, &message, 1008);
  finish(&client, &message);
  instance_end(&instance);
}

static void test_metrics_only_when_they_changed(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  instance_start(&instance, "  interval: 1s\n");
  instance_append(&instance, 1, "opportunity_discovered", "web", 1, 0);
  start(&instance, &client, &message, "/ws/dashboard", instance.admin);
  assert_int_equal(get_int(message.json, "interval"), 1);
  expect(&client, &message, "metrics_update");
  instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  bool event = false, metrics = false;
  while (!event || !metrics) {
    assert_int_equal(push_client_next(&client, &message, WAIT_MS), PUSH_MESSAGE);
    event |= message.id != 0;
    metrics |= strcmp(message.name, "metrics_update") == 0;
  }
  finish(&client, &message);
  instance_end(&instance);
}

static void test_two_unanswered_pings_close(void **state) {
  (void)state;
  struct instance instance;
  struct push_client deaf, good;
  struct push_message message = {0};
  instance_start(&instance, "  ping_interval: 1s\n");
  start(&instance, &good, &message, "/ws", instance.admin);
  start(&instance, &deaf, &message, "/ws", instance.admin);
  deaf.deaf = true;
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + WAIT_MS;
  enum push_kind kind;
  do {
    assert_int_equal(push_client_next(&good, &message, 0), PUSH_SILENCE);
    kind = push_client_next(&deaf, &message, 50);
  } while (kind == PUSH_SILENCE && clock_monotonic_ms(&clock_system) < deadline_ms);
  assert_int_equal(kind, PUSH_CLOSE);
  int64_t id = instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  next_event(&good, &message);
  assert_int_equal(message.id, id);
  finish(&deaf, &message);
  finish(&good, &message);
  instance_end(&instance);
}

/* --- the history's troubles --------------------------------------------------------------------
 */

static void test_historyd_is_killed_meanwhile(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  instance_start(&instance, "");
  start(&instance, &client, &message, "/ws", instance.admin);
  int64_t first = 0, last = 0;
  for (int i = 0; i < 5; i++) {
    last = instance_append(&instance, 20, "agent_activity", "web", 1, 0);
    first = first ? first : last - 19;
    instance_stop(&instance.historyd, SIGKILL);
    instance_start_historyd(&instance);
  }
  expect_ids(&client, &message, first, last);
  finish(&client, &message);
  instance_end(&instance);
}

static void test_without_a_history_it_asks_to_come_back(void **state) {
  (void)state;
  struct instance instance;
  struct push_client client;
  struct push_message message = {0};
  char command[128], head[512], epoch[32];
  instance_start(&instance, "");
  instance_append(&instance, 5, "agent_activity", "web", 1, 0);
  start(&instance, &client, &message, "/ws", instance.admin);
  snprintf(epoch, sizeof epoch, "%s", get_text(message.json, "epoch"));

  /* Another history lies in its place, as after a restore. */
  instance_stop(&instance.historyd, SIGTERM);
  snprintf(command, sizeof command, "rm -rf %s/state/*", instance.dir);
  assert_int_equal(system(command), 0);
  instance_start_historyd(&instance);
  expect_after_events(&client, &message, "closing");
  assert_string_equal(get_text(message.json, "reason"), "history_replaced");
  expect_close(&client, &message, 1012);
  finish(&client, &message);
  snprintf(head, sizeof head, "/ws?since=1&epoch=%s", epoch);
  start(&instance, &client, &message, head, instance.admin);
  assert_false(get_bool(message.json, "complete"));
  int64_t id = instance_append(&instance, 1, "agent_activity", "web", 1, 0);
  next_event(&client, &message);
  assert_int_equal(message.id, id);
  finish(&client, &message);

  /* None at all when pushd starts. */
  instance_stop(&instance.pushd, SIGTERM);
  instance_stop(&instance.historyd, SIGTERM);
  assert_int_equal(system(command), 0);
  instance_launch_pushd(&instance);
  snprintf(head, sizeof head, "GET /events HTTP/1.1\r\nHost: x\r\n%s\r\n", instance.admin);
  expect_refusal(&instance, head, 503, "Retry-After: ");
  instance_start_historyd(&instance);
  instance_await_pushd(&instance);
  start(&instance, &client, &message, "/ws", instance.admin);
  finish(&client, &message);
  instance_end(&instance);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_live_events_in_order),
      cmocka_unit_test(test_logs_come_only_when_asked_for),
      cmocka_unit_test(test_resume_over_a_restart),
      cmocka_unit_test(test_resume_beyond_the_ring),
      cmocka_unit_test(test_a_resume_that_is_not_complete_says_so),
      cmocka_unit_test(test_a_slow_client_misses_nothing),
      cmocka_unit_test(test_refused_handshakes),
      cmocka_unit_test(test_most_connections_and_reload),
      cmocka_unit_test(test_ingest_keys_receive_their_own_commands),
      cmocka_unit_test(test_an_expired_key_closes_4401),
      cmocka_unit_test(test_wrong_frames_close_with_their_code),
      cmocka_unit_test(test_commands),
      cmocka_unit_test(test_batches),
      cmocka_unit_test(test_too_many_commands),
      cmocka_unit_test(test_metrics_only_when_they_changed),
      cmocka_unit_test(test_two_unanswered_pings_close),
      cmocka_unit_test(test_historyd_is_killed_meanwhile),
      cmocka_unit_test(test_without_a_history_it_asks_to_come_back),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
