# Unit tests of lib/base.
base_tests = tests/unit/base/test_address tests/unit/base/test_buf tests/unit/base/test_fd tests/unit/base/test_ipc \
	tests/unit/base/test_json \
	tests/unit/base/test_slice tests/unit/base/test_timestamp tests/unit/base/test_ulid
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_unit_base_test_address_SOURCES = %D%/base/test_address.c
tests_unit_base_test_address_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_address_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_buf_SOURCES = %D%/base/test_buf.c
tests_unit_base_test_buf_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_buf_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_fd_SOURCES = %D%/base/test_fd.c
tests_unit_base_test_fd_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_fd_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_ipc_SOURCES = %D%/base/test_ipc.c
tests_unit_base_test_ipc_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_ipc_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_json_SOURCES = %D%/base/test_json.c
tests_unit_base_test_json_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_json_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_slice_SOURCES = %D%/base/test_slice.c
tests_unit_base_test_slice_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_slice_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_timestamp_SOURCES = %D%/base/test_timestamp.c
tests_unit_base_test_timestamp_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_timestamp_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_ulid_SOURCES = %D%/base/test_ulid.c
tests_unit_base_test_ulid_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_ulid_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/base/test_percent
TESTS += tests/unit/base/test_percent
tests_unit_base_test_percent_SOURCES = %D%/base/test_percent.c
tests_unit_base_test_percent_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_percent_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
