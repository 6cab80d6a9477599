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

/* Puts one row of a list as an object. */
typedef int (*credential_row_fn)(struct buf *out, const struct history_value *values, size_t count);

struct credential_list {
  const char *name;
  enum sql_statement statement;
  size_t created; /* the column of its row that says when it was made; the first one is the id */
  credential_row_fn put;
};

/* Answers a page of the list. */
void credential_list_answer(struct worker *worker, const struct request *request,
                            const struct credential_list *list, struct response *response);

/* Starts an audit event's data: {"action":...,"by":... ; credential_audit_end() puts it into
 * worker->batch and frees `data`. */
void credential_audit_begin(struct buf *data, const struct request *request, const char *action);
void credential_audit_end(struct buf *data, struct worker *worker, const struct request *request);

#endif
