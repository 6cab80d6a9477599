/*
 * For the tests of lib/conf: a temporary folder with a configuration file in it, and the problems
 * of one as text.
 */
#ifndef BELFRY_TESTS_UNIT_CONF_CONF_FILE_H
#define BELFRY_TESTS_UNIT_CONF_CONF_FILE_H

#include "base/buf.h"
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char conf_folder[] = "/tmp/belfry-conf-XXXXXX";
static char conf_path[64];

static int conf_folder_make(void **state) {
  (void)state;
  if (!mkdtemp(conf_folder))
    return -1;
  snprintf(conf_path, sizeof conf_path, "%s/belfry.yaml", conf_folder);
  return 0;
}

static int conf_folder_remove(void **state) {
  (void)state;
  unlink(conf_path);
  return rmdir(conf_folder);
}

static void conf_write(const char *text, size_t len) {
  FILE *file = fopen(conf_path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

/* Collects "WHERE: TEXT\n" without the file's path in front. */
static inline void conf_collect(void *arg, const char *where, const char *text) {
  size_t len = strlen(conf_path);
  if (strncmp(where, conf_path, len) == 0)
    where += len + (where[len] == ':');
  buf_printf(arg, "%s: %s\n", where, text);
}

/* Returns: borrowed, what conf_check says of a file with this text; "" when it is fine. */
static inline const char *conf_problems_of(const char *text, size_t len) {
  static struct buf problems;
  buf_fini(&problems);
  buf_init(&problems, 0);
  conf_write(text, len);
  int count = conf_check(conf_path, conf_collect, &problems);
  int lines = 0;
  for (size_t i = 0; i < problems.len; i++)
    lines += problems.data[i] == '\n';
  assert_int_equal(count, lines);
  return problems.data ? problems.data : "";
}

/* Returns: owned; fails the test when the text is not a valid configuration. */
static inline struct conf *conf_of(const char *text) {
  struct belfry_error error = {0};
  conf_write(text, strlen(text));
  struct conf *conf = conf_load(conf_path, &error);
  if (!conf)
    fail_msg("%s\n%s", error.text, text);
  return conf;
}

#endif
