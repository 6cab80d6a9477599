# Unit tests of pushd.
check_PROGRAMS += tests/unit/pushd/test_http1 tests/unit/pushd/test_ring tests/unit/pushd/test_wheel
TESTS += tests/unit/pushd/test_http1 tests/unit/pushd/test_ring tests/unit/pushd/test_wheel
tests_unit_pushd_test_http1_SOURCES = %D%/pushd/test_http1.c
tests_unit_pushd_test_http1_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_http1_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
tests_unit_pushd_test_ring_SOURCES = %D%/pushd/test_ring.c
tests_unit_pushd_test_ring_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_ring_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
tests_unit_pushd_test_wheel_SOURCES = %D%/pushd/test_wheel.c
tests_unit_pushd_test_wheel_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_wheel_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
