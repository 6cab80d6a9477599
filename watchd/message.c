#include "watchd/message.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TITLE_BYTES_MAX 200

struct message *message_new(const char *channel, int64_t sent_ms) {
  struct message *message = calloc(1, sizeof *message);
  if (!message)
    return NULL;
  message->channel = channel;
  message->sent_ms = sent_ms;
  message->alerts = calloc(MESSAGE_ALERTS_MAX, sizeof *message->alerts);
  if (message->alerts)
    return message;
  free(message);
  return NULL;
}

void message_free(struct message *message) {
  if (message)
    free(message->alerts);
  free(message);
}

/* --- what becomes of notices -------------------------------------------------------------------
 */

static bool is_over(const struct message_alert *alert) {
  return alert->notice.kind == NOTICE_RESOLVED;
}

/* FNV-1a, 64 bits. Sums of it do not depend on the order. */
static uint64_t hash_of(struct slice text) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < text.len; i++)
    hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static bool is_later(const struct notice *a, const struct notice *b) {
  return a->started_ms != b->started_ms ? a->started_ms > b->started_ms : a->kind >= b->kind;
}

static void merge(struct message_alert *alert, const struct notice *notice) {
  bool same_start = alert->notice.started_ms == notice->started_ms,
       one_is_over = (alert->notice.kind == NOTICE_RESOLVED) != (notice->kind == NOTICE_RESOLVED),
       later = is_later(notice, &alert->notice),
       fired = alert->notice.kind == NOTICE_FIRING || notice->kind == NOTICE_FIRING;
  alert->untold = same_start ? alert->untold || (one_is_over && fired) : alert->untold && !later;
  if (later)
    alert->notice = *notice;
}

static void count(struct message *message) {
  message->firing = message->resolved = 0;
  for (size_t i = 0; i < message->count; i++)
    if (is_over(&message->alerts[i]))
      message->resolved++;
    else
      message->firing++;
}

bool message_add(struct message *message, const struct notice *notice) {
  size_t i = 0;
  while (i < message->count && !slice_equal(message->alerts[i].notice.alert_id, notice->alert_id))
    i++;
  if (i == MESSAGE_ALERTS_MAX)
    return false;
  if (i == message->count)
    message->alerts[message->count++] = (struct message_alert){.notice = *notice};
  else
    merge(&message->alerts[i], notice);
  if (message->hash == 0)
    message->group = notice->group;
  else if (!slice_equal(message->group, notice->group))
    message->group = slice_of("");
  message->hash += hash_of(notice->notice_id);
  count(message);
  return true;
}

enum severity message_severity(const struct message *message) {
  enum severity gravest = SEVERITY_DEBUG;
  for (size_t i = 0; i < message->count; i++)
    if (message->alerts[i].notice.severity > gravest)
      gravest = message->alerts[i].notice.severity;
  return gravest;
}

void message_id(const struct message *message, char out[static MESSAGE_ID_BYTES]) {
  snprintf(out, MESSAGE_ID_BYTES, "%016" PRIx64,
           message->hash ^ hash_of(slice_of(message->channel)));
}

/* --- for people --------------------------------------------------------------------------------
 */

void message_put_line(struct buf *out, struct slice text) {
  while (text.len > 0) {
    size_t good = utf8_valid_prefix(text);
    for (size_t i = 0; i < good; i++) {
      unsigned char c = (unsigned char)text.data[i];
      bool separates = good - i >= 3 && (memcmp(text.data + i, "\u2028", 3) == 0 ||
                                         memcmp(text.data + i, "\u2029", 3) == 0);
      bool is_c1 = c == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0;
      if (separates || is_c1)
        i += separates ? 2 : 1;
      buf_put_char(out, c < 0x20 || c == 0x7f || separates || is_c1 ? ' ' : (char)c);
    }
    if (good < text.len)
      buf_put_text(out, "\ufffd");
    good += good < text.len;
    text = slice_new(text.data + good, text.len - good);
  }
}

const char *message_alert_status(const struct message_alert *alert) {
  return is_over(alert) ? "resolved" : "firing";
}

const char *message_status(const struct message *message) {
  return message->firing > 0 ? "firing" : "resolved";
}

/* In words. */
static const char *state_of(const struct message_alert *alert) {
  if (alert->untold && is_over(alert))
    return "fired and is over again";
  return is_over(alert)                        ? "resolved"
         : alert->notice.kind == NOTICE_REPEAT ? "still firing"
                                               : "firing";
}

/* The gravest that fires, else the gravest. */
static const struct message_alert *first_of(const struct message *message) {
  const struct message_alert *first = &message->alerts[0];
  for (size_t i = 1; i < message->count; i++) {
    const struct message_alert *alert = &message->alerts[i];
    if (is_over(first) != is_over(alert) ? is_over(first)
                                         : alert->notice.severity > first->notice.severity)
      first = alert;
  }
  return first;
}

static void put_counts(const struct message *message, struct buf *out) {
  if (message->firing > 0)
    buf_printf(out, "%zu firing", message->firing);
  if (message->resolved > 0)
    buf_printf(out, "%s%zu resolved", message->firing > 0 ? ", " : "", message->resolved);
}

