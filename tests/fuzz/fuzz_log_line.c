/* Any bytes of a log file become lines, and each line the data of an event: valid JSON,
 * bounded, with a time that can be. */
#include "base/json.h"
#include "base/timestamp.h"
#include "model/line_split.h"
#include "model/log_access.h"
#include "model/log_line.h"
#include "property.h"

#define NOW_MS INT64_C(1795176000000)

static void check_line(const struct line *line) {
  struct log_line read;
  struct log_access access;
  struct buf data;
  buf_init(&data, 0);
  log_line_read(line->text, line->truncated, NOW_MS, &data, &read);
  PROPERTY(buf_status(&data) == 0, "a line fits");
  PROPERTY(read.severity >= SEVERITY_DEBUG && read.severity < SEVERITY_COUNT, "a severity");
  PROPERTY(read.timestamp_ms >= 0 && read.timestamp_ms <= TIMESTAMP_MAX_MS, "a time that can be");
  json_t *value = json_parse(buf_slice(&data), JSON_DEPTH_DEFAULT, NULL);
  PROPERTY(json_is_string(json_object_get(value, "message")), "a line is valid JSON");
  json_decref(value);
  if (log_access_parse(line->text, &access))
    PROPERTY(access.status >= 0 && access.bytes >= -1, "figures that can be");
  buf_fini(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct line_split split;
  struct line line;
  size_t count = 0;
  line_split_start(&split, slice_new((const char *)data, size), '\n', true);
  while (line_split_next(&split, &line)) {
    PROPERTY(line.text.len <= LINE_BYTES_MAX, "a line is bounded");
    PROPERTY(++count <= size, "the lines end");
    check_line(&line);
  }
  PROPERTY(split.consumed <= size, "no more is taken than there is");
  return 0;
}
