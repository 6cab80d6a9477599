/*
 * Without libFuzzer: gives a fuzz target every file of its corpus, so that `make check` replays
 * them. Without arguments that is corpus/<target> beside the sources; else the files that are
 * named.
 */
#include "base/fd.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX ((size_t)64 << 20)

static int replay_file(const char *path) {
  struct belfry_error error = {0};
  size_t len = 0;
  char *text = fd_read_file(path, INPUT_BYTES_MAX, &len, &error);
  if (!text) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  /* A copy of exactly its size, so that a sanitizer sees a step beyond the end. */
  uint8_t *exact = malloc(len > 0 ? len : 1);
  if (!exact)
    abort();
  memcpy(exact, text, len);
  free(text);
  printf("%s: %zu bytes\n", path, len);
  fflush(stdout);
  LLVMFuzzerTestOneInput(exact, len);
  free(exact);
  return 0;
}

static int replay_folder(const char *folder) {
  struct dirent *entry;
  int failed = 0, count = 0;
  DIR *dir = opendir(folder);
  if (!dir) {
    perror(folder);
    return 1;
  }
  while ((entry = readdir(dir))) {
    char path[PATH_MAX + 256];
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    failed |= replay_file(path);
    count++;
  }
  closedir(dir);
  if (count == 0)
    fprintf(stderr, "%s is empty\n", folder);
  return failed || count == 0;
}

int main(int argc, char **argv) {
  const char *srcdir = getenv("srcdir"), *target = strstr(argv[0], "fuzz_");
  char folder[PATH_MAX];
  int failed = 0;
  for (int i = 1; i < argc; i++)
    failed |= replay_file(argv[i]);
  if (argc > 1)
    return failed;
  for (const char *next = target; next; next = strstr(next + 1, "fuzz_"))
    target = next;
  if (!target) {
    fprintf(stderr, "%s is not named fuzz_<parser>\n", argv[0]);
    return 1;
  }
  snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
           target + strlen("fuzz_"));
  return replay_folder(folder);
}
