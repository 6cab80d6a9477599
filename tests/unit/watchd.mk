# Unit tests of watchd.
check_PROGRAMS += tests/unit/watchd/test_tail
TESTS += tests/unit/watchd/test_tail
tests_unit_watchd_test_tail_SOURCES = %D%/watchd/test_tail.c %D%/watchd/running.c %D%/watchd/running.h
tests_unit_watchd_test_tail_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_tail_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)
