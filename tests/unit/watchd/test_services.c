/*
 * watchd/services: a service that does as it is told, and the real daemons. What is on the timeline
 * is what happened to the service, whatever happens to the watchers.
 */
#include "running.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CONF                                                                                       \
  "watch:\n  interval: 1s\n  timeout: %s\n  host_interval: 1h\nthresholds:\n  restart_failures: "  \
  "%d\nservices:\n  - name: %s\n    port: %d\n    health_endpoint: /health\n%s"

/* Told by the test, obeyed by the server; both see it. */
struct server {
  atomic_int status;   /* what it answers */
  atomic_int accepted; /* connections so far */
  atomic_bool hold;    /* it waits with its answer */
};

struct scene {
  struct running running;
  struct server *server; /* shared with the child */
  pid_t child;
  int port;
  bool passed;
};

static void serve_one(struct server *server, int fd) {
  char request[2048], answer[128];
  if (recv(fd, request, sizeof request, 0) <= 0)
    return; /* a probe that only connects */
  while (server->hold)
    poll(NULL, 0, 5);
  int len = snprintf(answer, sizeof answer,
                     "HTTP/1.1 %d So\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                     (int)server->status);
  send(fd, answer, (size_t)len, MSG_NOSIGNAL);
}

static void start_server(struct scene *scene) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 16), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  scene->port = ntohs(address.sin_port);
  scene->child = fork();
  if (scene->child == 0)
    for (;;) {
      int client = accept(fd, NULL, NULL);
      if (client < 0)
        continue;
      scene->server->accepted++;
      serve_one(scene->server, client);
      close(client);
    }
  close(fd);
}

static struct scene scene_here;

static void configure(struct scene *scene, const char *timeout, int failures, const char *name,
                      const char *more) {
  char conf[1024];
  snprintf(conf, sizeof conf, CONF, timeout, failures, name, scene->port, more);
  running_configure(&scene->running, conf);
}

