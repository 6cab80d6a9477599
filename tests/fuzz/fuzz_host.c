/* watchd: any text in place of those of /proc gives figures that can be. The first byte says of
 * which subject; the text is read twice, so that rates are made too. */
#include "property.h"
#include "watchd/host_mounts.h"
#include "watchd/host_subject.h"

#include <math.h>
#include <string.h>

/* The disk's subject asks the system about what it reads, so its mounts are only parsed. */
static const struct host_subject *const subjects[] = {
    &host_cpu,     &host_memory,  &host_load,        &host_uptime,
    &host_network, &host_disk_io, &host_pressure_io, &host_files};
#define SUBJECTS (sizeof subjects / sizeof *subjects)

static void check_figure(void *arg, const char *metric, const char *label, struct slice label_value,
                         double value) {
  (void)arg;
  PROPERTY(isfinite(value), metric);
  PROPERTY(!label || label_value.data, "a label has a value");
  if (strstr(metric, "percent"))
    PROPERTY(value >= 0 && value <= 100, metric);
}

static void check_mounts(struct slice text) {
  static struct host_mount mounts[HOST_MOUNTS_MAX];
  size_t count = host_mounts_parse(text, mounts);
  PROPERTY(count <= HOST_MOUNTS_MAX, "mounts are bounded");
  for (size_t i = 0; i < count; i++)
    PROPERTY(memchr(mounts[i].path, '\0', sizeof mounts[i].path) &&
                 memchr(mounts[i].device, '\0', sizeof mounts[i].device) &&
                 memchr(mounts[i].source, '\0', sizeof mounts[i].source),
             "texts end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static union {
    char bytes[1 << 16];
    long double aligned;
  } state;
  const struct host_sink sink = {check_figure, NULL};
  if (size < 1)
    return 0;
  struct slice text = slice_new((const char *)data + 1, size - 1);
  size_t which = data[0] % (SUBJECTS + 1);
  if (which == SUBJECTS) {
    check_mounts(text);
    return 0;
  }
  const struct host_subject *subject = subjects[which];
  PROPERTY(subject->state_bytes <= sizeof state, "room for what is kept");
  memset(&state, 0, subject->state_bytes);
  /* The first half, then the whole: as counters that grow. */
  subject->take(&state, slice_new(text.data, text.len / 2), 1000000, &sink);
  subject->take(&state, text, 2000000, &sink);
  subject->take(&state, text, 3000000, &sink);
  return 0;
}
