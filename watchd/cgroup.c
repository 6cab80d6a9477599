#include "watchd/cgroup.h"

#include "base/fd.h"
#include "base/slice.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A figure: where it is below the root in this version, and how it is written. */
struct figure {
  const char *folder, *file;
  const char *key; /* of its line; NULL: the file is the number */
  int64_t divide_by;
};

struct version {
  const char *tree; /* the folder whose folders are those of the services */
  struct figure cpu, memory, tasks;
};

static const struct version versions[] = {
    {"",
     {"", "cpu.stat", "usage_usec", 1},
     {"", "memory.current", NULL, 1},
     {"", "pids.current", NULL, 1}},
    {"/systemd",
     {"/cpuacct", "cpuacct.usage", NULL, 1000},
     {"/memory", "memory.usage_in_bytes", NULL, 1},
     {"/pids", "pids.current", NULL, 1}},
};

struct reading {
  const char *root;
  const struct version *version;
  cgroup_fn on_use;
  void *arg;
  size_t count;
  char path[PATH_MAX]; /* below the tree: "" or "/system.slice" ... */
};

static int64_t number_in(struct slice text, const struct figure *figure) {
  struct slice line, key = {0};
  long long number;
  while (slice_split(&text, '\n', &line)) {
    if (figure->key && (!slice_split(&line, ' ', &key) || !slice_is(key, figure->key)))
      continue;
    return slice_to_int64(line, &number) && number >= 0 ? number / figure->divide_by : -1;
  }
  return -1;
}

static int64_t read_figure(const struct reading *reading, const struct figure *figure) {
  char path[PATH_MAX];
  size_t len;
  if (snprintf(path, sizeof path, "%s%s%s/%s", reading->root, figure->folder, reading->path,
               figure->file) >= (int)sizeof path)
    return -1;
  char *text = fd_read_file(path, CGROUP_TEXT_BYTES_MAX, &len, NULL);
  int64_t number = text ? number_in(slice_new(text, len), figure) : -1;
  free(text);
  return number;
}

/* systemd puts a `_` before a name that the kernel might take for one of its own files. */
static void read_service(struct reading *reading, const char *name) {
  const struct version *version = reading->version;
  if (++reading->count > CGROUP_UNITS_MAX)
    return;
  const struct cgroup_use use = {.unit = name[0] == '_' ? name + 1 : name,
                                 .cpu_us = read_figure(reading, &version->cpu),
                                 .memory_bytes = read_figure(reading, &version->memory),
                                 .tasks = read_figure(reading, &version->tasks)};
  reading->on_use(reading->arg, &use);
}

static bool ends(const char *name, const char *with) {
  size_t len = strlen(name), tail = strlen(with);
  return len > tail && strcmp(name + len - tail, with) == 0;
}

static void read_folder(struct reading *reading, int depth) {
  char path[PATH_MAX];
  size_t len = strlen(reading->path);
  if (snprintf(path, sizeof path, "%s%s%s", reading->root, reading->version->tree, reading->path) >=
      (int)sizeof path)
    return;
  DIR *dir = opendir(path);
  const struct dirent *entry;
  while (dir && (entry = readdir(dir))) {
    bool is_service = ends(entry->d_name, ".service");
    if ((!is_service && !ends(entry->d_name, ".slice")) ||
        len + strlen(entry->d_name) + 2 > sizeof reading->path)
      continue;
    snprintf(reading->path + len, sizeof reading->path - len, "/%s", entry->d_name);
    if (is_service)
      read_service(reading, entry->d_name);
    else if (depth < CGROUP_DEPTH_MAX)
      read_folder(reading, depth + 1);
    reading->path[len] = '\0';
  }
  if (dir)
    closedir(dir);
}

size_t cgroup_read(const char *root, cgroup_fn on_use, void *arg) {
  char path[PATH_MAX];
  struct reading reading = {.root = root, .on_use = on_use, .arg = arg};
  if (snprintf(path, sizeof path, "%s/cgroup.controllers", root) >= (int)sizeof path)
    return 0;
  reading.version = &versions[access(path, F_OK) == 0 ? 0 : 1];
  read_folder(&reading, 0);
  return reading.count;
}
