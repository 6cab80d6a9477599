# The belfry command. All but main is a library, so that tests can use its parts.
noinst_LIBRARIES += cli/libcli.a
cli_libcli_a_SOURCES = \
	%D%/admin.c %D%/admin.h \
	%D%/backoff.c %D%/backoff.h \
	%D%/cmd_backup.c \
	%D%/cmd_check_config.c \
	%D%/cmd_check_history.c \
	%D%/cmd_emit.c \
	%D%/cmd_help.c \
	%D%/cmd_import.c \
	%D%/cmd_keys.c \
	%D%/cmd_query.c \
	%D%/cmd_restore.c \
	%D%/cmd_recover.c \
	%D%/cmd_settings.c \
	%D%/cmd_tail.c \
	%D%/cmd_test_alert.c \
	%D%/cmd_users.c \
	%D%/cmd_version.c \
	%D%/command.c %D%/command.h %D%/commands.def \
	%D%/connection.c %D%/connection.h \
	%D%/event_args.c %D%/event_args.h \
	%D%/history_dir.c %D%/history_dir.h \
	%D%/http.c %D%/http.h \
	%D%/import.c %D%/import.h %D%/import_csv.c %D%/import_lines.c \
	%D%/show.c %D%/show.h \
	%D%/sse.c %D%/sse.h \
	%D%/tail.c %D%/tail.h %D%/tail_sse.c %D%/tail_ws.c \
	%D%/upgrade.c %D%/upgrade.h \
	%D%/url.c %D%/url.h \
	%D%/websocket.c %D%/websocket.h

CLI_LIBS = cli/libcli.a lib/ws/libws.a $(MODEL_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(CURL_LIBS)

bin_PROGRAMS += belfry
belfry_SOURCES = %D%/main.c
belfry_LDADD = $(CLI_LIBS)
