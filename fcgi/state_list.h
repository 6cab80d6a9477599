/*
 * Lists of rows of a projection (agents, sessions, opportunities): a page with a cursor; or one
 * row. A statement gives the rows in order of a key, highest first, and then of their names; its
 * first column is the name, its last the key.
 */
#ifndef BELFRY_FCGI_STATE_LIST_H
#define BELFRY_FCGI_STATE_LIST_H

#include "fcgi/request.h"
#include "fcgi/state_answer.h"
#include "history/query.h"
#include "model/state_text.h"

/* The query parameters of all of them. They stand first in a list's table, in this order. */
enum { STATE_LIST_LIMIT, STATE_LIST_CURSOR, STATE_LIST_PARAMS };

#define STATE_LIST_FIELDS                                                                          \
  [STATE_LIST_LIMIT] = {"limit", FIELD_INTEGER, .min = 1, .max = 1000,                             \
                        .summary = "at most 1000, 100 by default"},                                \
  [STATE_LIST_CURSOR] = {"cursor", FIELD_TEXT, .max = 768,                                         \
                         .summary = "next_cursor of the page before"}

#define STATE_LIST_VALUES_MAX 12

/* Puts one row as a JSON object. */
typedef void (*state_row_fn)(struct state_text *text, const struct state_now *now,
                             const struct history_value *values);

struct state_list {
  const char *plural;
  char letter; /* of the list and its order, for the cursor */
  enum sql_statement statement;
  const char
      *after_name; /* the statement's parameters: where a page goes on; the other is after_key */
  size_t columns;
  state_row_fn put;
  struct history_value values[STATE_LIST_VALUES_MAX]; /* the other parameters but `limit` */
  size_t value_count;
};

/* Puts the page that the request asks for. Returns: as a state_answer_fn. */
int state_list_put(struct worker *worker, const struct request *request, struct history *history,
                   struct state_list *list, struct state_text *text,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* One row by itself, of the same columns: the statement's only parameter is what the path names. */
struct state_one {
  enum sql_statement statement;
  const char *name; /* of the parameter */
  size_t columns;
  state_row_fn put;
};

/* Puts that row. Returns: as a state_answer_fn. */
int state_one_put(struct worker *worker, const struct request *request, struct history *history,
                  const struct state_one *one, struct state_text *text,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* The parameter `name` with the text of a field; NULL when that was not given. */
struct history_value state_list_text(const char *name, const struct field_value *field);

#endif
