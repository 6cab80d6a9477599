#include "fcgi/body.h"

#include <stdio.h>
#include <strings.h>
#include <zlib.h>

#define INFLATE_CHUNK_BYTES ((size_t)65536)

static bool is_type(struct slice type, const char *name) {
  return type.len == strlen(name) && strncasecmp(type.data, name, type.len) == 0;
}

static bool charset_is_utf8(struct slice parameters) {
  struct slice parameter;
  while (slice_split(&parameters, ';', &parameter)) {
    struct slice value = slice_trim(parameter), name;
    (void)slice_split(&value, '=', &name);
    value = slice_trim(value);
    if (is_type(slice_trim(name), "charset") && !is_type(value, "utf-8") &&
        !is_type(value, "\"utf-8\"") && !is_type(value, "utf8"))
      return false;
  }
  return true;
}

bool body_is_cloudevents_format(struct slice content_type) {
  static const char start[] = "application/cloudevents";
  struct slice type = slice_trim(content_type);
  return type.len >= sizeof start - 1 && strncasecmp(type.data, start, sizeof start - 1) == 0;
}

enum body_type body_type_of(struct slice content_type) {
  struct slice rest = content_type, type;
  if (slice_trim(content_type).len == 0)
    return BODY_TYPE_JSON;
  (void)slice_split(&rest, ';', &type);
  type = slice_trim(type);
  if (!charset_is_utf8(rest))
    return BODY_TYPE_OTHER;
  if (is_type(type, "application/json"))
    return BODY_TYPE_JSON;
  if (is_type(type, "application/cloudevents+json"))
    return BODY_TYPE_CLOUDEVENT;
  if (is_type(type, "application/cloudevents-batch+json"))
    return BODY_TYPE_CLOUDEVENTS;
  static const char *const ndjson[] = {"application/x-ndjson", "application/ndjson",
                                       "application/jsonl", "application/x-jsonlines"};
  for (size_t i = 0; i < sizeof ndjson / sizeof *ndjson; i++)
    if (is_type(type, ndjson[i]))
      return BODY_TYPE_NDJSON;
  return is_type(type, "text/plain") ? BODY_TYPE_TEXT : BODY_TYPE_OTHER;
}

int body_inflate(struct slice gzip, size_t limit, struct buf *out) {
  z_stream stream = {0};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) /* 16: gzip and nothing else */
    return BELFRY_ENOMEM;
  union {
    const char *in;
    Bytef *zlib; /* zlib's next_in is not const unless asked; it never writes there */
  } start = {.in = gzip.data};
  stream.next_in = start.zlib;
  stream.avail_in = (uInt)gzip.len;
  int status = BELFRY_OK;
  for (;;) {
    size_t room = limit + 1 - out->len; /* one more than the limit tells that it is over it */
    size_t chunk = room < INFLATE_CHUNK_BYTES ? room : INFLATE_CHUNK_BYTES;
    char *into = buf_reserve(out, chunk);
    if (!into) {
      status = BELFRY_ENOMEM;
      break;
    }
    stream.next_out = (Bytef *)into;
    stream.avail_out = (uInt)chunk;
    int result = inflate(&stream, Z_NO_FLUSH);
    buf_commit(out, chunk - stream.avail_out);
    if (out->len > limit) {
      status = BELFRY_ETOOBIG;
      break;
    }
    if (result == Z_STREAM_END && stream.avail_in == 0)
      break;
    if (result == Z_STREAM_END)
      result = inflateReset(&stream); /* another member follows */
    if (result != Z_OK) {             /* Z_BUF_ERROR: it is cut short */
      status = result == Z_MEM_ERROR ? BELFRY_ENOMEM : BELFRY_EINVAL;
      break;
    }
  }
  inflateEnd(&stream);
  return status;
}

int body_records_start(struct body_records *records, struct slice body, bool ndjson,
                       struct model_problem *problem) {
  *records = (struct body_records){.ndjson = ndjson, .rest = body};
  if (ndjson)
    return BELFRY_OK;
  struct belfry_error error = {0};
  json_t *checked = json_parse(body, JSON_DEPTH_DEFAULT + 1, &error); /* 1: the array around */
  if (!checked)
    return model_problem_set(problem, error.code, "", "%.200s", error.text);
  records->single = json_is_object(checked);
  bool array = json_is_array(checked);
  json_decref(checked);
  if (!records->single && !(array && json_walk_start(&records->walk, slice_trim(body))))
    return model_problem_set(problem, BELFRY_ECONFLICT, "",
                             "must be an object or an array of them");
  return BELFRY_OK;
}

bool body_records_next(struct body_records *records, struct slice *text) {
  if (records->single) {
    *text = slice_trim(records->rest);
    return records->index++ == 0;
  }
  if (!records->ndjson) {
    if (!json_walk_next(&records->walk, NULL, text)) {
      records->where[0] = '\0'; /* what is wrong now is not the last element's */
      return false;
    }
    snprintf(records->where, sizeof records->where, "/%llu", (unsigned long long)records->index++);
    return true;
  }
  struct slice line;
  while (slice_split(&records->rest, '\n', &line)) {
    records->line++;
    *text = slice_trim(line);
    if (text->len > 0) {
      records->index++;
      snprintf(records->where, sizeof records->where, "line %llu",
               (unsigned long long)records->line);
      return true;
    }
  }
  records->where[0] = '\0';
  return false;
}