void message_put_title(const struct message *message, struct buf *out) {
  const struct message_alert *first = first_of(message);
  struct buf line;
  buf_init(&line, 0);
  buf_put_char(&line, '[');
  if (message->test)
    buf_put_text(&line, "test");
  else if (message->count == 1)
    buf_put_text(&line, state_of(first));
  else
    put_counts(message, &line);
  buf_put_text(&line, "] ");
  message_put_line(&line, first->notice.summary);
  size_t len = line.len < TITLE_BYTES_MAX ? line.len : TITLE_BYTES_MAX;
  buf_put(out, line.data, utf8_valid_prefix(slice_new(line.data, len)));
  if (message->count > 1)
    buf_printf(out, " and %zu more", message->count - 1);
  if (buf_status(&line))
    out->status = buf_status(&line);
  buf_fini(&line);
}

static void put_time(struct buf *out, const char *name, int64_t ms) {
  char text[TIMESTAMP_BYTES];
  timestamp_format(ms, text);
  buf_printf(out, ", %s %s", name, text);
}

static void put_label_lines(const struct notice *notice, struct buf *out) {
  json_t *labels = json_loadb(notice->labels.data, notice->labels.len, 0, NULL), *value;
  const char *name, *between = "  ";
  json_object_foreach(labels, name, value) {
    buf_put_text(out, between);
    message_put_line(out, slice_of(name));
    buf_put_char(out, '=');
    message_put_line(out, slice_of(json_string_value(value)));
    between = ", ";
  }
  if (json_object_size(labels) > 0)
    buf_put_char(out, '\n');
  json_decref(labels);
}

void message_put_alert(const struct message_alert *alert, struct buf *out) {
  const struct notice *notice = &alert->notice;
  buf_printf(out, "%s: ", state_of(alert));
  message_put_line(out, notice->summary);
  buf_printf(out, "\n  %s", severity_name((int)notice->severity));
  put_time(out, "since", notice->started_ms);
  if (is_over(alert) && notice->ended_ms)
    put_time(out, "until", notice->ended_ms);
  if (!isnan(notice->value))
    buf_printf(out, ", value %.6g", notice->value);
  buf_put_char(out, '\n');
  put_label_lines(notice, out);
}

/* --- for programs ------------------------------------------------------------------------------
 */

void message_put_time(struct buf *out, int64_t ms) {
  char text[TIMESTAMP_BYTES];
  timestamp_format(ms, text);
  buf_printf(out, "\"%s\"", text);
}

void message_put_labels(const struct notice *notice, struct buf *out) {
  json_t *labels = json_loadb(notice->labels.data, notice->labels.len, 0, NULL);
  char *text = json_is_object(labels) ? json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
  buf_put_text(out, text ? text : "{}");
  free(text);
  json_decref(labels);
}

static void put_json_alert(const struct message_alert *alert, struct buf *out) {
  const struct notice *notice = &alert->notice;
  buf_put_text(out, "{\"alert_id\":");
  json_put_string(out, notice->alert_id);
  buf_put_text(out, ",\"rule\":");
  json_put_string(out, notice->rule);
  buf_printf(out, ",\"status\":\"%s\",\"repeat\":%s,\"untold\":%s,\"severity\":\"%s\",\"summary\":",
             message_alert_status(alert), notice->kind == NOTICE_REPEAT ? "true" : "false",
             alert->untold && is_over(alert) ? "true" : "false",
             severity_name((int)notice->severity));
  json_put_string(out, notice->summary);
  buf_put_text(out, ",\"labels\":");
  message_put_labels(notice, out);
  buf_put_text(out, ",\"value\":");
  json_put_number(out, notice->value);
  buf_put_text(out, ",\"started\":");
  message_put_time(out, notice->started_ms);
  buf_put_text(out, ",\"ended\":");
  if (is_over(alert))
    message_put_time(out, notice->ended_ms);
  else
    buf_put_text(out, "null");
  buf_put_char(out, '}');
}

void message_put_json(const struct message *message, struct buf *out) {
  char id[MESSAGE_ID_BYTES];
  struct buf title;
  buf_init(&title, 0);
  message_put_title(message, &title);
  message_id(message, id);
  buf_printf(out, "{\"version\":\"1\",\"id\":\"%s\",\"channel\":", id);
  json_put_string(out, slice_of(message->channel));
  buf_printf(out, ",\"test\":%s,\"status\":\"%s\",\"title\":", message->test ? "true" : "false",
             message_status(message));
  json_put_string(out, buf_slice(&title));
  buf_put_text(out, ",\"group\":");
  json_put_string(out, message->group);
  buf_put_text(out, ",\"sent\":");
  message_put_time(out, message->sent_ms);
  buf_printf(out, ",\"firing\":%zu,\"resolved\":%zu,\"alerts\":[", message->firing,
             message->resolved);
  for (size_t i = 0; i < message->count; i++) {
    buf_put_text(out, i ? "," : "");
    put_json_alert(&message->alerts[i], out);
  }
  buf_put_text(out, "]}");
  buf_fini(&title);
}
