/*
 * Use of memory and swap, from /proc/meminfo (proc(5)). Used is what programs could not get without
 * swapping: total less available.
 */
#include "watchd/host_subject.h"

struct meminfo {
  bool has_total, has_available, has_swap_total, has_swap_free;
  double total, available, swap_total, swap_free; /* bytes */
};

static const struct {
  const char *key;
  size_t has, value;
} fields[] = {
    {"MemTotal:", offsetof(struct meminfo, has_total), offsetof(struct meminfo, total)},
    {"MemAvailable:", offsetof(struct meminfo, has_available), offsetof(struct meminfo, available)},
    {"SwapTotal:", offsetof(struct meminfo, has_swap_total), offsetof(struct meminfo, swap_total)},
    {"SwapFree:", offsetof(struct meminfo, has_swap_free), offsetof(struct meminfo, swap_free)},
};

static void parse(struct slice text, struct meminfo *out) {
  struct slice line, key;
  uint64_t kibibytes;
  while (slice_split(&text, '\n', &line)) {
    if (!host_next_word(&line, &key) || !host_next_counter(&line, &kibibytes))
      continue;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
      if (slice_is(key, fields[i].key)) {
        *(bool *)((char *)out + fields[i].has) = true;
        *(double *)((char *)out + fields[i].value) = (double)kibibytes * 1024;
      }
    }
  }
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)state;
  (void)now_us;
  struct meminfo now = {0};
  parse(text, &now);
  if (now.has_total && now.total > 0) {
    host_put(sink, "host_memory_total_bytes", now.total);
    if (now.has_available && now.available <= now.total) {
      host_put(sink, "host_memory_used_bytes", now.total - now.available);
      host_put(sink, "host_memory_percent", 100 * ((now.total - now.available) / now.total));
    }
  }
  if (now.has_swap_total && now.has_swap_free && now.swap_total > 0 &&
      now.swap_free <= now.swap_total)
    host_put(sink, "host_swap_percent", 100 * ((now.swap_total - now.swap_free) / now.swap_total));
}

const struct host_subject host_memory = {"/proc/meminfo", 1, take, false};
