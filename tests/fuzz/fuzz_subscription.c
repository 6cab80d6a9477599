/* pushd: what clients subscribe to, and take away again. The lines are events, min_severity,
 * sources, and the events that are taken away. */
#include "base/json.h"
#include "property.h"
#include "pushd/subscription.h"

static void check_put(struct audience *audience) {
  const struct subscription subscription = {.audience = audience, .interval_ms = 1000};
  struct buf out;
  buf_init(&out, 0);
  subscription_put(&out, &subscription, ",\"head\":3");
  json_t *value = json_parse(buf_slice(&out), JSON_DEPTH_DEFAULT, NULL);
  PROPERTY(json_is_object(value), "a subscription is told as a JSON object");
  json_decref(value);
  buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct audiences audiences;
  static const struct event event = {
      .severity = 3, .type = {"agent_activity", 14}, .source = {"voice", 5}, .data = {"{}", 2}};
  struct slice rest = slice_new((const char *)data, size), lines[4] = {{0}};
  for (size_t i = 0; i < 4 && slice_split(&rest, '\n', &lines[i]); i++)
    continue;
  /* As JSON gives them: without NULs. */
  if (size && memchr(data, '\0', size))
    return 0;
  const struct audience_texts texts = {
      .events = lines[0], .min_severity = lines[1], .sources = lines[2]};
  struct model_problem problem = {0};
  struct audience *audience, *less;
  if (audience_get(&audiences, &texts, &audience, &problem)) {
    PROPERTY(problem.detail[0], "a refusal has a reason");
    return 0;
  }
  check_put(audience);
  struct audience_texts left;
  struct buf scratch;
  buf_init(&scratch, 0);
  audience_without(audience, lines[3], &scratch, &left);
  if (!audience_get(&audiences, &left, &less, &problem)) {
    PROPERTY(audience_wants(audience, &event) || !audience_wants(less, &event),
             "taking away gives nothing new");
    check_put(less);
    audience_release(&audiences, less);
  }
  buf_fini(&scratch);
  audience_release(&audiences, audience);
  for (size_t i = 0; i < AUDIENCE_BUCKETS; i++)
    PROPERTY(!audiences.buckets[i], "what is given back is gone");
  return 0;
}
