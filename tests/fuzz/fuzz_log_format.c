/* Any line, read in any format, becomes the data of an event: valid JSON, bounded, with a time that
 * can be. The first byte says the format. */
#include "base/json.h"
#include "base/timestamp.h"
#include "model/log_line.h"
#include "property.h"

#define NOW_MS INT64_C(1795176000000)

static const log_format_fn formats[] = {
    log_plain_read,        log_json_read,        log_logfmt_read,
    log_nginx_access_read, log_nginx_error_read, log_apache_access_read,
    log_apache_error_read, log_syslog_read,      log_pattern_read,
};

static const char pattern[] = "^(?<time>\\S+) (?:(?<severity>\\w+) )?(?<a>.)(?<message>.*)$";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct log_reader *reader;
  struct log_line line;
  struct buf out;
  if (size == 0)
    return 0;
  log_format_fn read = formats[data[0] % (sizeof formats / sizeof *formats)];
  if (log_reader_new(read, read == log_pattern_read ? pattern : NULL, &reader, NULL))
    return 0;
  buf_init(&out, 0);
  log_reader_read(reader, slice_new((const char *)data + 1, size - 1), false, NOW_MS, &out, &line);
  PROPERTY(buf_status(&out) == 0, "a line fits");
  PROPERTY(line.severity >= SEVERITY_DEBUG && line.severity < SEVERITY_COUNT, "a severity");
  PROPERTY(line.timestamp_ms > 0 && line.timestamp_ms <= TIMESTAMP_MAX_MS, "a time that can be");
  json_t *value = json_parse(buf_slice(&out), JSON_DEPTH_DEFAULT, NULL);
  PROPERTY(json_is_string(json_object_get(value, "message")), "a line is valid JSON");
  json_decref(value);
  buf_fini(&out);
  log_reader_free(reader);
  return 0;
}
