#include "watchd/recovery_tell.h"

#include "base/json.h"
#include "base/log.h"
#include "model/log_line.h"

#include <inttypes.h>
#include <stdio.h>

#define EVENT_ID_BYTES 64

void recovery_teller_init(struct recovery_teller *teller, struct outbox *outbox, struct mask *mask,
                          const struct clock *clock) {
  teller->outbox = outbox;
  teller->mask = mask;
  teller->clock = clock;
  buf_init(&teller->data, 65536);
  buf_init(&teller->text, 65536);
}

void recovery_teller_fini(struct recovery_teller *teller) {
  buf_fini(&teller->data);
  buf_fini(&teller->text);
}

/* Puts a text from outside without secrets. */
static void put_masked(struct recovery_teller *teller, const char *text) {
  buf_clear(&teller->text);
  mask_put(teller->mask, slice_of(text), NULL, &teller->text);
  json_put_string(&teller->data, buf_slice(&teller->text));
}

static void put_story(struct recovery_teller *teller, const struct recovery_story *story) {
  struct buf *data = &teller->data;
  buf_clear(data);
  buf_put_text(data, "{\"recovery_id\":");
  json_put_string(data, slice_of(story->recovery_id));
  buf_put_text(data, ",\"service\":");
  json_put_string(data, slice_of(story->service));
  buf_put_text(data, ",\"action\":");
  json_put_string(data, slice_of(story->action));
  buf_printf(data, ",\"trigger\":\"%s\",\"by\":", story->trigger);
  json_put_string(data, slice_of(story->by));
  buf_put_text(data, ",\"reason\":");
  put_masked(teller, story->reason);
  buf_printf(data, ",\"dry_run\":%s", story->dry_run ? "true" : "false");
}

static struct event event_of(const struct recovery_teller *teller, const char *type,
                             enum severity severity) {
  return (struct event){.timestamp_ms = clock_realtime_ms(teller->clock),
                        .severity = severity,
                        .type = slice_of(type),
                        .source = slice_of("watchd"),
                        .data = buf_slice(&teller->data)};
}

void recovery_put_started(struct recovery_teller *teller, const struct recovery_story *story,
                          struct history_batch *batch) {
  char event_id[EVENT_ID_BYTES];
  snprintf(event_id, sizeof event_id, "%s-started", story->recovery_id);
  put_story(teller, story);
  buf_put_char(&teller->data, '}');
  struct event event = event_of(teller, "recovery_started", SEVERITY_WARNING);
  event.event_id = slice_of(event_id);
  if (buf_status(&teller->data))
    batch->records.status = buf_status(&teller->data);
  else
    history_batch_event(batch, &event);
}

static void put_flag(struct recovery_teller *teller, const char *key, bool value) {
  buf_printf(&teller->data, ",\"%s\":%s", key, value ? "true" : "false");
}

void recovery_tell_finished(struct recovery_teller *teller, const struct recovery_story *story,
                            const struct recovery_outcome *outcome) {
  char event_id[EVENT_ID_BYTES];
  snprintf(event_id, sizeof event_id, "%s-finished", story->recovery_id);
  put_story(teller, story);
  if (outcome->exited)
    buf_printf(&teller->data, ",\"exit_status\":%d", outcome->exit_status);
  put_flag(teller, "timed_out", outcome->timed_out);
  if (!story->dry_run)
    put_flag(teller, "success", outcome->success);
  if (outcome->checked)
    put_flag(teller, "verified", outcome->verified);
  if (outcome->interrupted)
    put_flag(teller, "interrupted", true);
  buf_printf(&teller->data, ",\"duration_ms\":%" PRId64 ",\"message\":", outcome->duration_ms);
  put_masked(teller, outcome->message);
  log_notice("recovery %s of %s (%s): %.*s", story->action, story->service, story->recovery_id,
             SLICE_ARG(buf_slice(&teller->text)));
  buf_put_char(&teller->data, '}');
  struct event event = event_of(teller, "recovery_finished",
                                story->dry_run     ? SEVERITY_INFO
                                : outcome->success ? SEVERITY_SUCCESS
                                                   : SEVERITY_ERROR);
  event.event_id = slice_of(event_id);
  if (buf_status(&teller->data) == BELFRY_OK)
    outbox_event(teller->outbox, &event);
}

void recovery_tell_refused(struct recovery_teller *teller, const struct recovery_story *story,
                           const char *message) {
  put_story(teller, story);
  buf_put_text(&teller->data, ",\"message\":");
  put_masked(teller, message);
  buf_put_char(&teller->data, '}');
  const struct event event = event_of(teller, "recovery_refused", SEVERITY_WARNING);
  log_notice("recovery %s of %s is not begun: %s", story->action, story->service, message);
  if (buf_status(&teller->data) == BELFRY_OK)
    outbox_event(teller->outbox, &event);
}

struct slice recovery_tell_line(struct recovery_teller *teller, const struct recovery_story *story,
                                int stream, struct slice line, struct mask_place *place) {
  char source[128];
  struct log_line read;
  struct buf *data = &teller->data;
  int64_t now_ms = clock_realtime_ms(teller->clock);
  log_line_read(line, false, now_ms, data, &read); /* for how grave it says that it is */
  buf_clear(data);
  log_line_mask(line, data); /* and without NULs */
  buf_clear(&teller->text);
  mask_put(teller->mask, buf_slice(data), place, &teller->text);
  buf_clear(data);
  buf_put_text(data, "{\"message\":");
  json_put_string(data, buf_slice(&teller->text));
  buf_put_text(data, ",\"attributes\":{\"recovery_id\":");
  json_put_string(data, slice_of(story->recovery_id));
  buf_put_text(data, ",\"service\":");
  json_put_string(data, slice_of(story->service));
  buf_put_text(data, ",\"action\":");
  json_put_string(data, slice_of(story->action));
  buf_printf(data, ",\"stream\":\"%s\"}}", stream == 2 ? "stderr" : "stdout");
  snprintf(source, sizeof source, "recovery:%s", story->service);
  struct event event = event_of(teller, "log", read.severity);
  event.source = slice_of(source);
  if (buf_status(data) == BELFRY_OK && buf_status(&teller->text) == BELFRY_OK)
    outbox_event(teller->outbox, &event);
  return buf_slice(&teller->text);
}
