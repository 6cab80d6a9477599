# Unit tests of lib/base.
check_PROGRAMS += tests/unit/base/test_slice
TESTS += tests/unit/base/test_slice
tests_unit_base_test_slice_SOURCES = %D%/base/test_slice.c
tests_unit_base_test_slice_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_slice_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
