/*
 * A plain main for fuzz targets: gives each file of the target's corpus to it, so that `make check`
 * holds what a fuzzer once found. Without a fuzzer and without its library.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static int replay(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return -1;
  static uint8_t bytes[1 << 20];
  size_t len = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  /* A copy of exactly its size lets a sanitizer see a read past the end. */
  uint8_t *copy = malloc(len ? len : 1);
  if (!copy)
    return -1;
  for (size_t i = 0; i < len; i++)
    copy[i] = bytes[i];
  LLVMFuzzerTestOneInput(copy, len);
  free(copy);
  return 0;
}

int main(void) {
  char path[4096];
  struct dirent *entry;
  int count = 0, failed = 0;
  const char *source = getenv("srcdir"); /* set by `make check` */
  snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source ? source : ".", FUZZ_CORPUS);
  DIR *corpus = opendir(path);
  if (!corpus) {
    perror(path);
    return 1;
  }
  while ((entry = readdir(corpus))) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s", source ? source : ".", FUZZ_CORPUS,
             entry->d_name);
    count++;
    if (replay(path)) {
      perror(path);
      failed = 1;
    }
  }
  closedir(corpus);
  printf("%d inputs\n", count);
  return failed || count == 0;
}
