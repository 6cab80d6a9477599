/*
 * Who may do what: roles, API keys, users with passwords, sign-ins by cookie, JWTs, what a trusted
 * proxy says, the check of the Origin. Reads the history; what has to be written (a new key, a
 * sign-in) is put into a batch for the caller to append.
 *
 * A key is "bfy_" + key id (12 characters) + "_" + secret (43 characters, 256 bits, base64url).
 * Stored is its SHA-256: a secret that cannot be guessed needs no slow hash. A password does
 * (password.h).
 */
#ifndef BELFRY_AUTH_AUTH_H
#define BELFRY_AUTH_AUTH_H

#include "auth/password.h"
#include "base/error.h"
#include "base/slice.h"
#include "conf/conf.h"
#include "history/append.h"
#include "history/query.h"

#include <stdbool.h>
#include <stdint.h>

/* viewer < operator < admin; ingest and scrape stand apart; admin includes all. */
enum auth_role {
  AUTH_ROLE_NONE = 0, /* nobody in particular */
  AUTH_ROLE_VIEWER = 1,
  AUTH_ROLE_OPERATOR = 2,
  AUTH_ROLE_ADMIN = 3,
  AUTH_ROLE_INGEST = 4,
  AUTH_ROLE_SCRAPE = 5,
};

const char *auth_role_name(enum auth_role role);
int auth_role_parse(struct slice name, enum auth_role *out) BELFRY_MUST_CHECK;

/* Whether somebody with the role `has` may do what needs `needed` (AUTH_ROLE_NONE: everybody may).
 */
bool auth_role_allows(enum auth_role has, enum auth_role needed);

#define AUTH_KEY_ID_BYTES  13 /* 12 and a NUL */
#define AUTH_KEY_BYTES     61 /* 4 + 12 + 1 + 43 and a NUL */
#define AUTH_COOKIE_BYTES  44 /* 43 and a NUL */
#define AUTH_NAME_BYTES    65

#define AUTH_SIGN_IN_BYTES 17 /* 16 of the stored hash's digits and a NUL */

/* What somebody is known by; a sign-in by cookie is of one of them, too. */
enum auth_kind {
  AUTH_NOBODY, /* in particular */
  AUTH_KEY,
  AUTH_USER,
  AUTH_JWT,
  AUTH_PROXY, /* a trusted proxy says who it is */
};

struct auth_identity {
  enum auth_role role;
  enum auth_kind kind;
  char name[AUTH_NAME_BYTES]; /* the key's or user's; "" for nobody in particular */
  char id[AUTH_KEY_ID_BYTES]; /* of the key or user; "" for others */
  bool by_cookie; /* signed in by cookie: unsafe requests must come from our own pages */
  char sign_in[AUTH_SIGN_IN_BYTES]; /* which sign-in, for auth_check_again(); "" without one */
  int64_t expires_ms;               /* 0: never */
  int64_t used_ms; /* when the key or user was last seen, as the history knows it; 0: never */
};

struct auth_jwt;

/*
 * Finds out whether a password is right, which takes long and has to be bounded by who is asked.
 * Returns: 0 with `out` filled (struct auth_user has it); BELFRY_EDENIED; another error when it
 * cannot be told now.
 */
typedef int (*auth_password_fn)(void *arg, struct history *history, struct slice user,
                                struct slice password, int64_t now_ms, struct auth_identity *out,
                                struct belfry_error *error);

/* What a request shows. Absent ones have NULL data. Borrowed. */
struct auth_credentials {
  struct slice authorization; /* "Bearer KEY" or "Bearer JWT"; Basic with user and password, or with
                                 the key as the password */
  struct slice cookie;        /* the whole Cookie header */
  struct slice remote_user, remote_role; /* by ways that only the proxy has, never from a header */
  const struct auth_jwt *jwt;            /* how JWTs are checked; NULL: none is taken */
  auth_password_fn password;             /* NULL: passwords are not taken here */
  void *password_arg;
};

/*
 * Finds out who is asking. No credential at all is nobody in particular, who may read when
 * access.read_role is `none` (their role is then viewer, else none); so is a cookie that has run
 * out, because a browser cannot help sending it. `history` may be NULL while there is none yet.
 * Returns: 0; BELFRY_EDENIED for an Authorization that is wrong, expired or malformed (401);
 * BELFRY_EBUSY or another error when the history cannot be read now (503).
 */
