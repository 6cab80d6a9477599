/*
 * belfry-fcgi as a whole: real belfry-historyd and belfry-fcgi from the build folder, spoken to
 * over the unix socket by a FastCGI client of our own (https://fastcgi-archives.github.io). One
 * instance serves all tests, in their order; nothing waits for a fixed time.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

enum { FCGI_BEGIN = 1, FCGI_END = 3, FCGI_PARAMS = 4, FCGI_STDIN = 5, FCGI_STDOUT = 6 };

static struct {
  char dir[64], conf[96], socket[96];
  char key[80]; /* the admin's */
  pid_t historyd, fcgi;
} instance;

/* --- the client --------------------------------------------------------------------------------
 */

struct param {
  const char *name, *value;
};

struct answer {
  int status; /* 0: there was none */
  struct buf text;
};

static void put_record(struct buf *out, unsigned char type, struct slice content) {
  const unsigned char head[8] = {
      1, type, 0, 1, (unsigned char)(content.len >> 8), (unsigned char)content.len, 0, 0};
  buf_put(out, head, sizeof head);
  buf_put_slice(out, content);
}

static void put_length(struct buf *out, size_t len) {
  assert_true(len < 128);
  buf_put_char(out, (char)len);
}

static void put_request(struct buf *out, const struct param *params) {
  struct buf pairs;
  put_record(out, FCGI_BEGIN, slice_new("\0\1\0\0\0\0\0\0", 8)); /* responder, no kept connection */
  buf_init(&pairs, 65535);
  for (; params->name; params++) {
    if (!params->value)
      continue;
    put_length(&pairs, strlen(params->name));
    put_length(&pairs, strlen(params->value));
    buf_put_text(&pairs, params->name);
    buf_put_text(&pairs, params->value);
  }
  put_record(out, FCGI_PARAMS, buf_slice(&pairs));
  put_record(out, FCGI_PARAMS, slice_new(NULL, 0));
  buf_fini(&pairs);
}

static int open_connection(void) {
  struct belfry_error error = {0};
  int fd = -1;
  if (fd_unix_connect(instance.socket, &fd, &error) || fd_set_nonblocking(fd, false))
    return -1;
  return fd;
}

static bool send_all(int fd, struct slice bytes) {
  while (bytes.len > 0) {
    ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes = slice_new(bytes.data + sent, bytes.len - (size_t)sent);
  }
  return true;
}

/* Reads until the other side closes, and keeps what came as standard output. */
static void read_answer(int fd, struct answer *answer) {
  struct buf raw;
  buf_init(&raw, 0);
  for (;;) {
    char *into = buf_reserve(&raw, 65536);
    assert_non_null(into);
    ssize_t got = fd_wait(fd, POLLIN, PATIENCE_MS) ? -1 : read(fd, into, 65536);
    if (got <= 0)
      break;
    buf_commit(&raw, (size_t)got);
  }
  for (size_t at = 0; at + 8 <= raw.len;) {
    const unsigned char *head = (const unsigned char *)raw.data + at;
    size_t len = (size_t)head[4] << 8 | head[5];
    if (at + 8 + len > raw.len)
      break;
    if (head[1] == FCGI_STDOUT)
      buf_put(&answer->text, raw.data + at + 8, len);
    at += 8 + len + head[6];
  }
  buf_fini(&raw);
  if (answer->text.data && strncmp(answer->text.data, "Status: ", 8) == 0)
    answer->status = atoi(answer->text.data + 8);
}

static void answer_init(struct answer *answer) {
  *answer = (struct answer){0};
  buf_init(&answer->text, 0);
}

/* Sends a whole request; `body` NULL sends none. Returns: the status, 0 without an answer. */
static int ask(const struct param *params, const char *body, struct answer *answer) {
  struct buf out;
  buf_clear(&answer->text);
  answer->status = 0;
  int fd = open_connection();
  if (fd < 0)
    return 0;
  buf_init(&out, 0);
  put_request(&out, params);
  if (body && *body)
    put_record(&out, FCGI_STDIN, slice_of(body));
  put_record(&out, FCGI_STDIN, slice_new(NULL, 0));
  if (send_all(fd, buf_slice(&out)))
    read_answer(fd, answer);
  buf_fini(&out);
  close(fd);
  return answer->status;
}

static int get(const char *path, const char *authorization, struct answer *answer) {
  const struct param params[] = {
      {"REQUEST_METHOD", "GET"}, {"PATH_INFO", path}, {"HTTP_AUTHORIZATION", authorization}, {0}};
  return ask(params, NULL, answer);
}

static int post(const char *path, const char *body, const char *length, struct answer *answer) {
  const struct param params[] = {{"REQUEST_METHOD", "POST"},           {"PATH_INFO", path},
                                 {"CONTENT_TYPE", "application/json"}, {"CONTENT_LENGTH", length},
                                 {"HTTP_AUTHORIZATION", instance.key}, {0}};
  return ask(params, body, answer);
}

