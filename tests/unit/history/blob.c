#include "tests/unit/history/blob.h"

#include "base/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define CRC_BYTES 4

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

uint64_t random_bits(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t random_below(uint64_t limit) {
  return random_bits() % limit;
}

/* In memory of exactly its size, so that a sanitizer sees a step beyond the end. */
static int take_exact(struct slice blob, blob_take_fn take, void *coder) {
  struct belfry_error error = {0};
  char *exact = malloc(blob.len ? blob.len : 1);
  assert_non_null(exact);
  if (blob.len)
    memcpy(exact, blob.data, blob.len);
  int status = take(coder, slice_new(exact, blob.len), &error);
  assert_int_equal(status, error.code);
  assert_true((status == 0) == (error.text[0] == '\0'));
  free(exact);
  return status;
}

void blob_check_damage(struct slice blob, blob_take_fn take, void *coder) {
  struct buf damaged;
  buf_init(&damaged, 0);
  buf_put_slice(&damaged, blob);
  assert_int_equal(take_exact(blob, take, coder), 0);
  for (size_t bit = 0; bit < blob.len * 8; bit++) {
    damaged.data[bit / 8] ^= (char)(1 << bit % 8);
    if (take_exact(buf_slice(&damaged), take, coder) != BELFRY_ECORRUPT)
      fail_msg("nobody notices that bit %zu of %zu bytes is flipped", bit, blob.len);
    damaged.data[bit / 8] ^= (char)(1 << bit % 8);
  }
  for (size_t len = 0; len < blob.len; len++)
    if (take_exact(slice_new(blob.data, len), take, coder) != BELFRY_ECORRUPT)
      fail_msg("nobody notices that of %zu bytes only %zu are left", blob.len, len);
  buf_put_char(&damaged, 'x');
  assert_int_equal(take_exact(buf_slice(&damaged), take, coder), BELFRY_ECORRUPT);
  buf_fini(&damaged);
}

static void seal_anew(struct buf *blob) {
  blob->len -= CRC_BYTES;
  wire_put_u32(blob, (uint32_t)crc32_z(0, (const Bytef *)blob->data, blob->len));
}

static void damage(struct buf *blob) {
  size_t at = (size_t)random_below(blob->len), len = 1 + (size_t)random_below(8);
  struct buf copy;
  buf_init(&copy, 0);
  buf_put_slice(&copy, buf_slice(blob));
  if (len > blob->len - at)
    len = blob->len - at;
  switch (random_below(4)) {
  case 0:
    blob->data[at] ^= (char)(1 << random_below(8));
    break;
  case 1:
    memset(blob->data + at, random_below(2) ? 0xff : (int)random_below(256), len);
    break;
  case 2: /* cut out */
    if (blob->len < CRC_BYTES + len)
      break;
    blob->len = at;
    buf_put(blob, copy.data + at + len, copy.len - at - len);
    break;
  default: /* doubled */
    blob->len = at;
    buf_put(blob, copy.data + at, len);
    buf_put(blob, copy.data + at, copy.len - at);
  }
  buf_fini(&copy);
}

void blob_check_forgeries(struct slice blob, blob_take_fn take, void *coder, int rounds) {
  struct buf forged;
  buf_init(&forged, 0);
  for (int round = 0; round < rounds; round++) {
    buf_clear(&forged);
    buf_put_slice(&forged, blob);
    for (uint64_t times = 1 + random_below(3); times > 0; times--)
      damage(&forged);
    seal_anew(&forged);
    int status = take_exact(buf_slice(&forged), take, coder);
    if (status && status != BELFRY_ECORRUPT)
      fail_msg("a forged blob of %zu bytes: %s", forged.len, belfry_strerror(status));
  }
  buf_fini(&forged);
}
