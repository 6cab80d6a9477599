/*
 * Fields of a message between Belfry's own programs on one machine: little-endian integers, IEEE
 * 754 doubles, and texts with a 32-bit length in front.
 */
#ifndef BELFRY_BASE_WIRE_H
#define BELFRY_BASE_WIRE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

void wire_put_u8(struct buf *buf, uint8_t value);
void wire_put_u16(struct buf *buf, uint16_t value);
void wire_put_u32(struct buf *buf, uint32_t value);
void wire_put_i64(struct buf *buf, int64_t value);
void wire_put_f64(struct buf *buf, double value);
void wire_put_slice(struct buf *buf, struct slice text);

/* A reader over a message. Reading past its end gives zeros and marks it as failed, so that one
   question at the end is enough. */
struct wire {
  const char *at;
  const char *end;
  bool failed;
};

static inline struct wire wire_read(struct slice message) {
  const char *at = message.len ? message.data : "";
  return (struct wire){at, at + message.len, false};
}

static inline bool wire_at_end(const struct wire *wire) {
  return wire->at == wire->end;
}

uint8_t wire_get_u8(struct wire *wire);
uint16_t wire_get_u16(struct wire *wire);
uint32_t wire_get_u32(struct wire *wire);
int64_t wire_get_i64(struct wire *wire);
double wire_get_f64(struct wire *wire);
struct slice wire_get_slice(struct wire *wire); /* borrowed from the message */

#endif
