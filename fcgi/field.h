/*
 * Typed input: what a query parameter, or a member of a body that is an object, may be. A handler's
 * file says it in a table; the router checks it before the handler runs.
 */
#ifndef BELFRY_FCGI_FIELD_H
#define BELFRY_FCGI_FIELD_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stdint.h>

#define FIELD_COUNT_MAX 20

enum field_kind {
  FIELD_TEXT,     /* of at most `max` bytes, at least `min` */
  FIELD_INTEGER,  /* from `min` to `max` */
  FIELD_NUMBER,   /* likewise, also with a fraction */
  FIELD_TIME,     /* any time that timestamp_parse_relative takes */
  FIELD_DURATION, /* "90s", "15m", "24h", "7d" or a number of seconds; `min` and `max` in ms */
  FIELD_CHOICE,   /* one of `choices` */
  FIELD_BOOLEAN,  /* true or false; 1 or 0 as the number */
};

/* A table ends with a row whose name is NULL. */
struct field {
  const char *name;
  enum field_kind kind;
  bool required;
  int64_t min, max;
  const char *choices; /* "asc|desc" */
  const char *summary; /* for the documentation */
};

struct field_value {
  bool set;
  struct slice text; /* as given, decoded; NULL data when absent */
  int64_t number; /* an integer, a time or duration in ms, a boolean, or the index of the choice */
  double real;    /* a FIELD_NUMBER */
};

/*
 * Checks `text` against `field`. Returns: 0, or BELFRY_EINVAL with what would be right ("must be a
 * whole number from 1 to 1000").
 */
int field_parse(const struct field *field, struct slice text, int64_t now_ms,
                struct field_value *out, struct model_problem *problem) BELFRY_MUST_CHECK;

/*
 * Reads a JSON object against a table. Members that are not in it are ignored. `arena` keeps what
 * is decoded. Returns: 0; BELFRY_EINVAL when it is not JSON; BELFRY_ECONFLICT when it is JSON but
 * not this (422); BELFRY_ETOOBIG; BELFRY_ENOMEM.
 */
int fields_parse_object(const struct field *fields, struct slice text, int64_t now_ms,
                        struct buf *arena, struct field_value *out,
                        struct model_problem *problem) BELFRY_MUST_CHECK;

/* Whether one of them must be there; if not, an empty body is as good as {}. */
bool fields_need_any(const struct field *fields);

/* "250ms", "90s", "15m", "24h", "7d", "2w", or a number of seconds. Returns: 0 or BELFRY_EINVAL. */
int duration_parse(struct slice text, int64_t *out_ms) BELFRY_MUST_CHECK;

#endif
