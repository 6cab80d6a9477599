# Fuzz targets: one file fuzz_<parser>.c with LLVMFuzzerTestOneInput, seeds in corpus/<parser>/, and a row here.
# With `configure CC=clang --with-fuzzer` they are libFuzzer's programs, to be run by hand:
#     make tests/fuzz/fuzz_json && mkdir -p found && tests/fuzz/fuzz_json found ../tests/fuzz/corpus/json
# Otherwise `make check` replays the seeds.
fuzz_targets = \
	tests/fuzz/fuzz_accept \
	tests/fuzz/fuzz_action \
	tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_append \
	tests/fuzz/fuzz_auth \
	tests/fuzz/fuzz_block \
	tests/fuzz/fuzz_body \
	tests/fuzz/fuzz_chunk \
	tests/fuzz/fuzz_cloudevent \
	tests/fuzz/fuzz_command \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_deflate \
	tests/fuzz/fuzz_event_json \
	tests/fuzz/fuzz_filter \
	tests/fuzz/fuzz_h2 \
	tests/fuzz/fuzz_handshake \
	tests/fuzz/fuzz_host \
	tests/fuzz/fuzz_http1 \
	tests/fuzz/fuzz_ipc \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_log_format \
	tests/fuzz/fuzz_log_join \
	tests/fuzz/fuzz_log_json \
	tests/fuzz/fuzz_log_line \
	tests/fuzz/fuzz_mail \
	tests/fuzz/fuzz_mask \
	tests/fuzz/fuzz_mask_json \
	tests/fuzz/fuzz_otlp \
	tests/fuzz/fuzz_perfdata \
	tests/fuzz/fuzz_prometheus_text \
	tests/fuzz/fuzz_request \
	tests/fuzz/fuzz_rollup \
	tests/fuzz/fuzz_sample_json \
	tests/fuzz/fuzz_sse \
	tests/fuzz/fuzz_subscription \
	tests/fuzz/fuzz_syslog_stream \
	tests/fuzz/fuzz_timestamp \
	tests/fuzz/fuzz_upgrade \
	tests/fuzz/fuzz_ws

# For what a push client says: its other end.
fuzz_push_peer = %D%/push_peer.c %D%/push_peer.h %D%/fuzz.h %D%/property.h

tests_fuzz_fuzz_accept_SOURCES = %D%/fuzz_accept.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_accept_LDADD = $(BELFRY_FCGI_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_action_SOURCES = %D%/fuzz_action.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_action_LDADD = $(BASE_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_address_SOURCES = %D%/fuzz_address.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_address_LDADD = $(BASE_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_append_SOURCES = %D%/fuzz_append.c %D%/fuzz.h $(fuzz_main)
tests_fuzz_fuzz_append_LDADD = $(HISTORYD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_auth_SOURCES = %D%/fuzz_auth.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_auth_LDADD = $(AUTH_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_block_SOURCES = %D%/fuzz_block.c %D%/blob.h %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_block_LDADD = $(HISTORY_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_body_SOURCES = %D%/fuzz_body.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_body_LDADD = $(BELFRY_FCGI_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_chunk_SOURCES = %D%/fuzz_chunk.c %D%/blob.h %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_chunk_LDADD = $(HISTORY_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_cloudevent_SOURCES = %D%/fuzz_cloudevent.c %D%/event.h %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_cloudevent_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_command_SOURCES = %D%/fuzz_command.c $(fuzz_push_peer) $(fuzz_main)
tests_fuzz_fuzz_command_LDADD = $(PUSHD_LIBS) $(HISTORYD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_conf_SOURCES = %D%/fuzz_conf.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_conf_LDADD = $(CONF_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_deflate_SOURCES = %D%/fuzz_deflate.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_deflate_LDADD = $(WS_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_event_json_SOURCES = %D%/fuzz_event_json.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_event_json_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_filter_SOURCES = %D%/fuzz_filter.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_filter_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_h2_SOURCES = %D%/fuzz_h2.c $(fuzz_push_peer) $(fuzz_main)
tests_fuzz_fuzz_h2_LDADD = $(PUSHD_LIBS) $(HISTORYD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_handshake_SOURCES = %D%/fuzz_handshake.c $(fuzz_push_peer) $(fuzz_main)
tests_fuzz_fuzz_handshake_LDADD = $(PUSHD_LIBS) $(HISTORYD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_host_SOURCES = %D%/fuzz_host.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_host_LDADD = $(WATCHD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_http1_SOURCES = %D%/fuzz_http1.c %D%/fuzz.h $(fuzz_main)
tests_fuzz_fuzz_http1_LDADD = pushd/libpushd.a $(BASE_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_ipc_SOURCES = %D%/fuzz_ipc.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_ipc_LDADD = $(BASE_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_json_SOURCES = %D%/fuzz_json.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_json_LDADD = $(BASE_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_log_format_SOURCES = %D%/fuzz_log_format.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_log_format_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_log_join_SOURCES = %D%/fuzz_log_join.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_log_join_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_log_json_SOURCES = %D%/fuzz_log_json.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_log_json_LDADD = $(BELFRY_FCGI_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_log_line_SOURCES = %D%/fuzz_log_line.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_log_line_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_mail_SOURCES = %D%/fuzz_mail.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_mail_LDADD = $(WATCHD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_mask_SOURCES = %D%/fuzz_mask.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_mask_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_mask_json_SOURCES = %D%/fuzz_mask_json.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_mask_json_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_otlp_SOURCES = %D%/fuzz_otlp.c %D%/event.h %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_otlp_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_perfdata_SOURCES = %D%/fuzz_perfdata.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_perfdata_LDADD = $(WATCHD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_prometheus_text_SOURCES = %D%/fuzz_prometheus_text.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_prometheus_text_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_request_SOURCES = %D%/fuzz_request.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_request_LDADD = $(BELFRY_FCGI_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_rollup_SOURCES = %D%/fuzz_rollup.c %D%/blob.h %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_rollup_LDADD = $(HISTORY_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_sample_json_SOURCES = %D%/fuzz_sample_json.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_sample_json_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_sse_SOURCES = %D%/fuzz_sse.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_sse_LDADD = $(CLI_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_subscription_SOURCES = %D%/fuzz_subscription.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_subscription_LDADD = $(PUSHD_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_syslog_stream_SOURCES = %D%/fuzz_syslog_stream.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_syslog_stream_LDADD = $(MODEL_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_timestamp_SOURCES = %D%/fuzz_timestamp.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_timestamp_LDADD = $(BASE_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_upgrade_SOURCES = %D%/fuzz_upgrade.c %D%/fuzz.h %D%/property.h $(fuzz_main)
tests_fuzz_fuzz_upgrade_LDADD = $(CLI_LIBS) $(FUZZ_ENGINE)
tests_fuzz_fuzz_ws_SOURCES = %D%/fuzz_ws.c %D%/fuzz.h $(fuzz_main)
tests_fuzz_fuzz_ws_LDADD = $(WS_LIBS) $(FUZZ_ENGINE)

EXTRA_DIST += %D%/corpus %D%/replay.c
if WITH_FUZZER
fuzz_main =
noinst_PROGRAMS += $(fuzz_targets)
else
fuzz_main = %D%/replay.c
check_PROGRAMS += $(fuzz_targets)
TESTS += $(fuzz_targets)
endif
