# A library of everything but main, so that the unit tests can link it.
noinst_LIBRARIES += fcgi/libbelfryfcgi.a
fcgi_libbelfryfcgi_a_SOURCES = \
	%D%/accept.c \
	%D%/accept.h \
	%D%/api.h \
	%D%/api_agents.c \
	%D%/api_alerts.c \
	%D%/api_channels.c \
	%D%/api_events.c \
	%D%/api_health.c \
	%D%/api_health_check.c \
	%D%/api_health_now.c \
	%D%/api_history.c \
	%D%/api_incidents.c \
	%D%/api_keys.c \
	%D%/api_login.c \
	%D%/api_logs.c \
	%D%/api_logs_delete.c \
	%D%/api_loop_status.c \
	%D%/api_metrics.c \
	%D%/api_openapi.c \
	%D%/api_opportunities.c \
	%D%/api_otlp.c \
	%D%/api_prometheus.c \
	%D%/api_recoveries.c \
	%D%/api_services.c \
	%D%/api_sessions.c \
	%D%/api_settings.c \
	%D%/api_stats.c \
	%D%/api_status.c \
	%D%/api_silences.c \
	%D%/api_users.c \
	%D%/body.c \
	%D%/body.h \
	%D%/credential.c \
	%D%/credential.h \
	%D%/csv.c \
	%D%/csv.h \
	%D%/cursor.c \
	%D%/cursor.h \
	%D%/fastcgi.c \
	%D%/fastcgi.h \
	%D%/field.c \
	%D%/field.h \
	%D%/health_rules.h \
	%D%/listing.c \
	%D%/listing.h \
	%D%/metrics.def \
	%D%/own_health.c \
	%D%/own_health.h \
	%D%/monitors.c %D%/monitors.h \
	%D%/openapi.c \
	%D%/openapi.h \
	%D%/password_gate.c \
	%D%/password_gate.h \
	%D%/pool.c \
	%D%/pool.h \
	%D%/prometheus.c \
	%D%/prometheus.h \
	%D%/rate_limit.c \
	%D%/rate_limit.h \
	%D%/request.c \
	%D%/request.h \
	%D%/response.c \
	%D%/response.h \
	%D%/route.c \
	%D%/route.h \
	%D%/routes.def \
	%D%/schemas.h \
	%D%/session_row.c \
	%D%/session_row.h \
	%D%/shared.c \
	%D%/shared.h \
	%D%/sign_in_limit.c \
	%D%/state_answer.c \
	%D%/state_answer.h \
	%D%/state_list.c \
	%D%/state_list.h \
	%D%/step.c \
	%D%/step.h \
	%D%/task.c %D%/task.h \
	%D%/worker.c \
	%D%/worker.h
nodist_fcgi_libbelfryfcgi_a_SOURCES = fcgi/schemas.c

# What bodies and answers look like.
FCGI_SCHEMAS = \
	fcgi/schemas/accepted.json \
	fcgi/schemas/agent.json \
	fcgi/schemas/agent_detail.json \
	fcgi/schemas/agents.json \
	fcgi/schemas/alert.json \
	fcgi/schemas/alert_acknowledged.json \
	fcgi/schemas/alert_rule.json \
	fcgi/schemas/alert_rules.json \
	fcgi/schemas/alerts.json \
	fcgi/schemas/channel.json \
	fcgi/schemas/channel_tested.json \
	fcgi/schemas/channels.json \
	fcgi/schemas/event.json \
	fcgi/schemas/event_in.json \
	fcgi/schemas/events.json \
	fcgi/schemas/health.json \
	fcgi/schemas/health_snapshot.json \
	fcgi/schemas/health_snapshots.json \
	fcgi/schemas/history.json \
	fcgi/schemas/history_metric.json \
	fcgi/schemas/identity.json \
	fcgi/schemas/incident.json \
	fcgi/schemas/incidents.json \
	fcgi/schemas/key.json \
	fcgi/schemas/key_created.json \
	fcgi/schemas/key_rotated.json \
	fcgi/schemas/keys.json \
	fcgi/schemas/log.json \
	fcgi/schemas/log_histogram.json \
	fcgi/schemas/log_in.json \
	fcgi/schemas/logs.json \
	fcgi/schemas/logs_deleted.json \
	fcgi/schemas/loop_status.json \
	fcgi/schemas/metrics.json \
	fcgi/schemas/openapi.json \
	fcgi/schemas/opportunities.json \
	fcgi/schemas/opportunity.json \
	fcgi/schemas/otlp_answer.json \
	fcgi/schemas/otlp_error.json \
	fcgi/schemas/otlp_logs.json \
	fcgi/schemas/otlp_metrics.json \
	fcgi/schemas/otlp_traces.json \
	fcgi/schemas/problem.json \
	fcgi/schemas/role.json \
	fcgi/schemas/recoveries.json \
	fcgi/schemas/recovery.json \
	fcgi/schemas/recovery_actions.json \
	fcgi/schemas/recovery_begun.json \
	fcgi/schemas/sample_in.json \
	fcgi/schemas/samples_accepted.json \
	fcgi/schemas/service.json \
	fcgi/schemas/service_pause.json \
	fcgi/schemas/services.json \
	fcgi/schemas/session.json \
	fcgi/schemas/session_command.json \
	fcgi/schemas/sessions.json \
	fcgi/schemas/setting.json \
	fcgi/schemas/settings.json \
	fcgi/schemas/settings_in.json \
	fcgi/schemas/severity.json \
	fcgi/schemas/signed_in.json \
	fcgi/schemas/silence.json \
	fcgi/schemas/silences.json \
	fcgi/schemas/stats.json \
	fcgi/schemas/status.json \
	fcgi/schemas/task_asked.json \
	fcgi/schemas/time.json \
	fcgi/schemas/time_in.json \
	fcgi/schemas/user.json \
	fcgi/schemas/users.json
EXTRA_DIST += fcgi/schemas.awk $(FCGI_SCHEMAS)
fcgi/schemas.c: $(FCGI_SCHEMAS) fcgi/schemas.awk
	$(AM_V_GEN)$(MKDIR_P) fcgi && cd $(srcdir) && \
	  $(AWK) -f fcgi/schemas.awk $(FCGI_SCHEMAS) > "$(abs_builddir)/$@.new" && \
	  mv "$(abs_builddir)/$@.new" "$(abs_builddir)/$@"
BUILT_SOURCES += fcgi/schemas.c
CLEANFILES += fcgi/schemas.c

BELFRY_FCGI_LIBS = fcgi/libbelfryfcgi.a lib/settings/libsettings.a lib/model/libmodel.a $(AUTH_LIBS) $(FCGI_LIBS) $(ZLIB_LIBS)

sbin_PROGRAMS += belfry-fcgi
belfry_fcgi_SOURCES = %D%/main.c
belfry_fcgi_LDADD = $(BELFRY_FCGI_LIBS)
