# Unit tests of historyd.
check_PROGRAMS += tests/unit/historyd/test_appender
TESTS += tests/unit/historyd/test_appender
tests_unit_historyd_test_appender_SOURCES = %D%/historyd/test_appender.c $(HISTORY_FIXTURE)
tests_unit_historyd_test_appender_CFLAGS = $(UNIT_CFLAGS)
tests_unit_historyd_test_appender_LDADD = $(HISTORYD_LIBS) $(CMOCKA_LIBS)
