/* Who is asking: by key, by cookie, or nobody in particular. */
#include "auth/auth.h"
#include "auth/auth_priv.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <strings.h>

#define COOKIES_TRIED_MAX 4 /* of one name: a browser sends one for each path that fits */

/* The choices of access.read_role. */
enum { READ_ROLE_NONE = 0, READ_ROLE_VIEWER = 1 };

void auth_cookie_name(const struct conf *conf, char out[48]) {
  snprintf(out, 48, "belfry-%s", conf->access_instance ? conf->access_instance : "");
}

static void copy_text(struct slice from, char *out, size_t size) {
  snprintf(out, size, "%.*s", SLICE_ARG(from));
}

/* What is being looked up, and what was found. */
struct lookup {
  struct slice hash; /* of the key that is shown; empty for a sign-in, which is found by its hash */
  int64_t now_ms;
  bool found;
  struct auth_identity *identity;
};

static int take_identity(struct lookup *lookup, const struct history_value *key_id,
                         const struct history_value *name, const struct history_value *role,
                         const struct history_value *expires) {
  struct auth_identity *identity = lookup->identity;
  int64_t expires_ms = expires->kind == HISTORY_INTEGER ? expires->integer : 0;
  enum auth_role parsed;
  if ((expires_ms && expires_ms <= lookup->now_ms) || auth_role_parse(role->text, &parsed))
    return 0;
  identity->role = parsed;
  identity->expires_ms = expires_ms;
  copy_text(name->text, identity->name, sizeof identity->name);
  copy_text(key_id->text, identity->key_id, sizeof identity->key_id);
  lookup->found = true;
  return 0;
}

/* Columns: key_id, name, role, hash, expires. */
static int on_key(void *arg, const struct history_value *values, size_t count) {
  struct lookup *lookup = arg;
  if (count != 5 || !auth__hash_equal(values[3].text, lookup->hash))
    return 0;
  return take_identity(lookup, &values[0], &values[1], &values[2], &values[4]);
}

/* Columns: key_id, name, role, expires. */
static int on_sign_in(void *arg, const struct history_value *values, size_t count) {
  struct lookup *lookup = arg;
  if (count != 4)
    return 0;
  lookup->identity->by_cookie = true;
  return take_identity(lookup, &values[0], &values[1], &values[2], &values[3]);
}

static int need_history(struct history *history, struct belfry_error *error) {
  return history ? 0 : belfry_error_set(error, BELFRY_EBUSY, "the history cannot be read yet");
}

static int identify_key(struct history *history, struct slice key, struct lookup *lookup,
                        struct belfry_error *error) {
  struct slice key_id;
  if (!auth__key_shape(key, &key_id))
    return belfry_error_set(error, BELFRY_EDENIED, "the credential is not an API key (bfy_...)");
  int status = need_history(history, error);
  if (status)
    return status;
  char hash[AUTH_HASH_HEX_SIZE];
  auth__hash(key, hash);
  lookup->hash = slice_of(hash);
  const struct history_value params[] = {HISTORY_VALUE_TEXT("key_id", key_id)};
  status = history_read(history, SQL_API_KEY_FIND, params, 1, on_key, lookup, error);
  lookup->hash = slice_new(NULL, 0);
  if (status)
    return status;
  return lookup->found ? 0
                       : belfry_error_set(error, BELFRY_EDENIED,
                                          "the API key is unknown, deleted or expired");
}

/* A cookie that has run out is no credential: a browser cannot help sending it. */
static int identify_cookie(struct history *history, const struct conf *conf, struct slice cookie,
                           struct lookup *lookup, struct belfry_error *error) {
  char name[48], hash[AUTH_HASH_HEX_SIZE];
  auth_cookie_name(conf, name);
  struct slice value;
  int tried = 0;
  while (!lookup->found && tried < COOKIES_TRIED_MAX && auth__cookie_next(&cookie, name, &value)) {
    if (value.len != AUTH_SECRET_LEN)
      continue;
    tried++;
    int status = need_history(history, error);
    if (status)
      return status;
    auth__hash(value, hash);
    const struct history_value params[] = {HISTORY_VALUE_TEXT("hash", slice_of(hash))};
    status = history_read(history, SQL_SIGN_IN_FIND, params, 1, on_sign_in, lookup, error);
    if (status)
      return status;
    if (lookup->found)
      copy_text(slice_new(hash, AUTH_SIGN_IN_BYTES - 1), lookup->identity->sign_in,
                AUTH_SIGN_IN_BYTES);
  }
  return 0;
}

