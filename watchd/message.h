/*
 * What a channel is told at once: alerts, each as it stands by the latest of its notices. What is
 * put here for people is plain text without control characters; what it means to a channel's own
 * syntax, each channel sees to.
 */
#ifndef BELFRY_WATCHD_MESSAGE_H
#define BELFRY_WATCHD_MESSAGE_H

#include "base/buf.h"
#include "watchd/notifier.h"

#include <stdbool.h>
#include <stddef.h>

#define MESSAGE_ALERTS_MAX 50
#define MESSAGE_ID_BYTES   17

struct message_alert {
  struct notice notice; /* the latest; borrowed from what was added */
  bool untold;          /* it is over, and that it fired is told only now */
};

struct message {
  const char *channel; /* borrowed */
  struct slice group;  /* borrowed; empty when it is of several */
  bool test;
  int64_t sent_ms;
  uint64_t hash; /* of its notices, in whatever order: the same ones make the same message */
  struct message_alert *alerts; /* owned */
  size_t count, firing, resolved;
};

/* Takes: `channel` borrowed. Returns: owned, free with message_free(); NULL out of memory. */
struct message *message_new(const char *channel, int64_t sent_ms);
void message_free(struct message *message);

/* Takes: `notice` borrowed while the message is. Returns: false when it is full; what is of an
 * alert that is in it already always fits. */
bool message_add(struct message *message, const struct notice *notice);

/* The gravest of its alerts. */
enum severity message_severity(const struct message *message);

/* The same as long as its notices are the same. */
void message_id(const struct message *message, char out[static MESSAGE_ID_BYTES]);

/* Puts one line that says what it is about. */
void message_put_title(const struct message *message, struct buf *out);

/* Puts some lines about one of its alerts, each ended by a line feed. */
void message_put_alert(const struct message_alert *alert, struct buf *out);

/* Puts the JSON that webhooks and programs are given; belfry-watchd(8) tells of it. */
void message_put_json(const struct message *message, struct buf *out);

/* firing or resolved. */
const char *message_status(const struct message *message);
const char *message_alert_status(const struct message_alert *alert);

/* Puts the labels as the JSON object that they are; {} when they are none. */
void message_put_labels(const struct notice *notice, struct buf *out);

/* Puts a time as a JSON string. */
void message_put_time(struct buf *out, int64_t ms);

/* Puts text of others as one line: what controls is a blank, bytes that are not UTF-8 are U+FFFD.
 */
void message_put_line(struct buf *out, struct slice text);

#endif
