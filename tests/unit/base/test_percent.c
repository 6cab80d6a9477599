/* lib/base/percent: decoded once, and refused where it is none. */
#include "base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_decoding(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool plus;
    const char *decoded; /* NULL: refused */
  } rows[] = {
      {"", false, ""},       {"a%20b", false, "a b"},  {"%41%6a%C3%a9", false, "Aj\xc3\xa9"},
      {"a+b", false, "a+b"}, {"a+b%2B", true, "a b+"}, {"%2541", false, "%41"},
      {"%", false, NULL},    {"%4", false, NULL},      {"x%4", true, NULL},
      {"%zz", false, NULL},  {"%+1", true, NULL},      {"%00", false, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    buf_init(&out, 0);
    bool decoded = percent_decode(slice_of(rows[i].text), rows[i].plus, &out);
    if (decoded != (rows[i].decoded != NULL))
      fail_msg("'%s' was %s", rows[i].text, decoded ? "taken" : "refused");
    if (decoded && !slice_is(buf_slice(&out), rows[i].decoded))
      fail_msg("'%s' became '%s'", rows[i].text, out.data);
    buf_fini(&out);
  }
  struct buf out;
  buf_init(&out, 0);
  assert_false(percent_decode(slice_new("a\0b", 3), false, &out));
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_decoding)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
