/* lib/model/syslog_stream: messages come out the same, however the bytes of them come. */
#include "model/syslog_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Feeds `text` in pieces of `step` bytes. Returns: borrowed; messages in brackets, a `!` behind
 * what was cut. */
static const char *cut_up(struct slice text, size_t max, size_t step) {
  static char out[1024];
  struct syslog_stream stream;
  struct slice message;
  size_t len = 0;
  bool cut;
  out[0] = '\0';
  syslog_stream_init(&stream, max);
  for (size_t at = 0; at < text.len || !stream.final; at += step) {
    size_t piece = at >= text.len ? 0 : text.len - at < step ? text.len - at : step;
    stream.final = piece == 0;
    syslog_stream_put(&stream, slice_new(piece ? text.data + at : NULL, piece));
    while (syslog_stream_next(&stream, &message, &cut))
      len += (size_t)snprintf(out + len, sizeof out - len, "[%.*s]%s", SLICE_ARG(message),
                              cut ? "!" : "");
  }
  syslog_stream_fini(&stream);
  return out;
}

static void test_framing(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"<13>a\n<13>b\n", "[<13>a][<13>b]"},
      {"5 <13>a7 <13>b\nc", "[<13>a][<13>b\nc]"},
      {"5 <13>a\n6 <13>bb<13>c\n", "[<13>a][<13>bb][<13>c]"},
      {"\n\r\n<13>no end", "[<13>no end]"},
      {"<13>0123456789abcdef\n<13>b\n", "[<13>01234567]![<13>b]"},
      {"20 <13>0123456789abcdef<13>b\n", "[<13>01234567]![<13>b]"},
      {"9 <13>", "[<13>]!"},
      {"0 <13>x\n", "[0 <13>x]"},
      {"1234567890 x\n", "[1234567890 x]"},
      {"12\n", "[12]"},
      {"17", "[17]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t step = 1; step < 30; step++)
      assert_string_equal(cut_up(slice_of(rows[i][0]), 12, step), rows[i][1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_framing)};
  return cmocka_run_group_tests_name("model/syslog_stream", tests, NULL, NULL);
}
