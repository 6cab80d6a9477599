/* Who is asking: by key, cookie, JWT or password, by the word of a proxy, or nobody in particular.
 */
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "auth/jwt.h"

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
  struct slice hash; /* of the key that is shown */
  int64_t now_ms;
  bool found;
  struct auth_identity *identity;
};

static int64_t integer_of(const struct history_value *value) {
  return value->kind == HISTORY_INTEGER ? value->integer : 0;
}

static void take_identity(struct lookup *lookup, enum auth_kind kind,
                          const struct history_value *id, const struct history_value *name,
                          const struct history_value *role, int64_t expires_ms, int64_t used_ms) {
  struct auth_identity *identity = lookup->identity;
  enum auth_role parsed;
  if ((expires_ms && expires_ms <= lookup->now_ms) || auth_role_parse(role->text, &parsed))
    return;
  identity->role = parsed;
  identity->kind = kind;
  identity->expires_ms = expires_ms;
  identity->used_ms = used_ms;
  copy_text(name->text, identity->name, sizeof identity->name);
  copy_text(id->text, identity->id, sizeof identity->id);
  lookup->found = true;
}

/* Columns: key_id, name, role, hash, expires, previous_hash, previous_until, used. */
static int on_key(void *arg, const struct history_value *values, size_t count) {
  struct lookup *lookup = arg;
  if (count != 8)
    return BELFRY_ECORRUPT;
  int64_t expires_ms = integer_of(&values[4]), previous_until_ms = integer_of(&values[6]);
  if (!auth__hash_equal(values[3].text, lookup->hash)) {
    if (previous_until_ms <= lookup->now_ms || !auth__hash_equal(values[5].text, lookup->hash))
      return 0;
    if (!expires_ms || expires_ms > previous_until_ms)
      expires_ms = previous_until_ms;
  }
  take_identity(lookup, AUTH_KEY, &values[0], &values[1], &values[2], expires_ms,
                integer_of(&values[7]));
  return 0;
}

