/*
 * What a client wants to be sent. Clients that want the same events share one `audience`: its
 * conditions are compiled once, and each event of the ring is judged once per audience, not per
 * client; the verdicts are kept as bits that a cursor skips along, 64 events at a time.
 */
#ifndef BELFRY_PUSHD_SUBSCRIPTION_H
#define BELFRY_PUSHD_SUBSCRIPTION_H

#include "base/buf.h"
#include "base/slice.h"
#include "history/filter.h"
#include "model/filter_parse.h"
#include "pushd/ring.h"

#include <stdbool.h>
#include <stdint.h>

/* The conditions as they were asked for; all are borrowed, empty ones are no condition. */
struct audience_texts {
  struct slice events;       /* globs of types, comma list; one must match */
  struct slice except;       /* globs of types, comma list; none may match */
  struct slice min_severity; /* a name */
  struct slice sources;      /* globs, comma list */
  struct slice only_type;    /* exact; what an ingest key is confined to */
  struct slice only_source;  /* exact; likewise */
  bool nothing;              /* no events at all */
};

struct audience {
  uint32_t refs;
  uint32_t hash;
  struct audience *next; /* in its bucket */
  struct event_filter filter;
  struct audience_texts texts; /* point into `text` */
  bool everything;             /* no condition */
  uint64_t judged_from;        /* verdicts hold for sequences from here ... */
  uint64_t judged_to;          /* ... to before here */
  uint64_t *verdicts;          /* owned; bits by sequence modulo `verdict_count`; NULL until used */
  size_t verdict_count;
  char text[];
};

#define AUDIENCE_BUCKETS 1024

/* All audiences there are. Zero it before the first use; it is empty again when all are released.
 */
struct audiences {
  struct audience *buckets[AUDIENCE_BUCKETS];
  uint32_t count;
};

/*
 * Finds or makes the audience with these conditions. Returns: 0 with `*out`, one reference for the
 * caller, give it back with audience_release(); BELFRY_EINVAL with `problem` (its pointer names the
 * parameter); BELFRY_ENOMEM.
 */
int audience_get(struct audiences *audiences, const struct audience_texts *texts,
                 struct audience **out, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Takes: one reference. NULL is fine. */
void audience_release(struct audiences *audiences, struct audience *audience);

bool audience_wants(const struct audience *audience, const struct event *event);

/* The first event in the ring at or after `sequence` that is wanted; ring->next when there is none.
 * Returns: 0, or BELFRY_ENOMEM. */
int audience_next(struct audience *audience, struct ring *ring, uint64_t sequence,
                  uint64_t *out) BELFRY_MUST_CHECK;

struct subscription {
  struct audience *audience; /* one reference */
  uint32_t interval_ms;      /* of metrics updates, when they are wanted */
  bool metrics;
  bool batch; /* several events may come in one message, as an array */
};

/* Puts the subscription as an object: what `subscribed` and `unsubscribed` answer, with further
 * members in `more` (such as ",\"head\":3"). */
void subscription_put(struct buf *out, const struct subscription *subscription, const char *more);

/* Takes the patterns of `remove` (a comma list) out of the conditions of `from`: those it was given
 * literally go, the others become exceptions. `scratch` gets the texts that `out` points to. */
void audience_without(const struct audience *from, struct slice remove, struct buf *scratch,
                      struct audience_texts *out);

#endif
