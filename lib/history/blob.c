#include "history/blob_priv.h"

#include <zlib.h>

#define CRC_BYTES 4

static uint32_t check_of(const char *bytes, size_t len) {
  return (uint32_t)crc32_z(0, (const Bytef *)bytes, len);
}

size_t blob__begin(struct buf *out, uint8_t format) {
  size_t start = out->len;
  wire_put_u8(out, format);
  return start;
}

int blob__end(struct buf *out, size_t start) {
  if (!buf_status(out))
    wire_put_u32(out, check_of(out->data + start, out->len - start));
  return buf_status(out);
}

int blob__open(struct slice blob, uint8_t format, const char *what, struct wire *in,
               struct belfry_error *error) {
  if (blob.len < CRC_BYTES)
    return belfry_error_set(error, BELFRY_ECORRUPT, "%s is cut short", what);
  size_t len = blob.len - CRC_BYTES;
  struct wire end = wire_read(slice_new(blob.data + len, CRC_BYTES));
  if (wire_get_u32(&end) != check_of(blob.data, len))
    return belfry_error_set(error, BELFRY_ECORRUPT, "%s fails its check", what);
  *in = wire_read(slice_new(blob.data, len));
  if (wire_get_u8(in) != format || in->failed)
    return belfry_error_set(error, BELFRY_ECORRUPT, "%s has another format", what);
  return BELFRY_OK;
}
