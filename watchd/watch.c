#include "watchd/watch.h"

#include "base/daemon.h"
#include "base/log.h"
#include "conf/conf.h"
#include "settings/masking.h"
#include "settings/settings.h"
#include "watchd/alerts.h"
#include "watchd/host.h"
#include "watchd/journal.h"
#include "watchd/notifier.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/recoveries.h"
#include "watchd/report.h"
#include "watchd/rights.h"
#include "watchd/runner_link.h"
#include "watchd/schedule.h"
#include "watchd/scrape.h"
#include "watchd/services.h"
#include "watchd/syslog.h"
#include "watchd/systemd.h"
#include "watchd/tails.h"
#include "watchd/tasks.h"
#include "watchd/transfer.h"
#include "watchd/units.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct watch {
  struct conf *conf; /* owned, as everything below */
  struct settings_look settings;
  struct ev_loop *loop;
  struct ev_timer look; /* whether settings were changed */
  struct ev_signal terminate, interrupt, hangup;
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  struct mask *mask;
  struct transfers *transfers;
  struct systemd *systemd;
  struct host *host;
  struct units *units;
  struct services *services;
  struct runner_link *runner;
  struct recoveries *recoveries;
  struct tasks *tasks;
  struct tails *tails;
  struct syslog *syslog;
  struct journal *journal;
  struct scrapes *scrapes;
  struct alerts *alerts;
  struct notifier *notifier;
  struct report *report;
};

static void watch_on_ask(void *arg, struct report_figures *figures) {
  struct watch *watch = arg;
  services_figures(watch->services, figures);
  tails_figures(watch->tails, figures);
  syslog_figures(watch->syslog, figures);
  journal_figures(watch->journal, figures);
  recoveries_figures(watch->recoveries, figures);
  notifier_figures(watch->notifier, figures);
  figures->masked = mask_count(watch->mask);
}

static void watch_on_host(void *arg, double cpu_percent, double memory_percent) {
  struct watch *watch = arg;
  recoveries_on_host(watch->recoveries, cpu_percent, memory_percent);
}

static int make_recoveries(struct watch *watch) {
  const struct recoveries_parts parts = {watch->loop,   watch->schedule, watch->outbox,
                                         watch->reader, watch->services, watch->runner,
                                         watch->mask,   &clock_system};
  int status = recoveries_new(&parts, &watch->recoveries);
  if (!status)
    host_listen(watch->host, watch_on_host, watch);
  return status;
}

