/*
 * A mail as it goes over the line (RFC 5322, MIME): one text in UTF-8, whatever comes from outside
 * encoded so that it stays what it is.
 */
#ifndef BELFRY_WATCHD_MAIL_H
#define BELFRY_WATCHD_MAIL_H

#include "base/buf.h"

#include <stdint.h>

struct mail {
  const char *from;
  char *const *to;      /* ended by a NULL */
  const char *id;       /* of the message, the same when it is sent again */
  struct slice subject; /* one line */
  struct slice text;    /* lines, each ended by a line feed */
  int64_t date_ms;
  bool urgent;
};

void mail_put(const struct mail *mail, struct buf *out);

/* Puts what may stand in a header: ASCII as it is, the rest in encoded words (RFC 2047). */
void mail_put_words(struct buf *out, struct slice text);

/* Puts a text as quoted-printable (RFC 2045, 6.7), with lines that end in CR LF. */
void mail_put_quoted(struct buf *out, struct slice text);

#endif
