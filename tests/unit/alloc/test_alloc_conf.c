/* lib/conf out of memory: whichever allocation fails, it is said, and nothing is lost. */
#include "tests/unit/alloc/fail_alloc.h"
#include "tests/unit/conf/conf_file.h"

static void ignore(void *arg, const char *where, const char *text) {
  (void)arg;
  (void)where;
  (void)text;
}

/* What conf_load() answers for a file. */
struct load {
  const char *text;
  bool good;
};

static int load(const void *arg) {
  const struct load *file = arg;
  struct belfry_error error = {0};
  fail_alloc_begin();
  struct conf *conf = conf_load(conf_path, &error);
  fail_alloc_end();
  bool loaded = conf != NULL;
  conf_free(conf);
  if (loaded) {
    assert_true(file->good);
    return 0;
  }
  /* Of a bad file the first thing that is wrong is told, and that may be the memory. */
  return !file->good && error.code == BELFRY_EINVAL ? 0 : error.code;
}

static int check(const void *arg) {
  const struct load *file = arg;
  fail_alloc_begin();
  int problems = conf_check(conf_path, ignore, NULL);
  fail_alloc_end();
  if (problems < 0)
    return problems;
  assert_int_equal(problems == 0, file->good);
  return 0;
}

static void try(const char *text, bool good) {
  struct load file = {text, good};
  conf_write(text, strlen(text));
  fail_alloc_each("conf_load", load, &file);
  fail_alloc_each("conf_check", check, &file);
}

static int dump(const void *arg) {
  struct buf text;
  buf_init(&text, 0);
  fail_alloc_begin();
  conf_dump(arg, &text);
  conf_document(&text);
  fail_alloc_end();
  int status = buf_status(&text);
  buf_fini(&text);
  return status;
}

static void test_good_file(void **state) {
  (void)state;
  setenv("BELFRY_WEB_TITLE", "title", 1);
  setenv("LOG_FILE_PATH", "/var/log/x.log", 1);
  setenv("HISTORY_FILE_PATH", "history.json", 1);
  try("# a\npaths: {run: run, state: &a state}\nfcgi: {workers: 3}\nservices:\n- {name: a, "
      "port: 1, health_endpoint: /h}\n"
      "- {name: b, port: 2, depends_on: [a]}\n- {name: c, type: exec, command: [/a, b, "
      "'']}\nlogs:\n- path: a.log\n"
      "- {path: b.log, source: b}\nscrapes:\n- {url: 'http://h/m', metrics: [a, b*]}\n"
      "recoveries:\n- {name: r, services: [a, b], command: [/a, b], environment: "
      "[A=b]}\n",
      true);
  unsetenv("BELFRY_WEB_TITLE");
  unsetenv("LOG_FILE_PATH");
  unsetenv("HISTORY_FILE_PATH");
}

static void test_bad_files(void **state) {
  (void)state;
  try("fcgi: {wokers: 3, workers: x, zebra: 1}\nzebra: 1\nservices:\n- {name: a, port: 1}\n- "
      "{name: a}\n- 3\nlogs: {}\n",
      false);
  try("fcgi: {workers: 3\n", false);
  try("fcgi: {}\n---\nfcgi: !x 3\n", false);
}

static void test_dump_and_manual(void **state) {
  (void)state;
  struct conf *conf = conf_of("services: [{name: a, port: 1}]\n");
  fail_alloc_each("conf_dump", dump, conf);
  conf_free(conf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_file),
      cmocka_unit_test(test_bad_files),
      cmocka_unit_test(test_dump_and_manual),
  };
  return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
