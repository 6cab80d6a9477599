/*
 * The text of an answer about what is so now, and a fingerprint of it that clocks, ages and uptimes
 * do not change: it makes an ETag, and tells whether there is something to push.
 */
#ifndef BELFRY_MODEL_STATE_TEXT_H
#define BELFRY_MODEL_STATE_TEXT_H

#include "base/buf.h"
#include "base/slice.h"
#include "history/event.h"

#include <stddef.h>
#include <stdint.h>

struct state_text {
  struct buf *out; /* borrowed */
  size_t hashed;   /* up to where the text is in the hash */
  uint64_t hash;
};

/* Begins behind what `out` holds already. Takes: `out` is borrowed. */
void state_text_init(struct state_text *text, struct buf *out);

/* What is put between the two is a clock: it changes all the time and means no change. */
void state_text_clock_starts(struct state_text *text);
void state_text_clock_ends(struct state_text *text);

/* Of all that was put. The text must not have been changed, only appended to. */
uint64_t state_text_fingerprint(struct state_text *text);

/* Put a member of an object, with its key and a comma before it unless the object has just begun.
 */
void state_put_text(struct state_text *text, const char *key, const struct history_value *value);
void state_put_number(struct state_text *text, const char *key, const struct history_value *value);
void state_put_time(struct state_text *text, const char *key, const struct history_value *ms);

/* The same with a number divided by a count; null when there was nothing to divide. */
void state_put_mean(struct state_text *text, const char *key, const struct history_value *sum,
                    const struct history_value *count);

/* The value as a number; 0 for none. */
double state_number(const struct history_value *value);

#endif
