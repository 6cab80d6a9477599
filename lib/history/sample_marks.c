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
  if (!status)
    status =
        segment__record(hot, hand_over->changes, hand_over->change_count, hand_over->now_ms, error);
  if (!status)
    status = sweep(hot, &after, hand_over->sweep, error);
  if (!status)
    *marks = after;
  return status;
}
