/*
 * watchd/tail: a writer, real files, real daemons. Whatever is rotated, copied, truncated, stopped
 * or killed, each line is in the history once and in order.
 */
#include "running.h"

#include "base/json.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LOGS "logs:\n  - path: %s/app.log\n    source: app\nwatch:\n  host_interval: 1h\n"

struct scene {
  struct running running;
  int fd;          /* what the writer writes to */
  int written;     /* lines, numbered from 0 */
  int rotated;     /* how many NAME.N there are */
  unsigned chance; /* state of the generator: a seed gives the same story again */
  bool passed;
};

static unsigned roll(struct scene *scene, unsigned sides) {
  scene->chance = scene->chance * 1664525u + 1013904223u; /* Numerical Recipes' generator */
  return (scene->chance >> 16) % sides;
}

static const char *live_path(const struct scene *scene) {
  return running_path(&scene->running, "app.log");
}

static const char *rotated_path(const struct scene *scene, int number) {
  char name[32];
  snprintf(name, sizeof name, "app.log.%d", number);
  return running_path(&scene->running, name);
}

static void reopen(struct scene *scene) {
  if (scene->fd >= 0)
    close(scene->fd);
  scene->fd = open(live_path(scene), O_WRONLY | O_CREAT | O_APPEND, 0600);
  assert_true(scene->fd >= 0);
}

static void put(struct scene *scene, const char *text, size_t len) {
  assert_int_equal(write(scene->fd, text, len), (ssize_t)len);
}

/* Numbered lines, some in two writes, some with the end of line that Windows has. */
static void write_lines(struct scene *scene, unsigned count) {
  char line[64];
  while (count-- > 0) {
    int len = snprintf(line, sizeof line, "line %d of the story%s\n", scene->written++,
                       roll(scene, 5) == 0 ? "\r" : "");
    size_t cut = roll(scene, 4) == 0 ? roll(scene, (unsigned)len) : 0;
    put(scene, line, cut);
    if (cut > 0 && roll(scene, 8) == 0)
      poll(NULL, 0, (int)roll(scene, 30));
    put(scene, line + cut, (size_t)len - cut);
  }
}

static void shift(struct scene *scene) {
  for (int i = scene->rotated; i > 0; i--) {
    char *from = strdup(rotated_path(scene, i));
    assert_int_equal(rename(from, rotated_path(scene, i + 1)), 0);
    free(from);
  }
  scene->rotated++;
}

static void rotate_by_rename(struct scene *scene) {
  shift(scene);
  char *from = strdup(live_path(scene));
  assert_int_equal(rename(from, rotated_path(scene, 1)), 0);
  free(from);
  if (roll(scene, 2))
    write_lines(scene, roll(scene, 5)); /* until it is told, the writer goes on in the old file */
  if (roll(scene, 3) == 0)
    poll(NULL, 0, (int)roll(scene, 60));
  reopen(scene);
}

static void rotate_by_copy(struct scene *scene) {
  char bytes[8192];
  ssize_t n;
  shift(scene);
  int from = open(live_path(scene), O_RDONLY);
  int to = open(rotated_path(scene, 1), O_WRONLY | O_CREAT | O_EXCL, 0600);
  assert_true(from >= 0 && to >= 0);
  while ((n = read(from, bytes, sizeof bytes)) > 0)
    assert_int_equal(write(to, bytes, (size_t)n), n);
  if (roll(scene, 3) == 0)
    poll(NULL, 0, (int)roll(scene, 100));
  assert_int_equal(ftruncate(scene->fd, 0), 0);
  close(from);
  close(to);
}

/* --- what has arrived ---------------------------------------------------------------------------
 */

struct arrived {
  struct scene *scene;
  int count;
  int wrong; /* the first line that is not the one expected there; -1: none */
};

static int on_line(void *arg, const struct event *event) {
  struct arrived *arrived = arg;
  char expected[80];
  snprintf(expected, sizeof expected, "{\"message\":\"line %d of the story\"}", arrived->count);
  if (arrived->wrong < 0 && !slice_is(event->data, expected)) {
    print_message("place %d has %.*s\n", arrived->count, SLICE_ARG(event->data));
    arrived->wrong = arrived->count;
  }
  arrived->count++;
  return 0;
}

static bool all_arrived(void *arg) {
  struct scene *scene = arg;
  struct arrived arrived = {scene, 0, -1};
  running_events(&scene->running, "log", on_line, &arrived);
  if (arrived.wrong >= 0)
    fail_msg("line %d is not in its place (%d lines arrived of %d)", arrived.wrong, arrived.count,
             scene->written);
  return arrived.count >= scene->written;
}

static void expect_all(struct scene *scene) {
  running_until(all_arrived, scene, "all lines are in the history");
  scene->passed = true;
}

