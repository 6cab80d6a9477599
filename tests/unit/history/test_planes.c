/* lib/history/planes: exactly the bits that were put come back, whatever they are. */
#include "history/planes_priv.h"
#include "tests/unit/history/blob.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Around the lengths at which something changes: orders of differences, short planes, the most. */
static const size_t counts[] = {1, 2, 3, 4, 5, 22, 23, 24, 25, 26, 1000, PLANES_VALUES_MAX};
#define COUNTS (sizeof counts / sizeof *counts)

static struct planes *planes;
static int64_t integers[PLANES_VALUES_MAX], integers_back[PLANES_VALUES_MAX];
static double doubles[PLANES_VALUES_MAX], doubles_back[PLANES_VALUES_MAX];
static uint64_t bits[PLANES_VALUES_MAX], bits_back[PLANES_VALUES_MAX];

static int setup(void **state) {
  (void)state;
  planes = planes__new();
  return planes ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  planes__free(planes);
  return 0;
}

/* Puts a column between two bytes, and takes it back with nothing lost, left over or touched beside
 * it. Returns: bytes of the column. */
static size_t round_trip_integers(size_t count) {
  struct buf out;
  buf_init(&out, 0);
  wire_put_u8(&out, 0xa5);
  assert_int_equal(planes__put_integers(planes, integers, count, &out), 0);
  wire_put_u8(&out, 0x5a);
  struct wire in = wire_read(buf_slice(&out));
  assert_int_equal(wire_get_u8(&in), 0xa5);
  memset(integers_back, 0x77, sizeof integers_back);
  assert_int_equal(planes__take_integers(planes, &in, integers_back, count), 0);
  assert_int_equal(wire_get_u8(&in), 0x5a);
  assert_true(wire_at_end(&in) && !in.failed);
  for (size_t i = 0; i < count; i++)
    if (integers[i] != integers_back[i])
      fail_msg("value %zu of %zu was %lld and is %lld", i, count, (long long)integers[i],
               (long long)integers_back[i]);
  size_t len = out.len - 2;
  buf_fini(&out);
  return len;
}

static size_t round_trip_bits(size_t count) {
  struct buf out;
  buf_init(&out, 0);
  assert_int_equal(planes__put_bits(planes, bits, count, &out), 0);
  struct wire in = wire_read(buf_slice(&out));
  assert_int_equal(planes__take_bits(planes, &in, bits_back, count), 0);
  assert_true(wire_at_end(&in) && !in.failed);
  assert_memory_equal(bits, bits_back, count * sizeof *bits);
  size_t len = out.len;
  buf_fini(&out);
  return len;
}

static size_t round_trip_doubles(size_t count) {
  struct buf out;
  buf_init(&out, 0);
  assert_int_equal(planes__put_doubles(planes, doubles, count, &out), 0);
  struct wire in = wire_read(buf_slice(&out));
  assert_int_equal(planes__take_doubles(planes, &in, doubles_back, count), 0);
  assert_true(wire_at_end(&in) && !in.failed);
  for (size_t i = 0; i < count; i++)
    if (memcmp(&doubles[i], &doubles_back[i], sizeof *doubles) != 0)
      fail_msg("value %zu of %zu was %a and is %a", i, count, doubles[i], doubles_back[i]);
  size_t len = out.len;
  buf_fini(&out);
  return len;
}

/* --- integers --- */

static int64_t integer_zero(size_t i) {
  (void)i;
  return 0;
}
static int64_t integer_constant(size_t i) {
  (void)i;
  return INT64_MIN;
}
static int64_t integer_counter(size_t i) {
  return (int64_t)i * 15000 + INT64_C(1795176000000);
}
static int64_t integer_jitter(size_t i) {
  return (int64_t)i * 15000 + (int64_t)random_below(7);
}
static int64_t integer_noise(size_t i) {
  (void)i;
  return (int64_t)random_bits();
}
static int64_t integer_extremes(size_t i) {
  static const int64_t values[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MAX, INT64_MIN};
  return values[i % 7];
}
static int64_t integer_lone_spike(size_t i) {
  return i % 1024 == 512 ? INT64_MAX : 5;
}
static int64_t integer_width(size_t i) { /* each number of bytes has its turn */
  return (int64_t)(random_bits() >> (i * 8 % 64));
}
static int64_t integer_parabola(size_t i) {
  return (int64_t)(i * i * 3 - i * 77);
}

