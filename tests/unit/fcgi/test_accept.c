/* fcgi/accept: what an Accept header leaves room for. */
#include "fcgi/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_accept(void **state) {
  (void)state;
  static const struct {
    const char *accept, *type;
    bool allowed;
  } rows[] = {
      {NULL, "application/json", true},
      {"", "application/json", true},
      {" , ,", "application/json", true},
      {"*/*", "application/json", true},
      {"*", "application/json", true}, /* Java's old URLConnection */
      {"application/*", "application/json", true},
      {"application/json", "application/json", true},
      {"Application/JSON;charset=utf-8", "application/json", true},
      {"text/html, application/json;q=0.1", "application/json", true},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", "text/csv",
       true},
      {"text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8", true},
      {"text/*", "application/json", false},
      {"text/html", "application/json", false},
      {"application/json-seq", "application/json", false},
      {"application/json;q=0", "application/json", false},
      {"application/json ; Q = 0.000", "application/json", false},
      {"*/*, application/json;q=0", "application/json", false},
      {"application/json;q=0, */*", "application/json", false},
      {"application/*;q=0, application/json;q=0.5", "application/json", true},
      {"application/*;q=0, */*", "application/json", false},
      {"application/*;q=0, */*", "text/csv", true},
      {"application/json;q=0.001", "application/json", true},
      {"application/json;v=1;q=0, application/json", "application/json", true},
      {"nonsense", "application/json", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (accept_allows(slice_of(rows[i].accept), rows[i].type) != rows[i].allowed)
      fail_msg("'%s' should %s %s", rows[i].accept ? rows[i].accept : "(none)",
               rows[i].allowed ? "allow" : "exclude", rows[i].type);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
