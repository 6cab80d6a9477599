/* Any lines are joined within the bounds, and an end is found to them. */
#include "model/line_split.h"
#include "model/log_join.h"
#include "property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct log_join join = {.mode = LOG_JOIN_AUTO};
  struct line_split split;
  struct line line;
  bool begun = false;
  line_split_start(&split, slice_new((const char *)data, size), '\n', true);
  while (line_split_next(&split, &line)) {
    if (!begun || !log_join_takes(&join, line.text))
      log_join_begin(&join, line.text);
    begun = true;
    PROPERTY(join.lines <= LOG_JOIN_LINES_MAX, "lines are bounded");
    PROPERTY(join.bytes <= LOG_JOIN_BYTES_MAX || join.lines == 1, "bytes are bounded");
    (void)log_join_is_open(&join);
  }
  return 0;
}
