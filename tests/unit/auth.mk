# Unit tests of lib/auth.
check_PROGRAMS += tests/unit/auth/test_role tests/unit/auth/test_secret tests/unit/auth/test_origin tests/unit/auth/test_key tests/unit/auth/test_identify
TESTS += tests/unit/auth/test_role tests/unit/auth/test_secret tests/unit/auth/test_origin tests/unit/auth/test_key tests/unit/auth/test_identify
tests_unit_auth_test_role_SOURCES = %D%/auth/test_role.c
tests_unit_auth_test_role_CFLAGS = $(UNIT_CFLAGS)
tests_unit_auth_test_role_LDADD = lib/auth/libauth.a $(BASE_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_auth_test_secret_SOURCES = %D%/auth/test_secret.c
tests_unit_auth_test_secret_CFLAGS = $(UNIT_CFLAGS)
tests_unit_auth_test_secret_LDADD = lib/auth/libauth.a $(BASE_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_auth_test_origin_SOURCES = %D%/auth/test_origin.c
tests_unit_auth_test_origin_CFLAGS = $(UNIT_CFLAGS)
tests_unit_auth_test_origin_LDADD = lib/auth/libauth.a $(BASE_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_auth_test_key_SOURCES = %D%/auth/test_key.c
tests_unit_auth_test_key_CFLAGS = $(UNIT_CFLAGS)
tests_unit_auth_test_key_LDADD = $(AUTH_LIBS) $(CMOCKA_LIBS)
tests_unit_auth_test_identify_SOURCES = %D%/auth/test_identify.c
tests_unit_auth_test_identify_CFLAGS = $(UNIT_CFLAGS)
tests_unit_auth_test_identify_LDADD = $(AUTH_LIBS) $(CMOCKA_LIBS)
