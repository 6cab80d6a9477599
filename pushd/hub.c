#include "pushd/hub.h"

#include "base/bell.h"
#include "base/fd.h"
#include "pushd/alive.h"
#include "pushd/follow.h"
#include "pushd/h2.h"
#include "pushd/handshake.h"
#include "pushd/ws.h"
#include "ws/deflate.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_WITHOUT_BELL_SECONDS 0.05
#define LOOK_SECONDS              1.0
#define PASS_REST                 8 /* times as long as the pass took */

/* --- time --------------------------------------------------------------------------------------
 */

static int64_t now_us(const struct hub *hub) {
  return clock_monotonic_us(hub->clock);
}

uint32_t hub_since_start_ms(const struct hub *hub) {
  return (uint32_t)(clock_monotonic_ms(hub->clock) - hub->started_monotonic_ms);
}

/* Ticks start at 1, so that 0 can mean "never". */
uint32_t hub_tick(const struct hub *hub) {
  return 1 +
         (uint32_t)((clock_monotonic_ms(hub->clock) - hub->started_monotonic_ms) / WHEEL_TICK_MS);
}

uint32_t hub_tick_in(const struct hub *hub, int64_t ms) {
  return hub_tick(hub) + 1 + (uint32_t)(ms / WHEEL_TICK_MS);
}

void hub_run_soon(struct hub *hub) {
  if (!ev_is_active(&hub->more)) {
    ev_timer_set(&hub->more, 0., 0.);
    ev_timer_start(hub->loop, &hub->more);
  }
}

/* --- the pass ----------------------------------------------------------------------------------
 */

static bool wants_flush(const struct hub *hub, const struct client *client) {
  return client->state == CLIENT_OPEN && !client->frozen && !client->blocked &&
         !client->line_link && client->cursor < hub->ring.head;
}

static void pass(struct hub *hub) {
  int64_t start_us = now_us(hub);
  follow_look(hub);
  /* A handshake may have read new events meanwhile: what counts is what was gone over. */
  if (hub->ring.head != hub->passed_head) {
    hub->passed_head = hub->ring.head;
    for (uint32_t i = 0; i < hub->client_count;) {
      struct client *client = hub->clients[i];
      if (wants_flush(hub, client))
        client_flush(client);
      if (i < hub->client_count && hub->clients[i] == client) /* else another took its place */
        i++;
    }
    h2_write(hub);
    int64_t stored_ms =
        hub->ring.next > hub->ring.first ? ring_at(&hub->ring, hub->ring.next - 1)->received_ms : 0;
    int64_t lag_ms = clock_realtime_ms(hub->clock) - stored_ms;
    if (stored_ms)
      figures_raise(&hub->figures.lag_ms, lag_ms);
    hub->figures.passes++;
    hub->figures.pass_us += (uint64_t)(now_us(hub) - start_us);
  }
  hub->pass_ended_us = now_us(hub);
  hub->pass_took_us = hub->pass_ended_us - start_us;
  figures_raise(&hub->figures.pass_max_us, hub->pass_took_us);
}

/*
 * How long nothing is written after a pass. What a write costs us, a proxy and the peers pay
 * several times over, mostly for each write and not for each byte; so passes take up a ninth of the
 * time at most. From the beginning of one to that of the next it is `max_us` at most, unless a pass
 * itself takes that long: then it is as long again, or `max_us`.
 */
static int64_t rest_after(int64_t took_us, int64_t max_us) {
  int64_t rest_us = took_us * PASS_REST;
  if (rest_us > max_us - took_us)
    rest_us = max_us - took_us;
  if (rest_us < took_us)
    rest_us = took_us < max_us ? took_us : max_us;
  return rest_us;
}

