/* lib/auth: which role includes which. */
#include "auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_roles_include_each_other_as_documented(void **state) {
  (void)state;
  /* Rows: who asks; columns: none, viewer, operator, admin, ingest, scrape. */
  static const bool allowed[6][6] = {
      [AUTH_ROLE_NONE] = {1, 0, 0, 0, 0, 0},     [AUTH_ROLE_VIEWER] = {1, 1, 0, 0, 0, 0},
      [AUTH_ROLE_OPERATOR] = {1, 1, 1, 0, 0, 0}, [AUTH_ROLE_ADMIN] = {1, 1, 1, 1, 1, 1},
      [AUTH_ROLE_INGEST] = {1, 0, 0, 0, 1, 0},   [AUTH_ROLE_SCRAPE] = {1, 0, 0, 0, 0, 1},
  };
  for (int has = 0; has < 6; has++)
    for (int needed = 0; needed < 6; needed++)
      if (auth_role_allows((enum auth_role)has, (enum auth_role)needed) != allowed[has][needed])
        fail_msg("%s doing what needs %s should be %d", auth_role_name((enum auth_role)has),
                 auth_role_name((enum auth_role)needed), allowed[has][needed]);
}

static void test_names_read_back(void **state) {
  (void)state;
  enum auth_role role;
  for (enum auth_role r = AUTH_ROLE_VIEWER; r <= AUTH_ROLE_SCRAPE; r++) {
    assert_int_equal(auth_role_parse(slice_of(auth_role_name(r)), &role), 0);
    assert_int_equal(role, r);
  }
  assert_int_equal(auth_role_parse(slice_of("none"), &role), BELFRY_EINVAL);
  assert_int_equal(auth_role_parse(slice_of("Admin"), &role), BELFRY_EINVAL);
  assert_int_equal(auth_role_parse(slice_of(""), &role), BELFRY_EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_roles_include_each_other_as_documented),
      cmocka_unit_test(test_names_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
