/* model/mask: what is hidden, and what is not. */
#include "model/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mask *mask;

static void configure(bool cards, bool emails, const char *const *patterns) {
  struct belfry_error error = {0};
  const struct mask_options options = {true, cards, emails, patterns};
  if (mask_configure(mask, &options, &error))
    fail_msg("%s", error.text);
}

static int setup(void **state) {
  (void)state;
  if (mask_new(&mask))
    return -1;
  configure(true, false, NULL);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  mask_free(mask);
  return 0;
}

static const char *masked(const char *text) {
  static char kept[4096];
  struct buf out;
  buf_init(&out, 0);
  mask_put(mask, slice_of(text), NULL, &out);
  snprintf(kept, sizeof kept, "%.*s", (int)out.len, out.data ? out.data : "");
  buf_fini(&out);
  return kept;
}

static void test_what_stays(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      "GET /index.html 200 in 12 ms",
      "token_usage=5120 max_tokens: 4096 tokens=77",
      "token: 42, next",
      "password: null",
      "the password is wrong",
      "basic authentication failed",
      "a bearer of news",
      "order 4111111111111112 is not a card", /* its check sum is wrong */
      "took 1795771025000123456 ns",
      "mail to ada@example.org",
      "http://user@host/path",
      "deadbeefdeadbeefdeadbeefdeadbeef",
      "commit 4812b774373fa30ae20c4949776e52b34381f2f6",
      "key=value",
      "risk-assessment-of-the-whole-quarter-2026",
      "secret santa: tomorrow",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_string_equal(masked(texts[i]), texts[i]);
  assert_int_equal(mask_count(mask), 0);
}

static void test_what_is_hidden_keeps_its_surroundings(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"login password=hunter2 ok", "login password=*** ok"},
      {"db_password: 'two words', port 5", "db_password: '***', port 5"},
      {"{\"api_key\":\"abc\",\"n\":1}", "{\"api_key\":\"***\",\"n\":1}"},
      {"{\\\"apiKey\\\": \\\"abc def\\\"}", "{\\\"apiKey\\\": \\\"***\\\"}"},
      {"postgres://app:s3cret@db:5432/x", "postgres://app:***@db:5432/x"},
      {"Authorization: Bearer abc.def next", "Authorization: Bearer *** next"},
      {"card 4111 1111 1111 1111.", "card ***."},
      {"paid with 378282246310005 and 4111-1111-1111-1111", "paid with *** and ***"},
      {"run --password hunter2 --verbose", "run --password *** --verbose"},
      {"a token=xyz9 b secret=uvw8", "a token=*** b secret=***"},
      {"MIIEpAIBAAKCAQEAx7sLkkFb8cHxTqkL9d2cX1VbQyZkq3o2l5mV0aYt8nRj1uPw", "***"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_string_equal(masked(rows[i][0]), rows[i][1]);
}

static void test_by_choice(void **state) {
  (void)state;
  static const char *const own[] = {"\\bcustomer-\\K[0-9]+", "x{0}", NULL};
  assert_string_equal(masked("customer-4711"), "customer-4711");
  configure(false, true, own);
  assert_string_equal(masked("customer-4711 wrote from ada@mail.example.org"),
                      "customer-*** wrote from ***");
  assert_string_equal(masked("card 4111111111111111"), "card 4111111111111111");
  const struct mask_options off = {0};
  assert_int_equal(mask_configure(mask, &off, NULL), 0);
  assert_string_equal(masked("password=hunter2"), "password=hunter2");
}

static void test_a_pattern_that_is_none(void **state) {
  (void)state;
  static const char *const own[] = {"(", NULL};
  struct belfry_error error = {0};
  const struct mask_options options = {true, true, true, own};
  assert_int_equal(mask_configure(mask, &options, &error), BELFRY_EINVAL);
  assert_string_equal(masked("password=hunter2"), "password=***"); /* what was in force stays so */
}

/* One that would take for ever gives the line up, and does not store it. */
static void test_a_line_that_cannot_be_looked_through(void **state) {
  (void)state;
  static const char *const own[] = {"(?:(?:a|aa)+)+b", NULL};
  char text[64];
  configure(true, false, own);
  memset(text, 'a', sizeof text);
  text[sizeof text - 1] = '\0';
  assert_string_equal(masked(text), "***");
}

