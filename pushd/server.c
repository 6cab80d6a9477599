#include "pushd/server.h"

#include "base/daemon.h"
#include "base/log.h"
#include "pushd/h2.h"
#include "pushd/hub.h"
#include "pushd/listeners.h"
#include "pushd/report.h"
#include "pushd/upgrade.h"
#include "settings/settings.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* For the last clients, after they were sent away, and for those who never say what they want. The
   old process of an upgrade is in nobody's way. */
#define LAST_BYTES_S          2.
#define LAST_BYTES_UPGRADED_S 10.

struct server {
  struct ev_loop *loop;
  struct conf *conf;    /* owned */
  struct auth_jwt *jwt; /* owned */
  struct settings_look settings;
  ev_timer look; /* whether settings were changed */
  struct hub hub;
  struct listeners listeners;
  struct report report;
  struct upgrade upgrade;
  ev_signal term, interrupt, hangup, user2;
  ev_timer stop_limit;
  ev_check drained;
};

/* --- the end -----------------------------------------------------------------------------------
 */

static void on_stop_limit(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)timer;
  (void)events;
  ev_break(loop, EVBREAK_ALL);
}

static void on_drained(struct ev_loop *loop, ev_check *check, int events) {
  (void)events;
  struct server *server = check->data;
  if (server->hub.client_count == 0 && h2_connection_count(&server->hub) == 0)
    ev_break(loop, EVBREAK_ALL);
}

/* Ends the program when nobody is left, at the latest `grace_s` after the last was sent away. */
static void end_when_drained(struct server *server, double grace_s) {
  ev_now_update(server->loop);
  ev_timer_stop(server->loop, &server->stop_limit);
  ev_timer_set(&server->stop_limit, (double)server->hub.drain.over_ms / 1e3 + grace_s, 0.);
  ev_timer_start(server->loop, &server->stop_limit);
  ev_check_start(server->loop, &server->drained);
}

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)loop;
  (void)events;
  struct server *server = signal->data;
  if (server->hub.stopping)
    return;
  daemon_stopping("telling the clients");
  server->hub.stopping = true;
  listeners_close(&server->listeners);
  drain_start(&server->hub.drain, DRAIN_RESTART, server->hub.conf->push_drain_ms);
  h2_stop(&server->hub);
  end_when_drained(server, LAST_BYTES_S);
}

/* The old process after an upgrade. */
static void on_leave(struct upgrade *upgrade) {
  struct server *server = upgrade->data;
  h2_stop(&server->hub);
  end_when_drained(server, LAST_BYTES_UPGRADED_S);
}

/* --- other signals -----------------------------------------------------------------------------
 */

static void apply_level(const struct conf *conf) {
  static const enum log_level levels[] = {LOG_LEVEL_CRITICAL, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
                                          LOG_LEVEL_NOTICE,   LOG_LEVEL_INFO,  LOG_LEVEL_DEBUG};
  log_set_level(levels[conf->logging_level]);
}

/* Nobody is dropped. Paths and the ring's size are those of the start. Takes: conf. Returns: false
 * when it cannot be used; the one before stays. */
static bool adopt(struct server *server, struct conf *conf) {
  struct belfry_error error = {0};
  struct auth_jwt *jwt;
  if (auth_jwt_load(conf, &jwt, &error)) {
    log_error("the configuration was not loaded again, the old one stays: %s", error.text);
    conf_free(conf);
    return false;
  }
  auth_jwt_free(server->jwt);
  conf_free(server->conf);
  server->conf = conf;
  server->jwt = jwt;
  server->hub.conf = conf;
  server->hub.jwt = jwt;
  apply_level(conf);
  if (!server->hub.stopping && !server->upgrade.leaving)
    listeners_reload(&server->listeners);
  return true;
}

/* Returns: false when the configuration cannot be loaded; the one before stays. */
static bool reload(struct server *server) {
  struct belfry_error error = {0};
  struct conf *conf = settings_reload(&server->settings, server->conf, &error);
  if (!conf)
    log_error("the configuration was not loaded again, the old one stays: %s", error.text);
  return conf && adopt(server, conf);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct server *server = timer->data;
  struct conf *conf = settings_look(&server->settings, server->conf);
  if (conf && adopt(server, conf))
    log_notice("settings were changed, and are in force");
}

static void on_hangup(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)loop;
  (void)events;
  if (reload(signal->data))
    log_notice("the configuration was loaded again");
}

/* The new binary would not start with a broken configuration, and must find the listeners that it
 * asks for. */
static void on_user2(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)loop;
  (void)events;
  struct server *server = signal->data;
  if (reload(server))
    upgrade_start(&server->upgrade);
  else
    log_error("not upgraded: the new binary would not start with this configuration");
}

static void start_signal(struct server *server, ev_signal *watcher, int number,
                         void (*callback)(struct ev_loop *, ev_signal *, int)) {
  ev_signal_init(watcher, callback, number);
  watcher->data = server;
  ev_signal_start(server->loop, watcher);
}

/* Each connection is a descriptor. */
static void raise_descriptor_limit(const struct conf *conf) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit))
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)!setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (rlim_t)conf->push_max_connections + 64)
    log_warning("only %llu descriptors may be open: that many connections less 64 can be held, not "
                "%lld (push.max_connections)",
                (unsigned long long)limit.rlim_cur, (long long)conf->push_max_connections);
}

static int start(struct server *server, char **argv, struct belfry_error *error) {
  apply_level(server->conf);
  raise_descriptor_limit(server->conf);
  int status = hub_init(&server->hub, server->loop, server->conf, error);
  if (!status)
    status = auth_jwt_load(server->conf, &server->jwt, error);
  server->hub.jwt = server->jwt;
  if (!status)
    status = report_init(&server->report, &server->hub, error);
  if (status)
    return status;
  ev_timer_init(&server->stop_limit, on_stop_limit, 0., 0.);
  ev_timer_init(&server->look, on_look, 0., 1.);
  server->look.data = server;
  ev_timer_start(server->loop, &server->look);
  ev_check_init(&server->drained, on_drained);
  server->drained.data = server;
  start_signal(server, &server->term, SIGTERM, on_stop);
  start_signal(server, &server->interrupt, SIGINT, on_stop);
  start_signal(server, &server->hangup, SIGHUP, on_hangup);
  start_signal(server, &server->user2, SIGUSR2, on_user2);
  status = listeners_open(&server->listeners, &server->hub, error);
  if (status)
    return status;
  upgrade_init(&server->upgrade, &server->hub, &server->listeners, &server->report, argv);
  server->upgrade.on_leave = on_leave;
  server->upgrade.data = server;
  upgrade_unblock_signals();
  /* A child that ended while we became this binary told nobody. */
  while (waitpid(-1, NULL, WNOHANG) > 0)
    continue;
  return BELFRY_OK;
}

int server_run(struct conf *conf, char **argv) {
  struct belfry_error error = {0};
  struct server *server = calloc(1, sizeof *server);
  struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
  if (!server || !loop) {
    log_critical("cannot start: out of memory");
    free(server);
    conf_free(conf);
    return 1;
  }
  server->loop = loop;
  server->conf = conf;
  int status = start(server, argv, &error);
  if (status) {
    log_critical("cannot start: %s", error.text);
  } else {
    daemon_ready("accepting push connections");
    ev_run(loop, 0);
  }
  upgrade_fini(&server->upgrade);
  listeners_close(&server->listeners);
  report_fini(&server->report);
  hub_fini(&server->hub);
  auth_jwt_free(server->jwt);
  settings_look_end(&server->settings);
  conf_free(server->conf);
  free(server);
  return status ? 1 : 0;
}
