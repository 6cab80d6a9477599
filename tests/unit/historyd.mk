# Unit tests of historyd.
check_PROGRAMS += tests/unit/historyd/test_appender
TESTS += tests/unit/historyd/test_appender
tests_unit_historyd_test_appender_SOURCES = %D%/historyd/test_appender.c $(HISTORY_FIXTURE)
tests_unit_historyd_test_appender_CFLAGS = $(UNIT_CFLAGS)
tests_unit_historyd_test_appender_LDADD = $(HISTORYD_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/historyd/test_historyd
TESTS += tests/unit/historyd/test_historyd
tests_unit_historyd_test_historyd_SOURCES = %D%/historyd/test_historyd.c $(HISTORY_FIXTURE)
tests_unit_historyd_test_historyd_CPPFLAGS = $(AM_CPPFLAGS) -DBELFRY_HISTORYD='"$(abs_top_builddir)/belfry-historyd"'
tests_unit_historyd_test_historyd_CFLAGS = $(UNIT_CFLAGS)
tests_unit_historyd_test_historyd_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/historyd/test_keeper
TESTS += tests/unit/historyd/test_keeper
tests_unit_historyd_test_keeper_SOURCES = %D%/historyd/test_keeper.c $(HISTORY_FIXTURE)
tests_unit_historyd_test_keeper_CFLAGS = $(UNIT_CFLAGS)
tests_unit_historyd_test_keeper_LDADD = $(HISTORYD_LIBS) $(CMOCKA_LIBS)