static int64_t (*const integer_series[])(size_t i) = {
    integer_zero,     integer_constant,   integer_counter, integer_jitter,   integer_noise,
    integer_extremes, integer_lone_spike, integer_width,   integer_parabola,
};
#define INTEGER_SERIES (sizeof integer_series / sizeof *integer_series)

static void test_integers(void **state) {
  (void)state;
  for (size_t kind = 0; kind < INTEGER_SERIES; kind++)
    for (size_t at = 0; at < COUNTS; at++) {
      for (size_t i = 0; i < counts[at]; i++)
        integers[i] = integer_series[kind](i);
      round_trip_integers(counts[at]);
    }
}

static void test_steady_series_are_small(void **state) {
  (void)state;
  for (size_t i = 0; i < 5760; i++)
    integers[i] = integer_counter(i);
  assert_true(round_trip_integers(5760) < 32);
  for (size_t i = 0; i < 5760; i++)
    integers[i] = integer_parabola(i);
  assert_true(round_trip_integers(5760) < 32);
}

static void test_noise_is_stored_as_it_is(void **state) {
  (void)state;
  for (size_t i = 0; i < 5760; i++)
    integers[i] = integer_noise(i);
  assert_true(round_trip_integers(5760) <= 5760 * 8 + 32);
}

/* --- bits --- */

static void test_bits(void **state) {
  (void)state;
  for (size_t at = 0; at < COUNTS; at++) {
    for (size_t i = 0; i < counts[at]; i++)
      bits[i] = random_bits();
    round_trip_bits(counts[at]);
    for (size_t i = 0; i < counts[at]; i++)
      bits[i] = UINT64_MAX;
    assert_true(round_trip_bits(counts[at]) < 16);
    for (size_t i = 0; i < counts[at]; i++)
      bits[i] = i % 2 ? UINT64_MAX : 0;
    round_trip_bits(counts[at]);
  }
}

/* --- doubles --- */

static double of_bits(uint64_t value) {
  double result;
  memcpy(&result, &value, sizeof result);
  return result;
}

static double double_zero(size_t i) {
  (void)i;
  return 0.0;
}
static double double_minus_zero(size_t i) {
  (void)i;
  return -0.0;
}
static double double_zeros(size_t i) {
  return i % 3 == 1 ? -0.0 : 0.0;
}
static double double_rarely_minus_zero(size_t i) {
  return i % 23 == 22 ? -0.0 : (double)i / 10;
}
static double double_noise(size_t i) { /* all there is: NaNs with payloads, denormals, infinities */
  (void)i;
  return of_bits(random_bits());
}
static double double_nans(size_t i) {
  return of_bits(UINT64_C(0x7ff0000000000001) + (i << 7) + (i % 2 ? UINT64_C(1) << 63 : 0));
}
static double double_rarely_nan(size_t i) {
  return i % 24 == 23 ? NAN : 12.5;
}
static double double_infinities(size_t i) {
  return i % 2 ? INFINITY : -INFINITY;
}
static double double_denormals(size_t i) {
  return of_bits(i + 1) * (i % 2 ? -1 : 1);
}
static double double_extremes(size_t i) {
  static const double values[] = {DBL_MAX, -DBL_MAX, DBL_MIN, -DBL_MIN, DBL_EPSILON, 0, -0.0};
  return values[i % 7];
}
static double double_near_two_to_53(size_t i) {
  return (i % 2 ? -1 : 1) * (9007199254740992.0 + (double)(i % 9) - 4);
}
static double double_near_two_to_63(size_t i) {
  return (i % 2 ? -1 : 1) * (9223372036854775808.0 + ((double)(i % 5) - 2) * 1024);
}
static double double_counter_with_resets(size_t i) {
  return (double)(i % 700 * 1000003);
}
static double double_sum_of_tenths(size_t i) { /* 0.30000000000000004 */
  static double sum;
  sum = i == 0 ? 0 : sum + 0.1;
  return sum;
}
static double double_thirds(size_t i) {
  return (double)i / 3;
}

