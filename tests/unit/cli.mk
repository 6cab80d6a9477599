# Unit tests of cli.
cli_tests = tests/unit/cli/test_connection tests/unit/cli/test_event_args tests/unit/cli/test_show tests/unit/cli/test_sse \
	tests/unit/cli/test_upgrade tests/unit/cli/test_websocket
check_PROGRAMS += $(cli_tests)
TESTS += $(cli_tests)
tests_unit_cli_test_connection_SOURCES = %D%/cli/test_connection.c
tests_unit_cli_test_connection_CFLAGS = $(UNIT_CFLAGS)
tests_unit_cli_test_connection_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
tests_unit_cli_test_event_args_SOURCES = %D%/cli/test_event_args.c
tests_unit_cli_test_event_args_CFLAGS = $(UNIT_CFLAGS)
tests_unit_cli_test_event_args_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
tests_unit_cli_test_show_SOURCES = %D%/cli/test_show.c
tests_unit_cli_test_show_CFLAGS = $(UNIT_CFLAGS)
tests_unit_cli_test_show_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
tests_unit_cli_test_sse_SOURCES = %D%/cli/test_sse.c
tests_unit_cli_test_sse_CFLAGS = $(UNIT_CFLAGS)
tests_unit_cli_test_sse_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
tests_unit_cli_test_upgrade_SOURCES = %D%/cli/test_upgrade.c
tests_unit_cli_test_upgrade_CFLAGS = $(UNIT_CFLAGS)
tests_unit_cli_test_upgrade_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
tests_unit_cli_test_websocket_SOURCES = %D%/cli/test_websocket.c
tests_unit_cli_test_websocket_CFLAGS = $(UNIT_CFLAGS)
tests_unit_cli_test_websocket_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
