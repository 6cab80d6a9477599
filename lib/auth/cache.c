/* The credential that was shown last, for as long as it surely is what it was. */
#include "auth/auth.h"
#include "auth/auth_priv.h"

#define CACHE_AGE_MAX_MS 1000
#define CREDENTIAL_MAX   ((size_t)4096) /* longer ones are looked up each time */

_Static_assert(sizeof((struct auth_cache *)0)->hash == AUTH_HASH_HEX_SIZE,
               "a SHA-256 in hexadecimal");

/* One text for both headers; neither can hold a line break, so nothing else makes the same. */
static bool hash_credentials(const struct auth_credentials *credentials,
                             char hash[AUTH_HASH_HEX_SIZE]) {
  char text[CREDENTIAL_MAX + 1];
  struct slice authorization = credentials->authorization, cookie = credentials->cookie;
  if (credentials->remote_user.len > 0)
    return false;
  if (authorization.len + cookie.len > CREDENTIAL_MAX || authorization.len + cookie.len == 0)
    return false;
  if (authorization.len)
    memcpy(text, authorization.data, authorization.len);
  text[authorization.len] = '\n';
  if (cookie.len)
    memcpy(text + authorization.len + 1, cookie.data, cookie.len);
  auth__hash(slice_new(text, authorization.len + 1 + cookie.len), hash);
  return true;
}

int auth_identify_cached(struct auth_cache *cache, uint64_t version, int64_t monotonic_ms,
                         struct history *history, const struct conf *conf,
                         const struct auth_credentials *credentials, int64_t now_ms,
                         struct auth_identity *out, struct belfry_error *error) {
  char hash[AUTH_HASH_HEX_SIZE];
  bool hashed = version && hash_credentials(credentials, hash);
  if (hashed && cache->version == version && monotonic_ms - cache->made_ms < CACHE_AGE_MAX_MS &&
      auth__hash_equal(slice_of(hash), slice_of(cache->hash)) &&
      (cache->identity.expires_ms == 0 || cache->identity.expires_ms > now_ms)) {
    *out = cache->identity;
    return BELFRY_OK;
  }
  cache->version = 0;
  int status = auth_identify(history, conf, credentials, now_ms, out, error);
  if (!status && hashed && (out->kind == AUTH_KEY || out->kind == AUTH_JWT || out->by_cookie)) {
    cache->version = version;
    cache->made_ms = monotonic_ms;
    cache->identity = *out;
    memcpy(cache->hash, hash, sizeof cache->hash);
  }
  return status;
}
