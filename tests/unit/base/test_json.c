/* lib/base/json: bounds before parsing, the exact bytes of members, strings and numbers written
 * out. */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_parse_refuses(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int code;
  } rows[] = {
      {"", BELFRY_EINVAL},
      {"{\"a\":1,\"a\":2}", BELFRY_EINVAL},
      {"{\"a\":1,\"\\u0061\":2}", BELFRY_EINVAL}, /* the same key, written differently */
      {"\"\\u0000\"", BELFRY_EINVAL},
      {"\"\xff\"", BELFRY_EINVAL},
      {"\"\xed\xa0\x80\"", BELFRY_EINVAL}, /* a surrogate */
      {"\"\\ud800\"", BELFRY_EINVAL},
      {"{} x", BELFRY_EINVAL},
      {"01", BELFRY_EINVAL},
      {"1e999", BELFRY_EINVAL},
      {"NaN", BELFRY_EINVAL},
      {"\"a\nb\"", BELFRY_EINVAL},
      {"[[[[1]]]]", BELFRY_EINVAL},
      {"{\"a\":{\"b\":[{}]}}", BELFRY_EINVAL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct belfry_error error = {0};
    json_t *value = json_parse(slice_of(rows[i].text), 3, &error);
    if (value || error.code != rows[i].code || !error.text[0])
      fail_msg("'%s' gives %d '%s' instead of %d", rows[i].text, error.code, error.text,
               rows[i].code);
  }
  struct belfry_error error = {0};
  assert_null(json_parse(slice_of("{\n  \"a\": x}"), 3, &error));
  assert_non_null(strstr(error.text, "line 2"));
  error = (struct belfry_error){0};
  assert_null(json_parse(slice_of("\"a\\u0000\""), 3, &error));
  assert_non_null(strstr(error.text, "\\u0000 is in a text, and must not be at line 1"));
  error = (struct belfry_error){0};
  assert_null(json_parse(slice_of("{\"a\\u0000\":1}"), 3, &error));
  assert_non_null(strstr(error.text, "\\u0000 is in a text"));
  assert_null(json_parse(slice_new(NULL, 0), 3, NULL));
}

static void test_depth_ignores_brackets_in_strings(void **state) {
  (void)state;
  assert_int_equal(json_check_depth(slice_of("[\"[[[[\\\"[[[\"]"), 1), 0);
  assert_int_equal(json_check_depth(slice_of("[[],[],{}]"), 2), 0);
  assert_int_equal(json_check_depth(slice_of("[[],[[]]]"), 2), BELFRY_ETOOBIG);
}

