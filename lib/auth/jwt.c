#include "auth/jwt.h"

#include "auth/auth_priv.h"
#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <jwt.h>
#include <math.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_FILE_BYTES_MAX ((size_t)64 << 10)
#define SECRET_MIN_BYTES   32 /* RFC 7518, 3.2 */
#define RSA_MIN_BITS       2048
#define HEADER_BYTES_MAX   1024
#define CLAIM_TIME_MAX_S   1e11

_Static_assert(JWT_BYTES_MAX <= AUTH_BASE64URL_MAX, "a part can be decoded");

/* The choices of access.jwt_algorithm. */
enum { ALGORITHM_NONE, ALGORITHM_HS256, ALGORITHM_RS256, ALGORITHM_ES256 };

static const struct {
  const char *name;
  jwt_alg_t of_library;
} algorithms[] = {
    [ALGORITHM_NONE] = {"none", JWT_ALG_NONE},
    [ALGORITHM_HS256] = {"HS256", JWT_ALG_HS256},
    [ALGORITHM_RS256] = {"RS256", JWT_ALG_RS256},
    [ALGORITHM_ES256] = {"ES256", JWT_ALG_ES256},
};

struct auth_jwt {
  int algorithm;
  char *file; /* owned: its whole text, which the keys are pieces of */
  size_t file_len;
  struct slice keys[JWT_KEYS_MAX]; /* a secret, or a public key as PEM */
  size_t key_count;
  const struct conf *conf; /* borrowed */
};

/* --- keys ---------------------------------------------------------------------------------------
 */

static int add_key(struct auth_jwt *jwt, struct slice key, struct belfry_error *error) {
  const char *path = jwt->conf->access_jwt_key_file;
  if (jwt->key_count == JWT_KEYS_MAX)
    return belfry_error_set(error, BELFRY_ETOOBIG, "%s holds more than %d keys", path,
                            JWT_KEYS_MAX);
  jwt->keys[jwt->key_count++] = key;
  return BELFRY_OK;
}

/* A secret a line. */
static int take_secrets(struct auth_jwt *jwt, struct belfry_error *error) {
  struct slice rest = slice_new(jwt->file, jwt->file_len), line;
  const char *path = jwt->conf->access_jwt_key_file;
  for (int number = 1; slice_split(&rest, '\n', &line); number++) {
    line = slice_trim(line);
    if (line.len == 0)
      continue;
    if (slice_starts_with(line, "-----BEGIN"))
      return belfry_error_set(error, BELFRY_EINVAL,
                              "%s holds a PEM key; HS256 takes a secret, one a line", path);
    if (line.len < SECRET_MIN_BYTES)
      return belfry_error_set(error, BELFRY_EINVAL,
                              "%s, line %d: a secret for HS256 must hold at least %d bytes", path,
                              number, SECRET_MIN_BYTES);
    int status = add_key(jwt, line, error);
    if (status)
      return status;
  }
  return BELFRY_OK;
}

/* Whether a PEM text holds a public key that the algorithm can use. */
static bool key_fits(const struct auth_jwt *jwt, struct slice pem) {
  char curve[32] = "";
  BIO *memory = BIO_new_mem_buf(pem.data, (int)pem.len);
  EVP_PKEY *key = memory ? PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL) : NULL;
  bool fits = false;
  if (key && jwt->algorithm == ALGORITHM_RS256)
    fits = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= RSA_MIN_BITS;
  else if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
    fits = EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
           strcmp(curve, "prime256v1") == 0;
  EVP_PKEY_free(key);
  BIO_free(memory);
  return fits;
}

/* Public keys as PEM, one behind the other. */
static int take_public_keys(struct auth_jwt *jwt, struct belfry_error *error) {
  static const char begin[] = "-----BEGIN PUBLIC KEY-----", end[] = "-----END PUBLIC KEY-----";
  char *at = jwt->file;
  while ((at = strstr(at, begin))) {
    char *stop = strstr(at, end);
    size_t len = stop ? (size_t)(stop - at) + sizeof end - 1 : 0;
    if (!stop || !key_fits(jwt, slice_new(at, len)))
      return belfry_error_set(
          error, BELFRY_EINVAL, "%s, key %zu: %s takes public keys (PEM) of %s",
          jwt->conf->access_jwt_key_file, jwt->key_count + 1, algorithms[jwt->algorithm].name,
          jwt->algorithm == ALGORITHM_RS256 ? "RSA, 2048 bits at least" : "the curve P-256");
    int status = add_key(jwt, slice_new(at, len), error);
    if (status)
      return status;
    at = stop;
  }
  return BELFRY_OK;
}

