#include "watchd/notifier.h"

#include "watchd/notifier_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 250

struct channel *notifier__find(const struct notifier *notifier, struct slice name) {
  for (struct channel *channel = notifier->channels; channel; channel = channel->next)
    if (slice_is(name, channel->conf->name))
      return channel;
  return NULL;
}

static void notifier_on_tick(void *arg) {
  struct notifier *notifier = arg;
  if (!notifier->known && notifier__restore(notifier))
    return;
  for (struct channel *channel = notifier->channels; channel; channel = channel->next)
    channel->known = true;
  notifier->known = true;
  notifier__read(notifier);
  for (struct channel *channel = notifier->channels; channel; channel = channel->next)
    notifier__look(channel);
}

/* --- configuration -----------------------------------------------------------------------------
 */

static void free_channel(struct channel *channel) {
  delivery_cancel(channel->delivery);
  message_free(channel->message);
  notifier__drop_pending(channel);
  conf_channel_free(channel->conf);
  free(channel);
}

static void free_channels(struct channel *channels) {
  while (channels) {
    struct channel *channel = channels;
    channels = channel->next;
    free_channel(channel);
  }
}

static int make_channels(struct notifier *notifier, const struct conf *conf, struct channel **out) {
  struct channel **last = out;
  *out = NULL;
  for (size_t i = 0; i < conf->channel_count; i++) {
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel)
      return BELFRY_ENOMEM;
    *last = channel;
    last = &channel->next;
    channel->notifier = notifier;
    channel->conf = conf_channel_copy(&conf->channels[i]);
    if (!channel->conf)
      return BELFRY_ENOMEM;
  }
  return BELFRY_OK;
}

static void give(struct channel *old, struct channel *made) {
  made->first = old->first;
  made->waiting = old->waiting;
  made->crowded = old->crowded;
  made->state = old->state;
  made->known = old->known;
  old->first = NULL;
}

/* What is on its way goes on where the channel is as it was. Where it has changed, it is sent again
 * as it is now; it may have arrived already. */
static void take_over(struct channel *old, struct channel *made) {
  give(old, made);
  if (conf_channel_same(old->conf, made->conf)) {
    struct conf_channel *conf = made->conf;
    made->conf = old->conf; /* the delivery and the message borrow of it */
    old->conf = conf;
    made->delivery = old->delivery;
    made->message = old->message;
    old->delivery = NULL;
    old->message = NULL;
    if (made->delivery)
      made->delivery->arg = made;
    return;
  }
  made->state.next_attempt_ms = 0; /* what was wrong may have been mended */
  for (struct pending *pending = made->first; pending; pending = pending->next)
    pending->in_message = false;
}

int notifier_configure(struct notifier *notifier, const struct conf *conf) {
  struct channel *made;
  int status = make_channels(notifier, conf, &made);
  if (status) {
    free_channels(made);
    return status;
  }
  for (struct channel *channel = made; channel; channel = channel->next) {
    struct channel *old = notifier__find(notifier, slice_of(channel->conf->name));
    if (old)
      take_over(old, channel);
  }
  free_channels(notifier->channels);
  notifier->channels = made;
  notifier->version = 0;
  notifier->known = false; /* what waits for a channel that is gone is given up */
  if (!schedule_task_runs(&notifier->tick))
    schedule_task_start(&notifier->tick, 0, TICK_MS);
  return BELFRY_OK;
}

void notifier_figures(const struct notifier *notifier, struct report_figures *figures) {
  for (const struct channel *channel = notifier->channels; channel; channel = channel->next) {
    figures->notifications_sent += channel->state.sent;
    figures->notifications_failed += channel->state.failed;
    figures->notifications_queued += (int64_t)channel->waiting;
  }
}

int notifier_new(const struct notifier_parts *parts, struct notifier **out) {
  struct notifier *notifier = calloc(1, sizeof *notifier);
  if (!notifier)
    return BELFRY_ENOMEM;
  notifier->parts = *parts;
  schedule_task_init(&notifier->tick, parts->schedule, notifier_on_tick, notifier);
  *out = notifier;
  return BELFRY_OK;
}

void notifier_free(struct notifier *notifier) {
  if (!notifier)
    return;
  schedule_task_stop(&notifier->tick);
  free_channels(notifier->channels);
  free(notifier);
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void notifier_on_tested(void *arg, const struct delivery_end *end) {
  struct notifier_test *test = arg;
  test->delivery = NULL;
  test->on_done(test->arg, end->accepted ? NULL : end->words);
  notifier_test_end(test);
}

static int compose(struct notifier_test *test, const char *asked_by) {
  int64_t now_ms = notifier__now_ms(test->notifier);
  snprintf(test->summary, sizeof test->summary, "this is a test of the channel %s, asked for by %s",
           test->channel->name, asked_by);
  snprintf(test->id, sizeof test->id, "test/%s/%lld", test->channel->name, (long long)now_ms);
  const struct notice notice = {.notice_id = slice_of(test->id),
                                .alert_id = slice_of("test"),
                                .rule = slice_of("test"),
                                .kind = NOTICE_FIRING,
                                .severity = SEVERITY_INFO,
                                .group = slice_of("test"),
                                .labels =
                                    slice_of("{\"alertname\":\"test\",\"severity\":\"info\"}"),
                                .summary = slice_of(test->summary),
                                .value = NAN,
                                .started_ms = now_ms};
  test->message = message_new(test->channel->name, now_ms);
  if (!test->message)
    return BELFRY_ENOMEM;
  test->message->test = true;
  (void)message_add(test->message, &notice);
  return BELFRY_OK;
}

int notifier_test_begin(struct notifier *notifier, const char *channel, const char *asked_by,
                        struct notifier_test *test, notifier_test_fn on_done, void *arg,
                        struct belfry_error *error) {
  const struct delivery_tools tools = {notifier->parts.loop, notifier->parts.transfers};
  const struct channel *found = notifier__find(notifier, slice_of(channel));
  *test = (struct notifier_test){.notifier = notifier, .on_done = on_done, .arg = arg};
  if (!found)
    return belfry_error_set(error, BELFRY_ENOENT, "there is no channel of this name");
  test->channel = conf_channel_copy(found->conf);
  int status = test->channel ? compose(test, asked_by) : BELFRY_ENOMEM;
  if (status)
    belfry_error_set(error, status, "out of memory");
  else
    status = delivery_start(&tools, test->channel, test->message, notifier_on_tested, test,
                            &test->delivery, error);
  if (status)
    notifier_test_end(test);
  return status;
}

void notifier_test_end(struct notifier_test *test) {
  delivery_cancel(test->delivery);
  message_free(test->message);
  conf_channel_free(test->channel);
  test->delivery = NULL;
  test->message = NULL;
  test->channel = NULL;
}
