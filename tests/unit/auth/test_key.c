/* lib/auth: a new key as it is stored. */
#include "auth/auth.h"
#include "auth/auth_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_key_is_stored_as_its_hash_only(void **state) {
  (void)state;
  struct history_batch batch;
  char key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES], hash[AUTH_HASH_HEX_SIZE];
  struct slice found_id;
  history_batch_init(&batch, 0);
  auth_key_make(&batch, "laptop", AUTH_ROLE_INGEST, "admin", 1000, 0, key, id);
  assert_int_equal(history_batch_status(&batch), 0);
  assert_int_equal(batch.mutation_count, 1);
  assert_true(auth__key_shape(slice_of(key), &found_id));
  assert_true(slice_is(found_id, id));
  auth__hash(slice_of(key), hash);
  struct buf *records = &batch.records;
  assert_non_null(memmem(records->data, records->len, hash, strlen(hash)));
  assert_null(memmem(records->data, records->len, key, strlen(key)));
  assert_null(memmem(records->data, records->len, key + 17, strlen(key + 17)));
  history_batch_fini(&batch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_key_is_stored_as_its_hash_only)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
