/* lib/base/timestamp: a time that is taken is within its bounds, and reads back as shown. */
#include "base/timestamp.h"
#include "property.h"

static void check(int64_t ms) {
  char text[TIMESTAMP_BYTES];
  int64_t back = -1;
  PROPERTY(ms >= 0 && ms <= TIMESTAMP_MAX_MS, "a time is from 1970 to 9999");
  timestamp_format(ms, text);
  PROPERTY(timestamp_parse(slice_of(text), &back) == 0 && back == ms, "a time reads back as shown");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice text = slice_new((const char *)data, size);
  int64_t ms = -1, relative = -1;
  int status = timestamp_parse(text, &ms);
  if (!status)
    check(ms);
  if (timestamp_parse_relative(text, INT64_C(1795176000000), &relative) == 0) {
    check(relative);
    PROPERTY(status || relative == ms, "what is a time by itself is the same in a query");
  }
  return 0;
}
