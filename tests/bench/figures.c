#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void latency_add(struct latency *latency, int64_t took_us) {
  int64_t bucket = took_us / LATENCY_BUCKET_US;
  latency->buckets[bucket < 0 ? 0 : bucket >= LATENCY_BUCKETS ? LATENCY_BUCKETS - 1 : bucket]++;
  if (took_us > latency->longest_us)
    latency->longest_us = took_us;
  latency->count++;
}

double latency_ms(const struct latency *latency, double part) {
  int64_t rank = (int64_t)(part * (double)latency->count), seen = 0;
  for (int i = 0; i < LATENCY_BUCKETS; i++) {
    seen += latency->buckets[i];
    if (seen > rank)
      return (i + 1) * LATENCY_BUCKET_US / 1000.0;
  }
  return (double)latency->longest_us / 1000.0;
}

int processes_parse(struct processes *processes, const char *text) {
  processes->count = 0;
  while (*text) {
    char *end;
    long pid = strtol(text, &end, 10);
    if (end == text || pid <= 0 || processes->count == PROCESSES_MAX || (*end && *end != ','))
      return -1;
    processes->pids[processes->count++] = (int)pid;
    text = *end ? end + 1 : end;
  }
  return 0;
}

static int64_t cpu_us(int pid) {
  char path[64];
  unsigned long long user = 0, system = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  if (!file)
    return 0;
  /* The name in parentheses may hold blanks; ours and the peers' have none. */
  if (fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
             &system) != 2)
    user = system = 0;
  fclose(file);
  return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

int64_t processes_cpu_us(const struct processes *processes) {
  int64_t sum = 0;
  for (int i = 0; i < processes->count; i++)
    sum += cpu_us(processes->pids[i]);
  return sum;
}

static int64_t pss_bytes(int pid) {
  char path[64], line[256];
  long long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
  FILE *file = fopen(path, "re");
  if (!file)
    return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "Pss: %lld kB", &kib) == 1)
      break;
  fclose(file);
  return kib * 1024;
}

int64_t processes_pss_bytes(const struct processes *processes) {
  int64_t sum = 0;
  for (int i = 0; i < processes->count; i++)
    sum += pss_bytes(processes->pids[i]);
  return sum;
}

struct machine machine_look(void) {
  struct machine machine = {0};
  long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0;
  FILE *file = fopen("/proc/stat", "re");
  int64_t tick_us = 1000000 / sysconf(_SC_CLK_TCK);
  if (!file)
    return machine;
  if (fscanf(file, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle,
             &wait, &irq, &softirq, &steal) == 8) {
    machine.busy_us = (user + nice + system + irq + softirq + steal) * tick_us;
    machine.idle_us = (idle + wait) * tick_us;
  }
  fclose(file);
  return machine;
}