static int make_parts(struct watch *watch, struct belfry_error *error) {
  char socket_path[PATH_MAX], bell_path[PATH_MAX], history_dir[PATH_MAX];
  if (conf_run_path(watch->conf, "history.sock", socket_path, sizeof socket_path) ||
      conf_run_path(watch->conf, "watch.bell", bell_path, sizeof bell_path) ||
      conf_state_path(watch->conf, "history", history_dir, sizeof history_dir))
    return belfry_error_set(error, BELFRY_ETOOBIG, "paths.run or paths.state is too long");
  const struct clock *clock = &clock_system;
  int status = schedule_new(watch->loop, &watch->schedule);
  if (!status)
    status = outbox_new(watch->loop, socket_path, &watch->outbox);
  if (!status)
    status = reader_new(history_dir, &watch->reader);
  if (!status)
    status = mask_new(&watch->mask);
  if (!status)
    status = transfers_new(watch->loop, &watch->transfers);
  if (!status)
    status = host_new(watch->schedule, watch->outbox, clock, &watch->host);
  if (!status)
    status = systemd_new(watch->loop, &watch->systemd);
  const struct units_parts units = {watch->schedule, watch->outbox, watch->systemd, clock};
  if (!status)
    status = units_new(&units, &watch->units);
  const struct services_parts services = {
      watch->schedule,
      watch->outbox,
      watch->reader,
      clock,
      {watch->loop, watch->transfers, watch->reader, watch->systemd},
      watch->mask};
  if (!status)
    status = services_new(&services, &watch->services);
  if (!status)
    status = make_recoveries(watch);
  const struct tail_parts tails = {watch->loop, watch->outbox, watch->reader, clock, watch->mask};
  if (!status)
    status = tails_new(watch->schedule, &tails, &watch->tails);
  const struct syslog_parts syslog = {watch->loop, watch->schedule, watch->outbox, clock,
                                      watch->mask};
  if (!status)
    status = syslog_new(&syslog, &watch->syslog);
  const struct journal_parts journal = {watch->loop,   watch->schedule, watch->outbox,
                                        watch->reader, clock,           watch->mask};
  if (!status)
    status = journal_new(&journal, &watch->journal);
  const struct scrape_parts scrapes = {watch->schedule, watch->outbox, watch->transfers, clock};
  if (!status)
    status = scrapes_new(&scrapes, &watch->scrapes);
  const struct notifier_parts notifier = {watch->loop,   watch->schedule,  watch->outbox,
                                          watch->reader, watch->transfers, clock};
  if (!status)
    status = notifier_new(&notifier, &watch->notifier);
  const struct alerts_parts alerts = {watch->schedule, watch->outbox,   watch->reader,
                                      watch->services, watch->notifier, clock};
  if (!status)
    status = alerts_new(&alerts, &watch->alerts);
  if (!status)
    status = report_new(watch->schedule, watch->outbox, clock, watch_on_ask, watch, &watch->report);
  if (status)
    return belfry_error_set(error, status, "cannot start: %s", belfry_strerror(status));
  const struct tasks_parts tasks = {
      watch->loop,       watch->outbox,   watch->reader, watch->services,
      watch->recoveries, watch->notifier, clock};
  return tasks_new(&tasks, bell_path, &watch->tasks, error);
}

static int configure(struct watch *watch, const struct conf *conf, struct belfry_error *error) {
  log_set_level((enum log_level)(LOG_LEVEL_CRITICAL + conf->logging_level));
  int64_t host_interval_ms =
      conf->watch_enabled && conf->metrics_enabled ? conf->watch_host_interval_ms : 0;
  host_set_interval(watch->host, host_interval_ms);
  report_set_interval(watch->report, conf->watch_interval_ms);
  int status = masking_configure(watch->mask, conf, error);
  if (!status)
    status = units_configure(watch->units, conf->paths_cgroups, host_interval_ms);
  if (!status)
    status = services_configure(watch->services, conf);
  if (!status)
    status = recoveries_configure(watch->recoveries, conf);
  if (!status)
    status = tails_configure(watch->tails, conf);
  if (!status)
    status = syslog_configure(watch->syslog, conf);
  if (!status)
    status = journal_configure(watch->journal, conf);
  if (!status)
    status = scrapes_configure(watch->scrapes, conf);
  if (!status)
    status = notifier_configure(watch->notifier, conf);
  if (status)
    return belfry_error_set(error, status, "%s", belfry_strerror(status));
  return alerts_configure(watch->alerts, conf, error);
}

