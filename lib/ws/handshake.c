/* The call that needs no memory, and so cannot fail. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "ws/handshake.h"

#include "base/fd.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

/* The RFC's own constant (1.3). */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

bool ws_key_valid(struct slice key) {
  if (key.len != WS_KEY_BYTES - 1 || key.data[22] != '=' || key.data[23] != '=')
    return false;
  for (size_t i = 0; i < 22; i++)
    if (!is_base64(key.data[i]))
      return false;
  return true;
}

void ws_accept(struct slice key, char out[WS_ACCEPT_BYTES]) {
  char text[WS_KEY_BYTES + sizeof ACCEPT_GUID];
  size_t key_len = key.len < WS_KEY_BYTES ? key.len : WS_KEY_BYTES - 1;
  memcpy(text, key.data, key_len);
  memcpy(text + key_len, ACCEPT_GUID, sizeof ACCEPT_GUID);
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, text, key_len + sizeof ACCEPT_GUID - 1);
  SHA1_Final(digest, &context);
  EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

void ws_key_make(char out[WS_KEY_BYTES]) {
  unsigned char random[16];
  fd_random(random, sizeof random);
  EVP_EncodeBlock((unsigned char *)out, random, sizeof random);
}
