noinst_LIBRARIES += lib/model/libmodel.a
lib_model_libmodel_a_SOURCES = \
	%D%/aggregate.c %D%/aggregate.h \
	%D%/cloudevent.c %D%/cloudevent.h \
	%D%/derived_id.c %D%/derived_id.h \
	%D%/event_json.c %D%/event_json.h \
	%D%/event_type.c %D%/event_type.h \
	%D%/event_types.def \
	%D%/filter_parse.c %D%/filter_parse.h \
	%D%/health.c %D%/health.h %D%/health_priv.h \
	%D%/health_past.c \
	%D%/health_services.c \
	%D%/line_split.c %D%/line_split.h \
	%D%/log_access.c %D%/log_access.h \
	%D%/log_format.c %D%/log_format.h \
	%D%/log_join.c %D%/log_join.h \
	%D%/log_json.c %D%/log_json.h \
	%D%/log_json_line.c \
	%D%/log_line.c %D%/log_line.h \
	%D%/log_logfmt.c \
	%D%/log_pattern.c \
	%D%/log_server.c \
	%D%/log_syslog.c \
	%D%/log_time.c %D%/log_time.h \
	%D%/mask.c %D%/mask.h %D%/masks.def \
	%D%/mask_json.c \
	%D%/otlp.c %D%/otlp.h %D%/otlp_priv.h \
	%D%/otlp_logs.c \
	%D%/otlp_metrics.c \
	%D%/otlp_name.c \
	%D%/otlp_traces.c \
	%D%/otlp_value.c \
	%D%/problem.c %D%/problem.h \
	%D%/projections.def \
	%D%/prometheus_text.c %D%/prometheus_text.h \
	%D%/push_figures.def \
	%D%/rebuild.c %D%/rebuild.h \
	%D%/sample_json.c %D%/sample_json.h \
	%D%/severity.c %D%/severity.h \
	%D%/state.c %D%/state.h \
	%D%/state_text.c %D%/state_text.h \
	%D%/syslog_stream.c %D%/syslog_stream.h \
	%D%/timestamp_json.c %D%/timestamp_json.h \
	%D%/uptime.c %D%/uptime.h
