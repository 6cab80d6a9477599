/* lib/auth: from which pages an unsafe request may come. */
#include "auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_origins(void **state) {
  (void)state;
  static const struct {
    const char *origin, *host;
    bool allowed;
  } rows[] = {
      {NULL, "example.org", true}, /* not from a page */
      {"https://example.org", "example.org", true},
      {"https://EXAMPLE.org", "example.ORG", true},
      {"https://example.org", "example.org:443", true},
      {"https://example.org:443", "example.org", true},
      {"http://127.0.0.1:8080", "127.0.0.1:8080", true},
      {"http://[::1]:8080", "[::1]:8080", true},
      {"http://[::1]", "[::1]", true},
      {"http://[::1]", "[::1]:80", true},
      {"http://127.0.0.1:8080", "127.0.0.1:8081", false},
      {"http://127.0.0.1:8080", "127.0.0.1", false},
      {"https://example.org.evil.net", "example.org", false},
      {"https://evil.net", "example.org", false},
      {"https://example.org@evil.net", "example.org", false},
      {"null", "example.org", false},
      {"", "example.org", false},
      {"https://", "", false},
      {"file://example.org", "example.org", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (auth_origin_allowed(slice_of(rows[i].origin), slice_of(rows[i].host)) != rows[i].allowed)
      fail_msg("a page of '%s' on '%s' should be %s", rows[i].origin ? rows[i].origin : "(none)",
               rows[i].host, rows[i].allowed ? "allowed" : "refused");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_origins)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
