#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

BELFRY_PRINTF(3, 0)
static void record(struct belfry_error *error, int code, const char *format, va_list args) {
  error->code = code;
  vsnprintf(error->text, sizeof error->text, format, args);
}

int belfry_error_set(struct belfry_error *error, int code, const char *format, ...) {
  if (error && error->code == 0) {
    va_list args;
    va_start(args, format);
    record(error, code, format, args);
    va_end(args);
  }
  return code;
}

static int code_of_errno(int errnum) {
  switch (errnum) {
  case ENOSPC:
  case EDQUOT:
    return BELFRY_EFULL;
  case ENOENT:
    return BELFRY_ENOENT;
  case EACCES:
  case EPERM:
  case EROFS:
    return BELFRY_EDENIED;
  case ENOMEM:
    return BELFRY_ENOMEM;
  case ETIMEDOUT:
    return BELFRY_ETIMEDOUT;
  case EAGAIN:
  case EMFILE:
  case ENFILE:
    return BELFRY_EBUSY;
  case EPIPE:
  case ECONNRESET:
  case ECONNREFUSED:
    return BELFRY_ECLOSED;
  default:
    return BELFRY_EIO;
  }
}

int belfry_error_errno(struct belfry_error *error, int errnum, const char *format, ...) {
  int code = code_of_errno(errnum);
  if (error && error->code == 0) {
    va_list args;
    va_start(args, format);
    record(error, code, format, args);
    va_end(args);
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(errnum));
  }
  return code;
}

void belfry_error_clear(struct belfry_error *error) {
  error->code = 0;
  error->text[0] = '\0';
}

const char *belfry_strerror(int code) {
  switch (code) {
  case BELFRY_OK:
    return "no error";
  case BELFRY_ENOMEM:
    return "out of memory";
  case BELFRY_EINVAL:
    return "invalid input";
  case BELFRY_ENOENT:
    return "not found";
  case BELFRY_ECONFLICT:
    return "conflict";
  case BELFRY_ETOOBIG:
    return "too large";
  case BELFRY_EDENIED:
    return "not permitted";
  case BELFRY_EIO:
    return "input or output failed";
  case BELFRY_EFULL:
    return "no space left";
  case BELFRY_EBUSY:
    return "busy";
  case BELFRY_ETIMEDOUT:
    return "timed out";
  case BELFRY_EPROTO:
    return "protocol violated";
  case BELFRY_EVERSION:
    return "version not supported";
  case BELFRY_ECORRUPT:
    return "stored data is damaged";
  case BELFRY_ECLOSED:
    return "connection closed";
  case BELFRY_EMORE:
    return "incomplete";
  default:
    return "unknown error";
  }
}
