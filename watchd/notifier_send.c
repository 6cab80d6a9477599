/*
 * A channel is told: which notices go in one message, when it may be sent, and what follows from
 * how that ended.
 */
#include "watchd/notifier_priv.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>

#define HOUR_MS        3600000.
#define RETRY_MAX_MS   600000
#define URGENT_DIVISOR 10 /* a critical alert waits so much shorter for others */

/* --- when --------------------------------------------------------------------------------------
 */

static int64_t due_ms(const struct channel *channel, const struct pending *pending) {
  int64_t wait_ms = channel->conf->group_wait_ms;
  if (pending->notice.kind == NOTICE_FIRING && pending->notice.severity == SEVERITY_CRITICAL)
    wait_ms /= URGENT_DIVISOR;
  return pending->queued_ms + wait_ms;
}

/* A queued time of the future is of a clock that was set back. */
static bool is_due(const struct channel *channel, const struct pending *pending, int64_t now_ms) {
  return !pending->done && (due_ms(channel, pending) <= now_ms || pending->queued_ms > now_ms);
}

/* Half of max_per_hour may go at once; the other half comes over the hour. So there are never more
 * in any hour, and never a long silence. */
static void refill(struct channel *channel, int64_t now_ms) {
  struct channel_state *state = &channel->state;
  double burst = (double)((channel->conf->max_per_hour + 1) / 2),
         per_hour = (double)channel->conf->max_per_hour - burst;
  if (state->tokens_ms == 0)
    state->tokens = burst;
  else if (now_ms > state->tokens_ms)
    state->tokens += (double)(now_ms - state->tokens_ms) / HOUR_MS * per_hour;
  if (state->tokens > burst)
    state->tokens = burst;
  state->tokens_ms = now_ms;
}

/* --- what --------------------------------------------------------------------------------------
 */

/* The one that is due and was tried longest ago: what a channel refuses for ever must not stop what
 * it would take. */
static const struct pending *next_due(const struct channel *channel, int64_t now_ms) {
  const struct pending *next = NULL;
  for (const struct pending *pending = channel->first; pending; pending = pending->next)
    if (is_due(channel, pending, now_ms) && (!next || pending->tried_ms < next->tried_ms))
      next = pending;
  return next;
}

static struct message *compose(struct channel *channel, const struct pending *first,
                               int64_t now_ms) {
  struct message *message = message_new(channel->conf->name, now_ms);
  if (!message)
    return NULL;
  for (struct pending *pending = channel->first; pending; pending = pending->next) {
    bool belongs = slice_equal(pending->notice.group, first->notice.group) ||
                   (channel->crowded && is_due(channel, pending, now_ms));
    if (!pending->done && belongs && message_add(message, &pending->notice)) {
      pending->in_message = true;
      pending->tried_ms = now_ms;
    }
  }
  return message;
}

/* --- what follows ------------------------------------------------------------------------------
 */

static void put_text(struct buf *data, const char *name, struct slice text) {
  buf_printf(data, ",\"%s\":", name);
  json_put_string(data, text);
}

static void put_event(struct channel *channel, const char *type, enum severity severity,
                      struct buf *data) {
  buf_put_char(data, '}');
  const struct event event = {.timestamp_ms = notifier__now_ms(channel->notifier),
                              .severity = (int)severity,
                              .type = slice_of(type),
                              .source = slice_of("watchd"),
                              .data = buf_slice(data)};
  if (buf_status(data) == BELFRY_OK)
    outbox_event(channel->notifier->parts.outbox, &event);
  buf_fini(data);
}

static void begin_event(const struct channel *channel, struct buf *data) {
  char id[MESSAGE_ID_BYTES];
  struct buf title;
  buf_init(data, 0);
  buf_init(&title, 0);
  buf_put_text(data, "{\"channel\":");
  json_put_string(data, slice_of(channel->conf->name));
  put_text(data, "type", slice_of(conf_channel_type_name(channel->conf)));
  if (channel->message) {
    message_id(channel->message, id);
    message_put_title(channel->message, &title);
    put_text(data, "message_id", slice_of(id));
    put_text(data, "title", buf_slice(&title));
    buf_printf(data, ",\"firing\":%zu,\"resolved\":%zu,\"alerts\":[", channel->message->firing,
               channel->message->resolved);
    for (size_t i = 0; i < channel->message->count; i++) {
      buf_put_text(data, i ? "," : "");
      json_put_string(data, channel->message->alerts[i].notice.alert_id);
    }
    buf_put_char(data, ']');
  }
  buf_fini(&title);
}

static void tell_sent(struct channel *channel, int64_t attempts) {
  struct buf data;
  begin_event(channel, &data);
  buf_printf(&data, ",\"attempts\":%lld", (long long)attempts);
  put_event(channel, "notification_sent", SEVERITY_INFO, &data);
}

static void tell_failed(struct channel *channel, size_t given_up) {
  struct buf data;
  begin_event(channel, &data);
  put_text(&data, "message", slice_of(channel->state.last_error));
  buf_printf(&data, ",\"attempts\":%lld,\"given_up\":%zu", (long long)channel->state.attempts,
             given_up);
  put_event(channel, "notification_failed", given_up ? SEVERITY_ERROR : SEVERITY_WARNING, &data);
}

