/*
 * The one writer (law 1). Groups are transactions with synchronous=FULL (law 2): what
 * history_writer_commit_group() has said 0 to survives a power cut.
 */
#include "history/writer.h"

#include "base/fd.h"
#include "history/ballast_priv.h"
#include "history/event_values_priv.h"
#include "history/keeper_priv.h"
#include "history/lock_priv.h"
#include "history/sample_marks_priv.h"
#include "history/sealed_ids_priv.h"
#include "history/series_priv.h"
#include "history/storage_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESTART_WAIT_MS 200 /* how long a checkpoint waits for readers */
#define WRITER_BUSY_MS  2000

/* Words of control, prepared once. */
enum control { BEGIN_GROUP, COMMIT_GROUP, ROLLBACK_GROUP, SAVE, RELEASE, ROLLBACK_TO, CONTROLS };
static const char *const control_words[CONTROLS] = {
    [BEGIN_GROUP] = "BEGIN IMMEDIATE",     [COMMIT_GROUP] = "COMMIT",
    [ROLLBACK_GROUP] = "ROLLBACK",         [SAVE] = "SAVEPOINT batch",
    [RELEASE] = "RELEASE SAVEPOINT batch", [ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT batch",
};

struct history_writer {
  struct storage storage;
  sqlite3_stmt *control[CONTROLS];
  struct event_values values;
  struct series_cache *series;
  struct sample_marks marks, group_marks; /* now, and before the group */
  struct sealed_ids *sealed;
  struct ballast ballast;
  int lock_fd;
  char epoch[HISTORY_EPOCH_BYTES];
  int64_t head, group_head, batch_head; /* now, and before the group and the batch */
  int64_t last_received_ms;
  int64_t wal_pages;
  size_t batch_mark;
};

/* --- opening --- */

static int set_text(struct storage *storage, const char *key, const char *value,
                    struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(storage, SQL_HISTORY_SET, &statement, error);
  if (!status)
    status = storage__bind(statement,
                           (struct history_value[]){HISTORY_VALUE_TEXT("key", slice_of(key)),
                                                    HISTORY_VALUE_TEXT("value", slice_of(value))},
                           2, error);
  return status ? status : storage__run(storage, statement, NULL, error);
}

static int describe_new(struct storage *storage, struct belfry_error *error) {
  char epoch[HISTORY_EPOCH_BYTES], created[32];
  uint64_t random;
  fd_random(&random, sizeof random);
  snprintf(epoch, sizeof epoch, "%016" PRIx64, random);
  snprintf(created, sizeof created, "%" PRId64, clock_realtime_ms(&clock_system));
  int status = set_text(storage, "epoch", epoch, error);
  return status ? status : set_text(storage, "created", created, error);
}

/* Brings the schema up to ours, all of it in one transaction. */
static int migrate(struct storage *storage, const char *dir, struct belfry_error *error) {
  int version = 0;
  int status = storage__schema(storage, &version, error);
  if (status)
    return status;
  if (version > SQL_SCHEMA_VERSION)
    return belfry_error_set(
        error, BELFRY_EVERSION,
        "the history in %s has schema %d, made by a newer Belfry; this one knows "
        "schemas up to %d",
        dir, version, SQL_SCHEMA_VERSION);
  if (version == SQL_SCHEMA_VERSION)
    return BELFRY_OK;
  int from = version;
  char doing[64], pragma[64];
  status = storage__exec(storage, control_words[BEGIN_GROUP], "cannot begin to migrate", error);
  while (!status && version < SQL_SCHEMA_VERSION) {
    snprintf(doing, sizeof doing, "cannot migrate the history to schema %d", version + 1);
    status = storage__exec(storage, sql_migrations[version++], doing, error);
  }
  if (!status && from == 0)
    status = describe_new(storage, error);
  snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version);
  if (!status)
    status = storage__exec(storage, pragma, "cannot record the schema", error);
  if (!status)
    status = storage__exec(storage, control_words[COMMIT_GROUP], "cannot commit the schema", error);
  if (status && !sqlite3_get_autocommit(storage->db))
    sqlite3_exec(storage->db, control_words[ROLLBACK_GROUP], NULL, NULL, NULL);
  return status;
}

