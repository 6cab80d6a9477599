/* fcgi: bodies. The first byte says which: gzip, records as JSON or NDJSON, or an object against a
 * table. */
#include "fcgi/body.h"
#include "fcgi/field.h"
#include "property.h"

#define LIMIT_BYTES ((size_t)65536)

static void walk(struct slice body, bool ndjson) {
  struct body_records records;
  struct model_problem problem = {0};
  struct slice text;
  size_t count = 0;
  if (body_records_start(&records, body, ndjson, &problem)) {
    PROPERTY(problem.detail[0], "a refusal has a reason");
    return;
  }
  while (body_records_next(&records, &text)) {
    PROPERTY(text.data >= body.data && text.data + text.len <= body.data + body.len,
             "a record is within the body");
    PROPERTY(++count <= body.len, "a walk ends");
  }
}

static void inflate_body(struct slice gzip) {
  struct buf out;
  buf_init(&out, 0);
  int status = body_inflate(gzip, LIMIT_BYTES, &out);
  PROPERTY(out.len <= LIMIT_BYTES + 1 && (status || out.len <= LIMIT_BYTES), "within the limit");
  if (!status)
    walk(buf_slice(&out), true);
  buf_fini(&out);
}

static void read_object(struct slice body) {
  static const struct field fields[] = {
      {"name", FIELD_TEXT, .required = true, .min = 1, .max = 64},
      {"limit", FIELD_INTEGER, .min = 1, .max = 1000},
      {.name = "expires", .kind = FIELD_TIME},
      {"expires_in", FIELD_DURATION, .min = 1000, .max = INT64_C(86400000)},
      {"role", FIELD_CHOICE, .choices = "viewer|admin"},
      {.name = NULL},
  };
  struct field_value values[FIELD_COUNT_MAX] = {{0}};
  struct model_problem problem = {0};
  struct buf arena;
  buf_init(&arena, 0);
  if (fields_parse_object(fields, body, 1000, &arena, values, &problem))
    PROPERTY(problem.detail[0], "a refusal has a reason");
  else
    PROPERTY(values[0].set && values[0].text.len <= 64, "what is needed is there");
  buf_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return 0;
  struct slice body = slice_new((const char *)data + 1, size - 1);
  switch (data[0]) {
  case 'g':
    inflate_body(body);
    break;
  case 'j':
    walk(body, false);
    break;
  case 'n':
    walk(body, true);
    break;
  default:
    read_object(body);
  }
  return 0;
}
