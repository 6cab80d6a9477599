# Unit tests of watchd.
watchd_unit_tests = \
	tests/unit/watchd/test_host \
	tests/unit/watchd/test_outbox \
	tests/unit/watchd/test_recovery \
	tests/unit/watchd/test_service \
	tests/unit/watchd/test_services \
	tests/unit/watchd/test_tail \
	tests/unit/watchd/test_turns \
	tests/unit/watchd/test_units
check_PROGRAMS += $(watchd_unit_tests)
TESTS += $(watchd_unit_tests)

tests_unit_watchd_test_host_SOURCES = %D%/watchd/test_host.c
tests_unit_watchd_test_host_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_host_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)

tests_unit_watchd_test_recovery_SOURCES = %D%/watchd/test_recovery.c
tests_unit_watchd_test_recovery_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_recovery_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)

tests_unit_watchd_test_service_SOURCES = %D%/watchd/test_service.c
tests_unit_watchd_test_service_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_service_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)

tests_unit_watchd_test_turns_SOURCES = %D%/watchd/test_turns.c
tests_unit_watchd_test_turns_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_turns_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)

tests_unit_watchd_test_units_SOURCES = %D%/watchd/test_units.c
tests_unit_watchd_test_units_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_units_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)

# These start belfry-historyd and belfry-watchd of the build folder.
tests_unit_watchd_test_tail_SOURCES = %D%/watchd/test_tail.c %D%/watchd/running.c %D%/watchd/running.h
tests_unit_watchd_test_tail_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_tail_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

tests_unit_watchd_test_services_SOURCES = %D%/watchd/test_services.c %D%/watchd/running.c %D%/watchd/running.h
tests_unit_watchd_test_services_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_services_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

tests_unit_watchd_test_outbox_SOURCES = %D%/watchd/test_outbox.c %D%/watchd/running.c %D%/watchd/running.h
tests_unit_watchd_test_outbox_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_outbox_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/watchd/test_alert_state
TESTS += tests/unit/watchd/test_alert_state
tests_unit_watchd_test_alert_state_SOURCES = %D%/watchd/test_alert_state.c
tests_unit_watchd_test_alert_state_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_alert_state_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/watchd/test_maintenance
TESTS += tests/unit/watchd/test_maintenance
tests_unit_watchd_test_maintenance_SOURCES = %D%/watchd/test_maintenance.c
tests_unit_watchd_test_maintenance_CFLAGS = $(UNIT_CFLAGS)
tests_unit_watchd_test_maintenance_LDADD = $(WATCHD_LIBS) $(CMOCKA_LIBS)
