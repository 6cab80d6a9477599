/* lib/history/sketch: quantiles are within 1 % of the exact ones, sums of sketches are sketches of
 * sums. */
#include "history/sketch_priv.h"
#include "tests/unit/history/blob.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUES 10000
#define TINY   1e-9 /* below this a value counts as zero */

static double uniform(void) { /* 0 to 1 */
  return (double)(random_bits() >> 11) / 9007199254740992.0;
}

static double draw_constant(void) {
  return 12.5;
}
static double draw_zero(void) {
  return random_below(2) ? 0.0 : -0.0;
}
static double draw_uniform(void) {
  return uniform();
}
static double draw_latency(void) { /* most quick, a long tail */
  return 2 - 40 * log(1 - uniform());
}
static double draw_log_normal(void) {
  return exp(3 * sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform()));
}
static double draw_pareto(void) {
  return 1 / (1 - uniform());
}
static double draw_negative(void) {
  return -draw_latency();
}
static double draw_both_signs(void) {
  return draw_log_normal() - draw_log_normal();
}
static double draw_two_humps(void) {
  return random_below(10) ? 5 + uniform() : 5000 + uniform();
}
static double draw_mostly_zero(void) {
  return random_below(3) ? 0 : draw_both_signs();
}
static double draw_small(void) {
  return draw_both_signs() * 1e-8;
}
static double draw_large(void) {
  return draw_both_signs() * 1e300;
}
static double draw_integers(void) {
  return (double)random_below(50);
}
static double draw_largest(void) {
  return random_below(2) ? DBL_MAX : -DBL_MAX;
}

static const struct {
  const char *name;
  double (*draw)(void);
} distributions[] = {
    {"a constant", draw_constant},
    {"zeros", draw_zero},
    {"uniform", draw_uniform},
    {"exponential", draw_latency},
    {"log-normal", draw_log_normal},
    {"Pareto", draw_pareto},
    {"negative", draw_negative},
    {"both signs", draw_both_signs},
    {"two humps", draw_two_humps},
    {"mostly zero", draw_mostly_zero},
    {"small", draw_small},
    {"large", draw_large},
    {"whole numbers", draw_integers},
    {"the largest", draw_largest},
};
#define DISTRIBUTIONS (sizeof distributions / sizeof *distributions)

static double values[VALUES];

static void draw(size_t distribution) {
  for (size_t i = 0; i < VALUES; i++)
    values[i] = distributions[distribution].draw();
}

