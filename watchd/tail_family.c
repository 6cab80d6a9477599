#include "watchd/tail_family.h"

#include "base/clock.h"
#include "base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Times of files are taken from a clock that moves in steps of some milliseconds: two changes
 * within one step look like one. */
#define QUIET_NS (INT64_C(50) * 1000000)

static int64_t nanoseconds(struct timespec time) {
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The folder and the name. Returns: owned folder, or NULL; `*name` is borrowed from `path`. */
static char *folder_of(const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (!slash)
    return strdup(".");
  return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int64_t folder_changed(const char *path) {
  const char *name;
  struct stat st;
  char *folder = folder_of(path, &name);
  int64_t changed = folder && stat(folder, &st) == 0 ? nanoseconds(st.st_mtim) : -1;
  free(folder);
  return changed;
}

bool tail_family_is_packed(const char *name) {
  static const char *const packed[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z", ".zip", ".tmp"};
  size_t len = strlen(name);
  for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
    size_t end = strlen(packed[i]);
    if (len > end && strcmp(name + len - end, packed[i]) == 0)
      return true;
  }
  return false;
}

/* What rotation puts behind a name: ".1", ".20261120", "-20261120", "-2026-11-20_10:30". A hyphen
 * and a small number are part of many names: worker-1. Returns: how long it is; 0: it is none. */
static size_t rotation_length(const char *text) {
  size_t len = 1, digits = 0;
  if ((text[0] != '.' && text[0] != '-') || text[1] < '0' || text[1] > '9')
    return 0;
  while ((text[len] >= '0' && text[len] <= '9') || (text[len] && strchr("-_:T", text[len])))
    digits += text[len] >= '0' && text[len] <= '9', len++;
  return text[0] == '.' || digits >= 6 ? len : 0;
}

/* "access.log.1", "access.log-20261120" and "access.1.log" belong to "access.log";
 * "access.log.1.gz" does not. */
static bool is_rotated_name(const char *name, const char *of, int64_t *number) {
  const char *extension = strrchr(of, '.');
  size_t of_len = strlen(of), stem_len = extension ? (size_t)(extension - of) : of_len, at = 0,
         len = 0;
  if (strncmp(name, of, of_len) == 0 && (len = rotation_length(name + of_len)) > 0 &&
      name[of_len + len] == '\0')
    at = of_len;
  else if (stem_len > 0 && strncmp(name, of, stem_len) == 0 &&
           (len = rotation_length(name + stem_len)) > 0 && extension &&
           strcmp(name + stem_len + len, extension) == 0)
    at = stem_len;
  else
    return false;
  long long value;
  struct slice suffix = slice_new(name + at + 1, len - 1);
  bool numbered = name[at] == '.' && suffix.len <= 5 && slice_to_int64(suffix, &value);
  *number = numbered ? value : -1;
  return true;
}

bool tail_family_is_rotated(const char *path, tail_family_known_fn known, void *arg) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  for (const char *at = name + 1; *name && *at; at++) {
    size_t len = rotation_length(at);
    char *base = NULL;
    if (len == 0)
      continue;
    int64_t number;
    if (asprintf(&base, "%.*s%s", (int)(at - path), path, at + len) < 0)
      return true; /* out of memory: better not read than read twice */
    bool rotated = is_rotated_name(name, base + (name - path), &number) && known(arg, base);
    free(base);
    if (rotated)
      return true;
  }
  return false;
}

static int add_member(struct tail_family *family, const char *folder, const char *name,
                      int64_t number, bool live) {
  char *path = NULL;
  struct stat st;
  if (family->count >= TAIL_FAMILY_MAX)
    return BELFRY_OK;
  if (asprintf(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) < 0)
    return BELFRY_ENOMEM;
  if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
    free(path);
    return BELFRY_OK;
  }
  struct tail_member *more =
      realloc(family->members, (family->count + 1) * sizeof *family->members);
  if (!more) {
    free(path);
    return BELFRY_ENOMEM;
  }
  family->members = more;
  family->members[family->count++] = (struct tail_member){
      path, (int64_t)st.st_dev, (int64_t)st.st_ino, st.st_size, nanoseconds(st.st_mtim), number,
      live};
  return BELFRY_OK;
}

/* Oldest first. The numbers of rotation count backwards; other names go by their time. */
static int by_age(const void *left, const void *right) {
  const struct tail_member *a = left, *b = right;
  if (a->live != b->live)
    return a->live ? 1 : -1;
  if (a->number >= 0 && b->number >= 0)
    return (a->number < b->number) - (a->number > b->number);
  if (a->mtime_ns != b->mtime_ns)
    return a->mtime_ns < b->mtime_ns ? -1 : 1;
  return strcmp(a->path, b->path);
}

int tail_family_list(const char *path, struct tail_family *out) {
  *out = (struct tail_family){0};
  const char *name;
  char *folder = folder_of(path, &name);
  if (!folder)
    return BELFRY_ENOMEM;
  out->changed_ns = folder_changed(path);
  DIR *dir = opendir(folder);
  int status = BELFRY_OK;
  if (!dir)
    status = errno == ENOENT ? BELFRY_ENOENT : BELFRY_EIO;
  struct dirent *entry;
  while (!status && (entry = readdir(dir))) {
    int64_t number = -1;
    bool live = strcmp(entry->d_name, name) == 0;
    if (live || is_rotated_name(entry->d_name, name, &number))
      status = add_member(out, folder, entry->d_name, number, live);
  }
  if (dir)
    closedir(dir);
  free(folder);
  if (out->count > 1)
    qsort(out->members, out->count, sizeof *out->members, by_age);
  int64_t now_ns = clock_realtime_us(&clock_system) * 1000;
  out->quiet = tail_family_unchanged(path, out) &&
               (now_ns - out->changed_ns > QUIET_NS || now_ns < out->changed_ns);
  return status;
}

void tail_family_fini(struct tail_family *family) {
  for (size_t i = 0; i < family->count; i++)
    free(family->members[i].path);
  free(family->members);
  *family = (struct tail_family){0};
}

bool tail_family_unchanged(const char *path, const struct tail_family *family) {
  return family->changed_ns >= 0 && folder_changed(path) == family->changed_ns;
}

int tail_family_find_inode(const char *path, int64_t inode) {
  const char *name;
  int fd = -1;
  char *real = realpath(path, NULL);
  char *folder = folder_of(real ? real : path, &name);
  DIR *dir = folder ? opendir(folder) : NULL;
  struct dirent *entry;
  while (dir && fd < 0 && (entry = readdir(dir))) {
    char *found = NULL;
    if ((int64_t)entry->d_ino != inode || asprintf(&found, "%s/%s", folder, entry->d_name) < 0)
      continue;
    fd = tail_open(found);
    free(found);
  }
  if (dir)
    closedir(dir);
  free(folder);
  free(real);
  return fd;
}

int tail_open(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not stop us */
  if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
    close(fd);
    errno = EINVAL;
    return -1;
  }
  return fd;
}
