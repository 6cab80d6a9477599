/* lib/auth over a history on disk: who is told from a key, a cookie, or nothing. */
#include "auth/auth.h"
#include "base/wire.h"
#include "history/writer.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000)

enum { READ_ROLE_NONE = 0, READ_ROLE_VIEWER = 1 };

static char instance[] = "test";

static struct {
  char dir[64];
  struct history_writer *writer;
  struct history *history;
  struct conf conf;
  char viewer[AUTH_KEY_BYTES], brief[AUTH_KEY_BYTES]; /* `brief` ends a second after NOW_MS */
  char viewer_id[AUTH_KEY_ID_BYTES], brief_id[AUTH_KEY_ID_BYTES];
} fixture;

/* Stores a batch of mutations as belfry-historyd would. */
static void store(struct history_batch *batch) {
  struct belfry_error error = {0};
  assert_int_equal(history_batch_status(batch), 0);
  struct wire wire = wire_read(buf_slice(&batch->records));
  struct history_record record;
  assert_int_equal(history_writer_begin_group(fixture.writer, &error), 0);
  assert_int_equal(history_writer_begin_batch(fixture.writer, &error), 0);
  while (!history_record_take(&wire, &record)) {
    int64_t changed;
    if (history_writer_mutate(fixture.writer, record.mutation.statement, HISTORY_ORIGIN_FCGI,
                              record.mutation.values, record.mutation.value_count, &changed,
                              &error))
      fail_msg("%s", error.text);
  }
  assert_int_equal(history_writer_end_batch(fixture.writer, &error), 0);
  assert_int_equal(history_writer_commit_group(fixture.writer, &error), 0);
  history_batch_clear(batch);
}

static int set_up(void **state) {
  (void)state;
  struct belfry_error error = {0};
  const struct history_writer_options options = {.max_series = 1000};
  struct history_batch batch;
  strcpy(fixture.dir, "/tmp/belfry-auth-XXXXXX");
  if (!mkdtemp(fixture.dir) ||
      history_writer_open(fixture.dir, &options, &fixture.writer, &error) ||
      history_open(fixture.dir, &fixture.history, &error)) {
    fprintf(stderr, "%s: %s\n", fixture.dir, error.text);
    return -1;
  }
  fixture.conf.access_instance = instance;
  fixture.conf.access_read_role = READ_ROLE_VIEWER;
  history_batch_init(&batch, 0);
  auth_key_make(&batch, "laptop", AUTH_ROLE_VIEWER, "admin", NOW_MS, 0, fixture.viewer,
                fixture.viewer_id);
  auth_key_make(&batch, "brief", AUTH_ROLE_ADMIN, "admin", NOW_MS, NOW_MS + 1000, fixture.brief,
                fixture.brief_id);
  store(&batch);
  history_batch_fini(&batch);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  history_close(fixture.history);
  history_writer_close(fixture.writer);
  snprintf(command, sizeof command, "rm -rf '%s'", fixture.dir);
  return system(command);
}

static int identify(const char *authorization, const char *cookie, int64_t now_ms,
                    struct auth_identity *out) {
  struct belfry_error error = {0};
  const struct auth_credentials credentials = {.authorization = slice_of(authorization),
                                               .cookie = slice_of(cookie)};
  int status = auth_identify(fixture.history, &fixture.conf, &credentials, now_ms, out, &error);
  assert_int_equal(status, error.code);
  return status;
}

static int identify_key(const char *key, int64_t now_ms, struct auth_identity *out) {
  char authorization[128];
  snprintf(authorization, sizeof authorization, "bearer  %s ", key); /* schemes ignore case */
  return identify(authorization, NULL, now_ms, out);
}

