#include "base/log.h"

#include "base/clock.h"
#include "base/timestamp.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
  const char *program;
  enum log_level level;
  bool journal; /* stderr is the journal's stream */
} sink = {.program = "belfry", .level = LOG_LEVEL_INFO};

static const char *const level_names[] = {
    [LOG_LEVEL_CRITICAL] = "critical", [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_NOTICE] = "notice",     [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

/* systemd sets JOURNAL_STREAM to "device:inode" of the stream it made; it may since have been
 * redirected. */
static bool stderr_is_journal(void) {
  const char *stream = getenv("JOURNAL_STREAM");
  unsigned long long device, inode;
  struct stat st;
  return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
         fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program) {
  sink.program = program;
  sink.journal = stderr_is_journal();
}

void log_set_level(enum log_level level) {
  sink.level = level;
}

void log_write(enum log_level level, const char *format, ...) {
  if (level > sink.level)
    return;
  char line[2048];
  size_t used;
  if (sink.journal) {
    used = (size_t)snprintf(line, sizeof line, "<%d>", (int)level);
  } else {
    char when[TIMESTAMP_BYTES];
    timestamp_format(clock_realtime_ms(&clock_system), when);
    used = (size_t)snprintf(line, sizeof line, "%s %s[%d] %s: ", when, sink.program, (int)getpid(),
                            level_names[level]);
  }
  size_t text = used;
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line + used, sizeof line - used - 1, format, args);
  va_end(args);
  if (n < 0)
    return;
  used += (size_t)n;
  if (used > sizeof line - 2)
    used = sizeof line - 2;
  for (size_t i = text; i < used; i++)
    if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
      line[i] = '?';
  line[used++] = '\n';
  /* One write a line, so that lines of several processes do not mix. A failure has nowhere to be
   * told. */
  ssize_t written = write(STDERR_FILENO, line, used);
  (void)written;
}