static double (*const double_series[])(size_t i) = {
    double_zero,
    double_minus_zero,
    double_zeros,
    double_rarely_minus_zero,
    double_noise,
    double_nans,
    double_rarely_nan,
    double_infinities,
    double_denormals,
    double_extremes,
    double_near_two_to_53,
    double_near_two_to_63,
    double_counter_with_resets,
    double_sum_of_tenths,
    double_thirds,
};
#define DOUBLE_SERIES (sizeof double_series / sizeof *double_series)

static void test_doubles(void **state) {
  (void)state;
  for (size_t kind = 0; kind < DOUBLE_SERIES; kind++)
    for (size_t at = 0; at < COUNTS; at++) {
      for (size_t i = 0; i < counts[at]; i++)
        doubles[i] = double_series[kind](i);
      round_trip_doubles(counts[at]);
    }
}

/* What strtod makes of a number with so many digits behind the point. */
static double decimal(int digits, int64_t integer) {
  char text[64];
  snprintf(text, sizeof text, "%llde-%d", (long long)integer, digits);
  return strtod(text, NULL);
}

static void test_decimals(void **state) {
  (void)state;
  for (int digits = 0; digits <= 15; digits++)
    for (size_t at = 0; at < COUNTS; at++) {
      int64_t walk = 5000;
      for (size_t i = 0; i < counts[at]; i++) {
        walk += (int64_t)random_below(7) - 3;
        doubles[i] = decimal(digits, i % 2 ? walk : -walk);
      }
      round_trip_doubles(counts[at]);
    }
}

static void test_small_steps_of_decimals_are_small(void **state) {
  (void)state;
  int64_t walk = 5000;
  for (size_t i = 0; i < 5760; i++) {
    walk += (int64_t)random_below(4) - 1;
    doubles[i] = decimal(2, walk);
  }
  assert_true(round_trip_doubles(5760) < 5760 / 2);
}

/* 51.846000000000004: computed ones are a step or two of the last bit beside a decimal. */
static void test_values_beside_decimals(void **state) {
  (void)state;
  for (int digits = 0; digits <= 11; digits++)
    for (size_t at = 0; at < COUNTS; at++) {
      int64_t walk = 500;
      for (size_t i = 0; i < counts[at]; i++) {
        walk += (int64_t)random_below(7) - 3;
        doubles[i] = decimal(digits, i % 2 ? walk : -walk);
        for (uint64_t steps = random_below(5); steps > 0; steps--)
          doubles[i] = nextafter(doubles[i], i % 3 ? INFINITY : 0);
      }
      doubles[counts[at] / 2] = 0.0;
      size_t len = round_trip_doubles(counts[at]);
      if (counts[at] >= 1000)
        assert_true(len < counts[at] * 4);
      doubles[counts[at] / 2] = -0.0;
      round_trip_doubles(counts[at]);
      doubles[counts[at] / 2] = NAN;
      round_trip_doubles(counts[at]);
    }
}

static void test_sums_of_decimals_are_small(void **state) {
  (void)state;
  int64_t walk = 5000;
  for (size_t i = 0; i < 1440; i++) {
    doubles[i] = 0;
    for (int sample = 0; sample < 4; sample++) {
      walk += (int64_t)random_below(11) - 5;
      doubles[i] += decimal(2, walk);
    }
  }
  assert_int_equal(planes__exponent(doubles, 1440), -1);
  assert_true(round_trip_doubles(1440) < 1440 * 2);
}

