#include "runner/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_one(const char *path, struct belfry_error *error) {
  struct stat info;
  if (stat(path, &info) < 0)
    return belfry_error_errno(error, errno, "cannot look at %s", path);
  bool folder = S_ISDIR(info.st_mode);
  if (!folder && !S_ISREG(info.st_mode))
    return belfry_error_set(error, BELFRY_EDENIED,
                            "%s is no file: what root runs must stand in a file of root's", path);
  if (info.st_uid != 0)
    return belfry_error_set(error, BELFRY_EDENIED,
                            "%s belongs to user %u, who could have root run anything: `chown root "
                            "%s`, or start belfry-watchd as that user",
                            path, (unsigned)info.st_uid, path);
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) && !(folder && (info.st_mode & S_ISVTX)))
    return belfry_error_set(error, BELFRY_EDENIED,
                            "%s can be written by others, who could have root run anything: `chmod "
                            "go-w %s`",
                            path, path);
  return BELFRY_OK;
}

/* Takes: `path` without links. */
static int check_all(const char *path, struct belfry_error *error) {
  char part[PATH_MAX];
  snprintf(part, sizeof part, "%s", path);
  for (;;) {
    int status = check_one(part, error);
    char *slash = strrchr(part, '/');
    if (status || strcmp(part, "/") == 0)
      return status;
    slash[slash == part ? 1 : 0] = '\0';
  }
}

int trust_find(const char *conf_path, char *buf, const char **out, struct belfry_error *error) {
  const char *older = getenv("HEALTH_CONFIG_PATH"), *wanted = conf_path;
  *out = conf_path;
  if (geteuid() != 0)
    return BELFRY_OK;
  if (!wanted && older && older[0])
    wanted = older;
  bool optional = !wanted;
  if (optional)
    wanted = BELFRY_SYSCONFDIR "/belfry/belfry.yaml";
  if (!realpath(wanted, buf))
    return optional && errno == ENOENT
               ? BELFRY_OK
               : belfry_error_errno(error, errno, "cannot look at %s", wanted);
  *out = buf;
  return check_all(buf, error);
}
