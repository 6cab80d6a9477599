#include "pushd/follow.h"

#include "base/json.h"
#include "base/log.h"
#include "pushd/behind.h"
#include "pushd/handshake.h"
#include "pushd/hub.h"

#include <inttypes.h>
#include <string.h>

#define LOOK_EVENTS    1000  /* read from the history at once */
#define LOOK_BUDGET_US 20000 /* then clients have their turn */
#define LAST_BUDGET_MS 500
#define SILENT_MS      3000 /* a history that stands still so long is opened anew */

/* --- the history -------------------------------------------------------------------------------
 */

void follow_close(struct hub *hub) {
  history_close(hub->history);
  hub->history = NULL;
}

static void tell_unreadable(struct hub *hub, const struct belfry_error *error) {
  if (!hub->told_unreadable)
    log_warning("the history cannot be read, trying again every second: %s", error->text);
  hub->told_unreadable = true;
}

void follow_lost(struct hub *hub, const struct belfry_error *error) {
  tell_unreadable(hub, error);
  follow_close(hub);
}

/* Another history lies where the one was that we know: a restore. Cursors of the old one mean
   nothing in it, so everybody has to come anew and is then told what is complete. */
static void start_over(struct hub *hub, const struct history_position *position) {
  bool first = !hub->position.epoch[0];
  if (!first) {
    log_notice("the history was replaced: epoch %s is now %s", hub->position.epoch,
               position->epoch);
    drain_start(&hub->drain, DRAIN_HISTORY_REPLACED, hub->conf->push_drain_ms);
  }
  hub->position = *position;
  hub->ready = false;
  int64_t before = position->head - (int64_t)hub->ring.capacity;
  if (before < position->oldest - 1)
    before = position->oldest - 1;
  ring_reset(&hub->ring, before);
  behind_forget(hub);
}

/* What was deleted must not be given from the ring. Who still wants something of it reads it from
   the history, which knows. */
static void forget_ring(struct hub *hub) {
  log_info("events were deleted: the ring begins anew at id %" PRId64, hub->ring.head);
  ring_reset(&hub->ring, hub->ring.head);
  behind_forget(hub);
}

int follow_position(struct hub *hub, struct belfry_error *error) {
  struct history_position position;
  int status = history_position(hub->history, &position, error);
  if (status)
    return status;
  if (strcmp(position.epoch, hub->position.epoch) != 0 || position.head < hub->ring.head)
    start_over(hub, &position);
  else if (position.deletion != hub->position.deletion)
    forget_ring(hub);
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
  follow_close(hub);
  hub->history = history;
  hub->version = 0;
  hub->version_ms = clock_monotonic_ms(hub->clock);
  if (follow_position(hub, &error)) {
    follow_close(hub);
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
  if (slice_is(event->type, "audit")) {
    struct slice action = json_member(event->data, "action");
    hub->told_audit = true;
    hub->told_access = hub->told_access || slice_starts_with(action, "\"key_") ||
                       slice_starts_with(action, "\"user_");
  }
  return ring_put(&hub->ring, event);
}

/* Reads what is new into the ring. Returns: 0 with `*more`, or why it could not. */
static int read_new(struct hub *hub, bool *more, struct belfry_error *error) {
  int64_t end_us = clock_monotonic_us(hub->clock) + LOOK_BUDGET_US;
  *more = true;
  while (*more && clock_monotonic_us(hub->clock) < end_us) {
    struct event_query query = {.after = hub->ring.head, .limit = LOOK_EVENTS};
    struct event_page page = {0};
    int status = history_events(hub->history, &query, on_new_event, hub, &page, error);
    if (status)
      return status;
    *more = page.count > 0 && page.more;
  }
  return BELFRY_OK;
}

bool follow_look(struct hub *hub) {
  struct belfry_error error = {0};
  bool more = false;
  if (!hub->history && !open_history(hub))
    return false;
  int status = hub->ready ? BELFRY_OK : follow_position(hub, &error);
  hub->told_audit = hub->told_access = false;
  if (!status)
    status = read_new(hub, &more, &error);
  if (!status && hub->told_audit) /* it may tell of a deletion */
    status = follow_position(hub, &error);
  if (status) {
    follow_lost(hub, &error);
    return false;
  }
  if (hub->told_access)
    handshake_check_all_soon(hub);
  if (hub->told_unreadable)
    log_notice("the history can be read again");
  hub->told_unreadable = false;
  if (more) {
    hub_run_soon(hub);
  } else if (!hub->ready) {
    hub->ready = true;
    log_info("following the history from id %" PRId64 ", %" PRIu64 " events ready", hub->ring.head,
             hub->ring.next - hub->ring.first);
  }
  return true;
}

void follow_check(struct hub *hub) {
  struct belfry_error error = {0};
  if (!hub->history)
    return;
  reopen_if_silent(hub);
  if (hub->history && follow_position(hub, &error))
    follow_lost(hub, &error);
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
    hub->figures.history_reads++;
    /* When it cannot be read, or not all of it in time, the client gets fewer. */
    if (history_events(hub->history, &query, on_last_event, &search, NULL, NULL) < 0)
      log_debug("events before the ring could not be read");
  }
  return search.lowest - 1;
}

int follow_resolve(struct hub *hub, const struct follow_start *start, struct audience *audience,
                   int64_t *cursor, bool *complete, struct belfry_error *error) {
  *complete = true;
  /* What was stored before somebody came is not new to them, and they may know of an event whose
     bell has not reached us yet. */
  if (!hub->ready || !follow_look(hub))
    return belfry_error_set(error, BELFRY_EBUSY, "the history cannot be read now");
  if (hub->ring.head != hub->passed_head)
    hub_run_soon(hub);
  if (start->has_since) {
    if (start->since < hub->ring.before) {
      int status = follow_position(hub, error);
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
