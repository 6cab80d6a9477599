#include "watchd/tail_glob.h"

#include "conf/conf.h"
#include "watchd/tail_family.h"

#include <dirent.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDERS_MAX 1000 /* of one pattern; the rest is not looked into */

static void look_at(const struct tail_glob *wanted, const char *folder, const char *name,
                    bool links) {
  char path[PATH_MAX];
  struct stat own, st;
  if ((size_t)snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) >=
      sizeof path)
    return;
  if (lstat(path, &own) < 0 || (S_ISLNK(own.st_mode) != 0) != links || stat(path, &st) < 0 ||
      !S_ISREG(st.st_mode))
    return;
  wanted->on_file(wanted->arg, path, &st, links);
}

static void walk_folder(const struct tail_glob *wanted, const char *folder, const char *name,
                        bool links) {
  struct dirent *entry;
  DIR *dir = opendir(folder);
  while (dir && (entry = readdir(dir)))
    if ((entry->d_type == DT_UNKNOWN || entry->d_type == (links ? DT_LNK : DT_REG)) &&
        fnmatch(name, entry->d_name, FNM_PERIOD) == 0 && !tail_family_is_packed(entry->d_name))
      look_at(wanted, folder, entry->d_name, links);
  if (dir)
    closedir(dir);
}

int tail_glob_walk(const char *pattern, const struct tail_glob *wanted) {
  const char *slash = strrchr(pattern, '/');
  char *folder = slash == pattern ? strdup("/") : strndup(pattern, (size_t)(slash - pattern));
  glob_t found = {0};
  if (!folder)
    return BELFRY_ENOMEM;
  char *single[] = {folder};
  char **folders = single;
  size_t count = 1;
  if (conf_is_glob(folder)) {
    int status = glob(folder, GLOB_ONLYDIR, NULL, &found);
    folders = found.gl_pathv;
    count = status ? 0 : found.gl_pathc < FOLDERS_MAX ? found.gl_pathc : FOLDERS_MAX;
  }
  for (size_t i = 0; i < count; i++)
    wanted->on_folder(wanted->arg, folders[i]);
  for (int links = 0; links < 2; links++)
    for (size_t i = 0; i < count; i++)
      walk_folder(wanted, folders[i], slash + 1, links);
  globfree(&found);
  free(folder);
  return BELFRY_OK;
}
