/* lib/conf: any file is read or refused with a reason; what is read, dumps and loads as the same.
 */
#include "conf/conf.h"
#include "property.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file = -1;
static char path[64];

static void write_file(const void *data, size_t size) {
  if (file < 0) {
    file = memfd_create("belfry.yaml", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  }
  PROPERTY(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size,
           "the file can be written");
}

static void count_problem(void *arg, const char *where, const char *text) {
  PROPERTY(where[0] && text[0], "a problem has a place and a text");
  ++*(int *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct belfry_error error = {0};
  struct buf first, second;
  int problems = 0;
  if (size > 65536)
    return 0; /* libyaml takes the square of the number of anchors */
  write_file(data, size);
  struct conf *conf = conf_load(path, &error);
  PROPERTY(conf_check(path, count_problem, &problems) == problems, "all problems are told");
  PROPERTY((conf == NULL) == (problems > 0), "what loads has no problems");
  PROPERTY(conf || error.text[0], "a refusal has a reason");
  if (!conf)
    return 0;
  buf_init(&first, 0);
  buf_init(&second, 0);
  conf_dump(conf, &first);
  conf_free(conf);
  write_file(first.data, first.len);
  conf = conf_load(path, &error);
  PROPERTY(conf, error.text);
  conf_dump(conf, &second);
  conf_free(conf);
  PROPERTY(slice_equal(buf_slice(&first), buf_slice(&second)), "a dump loads as the same");
  buf_fini(&first);
  buf_fini(&second);
  return 0;
}
