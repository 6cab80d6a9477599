#include "cli/sse.h"

#include <string.h>

void sse_init(struct sse *sse, sse_message_fn on_message, void *arg) {
  *sse = (struct sse){.on_message = on_message, .arg = arg, .retry_ms = -1};
  buf_init(&sse->line, SSE_MESSAGE_BYTES_MAX);
  buf_init(&sse->name, SSE_MESSAGE_BYTES_MAX);
  buf_init(&sse->data, SSE_MESSAGE_BYTES_MAX);
}

void sse_fini(struct sse *sse) {
  buf_fini(&sse->line);
  buf_fini(&sse->name);
  buf_fini(&sse->data);
}

void sse_restart(struct sse *sse) {
  buf_clear(&sse->line);
  buf_clear(&sse->name);
  buf_clear(&sse->data);
  strcpy(sse->next_id, sse->last_id);
  sse->has_data = sse->after_cr = sse->started = false;
}

/* An empty line: what was collected is a message, unless there was no data. The id counts anyway.
 */
static void dispatch(struct sse *sse) {
  strcpy(sse->last_id, sse->next_id);
  if (sse->has_data && !buf_status(&sse->data))
    sse->on_message(sse->arg, buf_slice(&sse->name), buf_slice(&sse->data));
  buf_clear(&sse->name);
  buf_clear(&sse->data);
  sse->has_data = false;
}

static void take_id(struct sse *sse, struct slice value) {
  if (value.len >= SSE_ID_BYTES || (value.len && memchr(value.data, '\0', value.len)))
    return; /* such an id cannot be sent back */
  if (value.len)
    memcpy(sse->next_id, value.data, value.len);
  sse->next_id[value.len] = '\0';
}

static void take_line(struct sse *sse, struct slice line) {
  const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
  struct slice field = line, value = slice_new("", 0);
  long long number;
  if (line.len == 0) {
    dispatch(sse);
    return;
  }
  if (colon == line.data)
    return; /* a comment */
  if (colon) {
    field = slice_new(line.data, (size_t)(colon - line.data));
    value = slice_new(colon + 1, line.len - field.len - 1);
    if (value.len > 0 && value.data[0] == ' ')
      value = slice_new(value.data + 1, value.len - 1);
  }
  if (slice_is(field, "data")) {
    if (sse->has_data)
      buf_put_char(&sse->data, '\n');
    buf_put_slice(&sse->data, value);
    sse->has_data = true;
  } else if (slice_is(field, "event")) {
    buf_clear(&sse->name);
    buf_put_slice(&sse->name, value);
  } else if (slice_is(field, "id")) {
    take_id(sse, value);
  } else if (slice_is(field, "retry") && slice_to_int64(value, &number) && number >= 0) {
    sse->retry_ms = number;
  }
}

static struct slice without_mark(struct sse *sse, struct slice line) {
  bool marked = !sse->started && slice_starts_with(line, "\xef\xbb\xbf");
  sse->started = true;
  return marked ? slice_new(line.data + 3, line.len - 3) : line;
}

int sse_feed(struct sse *sse, struct slice bytes) {
  const char *at = bytes.data, *end = bytes.data + bytes.len;
  while (at < end) {
    if (sse->after_cr && *at == '\n') {
      sse->after_cr = false;
      at++;
      continue;
    }
    sse->after_cr = false;
    const char *stop = at;
    while (stop < end && *stop != '\r' && *stop != '\n')
      stop++;
    buf_put(&sse->line, at, (size_t)(stop - at));
    if (stop < end) {
      sse->after_cr = *stop == '\r';
      if (!buf_status(&sse->line))
        take_line(sse, without_mark(sse, buf_slice(&sse->line)));
      if (!buf_status(&sse->line))
        buf_clear(&sse->line);
      stop++;
    }
    if (buf_status(&sse->line) || buf_status(&sse->data) || buf_status(&sse->name))
      return buf_status(&sse->line) ? buf_status(&sse->line) : BELFRY_ETOOBIG;
    at = stop;
  }
  return BELFRY_OK;
}
