/* lib/auth: whatever stands in Authorization, Cookie, Origin and Host (one a line), nobody gets in
 * without a history that knows them. */
#include "auth/auth.h"
#include "property.h"

enum { READ_ROLE_VIEWER = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char instance[] = "test";
  struct slice rest = slice_new((const char *)data, size), lines[4] = {{0}};
  for (size_t i = 0; i < 4 && slice_split(&rest, '\n', &lines[i]); i++)
    if (lines[i].len == 0)
      lines[i].data = NULL; /* absent */
  const struct conf conf = {.access_instance = instance, .access_read_role = READ_ROLE_VIEWER};
  const struct auth_credentials shown = {.authorization = lines[0], .cookie = lines[1]};
  struct auth_identity who;
  struct belfry_error error = {0};
  struct history_batch batch;
  int status = auth_identify(NULL, &conf, &shown, 1000, &who, &error);
  PROPERTY(who.role == AUTH_ROLE_NONE, "nobody gets a role");
  PROPERTY(status == error.code && (!status || error.text[0]), "a refusal has a reason");
  PROPERTY(!status || status == BELFRY_EDENIED || status == BELFRY_EBUSY, "401 or 503");
  PROPERTY(status || !lines[0].data, "a credential is never passed over");
  bool allowed = auth_origin_allowed(lines[2], lines[3]);
  PROPERTY(!allowed || !lines[2].data || slice_starts_with(lines[2], "http"),
           "only pages of the web are our own");
  history_batch_init(&batch, 0);
  auth_sign_out(&batch, &conf, lines[1]);
  PROPERTY(history_batch_status(&batch) == 0, "a sign-out fits");
  history_batch_fini(&batch);
  return 0;
}