/* --- scenes -------------------------------------------------------------------------------------
 */

static struct scene scene_here;

static int begin(void **state) {
  struct scene *scene = &scene_here;
  char conf[256];
  *scene = (struct scene){.fd = -1, .chance = 1};
  running_make(&scene->running, "");
  snprintf(conf, sizeof conf, LOGS, scene->running.folder);
  running_configure(&scene->running, conf);
  running_start_historyd(&scene->running);
  running_start_watchd(&scene->running);
  *state = scene;
  return 0;
}

static int finish(void **state) {
  struct scene *scene = *state;
  if (scene->fd >= 0)
    close(scene->fd);
  running_end(&scene->running, !scene->passed);
  return 0;
}

/* What was there before watchd had ever seen the file does not count; so it sees it first. */
static void open_and_be_seen(struct scene *scene) {
  reopen(scene);
  write_lines(scene, 3);
  running_until(all_arrived, scene, "the first lines are in the history");
}

static void act(struct scene *scene) {
  switch (roll(scene, 12)) {
  case 0:
  case 1:
    rotate_by_rename(scene);
    break;
  case 2:
  case 3:
    rotate_by_copy(scene);
    break;
  case 4:
    running_stop(&scene->running.watchd, SIGKILL);
    running_start_watchd(&scene->running);
    break;
  case 5:
    running_stop(&scene->running.historyd, SIGKILL);
    running_start_historyd(&scene->running);
    break;
  case 6: /* much happens while nobody looks */
    running_stop(&scene->running.watchd, roll(scene, 2) ? SIGKILL : SIGTERM);
    for (unsigned i = roll(scene, 5); i-- > 0;) {
      write_lines(scene, roll(scene, 20));
      if (roll(scene, 2))
        rotate_by_rename(scene);
      else
        rotate_by_copy(scene);
    }
    running_start_watchd(&scene->running);
    break;
  case 7:
    poll(NULL, 0, (int)roll(scene, 1500));
    break;
  default:
    write_lines(scene, 1 + roll(scene, 200));
  }
}

static void tell_story(struct scene *scene, unsigned seed, unsigned acts) {
  scene->chance = seed;
  open_and_be_seen(scene);
  for (unsigned i = 0; i < acts; i++) {
    act(scene);
    poll(NULL, 0, (int)roll(scene, 60));
  }
  write_lines(scene, 5);
  expect_all(scene);
}

static void test_story(void **state) {
  const char *seed = getenv("BELFRY_TEST_SEED");
  tell_story(*state, seed ? (unsigned)strtoul(seed, NULL, 10) : 1, 60);
}

static void test_other_story(void **state) {
  tell_story(*state, 20261120, 60);
}

static void test_date_names(void **state) {
  struct scene *scene = *state;
  static const char *const names[] = {"app.log-20261118", "app.log-20261119", "app.log-20261120"};
  open_and_be_seen(scene);
  running_stop(&scene->running.watchd, SIGKILL);
  for (size_t i = 0; i < 3; i++) {
    write_lines(scene, 10);
    char *from = strdup(live_path(scene));
    assert_int_equal(rename(from, running_path(&scene->running, names[i])), 0);
    free(from);
    poll(NULL, 0, 30); /* the files' times tell their order */
    reopen(scene);
  }
  write_lines(scene, 10);
  running_start_watchd(&scene->running);
  expect_all(scene);
}

static void test_symbolic_link(void **state) {
  struct scene *scene = *state;
  for (int i = 0; i < 3; i++) {
    char target[32];
    snprintf(target, sizeof target, "day-%d", i);
    const char *next = running_path(&scene->running, "next");
    assert_int_equal(symlink(target, next), 0);
    assert_int_equal(rename(next, live_path(scene)), 0);
    reopen(scene);
    write_lines(scene, 5);
    if (scene->running.watchd)
      running_until(all_arrived, scene, "the lines behind the link are in the history");
    write_lines(scene, 5);
    if (i == 1) /* day-1 is then only to be found beside the file that the link leads to */
      running_stop(&scene->running.watchd, SIGKILL);
  }
  running_start_watchd(&scene->running);
  expect_all(scene);
}

static void test_deleted_and_made_again(void **state) {
  struct scene *scene = *state;
  open_and_be_seen(scene);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(unlink(live_path(scene)), 0);
    if (i % 2) {
      running_stop(&scene->running.historyd, SIGKILL);
      running_start_historyd(&scene->running);
    }
    write_lines(scene, 3); /* into the file that has no name any more */
    poll(NULL, 0, (int)roll(scene, 100));
    reopen(scene);
    write_lines(scene, 3);
    running_until(all_arrived, scene, "the lines of the new file are in the history");
  }
  expect_all(scene);
}

