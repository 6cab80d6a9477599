/* cli/connection: which server and which key, and what is said when they are none. */
#include "cli/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/belfry-cli-XXXXXX";
static char key_file[64], home_key[64];

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  chmod(path, 0600);
}

static int set_up(void **state) {
  char path[64];
  (void)state;
  if (!mkdtemp(folder))
    return -1;
  snprintf(key_file, sizeof key_file, "%s/a.key", folder);
  snprintf(path, sizeof path, "%s/belfry", folder);
  mkdir(path, 0700);
  snprintf(home_key, sizeof home_key, "%s/belfry/key", folder);
  setenv("XDG_CONFIG_HOME", folder, 1);
  unsetenv("BELFRY_URL");
  unsetenv("BELFRY_KEY");
  unsetenv("BELFRY_KEY_FILE");
  return 0;
}

static int tear_down(void **state) {
  char path[64];
  (void)state;
  unlink(key_file);
  unlink(home_key);
  snprintf(path, sizeof path, "%s/belfry", folder);
  rmdir(path);
  return rmdir(folder);
}

static void check_key(const struct connection_options *options, const char *key) {
  struct connection connection;
  struct belfry_error error = {0};
  if (connection_init(&connection, options, &error))
    fail_msg("%s", error.text);
  if (key)
    assert_string_equal(connection.key, key);
  else
    assert_null(connection.key);
  connection_fini(&connection);
}

static void test_where_the_key_comes_from(void **state) {
  (void)state;
  struct connection_options none = {0}, file = {.key_file = key_file};
  check_key(&none, NULL);
  write_file(home_key, "home\n");
  check_key(&none, "home");
  setenv("BELFRY_KEY", "variable", 1);
  check_key(&none, "variable");
  write_file(key_file, "  file \r\n");
  setenv("BELFRY_KEY_FILE", home_key, 1);
  check_key(&none, "home");
  check_key(&file, "file");
  unsetenv("BELFRY_KEY");
  unsetenv("BELFRY_KEY_FILE");
}

static void test_urls(void **state) {
  (void)state;
  struct connection connection;
  struct connection_options options = {.url = "http://h/monitor", .timeout = "5"};
  assert_int_equal(connection_init(&connection, &options, NULL), 0);
  assert_string_equal(connection.url, "http://h/monitor/");
  assert_int_equal(connection.timeout_ms, 5000);
  connection_fini(&connection);
  options = (struct connection_options){0};
  assert_int_equal(connection_init(&connection, &options, NULL), 0);
  assert_string_equal(connection.url, "http://127.0.0.1:8080/");
  connection_fini(&connection);
  setenv("BELFRY_URL", "https://h/", 1);
  assert_int_equal(connection_init(&connection, &options, NULL), 0);
  assert_string_equal(connection.url, "https://h/");
  connection_fini(&connection);
  unsetenv("BELFRY_URL");
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct {
    struct connection_options options;
    const char *key; /* in the file */
    const char *said;
  } rows[] = {
      {{.url = "127.0.0.1:8080"},
       NULL,
       "'127.0.0.1:8080' is not a server's URL: write one such as http://127.0.0.1:8080/"},
      {{.url = "ftp://h/"}, NULL, "is not a server's URL"},
      {{.url = "http://h/?x=1"}, NULL, "must end with its path"},
      {{.url = "http://h/a b"}, NULL, "must end with its path"},
      {{.timeout = "0"}, NULL, "--timeout: '0' is not a whole number of seconds from 1 to 86400"},
      {{.timeout = "1s"}, NULL, "--timeout: '1s' is not"},
      {{.key_file = "/nowhere/key"}, NULL, "cannot open /nowhere/key"},
      {{.key_file = key_file}, "", "does not hold an API key"},
      {{.key_file = key_file}, "two words", "does not hold an API key"},
      {{.key_file = key_file}, "two\nX-Evil: lines", "does not hold an API key"},
      {{.key_file = key_file}, "schl\xc3\xbcssel", "does not hold an API key"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct connection connection;
    struct belfry_error error = {0};
    if (rows[i].key)
      write_file(key_file, rows[i].key);
    if (connection_init(&connection, &rows[i].options, &error) == 0 ||
        !strstr(error.text, rows[i].said))
      fail_msg("row %zu: it is said '%s' instead of '%s'", i, error.text, rows[i].said);
    if (rows[i].key && rows[i].key[0] && strstr(error.text, rows[i].key))
      fail_msg("the key is told: %s", error.text);
    assert_null(connection.url);
    assert_null(connection.key);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_where_the_key_comes_from),
      cmocka_unit_test(test_urls),
      cmocka_unit_test(test_mistakes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
