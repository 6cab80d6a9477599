#include "history/sample_marks_priv.h"

int sample_marks_read(struct storage *hot, struct sample_marks *out, struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(hot, SQL_SAMPLE_MARKS, &statement, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW)
    *out = (struct sample_marks){.closed_ms = sqlite3_column_int64(statement, 0),
                                 .sealed_ms = sqlite3_column_int64(statement, 1),
                                 .late_sealed = sqlite3_column_int64(statement, 2),
                                 .late_last = sqlite3_column_int64(statement, 3)};
  else
    status = storage__fail(hot, code, "cannot read how far samples are sealed", error);
  sqlite3_reset(statement);
  return status;
}

static int run(struct storage *hot, enum sql_statement number, const struct history_value *values,
               size_t count, int64_t *changed, struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(hot, number, &statement, error);
  if (!status)
    status = storage__bind(statement, values, count, error);
  return status ? status : storage__run(hot, statement, changed, error);
}

static int set_mark(struct storage *hot, const char *name, int64_t value, int64_t *mark,
                    struct belfry_error *error) {
  if (value == 0)
    return BELFRY_OK;
  if (value < *mark)
    return belfry_error_set(error, BELFRY_ECONFLICT, "the mark %s would go back", name);
  const struct history_value values[] = {HISTORY_VALUE_TEXT("name", slice_of(name)),
                                         HISTORY_VALUE_INTEGER("value", value)};
  int status = run(hot, SQL_SAMPLE_MARK_SET, values, 2, NULL, error);
  if (!status)
    *mark = value;
  return status;
}

static int record(struct storage *hot, const struct segment_change *change, int64_t now_ms,
                  struct belfry_error *error) {
  const struct segment_row *row = &change->row;
  const struct history_value added[] = {
      HISTORY_VALUE_TEXT("kind", slice_of(segment__kind_name(row->kind))),
      HISTORY_VALUE_INTEGER("start", row->start_ms),
      HISTORY_VALUE_INTEGER("end", row->end_ms),
      HISTORY_VALUE_TEXT("file", slice_of(row->file)),
      HISTORY_VALUE_TEXT("state", slice_of(segment__state_name(row->state))),
      HISTORY_VALUE_INTEGER("last_block", row->last_block),
      HISTORY_VALUE_INTEGER("first_id", row->first_id),
      HISTORY_VALUE_INTEGER("last_id", row->last_id),
      HISTORY_VALUE_INTEGER("min_ts", row->min_ts_ms),
      HISTORY_VALUE_INTEGER("max_ts", row->max_ts_ms),
      HISTORY_VALUE_INTEGER("rows", row->rows),
      HISTORY_VALUE_INTEGER("bytes", row->bytes),
      HISTORY_VALUE_INTEGER("now", now_ms),
      HISTORY_VALUE_INTEGER("id", row->id),
      HISTORY_VALUE_TEXT("old_file", slice_of(change->old_file)),
      HISTORY_VALUE_INTEGER("old_last_block", change->old_last_block),
  };
  const struct history_value removed[] = {HISTORY_VALUE_INTEGER("id", row->id),
                                          HISTORY_VALUE_TEXT("file", slice_of(row->file))};
  int64_t changed = 0;
  int status = BELFRY_EINVAL;
  switch (change->what) {
  case SEGMENT_ADDED:
    status = run(hot, SQL_SEGMENT_INSERT, added, 13, &changed, error);
    break;
  case SEGMENT_CHANGED: /* without kind, start and end */
    status = run(hot, SQL_SEGMENT_UPDATE, added + 3, 13, &changed, error);
    break;
  case SEGMENT_REMOVED:
    status = run(hot, SQL_SEGMENT_DELETE, removed, 2, &changed, error);
    break;
  }
  if (!status && changed != 1)
    status =
        belfry_error_set(error, BELFRY_ECONFLICT, "the sealed file %s is not as it was", row->file);
  return status;
}

static int sweep(struct storage *hot, const struct sample_marks *marks, int64_t limit,
                 struct belfry_error *error) {
  if (limit <= 0)
    return BELFRY_OK;
  const struct history_value samples[] = {HISTORY_VALUE_INTEGER("sealed", marks->sealed_ms),
                                          HISTORY_VALUE_INTEGER("limit", limit)};
  const struct history_value late[] = {HISTORY_VALUE_INTEGER("late_sealed", marks->late_sealed),
                                       HISTORY_VALUE_INTEGER("limit", limit)};
  int status = run(hot, SQL_SAMPLE_SWEEP, samples, 2, NULL, error);
  return status ? status : run(hot, SQL_LATE_SAMPLE_SWEEP, late, 2, NULL, error);
}

int sample_marks_take_over(struct storage *hot, struct sample_marks *marks,
                           const struct sample_hand_over *hand_over, struct belfry_error *error) {
  struct sample_marks after = *marks;
  int status = set_mark(hot, "closed", hand_over->closed_ms, &after.closed_ms, error);
  if (!status)
    status = set_mark(hot, "sealed", hand_over->sealed_ms, &after.sealed_ms, error);
  if (!status)
    status = set_mark(hot, "late_sealed", hand_over->late_sealed, &after.late_sealed, error);
  for (size_t i = 0; i < hand_over->change_count && !status; i++)
    status = record(hot, &hand_over->changes[i], hand_over->now_ms, error);
  if (!status && hand_over->change_count > 0)
    status = run(hot, SQL_SEGMENTS_CHANGED, NULL, 0, NULL, error);
  if (!status)
    status = sweep(hot, &after, hand_over->sweep, error);
  if (!status)
    *marks = after;
  return status;
}
