# Everything but main.c, so that the unit tests link it.
noinst_LIBRARIES += watchd/libwatchd.a
watchd_libwatchd_a_SOURCES = \
	%D%/alert.c %D%/alert.h \
	%D%/alert_measure.c %D%/alert_measure.h \
	%D%/alert_rule.c %D%/alert_rule.h \
	%D%/alert_state.c %D%/alert_state.h \
	%D%/alerts.c %D%/alerts.h %D%/alerts_priv.h \
	%D%/alerts_ask.c \
	%D%/alerts_known.c \
	%D%/alerts_tell.c \
	%D%/cgroup.c %D%/cgroup.h \
	%D%/channel_alertmanager.c \
	%D%/channel_email.c \
	%D%/channel_exec.c \
	%D%/channel_slack.c \
	%D%/channel_telegram.c \
	%D%/channel_webhook.c \
	%D%/command.c %D%/command.h \
	%D%/delivery.c %D%/delivery.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/fetch.c %D%/fetch.h \
	%D%/host.c %D%/host.h %D%/host.def \
	%D%/host_cpu.c \
	%D%/host_disk.c \
	%D%/host_disk_io.c \
	%D%/host_files.c \
	%D%/host_load.c \
	%D%/host_memory.c \
	%D%/host_mounts.c %D%/host_mounts.h \
	%D%/host_network.c \
	%D%/host_pressure.c \
	%D%/host_processes.c %D%/host_processes.h \
	%D%/host_samples.c %D%/host_samples.h \
	%D%/host_subject.c %D%/host_subject.h \
	%D%/host_temperature.c %D%/host_temperature.h \
	%D%/host_uptime.c \
	%D%/journal.h \
	%D%/log_formats.c %D%/log_formats.h \
	%D%/mail.c %D%/mail.h \
	%D%/maintenance.c %D%/maintenance.h \
	%D%/message.c %D%/message.h \
	%D%/mounts_ask.c %D%/mounts_ask.h \
	%D%/notifier.c %D%/notifier.h %D%/notifier_priv.h \
	%D%/notifier_queue.c \
	%D%/notifier_send.c \
	%D%/outbox.c %D%/outbox.h \
	%D%/pauses.c %D%/pauses.h \
	%D%/perfdata.c %D%/perfdata.h \
	%D%/probe.c %D%/probe.h \
	%D%/probe_belfry.c \
	%D%/probe_connect.c %D%/probe_connect.h \
	%D%/probe_curl.c %D%/probe_curl.h \
	%D%/probe_exec.c \
	%D%/probe_grpc.c \
	%D%/probe_http.c \
	%D%/probe_now.c %D%/probe_now.h \
	%D%/probe_process.c \
	%D%/probe_push.c \
	%D%/probe_result.h \
	%D%/probe_systemd.c \
	%D%/probe_tcp.c \
	%D%/probe_tls.c \
	%D%/quiet.c %D%/quiet.h \
	%D%/reader.c %D%/reader.h \
	%D%/recoveries.c %D%/recoveries.h \
	%D%/recovery_limits.c %D%/recovery_limits.h \
	%D%/recovery_lines.c %D%/recovery_lines.h \
	%D%/recovery_run.c %D%/recovery_run.h \
	%D%/recovery_tell.c %D%/recovery_tell.h \
	%D%/report.c %D%/report.h \
	%D%/rights.c %D%/rights.h \
	%D%/runner_link.c %D%/runner_link.h \
	%D%/schedule.c %D%/schedule.h \
	%D%/scrape.c %D%/scrape.h \
	%D%/scrape_take.c %D%/scrape_take.h \
	%D%/service.c %D%/service.h \
	%D%/service_tell.c %D%/service_tell.h \
	%D%/services.c %D%/services.h \
	%D%/syslog.c %D%/syslog.h \
	%D%/systemd.h \
	%D%/tail.c %D%/tail.h \
	%D%/tail_family.c %D%/tail_family.h \
	%D%/tail_glob.c %D%/tail_glob.h \
	%D%/tail_position.c %D%/tail_position.h \
	%D%/tails.c %D%/tails.h \
	%D%/task_check.c \
	%D%/task_kinds.def \
	%D%/task_recover.c \
	%D%/task_test_channel.c \
	%D%/tasks.c %D%/tasks.h \
	%D%/transfer.c %D%/transfer.h \
	%D%/turns.c %D%/turns.h \
	%D%/units.c %D%/units.h \
	%D%/units_table.c %D%/units_table.h \
	%D%/watch.c %D%/watch.h \
	%D%/watched.c %D%/watched.h
if HAVE_LIBSYSTEMD
watchd_libwatchd_a_SOURCES += %D%/journal_systemd.c %D%/systemd_bus.c
else
watchd_libwatchd_a_SOURCES += %D%/journal_none.c %D%/systemd_none.c
endif
WATCHD_LIBS = watchd/libwatchd.a $(SETTINGS_LIBS) $(CURL_LIBS) $(SYSTEMD_LIBS) $(EV_LIBS)

sbin_PROGRAMS += belfry-watchd
belfry_watchd_SOURCES = %D%/main.c
belfry_watchd_LDADD = $(WATCHD_LIBS)