static bool same_text(const char *a, const char *b) {
  return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* Takes: conf. */
static void adopt(struct watch *watch, struct conf *conf) {
  struct belfry_error error = {0};
  if (!same_text(conf->paths_state, watch->conf->paths_state) ||
      !same_text(conf->paths_run, watch->conf->paths_run))
    log_warning("paths.state and paths.run are used as they were until belfry-watchd is restarted");
  if (configure(watch, conf, &error)) {
    log_error("the new configuration is not used as a whole: %s", error.text);
    conf_free(conf);
    return;
  }
  conf_free(watch->conf);
  watch->conf = conf;
  runner_link_reload(watch->runner, conf->watch_enabled && conf->recovery_count > 0);
  log_info("reloaded: %zu services, %zu logs, %zu scrapes", conf->service_count, conf->log_count,
           conf->scrape_count);
}

static void watch_on_hangup(struct ev_loop *loop, struct ev_signal *signal, int events) {
  (void)loop;
  (void)events;
  struct watch *watch = signal->data;
  struct belfry_error error = {0};
  struct conf *conf = settings_reload(&watch->settings, watch->conf, &error);
  if (conf)
    adopt(watch, conf);
  else
    log_error("the new configuration is not used, the old one stays: %s", error.text);
}

static void watch_on_look(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct watch *watch = timer->data;
  struct conf *conf = settings_look(&watch->settings, watch->conf);
  if (conf)
    adopt(watch, conf);
}

static void watch_on_end(struct ev_loop *loop, struct ev_signal *signal, int events) {
  (void)signal;
  (void)events;
  ev_break(loop, EVBREAK_ALL);
}

/* Signals come through the loop, so that a handler may do whatever other callbacks may. */
static void watch_signal(struct watch *watch, struct ev_signal *signal, int number,
                         void (*on_signal)(struct ev_loop *, struct ev_signal *, int)) {
  ev_signal_init(signal, on_signal, number);
  signal->data = watch;
  ev_signal_start(watch->loop, signal);
}

static void free_parts(struct watch *watch) {
  report_free(watch->report);
  tasks_free(watch->tasks);
  alerts_free(watch->alerts);
  notifier_free(watch->notifier);
  scrapes_free(watch->scrapes);
  journal_free(watch->journal);
  syslog_free(watch->syslog);
  tails_free(watch->tails);
  recoveries_free(watch->recoveries);
  services_free(watch->services);
  units_free(watch->units);
  runner_link_free(watch->runner);
  host_free(watch->host);
  systemd_free(watch->systemd);
  transfers_free(watch->transfers);
  mask_free(watch->mask);
  reader_free(watch->reader);
  outbox_free(watch->outbox);
  schedule_free(watch->schedule);
  settings_look_end(&watch->settings);
  if (watch->loop)
    ev_loop_destroy(watch->loop);
  conf_free(watch->conf);
}

/* belfry-runner is started while there are rights to keep; then they are given up. */
static int share_out_rights(struct watch *watch, const char *conf_path,
                            struct belfry_error *error) {
  bool gone = false;
  if (runner_link_new(conf_path, &watch->runner))
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  if (watch->conf->watch_enabled && watch->conf->recovery_count > 0)
    runner_link_start(watch->runner);
  int status =
      watch->conf->watch_user ? rights_give_up(watch->conf->watch_user, &gone, error) : BELFRY_OK;
  if (gone)
    runner_link_rights_gone(watch->runner);
  return status;
}

int watch_run(const char *conf_path) {
  struct watch watch = {0};
  struct belfry_error error = {0};
  int status = BELFRY_OK;
  watch.conf = conf_load(conf_path, &error);
  if (!watch.conf) {
    log_critical("%s", error.text);
    return 1;
  }
  status = share_out_rights(&watch, conf_path, &error);
  if (status)
    goto out;
  watch.loop = ev_default_loop(EVFLAG_AUTO);
  if (!watch.loop) {
    status = belfry_error_set(&error, BELFRY_EIO, "cannot make an event loop");
    goto out;
  }
  status = make_parts(&watch, &error);
  if (!status)
    status = configure(&watch, watch.conf, &error);
  if (status)
    goto out;
  watch_signal(&watch, &watch.terminate, SIGTERM, watch_on_end);
  watch_signal(&watch, &watch.interrupt, SIGINT, watch_on_end);
  watch_signal(&watch, &watch.hangup, SIGHUP, watch_on_hangup);
  ev_timer_init(&watch.look, watch_on_look, 0., 1.);
  watch.look.data = &watch;
  ev_timer_start(watch.loop, &watch.look);
  daemon_ready(watch.conf->watch_enabled ? "watching" : "watching nothing (watch.enabled is off)");
  ev_run(watch.loop, 0);
  daemon_stopping("asked to end");

out:
  if (status)
    log_critical("%s", error.text);
  free_parts(&watch);
  return status ? 1 : 0;
}
