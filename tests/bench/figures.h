/*
 * What the bench programs measure: how long things took, what processor time and memory other
 * processes spent.
 */
#ifndef BELFRY_BENCH_FIGURES_H
#define BELFRY_BENCH_FIGURES_H

#include <stdint.h>

#define LATENCY_BUCKET_US 100
#define LATENCY_BUCKETS   100000 /* ten seconds; the last is everything longer */

/* Latencies by count; zero it before the first. */
struct latency {
  int64_t buckets[LATENCY_BUCKETS];
  int64_t count;
  int64_t longest_us;
};

void latency_add(struct latency *latency, int64_t took_us);

/* The latency that `part` (0 to 1) of all do not exceed. */
double latency_ms(const struct latency *latency, double part);

#define PROCESSES_MAX 64

/* Processes that are looked at together, such as a server and its workers. */
struct processes {
  int pids[PROCESSES_MAX];
  int count;
};

/* Takes: "12,34". Returns: -1 when that is no list of process ids. */
int processes_parse(struct processes *processes, const char *text);

/* User and system time that they have spent so far; one that is gone counts nothing. */
int64_t processes_cpu_us(const struct processes *processes);

/* Their Pss now: private memory and their share of what is shared. */
int64_t processes_pss_bytes(const struct processes *processes);

/* The machine's processor time so far, all cores: what was used and what was idle. */
struct machine {
  int64_t busy_us, idle_us;
};
struct machine machine_look(void);

#endif
