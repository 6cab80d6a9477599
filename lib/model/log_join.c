#include "model/log_join.h"

#include "model/log_line.h"

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool is_indented(struct slice line) {
  return line.len > 0 && is_blank(line.data[0]);
}

static bool ends_with(struct slice line, const char *end) {
  size_t len = strlen(end);
  return line.len >= len && memcmp(line.data + line.len - len, end, len) == 0;
}

static bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$';
}

/* java.lang.IllegalStateException: why */
static bool is_exception_of_java(struct slice line) {
  size_t len = 0, dots = 0;
  while (len < line.len && (is_name_byte(line.data[len]) || line.data[len] == '.'))
    dots += line.data[len++] == '.';
  struct slice name = slice_new(line.data, len);
  return dots > 0 && (len == line.len || line.data[len] == ':') &&
         (ends_with(name, "Exception") || ends_with(name, "Error") || ends_with(name, "Throwable"));
}

static bool is_traceback(struct slice line) {
  return slice_starts_with(line, "Traceback (most recent call last):") ||
         slice_starts_with(line, "Exception Group Traceback (most recent call last):");
}

static bool is_between_tracebacks(struct slice line) {
  return slice_starts_with(line, "During handling of the above exception, ") ||
         slice_starts_with(line, "The above exception was the direct cause of ");
}

static bool begins_panic(struct slice line) {
  return slice_starts_with(line, "panic: ") || slice_starts_with(line, "fatal error: ") ||
         slice_starts_with(line, "goroutine ") ||
         memmem(line.data, line.len, ": panic serving ", 16);
}

/* main.(*server).run(0xc000010000, 0x1) and what else stands at the left in a trace of Go. */
static bool goes_on_in_go(struct slice line) {
  return slice_starts_with(line, "goroutine ") || slice_starts_with(line, "created by ") ||
         slice_starts_with(line, "panic: ") || slice_starts_with(line, "[signal ") ||
         slice_starts_with(line, "exit status ") || slice_starts_with(line, "runtime: ") ||
         slice_starts_with(line, "runtime stack:") ||
         (ends_with(line, ")") && memchr(line.data, '(', line.len) &&
          memchr(line.data, '.', line.len) && is_name_byte(line.data[0]) &&
          !memchr(line.data, ' ',
                  (size_t)((const char *)memchr(line.data, '(', line.len) - line.data)));
}

static bool closes_brackets(struct slice line) {
  line = slice_trim(line);
  for (size_t i = 0; i < line.len; i++)
    if (!memchr("}]),;", line.data[i], 5))
      return false;
  return line.len > 0;
}

static void look(struct log_join *join, struct slice line) {
  if (is_traceback(line))
    join->kind = LOG_JOIN_PYTHON;
  else if (begins_panic(line))
    join->kind = LOG_JOIN_GO;
}

void log_join_begin(struct log_join *join, struct slice line) {
  join->kind = LOG_JOIN_TEXT;
  join->lines = 1;
  join->bytes = line.len;
  join->first = line;
  join->indented = is_indented(line);
  if (join->mode == LOG_JOIN_AUTO)
    look(join, line);
}

/* The first line tells of an error: a trace may follow. Asked when it matters: it takes its time.
 */
static bool is_grave(const struct log_join *join) {
  return log_line_severity(join->first) >= SEVERITY_ERROR || is_exception_of_java(join->first) ||
         slice_starts_with(join->first, "Exception in thread ");
}

static bool goes_on(const struct log_join *join, struct slice line) {
  if (line.len == 0)
    return join->kind != LOG_JOIN_TEXT;
  if (is_indented(line) || slice_starts_with(line, "Caused by: "))
    return true;
  switch (join->kind) {
  case LOG_JOIN_PYTHON: /* behind the frames the exception itself stands at the left */
    return true;
  case LOG_JOIN_PYTHON_END:
    return is_traceback(line) || is_between_tracebacks(line);
  case LOG_JOIN_GO:
    return goes_on_in_go(line);
  case LOG_JOIN_TEXT:
    break;
  }
  return ((is_traceback(line) || is_exception_of_java(line)) && is_grave(join)) ||
         (join->indented && closes_brackets(line));
}

bool log_join_takes(struct log_join *join, struct slice line) {
  if (join->mode == LOG_JOIN_OFF || join->lines >= LOG_JOIN_LINES_MAX ||
      join->bytes + 1 + line.len > LOG_JOIN_BYTES_MAX)
    return false;
  if (join->mode == LOG_JOIN_START ? log_pattern_matches(join->start, line) : !goes_on(join, line))
    return false;
  join->lines++;
  join->bytes += 1 + line.len;
  if (join->mode == LOG_JOIN_AUTO && line.len > 0) {
    join->indented = is_indented(line);
    if (join->kind == LOG_JOIN_PYTHON && !join->indented)
      join->kind = LOG_JOIN_PYTHON_END;
    if (is_traceback(line))
      join->kind = LOG_JOIN_PYTHON;
    else if (is_between_tracebacks(line))
      join->kind = LOG_JOIN_PYTHON_END;
  }
  return true;
}

bool log_join_is_open(const struct log_join *join) {
  return join->mode == LOG_JOIN_START ||
         (join->mode == LOG_JOIN_AUTO &&
          (join->lines > 1 || join->indented || join->kind != LOG_JOIN_TEXT || is_grave(join)));
}
