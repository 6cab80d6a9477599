/*
 * Bodies of requests: how much may come, what they may be encoded as, and a walk over the records
 * (events, samples) that one carries.
 */
#ifndef BELFRY_FCGI_BODY_H
#define BELFRY_FCGI_BODY_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stdint.h>

enum body_kind {
  BODY_NONE,     /* is not looked at */
  BODY_OBJECT,   /* one JSON object, checked against the row's table */
  BODY_RECORDS,  /* JSON (one object or an array) or NDJSON */
  BODY_LINES,    /* the same, or plain text */
  BODY_EVENTS,   /* as BODY_RECORDS, or CloudEvents in one of their three modes */
  BODY_DOCUMENT, /* one JSON value, which a parser of lib/model reads */
  BODY_OTLP,     /* a request of OpenTelemetry as JSON; errors have its form, too */
};

enum body_type {
  BODY_TYPE_JSON,
  BODY_TYPE_NDJSON,
  BODY_TYPE_TEXT,
  BODY_TYPE_CLOUDEVENT,        /* one, attributes and data */
  BODY_TYPE_CLOUDEVENTS,       /* an array of them */
  BODY_TYPE_CLOUDEVENT_BINARY, /* data alone, of any type; the attributes are headers */
  BODY_TYPE_OTHER
};

/* What a Content-Type is for us. None at all is taken as JSON; a charset other than UTF-8 is not
 * taken. */
enum body_type body_type_of(struct slice content_type);

/* Whether it is a format of CloudEvents, known here or not: then headers have no attributes. */
bool body_is_cloudevents_format(struct slice content_type);

/*
 * Inflates gzip (RFC 1952, also several members) into `out`, at most `limit` bytes of it.
 * Returns: 0, BELFRY_ETOOBIG, BELFRY_EINVAL when it is not gzip or cut short, BELFRY_ENOMEM.
 */
int body_inflate(struct slice gzip, size_t limit, struct buf *out) BELFRY_MUST_CHECK;

/* A walk over the records of a body. */
struct body_records {
  bool ndjson, single;
  struct slice rest; /* NDJSON: the lines still to come; single: the object */
  struct json_walk walk;
  uint64_t line; /* NDJSON: of the current record, from 1 */
  uint64_t index;
  char where[32]; /* of the current record: "/3", "line 4", or "" for a single one */
};

/*
 * Starts the walk; JSON is checked as a whole here, NDJSON line by line by who parses the records.
 * Returns: 0; BELFRY_EINVAL (not JSON); BELFRY_ECONFLICT (neither object nor array); BELFRY_ETOOBIG
 * (nested too deeply); BELFRY_ENOMEM.
 */
int body_records_start(struct body_records *records, struct slice body, bool ndjson,
                       struct model_problem *problem) BELFRY_MUST_CHECK;

/* Returns: false at the end. `*text` is borrowed from the body. */
bool body_records_next(struct body_records *records, struct slice *text);

#endif