/* Runs a pass now, or when the rest after the last one is over. */
static void pass_when_due(struct hub *hub) {
  if (ev_is_active(&hub->pass))
    return;
  int64_t max_us = hub->conf->push_max_delay_ms * 1000;
  /* While nobody is connected the ring is filled without haste. */
  int64_t wait_us = hub->client_count ? rest_after(hub->pass_took_us, max_us) : max_us;
  int64_t left_us = hub->pass_ended_us + wait_us - now_us(hub);
  if (left_us <= 0) {
    pass(hub);
    return;
  }
  /* libev counts from its own idea of now, which is of the start of this turn. */
  ev_now_update(hub->loop);
  ev_timer_set(&hub->pass, (double)left_us / 1e6, 0.);
  ev_timer_start(hub->loop, &hub->pass);
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static void on_bell(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = io->data;
  bell_drain(hub->bell_fd);
  pass_when_due(hub);
}

static void on_pass(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  pass(timer->data);
}

static void on_more(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = timer->data;
  pass_when_due(hub);
  behind_serve(hub);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = timer->data;
  follow_check(hub);
  pass_when_due(hub);
  if (hub->behind.line.first)
    hub_run_soon(hub);
}

void hub_give_bell_up(struct hub *hub) {
  ev_io_stop(hub->loop, &hub->bell);
  fd_close(&hub->bell_fd);
  ev_timer_stop(hub->loop, &hub->look);
  ev_timer_set(&hub->look, 0., LOOK_WITHOUT_BELL_SECONDS);
  ev_timer_start(hub->loop, &hub->look);
}

static bool is_due(uint32_t at, uint32_t now) {
  return at && at <= now;
}

static void on_metrics_due(struct client *client) {
  struct hub *hub = client->hub;
  client->metrics_at = hub_tick_in(hub, client->subscription.interval_ms) - 1;
  client->metrics_due = true;
  struct belfry_error error = {0};
  if (!state_refresh(&hub->state, hub->history, hub->conf, hub->clock, &error) && !client->blocked)
    client_flush(client);
}

static void tell_position(struct client *client) {
  struct hub *hub = client->hub;
  client->position_at = hub_tick_in(hub, CLIENT_POSITION_MS);
  client->skipped = false;
  if (client_is_websocket(client)) {
    char data[48];
    snprintf(data, sizeof data, "{\"head\":%" PRId64 "}", client->cursor);
    client_say(client, "position", slice_of(data), FRAME_NO_ID);
  } else {
    struct buf *own = client_own(client);
    if (own)
      buf_printf(own, "id: %s-%" PRId64 "\n\n", hub->position.epoch, client->cursor);
  }
  client_flush(client);
}

static void on_client_due(void *arg, struct wheel_timer *timer) {
  (void)arg;
  struct client *client = (struct client *)((char *)timer - offsetof(struct client, timer));
  uint32_t now = hub_tick(client->hub);
  if (is_due(client->deadline, now)) {
    client_drop(client);
    return;
  }
  if (is_due(client->check_at, now))
    handshake_check_again(client);
  if (client->state == CLIENT_OPEN && is_due(client->metrics_at, now))
    on_metrics_due(client);
  if (client->state == CLIENT_OPEN && client->skipped && !client->blocked &&
      is_due(client->position_at, now))
    tell_position(client);
  if (client->state == CLIENT_OPEN && is_due(client->alive_at, now))
    alive_on_due(client);
  if (client->state == CLIENT_LINGERING && is_due(client->alive_at, now)) {
    client->alive_at = 0;
    client->transport->end(client, false);
  }
  client_schedule(client);
}

static void on_wheel(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = timer->data;
  wheel_advance(&hub->wheel, hub_tick(hub), on_client_due, hub);
}

/* Before the loop waits again. */
static void on_turn_end(struct ev_loop *loop, ev_prepare *prepare, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = prepare->data;
  while (hub->dead) {
    struct client *client = hub->dead;
    hub->dead = client->line_next;
    free(client);
  }
  hub->handshakes_took_us = 0;
}

static void start_timer(struct hub *hub, ev_timer *timer,
                        void (*callback)(struct ev_loop *, ev_timer *, int), double every) {
  ev_timer_init(timer, callback, 0., every);
  timer->data = hub;
  if (every > 0)
    ev_timer_start(hub->loop, timer);
}

int hub_init(struct hub *hub, struct ev_loop *loop, const struct conf *conf,
             struct belfry_error *error) {
  memset(hub, 0, sizeof *hub);
  hub->loop = loop;
  hub->conf = conf;
  hub->clock = &clock_system;
  hub->started_ms = clock_realtime_ms(hub->clock);
  hub->started_monotonic_ms = clock_monotonic_ms(hub->clock);
  hub->bell_fd = -1;
  client_line_init(&hub->handshakes);
  hub->wheel.now = hub_tick(hub);
  char bell_path[sizeof hub->history_dir];
  if (conf_state_path(conf, "history", hub->history_dir, sizeof hub->history_dir) ||
      conf_run_path(conf, "push.bell", bell_path, sizeof bell_path))
    return belfry_error_set(error, BELFRY_ETOOBIG, "paths.state or paths.run is too long");
  if (ring_init(&hub->ring, (size_t)conf->push_ring_events, (size_t)conf->push_ring_bytes) ||
      behind_init(&hub->behind))
    return belfry_error_set(error, BELFRY_ENOMEM, "no memory for push.ring_events");
  hub->inflater = ws_inflater_new();
  if (encoder_init(&hub->encoder, hub->position.epoch, &hub->figures) || !hub->inflater)
    return belfry_error_set(error, BELFRY_ENOMEM, "no memory for compression");
  int status = bell_open(bell_path, &hub->bell_fd, error);
  if (status)
    return status;
  ev_io_init(&hub->bell, on_bell, hub->bell_fd, EV_READ);
  hub->bell.data = hub;
  ev_io_start(loop, &hub->bell);
  ev_prepare_init(&hub->reap, on_turn_end);
  hub->reap.data = hub;
  ev_prepare_start(loop, &hub->reap);
  drain_init(&hub->drain, hub);
  start_timer(hub, &hub->look, on_look, LOOK_SECONDS);
  start_timer(hub, &hub->turn, on_wheel, WHEEL_TICK_MS / 1e3);
  start_timer(hub, &hub->pass, on_pass, 0);
  start_timer(hub, &hub->more, on_more, 0);
  return BELFRY_OK;
}

void hub_fini(struct hub *hub) {
  while (hub->client_count)
    client_drop(hub->clients[0]);
  drain_fini(&hub->drain);
  h2_fini(hub);
  if (ev_is_active(&hub->reap)) {
    on_turn_end(hub->loop, &hub->reap, 0);
    ev_prepare_stop(hub->loop, &hub->reap);
    ev_io_stop(hub->loop, &hub->bell);
    ev_timer_stop(hub->loop, &hub->look);
    ev_timer_stop(hub->loop, &hub->turn);
    ev_timer_stop(hub->loop, &hub->pass);
    ev_timer_stop(hub->loop, &hub->more);
  }
  fd_close(&hub->bell_fd);
  behind_fini(&hub->behind, &hub->audiences);
  batch_fini(&hub->batch, &hub->audiences);
  state_fini(&hub->state);
  ring_fini(&hub->ring);
  encoder_fini(&hub->encoder);
  ws_inflater_free(hub->inflater);
  history_close(hub->history);
  census_fini(&hub->addresses);
  census_fini(&hub->credentials);
  free(hub->clients);
}
