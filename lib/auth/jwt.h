/*
 * JSON Web Tokens (RFC 7519) as credentials, as the settings access.jwt_* say. The algorithm is the
 * configured one and never the token's choice.
 */
#ifndef BELFRY_AUTH_JWT_H
#define BELFRY_AUTH_JWT_H

#include "auth/auth.h"
#include "base/error.h"
#include "base/slice.h"
#include "conf/conf.h"

#include <stdint.h>

#define JWT_BYTES_MAX 8192 /* longer ones are refused unseen */
#define JWT_KEYS_MAX  8

/*
 * Reads the keys. Returns: 0 with `*out` owned, free with auth_jwt_free(), or NULL when
 * access.jwt_algorithm is `none`; an error that names file and what would be right.
 */
int auth_jwt_load(const struct conf *conf, struct auth_jwt **out,
                  struct belfry_error *error) BELFRY_MUST_CHECK;
void auth_jwt_free(struct auth_jwt *jwt);

/* Returns: 0 with `out` filled; BELFRY_EDENIED with what is wrong with the token; BELFRY_ENOMEM. */
int auth_jwt_check(const struct auth_jwt *jwt, struct slice token, int64_t now_ms,
                   struct auth_identity *out, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
