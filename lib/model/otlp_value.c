/* The values of OTLP's JSON: 64-bit integers, times, ids, AnyValue, attributes. */
#include "model/otlp_priv.h"

#include "base/timestamp.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NS_PER_MS 1000000u

void otlp__members(struct slice object, const struct otlp_member *members, size_t count) {
  struct json_walk walk;
  struct slice key, raw;
  if (!json_walk_start(&walk, object) || !walk.object)
    return;
  while (json_walk_next(&walk, &key, &raw))
    for (size_t i = 0; i < count; i++)
      if (slice_is(key, members[i].name)) {
        if (!slice_is(raw, "null"))
          *members[i].raw = raw;
        break;
      }
}

/* A number, or a text that has one. Returns: its digits without quotes, ended by NUL. */
static bool digits_of(struct slice raw, char out[64]) {
  if (raw.len >= 2 && raw.data[0] == '"')
    raw = slice_new(raw.data + 1, raw.len - 2);
  if (raw.len == 0 || raw.len >= 64)
    return false;
  memcpy(out, raw.data, raw.len);
  out[raw.len] = '\0';
  return (out[0] >= '0' && out[0] <= '9') || (out[0] == '-' && out[1] >= '0' && out[1] <= '9');
}

/* A number such as 1e3 or 5.0, which some encoders make of an integer. */
static bool whole_number(const char *digits, double *out) {
  char *end;
  *out = strtod(digits, &end);
  return !*end && isfinite(*out) && *out == floor(*out);
}

bool otlp__integer(struct slice raw, int64_t *out) {
  char digits[64], *end;
  double number;
  if (!digits_of(raw, digits))
    return false;
  errno = 0;
  *out = strtoll(digits, &end, 10);
  if (!*end)
    return errno == 0;
  if (!whole_number(digits, &number) || fabs(number) > 9e18)
    return false;
  *out = (int64_t)number;
  return true;
}

bool otlp__unsigned(struct slice raw, uint64_t *out) {
  char digits[64], *end;
  double number;
  if (!digits_of(raw, digits) || digits[0] == '-')
    return false;
  errno = 0;
  *out = strtoull(digits, &end, 10);
  if (!*end)
    return errno == 0;
  if (!whole_number(digits, &number) || number > 1.8e19)
    return false;
  *out = (uint64_t)number;
  return true;
}

bool otlp__double(struct slice raw, double *out) {
  char digits[64], *end;
  if (slice_is(raw, "\"NaN\"")) {
    *out = NAN;
    return true;
  }
  if (slice_is(raw, "\"Infinity\"") || slice_is(raw, "\"-Infinity\"")) {
    *out = raw.data[1] == '-' ? -INFINITY : INFINITY;
    return true;
  }
  if (!digits_of(raw, digits))
    return false;
  *out = strtod(digits, &end);
  return !*end;
}

bool otlp__enum(struct slice raw, const char *prefix, const char *const *names, int count,
                int *out) {
  int64_t number;
  if (otlp__integer(raw, &number)) {
    *out = number >= 0 && number < count ? (int)number : -1;
    return *out >= 0;
  }
  size_t len = strlen(prefix);
  if (raw.len < len + 2 || raw.data[0] != '"' || memcmp(raw.data + 1, prefix, len) != 0)
    return false;
  struct slice name = slice_new(raw.data + 1 + len, raw.len - 2 - len);
  for (*out = 0; *out < count; ++*out)
    if (slice_is(name, names[*out]))
      return true;
  return false;
}

bool otlp__time(struct slice raw, int64_t *out_ms) {
  uint64_t ns;
  if (!raw.data)
    return true;
  if (!otlp__unsigned(raw, &ns) || ns / NS_PER_MS > (uint64_t)TIMESTAMP_MAX_MS)
    return false;
  if (ns > 0)
    *out_ms = (int64_t)(ns / NS_PER_MS);
  return true;
}

