/*
 * The processes of the host, by the name of their program: how many, and the biggest of them.
 * Gathers what is read of each; a test gives the texts.
 */
#ifndef BELFRY_WATCHD_HOST_PROCESSES_H
#define BELFRY_WATCHD_HOST_PROCESSES_H

#include "watchd/host_subject.h"

#define HOST_PROGRAMS_MAX 512 /* names that are told apart at a time */
#define HOST_BIGGEST      5   /* of them that are given, by memory and by use of the processors */
#define HOST_BUSY_PERCENT 1   /* of a processor: less is not told of */

struct host_program {
  char name[16];
  uint64_t pages, ticks; /* resident; user and system since each of its processes began */
  bool known;            /* there is a reading before this one */
  double cpu_percent;    /* since then */
};

struct host_processes {
  struct host_program programs[HOST_PROGRAMS_MAX];
  size_t program_count;
  int64_t count, running, blocked;
};

/* Takes one process, whose /proc/PID/stat is `text` (proc(5)). */
void host_processes_add(struct host_processes *now, struct slice text);

/* Puts the figures. `before` is the reading before this one, of `seconds` ago; without one,
 * `seconds` is 0. */
void host_processes_put(struct host_processes *now, struct host_processes *before, double seconds,
                        int64_t page_bytes, int64_t ticks_per_second, const struct host_sink *sink);

#endif
