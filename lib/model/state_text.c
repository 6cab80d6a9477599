#include "model/state_text.h"

#include "base/json.h"
#include "base/timestamp.h"

/* The hash is FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

void state_text_init(struct state_text *text, struct buf *out) {
  *text = (struct state_text){.out = out, .hashed = out->len, .hash = FNV_BASIS};
}

void state_text_clock_starts(struct state_text *text) {
  for (; text->hashed < text->out->len; text->hashed++)
    text->hash = (text->hash ^ (unsigned char)text->out->data[text->hashed]) * FNV_PRIME;
}

void state_text_clock_ends(struct state_text *text) {
  text->hashed = text->out->len;
}

uint64_t state_text_fingerprint(struct state_text *text) {
  state_text_clock_starts(text);
  return text->hash;
}

static void put_key(struct state_text *text, const char *key) {
  const struct buf *out = text->out;
  bool first = out->len > 0 && out->data[out->len - 1] == '{';
  buf_printf(text->out, "%s\"%s\":", first ? "" : ",", key);
}

void state_put_text(struct state_text *text, const char *key, const struct history_value *value) {
  put_key(text, key);
  if (value->kind == HISTORY_TEXT)
    json_put_string(text->out, value->text);
  else
    buf_put_text(text->out, "null");
}

void state_put_number(struct state_text *text, const char *key, const struct history_value *value) {
  put_key(text, key);
  if (value->kind == HISTORY_INTEGER)
    buf_printf(text->out, "%lld", (long long)value->integer);
  else if (value->kind == HISTORY_REAL)
    json_put_number(text->out, value->real);
  else
    buf_put_text(text->out, "null");
}

void state_put_time(struct state_text *text, const char *key, const struct history_value *ms) {
  put_key(text, key);
  if (ms->kind == HISTORY_INTEGER) {
    char when[TIMESTAMP_BYTES];
    timestamp_format(ms->integer, when);
    buf_printf(text->out, "\"%s\"", when);
  } else {
    buf_put_text(text->out, "null");
  }
}

void state_put_mean(struct state_text *text, const char *key, const struct history_value *sum,
                    const struct history_value *count) {
  put_key(text, key);
  if (state_number(count) > 0)
    json_put_number(text->out, state_number(sum) / state_number(count));
  else
    buf_put_text(text->out, "null");
}

double state_number(const struct history_value *value) {
  return value->kind == HISTORY_INTEGER ? (double)value->integer
         : value->kind == HISTORY_REAL  ? value->real
                                        : 0;
}
