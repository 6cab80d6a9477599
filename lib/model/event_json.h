/*
 * Events, samples and filters as JSON and query texts say them (CONTRACT: HTTP and Push).
 */
#ifndef BELFRY_MODEL_EVENT_JSON_H
#define BELFRY_MODEL_EVENT_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/ulid.h"
#include "history/event.h"
#include "history/filter.h"

#include <stdint.h>

/* Where a body is wrong: a JSON pointer (RFC 6901) relative to the value that was parsed, and what
 * would be right. */
struct model_problem {
  char pointer[160];
  char detail[240];
};

struct event_parse_options {
  int64_t now_ms;              /* the timestamp of an event that says none */
  struct slice default_source; /* the source of an event that says none; borrowed */
  size_t max_data_bytes;       /* of one event's data */
  struct ulid_maker *ulids;    /* makes up missing event ids */
};

/*
 * A parsed event. Its texts point into the JSON text that was parsed, or into `scratch`; both must
 * outlive it.
 */
struct event_parsed {
  struct event event;
  struct buf scratch; /* owned; event_parsed_init and _fini once, used again for each event */
};

void event_parsed_init(struct event_parsed *parsed);
void event_parsed_fini(struct event_parsed *parsed);

/*
 * Reads one event object: `event` (or `event_type`, `type`), `data`, `severity`, `source`,
 * `timestamp`, `event_id`. Members that are not known are ignored. `text` need not be checked
 * before. Returns: 0; BELFRY_EINVAL when it is not JSON; BELFRY_ECONFLICT when it is JSON but no
 * event (422); BELFRY_EDENIED for a type that only Belfry may write; BELFRY_ETOOBIG for too much
 * data or depth; BELFRY_ENOMEM.
 */
int event_parse(struct slice text, const struct event_parse_options *options,
                struct event_parsed *out, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Puts a stored event as lists and pushes show it:
   {"event","data","id","event_id","severity","source","timestamp","received"}. */
void event_put_json(struct buf *out, const struct event *event);

struct sample_parsed {
  struct sample sample;
  struct buf scratch; /* owned, as above */
};

void sample_parsed_init(struct sample_parsed *parsed);
void sample_parsed_fini(struct sample_parsed *parsed);

/* Reads one sample object: `metric`, `value`, `labels` (an object of strings), `timestamp`. Errors
 * as event_parse. */
int sample_parse(struct slice text, int64_t now_ms, struct sample_parsed *out,
                 struct model_problem *problem) BELFRY_MUST_CHECK;

bool metric_name_valid(struct slice name);

/* Returns: the unit that a metric's name ends with: "percent", "ms", "bytes", "bytes_per_second",
 * "seconds", ""... */
const char *metric_unit(struct slice name);

/* The parameters by which events are chosen, as they come from a query string or a subscribe
   command; an absent one has NULL data. Decoded, not checked. */
struct event_filter_texts {
  struct slice event;        /* globs, comma list */
  struct slice severity;     /* names, comma list */
  struct slice min_severity; /* a name */
  struct slice source;       /* globs, comma list */
  struct slice from, to;     /* times, also relative */
  struct slice q;            /* words */
};

/* Returns: 0, or BELFRY_EINVAL with `problem` (its pointer is the parameter's name). Texts stay
 * borrowed. */
int event_filter_parse(const struct event_filter_texts *texts, int64_t now_ms,
                       struct event_filter *out, struct model_problem *problem) BELFRY_MUST_CHECK;

#endif
