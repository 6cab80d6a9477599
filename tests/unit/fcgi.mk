# Unit tests of fcgi.
check_PROGRAMS += tests/unit/fcgi/test_route tests/unit/fcgi/test_request tests/unit/fcgi/test_body tests/unit/fcgi/test_csv tests/unit/fcgi/test_shared tests/unit/fcgi/test_field tests/unit/fcgi/test_prometheus tests/unit/fcgi/test_fcgi
TESTS += tests/unit/fcgi/test_route tests/unit/fcgi/test_request tests/unit/fcgi/test_body tests/unit/fcgi/test_csv tests/unit/fcgi/test_shared tests/unit/fcgi/test_field tests/unit/fcgi/test_prometheus tests/unit/fcgi/test_fcgi
tests_unit_fcgi_test_route_SOURCES = %D%/fcgi/test_route.c
tests_unit_fcgi_test_route_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_route_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_test_request_SOURCES = %D%/fcgi/test_request.c
tests_unit_fcgi_test_request_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_request_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_test_body_SOURCES = %D%/fcgi/test_body.c
tests_unit_fcgi_test_body_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_body_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_test_shared_SOURCES = %D%/fcgi/test_shared.c
tests_unit_fcgi_test_shared_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_shared_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_test_csv_SOURCES = %D%/fcgi/test_csv.c
tests_unit_fcgi_test_csv_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_csv_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_test_field_SOURCES = %D%/fcgi/test_field.c
tests_unit_fcgi_test_field_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_field_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_test_prometheus_SOURCES = %D%/fcgi/test_prometheus.c
tests_unit_fcgi_test_prometheus_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_prometheus_LDADD = $(BELFRY_FCGI_LIBS) $(CMOCKA_LIBS)
# Starts the programs from the build folder.
tests_unit_fcgi_test_fcgi_SOURCES = %D%/fcgi/test_fcgi.c
tests_unit_fcgi_test_fcgi_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fcgi_test_fcgi_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
