/* New keys and sign-ins, and the end of a sign-in, as rows for a batch. */
#include "auth/auth.h"
#include "auth/auth_priv.h"

#include <openssl/crypto.h>
#include <stdio.h>

_Static_assert(AUTH_KEY_LEN + 1 == AUTH_KEY_BYTES, "length of a key");
_Static_assert(AUTH_KEY_ID_LEN + 1 == AUTH_KEY_ID_BYTES, "length of a key id");
_Static_assert(AUTH_SECRET_LEN + 1 == AUTH_COOKIE_BYTES, "length of a cookie");

void auth_key_make(struct history_batch *batch, const char *name, enum auth_role role,
                   const char *created_by, int64_t now_ms, int64_t expires_ms,
                   char out_key[AUTH_KEY_BYTES], char out_id[AUTH_KEY_ID_BYTES]) {
  char secret[AUTH_SECRET_LEN + 1], hash[AUTH_HASH_HEX_SIZE];
  auth__secret_make(secret);
  auth__key_id_make(out_id);
  snprintf(out_key, AUTH_KEY_BYTES, AUTH_KEY_PREFIX "%s_%s", out_id, secret);
  auth__hash(slice_of(out_key), hash);
  OPENSSL_cleanse(secret, sizeof secret);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("key_id", slice_of(out_id)),
      HISTORY_VALUE_TEXT("name", slice_of(name)),
      HISTORY_VALUE_TEXT("role", slice_of(auth_role_name(role))),
      HISTORY_VALUE_TEXT("hash", slice_of(hash)),
      HISTORY_VALUE_INTEGER("created", now_ms),
      HISTORY_VALUE_TEXT("created_by", slice_of(created_by)),
      expires_ms ? HISTORY_VALUE_INTEGER("expires", expires_ms) : HISTORY_VALUE_NULL("expires"),
  };
  history_batch_mutate(batch, SQL_API_KEY_INSERT, true, values, sizeof values / sizeof *values);
}

void auth_sign_in_make(struct history_batch *batch, const char *key_id, int64_t now_ms,
                       int64_t expires_ms, char out_cookie[AUTH_COOKIE_BYTES]) {
  char hash[AUTH_HASH_HEX_SIZE];
  auth__secret_make(out_cookie);
  auth__hash(slice_of(out_cookie), hash);
  const struct history_value expire[] = {HISTORY_VALUE_INTEGER("now", now_ms)};
  history_batch_mutate(batch, SQL_SIGN_IN_EXPIRE, false, expire, 1); /* keeps the table small */
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("hash", slice_of(hash)),
      HISTORY_VALUE_TEXT("key_id", slice_of(key_id)),
      HISTORY_VALUE_INTEGER("created", now_ms),
      HISTORY_VALUE_INTEGER("expires", expires_ms),
  };
  history_batch_mutate(batch, SQL_SIGN_IN_INSERT, true, values, sizeof values / sizeof *values);
}

struct slice auth_sign_in_extend(struct history_batch *batch, const struct conf *conf,
                                 struct slice cookie, int64_t expires_ms) {
  char name[48], hash[AUTH_HASH_HEX_SIZE];
  auth_cookie_name(conf, name);
  struct slice value, shown = {0};
  while (auth__cookie_next(&cookie, name, &value)) {
    if (value.len != AUTH_SECRET_LEN)
      continue;
    auth__hash(value, hash);
    const struct history_value values[] = {HISTORY_VALUE_TEXT("hash", slice_of(hash)),
                                           HISTORY_VALUE_INTEGER("expires", expires_ms)};
    history_batch_mutate(batch, SQL_SIGN_IN_EXTEND, false, values, 2);
    if (!shown.data)
      shown = value;
  }
  return shown;
}

void auth_sign_out(struct history_batch *batch, const struct conf *conf, struct slice cookie) {
  char name[48], hash[AUTH_HASH_HEX_SIZE];
  auth_cookie_name(conf, name);
  struct slice value;
  while (auth__cookie_next(&cookie, name, &value)) {
    if (value.len != AUTH_SECRET_LEN)
      continue;
    auth__hash(value, hash);
    const struct history_value values[] = {HISTORY_VALUE_TEXT("hash", slice_of(hash))};
    history_batch_mutate(batch, SQL_SIGN_IN_DELETE, false, values, 1);
  }
}
