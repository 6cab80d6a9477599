/* lib/auth out of memory: somebody is who they are or nobody can tell now; never refused for it. */
#include "auth/auth.h"
#include "history/writer.h"
#include "tests/unit/alloc/fail_alloc.h"
#include "tests/unit/history/fixture.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000)

static char instance[] = "test";

static struct {
  char dir[64];
  struct conf conf;
  char bearer[128], basic[256], cookie[128];
} fixture;

static void store(struct history_writer *writer, struct history_batch *batch) {
  struct belfry_error error = {0};
  struct wire wire = wire_read(buf_slice(&batch->records));
  struct history_record record;
  int64_t changed;
  assert_int_equal(history_batch_status(batch), 0);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  while (!history_record_take(&wire, &record))
    if (history_writer_mutate(writer, record.mutation.statement, HISTORY_ORIGIN_FCGI,
                              record.mutation.values, record.mutation.value_count, &changed,
                              &error))
      fail_msg("%s", error.text);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static int set_up(void **state) {
  char key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES], cookie[AUTH_COOKIE_BYTES];
  char plain[80], encoded[128];
  struct history_batch batch;
  (void)state;
  fixture_make_dir(fixture.dir);
  fixture.conf.access_instance = instance;
  fixture.conf.access_read_role = 1;
  history_batch_init(&batch, 0);
  auth_key_make(&batch, "laptop", AUTH_ROLE_ADMIN, "admin", NOW_MS, 0, key, id);
  struct auth_identity of = {.kind = AUTH_KEY};
  memcpy(of.id, id, sizeof of.id);
  auth_sign_in_make(&batch, &of, NOW_MS, NOW_MS + 1000, cookie);
  struct history_writer *writer = fixture_writer(fixture.dir);
  store(writer, &batch);
  history_writer_close(writer);
  history_batch_fini(&batch);
  snprintf(fixture.bearer, sizeof fixture.bearer, "Bearer %s", key);
  int len = snprintf(plain, sizeof plain, "me:%s", key);
  EVP_EncodeBlock((unsigned char *)encoded, (unsigned char *)plain, len);
  snprintf(fixture.basic, sizeof fixture.basic, "Basic %s", encoded);
  snprintf(fixture.cookie, sizeof fixture.cookie, "a=b; belfry-test=%s", cookie);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  fixture_remove_dir(fixture.dir);
  return 0;
}

static int identify(const void *arg) {
  struct history *history = fixture_reader(fixture.dir);
  struct auth_identity who;
  struct belfry_error error = {0};
  fail_alloc_begin();
  int status = auth_identify(history, &fixture.conf, arg, NOW_MS, &who, &error);
  fail_alloc_end();
  assert_int_equal(status, error.code);
  assert_int_equal(who.role, status ? AUTH_ROLE_NONE : AUTH_ROLE_ADMIN);
  error = (struct belfry_error){0};
  assert_int_equal(auth_identify(history, &fixture.conf, arg, NOW_MS, &who, &error), 0);
  assert_string_equal(who.name, "laptop");
  history_close(history);
  return status;
}

static int make(const void *arg) {
  char key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES], cookie[AUTH_COOKIE_BYTES];
  struct history_batch batch;
  (void)arg;
  history_batch_init(&batch, 0);
  fail_alloc_begin();
  auth_key_make(&batch, "laptop", AUTH_ROLE_ADMIN, "admin", NOW_MS, 0, key, id);
  struct auth_identity of = {.kind = AUTH_KEY};
  memcpy(of.id, id, sizeof of.id);
  auth_sign_in_make(&batch, &of, NOW_MS, NOW_MS + 1000, cookie);
  auth_sign_out(&batch, &fixture.conf, slice_of(fixture.cookie));
  fail_alloc_end();
  int status = history_batch_status(&batch);
  if (!status)
    assert_int_equal(history_batch_count(&batch), 4);
  history_batch_fini(&batch);
  return status;
}

static void test_identify(void **state) {
  (void)state;
  struct auth_credentials bearer = {.authorization = slice_of(fixture.bearer)};
  struct auth_credentials basic = {.authorization = slice_of(fixture.basic)};
  struct auth_credentials cookie = {.cookie = slice_of(fixture.cookie)};
  fail_alloc_each("a key", identify, &bearer);
  fail_alloc_each("a key as a password", identify, &basic);
  fail_alloc_each("a cookie", identify, &cookie);
}

static void test_make(void **state) {
  (void)state;
  fail_alloc_each("a new key and a sign-in", make, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_identify),
      cmocka_unit_test(test_make),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
