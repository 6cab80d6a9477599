/* For the blobs of lib/history: their last four bytes are a checksum, which no fuzzer guesses. */
#ifndef BELFRY_TESTS_FUZZ_BLOB_H
#define BELFRY_TESTS_FUZZ_BLOB_H

#include "base/buf.h"
#include "base/wire.h"
#include "tests/fuzz/property.h"

#include <zlib.h>

/* The input with the checksum that belongs to it. Returns: owned, to be freed with buf_fini(). */
static inline struct buf blob_seal(const uint8_t *bytes, size_t len) {
  struct buf blob;
  buf_init(&blob, 0);
  buf_put(&blob, bytes, len);
  wire_put_u32(&blob, (uint32_t)crc32_z(0, len ? bytes : (const Bytef *)"", len));
  PROPERTY(!buf_status(&blob), "there is memory");
  return blob;
}

#endif
