#include "instance.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/ulid.h"
#include "push_client.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define READY_MS 20000

static pid_t start_program(const struct instance *instance, const char *program) {
  char conf[96], log[96], path[64];
  snprintf(conf, sizeof conf, "%s/belfry.yaml", instance->dir);
  snprintf(log, sizeof log, "%s/%s.log", instance->dir, program);
  snprintf(path, sizeof path, "./%s", program);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    /* A test that fails leaves at once: its daemons go with it and hold none of its pipes. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execl(path, path, "-c", conf, (char *)NULL);
    _exit(127);
  }
  return pid;
}

/* Polls until somebody listens; a daemon that ends instead fails the test. */
static void wait_for_socket(pid_t pid, const char *path) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + READY_MS;
  int fd = -1;
  while (fd_unix_connect(path, &fd, NULL) != BELFRY_OK) {
    if (waitpid(pid, NULL, WNOHANG) == pid)
      fail_msg("the daemon that should listen on %s has ended", path);
    if (clock_monotonic_ms(&clock_system) > deadline_ms)
      fail_msg("nobody listens on %s", path);
    poll(NULL, 0, 5);
  }
  fd_close(&fd);
}

void instance_configure(struct instance *instance, const char *push) {
  char path[96], text[1024];
  snprintf(path, sizeof path, "%s/belfry.yaml", instance->dir);
  int len = snprintf(text, sizeof text,
                     "paths:\n  state: %s/state\n  run: %s/run\nlogging:\n  level: debug\n%s%s",
                     instance->dir, instance->dir, *push ? "push:\n" : "", push);
  assert_int_equal(fd_write_file(path, 0600, text, (size_t)len, NULL), 0);
}

void instance_start_historyd(struct instance *instance) {
  char path[96], token[AUTH_KEY_BYTES + 1] = "";
  instance->historyd = start_program(instance, "belfry-historyd");
  snprintf(path, sizeof path, "%s/run/history.sock", instance->dir);
  wait_for_socket(instance->historyd, path);
  if (!instance->history)
    assert_int_equal(history_client_new(path, "belfry-fcgi", &instance->history), 0);
  snprintf(path, sizeof path, "%s/state/admin.token", instance->dir);
  char *text = fd_read_file(path, sizeof token - 1, NULL, NULL);
  assert_non_null(text);
  snprintf(instance->admin, sizeof instance->admin, "Authorization: Bearer %.*s\r\n",
           (int)strcspn(text, "\n"), text);
  free(text);
}

void instance_launch_pushd(struct instance *instance) {
  instance->pushd = start_program(instance, "belfry-pushd");
  wait_for_socket(instance->pushd, instance->socket);
}

void instance_start_pushd(struct instance *instance) {
  instance_launch_pushd(instance);
  instance_await_pushd(instance);
}

void instance_await_pushd(struct instance *instance) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + READY_MS;
  for (;;) {
    struct push_client client;
    int status = push_client_connect(&client, instance->socket)
                     ? push_client_start(&client, "/ws", instance->admin)
                     : 0;
    push_client_free(&client);
    if (status == 101)
      return;
    if (clock_monotonic_ms(&clock_system) > deadline_ms)
      fail_msg("belfry-pushd answers %d instead of 101", status);
    poll(NULL, 0, 20);
  }
}

void instance_start(struct instance *instance, const char *push) {
  char path[96];
  log_set_level(LOG_LEVEL_CRITICAL);
  memset(instance, 0, sizeof *instance);
  strcpy(instance->dir, "/tmp/belfry-push-XXXXXX");
  assert_non_null(mkdtemp(instance->dir));
  snprintf(path, sizeof path, "%s/state", instance->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof path, "%s/run", instance->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(instance->socket, sizeof instance->socket, "%s/run/push.sock", instance->dir);
  instance_configure(instance, push);
  instance_start_historyd(instance);
  instance_start_pushd(instance);
}

int instance_stop(pid_t *pid, int signal) {
  int status = 0;
  if (*pid > 0) {
    kill(*pid, signal);
    waitpid(*pid, &status, 0);
  }
  *pid = 0;
  return status;
}

void instance_end(struct instance *instance) {
  char command[128];
  int pushd = instance_stop(&instance->pushd, SIGTERM);
  int historyd = instance_stop(&instance->historyd, SIGTERM);
  history_client_free(instance->history);
  if (pushd || historyd) {
    snprintf(command, sizeof command, "tail -n 50 %s/*.log >&2", instance->dir);
    (void)!system(command);
  }
  snprintf(command, sizeof command, "rm -rf %s", instance->dir);
  (void)!system(command);
  assert_int_equal(pushd, 0); /* a sanitizer's finding ends it with another status */
  assert_int_equal(historyd, 0);
}

static int64_t append(struct instance *instance, struct history_batch *batch) {
  struct history_receipt receipt = {0};
  struct belfry_error error = {0};
  assert_int_equal(history_batch_status(batch), 0);
  if (history_client_append(instance->history, batch, READY_MS, &receipt, &error))
    fail_msg("the append failed: %s", error.text);
  return receipt.last_id;
}

int64_t instance_append(struct instance *instance, int count, const char *type, const char *source,
                        int severity, int pad_bytes) {
  static struct ulid_maker ulids;
  struct history_batch batch;
  int64_t last = 0;
  char *data = malloc((size_t)pad_bytes + 100);
  history_batch_init(&batch, 0);
  for (int i = 0; i < count; i++) {
    char id[ULID_BYTES];
    int64_t now_ms = clock_realtime_ms(&clock_system);
    ulid_make(&ulids, now_ms, id);
    int len = sprintf(data, "{\"n\":%lld,\"pad\":\"%0*d\"}", (long long)++instance->sent,
                      pad_bytes ? pad_bytes : 1, 0);
    const struct event event = {.timestamp_ms = now_ms,
                                .severity = severity,
                                .type = slice_of(type),
                                .source = slice_of(source),
                                .event_id = slice_of(id),
                                .data = slice_new(data, (size_t)len)};
    history_batch_event(&batch, &event);
    if (batch.event_count == 500 || i + 1 == count) {
      last = append(instance, &batch);
      history_batch_clear(&batch);
    }
  }
  history_batch_fini(&batch);
  free(data);
  return last;
}

void instance_make_key(struct instance *instance, const char *name, enum auth_role role,
                       int64_t ttl_ms, char header[256]) {
  struct history_batch batch;
  char key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES];
  int64_t now_ms = clock_realtime_ms(&clock_system);
  history_batch_init(&batch, 0);
  auth_key_make(&batch, name, role, "test", now_ms, ttl_ms ? now_ms + ttl_ms : 0, key, id);
  append(instance, &batch);
  history_batch_fini(&batch);
  snprintf(header, 256, "Authorization: Bearer %s\r\n", key);
}