static void take_accepted(struct channel *channel) {
  struct channel_state *state = &channel->state;
  int64_t attempts = state->attempts + 1;
  if (state->failing_since_ms)
    log_notice("the channel %s accepts messages again", channel->conf->name);
  state->sent++;
  state->last_success_ms = notifier__now_ms(channel->notifier);
  state->attempts = state->failing_since_ms = state->next_attempt_ms = 0;
  state->tokens -= 1;
  for (struct pending *pending = channel->first; pending; pending = pending->next)
    if (pending->in_message)
      notifier__settle(channel, pending, false);
  tell_sent(channel, attempts);
}

/* Twice as long each time, a quarter more or less by chance. What the channel asks for is more
 * important. */
static int64_t delay_ms(const struct channel *channel, const struct delivery_end *end) {
  int64_t delay = channel->conf->retry_delay_ms;
  uint16_t chance = 0;
  for (int64_t i = 1; i < channel->state.attempts && delay < RETRY_MAX_MS; i++)
    delay *= 2;
  if (delay > RETRY_MAX_MS)
    delay = RETRY_MAX_MS;
  fd_random(&chance, sizeof chance);
  delay += delay * (chance % 501 - 250) / 1000;
  return end->retry_after_ms > delay ? end->retry_after_ms : delay;
}

/* What has failed for too long; when nothing was accepted for so long, also what has not been tried
 * since. Returns: how many. */
static size_t give_up(struct channel *channel, int64_t now_ms) {
  int64_t since_ms = now_ms - channel->conf->give_up_ms;
  bool dead = channel->state.failing_since_ms <= since_ms;
  size_t count = 0;
  for (struct pending *pending = channel->first; pending; pending = pending->next)
    if (!pending->done && pending->queued_ms <= since_ms && (pending->in_message || dead)) {
      notifier__settle(channel, pending, true);
      count++;
    }
  return count;
}

static void take_refused(struct channel *channel, const struct delivery_end *end) {
  struct channel_state *state = &channel->state;
  int64_t now_ms = notifier__now_ms(channel->notifier);
  state->failed++;
  state->attempts++;
  state->last_failure_ms = now_ms;
  if (state->failing_since_ms == 0)
    state->failing_since_ms = now_ms;
  snprintf(state->last_error, sizeof state->last_error, "%s", end->words);
  state->next_attempt_ms = now_ms + delay_ms(channel, end);
  size_t given_up = give_up(channel, now_ms);
  state->given_up += (int64_t)given_up;
  if (state->attempts == 1 && given_up == 0)
    log_warning("the channel %s does not accept a message, which is tried again: %s",
                channel->conf->name, state->last_error);
  if (given_up > 0)
    log_error("the channel %s accepts nothing, %zu notices are given up: %s", channel->conf->name,
              given_up, state->last_error);
  if (state->attempts == 1 || given_up > 0)
    tell_failed(channel, given_up);
}

static void notifier_on_delivered(void *arg, const struct delivery_end *end) {
  struct channel *channel = arg;
  struct outbox *outbox = channel->notifier->parts.outbox;
  channel->delivery = NULL;
  outbox_begin(outbox);
  if (end->accepted)
    take_accepted(channel);
  else
    take_refused(channel, end);
  notifier__put_state(channel);
  outbox_end(outbox);
  for (struct pending *pending = channel->first; pending; pending = pending->next)
    pending->in_message = false;
  message_free(channel->message);
  channel->message = NULL;
}

static void send_message(struct channel *channel, const struct pending *first, int64_t now_ms) {
  const struct delivery_tools tools = {channel->notifier->parts.loop,
                                       channel->notifier->parts.transfers};
  struct belfry_error error = {0};
  channel->message = compose(channel, first, now_ms);
  if (!channel->message)
    return; /* of memory there may be more at the next look */
  if (delivery_start(&tools, channel->conf, channel->message, notifier_on_delivered, channel,
                     &channel->delivery, &error) == BELFRY_OK)
    return;
  struct delivery_end end = {0};
  snprintf(end.words, sizeof end.words, "%.*s", (int)sizeof end.words - 1, error.text);
  utf8_repair(end.words);
  notifier_on_delivered(channel, &end);
}

void notifier__look(struct channel *channel) {
  int64_t now_ms = notifier__now_ms(channel->notifier);
  const struct channel_state *state = &channel->state;
  bool rests = state->next_attempt_ms > now_ms && state->last_failure_ms <= now_ms;
  if (channel->delivery || channel->waiting == 0 || rests)
    return;
  const struct pending *first = next_due(channel, now_ms);
  if (!first)
    return;
  refill(channel, now_ms);
  if (channel->state.tokens < 1) {
    if (!channel->crowded)
      log_notice("the channel %s gets no more than %lld messages in an hour: what comes now waits "
                 "and is put together",
                 channel->conf->name, (long long)channel->conf->max_per_hour);
    channel->crowded = true;
    return;
  }
  send_message(channel, first, now_ms);
  channel->crowded = false;
}
