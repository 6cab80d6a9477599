/*
 * What belfry-watchd and belfry-runner say to each other over a pair of SOCK_SEQPACKET sockets: a
 * message in each packet, none larger than ACTION_MESSAGE_BYTES_MAX. belfry-watchd names an action
 * of the configuration, and never says what to run.
 *
 *     u8 version, u8 verb, and what the verb needs (see the members)
 */
#ifndef BELFRY_BASE_ACTION_H
#define BELFRY_BASE_ACTION_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define ACTION_VERSION           1
#define ACTION_MESSAGE_BYTES_MAX 8192
#define ACTION_OUTPUT_BYTES_MAX  4096 /* in one message */
#define ACTIONS_MAX              4    /* that run at a time */
#define ACTION_RUNNER_FD         3    /* where belfry-runner finds its socket */

enum action_verb {
  ACTION_RUN = 1, /* to the runner: recovery_id, service, action */
  ACTION_RELOAD,  /* to the runner: read the configuration again */
  ACTION_READY,   /* from here on from it: text, why it cannot run anything; empty: it can */
  ACTION_REFUSED, /* recovery_id, text: why it was not run */
  ACTION_OUTPUT,  /* recovery_id, stream, text: what it has written */
  ACTION_ENDED,   /* recovery_id, status, timed_out, lost_bytes */
};

struct action_message {
  enum action_verb verb;
  struct slice recovery_id, service, action, text; /* borrowed */
  uint8_t stream;                                  /* 1: its output; 2: its errors */
  int32_t status;                                  /* of waitpid(2) */
  bool timed_out;
  int64_t lost_bytes; /* of its output, because it was too much */
};

/* Puts one message. A failure is left in `out`. */
void action_put(struct buf *out, const struct action_message *message);

/* Reads a packet. Returns: 0, with texts borrowed from `packet`; BELFRY_EVERSION, or BELFRY_EPROTO.
 */
int action_read(struct slice packet, struct action_message *out) BELFRY_MUST_CHECK;

#endif
