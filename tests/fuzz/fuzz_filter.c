/* lib/model and lib/history: a filter is read or refused with a reason, and asked of an event. The
 * lines are event, severity, min_severity, source, from, to, q, and the event's data. */
#include "base/json.h"
#include "model/filter_parse.h"
#include "property.h"

#define NOW_MS INT64_C(1795176000000)
#define LINES  8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice rest = slice_new((const char *)data, size), lines[LINES] = {{0}};
  for (size_t i = 0; i < LINES && slice_split(&rest, '\n', &lines[i]); i++)
    if (lines[i].len == 0)
      lines[i].data = NULL; /* absent */
  const struct event_filter_texts texts = {.event = lines[0],
                                           .severity = lines[1],
                                           .min_severity = lines[2],
                                           .source = lines[3],
                                           .from = lines[4],
                                           .to = lines[5],
                                           .q = lines[6]};
  struct model_problem problem = {0};
  struct event_filter filter;
  int status = event_filter_parse(&texts, NOW_MS, &filter, &problem);
  if (status) {
    PROPERTY(status == BELFRY_EINVAL && problem.pointer[0] && problem.detail[0],
             "a refusal says which parameter is wrong and how");
    return 0;
  }
  const struct event event = {.timestamp_ms = NOW_MS,
                              .severity = 3,
                              .type = slice_of("agent_activity"),
                              .source = slice_of("voice"),
                              .data = lines[7]};
  bool matches = event_filter_match(&filter, &event);
  filter.text = slice_new(NULL, 0);
  PROPERTY(!matches || event_filter_match(&filter, &event), "words only take away");
  PROPERTY(filter.type_count <= EVENT_FILTER_PATTERNS_MAX &&
               filter.source_count <= EVENT_FILTER_PATTERNS_MAX,
           "patterns are bounded");
  return 0;
}
