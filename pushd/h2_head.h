/*
 * A request's head as HTTP/2 brings it, field by field, on its way to become a struct request. No
 * I/O, and no HPACK: that is done by then.
 */
#ifndef BELFRY_PUSHD_H2_HEAD_H
#define BELFRY_PUSHD_H2_HEAD_H

#include "base/buf.h"
#include "base/error.h"
#include "pushd/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H2_HEAD_PSEUDO_MAX     5  /* :method, :scheme, :authority, :path, :protocol */
#define H2_HEAD_FIELD_OVERHEAD 32 /* a field's bytes beside its name and value (RFC 9113, 10.5.1)  \
                                   */

struct h2_head_field {
  uint32_t name_at, name_len, value_at, value_len; /* in `text` */
};

struct h2_head {
  struct buf text;
  struct buf cookie; /* HTTP/2 may split it (RFC 9113, 8.2.3); here it is one again */
  struct h2_head_field fields[REQUEST_HEADERS_MAX + H2_HEAD_PSEUDO_MAX];
  size_t field_count;
  size_t bytes; /* as RFC 9113, 10.5.1 counts them; also of what is not kept */
  bool too_many;
};

void h2_head_init(struct h2_head *head);
void h2_head_fini(struct h2_head *head);

/* Adds a field; pseudo header fields too. What is beyond the bounds is counted and not kept. */
void h2_head_add(struct h2_head *head, struct slice name, struct slice value);

/* Makes the request, which borrows from the head. Returns: 0, or the HTTP status with which it is
 * to be refused, and `error`; `out` is good for that. */
int h2_head_finish(struct h2_head *head, struct request *out, const char **error) BELFRY_MUST_CHECK;

#endif
