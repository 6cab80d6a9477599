noinst_LIBRARIES += lib/history/libhistory.a
lib_history_libhistory_a_SOURCES = \
	%D%/append.h \
	%D%/backup.c %D%/backup.h \
	%D%/ballast.c %D%/ballast_priv.h \
	%D%/batch.c \
	%D%/blob.c %D%/blob_priv.h \
	%D%/block.c %D%/block_priv.h \
	%D%/bucket.c %D%/bucket_priv.h \
	%D%/chunk.c %D%/chunk_priv.h \
	%D%/check.c \
	%D%/client.c \
	%D%/event.h \
	%D%/event_values.c %D%/event_values_priv.h \
	%D%/filter.c %D%/filter.h \
	%D%/lock.c %D%/lock_priv.h \
	%D%/manifest.c %D%/manifest_priv.h \
	%D%/mend.c %D%/mend_priv.h \
	%D%/planes.c %D%/planes_priv.h \
	%D%/query.c %D%/query.h %D%/query_priv.h \
	%D%/query_events.c \
	%D%/query_samples.c \
	%D%/query_sealed.c \
	%D%/restore.c \
	%D%/rollup.c %D%/rollup_priv.h \
	%D%/deletions.c %D%/deletions_priv.h \
	%D%/event_files.c %D%/event_files_priv.h \
	%D%/keeper.c %D%/keeper.h %D%/keeper_priv.h \
	%D%/keeper_samples.c \
	%D%/keeper_events.c \
	%D%/keeper_delete.c \
	%D%/keeper_retire.c \
	%D%/sample_series.c %D%/sample_series_priv.h \
	%D%/sample_marks.c %D%/sample_marks_priv.h \
	%D%/sealed.c %D%/sealed_priv.h \
	%D%/sealed_ids.c %D%/sealed_ids_priv.h \
	%D%/series.c %D%/series_priv.h \
	%D%/sketch.c %D%/sketch_priv.h \
	%D%/segment.c %D%/segment_priv.h \
	%D%/storage.c %D%/storage_priv.h \
	%D%/words.c %D%/words.h \
	%D%/writer.c %D%/writer.h
nodist_lib_history_libhistory_a_SOURCES = %D%/statements.c %D%/statements.h

SQL_FILES = \
	sql/schema/0001_history.sql \
	sql/schema/0002_segments.sql \
	sql/schema/0003_late_samples.sql \
	sql/schema/0004_deletions.sql \
	sql/schema/0005_what_events_mean.sql \
	sql/schema/0006_session_tokens.sql \
	sql/schema/0007_users.sql \
	sql/schema/0008_agents_said_no_more.sql \
	sql/schema/0009_services_watched.sql \
	sql/schema/0010_task_details.sql \
	sql/schema/0011_alerts.sql \
	sql/schema/0012_service_pauses.sql \
	sql/schema/0013_recoveries.sql \
	sql/schema/0014_notifications.sql \
	sql/segment/events.sql \
	sql/segment/samples.sql \
	sql/statements/access.sql \
	sql/statements/agent.sql \
	sql/statements/alert.sql \
	sql/statements/block.sql \
	sql/statements/check.sql \
	sql/statements/chunk.sql \
	sql/statements/counter.sql \
	sql/statements/daemon.sql \
	sql/statements/deletion.sql \
	sql/statements/event.sql \
	sql/statements/history.sql \
	sql/statements/host.sql \
	sql/statements/opportunity.sql \
	sql/statements/rebuild.sql \
	sql/statements/recovery.sql \
	sql/statements/sample.sql \
	sql/statements/segment.sql \
	sql/statements/series.sql \
	sql/statements/setting.sql \
	sql/statements/notification.sql \
	sql/statements/silence.sql \
	sql/statements/service.sql \
	sql/statements/session.sql \
	sql/statements/session_tokens.sql \
	sql/statements/tail.sql \
	sql/statements/task.sql
EXTRA_DIST += sql/embed.awk $(SQL_FILES)

lib/history/statements.h: $(SQL_FILES) sql/embed.awk
	$(AM_V_GEN)$(MKDIR_P) lib/history && cd $(srcdir) && \
	  $(AWK) -v part=header -f sql/embed.awk $(SQL_FILES) > "$(abs_builddir)/$@.new" && \
	  mv "$(abs_builddir)/$@.new" "$(abs_builddir)/$@"
lib/history/statements.c: $(SQL_FILES) sql/embed.awk
	$(AM_V_GEN)$(MKDIR_P) lib/history && cd $(srcdir) && \
	  $(AWK) -v part=source -f sql/embed.awk $(SQL_FILES) > "$(abs_builddir)/$@.new" && \
	  mv "$(abs_builddir)/$@.new" "$(abs_builddir)/$@"
BUILT_SOURCES += lib/history/statements.h lib/history/statements.c
CLEANFILES += lib/history/statements.h lib/history/statements.c
