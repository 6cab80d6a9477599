/* Whatever a plugin writes behind its `|` becomes figures that can be stored, or none. */
#include "model/sample_json.h"
#include "property.h"
#include "watchd/perfdata.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct probe_result result = {0};
  perfdata_take(slice_new((const char *)data, size), &result);
  PROPERTY(result.figure_count <= PROBE_FIGURES_MAX, "there are not too many");
  for (size_t i = 0; i < result.figure_count; i++) {
    const struct probe_figure *figure = &result.figures[i];
    PROPERTY(metric_name_valid(slice_of(figure->metric)), "the metric has a name");
    PROPERTY(strcmp(figure->label_key, "label") == 0 && figure->label[0], "it has a label");
    PROPERTY(isfinite(figure->value), "it has a value");
  }
  return 0;
}
