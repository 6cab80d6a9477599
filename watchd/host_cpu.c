/*
 * Use of the processors, from /proc/stat (proc(5)): jiffies since boot in user, nice, system, idle,
 * iowait, irq, softirq and steal; the line `cpu` of all, and one `cpuN` of each. The guest columns
 * after them are contained in user and nice.
 */
#include "watchd/host_subject.h"

#define CORES_MAX 256

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

struct counters {
  bool known; /* `last` holds a reading */
  uint64_t last[COLUMNS];
};

struct cpu {
  struct counters all, cores[CORES_MAX];
};

/* Parts of the time since the last reading, in percent. */
struct use {
  double busy, iowait, steal;
};

/* Kernels before 2.6.11 have fewer columns; what is missing is 0. */
static bool parse(struct slice line, uint64_t out[COLUMNS]) {
  size_t count = 0;
  while (count < COLUMNS && host_next_counter(&line, &out[count]))
    count++;
  for (size_t i = count; i < COLUMNS; i++)
    out[i] = 0;
  return count > IDLE;
}

/* Takes a reading. Returns: whether it tells the use since the last one. */
static bool move(struct counters *counters, struct slice line, struct use *out) {
  uint64_t now[COLUMNS];
  if (!parse(line, now)) {
    counters->known = false;
    return false;
  }
  /* Idle and iowait may step back a little, and all columns do when a processor is taken away: a
   * column that did counts as unmoved. */
  double busy = 0, moved[COLUMNS];
  for (size_t i = 0; i < COLUMNS; i++) {
    moved[i] = now[i] > counters->last[i] ? (double)(now[i] - counters->last[i]) : 0;
    if (i != IDLE && i != IOWAIT)
      busy += moved[i];
  }
  double total = busy + moved[IDLE] + moved[IOWAIT];
  bool fell_back = now[USER] < counters->last[USER] || now[SYSTEM] < counters->last[SYSTEM];
  bool told = counters->known && total > 0 && !fell_back;
  if (told)
    *out = (struct use){100 * (busy / total), 100 * (moved[IOWAIT] / total),
                        100 * (moved[STEAL] / total)};
  memcpy(counters->last, now, sizeof now);
  counters->known = true;
  return told;
}

static void take_core(struct cpu *cpu, struct slice number, struct slice line,
                      const struct host_sink *sink) {
  long long core;
  struct use use;
  if (slice_to_int64(number, &core) && core >= 0 && core < CORES_MAX &&
      move(&cpu->cores[core], line, &use))
    sink->put(sink->arg, "host_cpu_core_percent", "core", number, use.busy);
}

static void take_all(struct cpu *cpu, struct slice line, const struct host_sink *sink) {
  struct use use;
  if (!move(&cpu->all, line, &use))
    return;
  host_put(sink, "host_cpu_percent", use.busy);
  host_put(sink, "host_cpu_iowait_percent", use.iowait);
  host_put(sink, "host_cpu_steal_percent", use.steal);
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)now_us;
  struct cpu *cpu = state;
  struct slice line, word;
  bool found = false;
  while (slice_split(&text, '\n', &line)) {
    if (!host_next_word(&line, &word) || !slice_starts_with(word, "cpu"))
      continue;
    if (word.len == strlen("cpu"))
      take_all(cpu, line, sink);
    else
      take_core(cpu, slice_new(word.data + 3, word.len - 3), line, sink);
    found |= word.len == strlen("cpu");
  }
  if (!found)
    cpu->all.known = false;
}

const struct host_subject host_cpu = {"/proc/stat", sizeof(struct cpu), take, false};
