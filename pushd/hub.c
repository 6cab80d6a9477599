#include "pushd/hub.h"

#include "base/bell.h"
#include "base/fd.h"
#include "base/log.h"
#include "pushd/handshake.h"
#include "pushd/sse.h"
#include "pushd/ws.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_SECONDS      1.0
#define LOOK_EVENTS       1000  /* read from the history at once */
#define LOOK_BUDGET_US    20000 /* then clients have their turn */
#define LAGGING_BUDGET_US 5000
#define LAST_BUDGET_MS    500
#define SILENT_MS         3000 /* a history that stands still so long is opened anew */

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

static void run_soon(struct hub *hub) {
  if (!ev_is_active(&hub->more)) {
    ev_timer_set(&hub->more, 0., 0.);
    ev_timer_start(hub->loop, &hub->more);
  }
}

/* --- the history -------------------------------------------------------------------------------
 */

static void close_history(struct hub *hub) {
  history_close(hub->history);
  hub->history = NULL;
}

static void tell_unreadable(struct hub *hub, const struct belfry_error *error) {
  if (!hub->told_unreadable)
    log_warning("the history cannot be read, trying again every second: %s", error->text);
  hub->told_unreadable = true;
}

/* Another history lies where the one was that we know: a restore. Cursors of the old one mean
   nothing in it, so everybody has to come anew and is then told what is complete. */
static void start_over(struct hub *hub, const struct history_position *position) {
  bool first = !hub->position.epoch[0];
  if (!first) {
    log_notice("the history was replaced: epoch %s is now %s", hub->position.epoch,
               position->epoch);
    hub_close_all(hub, "history_replaced");
  }
  hub->position = *position;
  hub->ready = false;
  int64_t before = position->head - (int64_t)hub->ring.capacity;
  if (before < position->oldest - 1)
    before = position->oldest - 1;
  ring_reset(&hub->ring, before);
  ring_reset(&hub->page, 0);
  audience_release(&hub->audiences, hub->page_audience);
  hub->page_audience = NULL;
}

static int refresh_position(struct hub *hub, struct belfry_error *error) {
  struct history_position position;
  int status = history_position(hub->history, &position, error);
  if (status)
    return status;
  if (strcmp(position.epoch, hub->position.epoch) != 0 || position.head < hub->ring.head)
    start_over(hub, &position);
  hub->position = position;
  return BELFRY_OK;
}

/* Opens the history, or another handle on it. Returns: false when it cannot be read now. */
static bool open_history(struct hub *hub) {
  struct belfry_error error = {0};
  struct history *history = NULL;
  if (history_open(hub->history_dir, &history, &error)) {
    tell_unreadable(hub, &error);
    return false;
  }
  close_history(hub);
  hub->history = history;
  hub->version = 0;
  hub->version_ms = clock_monotonic_ms(hub->clock);
  if (refresh_position(hub, &error)) {
    close_history(hub);
    tell_unreadable(hub, &error);
    return false;
  }
  return true;
}

/*
 * A history that was replaced on disk looks, through an open handle, like one in which nothing
 * happens any more. A running Belfry writes something every second, so silence is worth a new
 * handle.
 */
static void reopen_if_silent(struct hub *hub) {
  int64_t now_ms = clock_monotonic_ms(hub->clock);
  uint64_t version = history_version(hub->history);
  if (version != hub->version || !version) {
    hub->version = version;
    if (version)
      hub->version_ms = now_ms;
  }
  if (now_ms - hub->version_ms >= SILENT_MS)
    open_history(hub);
}

static int on_new_event(void *arg, const struct event *event) {
  struct hub *hub = arg;
  return ring_put(&hub->ring, event);
}

/* Reads what is new into the ring. Returns: 0 with `*more`, or why it could not. */
static int read_new(struct hub *hub, bool *more, struct belfry_error *error) {
  int64_t end_us = now_us(hub) + LOOK_BUDGET_US;
  *more = true;
  while (*more && now_us(hub) < end_us) {
    struct event_query query = {.after = hub->ring.head, .limit = LOOK_EVENTS};
    struct event_page page = {0};
    int status = history_events(hub->history, &query, on_new_event, hub, &page, error);
    if (status)
      return status;
    *more = page.count > 0 && page.more;
  }
  return BELFRY_OK;
}