/* Every statement of sql/, so that a typo ends the start and not a request. */
static int prepare_all(struct history_writer *writer, struct belfry_error *error) {
  sqlite3_stmt *statement;
  for (int i = 0; i < SQL_STATEMENT_COUNT; i++) {
    if (sql_sources[i].kind == SQL_SEGMENT)
      continue;
    int status = storage__statement(&writer->storage, (enum sql_statement)i, &statement, error);
    if (!status && (i == SQL_EVENT_INSERT || sql_sources[i].kind == SQL_PROJECTION))
      status = event_values__learn(&writer->values, (enum sql_statement)i, statement, error);
    if (status)
      return status;
  }
  for (int i = 0; i < CONTROLS; i++) {
    int code = sqlite3_prepare_v3(writer->storage.db, control_words[i], -1,
                                  SQLITE_PREPARE_PERSISTENT, &writer->control[i], NULL);
    if (code != SQLITE_OK)
      return storage__fail(&writer->storage, code, control_words[i], error);
  }
  return BELFRY_OK;
}

/* A disk that is full gives up its ballast at once. */
static int noticed(struct history_writer *writer, int status) {
  if (status == BELFRY_EFULL)
    ballast__give_up(&writer->ballast);
  return status;
}

static int checkpoint(struct history_writer *writer, int mode, int wait_ms,
                      struct belfry_error *error) {
  int in_log = 0, done = 0;
  sqlite3_busy_timeout(writer->storage.db, wait_ms);
  int code = sqlite3_wal_checkpoint_v2(writer->storage.db, "main", mode, &in_log, &done);
  sqlite3_busy_timeout(writer->storage.db, WRITER_BUSY_MS);
  return code == SQLITE_OK
             ? BELFRY_OK
             : noticed(writer, storage__fail(&writer->storage, code, "checkpoint", error));
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages) {
  (void)db, (void)name;
  ((struct history_writer *)arg)->wal_pages = pages;
  return SQLITE_OK;
}

/*
 * What a writer left in the log whose last sync failed reads well and yet may never have reached
 * the disk: the kernel tells of such a page once and then takes it for clean. A commit behind it
 * would be acknowledged, and be lost with it in a power cut. So all of the log is brought into the
 * database, which is synced, and the log starts over, before anything is appended. Readers that do
 * not let go, or a full disk, put that off until the next checkpoint.
 */
static int settle_log(struct history_writer *writer, struct belfry_error *error) {
  struct belfry_error why = {0};
  int status = checkpoint(writer, SQLITE_CHECKPOINT_RESTART, WRITER_BUSY_MS, &why);
  return status == BELFRY_EIO || status == BELFRY_ECORRUPT
             ? belfry_error_set(error, status, "%s", why.text)
             : BELFRY_OK;
}

static int start(struct history_writer *writer, const char *dir,
                 const struct history_writer_options *options, struct belfry_error *error) {
  struct history_position position;
  int status = lock__make_dir(dir, error);
  if (!status)
    status = lock__take(dir, &writer->lock_fd, error);
  if (!status)
    status = ballast__open(&writer->ballast, dir, options->ballast_bytes, error);
  if (!status)
    status = storage__open(&writer->storage, dir, STORAGE_WRITES, error);
  if (!status)
    status = migrate(&writer->storage, dir, error);
  if (!status)
    status = prepare_all(writer, error);
  if (!status)
    status = storage__position(&writer->storage, &position, &writer->last_received_ms, error);
  if (!status)
    status =
        series__load(&writer->storage,
                     &(struct series_limits){options->max_series, options->max_series_per_source},
                     &writer->series, error);
  if (!status)
    status = sample_marks_read(&writer->storage, &writer->marks, error);
  if (!status)
    status = sealed_ids__load(&writer->storage, &writer->sealed, error);
  if (!status)
    status = settle_log(writer, error);
  if (status)
    return status;
  if (writer->marks.late_last < writer->marks.late_sealed) /* they are swept already */
    writer->marks.late_last = writer->marks.late_sealed;
  memcpy(writer->epoch, position.epoch, sizeof writer->epoch);
  writer->head = position.head;
  sqlite3_wal_hook(writer->storage.db, on_wal, writer);
  return BELFRY_OK;
}

