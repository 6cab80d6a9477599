/* lib/auth: secrets, their digests, and credentials in headers. */
#include "auth/auth.h"
#include "auth/auth_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_sha256_of_a_known_text(void **state) {
  (void)state;
  char hash[AUTH_HASH_HEX_SIZE];
  auth__hash(slice_of("abc"), hash); /* FIPS 180-2, appendix B.1 */
  assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_true(auth__hash_equal(slice_of(hash), slice_of(hash)));
  assert_false(auth__hash_equal(slice_of(hash), slice_of("ba78")));
  assert_false(auth__hash_equal(slice_of(""), slice_of("")));
}

static void test_secrets_are_base64url_and_differ(void **state) {
  (void)state;
  char a[AUTH_SECRET_LEN + 1], b[AUTH_SECRET_LEN + 1];
  auth__secret_make(a);
  auth__secret_make(b);
  assert_int_equal(strlen(a), AUTH_SECRET_LEN);
  assert_string_not_equal(a, b);
  assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                   AUTH_SECRET_LEN);
}

static void test_key_shape(void **state) {
  (void)state;
  struct slice id;
  assert_false(auth__key_shape(slice_of(""), &id));
  assert_false(auth__key_shape(slice_of("bfy_"), &id));
  assert_true(auth__key_shape(
      slice_of("bfy_0123456789ab_0123456789012345678901234567890123456789012"), &id));
  assert_true(slice_is(id, "0123456789ab"));
  assert_false(auth__key_shape(
      slice_of("bfx_0123456789ab_0123456789012345678901234567890123456789012"), &id));
  assert_false(auth__key_shape(
      slice_of("bfy_0123456789ab-0123456789012345678901234567890123456789012"), &id));
  assert_false(auth__key_shape(
      slice_of("bfy_0123456789ab_01234567890123456789012345678901234567890123"), &id));
}

static void test_cookies(void **state) {
  (void)state;
  struct slice rest = slice_of("a=1; belfry-x=one;belfry-xy=no; belfry-x=two; belfry-x"), value;
  assert_true(auth__cookie_next(&rest, "belfry-x", &value) && slice_is(value, "one"));
  assert_true(auth__cookie_next(&rest, "belfry-x", &value) && slice_is(value, "two"));
  assert_false(auth__cookie_next(&rest, "belfry-x", &value));
}

static void test_base64(void **state) {
  (void)state;
  char out[16];
  assert_int_equal(auth__base64_decode(slice_of("dTprZXk="), out, sizeof out), 5);
  assert_memory_equal(out, "u:key", 5);
  assert_int_equal(auth__base64_decode(slice_of("dTpr"), out, sizeof out), 3);
  assert_int_equal(auth__base64_decode(slice_of("dTprZ"), out, sizeof out), -1);
  assert_int_equal(auth__base64_decode(slice_of("!!!!"), out, sizeof out), -1);
  assert_int_equal(auth__base64_decode(slice_of(""), out, sizeof out), -1);
  assert_int_equal(auth__base64_decode(slice_of("dTprZXlkTprZXlkTprZXlkTprZXl"), out, sizeof out),
                   -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sha256_of_a_known_text),
      cmocka_unit_test(test_secrets_are_base64url_and_differ),
      cmocka_unit_test(test_key_shape),
      cmocka_unit_test(test_cookies),
      cmocka_unit_test(test_base64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