bool hub_look(struct hub *hub) {
  struct belfry_error error = {0};
  bool more = false;
  if (!hub->history && !open_history(hub))
    return false;
  int status = hub->ready ? BELFRY_OK : refresh_position(hub, &error);
  if (!status)
    status = read_new(hub, &more, &error);
  if (status) {
    tell_unreadable(hub, &error);
    close_history(hub);
    return false;
  }
  if (hub->told_unreadable)
    log_notice("the history can be read again");
  hub->told_unreadable = false;
  if (more) {
    run_soon(hub);
  } else if (!hub->ready) {
    hub->ready = true;
    log_info("following the history from id %" PRId64 ", %" PRIu64 " events ready", hub->ring.head,
             hub->ring.next - hub->ring.first);
  }
  return true;
}

/* --- where a client starts ---------------------------------------------------------------------
 */

struct last_search {
  int64_t wanted;
  int64_t found;
  int64_t lowest; /* id of the oldest that was found */
  const struct audience *audience;
};

static int on_last_event(void *arg, const struct event *event) {
  struct last_search *search = arg;
  if (!audience_wants(search->audience, event))
    return 0;
  search->lowest = event->id;
  return ++search->found == search->wanted; /* 1 ends the query */
}

/* The cursor before the newest `wanted` events that the audience wants. */
static int64_t find_last(struct hub *hub, int64_t wanted, struct audience *audience) {
  struct last_search search = {
      .wanted = wanted, .lowest = hub->ring.head + 1, .audience = audience};
  if (wanted == 0 || audience->texts.nothing)
    return hub->ring.head;
  for (uint64_t at = hub->ring.next; at > hub->ring.first; at--) {
    struct event view = ring_event_view(ring_at(&hub->ring, at - 1));
    if (on_last_event(&search, &view))
      return search.lowest - 1;
  }
  if (hub->ring.before >= hub->position.oldest) {
    struct event_query query = {.filter = audience->filter,
                                .before = hub->ring.before + 1,
                                .newest_first = true,
                                .limit = (uint32_t)(wanted - search.found),
                                .budget_ms = LAST_BUDGET_MS};
    /* When it cannot be read, or not all of it in time, the client gets fewer. */
    if (history_events(hub->history, &query, on_last_event, &search, NULL, NULL) < 0)
      log_debug("events before the ring could not be read");
  }
  return search.lowest - 1;
}

int hub_resolve(struct hub *hub, const struct hub_start *start, struct audience *audience,
                int64_t *cursor, bool *complete, struct belfry_error *error) {
  *complete = true;
  /* What was stored before somebody came is not new to them, and they may know of an event whose
     bell has not reached us yet. */
  if (!hub->ready || !hub_look(hub))
    return belfry_error_set(error, BELFRY_EBUSY, "the history cannot be read now");
  if (hub->ring.head != hub->passed_head)
    run_soon(hub);
  if (start->has_since) {
    if (start->since < hub->ring.before) {
      int status = refresh_position(hub, error);
      if (status)
        return status;
    }
    if (start->since <= hub->ring.head && start->since + 1 >= hub->position.oldest &&
        (!start->epoch.data || slice_is(start->epoch, hub->position.epoch))) {
      *cursor = start->since;
      return BELFRY_OK;
    }
    *complete = false;
  }
  *cursor = start->has_last ? find_last(hub, start->last, audience) : hub->ring.head;
  return BELFRY_OK;
}

/* --- those who lag -----------------------------------------------------------------------------
 */

void hub_add_lagging(struct hub *hub, struct client *client) {
  if (client->lagging_link)
    return;
  client->lagging_next = NULL;
  client->lagging_link = hub->lagging_end;
  *hub->lagging_end = client;
  hub->lagging_end = &client->lagging_next;
  run_soon(hub);
}

void hub_remove_lagging(struct hub *hub, struct client *client) {
  if (!client->lagging_link)
    return;
  *client->lagging_link = client->lagging_next;
  if (client->lagging_next)
    client->lagging_next->lagging_link = client->lagging_link;
  else
    hub->lagging_end = client->lagging_link;
  client->lagging_link = NULL;
  client->lagging_next = NULL;
}

struct ring *hub_page_for(struct hub *hub, const struct client *client) {
  bool has = hub->page_audience && hub->page_audience == client->subscription.audience &&
             hub->page.before <= client->cursor && client->cursor < hub->page.head;
  return has ? &hub->page : NULL;
}

static int on_page_event(void *arg, const struct event *event) {
  struct hub *hub = arg;
  if (!audience_wants(hub->page_audience, event)) {
    ring_advance(&hub->page, event->id);
    return 0;
  }
  int status = ring_put(&hub->page, event);
  /* Full: 1 ends the query. The ring would drop its first events else. */
  return status ? status : hub->page.bytes >= HUB_PAGE_BYTES;
}

