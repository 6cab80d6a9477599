/* lib/base/json: what jansson accepts, our walk sees the same; what it does not, the walk survives.
 */
#include "base/json.h"
#include "property.h"

#include <string.h>

/* The text between the quotes of a key, as jansson understands it. */
static void check_string(struct slice raw, const json_t *value) {
  struct buf scratch, again;
  struct slice text;
  buf_init(&scratch, 0);
  buf_init(&again, 0);
  PROPERTY(json_decode_string(raw, &scratch, &text) == 0, "a valid string is decoded");
  PROPERTY(text.len == json_string_length(value) &&
               (text.len == 0 || memcmp(text.data, json_string_value(value), text.len) == 0),
           "it is decoded as jansson does");
  PROPERTY(text.len <= raw.len, "decoded is never longer than raw");
  json_put_string(&again, text);
  json_t *back = json_parse(buf_slice(&again), 1, NULL);
  PROPERTY(back && json_equal(back, value), "what is put reads back as the same");
  json_decref(back);
  buf_fini(&scratch);
  buf_fini(&again);
}

static void check_value(struct slice raw, const json_t *value) {
  struct json_walk walk;
  struct slice key, item;
  size_t count = 0;
  if (json_is_string(value))
    check_string(raw, value);
  if (json_is_real(value)) {
    struct buf out;
    buf_init(&out, 0);
    json_put_number(&out, json_real_value(value));
    json_t *back = json_parse(buf_slice(&out), 1, NULL);
    PROPERTY(back && json_number_value(back) == json_real_value(value),
             "a number reads back as the same");
    json_decref(back);
    buf_fini(&out);
  }
  bool inside = json_is_object(value) || json_is_array(value);
  PROPERTY(json_walk_start(&walk, raw) == inside, "a walk starts on objects and arrays");
  if (!inside)
    return;
  while (json_walk_next(&walk, &key, &item)) {
    if (json_is_array(value)) {
      check_value(item, json_array_get(value, count));
    } else {
      struct buf scratch;
      struct slice name;
      char *copy;
      buf_init(&scratch, 0);
      PROPERTY(json_decode_string(slice_new(key.data - 1, key.len + 2), &scratch, &name) == 0,
               "a key is decoded");
      copy = strndup(name.data, name.len);
      PROPERTY(copy && json_object_get(value, copy), "jansson has the key too");
      check_value(item, json_object_get(value, copy));
      if (!memchr(key.data, '\\', key.len))
        PROPERTY(json_member(raw, copy).data == item.data, "the member is found by its name");
      free(copy);
      buf_fini(&scratch);
    }
    count++;
  }
  PROPERTY(count == (json_is_array(value) ? json_array_size(value) : json_object_size(value)),
           "nothing is left out");
}

static void survive(struct slice text) {
  struct json_walk walk;
  struct slice key, value;
  size_t steps = 0;
  if (!json_walk_start(&walk, text))
    return;
  while (json_walk_next(&walk, &key, &value)) {
    PROPERTY(value.data >= text.data && value.data + value.len <= text.data + text.len,
             "a value is within the text");
    PROPERTY(++steps <= text.len, "a walk ends");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice text = slice_new((const char *)data, size);
  struct buf out;
  json_t *value = json_parse(text, JSON_DEPTH_DEFAULT, NULL);
  if (value) {
    struct slice trimmed = slice_trim(text);
    PROPERTY(utf8_valid_prefix(text) == text.len, "accepted JSON is UTF-8");
    check_value(trimmed, value);
    json_decref(value);
  } else {
    survive(text);
  }
  buf_init(&out, 0);
  json_put_string(&out, text);
  value = json_parse(buf_slice(&out), 1, NULL);
  PROPERTY(value || memchr(text.data, '\0', text.len), "any bytes are put as a valid string");
  json_decref(value);
  buf_fini(&out);
  return 0;
}
