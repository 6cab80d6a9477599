/*
 * What is to be told, as the history holds it, and what became of it.
 */
#include "watchd/notifier_priv.h"

#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[] = {
    [NOTICE_FIRING] = "firing", [NOTICE_REPEAT] = "repeat", [NOTICE_RESOLVED] = "resolved"};

/* --- in ----------------------------------------------------------------------------------------
 */

static void put(struct notifier *notifier, const struct channel *channel,
                const struct notice *notice) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("notice_id", notice->notice_id),
      HISTORY_VALUE_TEXT("channel", slice_of(channel->conf->name)),
      HISTORY_VALUE_TEXT("alert_id", notice->alert_id),
      HISTORY_VALUE_TEXT("rule", notice->rule),
      HISTORY_VALUE_TEXT("kind", slice_of(kinds[notice->kind])),
      HISTORY_VALUE_INTEGER("severity", (int64_t)notice->severity),
      HISTORY_VALUE_TEXT("alert_group", notice->group),
      HISTORY_VALUE_TEXT("labels", notice->labels),
      HISTORY_VALUE_TEXT("summary", notice->summary),
      isfinite(notice->value) ? HISTORY_VALUE_REAL("value", notice->value)
                              : HISTORY_VALUE_NULL("value"),
      HISTORY_VALUE_INTEGER("started", notice->started_ms),
      notice->ended_ms ? HISTORY_VALUE_INTEGER("ended", notice->ended_ms)
                       : HISTORY_VALUE_NULL("ended"),
      HISTORY_VALUE_INTEGER("queued", notifier__now_ms(notifier)),
  };
  outbox_change(notifier->parts.outbox, SQL_NOTIFICATION_PUT, values,
                sizeof values / sizeof *values);
}

/* Whether it wants to hear of this. */
static bool wants(const struct channel *channel, char *const *names, const struct notice *notice) {
  bool named = !names && !channel->conf->by_name_only;
  for (; names && *names && !named; names++)
    named = strcmp(*names, channel->conf->name) == 0;
  return named && (int)notice->severity >= channel->conf->min_severity &&
         !(notice->kind == NOTICE_RESOLVED && channel->conf->only_firing);
}

bool notifier_put(struct notifier *notifier, char *const *channels, const struct notice *notice) {
  bool wanted = false;
  for (struct channel *channel = notifier->channels; channel; channel = channel->next)
    if (wants(channel, channels, notice)) {
      put(notifier, channel, notice);
      wanted = true;
    }
  return wanted;
}

/* --- out ---------------------------------------------------------------------------------------
 */

/* The columns of notifications_open. */
enum {
  COLUMN_NOTICE_ID,
  COLUMN_CHANNEL,
  COLUMN_ALERT_ID,
  COLUMN_RULE,
  COLUMN_KIND,
  COLUMN_SEVERITY,
  COLUMN_GROUP,
  COLUMN_LABELS,
  COLUMN_SUMMARY,
  COLUMN_VALUE,
  COLUMN_STARTED,
  COLUMN_ENDED,
  COLUMN_QUEUED,
  COLUMNS
};

static int64_t integer_of(const struct history_value *value) {
  return value->kind == HISTORY_INTEGER ? value->integer : 0;
}

static double real_of(const struct history_value *value) {
  return value->kind == HISTORY_REAL      ? value->real
         : value->kind == HISTORY_INTEGER ? (double)value->integer
                                          : NAN;
}

/* Copies a text into the pending one's own room. */
static struct slice keep(struct pending *pending, size_t *used, const struct history_value *value) {
  struct slice text = value->kind == HISTORY_TEXT ? value->text : slice_of("");
  char *copy = pending->texts + *used;
  if (text.len > 0)
    memcpy(copy, text.data, text.len);
  *used += text.len;
  return slice_new(copy, text.len);
}

