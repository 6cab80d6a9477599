/* lib/model: whatever is posted as a sample is a sample or refused with a reason; its labels are in
 * their one canonical form. */
#include "base/json.h"
#include "model/sample_json.h"
#include "property.h"

#include <math.h>

#define NOW_MS INT64_C(1795176000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct model_problem problem = {0};
  struct sample_parsed parsed, again;
  sample_parsed_init(&parsed);
  sample_parsed_init(&again);
  int status = sample_parse(slice_new((const char *)data, size), false, NOW_MS, &parsed, &problem);
  if (status) {
    PROPERTY(problem.detail[0], "a refusal has a reason");
    PROPERTY(utf8_valid_prefix(slice_of(problem.detail)) == strlen(problem.detail),
             "the reason is UTF-8");
  } else {
    struct buf text;
    buf_init(&text, 0);
    PROPERTY(metric_name_valid(parsed.sample.metric), "a metric's name");
    PROPERTY(isfinite(parsed.sample.value), "a finite value");
    buf_printf(&text, "{\"metric\":\"%.*s\",\"value\":1,\"labels\":%.*s}",
               SLICE_ARG(parsed.sample.metric), SLICE_ARG(parsed.sample.labels));
    PROPERTY(sample_parse(buf_slice(&text), false, NOW_MS, &again, &problem) == 0, problem.detail);
    PROPERTY(slice_equal(again.sample.labels, parsed.sample.labels),
             "canonical labels stay as they are");
    buf_fini(&text);
  }
  sample_parsed_fini(&again);
  sample_parsed_fini(&parsed);
  return 0;
}