/* --- the instance ------------------------------------------------------------------------------
 */

static int64_t now_ms(void) {
  return clock_monotonic_ms(&clock_system);
}

/* A short pause between two looks at what is waited for. */
static void breathe(int64_t since_ms, const char *what) {
  if (now_ms() - since_ms > PATIENCE_MS)
    fail_msg("not within %d ms: %s", PATIENCE_MS, what);
  (void)poll(NULL, 0, 10);
}

static void write_conf(const char *more) {
  char text[512];
  struct belfry_error error = {0};
  int len = snprintf(text, sizeof text,
                     "paths:\n  state: state\n  run: run\npush:\n  enabled: false\nwatch:\n"
                     "  enabled: false\n%s",
                     more);
  assert_int_equal(fd_write_file(instance.conf, 0600, text, (size_t)len, &error), 0);
}

static pid_t start(const char *program) {
  const char *build = getenv("BELFRY_BUILD");
  char path[512];
  snprintf(path, sizeof path, "%s/%s", build ? build : ".", program);
  pid_t parent = getpid(), pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that crashes leaves nothing behind */
    if (getppid() != parent)
      _exit(1);
    execl(path, path, "-c", instance.conf, (char *)NULL);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    _exit(127);
  }
  return pid;
}

static void wait_for_status(const char *path, int status) {
  struct answer answer;
  answer_init(&answer);
  for (int64_t since_ms = now_ms(); get(path, NULL, &answer) != status;) {
    if (now_ms() - since_ms > PATIENCE_MS)
      fail_msg("%s does not answer %d but %d: %s", path, status, answer.status,
               answer.text.data ? answer.text.data : "nothing");
    (void)poll(NULL, 0, 10);
  }
  buf_fini(&answer.text);
}

#define WORKERS_MAX 16

/* The master's children. Returns: how many. */
static size_t find_workers(pid_t workers[WORKERS_MAX]) {
  size_t count = 0;
  struct dirent *entry;
  DIR *proc = opendir("/proc");
  assert_non_null(proc);
  while ((entry = readdir(proc)) && count < WORKERS_MAX) {
    char path[300], text[512];
    int pid = atoi(entry->d_name), parent = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    FILE *stat = pid > 0 ? fopen(path, "re") : NULL;
    if (!stat)
      continue;
    size_t len = fread(text, 1, sizeof text - 1, stat);
    fclose(stat);
    text[len] = '\0';
    const char *end = strrchr(text, ')'); /* the name before may hold anything */
    char kind = 'Z';
    if (end && sscanf(end + 1, " %c %d", &kind, &parent) == 2 && parent == instance.fcgi &&
        kind != 'Z')
      workers[count++] = pid;
  }
  closedir(proc);
  return count;
}

static int start_instance(void **state) {
  (void)state;
  strcpy(instance.dir, "/tmp/belfry-fcgi-XXXXXX");
  if (!mkdtemp(instance.dir))
    return -1;
  signal(SIGPIPE, SIG_IGN);
  snprintf(instance.conf, sizeof instance.conf, "%s/belfry.yaml", instance.dir);
  snprintf(instance.socket, sizeof instance.socket, "%s/run/fcgi.sock", instance.dir);
  char path[96];
  snprintf(path, sizeof path, "%s/run", instance.dir);
  if (mkdir(path, 0700))
    return -1;
  snprintf(path, sizeof path, "%s/state", instance.dir);
  if (mkdir(path, 0700))
    return -1;
  write_conf("fcgi:\n  workers: 3\n  request_timeout: 5s\n");
  instance.fcgi = start("belfry-fcgi");
  return 0;
}

static int end_process(pid_t *pid) {
  int status = 0;
  if (*pid > 0) {
    kill(*pid, SIGTERM);
    (void)waitpid(*pid, &status, 0);
  }
  *pid = 0;
  return status;
}

static int end_instance(void **state) {
  (void)state;
  end_process(&instance.fcgi);
  end_process(&instance.historyd);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", instance.dir);
  return system(command);
}

/* --- the tests ---------------------------------------------------------------------------------
 */

static void test_says_what_is_missing_before_there_is_a_history(void **state) {
  (void)state;
  struct answer answer;
  answer_init(&answer);
  wait_for_status("/health", 503);
  const char *key = "Bearer bfy_0123456789ab_0123456789012345678901234567890123456789012";
  assert_int_equal(get("/stats", key, &answer), 503);
  assert_non_null(strstr(answer.text.data, "Retry-After: "));
  assert_int_equal(get("/stats", NULL, &answer), 401);
  assert_non_null(strstr(answer.text.data, "WWW-Authenticate: Bearer"));
  buf_fini(&answer.text);
}