static void release(struct history_writer *writer) {
  event_values__fini(&writer->values);
  series__free(writer->series);
  sealed_ids__free(writer->sealed);
  for (int i = 0; i < CONTROLS; i++)
    sqlite3_finalize(writer->control[i]);
  storage__close(&writer->storage);
  fd_close(&writer->lock_fd); /* last: the lock covers all of the above */
  free(writer);
}

int history_writer_open(const char *dir, const struct history_writer_options *options,
                        struct history_writer **out, struct belfry_error *error) {
  struct history_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while opening the history");
  writer->lock_fd = -1;
  event_values__init(&writer->values);
  int status = start(writer, dir, options, error);
  if (status) {
    release(writer);
    return status;
  }
  *out = writer;
  return BELFRY_OK;
}

void history_writer_close(struct history_writer *writer) {
  if (!writer)
    return;
  /* What a checkpoint leaves behind stays in the write-ahead log, which is kept. */
  (void)!history_writer_checkpoint(writer, false, NULL);
  release(writer);
}

void history_writer_discard(struct history_writer *writer) {
  if (writer)
    release(writer);
}

int history_writer_position(struct history_writer *writer, struct history_position *out,
                            struct belfry_error *error) {
  return storage__position(&writer->storage, out, NULL, error);
}

bool history_writer_has_room(struct history_writer *writer, struct belfry_error *error) {
  return ballast__has_room(&writer->ballast, error);
}

/* --- groups and batches --- */

static int run_control(struct history_writer *writer, enum control word,
                       struct belfry_error *error) {
  sqlite3_stmt *statement = writer->control[word];
  int code = sqlite3_step(statement);
  int status = BELFRY_OK;
  if (code != SQLITE_DONE)
    status = storage__fail(&writer->storage, code, control_words[word], error);
  sqlite3_reset(statement);
  return status;
}

int history_writer_begin_group(struct history_writer *writer, struct belfry_error *error) {
  if (storage__has_moved(&writer->storage)) /* one stat(2): nothing beside the commit's fsync */
    return belfry_error_set(error, BELFRY_EIO,
                            "%s/" STORAGE_DATABASE " was removed or replaced while it was open",
                            writer->ballast.dir);
  int status = run_control(writer, BEGIN_GROUP, error);
  if (status)
    return noticed(writer, status);
  writer->group_head = writer->head;
  writer->group_marks = writer->marks;
  series__keep(writer->series);
  return BELFRY_OK;
}

void history_writer_abandon_group(struct history_writer *writer) {
  /* After some failures SQLite has rolled back already. */
  if (!sqlite3_get_autocommit(writer->storage.db))
    (void)!run_control(writer, ROLLBACK_GROUP, NULL);
  writer->head = writer->group_head;
  writer->marks = writer->group_marks;
  series__undo(writer->series, 0);
}

int history_writer_commit_group(struct history_writer *writer, struct belfry_error *error) {
  int status = series__flush(writer->series, error);
  if (!status)
    status = run_control(writer, COMMIT_GROUP, error);
  if (status) {
    history_writer_abandon_group(writer);
    return noticed(writer, status);
  }
  series__keep(writer->series);
  return BELFRY_OK;
}

int history_writer_begin_batch(struct history_writer *writer, struct belfry_error *error) {
  int status = run_control(writer, SAVE, error);
  if (status)
    return noticed(writer, status);
  writer->batch_head = writer->head;
  writer->batch_mark = series__mark(writer->series);
  return BELFRY_OK;
}

