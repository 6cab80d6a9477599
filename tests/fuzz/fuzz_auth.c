/* lib/auth: whatever stands in Authorization, Cookie, Origin, Host, and what a proxy says of user
 * and role (one a line), nobody gets in without a history that knows them: no JWT is signed, no
 * password is looked at, and the proxy is not believed. */
#include "auth/auth.h"
#include "auth/jwt.h"
#include "property.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_ROLE_VIEWER = 1, ALGORITHM_HS256 = 1 };

/* JWTs are taken that are signed with a secret which nobody knows. */
static const struct auth_jwt *load_jwt(struct conf *conf) {
  static char path[] = "/tmp/belfry-fuzz-jwt-XXXXXX";
  static struct auth_jwt *jwt;
  static const char secret[] = "7b0e8a4c1d5f4f0c9a3e6d2b8c5a1f7e";
  struct belfry_error error = {0};
  conf->access_jwt_algorithm = ALGORITHM_HS256;
  if (jwt)
    return jwt;
  int fd = mkstemp(path);
  PROPERTY(fd >= 0 && write(fd, secret, sizeof secret - 1) > 0, "a file for the secret");
  conf->access_jwt_key_file = path;
  PROPERTY(auth_jwt_load(conf, &jwt, &error) == 0, error.text);
  close(fd);
  unlink(path);
  return jwt;
}

static int on_password(void *arg, struct history *history, struct slice user, struct slice password,
                       int64_t now_ms, struct auth_identity *out, struct belfry_error *error) {
  (void)arg, (void)history, (void)user, (void)password, (void)now_ms, (void)out, (void)error;
  PROPERTY(false, "without a history no password is looked at");
  return BELFRY_EDENIED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char instance[] = "test";
  struct slice rest = slice_new((const char *)data, size), lines[6] = {{0}};
  for (size_t i = 0; i < 6 && slice_split(&rest, '\n', &lines[i]); i++)
    if (lines[i].len == 0)
      lines[i].data = NULL; /* absent */
  static char role_claim[] = "role";
  static struct conf conf = {.access_instance = instance,
                             .access_read_role = READ_ROLE_VIEWER,
                             .access_jwt_role_claim = role_claim};
  const struct auth_credentials shown = {.authorization = lines[0],
                                         .cookie = lines[1],
                                         .remote_user = lines[4],
                                         .remote_role = lines[5],
                                         .jwt = load_jwt(&conf),
                                         .password = on_password};
  struct auth_identity who;
  struct belfry_error error = {0};
  struct history_batch batch;
  int status = auth_identify(NULL, &conf, &shown, 1000, &who, &error);
  PROPERTY(who.role == AUTH_ROLE_NONE, "nobody gets a role");
  PROPERTY(status == error.code && (!status || error.text[0]), "a refusal has a reason");
  PROPERTY(!status || status == BELFRY_EDENIED || status == BELFRY_EBUSY, "401 or 503");
  PROPERTY(status || !lines[0].data, "a credential is never passed over");
  conf.access_remote_user = true;
  status = auth_identify(NULL, &conf, &shown, 1000, &who, &error);
  PROPERTY(status || who.kind == AUTH_NOBODY || who.kind == AUTH_PROXY, "the proxy's word");
  PROPERTY(who.role <= AUTH_ROLE_VIEWER || lines[5].len > 0, "never more than viewer by itself");
  conf.access_remote_user = false;
  bool allowed = auth_origin_allowed(lines[2], lines[3]);
  PROPERTY(!allowed || !lines[2].data || slice_starts_with(lines[2], "http"),
           "only pages of the web are our own");
  history_batch_init(&batch, 0);
  auth_sign_out(&batch, &conf, lines[1]);
  PROPERTY(history_batch_status(&batch) == 0, "a sign-out fits");
  history_batch_fini(&batch);
  return 0;
}
