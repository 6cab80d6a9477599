/*
 * Errors: a small set of codes that functions return, and a message for a person that travels
 * beside them.
 */
#ifndef BELFRY_BASE_ERROR_H
#define BELFRY_BASE_ERROR_H

/* Fallible functions return 0 or one of these. */
enum belfry_err {
  BELFRY_OK = 0,
  BELFRY_ENOMEM = -1, /* out of memory */
  BELFRY_EINVAL = -2, /* the input is wrong; the message says what and where */
  BELFRY_ENOENT = -3, /* there is no such thing */
  BELFRY_ECONFLICT =
      -4, /* the thing is not as the caller expected (version, duplicate, already running) */
  BELFRY_ETOOBIG = -5, /* over a bound */
  BELFRY_EDENIED = -6, /* the caller may not do this */
  BELFRY_EIO = -7,     /* the system failed: a file, a socket, the database */
  BELFRY_EFULL = -8,   /* no room on the disk */
  BELFRY_EBUSY = -9,   /* cannot now; trying again later makes sense */
  BELFRY_ETIMEDOUT = -10,
  BELFRY_EPROTO = -11,   /* the peer broke the protocol */
  BELFRY_EVERSION = -12, /* made by a newer program than this one */
  BELFRY_ECORRUPT = -13, /* stored data fails its check */
  BELFRY_ECLOSED = -14,  /* the peer has closed */
  BELFRY_EMORE = -15,    /* not an error: more bytes are needed */
};

#define BELFRY_ERROR_TEXT_BYTES 400

struct belfry_error {
  int code;                           /* 0, or one of enum belfry_err */
  char text[BELFRY_ERROR_TEXT_BYTES]; /* one sentence for a person, without a full stop; never a
                                         secret */
};

#define BELFRY_PRINTF(text, args) __attribute__((format(printf, text, args)))
#define BELFRY_MUST_CHECK         __attribute__((warn_unused_result))

/*
 * Records an error unless `error` already holds one (the first error wins; `error` may be NULL).
 * Returns: `code`, so that a function can end with `return belfry_error_set(...)`.
 */
int belfry_error_set(struct belfry_error *error, int code, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/* The same, followed by ": " and the text of `errnum`. Picks EFULL, ENOENT, EDENIED, ENOMEM or EIO
 * by `errnum`. */
int belfry_error_errno(struct belfry_error *error, int errnum, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/* Forgets what was recorded. */
void belfry_error_clear(struct belfry_error *error);

/* Returns: a short static text for a code. */
const char *belfry_strerror(int code);

#endif
