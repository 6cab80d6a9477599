/*
 * An event from the command line's words, as the JSON that the API takes.
 */
#ifndef BELFRY_CLI_EVENT_ARGS_H
#define BELFRY_CLI_EVENT_ARGS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* What is absent is NULL. Borrowed. */
struct event_args {
  const char *type; /* `log` by default, which needs a message */
  const char *severity, *source, *timestamp;
  const char *id;   /* the event id: sending again with it stores nothing twice */
  const char *data; /* text of a JSON object */
  const char *message;
  char **words; /* KEY=VALUE becomes a member of data (of data.attributes in a log line); the rest,
                   joined by blanks, is the message */
  int word_count;
};

/*
 * Puts the event. A value that is a JSON number, true, false or null stays so, all others are
 * strings. Returns: 0, or BELFRY_EINVAL with what would be right.
 */
int event_args_put(const struct event_args *args, struct buf *out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Puts one line of NDJSON; an event that has no event_id gets `id`, one without a source gets
 * `source` (NULL: none). Returns: 0, or BELFRY_EINVAL when it is no JSON object.
 */
int event_line_put(struct slice line, const char *id, const char *source, struct buf *out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
