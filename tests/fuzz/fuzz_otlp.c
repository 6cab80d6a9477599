/* lib/model: whatever comes as a request of OpenTelemetry ('l' logs, 'm' metrics, else traces
 * first) is refused with a reason, or makes events and samples that the history takes; the same
 * ones each time. */
#include "event.h"
#include "history/append.h"
#include "model/otlp.h"
#include "model/sample_json.h"

#include <math.h>

#define MAX_DATA_BYTES 4096

struct seen {
  struct buf ids; /* what came, to compare */
  uint64_t count;
};

static int on_event(void *arg, const struct event *event) {
  struct seen *seen = arg;
  check_event(event, MAX_DATA_BYTES);
  buf_put_slice(&seen->ids, event->event_id);
  seen->count++;
  return 0;
}

static int on_sample(void *arg, const struct sample *sample, unsigned flags) {
  struct seen *seen = arg;
  json_t *labels = json_parse(sample->labels, 1, NULL);
  PROPERTY(json_is_object(labels), "labels are an object of texts without duplicate keys");
  PROPERTY(json_object_size(labels) <= SAMPLE_LABELS_MAX, "labels are few");
  json_decref(labels);
  PROPERTY(metric_name_valid(sample->metric), "a metric's name");
  PROPERTY(isfinite(sample->value), "a finite value");
  PROPERTY(sample->timestamp_ms >= 0 && sample->timestamp_ms <= TIMESTAMP_MAX_MS, "a time");
  PROPERTY(flags & HISTORY_SAMPLE_OPTIONAL, "too many series do not refuse all of it");
  buf_put_slice(&seen->ids, sample->labels);
  seen->count++;
  return 0;
}

static int parse(enum otlp_signal signal, struct slice body, struct seen *seen) {
  const struct otlp_options options = {.now_ms = INT64_C(1795176000000),
                                       .default_source = slice_of("here"),
                                       .max_data_bytes = MAX_DATA_BYTES};
  const struct otlp_sink sink = {on_event, on_sample, seen};
  struct otlp_result result;
  struct model_problem problem = {0};
  int status = otlp_parse(signal, body, &options, &sink, &result, &problem);
  if (status) {
    PROPERTY(status == BELFRY_EINVAL, "a refusal is the request's fault");
    PROPERTY(problem.detail[0], "a refusal has a reason");
    PROPERTY(seen->count == 0, "nothing comes of what is refused");
  } else if (result.rejected > 0) {
    PROPERTY(result.first.detail[0] && result.first.pointer[0], "why, and where");
    PROPERTY(utf8_valid_prefix(slice_of(result.first.detail)) == strlen(result.first.detail),
             "the reason is UTF-8");
  }
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return 0;
  enum otlp_signal signal = data[0] == 'l'   ? OTLP_LOGS
                            : data[0] == 'm' ? OTLP_METRICS
                                             : OTLP_TRACES;
  struct slice body = slice_new((const char *)data + 1, size - 1);
  struct seen first = {0}, again = {0};
  buf_init(&first.ids, 0);
  buf_init(&again.ids, 0);
  if (parse(signal, body, &first) == 0) {
    PROPERTY(parse(signal, body, &again) == 0, "taken once, taken again");
    PROPERTY(slice_equal(buf_slice(&first.ids), buf_slice(&again.ids)), "the same each time");
  }
  buf_fini(&again.ids);
  buf_fini(&first.ids);
  return 0;
}