static void test_a_key_names_its_owner(void **state) {
  (void)state;
  struct auth_identity who;
  assert_int_equal(identify_key(fixture.viewer, NOW_MS, &who), 0);
  assert_int_equal(who.role, AUTH_ROLE_VIEWER);
  assert_string_equal(who.name, "laptop");
  assert_string_equal(who.id, fixture.viewer_id);
  assert_false(who.by_cookie);
  char plain[128], encoded[256], authorization[300];
  int len = snprintf(plain, sizeof plain, "anybody:%s", fixture.viewer);
  EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, len);
  snprintf(authorization, sizeof authorization, "Basic %s", encoded);
  assert_int_equal(identify(authorization, NULL, NOW_MS, &who), 0);
  assert_string_equal(who.name, "laptop");
}

static void test_wrong_keys_are_denied(void **state) {
  (void)state;
  struct auth_identity who;
  char wrong[AUTH_KEY_BYTES];
  strcpy(wrong, fixture.viewer);
  wrong[AUTH_KEY_BYTES - 2] = wrong[AUTH_KEY_BYTES - 2] == 'A' ? 'E' : 'A';
  assert_int_equal(identify_key(wrong, NOW_MS, &who), BELFRY_EDENIED);
  assert_int_equal(who.role, AUTH_ROLE_NONE);
  static const char *const texts[] = {"",         "Bearer",    "Bearer ",    "Bearer bfy_",
                                      "Digest x", "Basic !!!", "Basic eDp5", "Basic eHk="};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (identify(texts[i], NULL, NOW_MS, &who) != BELFRY_EDENIED)
      fail_msg("the Authorization '%s' was taken", texts[i]);
}

static void test_a_key_ends(void **state) {
  (void)state;
  struct auth_identity who;
  assert_int_equal(identify_key(fixture.brief, NOW_MS + 999, &who), 0);
  assert_int_equal(who.expires_ms, NOW_MS + 1000);
  assert_int_equal(identify_key(fixture.brief, NOW_MS + 1000, &who), BELFRY_EDENIED);
}

static void test_a_cookie_lasts_until_it_ends_or_is_ended(void **state) {
  (void)state;
  struct auth_identity who;
  struct history_batch batch;
  char cookie[AUTH_COOKIE_BYTES], header[300];
  history_batch_init(&batch, 0);
  struct auth_identity viewer = {.kind = AUTH_KEY};
  memcpy(viewer.id, fixture.viewer_id, sizeof viewer.id);
  auth_sign_in_make(&batch, &viewer, NOW_MS, NOW_MS + 5000, cookie);
  store(&batch);
  snprintf(header, sizeof header, "a=b; belfry-test=%043d; belfry-test=%s; belfry-other=x", 0,
           cookie);
  assert_int_equal(identify(NULL, header, NOW_MS + 1, &who), 0);
  assert_string_equal(who.name, "laptop");
  assert_true(who.by_cookie);
  assert_int_equal(who.expires_ms, NOW_MS + 5000);
  /* One that has run out is no credential, and no reason to refuse. */
  assert_int_equal(identify(NULL, header, NOW_MS + 5000, &who), 0);
  assert_int_equal(who.role, AUTH_ROLE_NONE);
  assert_false(who.by_cookie);
  auth_sign_out(&batch, &fixture.conf, slice_of(header));
  store(&batch);
  assert_int_equal(identify(NULL, header, NOW_MS + 1, &who), 0);
  assert_int_equal(who.role, AUTH_ROLE_NONE);
  history_batch_fini(&batch);
}

static void test_nobody_may_read_where_reading_is_open(void **state) {
  (void)state;
  struct auth_identity who;
  assert_int_equal(identify(NULL, NULL, NOW_MS, &who), 0);
  assert_int_equal(who.role, AUTH_ROLE_NONE);
  fixture.conf.access_read_role = READ_ROLE_NONE;
  assert_int_equal(identify(NULL, NULL, NOW_MS, &who), 0);
  assert_int_equal(who.role, AUTH_ROLE_VIEWER);
  assert_string_equal(who.name, "");
  assert_int_equal(identify("Bearer x", NULL, NOW_MS, &who), BELFRY_EDENIED);
  assert_int_equal(who.role, AUTH_ROLE_NONE);
  fixture.conf.access_read_role = READ_ROLE_VIEWER;
}

