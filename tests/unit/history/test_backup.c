/*
 * lib/history/backup: what comes back from a backup is the history of the moment at which it was
 * made; damage in a backup or in a history is found, and told by the file's name.
 */
#include "history/backup.h"

#include "base/fd.h"
#include "history/keeper.h"
#include "tests/unit/history/fixture.h"
#include "tests/unit/history/keeping.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)
#define T0     (INT64_C(1795132800) * 1000 + 3600000) /* an hour into a day */

static char dir[96], work[64];     /* the history; where backups and restored ones go */
static char backup[96], again[96]; /* in `work` */
static struct history_writer *writer;
static struct history_keeper *keeper;
static struct belfry_error error;
static int64_t count;

static int64_t now_ms;
static const struct keeping_clock test_clock = KEEPING_CLOCK(&now_ms);

/* --- a history --- */

static void append(int64_t more) {
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  while (more-- > 0) {
    char id[32], data[128];
    snprintf(id, sizeof id, "e%lld", (long long)++count);
    snprintf(data, sizeof data, "{\"message\":\"number %lld of foo_bar, caf\\u00e9 10.0.0.%lld\"}",
             (long long)count, (long long)count % 250);
    struct event event = fixture_event(id, count % 3 ? "log" : "agent_activity", now_ms, data);
    event.severity = (int)(count % 6);
    assert_int_equal(history_writer_event(writer, &event, &error), 0);
    now_ms += 100;
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static void work_all(void) {
  keeping_steps(keeper, INT_MAX);
}

static void open_history(void) {
  const struct history_keeper_options options = {.hot_events = 100};
  writer = fixture_writer(dir);
  keeper = keeping_open(dir, &options, &test_clock.clock, writer);
}

static void close_history(void) {
  history_keeper_close(keeper);
  history_writer_close(writer);
  keeper = NULL;
  writer = NULL;
}

/* Two finished days, an open one, and events in hot.db. */
static int setup(void **state) {
  (void)state;
  fixture_make_dir(dir);
  fixture_make_dir(work);
  snprintf(backup, sizeof backup, "%s/backup", work);
  snprintf(again, sizeof again, "%s/again", work);
  error = (struct belfry_error){0};
  count = 0;
  now_ms = T0;
  open_history();
  for (int day = 0; day < 2; day++) {
    append(1500);
    work_all();
    now_ms += DAY_MS;
    append(1);
    work_all();
  }
  append(1500);
  work_all();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  close_history();
  fixture_remove_dir(dir);
  fixture_remove_dir(work);
  return 0;
}

/* --- looking --- */

static int64_t found;

static int on_event(void *arg, const struct event *event) {
  char id[32];
  (void)arg;
  snprintf(id, sizeof id, "e%lld", (long long)++found);
  assert_int_equal(event->id, found);
  assert_true(slice_is(event->event_id, id));
  return 0;
}

static void check_events(const char *of, int64_t head) {
  struct history *history = fixture_reader(of);
  struct event_page page = {.more = true};
  struct event_query query = {.limit = 1000};
  found = 0;
  while (page.more) {
    if (history_events(history, &query, on_event, NULL, &page, &error))
      fail_msg("events cannot be read: %s", error.text);
    query.after = page.scanned;
  }
  assert_int_equal(found, head);
  history_close(history);
}

static void read_epoch(const char *of, char epoch[HISTORY_EPOCH_BYTES]) {
  struct history *history = fixture_reader(of);
  struct history_position position;
  assert_int_equal(history_position(history, &position, &error), 0);
  memcpy(epoch, position.epoch, HISTORY_EPOCH_BYTES);
  history_close(history);
}

static char problems[2048];

static void on_problem(void *arg, const char *file, const char *text) {
  size_t len = strlen(problems);
  (void)arg;
  snprintf(problems + len, sizeof problems - len, "%s: %s\n", file, text);
}

static struct history_check_counts look(const char *of, bool full, bool repair) {
  struct history_check_counts counts;
  const struct history_check_options options = {.full = full, .repair = repair};
  problems[0] = '\0';
  if (history_check(of, &options, on_problem, NULL, &counts, &error))
    fail_msg("the history cannot be checked: %s", error.text);
  return counts;
}

static int files_in(const char *folder, const char *like, char *first, size_t size) {
  int n = 0;
  DIR *open = opendir(folder);
  for (struct dirent *entry; open && (entry = readdir(open));) {
    if (entry->d_name[0] == '.' || !strstr(entry->d_name, like))
      continue;
    if (first && (n == 0 || strcmp(entry->d_name, strrchr(first, '/') + 1) < 0))
      snprintf(first, size, "%s/%.48s", folder, entry->d_name);
    n++;
  }
  if (open)
    closedir(open);
  return n;
}

/* The oldest file of sealed events. */
static void find_sealed(const char *of, char *path, size_t size) {
  char folder[128];
  snprintf(folder, sizeof folder, "%s/segments", of);
  assert_true(files_in(folder, "-2.db", path, size) >= 1);
}

/* Changes a byte in the middle of the file, as a file of its own. */
static void flip(const char *path, off_t at) {
  char byte;
  int fd = open(path, O_RDWR);
  assert_true(fd >= 0);
  assert_int_equal(pread(fd, &byte, 1, at), 1);
  byte ^= 4;
  assert_int_equal(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

static off_t size_of(const char *path) {
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  return status.st_size;
}

static struct history_backup_summary make_backup(const char *target, bool copy) {
  struct history_backup_summary summary;
  if (history_backup(dir, target, copy, &summary, &error))
    fail_msg("no backup is made: %s", error.text);
  return summary;
}

/* --- backup and restore --- */

static void test_a_backup_comes_back(void **state) {
  char before[HISTORY_EPOCH_BYTES], after[HISTORY_EPOCH_BYTES], first[sizeof dir];
  struct history_backup_summary made, restored;
  (void)state;
  made = make_backup(backup, false);
  assert_int_equal(made.head, count);
  assert_true(made.files >= 4);
  assert_true(made.linked >= 2); /* the days that are over */
  int64_t head = count;
  append(700); /* not in it */
  work_all();
  if (history_restore(backup, again, &restored, &error))
    fail_msg("the backup is not restored: %s", error.text);
  assert_int_equal(restored.head, head);
  assert_int_equal(restored.files, made.files);
  assert_int_equal(restored.bytes, made.bytes);
  /* It can be written and read on like any other. */
  memcpy(first, dir, sizeof dir);
  close_history();
  memcpy(dir, again, sizeof again);
  now_ms = T0 + 3 * DAY_MS;
  int64_t theirs = count;
  count = head;
  open_history();
  check_events(dir, head);
  assert_int_equal(look(dir, true, false).damaged, 0);
  append(900);
  work_all();
  check_events(dir, head + 900);
  read_epoch(dir, after);
  read_epoch(first, before);
  assert_string_not_equal(before, after);
  assert_string_equal(before, made.epoch);
  assert_string_equal(after, restored.epoch);
  close_history();
  memcpy(dir, first, sizeof dir);
  count = theirs;
  open_history();
  check_events(dir, count);
}

static void test_copies_share_nothing(void **state) {
  char sealed[160];
  struct stat status;
  (void)state;
  assert_int_equal(make_backup(backup, true).linked, 0);
  find_sealed(backup, sealed, sizeof sealed);
  assert_int_equal(stat(sealed, &status), 0);
  assert_int_equal(status.st_nlink, 1);
}

static void test_a_backup_is_whole_or_not_there(void **state) {
  struct history_backup_summary summary;
  char sealed[160];
  (void)state;
  find_sealed(dir, sealed, sizeof sealed);
  assert_int_equal(unlink(sealed), 0);
  assert_int_equal(history_backup(dir, backup, false, &summary, &error), BELFRY_EBUSY);
  assert_int_equal(access(backup, F_OK), -1);
  assert_int_equal(files_in(work, "", NULL, 0), 0);
}

static void test_nothing_is_overwritten(void **state) {
  struct history_backup_summary summary;
  (void)state;
  assert_int_equal(mkdir(backup, 0750), 0); /* an empty one will do */
  make_backup(backup, false);
  assert_int_equal(history_backup(dir, backup, false, &summary, &error), BELFRY_ECONFLICT);
  assert_non_null(strstr(error.text, "is not empty"));
  error = (struct belfry_error){0};
  assert_int_equal(history_restore(backup, dir, &summary, &error), BELFRY_ECONFLICT);
  assert_non_null(strstr(error.text, "in use by process"));
  close_history();
  error = (struct belfry_error){0};
  assert_int_equal(history_restore(backup, dir, &summary, &error), BELFRY_ECONFLICT);
  assert_non_null(strstr(error.text, "there is a history in"));
  error = (struct belfry_error){0};
  open_history();
  check_events(dir, count);
}

/* Restores what must not be restored. */
static void check_refused(int status, const char *file) {
  struct history_backup_summary summary;
  error = (struct belfry_error){0};
  assert_int_equal(history_restore(backup, again, &summary, &error), status);
  if (!strstr(error.text, file))
    fail_msg("the error does not name %s: %s", file, error.text);
  error = (struct belfry_error){0};
  assert_int_equal(files_in(again, "db", NULL, 0), 0);
  assert_int_equal(files_in(again, "segments", NULL, 0), 0);
}

static void test_a_damaged_backup_is_refused(void **state) {
  char sealed[160], hot[128], manifest[128], moved[128];
  struct history_backup_summary summary;
  (void)state;
  make_backup(backup, true);
  find_sealed(backup, sealed, sizeof sealed);
  snprintf(hot, sizeof hot, "%s/hot.db", backup);
  snprintf(manifest, sizeof manifest, "%s/manifest.json", backup);
  snprintf(moved, sizeof moved, "%s/moved", work);

  flip(sealed, size_of(sealed) / 2);
  check_refused(BELFRY_ECORRUPT, strrchr(sealed, '/') + 1);
  flip(sealed, size_of(sealed) / 2);
  flip(hot, size_of(hot) - 1);
  check_refused(BELFRY_ECORRUPT, "hot.db");
  flip(hot, size_of(hot) - 1);
  assert_int_equal(rename(sealed, moved), 0);
  check_refused(BELFRY_ECORRUPT, strrchr(sealed, '/') + 1);
  assert_int_equal(rename(moved, sealed), 0);
  assert_int_equal(truncate(sealed, size_of(sealed) - 4096), 0);
  check_refused(BELFRY_ECORRUPT, strrchr(sealed, '/') + 1);
  fixture_remove_dir(backup);
  make_backup(backup, true);

  static const char *const wrong[] = {
      "",
      "{",
      "[]",
      "{\"format\":1,\"files\":[]}",
      "{\"format\":1,\"files\":[{\"name\":\"../../etc/passwd\",\"bytes\":1,\"sha256\":"
      "\"0000000000000000000000000000000000000000000000000000000000000000\"}]}",
      "{\"format\":1,\"files\":[{\"name\":\"segments/../../x.db\",\"bytes\":1,\"sha256\":"
      "\"0000000000000000000000000000000000000000000000000000000000000000\"}]}"};
  size_t len;
  char *right = fd_read_file(manifest, 1 << 20, &len, &error);
  assert_non_null(right);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(fd_write_file(manifest, 0640, wrong[i], strlen(wrong[i]), &error), 0);
    check_refused(BELFRY_ECORRUPT, "manifest.json");
  }
  static const char newer[] = "{\"format\":99,\"files\":[]}";
  assert_int_equal(fd_write_file(manifest, 0640, newer, strlen(newer), &error), 0);
  check_refused(BELFRY_EVERSION, "newer Belfry");
  assert_int_equal(unlink(manifest), 0);
  check_refused(BELFRY_ENOENT, "manifest.json");
  /* After all that, the right one is taken. */
  assert_int_equal(fd_write_file(manifest, 0640, right, len, &error), 0);
  free(right);
  if (history_restore(backup, again, &summary, &error))
    fail_msg("the backup is not restored: %s", error.text);
  check_events(again, count);
}

/* --- check --- */

static void test_a_sound_history(void **state) {
  (void)state;
  struct history_check_counts quick = look(dir, false, false), full = look(dir, true, false);
  assert_string_equal(problems, "");
  assert_int_equal(quick.damaged, 0);
  assert_int_equal(full.damaged, 0);
  assert_int_equal(full.events, quick.events);
  assert_int_equal(full.blocks, quick.blocks);
  assert_true(full.events > 3000 && full.events < count);
  assert_true(full.files >= 4);
}

static void test_a_missing_file_is_found(void **state) {
  char sealed[160];
  (void)state;
  find_sealed(dir, sealed, sizeof sealed);
  assert_int_equal(unlink(sealed), 0);
  assert_int_equal(look(dir, false, false).damaged, 1);
  assert_non_null(strstr(problems, strrchr(sealed, '/') + 1));
}

/* Wherever packed events begin in a file, by the mark of a zstd frame, a bit is flipped. */
static void test_flipped_bits_are_found(void **state) {
  char sealed[160];
  size_t len;
  int tried = 0;
  (void)state;
  find_sealed(dir, sealed, sizeof sealed);
  char *bytes = fd_read_file(sealed, 1 << 26, &len, &error);
  assert_non_null(bytes);
  for (size_t at = 0; at + 32 < len; at++) {
    if (memcmp(bytes + at, "\x28\xb5\x2f\xfd", 4) != 0)
      continue;
    flip(sealed, (off_t)at + 16);
    struct history_check_counts counts = look(dir, true, false);
    flip(sealed, (off_t)at + 16);
    assert_int_equal(counts.damaged, 1);
    assert_non_null(strstr(problems, "fails its check"));
    tried++;
  }
  free(bytes);
  assert_true(tried >= 2);
  assert_int_equal(look(dir, true, false).damaged, 0);
}

static void test_damaged_files_are_set_aside(void **state) {
  char sealed[160];
  struct history_position position;
  (void)state;
  find_sealed(dir, sealed, sizeof sealed);
  struct history_check_counts counts;
  const struct history_check_options repair = {.full = true, .repair = true};
  assert_int_equal(history_check(dir, &repair, on_problem, NULL, &counts, &error),
                   BELFRY_ECONFLICT); /* somebody writes it */
  error = (struct belfry_error){0};
  close_history();
  assert_int_equal(truncate(sealed, size_of(sealed) / 2), 0);
  counts = look(dir, true, true);
  assert_int_equal(counts.damaged, 1);
  assert_int_equal(counts.quarantined, 1);
  counts = look(dir, true, false);
  assert_int_equal(counts.damaged, 0);
  assert_int_equal(counts.quarantined, 1);
  open_history();
  struct history *history = fixture_reader(dir);
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_true(position.oldest > 1); /* the rest is there */
  struct event_query query = {.after = position.oldest - 1, .limit = 1000};
  found = position.oldest - 1;
  struct event_page page = {.more = true};
  while (page.more) {
    assert_int_equal(history_events(history, &query, on_event, NULL, &page, &error), 0);
    query.after = page.scanned;
  }
  assert_int_equal(found, count);
  history_close(history);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_backup_comes_back, setup, teardown),
      cmocka_unit_test_setup_teardown(test_copies_share_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_backup_is_whole_or_not_there, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nothing_is_overwritten, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_damaged_backup_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_sound_history, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_missing_file_is_found, setup, teardown),
      cmocka_unit_test_setup_teardown(test_flipped_bits_are_found, setup, teardown),
      cmocka_unit_test_setup_teardown(test_damaged_files_are_set_aside, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
