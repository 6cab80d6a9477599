/* lib/model: whatever comes as a CloudEvent, in the JSON format ('j' first) or in binary mode
 * (lines "name: value", an empty line, the body), is an event that the history takes or refused
 * with a reason. */
#include "event.h"
#include "model/cloudevent.h"

#define MAX_DATA_BYTES 4096

static int parse_structured(struct slice text, const struct event_parse_options *options,
                            struct cloudevent_parsed *parsed, struct model_problem *problem) {
  json_t *checked = json_parse(text, JSON_DEPTH_DEFAULT + 1, NULL);
  if (!checked)
    return model_problem_set(problem, BELFRY_EINVAL, "", "is not JSON");
  json_decref(checked);
  return cloudevent_parse(text, options, parsed, problem);
}

static int parse_binary(struct slice text, const struct event_parse_options *options,
                        struct cloudevent_parsed *parsed, struct model_problem *problem) {
  struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX];
  struct slice type = {0}, line, name;
  size_t count = 0;
  while (slice_split(&text, '\n', &line) && line.len > 0) {
    (void)slice_split(&line, ':', &name);
    if (slice_is(name, "content-type"))
      type = line;
    else if (count < CLOUDEVENT_HEADERS_MAX)
      headers[count++] = (struct cloudevent_header){name, line};
  }
  return cloudevent_parse_binary(headers, count, type, text, options, parsed, problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return 0;
  struct slice text = slice_new((const char *)data + 1, size - 1);
  const struct event_parse_options options = {.now_ms = INT64_C(1795176000000),
                                              .max_data_bytes = MAX_DATA_BYTES};
  struct model_problem problem = {0};
  struct cloudevent_parsed parsed;
  cloudevent_parsed_init(&parsed);
  int status =
      (data[0] == 'j' ? parse_structured : parse_binary)(text, &options, &parsed, &problem);
  if (status) {
    PROPERTY(problem.detail[0], "a refusal has a reason");
    PROPERTY(utf8_valid_prefix(slice_of(problem.detail)) == strlen(problem.detail),
             "the reason is UTF-8");
  } else {
    check_event(&parsed.event.event, MAX_DATA_BYTES);
  }
  cloudevent_parsed_fini(&parsed);
  return 0;
}