/* Events that are gone from the history, or that cannot be read: the client is told and goes on at
   the head. */
static void tell_gap(struct hub *hub, struct client *client, const char *reason) {
  char data[160];
  snprintf(data, sizeof data, "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"reason\":\"%s\"}",
           client->cursor + 1, hub->ring.head, reason);
  client_say(client, "gap", slice_of(data), NULL);
  client_seek(client, hub->ring.head);
  hub->figures.gaps++;
}

/* Reads the next page of a client that lags. Returns: 0, also when it was told a gap instead. */
static int read_page(struct hub *hub, struct client *client, struct belfry_error *error) {
  int status = refresh_position(hub, error);
  if (status || client->state != CLIENT_OPEN)
    return status;
  if (client->cursor + 1 < hub->position.oldest) {
    tell_gap(hub, client, "retention");
    return BELFRY_OK;
  }
  client->subscription.audience->refs++;
  audience_release(&hub->audiences, hub->page_audience);
  hub->page_audience = client->subscription.audience;
  ring_reset(&hub->page, client->cursor);
  int64_t end = hub->ring.before; /* from there on the ring has it */
  struct event_query query = {.filter = hub->page_audience->filter,
                              .after = client->cursor,
                              .before = end + 1,
                              .limit = HUB_PAGE_EVENTS,
                              .budget_ms = LOOK_BUDGET_US / 1000};
  struct event_page page = {0};
  status = history_events(hub->history, &query, on_page_event, hub, &page, error);
  if (status == 1) /* the page is full: it reaches as far as its last event */
    return BELFRY_OK;
  if (status == BELFRY_ECORRUPT) {
    tell_gap(hub, client, "unreadable");
    return BELFRY_OK;
  }
  if (!status)
    ring_advance(&hub->page, page.more || page.partial ? page.scanned : end);
  return status;
}

static void serve_lagging(struct hub *hub) {
  int64_t end_us = now_us(hub) + LAGGING_BUDGET_US;
  while (hub->lagging && hub->history && now_us(hub) < end_us) {
    struct client *client = hub->lagging;
    struct belfry_error error = {0};
    hub_remove_lagging(hub, client);
    if (!hub_page_for(hub, client) && !ring_holds(&hub->ring, client->cursor) &&
        read_page(hub, client, &error)) {
      hub_add_lagging(hub, client);
      tell_unreadable(hub, &error);
      close_history(hub);
      return;
    }
    client_flush(client);
  }
  if (hub->lagging)
    run_soon(hub);
}

/* --- the pass ----------------------------------------------------------------------------------
 */

static bool wants_flush(const struct hub *hub, const struct client *client) {
  return client->state == CLIENT_OPEN && !client->blocked && !client->lagging_link &&
         client->cursor < hub->ring.head;
}

static void pass(struct hub *hub) {
  int64_t start_us = now_us(hub);
  hub_look(hub);
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
    int64_t stored_ms =
        hub->ring.next > hub->ring.first ? ring_at(&hub->ring, hub->ring.next - 1)->received_ms : 0;
    int64_t lag_ms = clock_realtime_ms(hub->clock) - stored_ms;
    if (stored_ms && lag_ms > hub->figures.lag_ms)
      hub->figures.lag_ms = lag_ms;
    hub->figures.passes++;
  }
  hub->pass_ended_us = now_us(hub);
  hub->pass_took_us = hub->pass_ended_us - start_us;
}

/* Runs a pass now, or when as much time has gone by as the last one took. */
static void pass_when_due(struct hub *hub) {
  if (ev_is_active(&hub->pass))
    return;
  int64_t wait_us = hub->pass_took_us, max_us = hub->conf->push_max_delay_ms * 1000;
  if (wait_us > max_us)
    wait_us = max_us;
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
  serve_lagging(hub);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = timer->data;
  struct belfry_error error = {0};
  if (hub->history) {
    reopen_if_silent(hub);
    if (hub->history && refresh_position(hub, &error)) {
      tell_unreadable(hub, &error);
      close_history(hub);
    }
  }
  pass_when_due(hub);
  if (hub->lagging)
    run_soon(hub);
}

static bool is_due(uint32_t at, uint32_t now) {
  return at && at <= now;
}

static void on_metrics_due(struct client *client) {
  struct hub *hub = client->hub;
  client->metrics_at = hub_tick_in(hub, client->subscription.interval_ms) - 1;
  client->metrics_due = true;
  struct belfry_error error = {0};
  if (!state_refresh(&hub->state, hub->history, hub->clock, &error) && !client->blocked)
    client_flush(client);
}

