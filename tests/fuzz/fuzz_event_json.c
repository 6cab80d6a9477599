/* lib/model: whatever is posted as an event is an event or refused with a reason; what it is put
 * as is JSON on one line and reads back as the same event. */
#include "base/json.h"
#include "model/event_json.h"
#include "model/event_type.h"
#include "property.h"

#define NOW_MS         INT64_C(1795176000000)
#define DATA_BYTES_MAX 4096

static int count_sample(void *arg, const struct sample *sample) {
  json_t *labels = json_parse(sample->labels, 1, NULL);
  PROPERTY(json_is_object(labels), "the labels of a sample are a JSON object");
  json_decref(labels);
  ++*(size_t *)arg;
  return 0;
}

static void check_again(const struct event *event, const struct event_parse_options *options) {
  struct event_parsed again;
  struct model_problem problem = {0};
  struct buf out;
  buf_init(&out, 0);
  event_parsed_init(&again);
  event_put_json(&out, event);
  struct slice text = buf_slice(&out);
  PROPERTY(!memchr(text.data, '\n', text.len), "an event is put on one line");
  PROPERTY(event_parse(text, options, &again, &problem) == 0, problem.detail);
  PROPERTY(slice_equal(again.event.type, event->type) &&
               slice_equal(again.event.source, event->source) &&
               slice_equal(again.event.event_id, event->event_id) &&
               again.event.severity == event->severity &&
               again.event.timestamp_ms == event->timestamp_ms &&
               again.event.data.len == event->data.len,
           "what is put reads back as the same event");
  event_parsed_fini(&again);
  buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct ulid_maker ulids;
  const struct event_parse_options options = {.now_ms = NOW_MS,
                                              .default_source = slice_of("key"),
                                              .max_data_bytes = DATA_BYTES_MAX,
                                              .ulids = &ulids};
  struct model_problem problem = {0};
  struct event_parsed parsed;
  event_parsed_init(&parsed);
  int status = event_parse(slice_new((const char *)data, size), &options, &parsed, &problem);
  if (status) {
    PROPERTY(problem.detail[0], "a refusal has a reason");
    PROPERTY(utf8_valid_prefix(slice_of(problem.detail)) == strlen(problem.detail),
             "the reason is UTF-8");
  } else {
    const struct event *event = &parsed.event;
    size_t samples = 0;
    PROPERTY(event_type_valid(event->type) && event_type_public(event->type),
             "a type that may be posted");
    PROPERTY(event->severity >= SEVERITY_DEBUG && event->severity < SEVERITY_COUNT, "a severity");
    PROPERTY(event->source.len >= 1 && event->source.len <= 128 && event->event_id.len >= 1 &&
                 event->event_id.len <= 128 && event->data.len <= DATA_BYTES_MAX,
             "its parts are within their bounds");
    PROPERTY(event_samples(event, count_sample, &samples) == 0, "its samples are found");
    check_again(event, &options);
  }
  event_parsed_fini(&parsed);
  return 0;
}
