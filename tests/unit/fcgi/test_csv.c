/* fcgi/csv: cells of foreign text. */
#include "fcgi/csv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_cells(void **state) {
  (void)state;
  static const struct {
    const char *text, *cell;
  } rows[] = {
      {"", ""},
      {"plain text", "plain text"},
      {"caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80"},
      {"a,b", "\"a,b\""},
      {"a\"b", "\"a\"\"b\""},
      {"\"", "\"\"\"\""},
      {"a\nb", "\"a\nb\""},
      {"a\r\nb", "\"a\nb\""},
      {"a\rb", "\"a\rb\""},
      {"a\r", "\"a\r\""},
      {" a ", "\" a \""},
      {"=1+1", "'=1+1"},
      {"=\"x\"", "\"'=\"\"x\"\"\""},
      {"+1", "'+1"},
      {"-1", "'-1"},
      {"@x", "'@x"},
      {"\tx", "\"'\tx\""},
      {"\rx", "\"'\rx\""},
      {"\n=1", "\"'\n=1\""},
      {"\xef\xbc\x9d"
       "1",
       "'\xef\xbc\x9d"
       "1"},
      {"1-1", "1-1"},
      {"'x", "'x"},
      {"{\"a\":1}", "\"{\"\"a\"\":1}\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    buf_init(&out, 0);
    csv_put_text(&out, slice_of(rows[i].text));
    if (!slice_is(buf_slice(&out), rows[i].cell))
      fail_msg("'%s' makes the cell %.*s", rows[i].text, SLICE_ARG(buf_slice(&out)));
    buf_fini(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
