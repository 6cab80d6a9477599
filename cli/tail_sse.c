/* belfry tail over Server-Sent Events: after a lost connection Last-Event-ID says where it was. */
#include "cli/tail.h"
#include "cli/url.h"

#include <stdio.h>

static int on_bytes(void *arg, struct slice bytes) {
  struct tail *tail = arg;
  int status = sse_feed(&tail->sse, bytes);
  if (!status && fflush(stdout) != 0)
    return BELFRY_EIO;
  return status;
}

static void put_path(struct buf *path, const struct tail *tail) {
  buf_put_text(path, "events");
  tail_put_filters(path, tail);
  if (!tail->sse.last_id[0]) { /* else Last-Event-ID says it better */
    url_put_parameter(path, "since", tail->options.since);
    url_put_parameter(path, "last", tail->options.last);
  }
}

int tail_over_sse(struct tail *tail, struct http *http, struct http_response *response,
                  struct belfry_error *error) {
  struct buf path;
  char last_id[SSE_ID_BYTES];
  strcpy(last_id, tail->sse.last_id);
  buf_init(&path, 0);
  put_path(&path, tail);
  struct http_request request = {.method = "GET",
                                 .path = path.data,
                                 .accept = "text/event-stream",
                                 .last_event_id = last_id[0] ? last_id : NULL,
                                 .on_bytes = on_bytes,
                                 .arg = tail};
  sse_restart(&tail->sse);
  int status = buf_status(&path) ? BELFRY_ENOMEM : http_perform(http, &request, response, error);
  buf_fini(&path);
  return status;
}
