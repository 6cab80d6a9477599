#include "pushd/start.h"

bool start_parse_since(struct slice text, struct follow_start *start) {
  const char *dash = text.len ? memrchr(text.data, '-', text.len) : NULL;
  struct slice id = text;
  if (dash) {
    start->epoch = slice_new(text.data, (size_t)(dash - text.data));
    id = slice_new(dash + 1, text.len - start->epoch.len - 1);
    if (start->epoch.len != HISTORY_EPOCH_BYTES - 1)
      return false;
  }
  long long value;
  if (!slice_to_int64(id, &value) || value < 0 || value >= START_ID_MAX)
    return false;
  start->has_since = true;
  start->since = value;
  return true;
}

bool start_names_metrics(struct slice events) {
  struct slice rest = events, piece;
  while (events.len && slice_split(&rest, ',', &piece))
    if (slice_is(slice_trim(piece), "metrics_update"))
      return true;
  return false;
}

void start_confine(enum auth_role role, struct slice name, struct audience_texts *texts) {
  if (role != AUTH_ROLE_INGEST)
    return;
  texts->only_type = slice_of("command");
  texts->only_source = name;
}
