#include "auth/password.h"

#include "base/fd.h"
#include "base/json.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Of yescrypt: N = 2^13, r = 32. One step more doubles time and memory. */
#define COST 6

/* What is checked when there is no such user: of the same cost, and nobody knows a password for it.
 */
static const char nobodys_hash[] =
    "$y$jAT$k2XAnEHBqQ1Ct2aMXFKNa/$........................................./.";

const char *password_problem(struct slice password, struct slice name) {
  if (password.len < PASSWORD_MIN_BYTES || password.len > PASSWORD_MAX_BYTES)
    return "must hold 10 to 128 bytes";
  if (utf8_valid_prefix(password) != password.len)
    return "must be UTF-8";
  bool all_the_same = true;
  for (size_t i = 0; i < password.len; i++) {
    if ((unsigned char)password.data[i] < 0x20 || password.data[i] == 0x7f)
      return "must not hold control characters";
    all_the_same = all_the_same && password.data[i] == password.data[0];
  }
  if (all_the_same)
    return "must not be one character again and again";
  if (name.len == password.len && strncasecmp(name.data, password.data, name.len) == 0)
    return "must not be the user's name";
  return NULL;
}

/* Computes crypt(3) of the password with the setting at the start of `hash`. */
static int compute(struct slice password, const char *hash, char out[PASSWORD_HASH_BYTES]) {
  char phrase[PASSWORD_MAX_BYTES + 1];
  struct crypt_data *data = calloc(1, sizeof *data);
  if (!data)
    return BELFRY_ENOMEM;
  if (password.len)
    memcpy(phrase, password.data, password.len);
  phrase[password.len] = '\0';
  const char *made = crypt_rn(phrase, hash, data, sizeof *data);
  int status = made ? BELFRY_OK : BELFRY_ENOMEM;
  if (made)
    snprintf(out, PASSWORD_HASH_BYTES, "%s", made);
  OPENSSL_cleanse(phrase, sizeof phrase);
  OPENSSL_cleanse(data, sizeof *data);
  free(data);
  return status;
}

int password_hash(struct slice password, char out[PASSWORD_HASH_BYTES]) {
  char random[16], setting[CRYPT_GENSALT_OUTPUT_SIZE];
  fd_random(random, sizeof random);
  if (!crypt_gensalt_rn("$y$", COST, random, sizeof random, setting, sizeof setting))
    return BELFRY_ENOMEM;
  return compute(password, setting, out);
}

int password_check(struct slice password, const char *hash, bool *right) {
  char computed[PASSWORD_HASH_BYTES];
  *right = false;
  if (password.len == 0 || password.len > PASSWORD_MAX_BYTES ||
      memchr(password.data, 0, password.len))
    return BELFRY_OK; /* was never one */
  int status = compute(password, hash ? hash : nobodys_hash, computed);
  if (status)
    return status;
  size_t len = strlen(computed);
  *right = hash && strlen(hash) == len && CRYPTO_memcmp(computed, hash, len) == 0;
  OPENSSL_cleanse(computed, sizeof computed);
  return BELFRY_OK;
}
