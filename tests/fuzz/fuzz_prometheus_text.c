/* Whatever a target gives becomes samples that can be stored, or none. The first byte says whether
 * it is OpenMetrics. */
#include "base/json.h"
#include "model/prometheus_text.h"
#include "property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct prometheus_text text;
  struct prometheus_sample sample;
  struct buf labels;
  size_t lines = 1;
  if (size < 1)
    return 0;
  prometheus_text_start(&text, slice_new((const char *)data + 1, size - 1), data[0] & 1);
  for (size_t i = 1; i < size; i++)
    lines += data[i] == '\n';
  buf_init(&labels, 0);
  size_t count = 0;
  while (prometheus_text_next(&text, &sample)) {
    PROPERTY(metric_name_valid(slice_of(sample.metric)), "the metric has a name");
    PROPERTY(sample.label_count <= SAMPLE_LABELS_MAX, "labels are bounded");
    PROPERTY(sample.timestamp_ms >= 0, "a time that can be");
    buf_clear(&labels);
    labels_put_json(&labels, sample.labels, sample.label_count);
    PROPERTY(text.line <= lines && ++count <= lines, "a sample is a line");
  }
  PROPERTY(text.bad <= lines && (text.bad == 0) == (text.first_bad == 0), "bad lines are counted");
  buf_fini(&labels);
  prometheus_text_fini(&text);
  return 0;
}
