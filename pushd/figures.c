#include "pushd/figures.h"

#include "pushd/h2.h"
#include "pushd/hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int64_t memory_bytes(void) {
  int64_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (!file)
    return 0;
  if (fscanf(file, "%*s %" SCNd64, &pages) != 1)
    pages = 0;
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

void figures_count_refusal(struct figures *figures, enum refusal reason) {
  figures->refused++;
  figures->refusals[reason]++;
}

void figures_count_close(struct figures *figures, uint16_t code) {
  static const uint16_t codes[] = {
#define PUSH_CLOSE(name, code, doc) code,
#include "model/push_figures.def"
  };
  enum closed_by by = code ? CLOSED_other : CLOSED_none;
  for (int i = 0; code && i < CLOSED_COUNT; i++)
    if (codes[i] == code)
      by = (enum closed_by)i;
  figures->closed++;
  figures->closes[by]++;
}

/* What is counted by looking at everybody: once a second that costs less than to keep it up to date
 * at each change. */
static void look_at_clients(struct hub *hub) {
  struct figures *figures = &hub->figures;
  figures->http1_clients = figures->http2_clients = 0;
  figures->closing_clients = figures->blocked_clients = figures->lagging_clients = 0;
  for (uint32_t i = 0; i < hub->client_count; i++) {
    const struct client *client = hub->clients[i];
    figures->closing_clients += client->state > CLIENT_OPEN;
    if (client->state != CLIENT_OPEN)
      continue;
    figures->http1_clients += !client->transport->is_http2;
    figures->http2_clients += client->transport->is_http2;
    figures->blocked_clients += client->blocked;
    figures->lagging_clients += client->line_link != NULL;
  }
}

static void look_at_ring(struct hub *hub) {
  struct figures *figures = &hub->figures;
  struct ring *ring = &hub->ring;
  figures->head = ring->head;
  figures->ring_events = (int64_t)(ring->next - ring->first);
  figures->ring_bytes = (int64_t)ring->bytes;
  figures->ring_oldest = figures->ring_span_ms = 0;
  if (figures->ring_events > 0) {
    const struct ring_event *oldest = ring_at(ring, ring->first);
    figures->ring_oldest = oldest->id;
    figures->ring_span_ms = ring_at(ring, ring->next - 1)->received_ms - oldest->received_ms;
  }
}

static void take_gauges(struct hub *hub) {
  struct figures *figures = &hub->figures;
  figures->clients = hub_open_count(hub);
  figures->ws_deflate_clients = hub->open_count[REPRESENTATION_WS_DEFLATE];
  figures->ws_clients = hub->open_count[REPRESENTATION_WS] + figures->ws_deflate_clients;
  figures->sse_clients = figures->clients - figures->ws_clients;
  figures->sse_named_clients = hub->open_count[REPRESENTATION_SSE_NAMED];
  figures->http2_connections = h2_connection_count(hub);
  figures->handshakes = hub->handshake_count;
  figures->addresses = hub->addresses.row_count;
  figures->credentials = hub->credentials.row_count;
  figures->audiences = (int64_t)hub->audiences.count;
  figures->memory_bytes = memory_bytes();
  look_at_clients(hub);
  look_at_ring(hub);
}

void figures_put(struct hub *hub, struct buf *out) {
  struct figures *figures = &hub->figures;
  take_gauges(hub);
  const char *comma = "{";
#define PUT(name, format, value)                                                                   \
  buf_printf(out, "%s\"" #name "\":%" format, comma, value);                                       \
  comma = ",";
#define PUSH_COUNTER(name, doc) PUT(name, PRIu64, figures->name)
#define PUSH_GAUGE(name, doc)   PUT(name, PRId64, figures->name)
#define PUSH_PEAK(name, doc)    PUT(name, PRId64, figures->name)
#include "model/push_figures.def"
  buf_put_text(out, ",\"refusals\":");
  comma = "{";
#define PUSH_REFUSAL(name, doc) PUT(name, PRIu64, figures->refusals[REFUSAL_##name])
#include "model/push_figures.def"
  buf_put_text(out, "},\"closes\":");
  comma = "{";
#define PUSH_CLOSE(name, code, doc) PUT(name, PRIu64, figures->closes[CLOSED_##name])
#include "model/push_figures.def"
#undef PUT
  buf_put_text(out, "}}");
#define PUSH_PEAK(name, doc) figures->name = 0;
#include "model/push_figures.def"
}
