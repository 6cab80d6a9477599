/*
 * How many files are open on the whole host, from /proc/sys/fs/file-nr (proc(5)): open, 0, the most
 * that may be.
 */
#include "watchd/host_subject.h"

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)state;
  (void)now_us;
  uint64_t open, unused, most;
  struct slice line;
  if (!slice_split(&text, '\n', &line) || !host_next_counter(&line, &open) ||
      !host_next_counter(&line, &unused) || !host_next_counter(&line, &most))
    return;
  host_put(sink, "host_files_open", (double)open);
  if (most > 0 && open <= most)
    host_put(sink, "host_files_percent", 100 * ((double)open / (double)most));
}

const struct host_subject host_files = {"/proc/sys/fs/file-nr", 1, take, .optional = true};
