# Every library of lib/, with its allocations failing one after the other.
FAIL_ALLOC = %D%/alloc/fail_alloc.c %D%/alloc/fail_alloc.h %D%/sanitized.h
alloc_tests = \
	tests/unit/alloc/test_alloc_auth \
	tests/unit/alloc/test_alloc_base \
	tests/unit/alloc/test_alloc_codec \
	tests/unit/alloc/test_alloc_conf \
	tests/unit/alloc/test_alloc_history \
	tests/unit/alloc/test_alloc_model \
	tests/unit/alloc/test_alloc_ws
check_PROGRAMS += $(alloc_tests)
TESTS += $(alloc_tests)
tests_unit_alloc_test_alloc_auth_SOURCES = %D%/alloc/test_alloc_auth.c $(FAIL_ALLOC) $(HISTORY_FIXTURE)
tests_unit_alloc_test_alloc_auth_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_auth_LDADD = $(AUTH_LIBS) $(CMOCKA_LIBS)
tests_unit_alloc_test_alloc_base_SOURCES = %D%/alloc/test_alloc_base.c $(FAIL_ALLOC)
tests_unit_alloc_test_alloc_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_base_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_alloc_test_alloc_codec_SOURCES = %D%/alloc/test_alloc_codec.c $(FAIL_ALLOC)
tests_unit_alloc_test_alloc_codec_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_codec_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)
tests_unit_alloc_test_alloc_conf_SOURCES = %D%/alloc/test_alloc_conf.c $(FAIL_ALLOC) %D%/conf/conf_file.h
tests_unit_alloc_test_alloc_conf_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_conf_LDADD = $(CONF_LIBS) $(CMOCKA_LIBS)
tests_unit_alloc_test_alloc_history_SOURCES = %D%/alloc/test_alloc_history.c $(FAIL_ALLOC) $(HISTORY_FIXTURE)
tests_unit_alloc_test_alloc_history_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_history_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)
tests_unit_alloc_test_alloc_model_SOURCES = %D%/alloc/test_alloc_model.c $(FAIL_ALLOC) $(HISTORY_FIXTURE)
tests_unit_alloc_test_alloc_model_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_model_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
tests_unit_alloc_test_alloc_ws_SOURCES = %D%/alloc/test_alloc_ws.c $(FAIL_ALLOC)
tests_unit_alloc_test_alloc_ws_CFLAGS = $(UNIT_CFLAGS)
tests_unit_alloc_test_alloc_ws_LDADD = $(WS_LIBS) $(CMOCKA_LIBS)
