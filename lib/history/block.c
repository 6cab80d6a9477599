#include "history/block_priv.h"

#include "base/wire.h"
#include "history/blob_priv.h"
#include "history/planes_priv.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FORMAT     1
#define WHAT       "a block of events"
#define ZSTD_LEVEL 6
#define LIST_MAX   BLOCK_EVENTS_MAX

_Static_assert(BLOCK_EVENTS_MAX <= PLANES_VALUES_MAX, "a block is made of columns");

struct block_coder {
  struct planes *planes;
  ZSTD_CCtx *compressor;
  ZSTD_DCtx *decompressor;
  struct buf texts;            /* to be packed */
  struct buf names;            /* unpacked: types and sources */
  struct buf event_ids, data;  /* likewise */
  struct slice list[LIST_MAX]; /* types or sources that occur */
  struct event events[BLOCK_EVENTS_MAX];
  int64_t column[BLOCK_EVENTS_MAX];
};

struct block_coder *block__coder_new(void) {
  struct block_coder *coder = calloc(1, sizeof *coder);
  if (!coder)
    return NULL;
  buf_init(&coder->texts, BLOCK_BYTES_MAX);
  buf_init(&coder->names, 0);
  buf_init(&coder->event_ids, BLOCK_BYTES_MAX);
  buf_init(&coder->data, BLOCK_BYTES_MAX);
  coder->planes = planes__new();
  coder->compressor = ZSTD_createCCtx();
  coder->decompressor = ZSTD_createDCtx();
  if (coder->planes && coder->compressor && coder->decompressor)
    return coder;
  block__coder_free(coder);
  return NULL;
}

void block__coder_free(struct block_coder *coder) {
  if (!coder)
    return;
  planes__free(coder->planes);
  ZSTD_freeCCtx(coder->compressor);
  ZSTD_freeDCtx(coder->decompressor);
  buf_fini(&coder->texts);
  buf_fini(&coder->names);
  buf_fini(&coder->event_ids);
  buf_fini(&coder->data);
  free(coder);
}

/* --- the fields of an event --- */

/* Numbers in the order in which they are stored. */
enum number { ID, TIMESTAMP, RECEIVED, SEVERITY, ORIGIN, NUMBERS };

static int64_t get_number(const struct event *event, enum number number) {
  switch (number) {
  case ID:
    return event->id;
  case TIMESTAMP:
    return event->timestamp_ms;
  case RECEIVED:
    return event->received_ms;
  case SEVERITY:
    return event->severity;
  default:
    return event->origin;
  }
}

static int set_number(struct event *event, enum number number, int64_t value) {
  switch (number) {
  case ID:
    event->id = value;
    return BELFRY_OK;
  case TIMESTAMP:
    event->timestamp_ms = value;
    return BELFRY_OK;
  case RECEIVED:
    event->received_ms = value;
    return BELFRY_OK;
  default:
    if (value < 0 || value > BLOCK_SMALL_MAX)
      return BELFRY_ECORRUPT;
    *(number == SEVERITY ? &event->severity : &event->origin) = (int)value;
    return BELFRY_OK;
  }
}

/* A text by its place in the struct. */
static struct slice *text_at(struct event *event, size_t field) {
  return (struct slice *)((char *)event + field);
}

static struct slice get_text(const struct event *event, size_t field) {
  struct slice text;
  memcpy(&text, (const char *)event + field, sizeof text);
  return text;
}

#define FIELD(name) offsetof(struct event, name)

/* --- out --- */

static int put_column(struct block_coder *coder, size_t count, struct buf *out) {
  return planes__put_integers(coder->planes, coder->column, count, out);
}

/* Where the text is in the list, which it joins if it is new. */
static size_t place_in_list(struct block_coder *coder, size_t *listed, struct slice text) {
  size_t at = *listed;
  while (at > 0)
    if (slice_equal(coder->list[--at], text))
      return at;
  coder->list[*listed] = text;
  return (*listed)++;
}

static int put_listed(struct block_coder *coder, const struct event *events, size_t count,
                      size_t field, struct buf *out) {
  size_t listed = 0;
  for (size_t i = 0; i < count; i++)
    coder->column[i] = (int64_t)place_in_list(coder, &listed, get_text(&events[i], field));
  wire_put_u32(out, (uint32_t)listed);
  for (size_t i = 0; i < listed; i++)
    wire_put_slice(out, coder->list[i]);
  return put_column(coder, count, out);
}

static int put_compressed(struct block_coder *coder, struct buf *out) {
  size_t bound = ZSTD_compressBound(coder->texts.len);
  wire_put_u32(out, (uint32_t)coder->texts.len);
  size_t start = out->len;
  wire_put_u32(out, 0);
  char *room = buf_reserve(out, bound);
  if (!room)
    return buf_status(out);
  size_t len =
      ZSTD_compressCCtx(coder->compressor, room, bound, coder->texts.data ? coder->texts.data : "",
                        coder->texts.len, ZSTD_LEVEL);
  if (ZSTD_isError(len))
    return BELFRY_ENOMEM; /* nothing else can go wrong with enough room */
  buf_commit(out, len);
  for (size_t i = 0; i < sizeof(uint32_t); i++)
    out->data[start + i] = (char)(len >> 8 * i);
  return BELFRY_OK;
}

