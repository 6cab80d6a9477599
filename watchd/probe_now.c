#include "watchd/probe_now.h"

#include <stdlib.h>

struct now_probe {
  struct probe probe; /* first: the probe is this */
  struct ev_loop *loop;
  struct ev_timer soon;
  struct probe_result result;
  probe_done_fn on_done;
  void *arg;
};

static void now_cancel(struct probe *probe) {
  struct now_probe *now = (struct now_probe *)probe;
  ev_timer_stop(now->loop, &now->soon);
  free(now);
}

static void now_on_soon(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct now_probe *now = timer->data;
  now->on_done(now->arg, &now->result);
  free(now);
}

int probe_now_start(const struct probe_tools *tools, const struct probe_result *result,
                    probe_done_fn on_done, void *arg, struct probe **out,
                    struct belfry_error *error) {
  struct now_probe *now = calloc(1, sizeof *now);
  if (!now)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  now->probe.cancel = now_cancel;
  now->loop = tools->loop;
  now->result = *result;
  now->on_done = on_done;
  now->arg = arg;
  ev_timer_init(&now->soon, now_on_soon, 0, 0);
  now->soon.data = now;
  ev_timer_start(now->loop, &now->soon);
  *out = &now->probe;
  return BELFRY_OK;
}
