/*
 * Events as JSON says them, on their way in and out.
 */
#ifndef BELFRY_MODEL_EVENT_JSON_H
#define BELFRY_MODEL_EVENT_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/ulid.h"
#include "history/event.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct event_parse_options {
  int64_t now_ms;              /* the timestamp of an event that says none */
  struct slice default_source; /* the source of an event that says none; borrowed */
  size_t max_data_bytes;       /* of one event's data */
  bool checked;             /* the text has been through json_parse already, as part of a whole */
  struct ulid_maker *ulids; /* makes up missing event ids */
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
 * data; BELFRY_ENOMEM.
 */
int event_parse(struct slice text, const struct event_parse_options *options,
                struct event_parsed *out, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Puts a stored event as lists and pushes show it:
   {"event","data","id","event_id","severity","source","timestamp","received"}. */
void event_put_json(struct buf *out, const struct event *event);

#endif
