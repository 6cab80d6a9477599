/*
 * CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) as events:
 *
 *   type             event; lower case, and `_` for what is not in a-z 0-9 _ . : -
 *   source, id       source, event_id: an event is a duplicate when both are those of another
 *   time             timestamp
 *   severity         an extension of that name, where it is one of ours
 *   data             data, when it is an object without a member `cloudevent`; else the member
 *                    `data` of it, resp. `data_base64`
 *   everything else  data.cloudevent: subject, dataschema, datacontenttype (unless it is JSON),
 *                    extensions, and the type, where it had to be changed
 */
#ifndef BELFRY_MODEL_CLOUDEVENT_H
#define BELFRY_MODEL_CLOUDEVENT_H

#include "model/event_json.h"

/* Headers that are looked at: the attributes of one event. */
#define CLOUDEVENT_HEADERS_MAX 64

/* Longest name of an attribute. */
#define CLOUDEVENT_NAME_BYTES_MAX 64

/* A parsed event. Its texts point into `text`, `event.scratch`, or what was parsed. */
struct cloudevent_parsed {
  struct event_parsed event;
  struct buf text; /* owned; made from headers and body */
  struct buf data; /* owned */
};

void cloudevent_parsed_init(struct cloudevent_parsed *parsed);
void cloudevent_parsed_fini(struct cloudevent_parsed *parsed);

/* Reads one event in the JSON format, as which it was checked already. Errors as event_parse. */
int cloudevent_parse(struct slice text, const struct event_parse_options *options,
                     struct cloudevent_parsed *out,
                     struct model_problem *problem) BELFRY_MUST_CHECK;

/* An attribute as a header says it: `name` is what follows `ce-`. */
struct cloudevent_header {
  struct slice name, value;
};

/*
 * Reads an event in binary mode (HTTP protocol binding, 3.1): attributes in headers,
 * percent-encoded; the body is the data. JSON (by its content type, or where that is absent and it
 * is some) is carried as it is, other text in UTF-8 as text, everything else in base64. Pointers of
 * `problem` are names of headers, or "" for the body. Errors as event_parse.
 */
int cloudevent_parse_binary(const struct cloudevent_header *headers, size_t count,
                            struct slice content_type, struct slice body,
                            const struct event_parse_options *options,
                            struct cloudevent_parsed *out,
                            struct model_problem *problem) BELFRY_MUST_CHECK;

#endif
