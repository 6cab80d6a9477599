# Unit tests of lib/conf.
conf_tests = tests/unit/conf/test_conf_load tests/unit/conf/test_conf_problems
check_PROGRAMS += $(conf_tests)
TESTS += $(conf_tests)
tests_unit_conf_test_conf_load_SOURCES = %D%/conf/test_conf_load.c %D%/conf/conf_file.h
tests_unit_conf_test_conf_load_CFLAGS = $(UNIT_CFLAGS)
tests_unit_conf_test_conf_load_LDADD = $(CONF_LIBS) $(CMOCKA_LIBS)
tests_unit_conf_test_conf_problems_SOURCES = %D%/conf/test_conf_problems.c %D%/conf/conf_file.h
tests_unit_conf_test_conf_problems_CFLAGS = $(UNIT_CFLAGS)
tests_unit_conf_test_conf_problems_LDADD = $(CONF_LIBS) $(CMOCKA_LIBS)