static void test_without_a_history_nobody_can_be_told(void **state) {
  (void)state;
  struct auth_identity who;
  struct belfry_error error = {0};
  char authorization[128];
  snprintf(authorization, sizeof authorization, "Bearer %s", fixture.viewer);
  const struct auth_credentials credentials = {.authorization = slice_of(authorization)};
  assert_int_equal(auth_identify(NULL, &fixture.conf, &credentials, NOW_MS, &who, &error),
                   BELFRY_EBUSY);
}

/* Without a history only what is cached can be told: that is how a look-up shows. */
static int identify_cached(struct auth_cache *cache, uint64_t version, int64_t monotonic_ms,
                           struct history *history, const char *key, int64_t now_ms,
                           struct auth_identity *out) {
  struct belfry_error error = {0};
  char authorization[128];
  snprintf(authorization, sizeof authorization, "Bearer %s", key);
  const struct auth_credentials credentials = {.authorization = slice_of(authorization)};
  return auth_identify_cached(cache, version, monotonic_ms, history, &fixture.conf, &credentials,
                              now_ms, out, &error);
}

static void test_the_last_credential_is_known_while_nothing_changes(void **state) {
  (void)state;
  struct auth_cache cache = {0};
  struct auth_identity who;
  assert_int_equal(identify_cached(&cache, 7, 0, fixture.history, fixture.viewer, NOW_MS, &who), 0);
  assert_int_equal(identify_cached(&cache, 7, 999, NULL, fixture.viewer, NOW_MS, &who), 0);
  assert_int_equal(who.role, AUTH_ROLE_VIEWER);
  assert_string_equal(who.id, fixture.viewer_id);
  assert_int_equal(identify_cached(&cache, 7, 0, NULL, fixture.brief, NOW_MS, &who), BELFRY_EBUSY);
  assert_int_equal(who.role, AUTH_ROLE_NONE);
}

static void test_what_is_cached_ends(void **state) {
  (void)state;
  struct auth_cache cache = {0}, kept;
  struct auth_identity who;
  assert_int_equal(identify_cached(&cache, 7, 0, fixture.history, fixture.brief, NOW_MS, &who), 0);
  kept = cache;
  assert_int_equal(identify_cached(&cache, 8, 0, NULL, fixture.brief, NOW_MS, &who), BELFRY_EBUSY);
  cache = kept;
  assert_int_equal(identify_cached(&cache, 0, 0, NULL, fixture.brief, NOW_MS, &who), BELFRY_EBUSY);
  cache = kept;
  assert_int_equal(identify_cached(&cache, 7, 1000, NULL, fixture.brief, NOW_MS, &who),
                   BELFRY_EBUSY);
  cache = kept; /* the key's own end */
  assert_int_equal(
      identify_cached(&cache, 7, 0, fixture.history, fixture.brief, NOW_MS + 1000, &who),
      BELFRY_EDENIED);
}

static void test_a_deleted_key_is_not_known_from_before(void **state) {
  (void)state;
  struct auth_cache cache = {0};
  struct auth_identity who;
  struct history_batch batch;
  char key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES];
  history_batch_init(&batch, 0);
  auth_key_make(&batch, "short", AUTH_ROLE_VIEWER, "admin", NOW_MS, 0, key, id);
  store(&batch);
  assert_int_equal(identify_cached(&cache, 7, 0, fixture.history, key, NOW_MS, &who), 0);
  const struct history_value values[] = {HISTORY_VALUE_TEXT("key_id", slice_of(id)),
                                         HISTORY_VALUE_INTEGER("now", NOW_MS)};
  history_batch_mutate(&batch, SQL_API_KEY_DELETE, true, values, 2);
  store(&batch);
  history_batch_fini(&batch);
  assert_int_equal(identify_cached(&cache, 8, 0, fixture.history, key, NOW_MS, &who),
                   BELFRY_EDENIED);
}

