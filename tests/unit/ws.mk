# Unit tests of lib/ws.
check_PROGRAMS += tests/unit/ws/test_deflate tests/unit/ws/test_receiver tests/unit/ws/test_handshake
TESTS += tests/unit/ws/test_deflate tests/unit/ws/test_receiver tests/unit/ws/test_handshake
tests_unit_ws_test_deflate_SOURCES = %D%/ws/test_deflate.c
tests_unit_ws_test_deflate_CFLAGS = $(UNIT_CFLAGS)
tests_unit_ws_test_deflate_LDADD = $(WS_LIBS) $(CMOCKA_LIBS)
tests_unit_ws_test_receiver_SOURCES = %D%/ws/test_receiver.c
tests_unit_ws_test_receiver_CFLAGS = $(UNIT_CFLAGS)
tests_unit_ws_test_receiver_LDADD = $(WS_LIBS) $(CMOCKA_LIBS)
tests_unit_ws_test_handshake_SOURCES = %D%/ws/test_handshake.c
tests_unit_ws_test_handshake_CFLAGS = $(UNIT_CFLAGS)
tests_unit_ws_test_handshake_LDADD = $(WS_LIBS) $(CMOCKA_LIBS)
