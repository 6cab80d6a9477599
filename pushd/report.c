#include "pushd/report.h"

#include "base/log.h"
#include "model/state.h"

#include <poll.h>
#include <string.h>

static void on_receipt(void *arg, uint32_t tag, int status, const struct history_receipt *receipt,
                       const char *error_text) {
  struct report *report = arg;
  (void)tag;
  (void)receipt;
  report->open = false;
  if (status)
    log_debug("the daemon's figures were not stored: %s",
              error_text ? error_text : belfry_strerror(status));
}

/* Watches the connection for what it waits for now. */
static void watch(struct report *report) {
  short wanted = 0;
  int fd = history_client_poll(report->client, &wanted);
  int events = (wanted & POLLIN ? EV_READ : 0) | (wanted & POLLOUT ? EV_WRITE : 0);
  ev_io_stop(report->hub->loop, &report->io);
  if (fd < 0)
    return;
  ev_io_set(&report->io, fd, events);
  ev_io_start(report->hub->loop, &report->io);
}

static void pump(struct report *report) {
  /* It is closed within: the loop must not watch its descriptor then. */
  ev_io_stop(report->hub->loop, &report->io);
  if (history_client_pump(report->client, on_receipt, report))
    report->open = false;
  watch(report);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  (void)events;
  pump(io->data);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct report *report = timer->data;
  struct hub *hub = report->hub;
  uint32_t tag;
  if (report->open || history_client_connect(report->client, NULL))
    return;
  struct buf figures;
  buf_init(&figures, 0);
  figures_put(hub, &figures);
  history_batch_clear(&report->batch);
  const struct daemon_report row = {
      .name = "belfry-pushd", .started_ms = hub->started_ms, .figures = buf_slice(&figures)};
  daemon_report_put(&report->batch, &row, clock_realtime_ms(hub->clock));
  auth_used_put(&hub->used, &report->batch, clock_realtime_ms(hub->clock));
  if (!buf_status(&figures) && !history_batch_status(&report->batch) &&
      !history_client_send(report->client, &report->batch, &tag))
    report->open = true;
  buf_fini(&figures);
  pump(report);
}

int report_init(struct report *report, struct hub *hub, struct belfry_error *error) {
  char path[4096];
  memset(report, 0, sizeof *report);
  report->hub = hub;
  history_batch_init(&report->batch, 0);
  if (conf_run_path(hub->conf, "history.sock", path, sizeof path))
    return belfry_error_set(error, BELFRY_ETOOBIG, "paths.run is too long");
  int status = history_client_new(path, "belfry-pushd", &report->client);
  if (status)
    return belfry_error_set(error, status, "cannot make the client of belfry-historyd");
  ev_init(&report->io, on_io);
  report->io.data = report;
  ev_timer_init(&report->timer, on_second, 0.2, 1.);
  report->timer.data = report;
  ev_timer_start(hub->loop, &report->timer);
  return BELFRY_OK;
}

void report_fini(struct report *report) {
  if (!report->hub)
    return;
  ev_timer_stop(report->hub->loop, &report->timer);
  ev_io_stop(report->hub->loop, &report->io);
  history_client_free(report->client);
  history_batch_fini(&report->batch);
  report->hub = NULL;
}
