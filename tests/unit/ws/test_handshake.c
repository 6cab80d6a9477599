/* lib/ws: the opening handshake's values, with the example of RFC 6455, 1.3. */
#include "ws/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_accept(void **state) {
  (void)state;
  char accept[WS_ACCEPT_BYTES];
  ws_accept(slice_of("dGhlIHNhbXBsZSBub25jZQ=="), accept);
  assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void test_keys(void **state) {
  (void)state;
  assert_true(ws_key_valid(slice_of("dGhlIHNhbXBsZSBub25jZQ==")));
  static const char *const wrong[] = {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
                                      "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25jZQaa"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (ws_key_valid(slice_of(wrong[i])))
      fail_msg("'%s' was taken as a key", wrong[i]);
  char one[WS_KEY_BYTES], other[WS_KEY_BYTES];
  ws_key_make(one);
  ws_key_make(other);
  assert_true(ws_key_valid(slice_of(one)));
  assert_string_not_equal(one, other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accept),
      cmocka_unit_test(test_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
