/*
 * What a history holds: events and samples. The types of all interfaces to it; no behaviour.
 * The history stores a severity and an origin as the numbers that lib/model gives them.
 */
#ifndef BELFRY_HISTORY_EVENT_H
#define BELFRY_HISTORY_EVENT_H

#include "base/slice.h"

#include <stdint.h>

struct event {
  int64_t id;            /* position in the log, from 1; 0 until stored */
  int64_t timestamp_ms;  /* when it happened */
  int64_t received_ms;   /* when it was stored; 0 until then */
  int severity;          /* 0 (debug) to 5 (critical); see model/severity.h */
  struct slice type;     /* [a-z0-9_.:-]{1,64} */
  struct slice source;   /* who it is from, 1 to 128 bytes of UTF-8 */
  struct slice event_id; /* unique within the source, 1 to 128 bytes of UTF-8 */
  struct slice data;     /* text of a JSON object, as it was accepted */
  int origin; /* which of Belfry's programs appended it (enum history_origin); stamped by the writer
               */
};

/* Which program appended something. Decided by the writer from the peer, never taken from a
 * message. */
enum history_origin {
  HISTORY_ORIGIN_HISTORYD = 0,
  HISTORY_ORIGIN_FCGI = 1,
  HISTORY_ORIGIN_PUSHD = 2,
  HISTORY_ORIGIN_WATCHD = 3,
  HISTORY_ORIGIN_CLI = 4,
};

struct sample {
  struct slice metric; /* [a-z_][a-z0-9_]{0,127} */
  struct slice
      labels; /* text of a JSON object of strings with sorted keys and no blanks; "{}" for none */
  int64_t timestamp_ms;
  double value; /* finite */
};

/* A value bound to a parameter of a statement (sql/statements), and a value that it returns. */
enum history_value_kind {
  HISTORY_NULL,
  HISTORY_INTEGER,
  HISTORY_REAL,
  HISTORY_TEXT,
  HISTORY_BLOB, /* bytes, as a text */
};

struct history_value {
  const char *name; /* of the parameter, without its colon; unused in results */
  enum history_value_kind kind;
  int64_t integer;
  double real;
  struct slice text;
};

#define HISTORY_VALUE_NULL(param) ((struct history_value){.name = (param), .kind = HISTORY_NULL})
#define HISTORY_VALUE_INTEGER(param, of)                                                           \
  ((struct history_value){.name = (param), .kind = HISTORY_INTEGER, .integer = (of)})
#define HISTORY_VALUE_REAL(param, of)                                                              \
  ((struct history_value){.name = (param), .kind = HISTORY_REAL, .real = (of)})
#define HISTORY_VALUE_TEXT(param, of)                                                              \
  ((struct history_value){.name = (param), .kind = HISTORY_TEXT, .text = (of)})

#define HISTORY_VALUE_BLOB(param, of)                                                              \
  ((struct history_value){.name = (param), .kind = HISTORY_BLOB, .text = (of)})

/* A history's name; a restore makes a new one. */
#define HISTORY_EPOCH_BYTES 17 /* 16 lower-case hexadecimal digits and a NUL */

struct history_position {
  char epoch[HISTORY_EPOCH_BYTES];
  int64_t oldest;   /* id of the oldest event still there; head + 1 when there is none */
  int64_t head;     /* id of the newest event; 0 when there never was one */
  int64_t deletion; /* id of the newest deletion; when it grows, what was read before may be gone */
};

#endif