int history_writer_end_batch(struct history_writer *writer, struct belfry_error *error) {
  return noticed(writer, run_control(writer, RELEASE, error));
}

int history_writer_undo_batch(struct history_writer *writer, struct belfry_error *error) {
  int status = run_control(writer, ROLLBACK_TO, error);
  if (!status)
    status = run_control(writer, RELEASE, error);
  writer->head = writer->batch_head;
  series__undo(writer->series, writer->batch_mark);
  return noticed(writer, status);
}

/* --- records --- */

static int run_for_event(struct history_writer *writer, enum sql_statement number,
                         const struct event *event, int64_t *changed, struct belfry_error *error) {
  sqlite3_stmt *statement = writer->storage.statements[number];
  int code = event_values__bind(&writer->values, number, statement, event);
  if (code != SQLITE_OK)
    return storage__fail(&writer->storage, code, sql_sources[number].name, error);
  return noticed(writer, storage__run(&writer->storage, statement, changed, error));
}

int history_writer_event(struct history_writer *writer, struct event *event,
                         struct belfry_error *error) {
  int64_t changed = 0;
  bool sealed;
  event->id = 0;
  int status = sealed_ids__find(writer->sealed, event->source, event->event_id, &sealed, error);
  if (status || sealed)
    return noticed(writer, status);
  if (event->received_ms < writer->last_received_ms) /* the clock was set back */
    event->received_ms = writer->last_received_ms;
  event->id = writer->head + 1;
  event_values__turn(&writer->values);
  status = run_for_event(writer, SQL_EVENT_INSERT, event, &changed, error);
  if (status || changed == 0) {
    event->id = 0;
    return status;
  }
  writer->head = event->id;
  writer->last_received_ms = event->received_ms;
  return BELFRY_OK;
}

int history_writer_project(struct history_writer *writer, enum sql_statement statement,
                           const struct event *event, struct belfry_error *error) {
  if (sql_sources[statement].kind != SQL_PROJECTION)
    return belfry_error_set(error, BELFRY_EINVAL, "the statement %s is no projection",
                            sql_sources[statement].name);
  if (!event_values__wanted(&writer->values, statement, event))
    return BELFRY_OK;
  return run_for_event(writer, statement, event, NULL, error);
}

static int store_sample(struct history_writer *writer, enum sql_statement number, int64_t series_id,
                        const struct sample *sample, int64_t *changed, struct belfry_error *error) {
  sqlite3_stmt *statement = writer->storage.statements[number];
  int status =
      storage__bind(statement,
                    (struct history_value[]){HISTORY_VALUE_INTEGER("ts", sample->timestamp_ms),
                                             HISTORY_VALUE_INTEGER("series_id", series_id),
                                             HISTORY_VALUE_REAL("value", sample->value)},
                    3, error);
  return status ? status : storage__run(&writer->storage, statement, changed, error);
}

/* A sample for a time that is being sealed or is sealed already. */
static int store_late(struct history_writer *writer, int64_t series_id, const struct sample *sample,
                      struct belfry_error *error) {
  sqlite3_stmt *statement = writer->storage.statements[SQL_LATE_SAMPLE_INSERT];
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("seq", ++writer->marks.late_last),
                                         HISTORY_VALUE_INTEGER("ts", sample->timestamp_ms),
                                         HISTORY_VALUE_INTEGER("series_id", series_id),
                                         HISTORY_VALUE_REAL("value", sample->value)};
  int status = storage__bind(statement, values, 4, error);
  return status ? status : storage__run(&writer->storage, statement, NULL, error);
}