/* Columns: id, name, role, expires, kind, used. */
static int on_sign_in(void *arg, const struct history_value *values, size_t count) {
  struct lookup *lookup = arg;
  if (count != 6)
    return BELFRY_ECORRUPT;
  enum auth_kind kind = slice_is(values[4].text, "key")    ? AUTH_KEY
                        : slice_is(values[4].text, "user") ? AUTH_USER
                                                           : AUTH_PROXY;
  lookup->identity->by_cookie = true;
  take_identity(lookup, kind, &values[0], &values[1], &values[2], integer_of(&values[3]),
                integer_of(&values[5]));
  return 0;
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
    const struct history_value params[] = {HISTORY_VALUE_TEXT("start", slice_of(hash))};
    status = history_read(history, SQL_SIGN_IN_FIND, params, 1, on_sign_in, lookup, error);
    if (status)
      return status;
    if (lookup->found && lookup->identity->kind == AUTH_PROXY && !conf->access_remote_user)
      lookup->found = false; /* the proxy is not believed any more */
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

static int identify_password(struct history *history, const struct auth_credentials *credentials,
                             struct slice user, struct slice password, struct lookup *lookup,
                             struct belfry_error *error) {
  if (!credentials->password)
    return belfry_error_set(error, BELFRY_EDENIED,
                            "passwords are not taken here; sign in first (POST /api/login), or "
                            "send an API key");
  int status = need_history(history, error);
  if (!status)
    status = credentials->password(credentials->password_arg, history, user, password,
                                   lookup->now_ms, lookup->identity, error);
  lookup->found = status == BELFRY_OK;
  return status;
}

static int identify_basic(struct history *history, const struct auth_credentials *credentials,
                          struct slice encoded, struct lookup *lookup, struct belfry_error *error) {
  char text[AUTH_NAME_BYTES + PASSWORD_MAX_BYTES + 3];
  int len = auth__base64_decode(encoded, text, sizeof text);
  if (len < 0)
    return belfry_error_set(error, BELFRY_EDENIED,
                            "the Basic credential is not base64 or too long");
  struct slice password = slice_new(text, (size_t)len), user;
  int status;
  if (!slice_split(&password, ':', &user) || !password.data)
    status = belfry_error_set(error, BELFRY_EDENIED,
                              "the Basic credential has no password; it must be a user's, or an "
                              "API key");
  else if (slice_starts_with(password, AUTH_KEY_PREFIX))
    status = identify_key(history, password, lookup, error);
  else
    status = identify_password(history, credentials, user, password, lookup, error);
  OPENSSL_cleanse(text, sizeof text);
  return status;
}

static int identify_bearer(struct history *history, const struct auth_credentials *credentials,
                           struct slice value, struct lookup *lookup, struct belfry_error *error) {
  if (!credentials->jwt || !auth__jwt_shape(value))
    return identify_key(history, value, lookup, error);
  int status = auth_jwt_check(credentials->jwt, value, lookup->now_ms, lookup->identity, error);
  lookup->found = status == BELFRY_OK;
  return status;
}

static int identify_authorization(struct history *history,
                                  const struct auth_credentials *credentials, struct lookup *lookup,
                                  struct belfry_error *error) {
  struct slice value = slice_trim(credentials->authorization);
  if (take_scheme(&value, "Bearer"))
    return identify_bearer(history, credentials, value, lookup, error);
  if (take_scheme(&value, "Basic"))
    return identify_basic(history, credentials, value, lookup, error);
  return belfry_error_set(error, BELFRY_EDENIED,
                          "the Authorization header is neither Bearer nor Basic");
}

/* A role that does not come is viewer; one that is misspelt must not quietly be that. */
static int identify_proxy(const struct auth_credentials *credentials, struct lookup *lookup,
                          struct belfry_error *error) {
  struct auth_identity *identity = lookup->identity;
  if (!auth_name_is_fit(credentials->remote_user))
    return belfry_error_set(error, BELFRY_EDENIED,
                            "the proxy's REMOTE_USER is longer than %d bytes or no plain text",
                            AUTH_NAME_BYTES - 1);
  identity->role = AUTH_ROLE_VIEWER;
  if (credentials->remote_role.len > 0 &&
      auth_role_parse(credentials->remote_role, &identity->role))
    return belfry_error_set(error, BELFRY_EDENIED,
                            "the proxy's BELFRY_ROLE is no role: it must be viewer, operator, "
                            "admin, ingest, scrape, or absent for viewer");
  identity->kind = AUTH_PROXY;
  copy_text(credentials->remote_user, identity->name, sizeof identity->name);
  lookup->found = true;
  return BELFRY_OK;
}

static bool is_basic(struct slice authorization) {
  struct slice value = slice_trim(authorization);
  return take_scheme(&value, "Basic");
}

/* Where a proxy signs people in, a Basic credential was for the proxy. */
static bool proxy_speaks(const struct conf *conf, const struct auth_credentials *credentials) {
  return conf->access_remote_user && credentials->remote_user.len > 0 &&
         (!credentials->authorization.data || is_basic(credentials->authorization));
}

/* The same where the proxy cannot say whom it has signed in: they show the cookie that they got. */
static bool cookie_speaks(const struct conf *conf, const struct auth_credentials *credentials) {
  return credentials->cookie.data &&
         (!credentials->authorization.data || (conf->access_remote_user && !credentials->password &&
                                               is_basic(credentials->authorization)));
}

int auth_identify(struct history *history, const struct conf *conf,
                  const struct auth_credentials *credentials, int64_t now_ms,
                  struct auth_identity *out, struct belfry_error *error) {
  *out = (struct auth_identity){.role = AUTH_ROLE_NONE};
  struct lookup lookup = {.now_ms = now_ms, .identity = out};
  int status = 0;
  if (proxy_speaks(conf, credentials))
    status = identify_proxy(credentials, &lookup, error);
  else if (cookie_speaks(conf, credentials))
    status = identify_cookie(history, conf, credentials->cookie, &lookup, error);
  else if (credentials->authorization.data)
    status = identify_authorization(history, credentials, &lookup, error);
  if (status || !lookup.found) {
    *out = (struct auth_identity){.role = AUTH_ROLE_NONE};
    if (!status && conf->access_read_role == READ_ROLE_NONE)
      out->role = AUTH_ROLE_VIEWER; /* reading needs no role: everybody may */
  }
  return status;
}

/* --- looking again ------------------------------------------------------------------------------
 */

struct auth_ticket auth_ticket_of(const struct auth_identity *identity) {
  struct auth_ticket ticket = {.kind = (uint8_t)identity->kind, .role = (uint8_t)identity->role};
  memcpy(ticket.id, identity->id, sizeof ticket.id);
  memcpy(ticket.sign_in, identity->sign_in, sizeof ticket.sign_in);
  return ticket;
}

struct again {
  bool found;
  enum auth_role role;
  int64_t expires_ms;
};

/* Columns: key_id, name, role, hash, expires, ... */
static int on_key_again(void *arg, const struct history_value *values, size_t count) {
  struct again *again = arg;
  if (count < 5 || auth_role_parse(values[2].text, &again->role))
    return BELFRY_ECORRUPT;
  again->found = true;
  again->expires_ms = integer_of(&values[4]);
  return 0;
}

/* Columns: id, name, role, expires, ... */
static int on_sign_in_again(void *arg, const struct history_value *values, size_t count) {
  struct again *again = arg;
  if (count < 4 || auth_role_parse(values[2].text, &again->role))
    return BELFRY_ECORRUPT;
  again->found = true;
  again->expires_ms = integer_of(&values[3]);
  return 0;
}

/* Whether the key or user is still there, where there is one. */
static int owner_is_there(struct history *history, const struct auth_ticket *ticket, bool *there,
                          struct again *again) {
  const struct history_value key[] = {HISTORY_VALUE_TEXT("key_id", slice_of(ticket->id))};
  struct auth_user user;
  *there = true;
  if (ticket->kind == AUTH_KEY) {
    int status = history_read(history, SQL_API_KEY_FIND, key, 1, on_key_again, again, NULL);
    *there = again->found;
    return status;
  }
  if (ticket->kind != AUTH_USER)
    return BELFRY_OK;
  int status = auth_user_find(history, slice_of(ticket->id), &user, NULL);
  *there = user.found && !user.disabled;
  again->role = user.identity.role;
  OPENSSL_cleanse(&user, sizeof user);
  return status;
}

int auth_check_again(struct history *history, const struct auth_ticket *ticket, int64_t now_ms,
                     int64_t *expires_ms, const char **why) {
  struct again again = {.role = (enum auth_role)ticket->role, .expires_ms = *expires_ms};
  const struct history_value by_hash[] = {HISTORY_VALUE_TEXT("start", slice_of(ticket->sign_in))};
  bool there;
  *why = NULL;
  if (!history && ticket->kind != AUTH_JWT)
    return BELFRY_EBUSY;
  int status = owner_is_there(history, ticket, &there, &again);
  if (!status && there && ticket->sign_in[0]) {
    again.found = false;
    status = history_read(history, SQL_SIGN_IN_FIND, by_hash, 1, on_sign_in_again, &again, NULL);
  }
  if (status)
    return status;
  *expires_ms = again.expires_ms;
  if (!there)
    *why = ticket->kind == AUTH_KEY ? "key_deleted" : "user_deleted";
  else if (ticket->sign_in[0] && !again.found)
    *why = "signed_out";
  else if (*expires_ms && *expires_ms <= now_ms)
    *why = "expired";
  else if (again.role != (enum auth_role)ticket->role)
    *why = "role_changed";
  return *why ? BELFRY_EDENIED : BELFRY_OK;
}