static void tell_position(struct client *client) {
  struct hub *hub = client->hub;
  client->position_at = hub_tick_in(hub, CLIENT_POSITION_MS);
  client->skipped = false;
  if (client->representation == REPRESENTATION_WS) {
    char data[48];
    snprintf(data, sizeof data, "{\"head\":%" PRId64 "}", client->cursor);
    client_say(client, "position", slice_of(data), NULL);
  } else {
    struct buf *own = client_own(client);
    if (own)
      buf_printf(own, "id: %s-%" PRId64 "\n\n", hub->position.epoch, client->cursor);
  }
  client_flush(client);
}

static void keep_alive(struct client *client) {
  struct hub *hub = client->hub;
  if (client->representation == REPRESENTATION_WS) {
    client->alive_at = hub_tick_in(hub, hub->conf->push_ping_interval_ms) - 1;
    ws_keep_alive(client);
  } else {
    client->alive_at = hub_tick_in(hub, CLIENT_COMMENT_MS) - 1;
    sse_keep_alive(client);
  }
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
    keep_alive(client);
  client_schedule(client);
}

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = timer->data;
  wheel_advance(&hub->wheel, hub_tick(hub), on_client_due, hub);
}

static void on_reap(struct ev_loop *loop, ev_prepare *prepare, int events) {
  (void)loop;
  (void)events;
  struct hub *hub = prepare->data;
  while (hub->dead) {
    struct client *client = hub->dead;
    hub->dead = client->lagging_next;
    free(client);
  }
}

void hub_close_all(struct hub *hub, const char *reason) {
  for (uint32_t i = 0; i < hub->client_count;) {
    struct client *client = hub->clients[i];
    if (client->state == CLIENT_OPEN) {
      client_close_telling(client, WS_CLOSE_SERVICE_RESTART, reason);
      client_flush(client);
    }
    if (i < hub->client_count && hub->clients[i] == client)
      i++;
  }
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
  hub->lagging_end = &hub->lagging;
  hub->bell_fd = -1;
  hub->wheel.now = hub_tick(hub);
  char bell_path[sizeof hub->history_dir];
  if (conf_state_path(conf, "history", hub->history_dir, sizeof hub->history_dir) ||
      conf_run_path(conf, "push.bell", bell_path, sizeof bell_path))
    return belfry_error_set(error, BELFRY_ETOOBIG, "paths.state or paths.run is too long");
  if (ring_init(&hub->ring, (size_t)conf->push_ring_events, (size_t)conf->push_ring_bytes) ||
      ring_init(&hub->page, HUB_PAGE_EVENTS, SIZE_MAX))
    return belfry_error_set(error, BELFRY_ENOMEM, "no memory for push.ring_events");
  int status = bell_open(bell_path, &hub->bell_fd, error);
  if (status)
    return status;
  ev_io_init(&hub->bell, on_bell, hub->bell_fd, EV_READ);
  hub->bell.data = hub;
  ev_io_start(loop, &hub->bell);
  ev_prepare_init(&hub->reap, on_reap);
  hub->reap.data = hub;
  ev_prepare_start(loop, &hub->reap);
  start_timer(hub, &hub->look, on_look, LOOK_SECONDS);
  start_timer(hub, &hub->turn, on_turn, WHEEL_TICK_MS / 1e3);
  start_timer(hub, &hub->pass, on_pass, 0);
  start_timer(hub, &hub->more, on_more, 0);
  return BELFRY_OK;
}

void hub_fini(struct hub *hub) {
  while (hub->client_count)
    client_drop(hub->clients[0]);
  if (ev_is_active(&hub->reap)) {
    on_reap(hub->loop, &hub->reap, 0);
    ev_prepare_stop(hub->loop, &hub->reap);
    ev_io_stop(hub->loop, &hub->bell);
    ev_timer_stop(hub->loop, &hub->look);
    ev_timer_stop(hub->loop, &hub->turn);
    ev_timer_stop(hub->loop, &hub->pass);
    ev_timer_stop(hub->loop, &hub->more);
  }
  fd_close(&hub->bell_fd);
  audience_release(&hub->audiences, hub->page_audience);
  batch_fini(&hub->batch, &hub->audiences);
  state_fini(&hub->state);
  ring_fini(&hub->page);
  ring_fini(&hub->ring);
  history_close(hub->history);
  free(hub->clients);
}
