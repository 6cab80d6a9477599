/*
 * Group commit: applies the batches that are waiting in one transaction and says what became of
 * each. Knows nothing of sockets.
 */
#ifndef BELFRY_HISTORYD_APPENDER_H
#define BELFRY_HISTORYD_APPENDER_H

#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "history/append.h"
#include "history/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most batches in one transaction. */
#define APPEND_GROUP_MAX 1024

/* One batch that is waiting. */
struct append_request {
  enum history_origin origin;
  struct slice payload; /* of HISTORY_VERB_APPEND; borrowed until the group is done */
  int status;           /* out: 0 when it is durable, else why it is not stored */
  struct history_receipt receipt;
  char text[BELFRY_ERROR_TEXT_BYTES]; /* out: for a person, when refused */
};

/* What has happened since the start. */
struct append_figures {
  int64_t appends;    /* batches stored */
  int64_t refused;    /* batches not stored */
  int64_t events;     /* stored */
  int64_t duplicates; /* events that were there already */
  int64_t samples;
  int64_t mutations;
  int64_t commits;
  int64_t projection_errors; /* projections that an event's data did not fit */
  int64_t samples_dropped;   /* of events, for want of series */
};

struct appender {
  struct history_writer *writer; /* borrowed */
  const struct conf *conf;       /* borrowed */
  const struct clock *clock;     /* borrowed */
  struct append_figures figures;
  bool full; /* the disk is, and it was said */
};

void appender_init(struct appender *appender, struct history_writer *writer,
                   const struct conf *conf, const struct clock *clock);

/*
 * Applies and commits one group (several, if there are over APPEND_GROUP_MAX requests), and fills
 * in what became of each request; when it returns, those with status 0 are durable. Returns: 0; or
 * BELFRY_EIO or BELFRY_ECORRUPT when the storage cannot be trusted any more: nobody may then be
 * answered, and the daemon must end (law 2).
 */
int appender_commit(struct appender *appender, struct append_request *requests, size_t count,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* The same for one batch of historyd's own. Returns: also what the batch was refused with. */
int appender_commit_own(struct appender *appender, const struct history_batch *batch,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/* Puts the payload of HISTORY_VERB_APPEND that a batch makes. */
void append_payload_put(struct buf *out, const struct history_batch *batch);

#endif
