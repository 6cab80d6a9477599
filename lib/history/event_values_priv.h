/*
 * The values of statements that run for an event: what the parameters of event_insert and of
 * projections may be called.
 *
 * An event's columns: id, event_id, type, severity, source, origin, timestamp, received, data. And
 * what its data says at the top level, where KEY is the member's name; what is absent or of another
 * type is NULL:
 *
 *   name_KEY    a name or an id: a string, or a whole number as its text; cut to 128
 *               characters, NULL when empty
 *   textN_KEY   a string, cut to N characters, NULL when empty
 *   number_KEY  a number
 *   flag_KEY    0 for false and 0, NULL for null, 1 for all else that is there
 */
#ifndef BELFRY_HISTORY_EVENT_VALUES_PRIV_H
#define BELFRY_HISTORY_EVENT_VALUES_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "history/event.h"
#include "history/statements.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENT_VALUES_PARAMETERS_MAX 20 /* of one statement */
#define EVENT_VALUES_MEMBERS_MAX    48 /* that all statements together ask for */

struct event_parameter {
  uint8_t kind;   /* enum event_parameter_kind */
  uint8_t member; /* place among the members asked for */
  uint16_t most;  /* characters of a text */
};

struct event_member {
  const char *key; /* borrowed from a statement's text */
  size_t key_len;
  struct slice raw;  /* as it stands in the data; NULL when it is not there */
  struct slice text; /* decoded, once it was asked for */
};

struct event_values {
  struct {
    bool needs;     /* `needed` */
    uint8_t needed; /* place of the member without which it is not run */
    uint8_t count;
    struct event_parameter parameters[EVENT_VALUES_PARAMETERS_MAX];
  } of[SQL_STATEMENT_COUNT];
  struct event_member members[EVENT_VALUES_MEMBERS_MAX];
  size_t member_count;
  int64_t read_of; /* id of the event that `members` are of; 0: of none */
  struct buf decoded;
};

void event_values__init(struct event_values *values);
void event_values__fini(struct event_values *values);

/* Learns what a statement asks for. `statement` must outlive `values`. Returns: BELFRY_EINVAL when
 * it asks for what an event does not have. */
int event_values__learn(struct event_values *values, enum sql_statement number,
                        sqlite3_stmt *statement, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Another event comes: one with another id, or with that of one that was undone. */
void event_values__turn(struct event_values *values);

/* Whether the statement is to run for the event: what it needs is there. */
bool event_values__wanted(struct event_values *values, enum sql_statement number,
                          const struct event *event);

/* Binds all parameters of a statement; texts are borrowed from `event` and from here until the next
 * turn. Returns: a code of SQLite. */
int event_values__bind(struct event_values *values, enum sql_statement number,
                       sqlite3_stmt *statement, const struct event *event) BELFRY_MUST_CHECK;

#endif