static void test_becomes_healthy_by_itself(void **state) {
  (void)state;
  char path[96];
  struct belfry_error error = {0};
  size_t len = 0;
  instance.historyd = start("belfry-historyd");
  wait_for_status("/health", 200);
  snprintf(path, sizeof path, "%s/state/admin.token", instance.dir);
  char *token = fd_read_file(path, 200, &len, &error);
  assert_non_null(token);
  snprintf(instance.key, sizeof instance.key, "Bearer %.*s",
           SLICE_ARG(slice_trim(slice_of(token))));
  free(token);
}

static void test_stores_and_shows_an_event(void **state) {
  (void)state;
  struct answer answer;
  answer_init(&answer);
  const char *body = "{\"event\":\"hello\",\"data\":{\"score\":96.7}}";
  assert_int_equal(post("/api/events", body, NULL, &answer), 201); /* no length: until the end */
  assert_non_null(strstr(answer.text.data, "\"accepted\":1,"));
  assert_int_equal(get("/api/events", instance.key, &answer), 200);
  assert_non_null(strstr(answer.text.data, "\"event\":\"hello\",\"data\":{\"score\":96.7}"));
  assert_non_null(strstr(answer.text.data, "X-Request-Id: "));
  assert_non_null(strstr(answer.text.data, "X-Content-Type-Options: nosniff"));
  assert_int_equal(get("/api/events", NULL, &answer), 401);
  buf_fini(&answer.text);
}

static void test_bodies_that_are_not_what_they_say(void **state) {
  (void)state;
  static const struct {
    const char *body, *length, *text;
    int status;
  } rows[] = {
      {"{\"event\":\"x\"}", "20", "ended after 13 of 20 bytes", 400},
      {"", "20", "ended after 0 of 20 bytes", 400},
      {"{\"event\":\"x\"}", "-1", "Content-Length", 400},
      {"{\"event\":\"x\"}", "many", "Content-Length", 400},
      {"{\"event\":\"x\"}", "99999999999999999999", "Content-Length", 400},
      {"{\"event\":\"x\"}", "999999999", "over the limit", 413}, /* and does not wait for it */
      {"{\"event\":\"x\"} and more", "13", "\"accepted\":1", 201},
      {"", "0", "end of file", 400},
      {"[]", "2", "no event", 422},
      {"[{\"event\":\"x\"},{\"event\":\"x\",\"data\":5}]", NULL, "\"pointer\":\"/1/data\"", 422},
      {"{\"event\":\"alert_fired\"}", NULL, "system event", 403},
  };
  struct answer answer;
  answer_init(&answer);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int status = post("/api/events", rows[i].body, rows[i].length, &answer);
    if (status != rows[i].status || !strstr(answer.text.data, rows[i].text))
      fail_msg("the body '%s' with the length %s was answered %d: %s", rows[i].body,
               rows[i].length ? rows[i].length : "(none)", status, answer.text.data);
  }
  buf_fini(&answer.text);
}

static void test_clients_that_go_away_do_no_harm(void **state) {
  (void)state;
  const struct param params[] = {{"REQUEST_METHOD", "GET"}, {"PATH_INFO", "/health"}, {0}};
  for (int cut = 0; cut < 12; cut++) {
    struct buf out;
    int fd = open_connection();
    assert_true(fd >= 0);
    buf_init(&out, 0);
    put_request(&out, params);
    send_all(fd, slice_new(out.data, out.len * (size_t)cut / 11));
    buf_fini(&out);
    close(fd);
  }
  wait_for_status("/health", 200);
}

static void test_a_key_lives_until_it_is_deleted(void **state) {
  (void)state;
  struct answer answer;
  answer_init(&answer);
  assert_int_equal(post("/api/keys", "{\"name\":\"robot\",\"role\":\"ingest\"}", NULL, &answer),
                   201);
  const char *key = strstr(answer.text.data, "\"key\":\"");
  assert_non_null(key);
  char authorization[80], id[13], path[32];
  snprintf(authorization, sizeof authorization, "Bearer %.60s", key + 7);
  snprintf(id, sizeof id, "%.12s", key + 7 + 4);
  snprintf(path, sizeof path, "/api/keys/%s", id);
  assert_int_equal(get("/api/me", authorization, &answer), 200);
  assert_int_equal(get("/stats", authorization, &answer), 403);
  struct param params[] = {
      {"REQUEST_METHOD", "DELETE"}, {"PATH_INFO", path}, {"HTTP_AUTHORIZATION", instance.key}, {0}};
  assert_int_equal(ask(params, NULL, &answer), 204);
  assert_int_equal(get("/api/me", authorization, &answer), 401);
  snprintf(path, sizeof path, "/api/keys/%.12s", instance.key + strlen("Bearer bfy_"));
  assert_int_equal(ask(params, NULL, &answer), 409); /* the last that can administer */
  assert_int_equal(get("/api/me", instance.key, &answer), 200);
  buf_fini(&answer.text);
}

