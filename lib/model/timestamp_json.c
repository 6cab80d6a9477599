#include "model/timestamp_json.h"

#include "base/json.h"
#include "base/timestamp.h"

int timestamp_take(struct slice raw, struct buf *scratch, int64_t *out_ms,
                   struct model_problem *problem) {
  struct slice text = raw;
  int status = raw.data[0] == '"' ? json_decode_string(raw, scratch, &text) : BELFRY_OK;
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || timestamp_parse(text, out_ms))
    return model_problem_set(problem, BELFRY_ECONFLICT, "/timestamp",
                             "must be a time such as \"2026-11-20T10:30:00.000Z\", or Unix seconds "
                             "or milliseconds, from 1970 to 9999");
  return BELFRY_OK;
}