static int put_texts(struct block_coder *coder, const struct event *events, size_t count,
                     size_t field, struct buf *out) {
  buf_clear(&coder->texts);
  for (size_t i = 0; i < count; i++) {
    struct slice one = get_text(&events[i], field);
    coder->column[i] = (int64_t)one.len;
    buf_put_slice(&coder->texts, one);
  }
  int status = buf_status(&coder->texts);
  if (!status)
    status = put_column(coder, count, out);
  return status ? status : put_compressed(coder, out);
}

int block__put(struct block_coder *coder, const struct event *events, size_t count,
               struct buf *out) {
  size_t start = out->len;
  int status = BELFRY_OK;
  wire_put_u8(out, FORMAT);
  wire_put_u32(out, (uint32_t)count);
  for (enum number number = 0; number < NUMBERS && !status; number++) {
    for (size_t i = 0; i < count; i++)
      coder->column[i] = get_number(&events[i], number);
    status = put_column(coder, count, out);
  }
  if (!status)
    status = put_listed(coder, events, count, FIELD(type), out);
  if (!status)
    status = put_listed(coder, events, count, FIELD(source), out);
  if (!status)
    status = put_texts(coder, events, count, FIELD(event_id), out);
  if (!status)
    status = put_texts(coder, events, count, FIELD(data), out);
  if (status)
    return status;
  return blob__end(out, start);
}

/* --- in --- */

static int take_column(struct block_coder *coder, struct wire *in, size_t count) {
  return planes__take_integers(coder->planes, in, coder->column, count);
}

/* A copy, for the blob may go before the events do. There is room: block__take saw to it. */
static struct slice keep_name(struct block_coder *coder, struct slice name) {
  size_t at = coder->names.len;
  buf_put_slice(&coder->names, name);
  return slice_new(coder->names.data + at, name.len);
}

static int take_listed(struct block_coder *coder, struct wire *in, size_t count, size_t field) {
  size_t listed = wire_get_u32(in);
  if (in->failed || listed < 1 || listed > count)
    return BELFRY_ECORRUPT;
  for (size_t i = 0; i < listed; i++)
    coder->list[i] = keep_name(coder, wire_get_slice(in));
  int status = take_column(coder, in, count);
  for (size_t i = 0; i < count && !status; i++) {
    if (coder->column[i] < 0 || (size_t)coder->column[i] >= listed)
      return BELFRY_ECORRUPT;
    *text_at(&coder->events[i], field) = coder->list[coder->column[i]];
  }
  return status;
}

static int take_compressed(struct block_coder *coder, struct wire *in, struct buf *into) {
  size_t bytes = wire_get_u32(in);
  struct slice frame = wire_get_slice(in);
  buf_clear(into);
  if (in->failed || bytes > BLOCK_BYTES_MAX)
    return BELFRY_ECORRUPT;
  char *room = buf_reserve(into, bytes);
  if (!room)
    return BELFRY_ENOMEM;
  if (ZSTD_decompressDCtx(coder->decompressor, room, bytes, frame.data, frame.len) != bytes)
    return BELFRY_ECORRUPT;
  buf_commit(into, bytes);
  return BELFRY_OK;
}

static int take_texts(struct block_coder *coder, struct wire *in, size_t count, struct buf *into,
                      size_t field) {
  int status = take_column(coder, in, count);
  if (!status)
    status = take_compressed(coder, in, into);
  size_t at = 0;
  for (size_t i = 0; i < count && !status; i++) {
    if (coder->column[i] < 0 || (size_t)coder->column[i] > into->len - at)
      return BELFRY_ECORRUPT;
    *text_at(&coder->events[i], field) = slice_new(into->data + at, (size_t)coder->column[i]);
    at += (size_t)coder->column[i];
  }
  return status ? status : at == into->len ? BELFRY_OK : BELFRY_ECORRUPT;
}

static int take_fields(struct block_coder *coder, struct wire *in, size_t count) {
  int status = BELFRY_OK;
  for (enum number number = 0; number < NUMBERS && !status; number++) {
    status = take_column(coder, in, count);
    for (size_t i = 0; i < count && !status; i++)
      status = set_number(&coder->events[i], number, coder->column[i]);
  }
  if (!status)
    status = take_listed(coder, in, count, FIELD(type));
  if (!status)
    status = take_listed(coder, in, count, FIELD(source));
  if (!status)
    status = take_texts(coder, in, count, &coder->event_ids, FIELD(event_id));
  if (!status)
    status = take_texts(coder, in, count, &coder->data, FIELD(data));
  return status;
}

static int corrupt(struct belfry_error *error, const char *what) {
  return belfry_error_set(error, BELFRY_ECORRUPT, WHAT " %s", what);
}

int block__take(struct block_coder *coder, struct slice blob, struct block *out,
                struct belfry_error *error) {
  struct wire in;
  int status = blob__open(blob, FORMAT, WHAT, &in, error);
  if (status)
    return status;
  size_t count = wire_get_u32(&in);
  if (in.failed || count < 1 || count > BLOCK_EVENTS_MAX)
    return corrupt(error, "has another format");
  buf_clear(&coder->names);
  status = buf_reserve(&coder->names, blob.len) ? take_fields(coder, &in, count)
                                                : buf_status(&coder->names);
  if (status == BELFRY_ENOMEM)
    return belfry_error_set(error, status, "out of memory while unpacking a block of events");
  if (status || in.failed || !wire_at_end(&in))
    return corrupt(error, "does not unpack");
  for (size_t i = 1; i < count; i++)
    if (coder->events[i].id <= coder->events[i - 1].id)
      return corrupt(error, "is not in order of id");
  *out = (struct block){.count = count, .events = coder->events};
  return BELFRY_OK;
}