int auth_jwt_load(const struct conf *conf, struct auth_jwt **out, struct belfry_error *error) {
  *out = NULL;
  if (conf->access_jwt_algorithm == ALGORITHM_NONE)
    return BELFRY_OK;
  struct auth_jwt *jwt = calloc(1, sizeof *jwt);
  if (!jwt)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  jwt->algorithm = conf->access_jwt_algorithm;
  jwt->conf = conf;
  int status = BELFRY_OK;
  if (!conf->access_jwt_key_file)
    status =
        belfry_error_set(error, BELFRY_EINVAL, "access.jwt_algorithm needs access.jwt_key_file");
  else if (!(jwt->file = fd_read_file(conf->access_jwt_key_file, KEY_FILE_BYTES_MAX, &jwt->file_len,
                                      error)))
    status = error ? error->code : BELFRY_EIO;
  else
    status =
        jwt->algorithm == ALGORITHM_HS256 ? take_secrets(jwt, error) : take_public_keys(jwt, error);
  if (!status && jwt->key_count == 0)
    status = belfry_error_set(error, BELFRY_EINVAL, "%s holds no key for %s",
                              conf->access_jwt_key_file, algorithms[jwt->algorithm].name);
  if (status) {
    auth_jwt_free(jwt);
    return status;
  }
  *out = jwt;
  return BELFRY_OK;
}

void auth_jwt_free(struct auth_jwt *jwt) {
  if (!jwt)
    return;
  if (jwt->file)
    explicit_bzero(jwt->file, jwt->file_len);
  free(jwt->file);
  free(jwt);
}

/* --- tokens -------------------------------------------------------------------------------------
 */

static int refuse(struct belfry_error *error, const char *what) {
  return belfry_error_set(error, BELFRY_EDENIED, "the JWT %s", what);
}

/* The same, unless it was for want of memory. */
static int refuse_text(struct belfry_error *error, int status, const char *what) {
  return status == BELFRY_ENOMEM ? belfry_error_set(error, status, "out of memory")
                                 : refuse(error, what);
}

bool auth__jwt_shape(struct slice text) {
  int dots = 0;
  for (size_t i = 0; i < text.len; i++)
    dots += text.data[i] == '.';
  return dots == 2;
}

/* Decodes a part that is a JSON object; one with a member twice is none. Returns: 0 with `*out`
 * owned; BELFRY_EINVAL; BELFRY_ENOMEM. */
static int decode_object(struct slice part, char *scratch, size_t size, json_t **out) {
  struct belfry_error error = {0};
  int len = auth__base64url_decode(part, scratch, size);
  *out = len > 0 ? json_parse(slice_new(scratch, (size_t)len), JSON_DEPTH_DEFAULT, &error) : NULL;
  if (!*out)
    return error.code == BELFRY_ENOMEM ? BELFRY_ENOMEM : BELFRY_EINVAL;
  if (json_is_object(*out))
    return BELFRY_OK;
  json_decref(*out);
  return BELFRY_EINVAL;
}

/* The token says the configured algorithm and nothing that we would have to understand (RFC 7515,
 * 4.1.11). */
static int check_header(const struct auth_jwt *jwt, struct slice part, struct belfry_error *error) {
  char scratch[HEADER_BYTES_MAX];
  json_t *header;
  int status = decode_object(part, scratch, sizeof scratch, &header);
  if (status)
    return refuse_text(error, status, "has a header that is no JSON object");
  const char *algorithm = json_string_value(json_object_get(header, "alg"));
  if (!algorithm || strcmp(algorithm, algorithms[jwt->algorithm].name) != 0)
    status = belfry_error_set(error, BELFRY_EDENIED, "the JWT must be signed with %s",
                              algorithms[jwt->algorithm].name);
  else if (json_object_get(header, "crit"))
    status = refuse(error, "demands extensions (crit) that are not known here");
  json_decref(header);
  return status;
}

