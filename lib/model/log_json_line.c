/*
 * Lines that are JSON objects, as many programs' loggers write them. What has no meaning of its own
 * is an attribute, as it came.
 */
#include "base/json.h"
#include "model/log_format.h"

/* The text of a string or number; NULL data: of something else. */
static struct slice text_of(struct slice raw, struct buf *scratch) {
  struct slice text = slice_new(NULL, 0);
  if (raw.len > 0 && raw.data[0] == '"') {
    if (json_decode_string(raw, scratch, &text))
      text = slice_new(NULL, 0);
  } else if (raw.len > 0 && (raw.data[0] == '-' || (raw.data[0] >= '0' && raw.data[0] <= '9'))) {
    text = raw;
  }
  return text;
}

bool log_json_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                   struct log_said *said) {
  (void)pattern;
  struct json_walk walk;
  struct slice key, raw, text, name;
  line = slice_trim(line);
  if (line.len < 2 || line.data[0] != '{')
    return false;
  json_t *value = json_parse(line, JSON_DEPTH_DEFAULT - 2, NULL); /* it comes to lie deeper */
  json_decref(value);
  /* Decoded texts point into the scratch, which must not move. */
  if (!value || !buf_reserve(&said->scratch, 2 * line.len) || !json_walk_start(&walk, line))
    return false;
  while (json_walk_next(&walk, &key, &raw)) {
    if (json_decode_string(slice_new(key.data - 1, key.len + 2), &said->scratch, &name))
      return false;
    text = text_of(raw, &said->scratch);
    bool taken = text.data && log_said_take(said, name, text, now_ms);
    if (!taken)
      log_said_put_json(said, name, raw);
  }
  return true;
}
