#include "pushd/drain.h"

#include "base/fd.h"
#include "pushd/hub.h"

#include <stddef.h>

#define STEP_MS              10
#define STEP_CLIENTS_MAX     256 /* then others have their turn */
#define RETURNS_PER_MS       1
#define RETURN_WINDOW_MIN    500 /* ms */
#define RETURN_AFTER_MS      100
#define RESTART_TAKES_MS     500 /* from the last close until the next daemon listens */
#define GOLDEN_RATIO_OF_2_32 0x9e3779b9u

/* So long is taken for `total` clients. A process that comes anew has everybody to itself at once
 * anyway; one that was upgraded to need not be crowded. */
static int64_t spread_ms(enum drain_cause cause, uint32_t total) {
  return cause == DRAIN_UPGRADE ? (int64_t)total * 3 : total / 2;
}

static const char *reason_of(enum drain_cause cause) {
  switch (cause) {
  case DRAIN_RESTART:
    return "restart";
  case DRAIN_UPGRADE:
    return "upgrade";
  case DRAIN_HISTORY_REPLACED:
    break;
  }
  return "history_replaced";
}

/*
 * When a client is to come back. Multiples of the golden ratio fill a window evenly, however many
 * there are in the end: each falls into one of the largest gaps that are left.
 */
static uint32_t retry_after_ms(const struct drain *drain, int64_t elapsed_ms) {
  uint64_t window = drain->total / RETURNS_PER_MS;
  if (window < RETURN_WINDOW_MIN)
    window = RETURN_WINDOW_MIN;
  uint32_t turn = drain->first_turn + drain->done * GOLDEN_RATIO_OF_2_32;
  uint64_t after = RETURN_AFTER_MS + (window * turn >> 32);
  /* Before a restarted daemon listens, nobody can come in. */
  if (drain->cause == DRAIN_RESTART)
    after += (uint64_t)(drain->over_ms > elapsed_ms ? drain->over_ms - elapsed_ms : 0) +
             RESTART_TAKES_MS;
  return (uint32_t)after;
}

static bool is_to_go(const struct drain *drain, const struct client *client) {
  return client->state == CLIENT_OPEN && (drain->cause != DRAIN_HISTORY_REPLACED || client->frozen);
}

/*
 * Sends up to `count` away. The array is gone through downwards: a client that ends makes the last
 * one take its place, which then was looked at already (or came later).
 */
static void send_away(struct drain *drain, uint32_t count, int64_t elapsed_ms) {
  struct hub *hub = drain->hub;
  if (drain->at > hub->client_count)
    drain->at = hub->client_count;
  while (count > 0 && drain->at > 0) {
    struct client *client = hub->clients[--drain->at];
    if (!is_to_go(drain, client))
      continue;
    client_close_telling(client, WS_CLOSE_SERVICE_RESTART, reason_of(drain->cause),
                         retry_after_ms(drain, elapsed_ms));
    client_flush(client);
    drain->done++;
    count--;
  }
}

static void on_step(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)events;
  struct drain *drain = timer->data;
  struct hub *hub = drain->hub;
  int64_t elapsed_ms = clock_monotonic_ms(hub->clock) - drain->started_ms;
  uint64_t due = elapsed_ms >= drain->over_ms
                     ? UINT32_MAX
                     : 1 + (uint64_t)drain->total * (uint64_t)elapsed_ms / (uint64_t)drain->over_ms;
  if (due > drain->done + (uint64_t)STEP_CLIENTS_MAX)
    due = drain->done + (uint64_t)STEP_CLIENTS_MAX;
  if (due > drain->done)
    send_away(drain, (uint32_t)(due - drain->done), elapsed_ms);
  if (drain->at > 0)
    return;
  /* Whose handshake was under way has come in meanwhile. */
  if (drain->cause != DRAIN_HISTORY_REPLACED && hub_open_count(hub) + hub->handshake_count > 0)
    drain->at = hub->client_count;
  else
    ev_timer_stop(loop, timer);
}

void drain_init(struct drain *drain, struct hub *hub) {
  *drain = (struct drain){.hub = hub};
  ev_timer_init(&drain->timer, on_step, 0., STEP_MS / 1e3);
  drain->timer.data = drain;
}

void drain_fini(struct drain *drain) {
  if (drain->hub)
    ev_timer_stop(drain->hub->loop, &drain->timer);
}

/* Its cursor means nothing in the new history. */
static void freeze(struct client *client) {
  if (client->state != CLIENT_OPEN)
    return;
  client->frozen = true;
  client->skipped = false; /* so that no position is told either */
}

void drain_start(struct drain *drain, enum drain_cause cause, int64_t most_ms) {
  struct hub *hub = drain->hub;
  bool ends = ev_is_active(&drain->timer) && drain->cause != DRAIN_HISTORY_REPLACED;
  uint32_t total = hub_open_count(hub);
  if (cause == DRAIN_HISTORY_REPLACED)
    for (uint32_t i = 0; i < hub->client_count; i++)
      freeze(hub->clients[i]);
  if (cause == DRAIN_HISTORY_REPLACED && ends)
    return;
  drain->cause = cause;
  drain->started_ms = clock_monotonic_ms(hub->clock);
  drain->over_ms = spread_ms(cause, total);
  if (drain->over_ms > most_ms)
    drain->over_ms = most_ms;
  drain->total = total;
  drain->done = 0;
  drain->at = hub->client_count;
  fd_random(&drain->first_turn, sizeof drain->first_turn);
  ev_now_update(hub->loop);
  ev_timer_stop(hub->loop, &drain->timer);
  ev_timer_set(&drain->timer, 0., STEP_MS / 1e3);
  ev_timer_start(hub->loop, &drain->timer);
}
