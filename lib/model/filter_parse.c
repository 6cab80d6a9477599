#include "model/filter_parse.h"

#include "base/timestamp.h"
#include "model/severity.h"

/* A comma list of globs, blanks around each ignored. */
static int take_globs(struct slice text, const char *parameter, struct slice *out, size_t *count,
                      struct model_problem *problem) {
  struct slice rest = text, piece;
  while (slice_split(&rest, ',', &piece)) {
    piece = slice_trim(piece);
    if (piece.len == 0)
      continue;
    if (*count == EVENT_FILTER_PATTERNS_MAX)
      return model_problem_set(problem, BELFRY_EINVAL, parameter, "holds more than %d patterns",
                               EVENT_FILTER_PATTERNS_MAX);
    if (piece.len > 128)
      return model_problem_set(problem, BELFRY_EINVAL, parameter,
                               "holds a pattern of more than 128 bytes");
    out[(*count)++] = piece;
  }
  return BELFRY_OK;
}

static int take_severities(struct slice text, const char *parameter, unsigned *out,
                           struct model_problem *problem) {
  struct slice rest = text, piece;
  while (slice_split(&rest, ',', &piece)) {
    enum severity severity;
    piece = slice_trim(piece);
    if (piece.len == 0)
      continue;
    if (severity_parse(piece, &severity))
      return model_problem_set(problem, BELFRY_EINVAL, parameter,
                               "'%.*s' is not debug, info, success, warning, error or critical",
                               piece.len > 40 ? 40 : (int)piece.len, piece.data);
    *out |= 1u << severity;
  }
  return BELFRY_OK;
}

static int take_time(struct slice text, const char *parameter, int64_t now_ms, int64_t *out,
                     struct model_problem *problem) {
  if (timestamp_parse_relative(text, now_ms, out))
    return model_problem_set(problem, BELFRY_EINVAL, parameter,
                             "is not a time: write 2026-11-20T10:30:00Z, Unix seconds or "
                             "milliseconds, now, or -15m");
  return BELFRY_OK;
}

int event_filter_parse(const struct event_filter_texts *texts, int64_t now_ms,
                       struct event_filter *out, struct model_problem *problem) {
  *out = (struct event_filter){.text = texts->q};
  int status = take_globs(texts->event, "event", out->types, &out->type_count, problem);
  if (!status)
    status = take_globs(texts->source, "source", out->sources, &out->source_count, problem);
  if (!status)
    status = take_severities(texts->severity, "severity", &out->severities, problem);
  unsigned lowest = 0;
  if (!status)
    status = take_severities(texts->min_severity, "min_severity", &lowest, problem);
  if (!status && lowest) {
    if (lowest & (lowest - 1))
      return model_problem_set(problem, BELFRY_EINVAL, "min_severity", "takes one severity");
    unsigned at_least = ~(lowest - 1) & ((1u << SEVERITY_COUNT) - 1);
    if (out->severities && !(out->severities & at_least))
      return model_problem_set(problem, BELFRY_EINVAL, "severity",
                               "and min_severity leave nothing that could match");
    out->severities = out->severities ? out->severities & at_least : at_least;
  }
  if (!status && texts->from.data)
    status = take_time(texts->from, "from", now_ms, &out->from_ms, problem);
  if (!status && texts->to.data)
    status = take_time(texts->to, "to", now_ms, &out->to_ms, problem);
  if (!status && out->from_ms && out->to_ms && out->from_ms > out->to_ms)
    return model_problem_set(problem, BELFRY_EINVAL, "from", "is later than `to`");
  return status;
}
