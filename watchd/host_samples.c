#include "watchd/host_samples.h"

#include <math.h>

static void put_sample(void *arg, const char *metric, const char *label, struct slice label_value,
                       double value) {
  struct host_samples *samples = arg;
  if (!isfinite(value) || label_value.len > SAMPLE_LABEL_VALUE_BYTES_MAX)
    return;
  struct label labels[] = {{slice_of(label), label_value}};
  const struct sample sample = {
      .metric = slice_of(metric), .timestamp_ms = samples->now_ms, .value = value};
  outbox_labelled(samples->outbox, &sample, labels, label ? 1 : 0);
}

void host_samples_init(struct host_samples *samples, struct outbox *outbox) {
  *samples = (struct host_samples){.outbox = outbox};
}

struct host_sink host_samples_sink(struct host_samples *samples) {
  return (struct host_sink){put_sample, samples};
}
