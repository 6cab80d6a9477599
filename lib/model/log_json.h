/*
 * Log lines as JSON says them, on their way in and out. A log line is an event of type `log` whose
 * data is {"message":"...","attributes":{...}}.
 */
#ifndef BELFRY_MODEL_LOG_JSON_H
#define BELFRY_MODEL_LOG_JSON_H

#include "model/event_json.h"

#define LOG_EVENT_TYPE "log"

/* A parsed log line. Its texts point into `text`, `event.scratch`, or what was parsed. */
struct log_parsed {
  struct event_parsed event;
  struct buf text; /* owned; the line as an event; log_parsed_init and _fini once */
};

void log_parsed_init(struct log_parsed *parsed);
void log_parsed_fini(struct log_parsed *parsed);

/*
 * Reads one log line: a string, or an object with `message` (or `msg`), `severity` (or `level`),
 * `source`, `timestamp` (or `time`), `event_id` and `attributes` (an object). Without `attributes`,
 * all other members are attributes; with it they are ignored. `severity` is that of a line that
 * says none. Returns: as event_parse.
 */
int log_parse(struct slice text, const struct event_parse_options *options, int severity,
              struct log_parsed *out, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Makes a log line of plain text, which may hold anything: bytes that are not UTF-8 become U+FFFD,
 * NUL too. Returns: as event_parse. */
int log_parse_plain(struct slice line, const struct event_parse_options *options, int severity,
                    struct log_parsed *out, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Puts a stored event as a log line on one line:
   {"id","timestamp","severity","source","message","attributes"}. Without `attributes` in its data,
   these are all members but the message. */
void log_put_json(struct buf *out, const struct event *event);

/* Puts the message alone, decoded, and the attributes alone, as JSON on one line. */
void log_put_message(struct buf *out, const struct event *event);
void log_put_attributes(struct buf *out, const struct event *event);

#endif