static bool take_scheme(struct slice *text, const char *scheme) {
  size_t len = strlen(scheme);
  if (text->len <= len || strncasecmp(text->data, scheme, len) != 0 || text->data[len] != ' ')
    return false;
  *text = slice_trim(slice_new(text->data + len, text->len - len));
  return true;
}

static int identify_basic(struct history *history, struct slice encoded, struct lookup *lookup,
                          struct belfry_error *error) {
  char text[256];
  int len = auth__base64_decode(encoded, text, sizeof text);
  if (len < 0)
    return belfry_error_set(error, BELFRY_EDENIED,
                            "the Basic credential is not base64 or too long");
  struct slice password = slice_new(text, (size_t)len), user;
  if (!slice_split(&password, ':', &user) || !password.data)
    return belfry_error_set(error, BELFRY_EDENIED,
                            "the Basic credential has no password; it must be an API key");
  int status = identify_key(history, password, lookup, error);
  OPENSSL_cleanse(text, sizeof text);
  return status;
}

int auth_identify(struct history *history, const struct conf *conf,
                  const struct auth_credentials *credentials, int64_t now_ms,
                  struct auth_identity *out, struct belfry_error *error) {
  *out = (struct auth_identity){.role = AUTH_ROLE_NONE};
  struct lookup lookup = {.now_ms = now_ms, .identity = out};
  int status = 0;
  if (credentials->authorization.data) {
    struct slice value = slice_trim(credentials->authorization);
    if (take_scheme(&value, "Bearer"))
      status = identify_key(history, value, &lookup, error);
    else if (take_scheme(&value, "Basic"))
      status = identify_basic(history, value, &lookup, error);
    else
      status = belfry_error_set(error, BELFRY_EDENIED,
                                "the Authorization header is neither Bearer nor Basic");
  } else if (credentials->cookie.data) {
    status = identify_cookie(history, conf, credentials->cookie, &lookup, error);
  }
  if (status || !lookup.found) {
    *out = (struct auth_identity){.role = AUTH_ROLE_NONE};
    if (!status && conf->access_read_role == READ_ROLE_NONE)
      out->role = AUTH_ROLE_VIEWER; /* reading needs no role: everybody may */
  }
  return status;
}

struct again {
  bool found;
  int64_t expires_ms;
};

/* The last column is when it expires. */
static int on_again(void *arg, const struct history_value *values, size_t count) {
  struct again *again = arg;
  const struct history_value *expires = &values[count - 1];
  again->found = true;
  again->expires_ms = expires->kind == HISTORY_INTEGER ? expires->integer : 0;
  return 0;
}

int auth_check_again(struct history *history, const char *key_id, const char *sign_in,
                     int64_t now_ms, int64_t *expires_ms, const char **why) {
  struct again key = {0}, entry = {0};
  const struct history_value by_key[] = {HISTORY_VALUE_TEXT("key_id", slice_of(key_id))};
  const struct history_value by_hash[] = {HISTORY_VALUE_TEXT("start", slice_of(sign_in))};
  if (!history)
    return BELFRY_EBUSY;
  int status = history_read(history, SQL_API_KEY_FIND, by_key, 1, on_again, &key, NULL);
  if (!status && key.found && sign_in[0])
    status = history_read(history, SQL_SIGN_IN_CHECK, by_hash, 1, on_again, &entry, NULL);
  if (status)
    return status;
  *why = NULL;
  *expires_ms = sign_in[0] ? entry.expires_ms : key.expires_ms;
  if (!key.found)
    *why = "key_deleted";
  else if (sign_in[0] && !entry.found)
    *why = "signed_out";
  else if (*expires_ms && *expires_ms <= now_ms)
    *why = "expired";
  return *why ? BELFRY_EDENIED : BELFRY_OK;
}
