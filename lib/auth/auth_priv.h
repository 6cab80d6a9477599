/*
 * What the files of lib/auth share: secrets as text, their digests, and where a cookie is in its
 * header.
 */
#ifndef BELFRY_AUTH_PRIV_H
#define BELFRY_AUTH_PRIV_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define AUTH_KEY_PREFIX    "bfy_"
#define AUTH_KEY_ID_LEN    12
#define AUTH_SECRET_LEN    43 /* 256 bits as base64url without padding */
#define AUTH_KEY_LEN       60
#define AUTH_BASE64URL_MAX ((size_t)8192)
#define AUTH_HASH_HEX_SIZE 65 /* SHA-256 in hexadecimal and a NUL */

/* Fills `out` with AUTH_SECRET_LEN random characters of base64url and a NUL. */
void auth__secret_make(char out[AUTH_SECRET_LEN + 1]);

/* Fills `out` with AUTH_KEY_ID_LEN random characters of [0-9a-z] (without i, l, o, u) and a NUL. */
void auth__key_id_make(char out[AUTH_KEY_ID_LEN + 1]);

/* The lower-case hexadecimal SHA-256 of `text`. */
void auth__hash(struct slice text, char out[AUTH_HASH_HEX_SIZE]);

/* Compares without telling by its duration where the texts differ. */
bool auth__hash_equal(struct slice a, struct slice b);

/* Decodes base64 (RFC 4648, with padding). Returns: the decoded length, or -1 when it is none or
 * does not fit `size`. */
int auth__base64_decode(struct slice text, char *out, size_t size);

/* The same for base64url without padding (RFC 7515, 2), at most AUTH_BASE64URL_MAX of it. */
int auth__base64url_decode(struct slice text, char *out, size_t size);

/* Whether `text` has the shape of a JWT: three parts. */
bool auth__jwt_shape(struct slice text);

/* Takes the next value of the cookie `name` off the Cookie header `*rest`. Returns: false at the
 * end. */
bool auth__cookie_next(struct slice *rest, const char *name, struct slice *value);

/* Whether `text` has the shape of a key; `*key_id` is then borrowed from it. */
bool auth__key_shape(struct slice text, struct slice *key_id);

#endif
