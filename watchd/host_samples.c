#include "watchd/host_samples.h"

#include "model/sample_json.h"

#include <math.h>

static void put_sample(void *arg, const char *metric, const char *label, struct slice label_value,
                       double value) {
  struct host_samples *samples = arg;
  if (!isfinite(value) || label_value.len > SAMPLE_LABEL_VALUE_BYTES_MAX)
    return;
  struct label labels[] = {{slice_of(label), label_value}};
  buf_clear(&samples->labels);
  labels_put_json(&samples->labels, labels, label ? 1 : 0);
  if (buf_status(&samples->labels))
    return;
  const struct sample sample = {slice_of(metric), buf_slice(&samples->labels), samples->now_ms,
                                value};
  outbox_sample(samples->outbox, &sample);
}

void host_samples_init(struct host_samples *samples, struct outbox *outbox) {
  *samples = (struct host_samples){.outbox = outbox};
  buf_init(&samples->labels, 4096);
}

void host_samples_fini(struct host_samples *samples) {
  buf_fini(&samples->labels);
}

struct host_sink host_samples_sink(struct host_samples *samples) {
  return (struct host_sink){put_sample, samples};
}
