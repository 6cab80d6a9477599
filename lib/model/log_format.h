/*
 * The formats of log lines: what each finds in a line. One is log_<name>_read() in log_<name>.c,
 * and a row in lib/conf/log_formats.def. Knows nothing of files.
 */
#ifndef BELFRY_MODEL_LOG_FORMAT_H
#define BELFRY_MODEL_LOG_FORMAT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/severity.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_ATTRIBUTES_MAX 64 /* of one line; further ones are left out */

/* What a line says. */
struct log_said {
  int64_t timestamp_ms;  /* 0: nothing that can be */
  int severity;          /* enum severity; -1: nothing */
  struct slice source;   /* who wrote it, where the line says that; borrowed */
  struct slice message;  /* NULL data: the line as it is; borrowed from the line or `scratch` */
  struct buf attributes; /* owned: members of a JSON object without its braces */
  struct buf scratch;    /* owned */
  unsigned count;        /* attributes that were put */
};

/* Once; log_said_clear() before each line. */
void log_said_init(struct log_said *said);
void log_said_fini(struct log_said *said);
void log_said_clear(struct log_said *said);

/* Puts an attribute: as text; as a number, true or false where the text is one; or as JSON that is
 * known to be valid. One whose name was put before is left out. Takes: `name` is plain text. */
void log_said_put_text(struct log_said *said, struct slice name, struct slice text);
void log_said_put_value(struct log_said *said, struct slice name, struct slice text);
void log_said_put_json(struct log_said *said, struct slice name, struct slice json);

/* Takes a member that may be the time, the severity or the message by its name, as programs call
 * them: ts, time, level, msg ... `raw` is text. Returns: false when it is none of these. */
bool log_said_take(struct log_said *said, struct slice name, struct slice text, int64_t now_ms);

/*
 * Puts the data of a `log` event, {"message":...,"attributes":{...}}, into `data`, which is emptied
 * first. Takes: `line` what is the message where it does not say another; `rest` the lines behind
 * it that belong to it. A failure is left in `data`.
 */
void log_said_put_data(struct log_said *said, struct slice line, struct slice rest, bool truncated,
                       struct buf *data);

/* Times as texts of many forms, or as a number of seconds, milliseconds, microseconds or
 * nanoseconds since 1970. Returns: false when it is none. */
bool log_said_take_time(struct log_said *said, struct slice text, int64_t now_ms);

/* Names as severity_parse() takes them, and the numbers of pino and bunyan (10 to 60). */
bool log_said_take_severity(struct log_said *said, struct slice text);

/* A regular expression whose named groups are what a line says. */
struct log_pattern;

/* Compiles it. Returns: 0; BELFRY_EINVAL with a sentence that says at which character it is wrong;
 * or BELFRY_ENOMEM. `*out` owned, free with log_pattern_free(). */
int log_pattern_new(const char *text, struct log_pattern **out,
                    struct belfry_error *error) BELFRY_MUST_CHECK;
void log_pattern_free(struct log_pattern *pattern);

/* Whether it matches somewhere in the line, within its bounds. */
bool log_pattern_matches(const struct log_pattern *pattern, struct slice line);

/*
 * Reads a line, which has no end of line in it, into `said`, which is clear. Takes: `pattern` for
 * the format `pattern`, else NULL. Returns: false when the line is not of the format; what `said`
 * then holds means nothing.
 */
typedef bool (*log_format_fn)(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                              struct log_said *said);

bool log_plain_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                    struct log_said *said);
bool log_json_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                   struct log_said *said);
bool log_logfmt_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                     struct log_said *said);
bool log_nginx_access_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                           struct log_said *said);
bool log_nginx_error_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                          struct log_said *said);
bool log_apache_access_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                            struct log_said *said);
bool log_apache_error_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                           struct log_said *said);
bool log_syslog_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                     struct log_said *said);
bool log_pattern_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                      struct log_said *said);

#endif
