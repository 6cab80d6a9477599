#include "model/derived_id.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>

int derived_id_init(struct derived_id *ids) {
  ids->digest = EVP_MD_fetch(NULL, "SHA256", NULL); /* once: that takes longer than a hash */
  ids->context = EVP_MD_CTX_new();
  if (ids->digest && ids->context)
    return BELFRY_OK;
  ERR_clear_error(); /* nobody reads libcrypto's list of what went wrong */
  return BELFRY_ENOMEM;
}

void derived_id_fini(struct derived_id *ids) {
  EVP_MD_CTX_free(ids->context);
  EVP_MD_free(ids->digest);
}

static bool update(struct derived_id *ids, struct slice part) {
  uint64_t len = part.len;
  return EVP_DigestUpdate(ids->context, &len, sizeof len) == 1 &&
         EVP_DigestUpdate(ids->context, part.data, part.len) == 1;
}

static int finish(struct derived_id *ids, bool fed, unsigned char out[EVP_MAX_MD_SIZE]) {
  if (fed && EVP_DigestFinal_ex(ids->context, out, NULL) == 1)
    return BELFRY_OK;
  ERR_clear_error();
  return BELFRY_ENOMEM;
}

int derived_id_seed(struct derived_id *ids, const struct slice *parts, size_t count,
                    unsigned char seed[DERIVED_SEED_BYTES]) {
  unsigned char whole[EVP_MAX_MD_SIZE];
  bool fed = EVP_DigestInit_ex2(ids->context, ids->digest, NULL) == 1;
  for (size_t i = 0; fed && i < count; i++)
    fed = update(ids, parts[i]);
  int status = finish(ids, fed, whole);
  if (!status)
    memcpy(seed, whole, DERIVED_SEED_BYTES);
  return status;
}

int derived_id_make(struct derived_id *ids, const unsigned char seed[DERIVED_SEED_BYTES],
                    size_t place, struct slice text, char id[DERIVED_ID_BYTES]) {
  unsigned char whole[EVP_MAX_MD_SIZE];
  uint64_t number = place;
  bool fed = EVP_DigestInit_ex2(ids->context, ids->digest, NULL) == 1 &&
             EVP_DigestUpdate(ids->context, seed, DERIVED_SEED_BYTES) == 1 &&
             EVP_DigestUpdate(ids->context, &number, sizeof number) == 1 && update(ids, text);
  int status = finish(ids, fed, whole);
  for (size_t i = 0; !status && i < DERIVED_ID_BYTES / 2; i++)
    snprintf(id + 2 * i, 3, "%02x", whole[i]);
  return status;
}
