/* Secrets as text: made of random bytes, digested, compared, and found in the headers of a request.
 */
/* The calls that need no memory, and so cannot fail: a digest never ends a program. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "base/fd.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#define SECRET_RANDOM_BYTES 32

void auth__secret_make(char out[AUTH_SECRET_LEN + 1]) {
  unsigned char random[SECRET_RANDOM_BYTES], text[AUTH_SECRET_LEN + 2];
  fd_random(random, sizeof random);
  EVP_EncodeBlock(text, random, sizeof random); /* 43 characters, one '=' and a NUL */
  for (size_t i = 0; i < AUTH_SECRET_LEN; i++)
    out[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i];
  out[AUTH_SECRET_LEN] = '\0';
  OPENSSL_cleanse(random, sizeof random);
  OPENSSL_cleanse(text, sizeof text);
}

void auth__key_id_make(char out[AUTH_KEY_ID_LEN + 1]) {
  static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* 32: no bias by masking */
  unsigned char random[AUTH_KEY_ID_LEN];
  fd_random(random, sizeof random);
  for (size_t i = 0; i < AUTH_KEY_ID_LEN; i++)
    out[i] = alphabet[random[i] & 31];
  out[AUTH_KEY_ID_LEN] = '\0';
}

void auth__hash(struct slice text, char out[AUTH_HASH_HEX_SIZE]) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, text.data, text.len);
  SHA256_Final(digest, &context);
  OPENSSL_cleanse(&context, sizeof context);
  for (size_t i = 0; i < sizeof digest; i++) {
    out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  out[AUTH_HASH_HEX_SIZE - 1] = '\0';
}

uint64_t auth_keyed_hash(const unsigned char *key, size_t key_bytes, const struct slice *texts,
                         size_t count) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  uint64_t out;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, key, key_bytes);
  for (size_t i = 0; i < count; i++) {
    SHA256_Update(&context, &texts[i].len, sizeof texts[i].len);
    SHA256_Update(&context, texts[i].data, texts[i].len);
  }
  SHA256_Final(digest, &context);
  OPENSSL_cleanse(&context, sizeof context);
  memcpy(&out, digest, sizeof out);
  return out;
}

bool auth__hash_equal(struct slice a, struct slice b) {
  return a.len == b.len && a.len > 0 && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

int auth__base64_decode(struct slice text, char *out, size_t size) {
  if (text.len == 0 || text.len % 4 != 0 || text.len / 4 * 3 > size)
    return -1;
  int padding = (text.data[text.len - 1] == '=') + (text.data[text.len - 2] == '=');
  int len = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text.data, (int)text.len);
  return len < 0 ? -1 : len - padding;
}

int auth__base64url_decode(struct slice text, char *out, size_t size) {
  char padded[AUTH_BASE64URL_MAX + 4];
  size_t len = 0;
  if (text.len > AUTH_BASE64URL_MAX || text.len % 4 == 1)
    return -1;
  for (; len < text.len; len++) {
    char c = text.data[len];
    if (c == '+' || c == '/' || c == '=')
      return -1;
    padded[len] = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (len % 4 != 0)
    padded[len++] = '=';
  return auth__base64_decode(slice_new(padded, len), out, size);
}

bool auth__cookie_next(struct slice *rest, const char *name, struct slice *value) {
  struct slice pair;
  size_t name_len = strlen(name);
  while (slice_split(rest, ';', &pair)) {
    pair = slice_trim(pair);
    if (slice_starts_with(pair, name) && pair.len > name_len && pair.data[name_len] == '=') {
      *value = slice_new(pair.data + name_len + 1, pair.len - name_len - 1);
      return true;
    }
  }
  return false;
}

bool auth__key_shape(struct slice text, struct slice *key_id) {
  size_t prefix = sizeof AUTH_KEY_PREFIX - 1;
  if (text.len != AUTH_KEY_LEN || !slice_starts_with(text, AUTH_KEY_PREFIX) ||
      text.data[prefix + AUTH_KEY_ID_LEN] != '_')
    return false;
  *key_id = slice_new(text.data + prefix, AUTH_KEY_ID_LEN);
  return true;
}