/* Tries the keys one after the other; `kid` is not looked at. */
static int check_signature(const struct auth_jwt *jwt, struct slice token,
                           struct belfry_error *error) {
  char text[JWT_BYTES_MAX + 1];
  memcpy(text, token.data, token.len);
  text[token.len] = '\0';
  for (size_t i = 0; i < jwt->key_count; i++) {
    jwt_t *decoded = NULL;
    int wrong =
        jwt_decode(&decoded, text, (const unsigned char *)jwt->keys[i].data, (int)jwt->keys[i].len);
    bool good = !wrong && jwt_get_alg(decoded) == algorithms[jwt->algorithm].of_library;
    jwt_free(decoded);
    if (good)
      return BELFRY_OK;
    if (wrong == ENOMEM)
      return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  return refuse(error, "is not signed with a key that is known here");
}

/* A time of RFC 7519, 2 (seconds, perhaps with a fraction). Returns: false when it is none. */
static bool time_of(const json_t *value, int64_t *out_ms) {
  double seconds = json_number_value(value);
  if (!json_is_number(value) || !isfinite(seconds) || seconds < 0 || seconds > CLAIM_TIME_MAX_S)
    return false;
  *out_ms = (int64_t)(seconds * 1000);
  return true;
}

static int check_times(const struct auth_jwt *jwt, const json_t *claims, int64_t now_ms,
                       int64_t *expires_ms, struct belfry_error *error) {
  const json_t *not_before = json_object_get(claims, "nbf");
  int64_t leeway_ms = jwt->conf->access_jwt_leeway_ms, from_ms = 0;
  if (!time_of(json_object_get(claims, "exp"), expires_ms))
    return refuse(error, "does not say when it expires (exp)");
  *expires_ms += leeway_ms;
  if (*expires_ms <= now_ms)
    return refuse(error, "has expired");
  if (not_before && !time_of(not_before, &from_ms))
    return refuse(error, "has an nbf that is no time");
  if (from_ms - leeway_ms > now_ms)
    return refuse(error, "is not good yet (nbf)");
  return BELFRY_OK;
}

/* An audience is a text or a list of them (RFC 7519, 4.1.3). */
static bool audience_holds(const json_t *audience, const char *wanted) {
  size_t index;
  const json_t *one;
  if (json_is_string(audience))
    return strcmp(json_string_value(audience), wanted) == 0;
  json_array_foreach(audience, index,
                     one) if (json_is_string(one) &&
                              strcmp(json_string_value(one), wanted) == 0) return true;
  return false;
}

static int check_parties(const struct auth_jwt *jwt, const json_t *claims,
                         struct belfry_error *error) {
  const char *issuer = json_string_value(json_object_get(claims, "iss"));
  const json_t *audience = json_object_get(claims, "aud");
  const struct conf *conf = jwt->conf;
  if (conf->access_jwt_issuer && (!issuer || strcmp(issuer, conf->access_jwt_issuer) != 0))
    return refuse(error, "is not from the issuer that is known here (iss)");
  if (conf->access_jwt_audience && !audience_holds(audience, conf->access_jwt_audience))
    return refuse(error, "is not for this audience (aud)");
  if (!conf->access_jwt_audience && audience)
    return refuse(error, "is for an audience (aud), and access.jwt_audience says none");
  return BELFRY_OK;
}

static int take_person(const struct auth_jwt *jwt, const json_t *claims, struct auth_identity *out,
                       struct belfry_error *error) {
  const char *name = json_string_value(json_object_get(claims, "sub"));
  const char *claim = jwt->conf->access_jwt_role_claim;
  const char *role = json_string_value(json_object_get(claims, claim));
  if (!name || !auth_name_is_fit(slice_of(name)))
    return refuse(error, "names nobody: sub must be a text of 1 to 64 bytes");
  if (!role || auth_role_parse(slice_of(role), &out->role))
    return belfry_error_set(error, BELFRY_EDENIED,
                            "the JWT gives no role: its claim '%s' must be viewer, operator, "
                            "admin, ingest or scrape",
                            claim);
  out->kind = AUTH_JWT;
  snprintf(out->name, sizeof out->name, "%s", name);
  return BELFRY_OK;
}

int auth_jwt_check(const struct auth_jwt *jwt, struct slice token, int64_t now_ms,
                   struct auth_identity *out, struct belfry_error *error) {
  char scratch[JWT_BYTES_MAX];
  struct slice rest = token, header, payload;
  if (token.len > JWT_BYTES_MAX)
    return belfry_error_set(error, BELFRY_EDENIED, "the JWT is longer than %d bytes",
                            JWT_BYTES_MAX);
  if (!auth__jwt_shape(token) || !slice_split(&rest, '.', &header) ||
      !slice_split(&rest, '.', &payload))
    return refuse(error, "is none: it needs three parts");
  int status = check_header(jwt, header, error);
  if (!status)
    status = check_signature(jwt, token, error);
  if (status)
    return status;
  json_t *claims;
  status = decode_object(payload, scratch, sizeof scratch, &claims);
  if (status)
    return refuse_text(error, status, "has claims that are no JSON object");
  status = check_times(jwt, claims, now_ms, &out->expires_ms, error);
  if (!status)
    status = check_parties(jwt, claims, error);
  if (!status)
    status = take_person(jwt, claims, out, error);
  json_decref(claims);
  return status;
}