static void test_members_keep_their_bytes(void **state) {
  (void)state;
  static const char text[] =
      " {\"n\" : 96.70 ,\n\"s\":\"a\\\"}\\u00e4,\",\"o\":{ \"x\" : [1, {\"}\":2}] },"
      "\"t\":true,\"e\":{},\"a\":[ ],\"big\":12345678901234567890.0,\"z\":-0 }\n";
  static const struct {
    const char *key, *value;
  } rows[] = {
      {"n", "96.70"},
      {"s", "\"a\\\"}\\u00e4,\""},
      {"o", "{ \"x\" : [1, {\"}\":2}] }"},
      {"t", "true"},
      {"e", "{}"},
      {"a", "[ ]"},
      {"big", "12345678901234567890.0"},
      {"z", "-0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct slice value = json_member(slice_of(text), rows[i].key);
    if (!slice_is(value, rows[i].value))
      fail_msg("%s is '%.*s' instead of '%s'", rows[i].key, SLICE_ARG(value), rows[i].value);
  }
  assert_null(json_member(slice_of(text), "x").data);  /* of the object inside */
  assert_null(json_member(slice_of("[1]"), "n").data); /* an array has no members */
  assert_null(json_member(slice_new(NULL, 0), "n").data);
}

static void test_walk_over_an_array(void **state) {
  (void)state;
  static const char *const expected[] = {"1", "\",]\"", "[ 2,3 ]", "{\"a\":[]}", "null"};
  struct json_walk walk;
  struct slice value;
  size_t count = 0;
  assert_true(json_walk_start(&walk, slice_of("[1 ,\",]\",[ 2,3 ],{\"a\":[]}\t,null]")));
  assert_false(walk.object);
  while (json_walk_next(&walk, NULL, &value)) {
    assert_true(count < 5);
    assert_true(slice_is(value, expected[count++]));
  }
  assert_int_equal(count, 5);
  assert_false(json_walk_next(&walk, NULL, &value));
  assert_true(json_walk_start(&walk, slice_of(" [ ] ")));
  assert_false(json_walk_next(&walk, NULL, &value));
  assert_false(json_walk_start(&walk, slice_of("\"[1]\"")));
  assert_false(json_walk_start(&walk, slice_of("")));
}

/* A walk over what is no JSON may give anything, but it ends and stays within the text. */
static void test_walk_over_garbage_ends(void **state) {
  (void)state;
  static const char whole[] = "{\"a\\\"\":[1,{\"b\":\"c\\\\\"}],\"d\":-1.5e3,,:}]";
  for (size_t len = 0; len < sizeof whole; len++) {
    char *copy = malloc(len + 1); /* so that a sanitizer sees a step beyond the end */
    memcpy(copy, whole, len);
    struct json_walk walk;
    struct slice key, value;
    size_t steps = 0;
    if (json_walk_start(&walk, slice_new(copy, len)))
      while (json_walk_next(&walk, &key, &value))
        assert_true(++steps <= len && value.data + value.len <= copy + len);
    free(copy);
  }
}

static void test_strings_are_decoded(void **state) {
  (void)state;
  static const struct {
    const char *raw, *text;
  } rows[] = {
      {"\"\"", ""},
      {"\"plain ä\"", "plain ä"},
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
      {"\"\\u0041\\u00e4\\u20AC\\uFFFD\"", "Aä€\xef\xbf\xbd"},
      {"\"\\ud83e\\udd87\\uDBFF\\uDFFF\"", "\xf0\x9f\xa6\x87\xf4\x8f\xbf\xbf"},
  };
  struct buf scratch;
  buf_init(&scratch, 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct slice text;
    assert_int_equal(json_decode_string(slice_of(rows[i].raw), &scratch, &text), 0);
    if (!slice_is(text, rows[i].text))
      fail_msg("%s is decoded as '%.*s'", rows[i].raw, SLICE_ARG(text));
    assert_true(text.len <= strlen(rows[i].raw)); /* as promised to those who reserve */
  }
  struct slice text;
  assert_int_equal(json_decode_string(slice_of("12"), &scratch, &text), BELFRY_EINVAL);
  assert_int_equal(json_decode_string(slice_of("\""), &scratch, &text), BELFRY_EINVAL);
  buf_fini(&scratch);
}

static void test_strings_are_put(void **state) {
  (void)state;
  static const struct {
    const char *text, *json;
  } rows[] = {
      {"", "\"\""},
      {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
      {"\n\r\t\b\x01\x1f\x7f", "\"\\n\\r\\t\\u0008\\u0001\\u001f\x7f\""},
      {"ä€🦇", "\"ä€🦇\""},
      {"a\xff"
       "b",
       "\"a\xef\xbf\xbd"
       "b\""},
      {"\xc3", "\"\xef\xbf\xbd\""},
      {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    buf_init(&out, 0);
    json_put_string(&out, slice_of(rows[i].text));
    assert_string_equal(out.data, rows[i].json);
    json_t *value = json_parse(buf_slice(&out), 1, NULL);
    assert_true(json_is_string(value));
    json_decref(value);
    buf_fini(&out);
  }
  struct buf out;
  buf_init(&out, 0);
  json_put_string(&out, slice_new("a\0b", 3));
  json_put_string(&out, slice_new(NULL, 0));
  assert_string_equal(out.data, "\"a\\u0000b\"\"\"");
  buf_fini(&out);
}

static void test_numbers_read_back(void **state) {
  (void)state;
  static const double numbers[] = {0,           -0.0,
                                   1,           0.1,
                                   96.7,        1.0 / 3,
                                   1e15,        123456789012345678.0,
                                   5e-324,      1.7976931348623157e308,
                                   -2.5,        1e-7,
                                   4294967296.0};
  static const char *const short_ones[] = {"0", "-0", "1", "0.1", "96.7"};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct buf out;
    buf_init(&out, 0);
    json_put_number(&out, numbers[i]);
    json_t *value = json_parse(buf_slice(&out), 1, NULL);
    assert_true(json_is_number(value));
    if (json_number_value(value) != numbers[i])
      fail_msg("%.17g is put as %s", numbers[i], out.data);
    if (i < sizeof short_ones / sizeof *short_ones)
      assert_string_equal(out.data, short_ones[i]);
    json_decref(value);
    buf_fini(&out);
  }
  struct buf many;
  buf_init(&many, 0);
  uint64_t random = 88172645463325252u;
  for (int i = 0; i < 200000; i++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    double number;
    char text[40];
    if (i % 4 == 0)
      memcpy(&number, &random, sizeof number); /* any bits */
    else
      number =
          (double)(int64_t)(random >> (i % 60)) / (double[]){1, 10, 100, 1e4, 1e6, 1e7, 3}[i % 7];
    if (!isfinite(number))
      continue;
    buf_clear(&many);
    json_put_measure(&many, number);
    buf_put_char(&many, '\0');
    double off = fabs(strtod(many.data, NULL) - number);
    if (off > fabs(number) * 5.1e-15 ||
        (fabs(number) < 1e14 && fabs(number) >= 1e-4 && strspn(many.data, "-.0123456789") > 21))
      fail_msg("%.17g is put as the measure %s", number, many.data);
    buf_clear(&many);
    json_put_number(&many, number);
    buf_put_char(&many, '\0');
    if (strtod(many.data, NULL) != number)
      fail_msg("%.17g is put as %s", number, many.data);
    snprintf(text, sizeof text, "%.15g", number);
    if (!strchr(many.data, 'e') && strtod(text, NULL) == number && strlen(many.data) > strlen(text))
      fail_msg("%s is put as %s, which is longer", text, many.data);
  }
  buf_fini(&many);
  struct buf out;
  buf_init(&out, 0);
  json_put_number(&out, NAN);
  json_put_number(&out, -INFINITY);
  assert_string_equal(out.data, "nullnull");
  buf_fini(&out);
}

/* RFC 3629, section 4, from its table. */
static bool is_utf8_by_the_book(const unsigned char *s, size_t len) {
  size_t i = 0;
  while (i < len) {
    unsigned code, more, least;
    if (s[i] < 0x80) {
      i++;
      continue;
    } else if ((s[i] & 0xe0) == 0xc0) {
      code = s[i] & 0x1f, more = 1, least = 0x80;
    } else if ((s[i] & 0xf0) == 0xe0) {
      code = s[i] & 0x0f, more = 2, least = 0x800;
    } else if ((s[i] & 0xf8) == 0xf0) {
      code = s[i] & 0x07, more = 3, least = 0x10000;
    } else {
      return false;
    }
    for (i++; more > 0; more--, i++) {
      if (i >= len || (s[i] & 0xc0) != 0x80)
        return false;
      code = code << 6 | (s[i] & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      return false;
  }
  return true;
}

static void test_utf8_against_the_book(void **state) {
  (void)state;
  /* All pairs and triples of the bytes at which the rules change, at every place around a word of
   * eight. */
  static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                        0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                        0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
  enum { EDGES = sizeof edges };
  for (size_t shift = 0; shift < 12; shift++)
    for (size_t n = 0; n < (size_t)EDGES * EDGES * EDGES * 3; n++) {
      unsigned char text[32];
      size_t len = shift + 4, rest = n / 3;
      memset(text, 'x', sizeof text);
      text[shift] = edges[rest % EDGES];
      text[shift + 1] = edges[rest / EDGES % EDGES];
      text[shift + 2] = edges[rest / EDGES / EDGES];
      text[shift + 3] = n % 3 == 0 ? 'x' : n % 3 == 1 ? 0x80 : 0xbf;
      bool valid = utf8_valid_prefix(slice_new((char *)text, len)) == len;
      if (valid != is_utf8_by_the_book(text, len))
        fail_msg("%02x %02x %02x %02x at %zu is taken as %d", text[shift], text[shift + 1],
                 text[shift + 2], text[shift + 3], shift, valid);
    }
}

static void test_utf8_prefix_ends_before_the_fault(void **state) {
  (void)state;
  for (size_t good = 0; good < 40; good++) {
    char text[48];
    memset(text, 'a', sizeof text);
    text[good] = (char)0xff;
    assert_int_equal(utf8_valid_prefix(slice_new(text, sizeof text)), good);
    text[good] = (char)0xe2; /* cut off at the end */
    text[good + 1] = (char)0x82;
    assert_int_equal(utf8_valid_prefix(slice_new(text, good + 2)), good);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_refuses),
      cmocka_unit_test(test_depth_ignores_brackets_in_strings),
      cmocka_unit_test(test_members_keep_their_bytes),
      cmocka_unit_test(test_walk_over_an_array),
      cmocka_unit_test(test_walk_over_garbage_ends),
      cmocka_unit_test(test_strings_are_decoded),
      cmocka_unit_test(test_strings_are_put),
      cmocka_unit_test(test_numbers_read_back),
      cmocka_unit_test(test_utf8_against_the_book),
      cmocka_unit_test(test_utf8_prefix_ends_before_the_fault),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
