# Unit tests of lib/model.
check_PROGRAMS += tests/unit/model/test_event_json
TESTS += tests/unit/model/test_event_json
tests_unit_model_test_event_json_SOURCES = %D%/model/test_event_json.c
tests_unit_model_test_event_json_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_event_json_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_sample_json
TESTS += tests/unit/model/test_sample_json
tests_unit_model_test_sample_json_SOURCES = %D%/model/test_sample_json.c
tests_unit_model_test_sample_json_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_sample_json_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_event_type
TESTS += tests/unit/model/test_event_type
tests_unit_model_test_event_type_SOURCES = %D%/model/test_event_type.c
tests_unit_model_test_event_type_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_event_type_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_filter_parse
TESTS += tests/unit/model/test_filter_parse
tests_unit_model_test_filter_parse_SOURCES = %D%/model/test_filter_parse.c
tests_unit_model_test_filter_parse_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_filter_parse_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_log_json
TESTS += tests/unit/model/test_log_json
tests_unit_model_test_log_json_SOURCES = %D%/model/test_log_json.c
tests_unit_model_test_log_json_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_log_json_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_state
TESTS += tests/unit/model/test_state
tests_unit_model_test_state_SOURCES = %D%/model/test_state.c %D%/model/stored.c %D%/model/stored.h
tests_unit_model_test_state_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_state_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_log_line
TESTS += tests/unit/model/test_log_line
tests_unit_model_test_log_line_SOURCES = %D%/model/test_log_line.c
tests_unit_model_test_log_line_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_log_line_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_projections
TESTS += tests/unit/model/test_projections
tests_unit_model_test_projections_SOURCES = %D%/model/test_projections.c %D%/model/stored.c %D%/model/stored.h
tests_unit_model_test_projections_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_projections_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/model/test_otlp
TESTS += tests/unit/model/test_otlp
tests_unit_model_test_otlp_SOURCES = %D%/model/test_otlp.c
tests_unit_model_test_otlp_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_otlp_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_health
TESTS += tests/unit/model/test_health
tests_unit_model_test_health_SOURCES = %D%/model/test_health.c %D%/model/stored.c %D%/model/stored.h
tests_unit_model_test_health_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_health_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_uptime
TESTS += tests/unit/model/test_uptime
tests_unit_model_test_uptime_SOURCES = %D%/model/test_uptime.c
tests_unit_model_test_uptime_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_uptime_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_prometheus_text
TESTS += tests/unit/model/test_prometheus_text
tests_unit_model_test_prometheus_text_SOURCES = %D%/model/test_prometheus_text.c
tests_unit_model_test_prometheus_text_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_prometheus_text_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_mask
TESTS += tests/unit/model/test_mask
tests_unit_model_test_mask_SOURCES = %D%/model/test_mask.c
tests_unit_model_test_mask_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_mask_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_log_format
TESTS += tests/unit/model/test_log_format
tests_unit_model_test_log_format_SOURCES = %D%/model/test_log_format.c
tests_unit_model_test_log_format_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_log_format_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_log_join
TESTS += tests/unit/model/test_log_join
tests_unit_model_test_log_join_SOURCES = %D%/model/test_log_join.c
tests_unit_model_test_log_join_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_log_join_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model/test_syslog_stream
TESTS += tests/unit/model/test_syslog_stream
tests_unit_model_test_syslog_stream_SOURCES = %D%/model/test_syslog_stream.c
tests_unit_model_test_syslog_stream_CFLAGS = $(UNIT_CFLAGS)
tests_unit_model_test_syslog_stream_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
