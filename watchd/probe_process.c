/*
 * The probe `process`: whether a program of that name runs on this host. The name is that of
 * /proc/PID/cmdline's first word, of which the last part counts, or all of it when the
 * configuration gives a path; a process that has changed its title is known by /proc/PID/comm,
 * which holds 15 bytes (proc(5)).
 */
#include "watchd/probe_now.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMM_BYTES 15

static bool names(const char *wanted, const char *path) {
  const char *slash = strrchr(path, '/');
  return strcmp(wanted, wanted[0] == '/' || !slash ? path : slash + 1) == 0;
}

static bool is_it(const char *pid, const char *wanted) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
  char *line = fd_read_file(path, 4096, NULL, NULL); /* ended by a NUL behind each word */
  bool found = line && line[0] && names(wanted, line);
  free(line);
  if (found)
    return true;
  snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
  char *comm = fd_read_file(path, 64, NULL, NULL);
  if (comm)
    comm[strcspn(comm, "\n")] = '\0';
  found = comm && wanted[0] != '/' && strncmp(comm, wanted, COMM_BYTES) == 0 &&
          strlen(comm) == (strlen(wanted) < COMM_BYTES ? strlen(wanted) : COMM_BYTES);
  free(comm);
  return found;
}

/* Returns: how many there are, or -1 with errno. */
static int count_of(const char *wanted, char *first, size_t size) {
  DIR *dir = opendir("/proc");
  const struct dirent *entry;
  int count = 0;
  if (!dir)
    return -1;
  while ((entry = readdir(dir)))
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_it(entry->d_name, wanted) &&
        count++ == 0)
      snprintf(first, size, "%.20s", entry->d_name);
  closedir(dir);
  return count;
}

int probe_process_start(const struct probe_tools *tools, const struct probe_target *target,
                        probe_done_fn on_done, void *arg, struct probe **out,
                        struct belfry_error *error) {
  struct probe_result result = {.outcome = PROBE_SUCCESS, .latency_ms = -1};
  const char *wanted = target->service->process;
  char first[32] = "";
  int count = count_of(wanted, first, sizeof first);
  if (count < 0)
    return belfry_error_errno(error, errno, "cannot look into /proc");
  if (count == 0)
    result.outcome = PROBE_FAILURE;
  if (count == 0)
    snprintf(result.message, sizeof result.message, "no process %.120s runs", wanted);
  else if (count == 1)
    snprintf(result.message, sizeof result.message, "runs as process %s", first);
  else
    snprintf(result.message, sizeof result.message, "%d processes run", count);
  probe_result_add(&result, "service_processes", NULL, NULL, count);
  return probe_now_start(tools, &result, on_done, arg, out, error);
}
