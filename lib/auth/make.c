/* New keys and sign-ins, and the end of a sign-in, as rows for a batch. */
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "base/fd.h"

#include <openssl/crypto.h>
#include <stdio.h>

_Static_assert(AUTH_KEY_LEN + 1 == AUTH_KEY_BYTES, "length of a key");
_Static_assert(AUTH_KEY_ID_LEN + 1 == AUTH_KEY_ID_BYTES, "length of a key id");
_Static_assert(AUTH_SECRET_LEN + 1 == AUTH_COOKIE_BYTES, "length of a cookie");

/* A secret for the key `id`, and what is stored of it. */
static void make_key(const char *id, char out_key[AUTH_KEY_BYTES], char hash[AUTH_HASH_HEX_SIZE]) {
  char secret[AUTH_SECRET_LEN + 1];
  auth__secret_make(secret);
  snprintf(out_key, AUTH_KEY_BYTES, AUTH_KEY_PREFIX "%s_%s", id, secret);
  auth__hash(slice_of(out_key), hash);
  OPENSSL_cleanse(secret, sizeof secret);
}

void auth_key_make(struct history_batch *batch, const char *name, enum auth_role role,
                   const char *created_by, int64_t now_ms, int64_t expires_ms,
                   char out_key[AUTH_KEY_BYTES], char out_id[AUTH_KEY_ID_BYTES]) {
  char hash[AUTH_HASH_HEX_SIZE];
  auth__key_id_make(out_id);
  make_key(out_id, out_key, hash);
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

void auth_key_rotate(struct history_batch *batch, const char *id, int64_t previous_until_ms,
                     char out_key[AUTH_KEY_BYTES]) {
  char hash[AUTH_HASH_HEX_SIZE];
  make_key(id, out_key, hash);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("key_id", slice_of(id)),
      HISTORY_VALUE_TEXT("hash", slice_of(hash)),
      HISTORY_VALUE_INTEGER("previous_until", previous_until_ms),
  };
  history_batch_mutate(batch, SQL_API_KEY_ROTATE, true, values, 3);
}

void auth_user_id_make(char out_id[AUTH_KEY_ID_BYTES]) {
  unsigned char random;
  auth__key_id_make(out_id);
  fd_random(&random, sizeof random);
  out_id[0] = (char)('0' + (random & 7));
}

void auth_sign_in_make(struct history_batch *batch, const struct auth_identity *identity,
                       int64_t now_ms, int64_t expires_ms, char out_cookie[AUTH_COOKIE_BYTES]) {
  bool by_proxy = identity->kind == AUTH_PROXY;
  char hash[AUTH_HASH_HEX_SIZE];
  auth__secret_make(out_cookie);
  auth__hash(slice_of(out_cookie), hash);
  const struct history_value expire[] = {HISTORY_VALUE_INTEGER("now", now_ms)};
  history_batch_mutate(batch, SQL_SIGN_IN_EXPIRE, false, expire, 1); /* keeps the table small */
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("hash", slice_of(hash)),
      HISTORY_VALUE_TEXT("key_id", slice_of(identity->kind == AUTH_KEY ? identity->id : "")),
      HISTORY_VALUE_TEXT("user_id", slice_of(identity->kind == AUTH_USER ? identity->id : "")),
      HISTORY_VALUE_TEXT("proxy_name", slice_of(by_proxy ? identity->name : "")),
      HISTORY_VALUE_TEXT("proxy_role", slice_of(by_proxy ? auth_role_name(identity->role) : "")),
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

void auth_sign_out_user(struct history_batch *batch, const char *user_id, const char *keep) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("user_id", slice_of(user_id)),
                                         HISTORY_VALUE_TEXT("keep", slice_of(keep))};
  history_batch_mutate(batch, SQL_SIGN_IN_DELETE_OF_USER, false, values, 2);
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
