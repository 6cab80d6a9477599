/*
 * One subject that is measured of the host: a text of /proc in, figures out. A subject is one file
 * (host_<name>.c) and one row of host.def. Nothing here opens files or knows of time, so that a
 * test gives the texts.
 */
#ifndef BELFRY_WATCHD_HOST_SUBJECT_H
#define BELFRY_WATCHD_HOST_SUBJECT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where figures go. `label` is NULL for a metric without labels; all texts are borrowed until it
 * returns. */
struct host_sink {
  void (*put)(void *arg, const char *metric, const char *label, struct slice label_value,
              double value);
  void *arg;
};

static inline void host_put(const struct host_sink *sink, const char *metric, double value) {
  sink->put(sink->arg, metric, NULL, slice_new(NULL, 0), value);
}

struct host_subject {
  const char *path;   /* the file that is read, at most HOST_TEXT_BYTES_MAX of it; NULL: it reads
                         by itself, and is given no text */
  size_t state_bytes; /* what it keeps from one reading to the next; zeroed at first */

  /* Takes a reading at `now_us` (monotonic). What is not known (a rate at the first reading, a
   * figure that the text does not have) is left out: it is never given as 0. */
  void (*take)(void *state, struct slice text, int64_t now_us, const struct host_sink *sink);

  bool optional; /* not every host has the file, and that is fine */
};

#define HOST_TEXT_BYTES_MAX     ((size_t)1 << 20)

#define HOST_SUBJECT(name, doc) extern const struct host_subject host_##name;
#include "watchd/host.def"
#undef HOST_SUBJECT

/* The next whitespace-separated word of `*rest`. Returns: false when there is none. */
bool host_next_word(struct slice *rest, struct slice *word);

/* The next word as a counter. Returns: false when it is none. */
bool host_next_counter(struct slice *rest, uint64_t *out);

#endif
