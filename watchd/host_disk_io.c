/*
 * What disks read and write, and how much of the time they are busy, from /proc/diskstats
 * (https://docs.kernel.org/admin-guide/iostats.html): major, minor, name, reads, reads merged,
 * sectors read, ms reading, writes, writes merged, sectors written, ms writing, in flight, ms busy
 * ... A sector is 512 bytes here whatever the disk says. Partitions, and devices that are made of
 * memory or files, are left out.
 */
#include "watchd/host_subject.h"

#include <stdio.h>

#define DISKS_MAX    64
#define SECTOR_BYTES 512

enum { SECTORS_READ = 2, SECTORS_WRITTEN = 6, BUSY_MS = 9, COLUMNS = 10 };

struct disk {
  char name[32];
  uint64_t last[COLUMNS];
};

struct disks {
  struct disk all[DISKS_MAX];
  size_t count;
  int64_t last_us;
};

static bool is_left_out(struct slice name) {
  static const char *const kinds[] = {"loop", "ram", "zram", "fd", "sr"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (slice_starts_with(name, kinds[i]))
      return true;
  return name.len == 0 || name.len >= sizeof((struct disk *)0)->name;
}

/* A partition has the name of its disk, which stands before it, with a number behind: sda1,
 * nvme0n1p1. */
static bool is_partition(const struct disks *disks, struct slice name) {
  for (size_t i = 0; i < disks->count; i++) {
    size_t len = strlen(disks->all[i].name);
    if (name.len > len && slice_starts_with(name, disks->all[i].name) &&
        (name.data[len] == 'p' || (name.data[len] >= '0' && name.data[len] <= '9')))
      return true;
  }
  return false;
}

static const struct disk *find(const struct disks *disks, struct slice name) {
  for (size_t i = 0; i < disks->count; i++)
    if (slice_is(name, disks->all[i].name))
      return &disks->all[i];
  return NULL;
}

static void put_rates(const struct disk *now, const struct disk *before, double seconds,
                      const struct host_sink *sink) {
  static const struct {
    const char *metric;
    int column;
    double scale, most;
  } rates[] = {{"host_disk_read_bytes_per_second", SECTORS_READ, SECTOR_BYTES, 1e15},
               {"host_disk_write_bytes_per_second", SECTORS_WRITTEN, SECTOR_BYTES, 1e15},
               {"host_disk_busy_percent", BUSY_MS, 0.1, 100}};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    int column = rates[i].column;
    if (now->last[column] < before->last[column])
      continue; /* it has begun again */
    double rate = (double)(now->last[column] - before->last[column]) * rates[i].scale / seconds;
    sink->put(sink->arg, rates[i].metric, "device", slice_of(now->name),
              rate < rates[i].most ? rate : rates[i].most);
  }
}

static bool parse(struct slice line, struct disk *out, struct slice *name) {
  uint64_t ignored;
  if (!host_next_counter(&line, &ignored) || !host_next_counter(&line, &ignored) ||
      !host_next_word(&line, name) || is_left_out(*name))
    return false;
  memset(out, 0, sizeof *out);
  memcpy(out->name, name->data, name->len);
  for (size_t i = 0; i < COLUMNS; i++)
    if (!host_next_counter(&line, &out->last[i]))
      return false;
  return true;
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  struct disks *disks = state, now = {.last_us = now_us};
  double seconds = (double)(now_us - disks->last_us) / 1e6;
  struct slice line, name;
  while (now.count < DISKS_MAX && slice_split(&text, '\n', &line)) {
    struct disk *disk = &now.all[now.count];
    if (!parse(line, disk, &name) || is_partition(&now, name))
      continue;
    now.count++;
    const struct disk *before = find(disks, name);
    if (before && seconds > 0)
      put_rates(disk, before, seconds, sink);
  }
  *disks = now;
}

const struct host_subject host_disk_io = {"/proc/diskstats", sizeof(struct disks), take,
                                          .optional = true};
