/*
 * lib/conf out of memory: whichever allocation fails, it is said, and nothing is lost. The
 * allocator of the whole program (libyaml's and the C library's calls too) is replaced by one that
 * counts and fails on demand.
 */
#include "conf_file.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACED 0 /* a sanitizer has an allocator of its own */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REPLACED 0
#endif
#endif
#ifndef REPLACED
#define REPLACED 1
#endif

static long fail_at = -1; /* the allocation that fails: 0 is the next one; -1 none */
static long live;         /* blocks that were given out and not freed */

#if REPLACED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool refuse(void) {
  return fail_at >= 0 && fail_at-- == 0;
}

void *malloc(size_t size) {
  void *block = refuse() ? NULL : __libc_malloc(size);
  live += block != NULL;
  return block;
}

void *calloc(size_t count, size_t size) {
  void *block = refuse() ? NULL : __libc_calloc(count, size);
  live += block != NULL;
  return block;
}

void *realloc(void *old, size_t size) {
  void *block = refuse() ? NULL : __libc_realloc(old, size);
  live += block != NULL && old == NULL;
  return block;
}

void free(void *block) {
  live -= block != NULL;
  __libc_free(block);
}
#endif

static void ignore(void *arg, const char *where, const char *text) {
  (void)arg;
  (void)where;
  (void)text;
}

/* Loads with each allocation failing in turn, until one load needs fewer. */
static void fail_each(const char *text, bool good) {
  conf_write(text, strlen(text));
  for (long i = 0; i < 100000; i++) {
    struct belfry_error error = {0};
    long before = live;
    fail_at = i;
    struct conf *conf = conf_load(conf_path, &error);
    bool reached = fail_at < 0;
    fail_at = -1;
    conf_free(conf);
    if (live != before)
      fail_msg("%ld blocks are lost when allocation %ld fails", live - before, i);
    before = live;
    fail_at = i;
    int checked = conf_check(conf_path, ignore, NULL);
    fail_at = -1;
    if (live != before)
      fail_msg("%ld blocks are lost when allocation %ld of the check fails", live - before, i);
    if (!reached) {
      assert_int_equal(conf != NULL, good);
      assert_int_equal(checked == 0, good);
      return;
    }
    if (conf)
      continue; /* the C library can do without some */
    if (good && error.code != BELFRY_ENOMEM)
      fail_msg("allocation %ld failed, and it is said: %s", i, error.text);
  }
  fail_msg("it never gets through");
}

static void test_good_file(void **state) {
  (void)state;
  setenv("BELFRY_WEB_TITLE", "title", 1);
  setenv("LOG_FILE_PATH", "/var/log/x.log", 1);
  setenv("HISTORY_FILE_PATH", "history.json", 1);
  fail_each("# a\npaths: {run: run, state: &a state}\nfcgi: {workers: 3}\nservices:\n- {name: a, "
            "port: 1, health_endpoint: /h}\n"
            "- {name: b, port: 2}\nlogs:\n- path: a.log\n- {path: b.log, source: b}\n",
            true);
  unsetenv("BELFRY_WEB_TITLE");
  unsetenv("LOG_FILE_PATH");
  unsetenv("HISTORY_FILE_PATH");
}

static void test_bad_files(void **state) {
  (void)state;
  fail_each("fcgi: {wokers: 3, workers: x, zebra: 1}\nzebra: 1\nservices:\n- {name: a, port: 1}\n- "
            "{name: a}\n- 3\nlogs: {}\n",
            false);
  fail_each("fcgi: {workers: 3\n", false);
  fail_each("fcgi: {}\n---\nfcgi: !x 3\n", false);
}

static void test_dump_and_manual(void **state) {
  (void)state;
  struct conf *conf = conf_of("services: [{name: a, port: 1}]\n");
  for (long i = 0; i < 10000; i++) {
    struct buf text;
    long before = live;
    buf_init(&text, 0);
    fail_at = i;
    conf_dump(conf, &text);
    conf_document(&text);
    bool reached = fail_at < 0;
    fail_at = -1;
    int status = buf_status(&text);
    buf_fini(&text);
    assert_int_equal(live, before);
    if (!reached) {
      assert_int_equal(status, 0);
      break;
    }
    assert_int_equal(status, BELFRY_ENOMEM);
  }
  conf_free(conf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_file),
      cmocka_unit_test(test_bad_files),
      cmocka_unit_test(test_dump_and_manual),
  };
  if (!REPLACED)
    return 77; /* automake: skipped */
  return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