static struct pending *make_pending(const struct history_value *values) {
  size_t bytes = 0, used = 0;
  for (size_t i = 0; i < COLUMNS; i++)
    bytes += values[i].kind == HISTORY_TEXT ? values[i].text.len : 0;
  struct pending *pending = calloc(1, sizeof *pending + bytes);
  if (!pending)
    return NULL;
  pending->queued_ms = integer_of(&values[COLUMN_QUEUED]);
  struct notice *notice = &pending->notice;
  notice->notice_id = keep(pending, &used, &values[COLUMN_NOTICE_ID]);
  notice->alert_id = keep(pending, &used, &values[COLUMN_ALERT_ID]);
  notice->rule = keep(pending, &used, &values[COLUMN_RULE]);
  notice->group = keep(pending, &used, &values[COLUMN_GROUP]);
  notice->labels = keep(pending, &used, &values[COLUMN_LABELS]);
  notice->summary = keep(pending, &used, &values[COLUMN_SUMMARY]);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (slice_is(values[COLUMN_KIND].text, kinds[i]))
      notice->kind = (enum notice_kind)i;
  notice->severity = (enum severity)integer_of(&values[COLUMN_SEVERITY]);
  notice->value = real_of(&values[COLUMN_VALUE]);
  notice->started_ms = integer_of(&values[COLUMN_STARTED]);
  notice->ended_ms = integer_of(&values[COLUMN_ENDED]);
  return pending;
}

struct reading {
  struct channel *channel;
  struct pending **last; /* where the next new one is put */
};

static int notifier_on_open(void *arg, const struct history_value *values, size_t count) {
  struct reading *reading = arg;
  if (count != COLUMNS)
    return BELFRY_ECORRUPT;
  for (struct pending *pending = reading->channel->first; pending; pending = pending->next)
    if (slice_equal(pending->notice.notice_id, values[COLUMN_NOTICE_ID].text)) {
      pending->seen = true;
      return 0;
    }
  struct pending *pending = make_pending(values);
  if (!pending)
    return BELFRY_ENOMEM;
  pending->seen = true;
  *reading->last = pending;
  reading->last = &pending->next;
  reading->channel->waiting++;
  return 0;
}

/* What the history does not hold as open any more, it knows to be done. */
static void drop_unseen(struct channel *channel) {
  for (struct pending **at = &channel->first; *at;) {
    struct pending *pending = *at;
    if (pending->seen || pending->in_message) {
      at = &pending->next;
      continue;
    }
    *at = pending->next;
    channel->waiting -= !pending->done;
    free(pending);
  }
}

static int read_channel(struct channel *channel, struct history *history,
                        struct belfry_error *error) {
  const struct history_value params[] = {
      HISTORY_VALUE_TEXT("channel", slice_of(channel->conf->name))};
  struct reading reading = {channel, &channel->first};
  for (struct pending *pending = channel->first; pending; pending = pending->next) {
    pending->seen = false;
    reading.last = &pending->next;
  }
  int status =
      history_read(history, SQL_NOTIFICATIONS_OPEN, params, 1, notifier_on_open, &reading, error);
  if (!status)
    drop_unseen(channel);
  return status;
}

static void tell_orphaned(struct notifier *notifier, struct slice name, int64_t count) {
  struct buf data;
  log_error("the channel %.*s is gone from the configuration, with %lld notices that it was not "
            "told",
            SLICE_ARG(name), (long long)count);
  buf_init(&data, 0);
  buf_printf(&data,
             "{\"channel\":\"%.*s\",\"given_up\":%lld,\"message\":\"the channel is gone from the "
             "configuration\"}",
             SLICE_ARG(name), (long long)count);
  const struct event event = {.timestamp_ms = notifier__now_ms(notifier),
                              .severity = SEVERITY_ERROR,
                              .type = slice_of("notification_failed"),
                              .source = slice_of("watchd"),
                              .data = buf_slice(&data)};
  if (buf_status(&data) == BELFRY_OK)
    outbox_event(notifier->parts.outbox, &event);
  buf_fini(&data);
}

/* Columns: channel, count, the oldest. What waits for a channel that is gone is given up. */
static int notifier_on_waiting(void *arg, const struct history_value *values, size_t count) {
  struct notifier *notifier = arg;
  if (count != 3)
    return BELFRY_ECORRUPT;
  if (notifier__find(notifier, values[0].text))
    return 0;
  const struct history_value params[] = {HISTORY_VALUE_TEXT("channel", values[0].text),
                                         HISTORY_VALUE_INTEGER("now", notifier__now_ms(notifier))};
  outbox_change(notifier->parts.outbox, SQL_NOTIFICATIONS_ORPHANED, params, 2);
  tell_orphaned(notifier, values[0].text, values[1].integer);
  return 0;
}