static void test_exponent(void **state) {
  (void)state;
  static const struct {
    double values[3];
    int exponent;
  } rows[] = {
      {{1, 2, 3}, 0},
      {{0, 0, 0}, 0},
      {{-1, -20, 300}, 0},
      {{96.7, 1, 2}, 1},
      {{0.25, 96.7, 12}, 2},
      {{96.7, 0.001, 0.25}, 3},
      {{1e-15, 1, 2}, 15},
      {{1e-16, 1, 2}, -1},
      {{1e-15, 1000000.5, 2}, -1}, /* together they need more digits than there are */
      {{-0.0, 1, 2}, -1},
      {{1, NAN, 2}, -1},
      {{1, INFINITY, 2}, -1},
      {{1, -INFINITY, 2}, -1},
      {{9007199254740992.0, 1, 0}, 0},
      {{9007199254740994.0, 1, 0}, -1},
      {{1e300, 1, 0}, -1},
      {{5e-324, 1, 0}, -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (planes__exponent(rows[i].values, 3) != rows[i].exponent)
      fail_msg("%.17g %.17g %.17g: %d and not %d", rows[i].values[0], rows[i].values[1],
               rows[i].values[2], planes__exponent(rows[i].values, 3), rows[i].exponent);
}

/* --- what put does not make --- */

static int take_text(const char *bytes, size_t len, size_t count) {
  struct wire in = wire_read(slice_new(bytes, len));
  int status = planes__take_integers(planes, &in, integers_back, count);
  return in.failed ? BELFRY_ECORRUPT : status;
}

static void test_wrong_columns(void **state) {
  (void)state;
  static const char zeros[64];
  assert_int_equal(take_text("", 0, 1), BELFRY_ECORRUPT);
  assert_int_equal(take_text("\3", 1, 5), BELFRY_ECORRUPT);         /* no such order */
  assert_int_equal(take_text("\1", 1, 5), BELFRY_ECORRUPT);         /* no first value */
  assert_int_equal(take_text("\0\1", 2, 5), BELFRY_ECORRUPT);       /* no plane */
  assert_int_equal(take_text("\0\1\3", 3, 5), BELFRY_ECORRUPT);     /* no such kind */
  assert_int_equal(take_text("\0\1\0", 3, 5), BELFRY_ECORRUPT);     /* a constant without value */
  assert_int_equal(take_text("\0\1\1abcd", 7, 5), BELFRY_ECORRUPT); /* a byte is missing */
  assert_int_equal(take_text("\0\1\1abcde", 8, 5), BELFRY_OK);
  assert_int_equal(take_text("\0\1\2\4\0\0\0abcd", 11, 5), BELFRY_ECORRUPT); /* no frame */
  assert_int_equal(take_text("\0\1\2\xff\xff\xff\xff", 7, 5), BELFRY_ECORRUPT);
  assert_int_equal(take_text("\0\11", 2, 5), BELFRY_ECORRUPT); /* nine planes */
  assert_int_equal(take_text("\2", 1, 1), BELFRY_ECORRUPT);    /* more first values than values */
  assert_int_equal(take_text(zeros, 2, 5), BELFRY_OK);
}

static void test_wrong_kinds_of_doubles(void **state) {
  (void)state;
  for (unsigned kind = 0; kind < 256; kind++) {
    char column[40] = {(char)kind}; /* a column of zeros in each encoding */
    struct wire in = wire_read(slice_new(column, sizeof column));
    bool known = kind <= 15 || (kind >= 32 && kind <= 47) || kind == 255;
    assert_int_equal(planes__take_doubles(planes, &in, doubles_back, 5),
                     known ? BELFRY_OK : BELFRY_ECORRUPT);
  }
}

static void test_full_buffer(void **state) {
  struct buf out;
  (void)state;
  for (size_t i = 0; i < 1000; i++)
    integers[i] = integer_noise(i);
  buf_init(&out, 1000);
  assert_int_equal(planes__put_integers(planes, integers, 1000, &out), BELFRY_ETOOBIG);
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_integers),
      cmocka_unit_test(test_steady_series_are_small),
      cmocka_unit_test(test_noise_is_stored_as_it_is),
      cmocka_unit_test(test_bits),
      cmocka_unit_test(test_doubles),
      cmocka_unit_test(test_decimals),
      cmocka_unit_test(test_small_steps_of_decimals_are_small),
      cmocka_unit_test(test_values_beside_decimals),
      cmocka_unit_test(test_sums_of_decimals_are_small),
      cmocka_unit_test(test_exponent),
      cmocka_unit_test(test_wrong_columns),
      cmocka_unit_test(test_wrong_kinds_of_doubles),
      cmocka_unit_test(test_full_buffer),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
