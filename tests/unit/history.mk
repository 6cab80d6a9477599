# Unit tests of lib/history.
check_PROGRAMS += tests/unit/history/test_batch
TESTS += tests/unit/history/test_batch
tests_unit_history_test_batch_SOURCES = %D%/history/test_batch.c
tests_unit_history_test_batch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_batch_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_filter
TESTS += tests/unit/history/test_filter
tests_unit_history_test_filter_SOURCES = %D%/history/test_filter.c
tests_unit_history_test_filter_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_filter_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

HISTORY_FIXTURE = %D%/history/fixture.c %D%/history/fixture.h
HISTORY_KEEPING = $(HISTORY_FIXTURE) %D%/history/keeping.c %D%/history/keeping.h

check_PROGRAMS += tests/unit/history/test_writer
TESTS += tests/unit/history/test_writer
tests_unit_history_test_writer_SOURCES = %D%/history/test_writer.c $(HISTORY_FIXTURE)
tests_unit_history_test_writer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_writer_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_query_events
TESTS += tests/unit/history/test_query_events
tests_unit_history_test_query_events_SOURCES = %D%/history/test_query_events.c $(HISTORY_FIXTURE)
tests_unit_history_test_query_events_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_query_events_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_query_samples
TESTS += tests/unit/history/test_query_samples
tests_unit_history_test_query_samples_SOURCES = %D%/history/test_query_samples.c $(HISTORY_FIXTURE)
tests_unit_history_test_query_samples_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_query_samples_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

HISTORY_BLOB = %D%/history/blob.c %D%/history/blob.h

check_PROGRAMS += tests/unit/history/test_planes
TESTS += tests/unit/history/test_planes
tests_unit_history_test_planes_SOURCES = %D%/history/test_planes.c $(HISTORY_BLOB)
tests_unit_history_test_planes_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_planes_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_chunk
TESTS += tests/unit/history/test_chunk
tests_unit_history_test_chunk_SOURCES = %D%/history/test_chunk.c $(HISTORY_BLOB)
tests_unit_history_test_chunk_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_chunk_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_block
TESTS += tests/unit/history/test_block
tests_unit_history_test_block_SOURCES = %D%/history/test_block.c $(HISTORY_BLOB)
tests_unit_history_test_block_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_block_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_rollup
TESTS += tests/unit/history/test_rollup
tests_unit_history_test_rollup_SOURCES = %D%/history/test_rollup.c $(HISTORY_BLOB)
tests_unit_history_test_rollup_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_rollup_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_sketch
TESTS += tests/unit/history/test_sketch
tests_unit_history_test_sketch_SOURCES = %D%/history/test_sketch.c $(HISTORY_BLOB)
tests_unit_history_test_sketch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_sketch_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_delete
TESTS += tests/unit/history/test_delete
tests_unit_history_test_delete_SOURCES = %D%/history/test_delete.c $(HISTORY_KEEPING)
tests_unit_history_test_delete_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_delete_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_seal
TESTS += tests/unit/history/test_seal
tests_unit_history_test_seal_SOURCES = %D%/history/test_seal.c $(HISTORY_KEEPING)
tests_unit_history_test_seal_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_seal_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_seal_crash
TESTS += tests/unit/history/test_seal_crash
tests_unit_history_test_seal_crash_SOURCES = %D%/history/test_seal_crash.c %D%/history/dying.c %D%/history/dying.h $(HISTORY_KEEPING)
tests_unit_history_test_seal_crash_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_seal_crash_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_delete_crash
TESTS += tests/unit/history/test_delete_crash
tests_unit_history_test_delete_crash_SOURCES = %D%/history/test_delete_crash.c %D%/history/dying.c %D%/history/dying.h $(HISTORY_KEEPING)
tests_unit_history_test_delete_crash_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_delete_crash_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_backup
TESTS += tests/unit/history/test_backup
tests_unit_history_test_backup_SOURCES = %D%/history/test_backup.c $(HISTORY_KEEPING)
tests_unit_history_test_backup_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_backup_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_sealed_samples
TESTS += tests/unit/history/test_sealed_samples
tests_unit_history_test_sealed_samples_SOURCES = %D%/history/test_sealed_samples.c $(HISTORY_FIXTURE)
tests_unit_history_test_sealed_samples_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_sealed_samples_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_retire
TESTS += tests/unit/history/test_retire
tests_unit_history_test_retire_SOURCES = %D%/history/test_retire.c $(HISTORY_KEEPING)
tests_unit_history_test_retire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_retire_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_seal_samples_crash
TESTS += tests/unit/history/test_seal_samples_crash
tests_unit_history_test_seal_samples_crash_SOURCES = %D%/history/test_seal_samples_crash.c %D%/history/dying.c %D%/history/dying.h $(HISTORY_KEEPING)
tests_unit_history_test_seal_samples_crash_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_seal_samples_crash_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/history/test_event_values
TESTS += tests/unit/history/test_event_values
tests_unit_history_test_event_values_SOURCES = %D%/history/test_event_values.c
tests_unit_history_test_event_values_CFLAGS = $(UNIT_CFLAGS)
tests_unit_history_test_event_values_LDADD = $(HISTORY_LIBS) $(CMOCKA_LIBS)
