/* Users as the history knows them, and what a name may be. */
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "base/json.h"

#include <stdio.h>

#define USER_NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"
#define LETTERS              52 /* of them, in front */

bool auth_user_name_is_fit(struct slice name) {
  for (size_t i = 0; i < name.len; i++) {
    const char *at = name.data[i] ? strchr(USER_NAME_CHARACTERS, name.data[i]) : NULL;
    if (!at || (i == 0 && at - USER_NAME_CHARACTERS >= LETTERS))
      return false;
  }
  return name.len > 0 && name.len < AUTH_NAME_BYTES;
}

bool auth_name_is_fit(struct slice name) {
  for (size_t i = 0; i < name.len; i++)
    if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
      return false;
  return name.len > 0 && name.len < AUTH_NAME_BYTES && utf8_valid_prefix(name) == name.len;
}

/* Columns: user_id, name, role, password, disabled, created, created_by, password_changed, used. */
static int on_user(void *arg, const struct history_value *values, size_t count) {
  struct auth_user *user = arg;
  struct auth_identity *identity = &user->identity;
  if (count != 9 || auth_role_parse(values[2].text, &identity->role) ||
      values[3].text.len >= sizeof user->password)
    return BELFRY_ECORRUPT;
  user->found = true;
  user->disabled = values[4].integer != 0;
  identity->kind = AUTH_USER;
  identity->used_ms = values[8].integer;
  snprintf(identity->id, sizeof identity->id, "%.*s", SLICE_ARG(values[0].text));
  snprintf(identity->name, sizeof identity->name, "%.*s", SLICE_ARG(values[1].text));
  snprintf(user->password, sizeof user->password, "%.*s", SLICE_ARG(values[3].text));
  return 0;
}

int auth_user_find(struct history *history, struct slice user, struct auth_user *out,
                   struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT("user", user)};
  *out = (struct auth_user){0};
  return history_read(history, SQL_USER_FIND, params, 1, on_user, out, error);
}