int auth_identify(struct history *history, const struct conf *conf,
                  const struct auth_credentials *credentials, int64_t now_ms,
                  struct auth_identity *out, struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * The last credential that was found good, so that a client that asks often is not looked up each
 * time. It is good only while no key, user or sign-in was changed (a deleted key ends at once), and
 * for a second at most (in which a history that was replaced is noticed). Zero it before the first
 * use, and whenever the history is opened anew.
 */
struct auth_cache {
  uint64_t version; /* of keys, users and sign-ins; 0: empty */
  int64_t made_ms;  /* monotonic */
  char hash[65];    /* of the credentials */
  struct auth_identity identity;
};

/* As auth_identify. `version` is another number after each change of keys, users or sign-ins, 0
 * when unknown; `monotonic_ms` tells the cache's age. */
int auth_identify_cached(struct auth_cache *cache, uint64_t version, int64_t monotonic_ms,
                         struct history *history, const struct conf *conf,
                         const struct auth_credentials *credentials, int64_t now_ms,
                         struct auth_identity *out, struct belfry_error *error) BELFRY_MUST_CHECK;

/* A user as the history knows it. */
struct auth_user {
  bool found, disabled;
  struct auth_identity identity;      /* as one who has shown the password */
  char password[PASSWORD_HASH_BYTES]; /* as it is stored: not for logs or answers */
};

/* Finds a user by id or by name. Returns: 0, also when there is none. */
int auth_user_find(struct history *history, struct slice user, struct auth_user *out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* Whether a text may be a user's name: letters, digits and ._@-, at most 64, a letter first. */
bool auth_user_name_is_fit(struct slice name);

/* Whether it may be that of a key, or of somebody whom a proxy or a JWT names: 1 to 64 bytes of
 * UTF-8 without control characters. */
bool auth_name_is_fit(struct slice name);

/* A number that nobody can foresee who does not know `key`: SHA-256 of the key and the texts, each
 * with its length, cut to 64 bits. */
uint64_t auth_keyed_hash(const unsigned char *key, size_t key_bytes, const struct slice *texts,
                         size_t count);

/* What is kept of an identity to look at it again. */
struct auth_ticket {
  uint8_t kind, role; /* enum auth_kind, enum auth_role */
  char id[AUTH_KEY_ID_BYTES];
  char sign_in[AUTH_SIGN_IN_BYTES];
};

struct auth_ticket auth_ticket_of(const struct auth_identity *identity);

/*
 * Whether a connection that was let in with `ticket` may stay. `*expires_ms` is what is known of
 * its end. Returns: 0 with `*expires_ms` as it is now (0: never; a sign-in that is used lasts on);
 * BELFRY_EDENIED with `*why` such as "key_deleted"; another error when the history cannot be read
 * now, which says nothing about the credential.
 */
int auth_check_again(struct history *history, const struct auth_ticket *ticket, int64_t now_ms,
                     int64_t *expires_ms, const char **why) BELFRY_MUST_CHECK;

/* The name of the session cookie: "belfry-" and access.instance. */
void auth_cookie_name(const struct conf *conf, char out[48]);

/*
 * Whether a page of `origin` (the Origin header) may act on the site that was asked for as `host`
 * (the Host header, with its port). A request without an Origin is not from a page of another site
 * and is fine.
 */
bool auth_origin_allowed(struct slice origin, struct slice host);

/* Makes a key and puts its row into the batch. `out_key` is shown once and never stored.
 * `expires_ms` 0: never. */
void auth_key_make(struct history_batch *batch, const char *name, enum auth_role role,
                   const char *created_by, int64_t now_ms, int64_t expires_ms,
                   char out_key[AUTH_KEY_BYTES], char out_id[AUTH_KEY_ID_BYTES]);

/* Puts a new secret of the key `id` into the batch; the one before is good until
 * `previous_until_ms` too. */
void auth_key_rotate(struct history_batch *batch, const char *id, int64_t previous_until_ms,
                     char out_key[AUTH_KEY_BYTES]);

/* Makes an id for a user, which begins with a digit. */
void auth_user_id_make(char out_id[AUTH_KEY_ID_BYTES]);

/* Makes a sign-in of a key, a user, or somebody whom the proxy vouched for, and puts its row into
 * the batch. `out_cookie` is the cookie's value. */
void auth_sign_in_make(struct history_batch *batch, const struct auth_identity *identity,
                       int64_t now_ms, int64_t expires_ms, char out_cookie[AUTH_COOKIE_BYTES]);

/*
 * Puts a later end of the sign-in that the Cookie header shows into the batch.
 * Returns: the cookie's value, borrowed from `cookie`; NULL data when it shows none.
 */
struct slice auth_sign_in_extend(struct history_batch *batch, const struct conf *conf,
                                 struct slice cookie, int64_t expires_ms);

/* Puts the end of a user's sign-ins into the batch; the one that `keep` names stays ("": none). */
void auth_sign_out_user(struct history_batch *batch, const char *user_id, const char *keep);

/* Puts the end of the sign-in that the Cookie header shows, if it shows one, into the batch. */
void auth_sign_out(struct history_batch *batch, const struct conf *conf, struct slice cookie);

#endif