static int add_sample(struct history_writer *writer, uint32_t index, const struct sample *sample,
                      struct belfry_error *error) {
  int64_t added = 1;
  int status;
  int64_t id = series__id(writer->series, index);
  if (sample->timestamp_ms < writer->marks.closed_ms) {
    status = store_late(writer, id, sample, error);
  } else {
    status = store_sample(writer, SQL_SAMPLE_INSERT, id, sample, &added, error);
    if (!status && !added)
      status = store_sample(writer, SQL_SAMPLE_REPLACE, id, sample, NULL, error);
  }
  if (status)
    return noticed(writer, status);
  status = series__count(writer->series, index, sample, added > 0);
  return status ? belfry_error_set(error, status, "out of memory while counting a sample")
                : BELFRY_OK;
}

int history_writer_sample(struct history_writer *writer, const struct sample *sample,
                          struct belfry_error *error) {
  uint32_t index;
  int status = series__find(writer->series, sample, &index, error);
  return status ? noticed(writer, status) : add_sample(writer, index, sample, error);
}

int history_writer_increment(struct history_writer *writer, const struct sample *sample,
                             struct belfry_error *error) {
  uint32_t index;
  int64_t last_ms;
  double last_value;
  int status = series__find(writer->series, sample, &index, error);
  if (status)
    return noticed(writer, status);
  if (!series__last(writer->series, index, &last_ms, &last_value))
    return add_sample(writer, index, sample, error);
  if (sample->timestamp_ms <= last_ms)
    return BELFRY_OK;
  struct sample sum = *sample;
  sum.value += last_value;
  if (!isfinite(sum.value))
    sum.value = sample->value; /* begun anew */
  return add_sample(writer, index, &sum, error);
}

void history_writer_series(const struct history_writer *writer, int64_t *count, int64_t *refused) {
  *count = series__count_all(writer->series);
  *refused = series__refused(writer->series);
}

static int find_mutation(struct slice name) {
  for (int i = 0; i < SQL_STATEMENT_COUNT; i++)
    if (sql_sources[i].kind == SQL_MUTATION && slice_is(name, sql_sources[i].name))
      return i;
  return -1;
}

int history_writer_mutate(struct history_writer *writer, struct slice statement,
                          enum history_origin origin, const struct history_value *values,
                          size_t value_count, int64_t *changed, struct belfry_error *error) {
  int number = find_mutation(statement);
  int shown = (int)(statement.len < 64 ? statement.len : 64);
  if (number < 0)
    return belfry_error_set(error, BELFRY_EINVAL, "there is no change of state named '%.*s'", shown,
                            statement.data);
  if (!(sql_sources[number].writers & 1u << origin))
    return belfry_error_set(error, BELFRY_EDENIED, "this program may not run the change '%s'",
                            sql_sources[number].name);
  sqlite3_stmt *prepared = writer->storage.statements[number];
  int status = storage__bind(prepared, values, value_count, error);
  return status ? status
                : noticed(writer, storage__run(&writer->storage, prepared, changed, error));
}

/* --- what the keeper hands over --- */

static int run_values(struct history_writer *writer, enum sql_statement number,
                      const struct history_value *values, size_t count, int64_t *changed,
                      struct belfry_error *error) {
  sqlite3_stmt *statement = writer->storage.statements[number];
  int status = storage__bind(statement, values, count, error);
  return status ? status
                : noticed(writer, storage__run(&writer->storage, statement, changed, error));
}

/* What a hand-over of events changes of the files' rows. */
static int record_segment(struct history_writer *writer, const struct history_hand_over *hand_over,
                          struct belfry_error *error) {
  struct segment_change change = {.what = hand_over->remove   ? SEGMENT_REMOVED
                                          : hand_over->row.id ? SEGMENT_CHANGED
                                                              : SEGMENT_ADDED,
                                  .row = hand_over->row,
                                  .old_last_block = hand_over->old_last_block};
  memcpy(change.old_file, hand_over->old_file, sizeof change.old_file);
  return noticed(writer, segment__record(&writer->storage, &change, 1, hand_over->now_ms, error));
}