static void test_a_key_of_many_lines(void **state) {
  (void)state;
  static const char *const lines[][2] = {
      {"before", "before"},
      {"-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----"},
      {"Proc-Type: 4,ENCRYPTED", "***"},
      {"c2hvcnQ=", "***"},
      {"-----END OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"},
      {"behind", "behind"},
      {"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},
      {"c2hvcnQ=", "c2hvcnQ="},
  };
  struct mask_place place = {0};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct buf out;
    buf_init(&out, 0);
    mask_put(mask, slice_of(lines[i][0]), &place, &out);
    assert_string_equal(out.data, lines[i][1]);
    buf_fini(&out);
  }
}

/* One who only writes of a key does not make what follows invisible. */
static void test_a_key_that_is_only_mentioned(void **state) {
  (void)state;
  static const char *const lines[][2] = {
      {"10:00 ERROR the file must begin with -----BEGIN PRIVATE KEY-----", NULL},
      {"10:01 INFO request served", NULL},
      {"10:02 INFO and another", NULL},
      {"10:03 INFO -----BEGIN PRIVATE KEY-----", NULL},
      {"10:03 INFO DEK-Info: AES-128-CBC,00", "***"},
      {"10:03 INFO", "***"},
      {"10:03 INFO c2hvcnRidXRzZWNyZXQ=", "***"},
      {"10:03 INFO eA==", "***"},
      {"10:04 INFO request served", NULL},
      {"short", NULL},
  };
  struct mask_place place = {0};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct buf out;
    buf_init(&out, 0);
    mask_put(mask, slice_of(lines[i][0]), &place, &out);
    assert_string_equal(out.data, lines[i][1] ? lines[i][1] : lines[i][0]);
    buf_fini(&out);
  }
}

/* A token may be long: nothing of it is left over. */
static void test_a_long_secret(void **state) {
  (void)state;
  char text[3000], expected[] = "{\"token\":\"***\",\"n\":1}";
  snprintf(text, sizeof text, "{\"token\":\"%02000d\",\"n\":1}", 7);
  assert_string_equal(masked(text), expected);
  snprintf(text, sizeof text, "password: '%02000d' ok", 7);
  assert_string_equal(masked(text), "password: '***' ok");
}

/* In JSON each text is looked through as it reads; what holds no secret stays byte for byte. */
static void test_json(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"{\"message\" : \"all well\",\"n\":[1.50,null,\"\\u00e4\"]}", NULL},
      {"{\"message\":\"login password=hunter2 ok\",\"n\":1.50}",
       "{\"message\":\"login password=*** ok\",\"n\":1.50}"},
      {"{\"message\":\"x\",\"attributes\":{\"password\":\"two \\\"words\\\" and more\",\"pin\":7}}",
       "{\"message\":\"x\",\"attributes\":{\"password\":\"***\",\"pin\":7}}"},
      {"{\"cookie\":\"a=1; b=2\",\"after\":\"stays\"}", "{\"cookie\":\"***\",\"after\":\"stays\"}"},
      {"{\"m\":\"p\\u0061ssword=hunter2\"}", "{\"m\":\"password=***\"}"},
      {"{\"m\":\"postgres:\\/\\/app:s3cret@db\"}", "{\"m\":\"postgres://app:***@db\"}"},
      {"{\"m\":\"-----BEGIN RSA PRIVATE KEY-----\\nc2hvcnQ=\\n-----END RSA PRIVATE "
       "KEY-----\\nend\"}",
       "{\"m\":\"-----BEGIN RSA PRIVATE KEY-----\\n***\\n-----END RSA PRIVATE KEY-----\\nend\"}"},
      {"{\"card\":4111111111111111,\"id\":4111111111111112}",
       "{\"card\":\"***\",\"id\":4111111111111112}"},
      {"{\"tokens\":12,\"api_keys\":[],\"token\":[\"abcdef\",\"ghijkl\"]}",
       "{\"tokens\":12,\"api_keys\":[],\"token\":[\"***\",\"***\"]}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    buf_init(&out, 0);
    bool put = mask_put_json(mask, slice_of(rows[i][0]), &out);
    assert_string_equal(put ? out.data : rows[i][0], rows[i][1] ? rows[i][1] : rows[i][0]);
    buf_fini(&out);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_what_stays),
      TEST(test_what_is_hidden_keeps_its_surroundings),
      TEST(test_by_choice),
      TEST(test_a_pattern_that_is_none),
      TEST(test_a_line_that_cannot_be_looked_through),
      TEST(test_a_key_of_many_lines),
      TEST(test_a_key_that_is_only_mentioned),
      TEST(test_a_long_secret),
      TEST(test_json),
  };
  return cmocka_run_group_tests_name("model/mask", tests, NULL, NULL);
}
