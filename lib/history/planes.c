#include "history/planes_priv.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define PLANES_MAX   8
#define ORDER_MAX    2
#define ZSTD_LEVEL   3
#define SHORT_PLANE  24 /* bytes; a frame costs about as many */

#define EXPONENT_MAX 15
#define NEAR         32 /* added to the exponent: offsets follow */
#define AS_BITS      255
/* Beside a decimal means so many steps of the last bit from it at most, and the decimal short
 * enough that hardly any number lies beside one by chance. */
#define OFFSET_MAX       64
#define NEAR_INTEGER_MAX 4398046511104.0 /* 2^42 */
/* Whole numbers of a double are exact up to here. */
#define INTEGER_MAX 9007199254740992.0

static const double powers[EXPONENT_MAX + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

enum plane_kind { PLANE_CONSTANT, PLANE_STORED, PLANE_ZSTD };

struct planes {
  ZSTD_CCtx *compressor;
  ZSTD_DCtx *decompressor;
  uint64_t residuals[PLANES_VALUES_MAX];
  uint8_t plane[PLANES_VALUES_MAX];
  union { /* a column of doubles */
    int64_t integers[PLANES_VALUES_MAX];
    uint64_t bits[PLANES_VALUES_MAX];
  };
};

struct planes *planes__new(void) {
  struct planes *planes = malloc(sizeof *planes);
  if (!planes)
    return NULL;
  planes->compressor = ZSTD_createCCtx();
  planes->decompressor = ZSTD_createDCtx();
  if (!planes->compressor || !planes->decompressor) {
    planes__free(planes);
    return NULL;
  }
  return planes;
}

void planes__free(struct planes *planes) {
  if (!planes)
    return;
  ZSTD_freeCCtx(planes->compressor);
  ZSTD_freeDCtx(planes->decompressor);
  free(planes);
}

/* --- out --- */

static int put_zstd(struct planes *planes, size_t count, struct buf *out) {
  size_t bound = ZSTD_compressBound(count);
  char *room = buf_reserve(out, 1 + sizeof(uint32_t) + bound);
  if (!room)
    return buf_status(out);
  size_t len = ZSTD_compressCCtx(planes->compressor, room + 1 + sizeof(uint32_t), bound,
                                 planes->plane, count, ZSTD_LEVEL);
  if (ZSTD_isError(len))
    return BELFRY_ENOMEM; /* nothing else can go wrong with enough room */
  if (len + sizeof(uint32_t) >= count) {
    wire_put_u8(out, PLANE_STORED);
    buf_put(out, planes->plane, count);
    return buf_status(out);
  }
  uint32_t stored = (uint32_t)len;
  room[0] = PLANE_ZSTD;
  for (size_t i = 0; i < sizeof stored; i++)
    room[1 + i] = (char)(stored >> 8 * i);
  buf_commit(out, 1 + sizeof stored + len);
  return buf_status(out);
}

static int put_plane(struct planes *planes, unsigned number, size_t count, struct buf *out) {
  uint8_t differs = 0;
  for (size_t i = 0; i < count; i++) {
    planes->plane[i] = (uint8_t)(planes->residuals[i] >> 8 * number);
    differs |= planes->plane[i] ^ planes->plane[0];
  }
  if (!differs) {
    wire_put_u8(out, PLANE_CONSTANT);
    wire_put_u8(out, planes->plane[0]);
  } else if (count < SHORT_PLANE) {
    wire_put_u8(out, PLANE_STORED);
    buf_put(out, planes->plane, count);
  } else {
    return put_zstd(planes, count, out);
  }
  return buf_status(out);
}

static int put_planes(struct planes *planes, size_t count, struct buf *out) {
  uint64_t any = 0;
  for (size_t i = 0; i < count; i++)
    any |= planes->residuals[i];
  uint8_t used = 0;
  while (used < PLANES_MAX && any >> 8 * used)
    used++;
  wire_put_u8(out, used);
  int status = buf_status(out);
  for (uint8_t number = 0; number < used && !status; number++)
    status = put_plane(planes, number, count, out);
  return status;
}

/* Small numbers of either sign become small numbers. */
static uint64_t fold_sign(uint64_t value) {
  return value << 1 ^ (uint64_t)((int64_t)value >> 63);
}

static uint64_t unfold_sign(uint64_t value) {
  return value >> 1 ^ -(value & 1);
}

static unsigned bits_of(uint64_t value) {
  return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* The difference of the given order at `i`, on the circle of 64 bits, so that none overflows. */
static uint64_t difference(const int64_t *values, size_t i, unsigned order) {
  uint64_t here = (uint64_t)values[i];
  if (order == 0)
    return here;
  uint64_t step = here - (uint64_t)values[i - 1];
  return order == 1 ? step : step - ((uint64_t)values[i - 1] - (uint64_t)values[i - 2]);
}

static unsigned best_order(const int64_t *values, size_t count) {
  uint64_t bits[ORDER_MAX + 1] = {0};
  for (size_t i = ORDER_MAX; i < count; i++)
    for (unsigned order = 0; order <= ORDER_MAX; order++)
      bits[order] += bits_of(fold_sign(difference(values, i, order)));
  unsigned best = 0;
  for (unsigned order = 1; order <= ORDER_MAX; order++)
    if (order <= count && bits[order] < bits[best])
      best = order;
  return best;
}

int planes__put_integers(struct planes *planes, const int64_t *values, size_t count,
                         struct buf *out) {
  unsigned order = best_order(values, count);
  wire_put_u8(out, (uint8_t)order);
  for (unsigned i = 0; i < order; i++)
    wire_put_i64(out, values[i]);
  for (size_t i = order; i < count; i++)
    planes->residuals[i - order] = fold_sign(difference(values, i, order));
  return put_planes(planes, count - order, out);
}

int planes__put_bits(struct planes *planes, const uint64_t *values, size_t count, struct buf *out) {
  wire_put_i64(out, (int64_t)values[0]);
  for (size_t i = 1; i < count; i++)
    planes->residuals[i - 1] = values[i] ^ values[i - 1];
  return put_planes(planes, count - 1, out);
}

/* --- doubles --- */

static uint64_t bits_of_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Whether the value is `*integer` / 10^exponent, to the bit. */
static bool is_decimal(double value, int exponent, int64_t *integer) {
  double scaled = nearbyint(value * powers[exponent]);
  if (!(fabs(scaled) <= INTEGER_MAX))
    return false;
  *integer = (int64_t)scaled;
  /* By way of the integer, which has no -0. */
  return bits_of_double((double)*integer / powers[exponent]) == bits_of_double(value);
}

int planes__exponent(const double *values, size_t count) {
  int exponent = 0;
  int64_t ignored;
  for (size_t i = 0; i < count; i++)
    while (!is_decimal(values[i], exponent, &ignored))
      if (++exponent > EXPONENT_MAX)
        return -1;
  /* Those before the one that asked for the most digits were looked at with fewer. */
  for (size_t i = 0; i < count; i++)
    if (!is_decimal(values[i], exponent, &ignored))
      return -1;
  return exponent;
}

/* How far the value lies from `*integer` / 10^exponent, in steps of its last bit. Returns: false
 * when that is not beside it. */
static bool is_beside_decimal(double value, int exponent, int64_t *integer, int64_t *offset) {
  double scaled = nearbyint(value * powers[exponent]);
  if (!(fabs(scaled) <= NEAR_INTEGER_MAX))
    return false;
  *integer = (int64_t)scaled;
  *offset = (int64_t)(bits_of_double(value) - bits_of_double((double)*integer / powers[exponent]));
  return *offset >= -OFFSET_MAX && *offset <= OFFSET_MAX;
}

/* The power of ten times which all values lie beside whole numbers; -1: none. */
static int near_exponent(const double *values, size_t count) {
  int64_t integer, offset;
  for (int exponent = 0; exponent <= EXPONENT_MAX; exponent++) {
    size_t i = 0;
    while (i < count && is_beside_decimal(values[i], exponent, &integer, &offset))
      i++;
    if (i == count)
      return exponent;
  }
  return -1;
}

static int put_bits_of_doubles(struct planes *planes, const double *values, size_t count,
                               struct buf *out) {
  wire_put_u8(out, AS_BITS);
  memcpy(planes->bits, values, count * sizeof *values);
  return planes__put_bits(planes, planes->bits, count, out);
}

static int put_near_decimals(struct planes *planes, const double *values, size_t count,
                             int exponent, struct buf *out) {
  int64_t integer = 0, offset = 0;
  wire_put_u8(out, (uint8_t)(NEAR + exponent));
  for (size_t i = 0; i < count; i++) {
    is_beside_decimal(values[i], exponent, &integer, &offset);
    planes->integers[i] = integer;
  }
  int status = planes__put_integers(planes, planes->integers, count, out);
  for (size_t i = 0; i < count; i++) {
    is_beside_decimal(values[i], exponent, &integer, &offset);
    planes->integers[i] = offset;
  }
  return status ? status : planes__put_integers(planes, planes->integers, count, out);
}

int planes__put_doubles(struct planes *planes, const double *values, size_t count,
                        struct buf *out) {
  int exponent = planes__exponent(values, count);
  if (exponent < 0) {
    exponent = near_exponent(values, count);
    return exponent < 0 ? put_bits_of_doubles(planes, values, count, out)
                        : put_near_decimals(planes, values, count, exponent, out);
  }
  wire_put_u8(out, (uint8_t)exponent);
  for (size_t i = 0; i < count; i++)
    planes->integers[i] = (int64_t)nearbyint(values[i] * powers[exponent]);
  return planes__put_integers(planes, planes->integers, count, out);
}

/* --- in --- */

static int take_plane(struct planes *planes, struct wire *in, unsigned number, size_t count) {
  const uint8_t *bytes = planes->plane;
  size_t left = (size_t)(in->end - in->at);
  switch (wire_get_u8(in)) {
  case PLANE_CONSTANT:
    memset(planes->plane, wire_get_u8(in), count);
    break;
  case PLANE_STORED:
    if (left < 1 + count)
      return BELFRY_ECORRUPT;
    bytes = (const uint8_t *)in->at;
    in->at += count;
    break;
  case PLANE_ZSTD: {
    struct slice frame = wire_get_slice(in);
    if (in->failed || ZSTD_decompressDCtx(planes->decompressor, planes->plane, count, frame.data,
                                          frame.len) != count)
      return BELFRY_ECORRUPT;
    break;
  }
  default:
    return BELFRY_ECORRUPT;
  }
  for (size_t i = 0; i < count; i++)
    planes->residuals[i] |= (uint64_t)bytes[i] << 8 * number;
  return in->failed ? BELFRY_ECORRUPT : BELFRY_OK;
}

static int take_planes(struct planes *planes, struct wire *in, size_t count) {
  uint8_t used = wire_get_u8(in);
  int status = in->failed || used > PLANES_MAX ? BELFRY_ECORRUPT : BELFRY_OK;
  memset(planes->residuals, 0, count * sizeof *planes->residuals);
  for (uint8_t number = 0; number < used && !status; number++)
    status = take_plane(planes, in, number, count);
  return status;
}

int planes__take_integers(struct planes *planes, struct wire *in, int64_t *values, size_t count) {
  uint8_t order = wire_get_u8(in);
  if (in->failed || order > ORDER_MAX || order > count)
    return BELFRY_ECORRUPT;
  for (size_t i = 0; i < order; i++)
    values[i] = wire_get_i64(in);
  int status = take_planes(planes, in, count - order);
  uint64_t here = order > 0 ? (uint64_t)values[order - 1] : 0;
  uint64_t step = order == 2 ? here - (uint64_t)values[0] : 0;
  for (size_t i = order; i < count && !status; i++) {
    uint64_t residual = unfold_sign(planes->residuals[i - order]);
    step = order == 2 ? step + residual : residual;
    here = order == 0 ? residual : here + step;
    values[i] = (int64_t)here;
  }
  return status;
}

int planes__take_bits(struct planes *planes, struct wire *in, uint64_t *values, size_t count) {
  values[0] = (uint64_t)wire_get_i64(in);
  int status = take_planes(planes, in, count - 1);
  for (size_t i = 1; i < count && !status; i++)
    values[i] = values[i - 1] ^ planes->residuals[i - 1];
  return status;
}

/* Moves the values by their offsets, so many steps of the last bit. */
static int take_offsets(struct planes *planes, struct wire *in, double *values, size_t count) {
  int status = planes__take_integers(planes, in, planes->integers, count);
  for (size_t i = 0; i < count && !status; i++) {
    uint64_t bits = bits_of_double(values[i]) + (uint64_t)planes->integers[i];
    memcpy(&values[i], &bits, sizeof bits);
  }
  return status;
}

int planes__take_doubles(struct planes *planes, struct wire *in, double *values, size_t count) {
  uint8_t kind = wire_get_u8(in);
  if (kind == AS_BITS) {
    int status = planes__take_bits(planes, in, planes->bits, count);
    if (!status)
      memcpy(values, planes->bits, count * sizeof *values);
    return status;
  }
  unsigned exponent = kind % NEAR;
  if (in->failed || kind >= 2 * NEAR || exponent > EXPONENT_MAX)
    return BELFRY_ECORRUPT;
  int status = planes__take_integers(planes, in, planes->integers, count);
  for (size_t i = 0; i < count && !status; i++)
    values[i] = (double)planes->integers[i] / powers[exponent];
  return status || kind < NEAR ? status : take_offsets(planes, in, values, count);
}