static void add(struct sketch *sketch, const double *some, size_t count) {
  for (size_t i = 0; i < count; i++)
    assert_int_equal(sketch__add(sketch, some[i], 1), 0);
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void check_quantile(const struct sketch *sketch, const double *sorted, size_t count,
                           double q, const char *name) {
  double exact = sorted[(size_t)(q * (double)(count - 1))];
  double found = sketch__quantile(sketch, q);
  /* A little more than alpha: where two bins meet, a logarithm may round to either side. */
  double bound = fabs(exact) < TINY ? TINY : fabs(exact) * (SKETCH_ALPHA + 1e-9);
  if (!(fabs(found - exact) <= bound))
    fail_msg("%s: quantile %g of %zu values is %.17g and not %.17g", name, q, count, found, exact);
}

static void test_error_bound(void **state) {
  static const double quantiles[] = {0,    0.001, 0.01, 0.05, 0.1,   0.25, 0.5,
                                     0.75, 0.9,   0.95, 0.99, 0.999, 1};
  static const size_t counts[] = {1, 2, 3, 10, 100, VALUES};
  struct sketch sketch = {0};
  (void)state;
  for (size_t i = 0; i < DISTRIBUTIONS; i++)
    for (size_t at = 0; at < sizeof counts / sizeof *counts; at++) {
      draw(i);
      sketch__clear(&sketch);
      add(&sketch, values, counts[at]);
      assert_int_equal(sketch.total, counts[at]);
      qsort(values, counts[at], sizeof *values, compare);
      for (size_t q = 0; q < sizeof quantiles / sizeof *quantiles; q++)
        check_quantile(&sketch, values, counts[at], quantiles[q], distributions[i].name);
    }
  sketch__fini(&sketch);
}

static void check_same(const struct sketch *a, const struct sketch *b, const char *name) {
  if (a->bin_count != b->bin_count || a->total != b->total)
    fail_msg("%s: %u and %u bins", name, a->bin_count, b->bin_count);
  for (uint32_t i = 0; i < a->bin_count; i++) {
    assert_int_equal(a->bins[i].key, b->bins[i].key);
    assert_int_equal(a->bins[i].count, b->bins[i].count);
  }
}

static void test_sum_of_sketches(void **state) {
  (void)state;
  for (size_t i = 0; i < DISTRIBUTIONS; i++) {
    struct sketch all = {0}, sum = {0}, part = {0};
    draw(i);
    add(&all, values, VALUES);
    for (size_t at = 0; at < VALUES;) {
      size_t count = 1 + (size_t)random_below(900);
      count = count < VALUES - at ? count : VALUES - at;
      sketch__clear(&part);
      add(&part, values + at, count);
      assert_int_equal(sketch__merge(&sum, &part), 0);
      at += count;
    }
    check_same(&all, &sum, distributions[i].name);
    sketch__fini(&all);
    sketch__fini(&sum);
    sketch__fini(&part);
  }
}

static void test_any_order(void **state) {
  (void)state;
  for (size_t i = 0; i < DISTRIBUTIONS; i++) {
    struct sketch forth = {0}, back = {0}, sorted = {0};
    draw(i);
    add(&forth, values, VALUES);
    for (size_t at = VALUES; at > 0; at--)
      add(&back, &values[at - 1], 1);
    qsort(values, VALUES, sizeof *values, compare);
    add(&sorted, values, VALUES);
    check_same(&forth, &back, distributions[i].name);
    check_same(&forth, &sorted, distributions[i].name);
    sketch__fini(&forth);
    sketch__fini(&back);
    sketch__fini(&sorted);
  }
}

static void test_many_at_once(void **state) {
  struct sketch once = {0}, each = {0};
  (void)state;
  for (int i = 0; i < 100; i++)
    assert_int_equal(sketch__add(&each, 3.5, 1), 0);
  assert_int_equal(sketch__add(&once, 3.5, 100), 0);
  assert_int_equal(sketch__add(&once, 7, 0), 0);
  check_same(&once, &each, "a hundred times 3.5");
  sketch__fini(&once);
  sketch__fini(&each);
}

/* Values over the whole range of doubles need far more bins than there may be. */
static void test_lowest_bins_fall_together(void **state) {
  struct sketch sketch = {0};
  enum { STEPS = 5000 };
  static double sorted[STEPS];
  (void)state;
  for (int i = 0; i < STEPS; i++)
    sorted[i] = pow(1.05, i);
  for (int i = 0; i < STEPS; i++) /* in some order */
    assert_int_equal(sketch__add(&sketch, sorted[i * 1201 % STEPS], 1), 0);
  assert_int_equal(sketch.bin_count, SKETCH_BINS_MAX);
  assert_int_equal(sketch.total, STEPS);
  for (int i = STEPS - SKETCH_BINS_MAX / 2; i < STEPS; i++)
    check_quantile(&sketch, sorted, STEPS, (double)i / (STEPS - 1), "the upper ones");
  uint64_t total = 0;
  for (uint32_t i = 0; i < sketch.bin_count; i++)
    total += sketch.bins[i].count;
  assert_int_equal(total, STEPS);
  for (uint32_t i = 1; i < sketch.bin_count; i++)
    assert_true(sketch.bins[i].key > sketch.bins[i - 1].key);
  /* A low one changes nothing but the lowest bin. */
  int32_t lowest = sketch.bins[0].key;
  assert_int_equal(sketch__add(&sketch, -1e300, 1), 0);
  assert_int_equal(sketch.bins[0].key, lowest);
  assert_int_equal(sketch.bin_count, SKETCH_BINS_MAX);
  sketch__fini(&sketch);
}

static void test_empty(void **state) {
  struct sketch sketch = {0}, other = {0};
  (void)state;
  assert_true(isnan(sketch__quantile(&sketch, 0.5)));
  assert_int_equal(sketch__merge(&sketch, &other), 0);
  assert_int_equal(sketch__add(&sketch, 1, 1), 0);
  sketch__clear(&sketch);
  assert_true(isnan(sketch__quantile(&sketch, 0.5)));
  sketch__fini(&sketch);
  sketch__fini(&other);
}

static void test_stored_bins(void **state) {
  struct sketch sketch = {0}, back = {0};
  (void)state;
  draw(7);
  add(&sketch, values, VALUES);
  for (uint32_t i = 0; i < sketch.bin_count; i++)
    assert_int_equal(sketch__add_bin(&back, sketch.bins[i].key, sketch.bins[i].count), 0);
  check_same(&sketch, &back, "as stored");
  assert_int_equal(sketch__add_bin(&back, SKETCH_KEY_MAX + 1, 1), BELFRY_ECORRUPT);
  assert_int_equal(sketch__add_bin(&back, -SKETCH_KEY_MAX - 1, 1), BELFRY_ECORRUPT);
  assert_int_equal(sketch__add_bin(&back, INT32_MIN, 1), BELFRY_ECORRUPT);
  assert_int_equal(sketch__add_bin(&back, 1, 0), BELFRY_ECORRUPT);
  assert_int_equal(sketch__add_bin(&back, 1, UINT64_MAX), BELFRY_ECORRUPT);
  assert_int_equal(sketch__add_bin(&back, 1, UINT64_C(1) << 62), BELFRY_ECORRUPT);
  check_same(&sketch, &back, "what was refused");
  /* Any key that is let in gives a finite value. */
  sketch__clear(&back);
  assert_int_equal(sketch__add_bin(&back, SKETCH_KEY_MAX, 1), 0);
  assert_true(isfinite(sketch__quantile(&back, 1)));
  assert_int_equal(sketch__add_bin(&back, -SKETCH_KEY_MAX, 1), 0);
  assert_true(isfinite(sketch__quantile(&back, 0)));
  sketch__fini(&sketch);
  sketch__fini(&back);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_error_bound),
      cmocka_unit_test(test_sum_of_sketches),
      cmocka_unit_test(test_any_order),
      cmocka_unit_test(test_many_at_once),
      cmocka_unit_test(test_lowest_bins_fall_together),
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_stored_bins),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
