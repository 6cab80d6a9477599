/*
 * What the lists of keys and of users share: their JSON, their cursor, the event about a change.
 */
#ifndef BELFRY_FCGI_CREDENTIAL_H
#define BELFRY_FCGI_CREDENTIAL_H

#include "fcgi/worker.h"

#define CREDENTIAL_CURSOR_BYTES 40

/* Puts a member, with a comma in front unless it is the first. */
void credential_put_text(struct buf *out, const char *key, struct slice text);
void credential_put_time(struct buf *out, const char *key, int64_t ms); /* 0: null */

/* The parameters of both lists, in this order. */
enum { CREDENTIAL_QUERY_ROLE, CREDENTIAL_QUERY_LIMIT, CREDENTIAL_QUERY_CURSOR };

#define CREDENTIAL_LIST_FIELDS(roles, things)                                                      \
  [CREDENTIAL_QUERY_ROLE] = {"role", FIELD_CHOICE, .choices = roles,                               \
                             .summary = "only those of this role"},                                \
  [CREDENTIAL_QUERY_LIMIT] = {"limit", FIELD_INTEGER, .min = 1, .max = 1000,                       \
                              .summary = "most " things " to give; 100 by default"},               \
  [CREDENTIAL_QUERY_CURSOR] = {"cursor", FIELD_TEXT, .min = 1, .max = 64,                          \
                               .summary = "next_cursor of the page before"}

/* Keys, or users. */
struct credential_list {
  const char *name;
  enum sql_statement statement;
  size_t created; /* the column of its row that says when it was made; the first one is the id */
  history_row_fn put;     /* puts a row as an object into the struct buf that it is given */
  enum sql_statement one; /* gives the same row of one of them; its only parameter is ... */
  const char *one_name;
  const char *missing; /* that there is none */
};

/* Answers with one of them as the history now has it. */
void credential_answer(struct worker *worker, const struct request *request,
                       const struct credential_list *list, struct slice name, int http_status,
                       struct response *response);

/* Answers a page of the list. */
void credential_list_answer(struct worker *worker, const struct request *request,
                            const struct credential_list *list, struct response *response);

/* Starts an audit event's data: {"action":...,"by":... ; credential_audit_end() puts it into
 * worker->batch and frees `data`. */
void credential_audit_begin(struct buf *data, const struct request *request, const char *action);
void credential_audit_end(struct buf *data, struct worker *worker, const struct request *request);

#endif