/* Asks until the workers are as many as they should be and none of them is in `gone`. */
static void wait_for_other_workers(const pid_t *gone, size_t gone_count, size_t wanted) {
  struct answer answer;
  answer_init(&answer);
  for (int64_t since_ms = now_ms();;) {
    pid_t now[WORKERS_MAX];
    size_t count = find_workers(now), old = 0;
    for (size_t i = 0; i < count; i++)
      for (size_t j = 0; j < gone_count; j++)
        old += now[i] == gone[j];
    if (get("/api/events", instance.key, &answer) != 200)
      fail_msg("a request meanwhile was answered %d", answer.status);
    if (count == wanted && old == 0)
      break;
    breathe(since_ms, "the workers are replaced");
  }
  buf_fini(&answer.text);
}

static void test_a_killed_worker_is_replaced(void **state) {
  (void)state;
  pid_t workers[WORKERS_MAX];
  assert_int_equal(find_workers(workers), 3);
  kill(workers[0], SIGKILL);
  wait_for_other_workers(workers, 1, 3);
}

static void test_reload_replaces_workers_without_losing_requests(void **state) {
  (void)state;
  pid_t workers[WORKERS_MAX];
  struct answer answer;
  answer_init(&answer);
  size_t count = find_workers(workers);
  assert_int_equal(count, 3);

  write_conf("fcgi:\n  workers: 5\n  max_event: 256\n");
  kill(instance.fcgi, SIGHUP);
  wait_for_other_workers(workers, count, 5);
  char body[512];
  snprintf(body, sizeof body, "{\"event\":\"x\",\"data\":{\"text\":\"%0300d\"}}", 0);
  assert_int_equal(post("/api/events", body, NULL, &answer), 413); /* the new bound is in force */

  write_conf("fcgi:\n  workers: many\n");
  kill(instance.fcgi, SIGHUP);
  assert_int_equal(get("/api/events", instance.key, &answer), 200);
  write_conf("fcgi:\n  workers: 4\n");
  kill(instance.fcgi, SIGHUP);
  wait_for_other_workers(workers, 0, 4);
  buf_fini(&answer.text);
}

static void test_a_new_master_takes_over_from_a_killed_one(void **state) {
  (void)state;
  kill(instance.fcgi, SIGKILL);
  assert_int_equal(waitpid(instance.fcgi, NULL, 0), instance.fcgi);
  instance.fcgi = start("belfry-fcgi");
  wait_for_status("/health", 200);
}

static void test_without_historyd_writing_waits_and_reading_goes_on(void **state) {
  (void)state;
  struct answer answer;
  answer_init(&answer);
  write_conf("fcgi:\n  request_timeout: 300ms\n");
  pid_t workers[WORKERS_MAX];
  size_t count = find_workers(workers);
  kill(instance.fcgi, SIGHUP);
  wait_for_other_workers(workers, count, 8);
  kill(instance.historyd, SIGKILL);
  assert_int_equal(waitpid(instance.historyd, NULL, 0), instance.historyd);
  assert_int_equal(post("/api/events", "{\"event\":\"x\"}", NULL, &answer), 503);
  assert_non_null(strstr(answer.text.data, "Retry-After: "));
  assert_int_equal(get("/api/events", instance.key, &answer), 200);
  instance.historyd = start("belfry-historyd");
  for (int64_t since_ms = now_ms(); post("/api/events", "{\"event\":\"x\"}", NULL, &answer) != 201;)
    breathe(since_ms, "events are stored again");
  buf_fini(&answer.text);
}

static void test_ends_cleanly(void **state) {
  (void)state;
  int status = end_process(&instance.fcgi);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_says_what_is_missing_before_there_is_a_history),
      cmocka_unit_test(test_becomes_healthy_by_itself),
      cmocka_unit_test(test_stores_and_shows_an_event),
      cmocka_unit_test(test_bodies_that_are_not_what_they_say),
      cmocka_unit_test(test_clients_that_go_away_do_no_harm),
      cmocka_unit_test(test_a_key_lives_until_it_is_deleted),
      cmocka_unit_test(test_a_killed_worker_is_replaced),
      cmocka_unit_test(test_reload_replaces_workers_without_losing_requests),
      cmocka_unit_test(test_a_new_master_takes_over_from_a_killed_one),
      cmocka_unit_test(test_without_historyd_writing_waits_and_reading_goes_on),
      cmocka_unit_test(test_ends_cleanly),
  };
  return cmocka_run_group_tests(tests, start_instance, end_instance);
}