bool otlp__hex_id(struct slice raw, size_t digits, struct slice *out) {
  bool something = false;
  if (raw.len != digits + 2 || raw.data[0] != '"')
    return false;
  for (size_t i = 1; i <= digits; i++) {
    char c = raw.data[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
      return false;
    something = something || c != '0';
  }
  *out = slice_new(raw.data + 1, digits);
  return something;
}

bool otlp__text(struct slice raw, struct buf *scratch, struct slice *out) {
  return raw.data && json_decode_string(raw, scratch, out) == BELFRY_OK;
}

static bool put_list(struct buf *out, struct slice raw) {
  struct slice values = json_member(raw, "values"), value;
  struct json_walk walk;
  const char *separator = "";
  buf_put_char(out, '[');
  if (values.data && json_walk_start(&walk, values) && !walk.object)
    while (json_walk_next(&walk, NULL, &value)) {
      buf_put_text(out, separator);
      if (!otlp__put_value(out, value))
        return false;
      separator = ",";
    }
  buf_put_char(out, ']');
  return true;
}

static bool put_map(struct buf *out, struct slice raw) {
  struct otlp_attribute *attributes = malloc(OTLP_ATTRIBUTES_MAX * sizeof *attributes);
  if (!attributes) {
    out->status = BELFRY_ENOMEM; /* not the value's fault */
    return true;
  }
  int count = otlp__attributes(json_member(raw, "values"), attributes);
  bool first = true;
  buf_put_char(out, '{');
  bool fine = count >= 0 && otlp__put_attributes(out, attributes, count, &first);
  buf_put_char(out, '}');
  free(attributes);
  return fine;
}

static bool put_integer(struct buf *out, struct slice raw) {
  int64_t integer;
  if (!otlp__integer(raw, &integer))
    return false;
  buf_printf(out, "%lld", (long long)integer);
  return true;
}

static bool put_double(struct buf *out, struct slice raw) {
  double number;
  if (!otlp__double(raw, &number))
    return false;
  if (raw.data[0] == '"' && isfinite(number))
    json_put_number(out, number);
  else
    buf_put_slice(out, raw); /* as it was given; what is not finite stays a text */
  return true;
}

bool otlp__put_value(struct buf *out, struct slice raw) {
  struct json_walk walk;
  struct slice key, value;
  if (raw.data && !slice_is(raw, "null")) {
    if (!json_walk_start(&walk, raw) || !walk.object)
      return false;
    while (json_walk_next(&walk, &key, &value)) {
      if (slice_is(value, "null"))
        continue;
      bool text = slice_is(key, "stringValue") || slice_is(key, "bytesValue");
      bool boolean = slice_is(key, "boolValue");
      if (text || boolean) {
        if (text ? value.data[0] != '"' : !slice_is(value, "true") && !slice_is(value, "false"))
          return false;
        buf_put_slice(out, value);
        return true;
      }
      if (slice_is(key, "intValue"))
        return put_integer(out, value);
      if (slice_is(key, "doubleValue"))
        return put_double(out, value);
      if (slice_is(key, "arrayValue"))
        return put_list(out, value);
      if (slice_is(key, "kvlistValue"))
        return put_map(out, value);
    }
  }
  buf_put_text(out, "null");
  return true;
}

static bool is_known(const struct otlp_attribute *attributes, int count, struct slice key) {
  for (int i = 0; i < count; i++)
    if (slice_equal(attributes[i].key, key))
      return true;
  return false;
}

int otlp__attributes_up_to(struct slice raw, struct otlp_attribute *out, int max) {
  struct json_walk walk;
  struct slice element;
  int count = 0;
  if (!raw.data || slice_is(raw, "null"))
    return 0;
  if (!json_walk_start(&walk, raw) || walk.object)
    return -1;
  while (json_walk_next(&walk, NULL, &element)) {
    struct otlp_attribute attribute = {{0}, {0}};
    const struct otlp_member members[] = {{"key", &attribute.key}, {"value", &attribute.value}};
    otlp__members(element, members, 2);
    if (!attribute.key.data || attribute.key.data[0] != '"' || count == max)
      return -1;
    if (!is_known(out, count, attribute.key))
      out[count++] = attribute;
  }
  return count;
}

int otlp__attributes(struct slice raw, struct otlp_attribute out[OTLP_ATTRIBUTES_MAX]) {
  return otlp__attributes_up_to(raw, out, OTLP_ATTRIBUTES_MAX);
}

bool otlp__put_attributes(struct buf *out, const struct otlp_attribute *attributes, int count,
                          bool *first) {
  for (int i = 0; i < count; i++) {
    if (!*first)
      buf_put_char(out, ',');
    *first = false;
    buf_put_slice(out, attributes[i].key);
    buf_put_char(out, ':');
    if (!otlp__put_value(out, attributes[i].value))
      return false;
  }
  return true;
}

static const struct otlp_attribute *find(const struct otlp_attribute *attributes, int count,
                                         const char *key) {
  size_t len = strlen(key);
  for (int i = 0; i < count; i++)
    if (attributes[i].key.len == len + 2 && memcmp(attributes[i].key.data + 1, key, len) == 0)
      return &attributes[i];
  return NULL;
}

struct slice otlp__attribute_text(const struct otlp_attribute *attributes, int count,
                                  const char *key, struct buf *scratch) {
  const struct otlp_attribute *attribute = find(attributes, count, key);
  struct slice raw = {0}, text;
  if (attribute && attribute->value.data)
    raw = json_member(attribute->value, "stringValue");
  return otlp__text(raw, scratch, &text) ? text : slice_new(NULL, 0);
}

bool otlp__attribute_number(const struct otlp_attribute *attributes, int count, const char *key,
                            double *out) {
  const struct otlp_attribute *attribute = find(attributes, count, key);
  if (!attribute || !attribute->value.data)
    return false;
  struct slice integer = json_member(attribute->value, "intValue");
  struct slice number = json_member(attribute->value, "doubleValue");
  return otlp__double(integer.data ? integer : number, out) && isfinite(*out);
}

struct slice otlp__cut(struct slice text, size_t max) {
  return text.len <= max ? text
                         : slice_new(text.data, utf8_valid_prefix(slice_new(text.data, max)));
}