static void test_last_line_without_end(void **state) {
  struct scene *scene = *state;
  open_and_be_seen(scene);
  char line[64];
  int len = snprintf(line, sizeof line, "line %d of the story", scene->written++);
  put(scene, line, (size_t)len); /* waits in place, and is taken as it is once rotated */
  shift(scene);
  char *from = strdup(live_path(scene));
  assert_int_equal(rename(from, rotated_path(scene, 1)), 0);
  free(from);
  reopen(scene);
  write_lines(scene, 1);
  expect_all(scene);
}

static void test_reload(void **state) {
  struct scene *scene = *state;
  char conf[512];
  open_and_be_seen(scene);
  int used = snprintf(conf, sizeof conf, LOGS, scene->running.folder);
  snprintf(conf + used, sizeof conf - (size_t)used, "# another\nservices: []\n");
  for (int i = 0; i < 3; i++) { /* in the middle of it all */
    write_lines(scene, 50);
    running_configure(&scene->running, conf);
    kill(scene->running.watchd, SIGHUP);
    write_lines(scene, 50);
  }
  running_until(all_arrived, scene, "the lines from before and after the reloads are there");
  running_configure(&scene->running, "logs: []\n");
  kill(scene->running.watchd, SIGHUP);
  write_lines(scene, 50); /* seen or not: after it is listed again, the rest follows */
  running_configure(&scene->running, conf);
  kill(scene->running.watchd, SIGHUP);
  write_lines(scene, 5);
  expect_all(scene);
}

/* --- one line at a time -------------------------------------------------------------------------
 */

struct found {
  struct scene *scene;
  int count, truncated;
  size_t longest;
  bool replaced;
};

static int on_any(void *arg, const struct event *event) {
  struct found *found = arg;
  found->count++;
  if (event->data.len > found->longest)
    found->longest = event->data.len;
  if (memmem(event->data.data, event->data.len, "\"truncated\":true", 16))
    found->truncated++;
  if (memmem(event->data.data, event->data.len, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", 11))
    found->replaced = true;
  return 0;
}

static bool three_found(void *arg) {
  struct found *found = arg;
  *found = (struct found){.scene = found->scene};
  running_events(&found->scene->running, "log", on_any, found);
  return found->count >= 3;
}

static void test_long_and_odd_lines(void **state) {
  struct scene *scene = *state;
  enum { LONG = 1000000 };
  char *text = malloc(LONG);
  assert_non_null(text);
  memset(text, 'x', LONG);
  reopen(scene);
  put(scene, text, LONG);
  put(scene, "\n\n\na\xff\xfe\0z\n", 9);
  put(scene, "plain\n", 6);
  free(text);
  struct found found = {.scene = scene};
  running_until(three_found, &found, "three lines are in the history");
  assert_int_equal(found.count, 3);
  assert_int_equal(found.truncated, 1);
  assert_true(found.replaced);
  assert_true(found.longest < 66000);
  scene->passed = true;
}

/* --- where a file that was never seen is begun --------------------------------------------------
 */

static void test_large_new_file_starts_at_its_end(void **state) {
  struct scene *scene = *state;
  running_stop(&scene->running.watchd, SIGTERM);
  char *old = calloc(1, 2 << 20);
  assert_non_null(old);
  memset(old, 'o', (2 << 20) - 1);
  old[(2 << 20) - 1] = '\n';
  reopen(scene);
  put(scene, old, 2 << 20);
  free(old);
  running_start_watchd(&scene->running);
  /* Its position is stored before any line: only what comes after that is sure to be new. */
  struct scene *one = scene;
  for (bool seen = false; !seen;) {
    char log[65536] = "";
    int fd = open(running_path(&one->running, "belfry-watchd.err"), O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, log, sizeof log - 1) : 0;
    if (fd >= 0)
      close(fd);
    seen = n > 0 && strstr(log, "from its end");
    poll(NULL, 0, 20);
  }
  write_lines(scene, 5);
  expect_all(scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_story, begin, finish),
      cmocka_unit_test_setup_teardown(test_other_story, begin, finish),
      cmocka_unit_test_setup_teardown(test_date_names, begin, finish),
      cmocka_unit_test_setup_teardown(test_symbolic_link, begin, finish),
      cmocka_unit_test_setup_teardown(test_deleted_and_made_again, begin, finish),
      cmocka_unit_test_setup_teardown(test_last_line_without_end, begin, finish),
      cmocka_unit_test_setup_teardown(test_reload, begin, finish),
      cmocka_unit_test_setup_teardown(test_long_and_odd_lines, begin, finish),
      cmocka_unit_test_setup_teardown(test_large_new_file_starts_at_its_end, begin, finish),
  };
  return cmocka_run_group_tests_name("watchd/tail", tests, NULL, NULL);
}