static int delete_sealed(struct history_writer *writer, const struct history_hand_over *hand_over,
                         struct belfry_error *error) {
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("first", hand_over->first_id),
                                         HISTORY_VALUE_INTEGER("last", hand_over->last_id)};
  int64_t changed = 0;
  int status = run_values(writer, SQL_EVENT_DELETE_RANGE, values, 2, &changed, error);
  if (!status && changed != (int64_t)hand_over->count)
    status = belfry_error_set(error, BELFRY_ECONFLICT,
                              "%lld events were to be sealed, of which %lld are there",
                              (long long)hand_over->count, (long long)changed);
  return status;
}

/* Deletes single events, not all of a range. */
static int delete_events(struct history_writer *writer, const struct history_hand_over *hand_over,
                         struct belfry_error *error) {
  for (size_t i = 0; i < hand_over->count; i++) {
    const struct history_value values[] = {HISTORY_VALUE_INTEGER("id", hand_over->ids[i])};
    int64_t changed = 0;
    int status = run_values(writer, SQL_EVENT_DELETE, values, 1, &changed, error);
    if (!status && changed != 1)
      status = belfry_error_set(error, BELFRY_ECONFLICT, "event %lld was to be deleted and is gone",
                                (long long)hand_over->ids[i]);
    if (status)
      return status;
  }
  return BELFRY_OK;
}

static int remember_sealed(struct history_writer *writer, const struct history_hand_over *hand_over,
                           struct belfry_error *error) {
  return noticed(writer,
                 sealed_ids__add(writer->sealed, hand_over->first_id, hand_over->received_ms,
                                 hand_over->now_ms, hand_over->hashes, hand_over->count, error));
}

static int forget_deletion(struct history_writer *writer, const struct history_hand_over *hand_over,
                           struct belfry_error *error) {
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("id", hand_over->deletion)};
  return hand_over->forget ? run_values(writer, SQL_DELETION_FORGET, values, 1, NULL, error)
                           : BELFRY_OK;
}

/* What was deleted or sealed lies in free places of the database and in the log, until they are
 * used again: the database is written anew, and the log emptied. */
static int scrub(struct history_writer *writer, struct belfry_error *error) {
  int status = storage__exec(&writer->storage, "VACUUM", "cannot write hot.db anew", error);
  return status ? noticed(writer, status)
                : checkpoint(writer, SQLITE_CHECKPOINT_TRUNCATE, RESTART_WAIT_MS, error);
}

static int take_over(struct history_writer *writer, const struct history_hand_over *hand_over,
                     struct belfry_error *error) {
  if (hand_over->samples)
    return noticed(writer, sample_marks_take_over(&writer->storage, &writer->marks,
                                                  hand_over->samples, error));
  if (hand_over->deletion)
    return forget_deletion(writer, hand_over, error);
  int status = hand_over->ids ? delete_events(writer, hand_over, error)
                              : record_segment(writer, hand_over, error);
  if (status || hand_over->count == 0)
    return status;
  if (!hand_over->ids)
    status = delete_sealed(writer, hand_over, error);
  return status ? status : remember_sealed(writer, hand_over, error);
}

int history_writer_take_over(struct history_writer *writer,
                             const struct history_hand_over *hand_over,
                             struct belfry_error *error) {
  int status = hand_over->deletion ? scrub(writer, error) : BELFRY_OK;
  if (!status)
    status = history_writer_begin_group(writer, error);
  if (status)
    return status;
  status = take_over(writer, hand_over, error);
  if (!status)
    return history_writer_commit_group(writer, error);
  history_writer_abandon_group(writer);
  return status;
}

/* --- checkpoints --- */

int64_t history_writer_wal_pages(const struct history_writer *writer) {
  return writer->wal_pages;
}

int history_writer_checkpoint(struct history_writer *writer, bool wait_for_readers,
                              struct belfry_error *error) {
  return wait_for_readers ? checkpoint(writer, SQLITE_CHECKPOINT_RESTART, RESTART_WAIT_MS, error)
                          : checkpoint(writer, SQLITE_CHECKPOINT_PASSIVE, WRITER_BUSY_MS, error);
}