void notifier__read(struct notifier *notifier) {
  struct belfry_error error = {0};
  struct history *history = reader_history(notifier->parts.reader, &error);
  uint64_t version = history ? history_version(history) : 0;
  if (!history || (version && version == notifier->version))
    return;
  int status = BELFRY_OK;
  for (struct channel *channel = notifier->channels; channel && !status; channel = channel->next)
    status = read_channel(channel, history, &error);
  if (status && status != BELFRY_ENOMEM)
    reader_lost(notifier->parts.reader);
  notifier->version = status ? 0 : version;
}

void notifier__drop_pending(struct channel *channel) {
  while (channel->first) {
    struct pending *pending = channel->first;
    channel->first = pending->next;
    free(pending);
  }
  channel->waiting = 0;
}

/* --- what became of it -------------------------------------------------------------------------
 */

void notifier__settle(struct channel *channel, struct pending *pending, bool given_up) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("notice_id", pending->notice.notice_id),
      HISTORY_VALUE_TEXT("channel", slice_of(channel->conf->name)),
      HISTORY_VALUE_INTEGER("now", notifier__now_ms(channel->notifier)),
      HISTORY_VALUE_INTEGER("given_up", given_up),
  };
  outbox_change(channel->notifier->parts.outbox, SQL_NOTIFICATION_DONE, values,
                sizeof values / sizeof *values);
  pending->done = true;
  channel->waiting--;
}

static struct history_value time_value(const char *name, int64_t ms) {
  return ms ? HISTORY_VALUE_INTEGER(name, ms) : HISTORY_VALUE_NULL(name);
}

void notifier__put_state(const struct channel *channel) {
  const struct channel_state *state = &channel->state;
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("channel", slice_of(channel->conf->name)),
      HISTORY_VALUE_INTEGER("sent", state->sent),
      HISTORY_VALUE_INTEGER("failed", state->failed),
      HISTORY_VALUE_INTEGER("given_up", state->given_up),
      HISTORY_VALUE_INTEGER("attempts", state->attempts),
      time_value("last_success", state->last_success_ms),
      time_value("last_failure", state->last_failure_ms),
      HISTORY_VALUE_TEXT("last_error", slice_of(state->last_error)),
      time_value("failing_since", state->failing_since_ms),
      time_value("next_attempt", state->next_attempt_ms),
      HISTORY_VALUE_REAL("tokens", state->tokens),
      HISTORY_VALUE_INTEGER("tokens_at", state->tokens_ms),
  };
  outbox_change(channel->notifier->parts.outbox, SQL_CHANNEL_PUT, values,
                sizeof values / sizeof *values);
}

/* Columns of channels_known. */
static int notifier_on_known(void *arg, const struct history_value *values, size_t count) {
  struct notifier *notifier = arg;
  if (count != 12)
    return BELFRY_ECORRUPT;
  struct channel *channel = notifier__find(notifier, values[0].text);
  if (!channel) {
    const struct history_value params[] = {HISTORY_VALUE_TEXT("channel", values[0].text)};
    outbox_change(notifier->parts.outbox, SQL_CHANNEL_FORGET, params, 1);
    return 0;
  }
  if (channel->known)
    return 0;
  struct channel_state *state = &channel->state;
  int64_t *const times[] = {&state->sent,
                            &state->failed,
                            &state->given_up,
                            &state->attempts,
                            &state->last_success_ms,
                            &state->last_failure_ms,
                            NULL,
                            &state->failing_since_ms,
                            &state->next_attempt_ms,
                            NULL,
                            &state->tokens_ms};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    if (times[i])
      *times[i] = integer_of(&values[i + 1]);
  snprintf(state->last_error, sizeof state->last_error, "%.*s", SLICE_ARG(values[7].text));
  state->tokens = real_of(&values[10]);
  return 0;
}

int notifier__restore(struct notifier *notifier) {
  int status = reader_read(notifier->parts.reader, SQL_CHANNELS_KNOWN, notifier_on_known, notifier);
  return status ? status
                : reader_read(notifier->parts.reader, SQL_NOTIFICATIONS_WAITING,
                              notifier_on_waiting, notifier);
}