/* Expects that who was let in as `who` may stay until `expires_ms`, or why not. */
static void check_again(const struct auth_identity *who, int64_t now_ms, int64_t expires_ms,
                        const char *why) {
  int64_t until_ms = who->expires_ms;
  const char *reason = NULL;
  struct auth_ticket ticket = auth_ticket_of(who);
  int status = auth_check_again(fixture.history, &ticket, now_ms, &until_ms, &reason);
  assert_int_equal(status, why ? BELFRY_EDENIED : 0);
  if (why)
    assert_string_equal(reason, why);
  else
    assert_int_equal(until_ms, expires_ms);
}

static void test_who_was_let_in_may_stay_until_it_ends(void **state) {
  (void)state;
  struct auth_identity by_key, by_cookie, by_other;
  struct history_batch batch;
  char key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES];
  char cookie[AUTH_COOKIE_BYTES], other[AUTH_COOKIE_BYTES], header[100], other_header[100];
  history_batch_init(&batch, 0);
  auth_key_make(&batch, "stay", AUTH_ROLE_VIEWER, "admin", NOW_MS, 0, key, id);
  struct auth_identity stay = {.kind = AUTH_KEY};
  memcpy(stay.id, id, sizeof stay.id);
  auth_sign_in_make(&batch, &stay, NOW_MS, NOW_MS + 5000, cookie);
  auth_sign_in_make(&batch, &stay, NOW_MS, NOW_MS + 5000, other);
  store(&batch);
  snprintf(header, sizeof header, "belfry-test=%s", cookie);
  snprintf(other_header, sizeof other_header, "belfry-test=%s", other);
  assert_int_equal(identify_key(key, NOW_MS, &by_key), 0);
  assert_int_equal(identify(NULL, header, NOW_MS, &by_cookie), 0);
  assert_int_equal(identify(NULL, other_header, NOW_MS, &by_other), 0);
  assert_string_equal(by_key.sign_in, "");
  assert_int_equal(strlen(by_cookie.sign_in), AUTH_SIGN_IN_BYTES - 1);
  assert_string_not_equal(by_cookie.sign_in, by_other.sign_in);

  check_again(&by_key, NOW_MS + 6000, 0, NULL);
  check_again(&by_cookie, NOW_MS + 4999, NOW_MS + 5000, NULL);
  check_again(&by_cookie, NOW_MS + 5000, 0, "expired");
  assert_memory_equal(
      auth_sign_in_extend(&batch, &fixture.conf, slice_of(header), NOW_MS + 9000).data, cookie, 43);
  store(&batch);
  check_again(&by_cookie, NOW_MS + 5000, NOW_MS + 9000, NULL);
  auth_sign_out(&batch, &fixture.conf, slice_of(header));
  store(&batch);
  check_again(&by_cookie, NOW_MS, 0, "signed_out");
  check_again(&by_other, NOW_MS, NOW_MS + 5000, NULL);
  const struct history_value values[] = {HISTORY_VALUE_TEXT("key_id", slice_of(id)),
                                         HISTORY_VALUE_INTEGER("now", NOW_MS)};
  history_batch_mutate(&batch, SQL_API_KEY_DELETE, true, values, 2);
  store(&batch);
  check_again(&by_other, NOW_MS, 0, "key_deleted");
  check_again(&by_key, NOW_MS, 0, "key_deleted");
  history_batch_fini(&batch);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_key_names_its_owner),
      cmocka_unit_test(test_wrong_keys_are_denied),
      cmocka_unit_test(test_a_key_ends),
      cmocka_unit_test(test_a_cookie_lasts_until_it_ends_or_is_ended),
      cmocka_unit_test(test_nobody_may_read_where_reading_is_open),
      cmocka_unit_test(test_without_a_history_nobody_can_be_told),
      cmocka_unit_test(test_the_last_credential_is_known_while_nothing_changes),
      cmocka_unit_test(test_what_is_cached_ends),
      cmocka_unit_test(test_a_deleted_key_is_not_known_from_before),
      cmocka_unit_test(test_who_was_let_in_may_stay_until_it_ends),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
