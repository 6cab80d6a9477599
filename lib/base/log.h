/*
 * The program's own log: one line a message on stderr. Under systemd (JOURNAL_STREAM names our
 * stderr) a line starts with the journal's "<priority>" (sd-daemon(3)); elsewhere with the time,
 * the program and the level. Never log a credential or the text of a request's body.
 */
#ifndef BELFRY_BASE_LOG_H
#define BELFRY_BASE_LOG_H

#include "base/error.h"

/* syslog(3) priorities, so that the journal shows them as they are meant. */
enum log_level {
  LOG_LEVEL_CRITICAL = 2,
  LOG_LEVEL_ERROR = 3,
  LOG_LEVEL_WARNING = 4,
  LOG_LEVEL_NOTICE = 5,
  LOG_LEVEL_INFO = 6,
  LOG_LEVEL_DEBUG = 7,
};

/* Sets the name that starts each line. Takes: a borrowed text that outlives the program. */
void log_open(const char *program);

/* Messages above `level` are dropped. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Writes one line; line breaks and control characters of the text are shown as `?`. */
void log_write(enum log_level level, const char *format, ...) BELFRY_PRINTF(2, 3);

#define log_critical(...) log_write(LOG_LEVEL_CRITICAL, __VA_ARGS__)
#define log_error(...)    log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...)  log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)   log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)     log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)    log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
