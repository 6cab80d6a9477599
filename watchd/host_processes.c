#include "watchd/host_processes.h"

#include "base/fd.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Columns of /proc/PID/stat behind the name, from 0. */
enum { STATE = 0, UTIME = 11, STIME = 12, RSS = 21 };

static struct host_program *find(struct host_processes *processes, const char *name) {
  for (size_t i = 0; i < processes->program_count; i++)
    if (strcmp(processes->programs[i].name, name) == 0)
      return &processes->programs[i];
  return NULL;
}

static struct host_program *find_or_add(struct host_processes *processes, struct slice name) {
  char key[sizeof((struct host_program *)0)->name];
  snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
  struct host_program *program = find(processes, key);
  if (program || processes->program_count == HOST_PROGRAMS_MAX)
    return program;
  program = &processes->programs[processes->program_count++];
  memset(program, 0, sizeof *program);
  memcpy(program->name, key, sizeof key);
  return program;
}

/* PID (NAME) STATE ...; the name may hold blanks and brackets of its own. */
static bool split_name(struct slice *text, struct slice *name) {
  const char *open = text->len ? memchr(text->data, '(', text->len) : NULL;
  const char *close = open ? memrchr(open, ')', text->len - (size_t)(open - text->data)) : NULL;
  if (!close || close == open + 1)
    return false;
  *name = slice_new(open + 1, (size_t)(close - open - 1));
  *text = slice_new(close + 1, text->len - (size_t)(close + 1 - text->data));
  return true;
}

void host_processes_add(struct host_processes *now, struct slice text) {
  struct slice name, word;
  uint64_t columns[RSS + 1] = {0};
  if (!split_name(&text, &name))
    return;
  for (int i = 0; i <= RSS; i++) {
    long long number;
    if (!host_next_word(&text, &word))
      return;
    if (i == STATE) {
      now->running += slice_is(word, "R");
      now->blocked += slice_is(word, "D");
    } else if (slice_to_int64(word, &number) && number > 0) {
      columns[i] = (uint64_t)number;
    }
  }
  now->count++;
  struct host_program *program = find_or_add(now, name);
  if (!program)
    return;
  program->pages += columns[RSS];
  program->ticks += columns[UTIME] + columns[STIME];
}

static int by_memory(const void *left, const void *right) {
  const struct host_program *a = left, *b = right;
  return (a->pages < b->pages) - (a->pages > b->pages);
}

static int by_cpu(const void *left, const void *right) {
  const struct host_program *a = left, *b = right;
  return (a->cpu_percent < b->cpu_percent) - (a->cpu_percent > b->cpu_percent);
}

void host_processes_put(struct host_processes *now, struct host_processes *before, double seconds,
                        int64_t page_bytes, int64_t ticks_per_second,
                        const struct host_sink *sink) {
  host_put(sink, "host_processes", (double)now->count);
  host_put(sink, "host_processes_running", (double)now->running);
  host_put(sink, "host_processes_blocked", (double)now->blocked);
  for (size_t i = 0; i < now->program_count; i++) {
    struct host_program *program = &now->programs[i];
    const struct host_program *last = seconds > 0 ? find(before, program->name) : NULL;
    /* Of a program one of whose processes has ended the sum goes back: its use is not known. */
    program->known = last && program->ticks >= last->ticks;
    program->cpu_percent = program->known ? 100. * (double)(program->ticks - last->ticks) /
                                                ((double)ticks_per_second * seconds)
                                          : 0;
  }
  qsort(now->programs, now->program_count, sizeof *now->programs, by_memory);
  for (size_t i = 0; i < now->program_count && i < HOST_BIGGEST && now->programs[i].pages > 0; i++)
    sink->put(sink->arg, "host_process_memory_bytes", "process", slice_of(now->programs[i].name),
              (double)now->programs[i].pages * (double)page_bytes);
  qsort(now->programs, now->program_count, sizeof *now->programs, by_cpu);
  for (size_t i = 0; i < now->program_count && i < HOST_BIGGEST &&
                     now->programs[i].cpu_percent >= HOST_BUSY_PERCENT;
       i++)
    sink->put(sink->arg, "host_process_cpu_percent", "process", slice_of(now->programs[i].name),
              now->programs[i].cpu_percent);
}

/* --- reading --- */

struct state {
  struct host_processes readings[2];
  int newest;
  int64_t last_us;
};

static void take(void *arg, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)text;
  struct state *state = arg;
  struct host_processes *now = &state->readings[!state->newest];
  DIR *dir = opendir("/proc");
  const struct dirent *entry;
  now->program_count = 0;
  now->count = now->running = now->blocked = 0;
  while (dir && (entry = readdir(dir))) {
    char path[64];
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
      continue;
    snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
    size_t len = 0;
    char *line = fd_read_file(path, 4096, &len, NULL);
    if (line) /* it may have ended meanwhile */
      host_processes_add(now, slice_new(line, len));
    free(line);
  }
  if (!dir)
    return;
  closedir(dir);
  double seconds = state->last_us ? (double)(now_us - state->last_us) / 1e6 : 0;
  host_processes_put(now, &state->readings[state->newest], seconds, sysconf(_SC_PAGESIZE),
                     sysconf(_SC_CLK_TCK), sink);
  state->newest = !state->newest;
  state->last_us = now_us;
}

const struct host_subject host_processes = {NULL, sizeof(struct state), take, false};
