#include "base/wire.h"

#include <endian.h>
#include <string.h>

void wire_put_u8(struct buf *buf, uint8_t value) {
  buf_put(buf, &value, sizeof value);
}

void wire_put_u16(struct buf *buf, uint16_t value) {
  value = htole16(value);
  buf_put(buf, &value, sizeof value);
}

void wire_put_u32(struct buf *buf, uint32_t value) {
  value = htole32(value);
  buf_put(buf, &value, sizeof value);
}

void wire_put_i64(struct buf *buf, int64_t value) {
  uint64_t bits = htole64((uint64_t)value);
  buf_put(buf, &bits, sizeof bits);
}

void wire_put_f64(struct buf *buf, double value) {
  int64_t bits;
  memcpy(&bits, &value, sizeof bits);
  wire_put_i64(buf, bits);
}

void wire_put_slice(struct buf *buf, struct slice text) {
  wire_put_u32(buf, (uint32_t)text.len);
  buf_put(buf, text.data, text.len);
}

static void take(struct wire *wire, void *out, size_t len) {
  if (wire->failed || (size_t)(wire->end - wire->at) < len) {
    wire->failed = true;
    memset(out, 0, len);
    return;
  }
  memcpy(out, wire->at, len);
  wire->at += len;
}

uint8_t wire_get_u8(struct wire *wire) {
  uint8_t value;
  take(wire, &value, sizeof value);
  return value;
}

uint16_t wire_get_u16(struct wire *wire) {
  uint16_t value;
  take(wire, &value, sizeof value);
  return le16toh(value);
}

uint32_t wire_get_u32(struct wire *wire) {
  uint32_t value;
  take(wire, &value, sizeof value);
  return le32toh(value);
}

int64_t wire_get_i64(struct wire *wire) {
  uint64_t bits;
  take(wire, &bits, sizeof bits);
  return (int64_t)le64toh(bits);
}

double wire_get_f64(struct wire *wire) {
  int64_t bits = wire_get_i64(wire);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

struct slice wire_get_slice(struct wire *wire) {
  uint32_t len = wire_get_u32(wire);
  if (wire->failed || (size_t)(wire->end - wire->at) < len) {
    wire->failed = true;
    return slice_new("", 0);
  }
  struct slice text = slice_new(wire->at, len);
  wire->at += len;
  return text;
}
