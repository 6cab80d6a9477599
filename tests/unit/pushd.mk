# Unit tests of pushd.
check_PROGRAMS += tests/unit/pushd/test_census tests/unit/pushd/test_http1 tests/unit/pushd/test_ring tests/unit/pushd/test_wheel
TESTS += tests/unit/pushd/test_census tests/unit/pushd/test_http1 tests/unit/pushd/test_ring tests/unit/pushd/test_wheel
tests_unit_pushd_test_census_SOURCES = %D%/pushd/test_census.c
tests_unit_pushd_test_census_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_census_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
tests_unit_pushd_test_http1_SOURCES = %D%/pushd/test_http1.c
tests_unit_pushd_test_http1_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_http1_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
tests_unit_pushd_test_ring_SOURCES = %D%/pushd/test_ring.c
tests_unit_pushd_test_ring_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_ring_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
tests_unit_pushd_test_wheel_SOURCES = %D%/pushd/test_wheel.c
tests_unit_pushd_test_wheel_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_wheel_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)

# The daemon as a whole; runs belfry-historyd and belfry-pushd of the build folder.
check_PROGRAMS += tests/unit/pushd/test_pushd
TESTS += tests/unit/pushd/test_pushd
tests_unit_pushd_test_pushd_SOURCES = \
	%D%/pushd/instance.c %D%/pushd/instance.h \
	%D%/pushd/push_client.c %D%/pushd/push_client.h \
	%D%/pushd/test_pushd.c
tests_unit_pushd_test_pushd_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_pushd_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)

# The same over HTTP/2.
check_PROGRAMS += tests/unit/pushd/test_h2
TESTS += tests/unit/pushd/test_h2
tests_unit_pushd_test_h2_SOURCES = \
	%D%/pushd/h2_peer.c %D%/pushd/h2_peer.h \
	%D%/pushd/instance.c %D%/pushd/instance.h \
	%D%/pushd/push_client.c %D%/pushd/push_client.h \
	%D%/pushd/test_h2.c
tests_unit_pushd_test_h2_CFLAGS = $(UNIT_CFLAGS)
tests_unit_pushd_test_h2_LDADD = $(PUSHD_LIBS) $(CMOCKA_LIBS)