static int begin(void **state) {
  struct scene *scene = &scene_here;
  *scene = (struct scene){0};
  scene->server =
      mmap(NULL, sizeof *scene->server, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(scene->server != MAP_FAILED);
  scene->server->status = 200;
  start_server(scene);
  running_make(&scene->running, "");
  configure(scene, "500ms", 2, "shop", "");
  *state = scene;
  return 0;
}

static void start_both(struct scene *scene) {
  running_start_historyd(&scene->running);
  running_start_watchd(&scene->running);
}

static int finish(void **state) {
  struct scene *scene = *state;
  kill(scene->child, SIGKILL);
  waitpid(scene->child, NULL, 0);
  running_end(&scene->running, !scene->passed);
  munmap(scene->server, sizeof *scene->server);
  return 0;
}

/* --- what is known ------------------------------------------------------------------------------
 */

/* The changes of one service: "up down up". */
struct changes {
  struct scene *scene;
  const char *service;
  char statuses[256];
  int64_t last_timestamp_ms, last_received_ms;
};

static int on_change(void *arg, const struct event *event) {
  struct changes *changes = arg;
  struct slice name = json_member(event->data, "service");
  struct slice status = json_member(event->data, "status");
  if (name.len < 2 || !slice_is(slice_new(name.data + 1, name.len - 2), changes->service))
    return 0;
  assert_true(slice_is(event->source, "watchd"));
  size_t len = strlen(changes->statuses);
  snprintf(changes->statuses + len, sizeof changes->statuses - len, "%s%.*s", len ? " " : "",
           (int)status.len - 2, status.data + 1);
  changes->last_timestamp_ms = event->timestamp_ms;
  changes->last_received_ms = event->received_ms;
  return 0;
}

static struct changes changes_of(struct scene *scene, const char *service) {
  struct changes changes = {.scene = scene, .service = service};
  running_events(&scene->running, "health_changed", on_change, &changes);
  return changes;
}

struct expected {
  struct scene *scene;
  const char *service, *statuses;
};

static bool changes_are(void *arg) {
  const struct expected *expected = arg;
  return strcmp(changes_of(expected->scene, expected->service).statuses, expected->statuses) == 0;
}

static void expect_changes(struct scene *scene, const char *service, const char *statuses) {
  char what[160];
  struct expected expected = {scene, service, statuses};
  snprintf(what, sizeof what, "%s goes through: %s", service, statuses);
  running_until(changes_are, &expected, what);
}

struct checks {
  struct scene *scene;
  int wanted;
};

static bool checked(void *arg) {
  const struct checks *checks = arg;
  return checks->scene->server->accepted >= checks->wanted;
}

static void expect_checks(struct scene *scene, int more) {
  struct checks checks = {scene, scene->server->accepted + more};
  running_until(checked, &checks, "the service is checked");
}

struct row {
  const char *name;
  bool there;
};

static int on_row(void *arg, const struct history_value *values, size_t count) {
  struct row *row = arg;
  (void)count;
  row->there |= slice_is(values[0].text, row->name);
  return 0;
}

struct listed {
  struct scene *scene;
  const char *name;
  bool wanted;
};

static bool is_listed(void *arg) {
  const struct listed *listed = arg;
  struct row row = {listed->name, false};
  struct history *history = listed->scene->running.history;
  return history && history_read(history, SQL_SERVICES, NULL, 0, on_row, &row, NULL) == 0 &&
         row.there == listed->wanted;
}

/* --- scenes -------------------------------------------------------------------------------------
 */

static void test_down_and_up_again(void **state) {
  struct scene *scene = *state;
  start_both(scene);
  expect_changes(scene, "shop", "up");
  scene->server->status = 500;
  expect_changes(scene, "shop", "up down");
  scene->server->status = 302; /* without a place to go to: still an answer */
  expect_changes(scene, "shop", "up down up");
  scene->server->hold = true; /* no answer in time */
  expect_changes(scene, "shop", "up down up down");
  scene->server->hold = false;
  expect_changes(scene, "shop", "up down up down up");
  expect_changes(scene, "belfry-historyd", "up");
  expect_changes(scene, "belfry-fcgi", "down"); /* it was never started */
  scene->passed = true;
}

static void test_restart_makes_no_change(void **state) {
  struct scene *scene = *state;
  start_both(scene);
  expect_changes(scene, "shop", "up");
  running_stop(&scene->running.watchd, SIGKILL);
  running_start_watchd(&scene->running);
  expect_checks(scene, 3);
  scene->server->status = 500;
  expect_changes(scene, "shop", "up down");
  running_stop(&scene->running.watchd, SIGTERM);
  running_start_watchd(&scene->running);
  expect_checks(scene, 3);
  scene->server->status = 200;
  expect_changes(scene, "shop", "up down up");
  scene->passed = true;
}

static void test_a_stopped_watcher_blames_nobody(void **state) {
  struct scene *scene = *state;
  configure(scene, "500ms", 1, "shop", ""); /* one failure would be enough */
  start_both(scene);
  expect_changes(scene, "shop", "up");
  for (int i = 0; i < 2; i++) {
    scene->server->hold = true;
    expect_checks(scene, 1);
    kill(scene->running.watchd, SIGSTOP); /* in the middle of a check */
    poll(NULL, 0, 2600);                  /* longer than SCHEDULE_STALL_MS: that is what is tried */
    scene->server->hold = false;
    kill(scene->running.watchd, SIGCONT);
    expect_checks(scene, 2);
  }
  assert_string_equal(changes_of(scene, "shop").statuses, "up");
  scene->passed = true;
}

static void limit_descriptors(struct scene *scene, rlim_t most) {
  const struct rlimit limit = {most, 1024};
  assert_int_equal(prlimit(scene->running.watchd, RLIMIT_NOFILE, &limit, NULL), 0);
}

static void test_a_watcher_without_descriptors_knows_nothing(void **state) {
  struct scene *scene = *state;
  start_both(scene);
  expect_changes(scene, "shop", "up");
  expect_changes(scene, "belfry-historyd", "up");
  limit_descriptors(scene, 3);
  expect_changes(scene, "shop", "up unknown");
  expect_changes(scene, "belfry-historyd", "up unknown");
  limit_descriptors(scene, 1024);
  expect_changes(scene, "shop", "up unknown up");
  expect_changes(scene, "belfry-historyd", "up unknown up");
  scene->passed = true;
}

static void test_seen_while_the_history_was_away(void **state) {
  struct scene *scene = *state;
  start_both(scene);
  expect_changes(scene, "shop", "up");
  expect_changes(scene, "belfry-historyd", "up");
  running_stop(&scene->running.historyd, SIGKILL);
  scene->server->status = 500;
  expect_checks(scene, 4);
  scene->server->status = 200;
  expect_checks(scene, 2);
  running_start_historyd(&scene->running);
  expect_changes(scene, "shop", "up down up");
  expect_changes(scene, "belfry-historyd", "up down up");
  /* It is told late, but with the time at which it was seen. */
  struct changes changes = changes_of(scene, "shop");
  assert_true(changes.last_timestamp_ms < changes.last_received_ms);
  scene->passed = true;
}

static void test_reload(void **state) {
  struct scene *scene = *state;
  start_both(scene);
  expect_changes(scene, "shop", "up");
  running_configure(&scene->running, "services: nonsense\n");
  kill(scene->running.watchd, SIGHUP);
  expect_checks(scene, 2); /* the old configuration stays */
  configure(scene, "500ms", 2, "kiosk", "  - name: nobody\n    port: 1\n");
  kill(scene->running.watchd, SIGHUP);
  expect_changes(scene, "kiosk", "up");
  expect_changes(scene, "nobody", "down");
  struct listed gone = {scene, "shop", false}, there = {scene, "kiosk", true};
  running_until(is_listed, &gone, "shop is not listed any more");
  running_until(is_listed, &there, "kiosk is listed");
  size_t len;
  char *log = fd_read_file(running_path(&scene->running, "belfry-watchd.err"), 1 << 20, &len, NULL);
  assert_non_null(log);
  assert_non_null(strstr(log, "the old one stays"));
  free(log);
  running_stop(&scene->running.watchd, SIGTERM);
  scene->passed = true;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_down_and_up_again, begin, finish),
      cmocka_unit_test_setup_teardown(test_restart_makes_no_change, begin, finish),
      cmocka_unit_test_setup_teardown(test_a_stopped_watcher_blames_nobody, begin, finish),
      cmocka_unit_test_setup_teardown(test_a_watcher_without_descriptors_knows_nothing, begin,
                                      finish),
      cmocka_unit_test_setup_teardown(test_seen_while_the_history_was_away, begin, finish),
      cmocka_unit_test_setup_teardown(test_reload, begin, finish),
  };
  return cmocka_run_group_tests_name("watchd/services", tests, NULL, NULL);
}
