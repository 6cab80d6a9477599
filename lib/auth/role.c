/* The roles: their names, and which includes which. */
#include "auth/auth.h"

static const char *const role_names[] = {
    [AUTH_ROLE_NONE] = "none",   [AUTH_ROLE_VIEWER] = "viewer", [AUTH_ROLE_OPERATOR] = "operator",
    [AUTH_ROLE_ADMIN] = "admin", [AUTH_ROLE_INGEST] = "ingest", [AUTH_ROLE_SCRAPE] = "scrape",
};

const char *auth_role_name(enum auth_role role) {
  return (size_t)role < sizeof role_names / sizeof *role_names ? role_names[role] : "none";
}

/* "none" is no role that somebody could be given. */
int auth_role_parse(struct slice name, enum auth_role *out) {
  for (enum auth_role role = AUTH_ROLE_VIEWER; role <= AUTH_ROLE_SCRAPE; role++) {
    if (slice_is(name, role_names[role])) {
      *out = role;
      return 0;
    }
  }
  return BELFRY_EINVAL;
}

bool auth_role_allows(enum auth_role has, enum auth_role needed) {
  if (needed == AUTH_ROLE_NONE || has == AUTH_ROLE_ADMIN || has == needed)
    return true;
  return has == AUTH_ROLE_OPERATOR && needed == AUTH_ROLE_VIEWER;
}
