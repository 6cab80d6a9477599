/*
 * Use of the processors, from the first line of /proc/stat (proc(5)): jiffies since boot in user,
 * nice, system, idle, iowait, irq, softirq and steal. The guest columns after them are contained in
 * user and nice.
 */
#include "watchd/host_subject.h"

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

struct cpu {
  bool known; /* `last` holds a reading */
  uint64_t last[COLUMNS];
};

/* Kernels before 2.6.11 have fewer columns; what is missing is 0. */
static bool parse(struct slice text, uint64_t out[COLUMNS]) {
  struct slice line, word;
  while (slice_split(&text, '\n', &line)) {
    if (!host_next_word(&line, &word) || !slice_is(word, "cpu"))
      continue;
    size_t count = 0;
    while (count < COLUMNS && host_next_counter(&line, &out[count]))
      count++;
    for (size_t i = count; i < COLUMNS; i++)
      out[i] = 0;
    return count > IDLE;
  }
  return false;
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)now_us;
  struct cpu *cpu = state;
  uint64_t now[COLUMNS];
  if (!parse(text, now)) {
    cpu->known = false;
    return;
  }
  /* Idle and iowait may step back a little, and all columns do when a processor is taken away: a
   * column that did counts as unmoved. */
  double busy = 0, moved[COLUMNS];
  for (size_t i = 0; i < COLUMNS; i++) {
    moved[i] = now[i] > cpu->last[i] ? (double)(now[i] - cpu->last[i]) : 0;
    if (i != IDLE && i != IOWAIT)
      busy += moved[i];
  }
  double total = busy + moved[IDLE] + moved[IOWAIT];
  bool fell_back = now[USER] < cpu->last[USER] || now[SYSTEM] < cpu->last[SYSTEM];
  if (cpu->known && total > 0 && !fell_back) {
    host_put(sink, "host_cpu_percent", 100 * (busy / total));
    host_put(sink, "host_cpu_iowait_percent", 100 * (moved[IOWAIT] / total));
  }
  memcpy(cpu->last, now, sizeof now);
  cpu->known = true;
}

const struct host_subject host_cpu = {"/proc/stat", sizeof(struct cpu), take};
