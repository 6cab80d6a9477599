#include "pushd/behind.h"

#include "pushd/follow.h"
#include "pushd/hub.h"

#include <inttypes.h>
#include <stdio.h>

#define SERVE_BUDGET_US 5000
#define READ_BUDGET_MS  20

int behind_init(struct behind *behind) {
  *behind = (struct behind){0};
  client_line_init(&behind->line);
  return ring_init(&behind->page, BEHIND_PAGE_EVENTS, SIZE_MAX);
}

void behind_fini(struct behind *behind, struct audiences *audiences) {
  audience_release(audiences, behind->page_audience);
  ring_fini(&behind->page);
}

void behind_forget(struct hub *hub) {
  ring_reset(&hub->behind.page, 0);
  audience_release(&hub->audiences, hub->behind.page_audience);
  hub->behind.page_audience = NULL;
}

void behind_add(struct hub *hub, struct client *client) {
  if (client->line_link)
    return;
  client_line_join(&hub->behind.line, client);
  hub_run_soon(hub);
}

void behind_remove(struct hub *hub, struct client *client) {
  if (!client->line_link)
    return;
  client_line_leave(&hub->behind.line, client);
}

struct ring *behind_page(struct hub *hub, const struct client *client) {
  bool has = hub->behind.page_audience &&
             hub->behind.page_audience == client->subscription.audience &&
             hub->behind.page.before <= client->cursor && client->cursor < hub->behind.page.head;
  return has ? &hub->behind.page : NULL;
}

static int on_page_event(void *arg, const struct event *event) {
  struct hub *hub = arg;
  if (!audience_wants(hub->behind.page_audience, event)) {
    ring_advance(&hub->behind.page, event->id);
    return 0;
  }
  int status = ring_put(&hub->behind.page, event);
  /* Full: 1 ends the query. The ring would drop its first events else. */
  return status ? status : hub->behind.page.bytes >= BEHIND_PAGE_BYTES;
}

/* Events that are gone from the history, or that cannot be read: the client is told and goes on at
   the head. */
static void tell_gap(struct hub *hub, struct client *client, const char *reason) {
  char data[160];
  snprintf(data, sizeof data, "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"reason\":\"%s\"}",
           client->cursor + 1, hub->ring.head, reason);
  client_say(client, "gap", slice_of(data), hub->ring.head);
  hub->figures.gaps++;
  hub->figures.gap_events += (uint64_t)(hub->ring.head - client->cursor);
  client_seek(client, hub->ring.head);
}

/* Reads the next page of a client that lags. Returns: 0, also when it was told a gap instead. */
static int read_page(struct hub *hub, struct client *client, struct belfry_error *error) {
  int status = follow_position(hub, error);
  if (status || client->state != CLIENT_OPEN || client->frozen)
    return status;
  if (client->cursor + 1 < hub->position.oldest) {
    tell_gap(hub, client, "retention");
    return BELFRY_OK;
  }
  client->subscription.audience->refs++;
  audience_release(&hub->audiences, hub->behind.page_audience);
  hub->behind.page_audience = client->subscription.audience;
  ring_reset(&hub->behind.page, client->cursor);
  int64_t end = hub->ring.before; /* from there on the ring has it */
  struct event_query query = {.filter = hub->behind.page_audience->filter,
                              .after = client->cursor,
                              .before = end + 1,
                              .limit = BEHIND_PAGE_EVENTS,
                              .budget_ms = READ_BUDGET_MS};
  struct event_page page = {0};
  hub->figures.history_reads++;
  status = history_events(hub->history, &query, on_page_event, hub, &page, error);
  if (status == 1) /* the page is full: it reaches as far as its last event */
    return BELFRY_OK;
  if (status == BELFRY_ECORRUPT || (!status && page.damaged)) {
    tell_gap(hub, client, "unreadable");
    return BELFRY_OK;
  }
  if (!status)
    ring_advance(&hub->behind.page, page.more || page.partial ? page.scanned : end);
  return status;
}

static bool needs_page(struct hub *hub, const struct client *client) {
  return client->state == CLIENT_OPEN && !client->frozen &&
         !ring_holds(&hub->ring, client->cursor) && !behind_page(hub, client);
}

static bool read_page_or_lose(struct hub *hub, struct client *client) {
  struct belfry_error error = {0};
  if (!hub->history)
    return false;
  int status = read_page(hub, client, &error);
  if (status)
    follow_lost(hub, &error);
  return !status;
}

void behind_serve(struct hub *hub) {
  int64_t end_us = clock_monotonic_us(hub->clock) + SERVE_BUDGET_US;
  const struct client *waiting = NULL; /* the first of those for whom the history must be there */
  struct client *client;
  while ((client = hub->behind.line.first) && client != waiting &&
         clock_monotonic_us(hub->clock) < end_us) {
    behind_remove(hub, client);
    if (!needs_page(hub, client) || read_page_or_lose(hub, client)) {
      client_flush(client);
      continue;
    }
    client_line_join(&hub->behind.line,
                     client); /* until the history can be read, which is tried every second */
    if (!waiting)
      waiting = client;
  }
  if (client && client != waiting)
    hub_run_soon(hub);
}
