/*
 * Deletions: what readers do not see any more is removed here, out of hot.db a few rows at a time,
 * out of sealed files by writing those that hold any of it anew, without it. Such a file is open
 * again until it is finished as any other (keeper_events.c). At last hot.db is written anew, since
 * its free places hold what was deleted, and what was sealed.
 *
 * How far it has come is remembered in memory only: after a restart it looks again, and what is
 * gone is not found again. A deletion that may be about a quarantined file stays, for the case that
 * the file is repaired.
 */
#include "history/keeper_priv.h"

#include "base/log.h"
#include "history/deletions_priv.h"

#include <stdlib.h>
#include <string.h>

#define HOT_ROWS    4096 /* looked at in one step */
#define HOT_DELETED 256  /* deleted in one step; appends wait for it */
#define STEP_BLOCKS 16   /* unpacked in one step */
#define BLOCK_BYTES ((size_t)1 << 20)

enum phase { PHASE_HOT, PHASE_FILES, PHASE_END };

struct deleter {
  struct deletions list;
  int64_t id;    /* of the deletion that is being carried out; 0: none */
  int64_t above; /* deletions up to this one have been carried out as far as can be */
  enum phase phase;
  int64_t hot_id; /* hot.db has been looked at up to here */
  /* The file that it is at, in the order of files. */
  int64_t file_start_ms, file_row;
  bool file_done;
  int64_t seen_id; /* of its blocks, those up to this event have been read */
  bool blocked;    /* by a quarantined file */
  int64_t removed; /* events, so far */
  /* The file that is being written anew. */
  bool rewriting;
  struct segment_row from, into;
  int64_t left_out;          /* events of it */
  struct block_coder *coder; /* owned; reads, while the keeper's writes */
};

void keeper__deleter_free(struct history_keeper *keeper) {
  struct deleter *deleter = keeper->deleter;
  if (!deleter)
    return;
  deletions__fini(&deleter->list);
  block__coder_free(deleter->coder);
  free(deleter);
  keeper->deleter = NULL;
}

int64_t keeper__rewritten(const struct history_keeper *keeper) {
  return keeper->deleter && keeper->deleter->rewriting ? keeper->deleter->from.id : 0;
}

static int make_deleter(struct history_keeper *keeper, struct belfry_error *error) {
  if (keeper->deleter)
    return BELFRY_OK;
  struct deleter *deleter = keeper->deleter = calloc(1, sizeof *deleter);
  if (deleter) {
    deletions__init(&deleter->list);
    deleter->coder = block__coder_new();
  }
  if (deleter && deleter->coder)
    return BELFRY_OK;
  keeper__deleter_free(keeper);
  return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while deleting");
}

/* --- out of hot.db --- */

/* Reads on in hot.db, and keeps what is to be deleted. `*end`: there is no more. */
static int find_hot(struct history_keeper *keeper, const struct deletion *deletion, size_t *count,
                    bool *end, struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  sqlite3_stmt *statement;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("after", deleter->hot_id),
                                         HISTORY_VALUE_INTEGER("before", deletion->last_id + 1)};
  int status = storage__statement(&keeper->hot, SQL_EVENTS_ASCENDING, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 2, error);
  if (status)
    return status;
  int code = SQLITE_ROW;
  size_t seen = 0;
  *count = 0;
  buf_clear(&keeper->texts);
  while (seen < HOT_ROWS && *count < HOT_DELETED && keeper->texts.len < BLOCK_BYTES &&
         (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct event event = keeper__event_of(statement);
    deleter->hot_id = event.id;
    seen++;
    if (deletion__covers(deletion, &event))
      keeper__keep_event(keeper, &event, &keeper->events[(*count)++]);
  }
  *end = code == SQLITE_DONE;
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    status = storage__fail(&keeper->hot, code, "cannot read events to be deleted", error);
  sqlite3_reset(statement);
  return status ? status : keeper__settle_events(keeper, *count, error);
}

static int delete_hot(struct history_keeper *keeper, const struct deletion *deletion,
                      struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  int64_t ids[HOT_DELETED], from = deleter->hot_id;
  size_t count;
  bool end;
  int status = find_hot(keeper, deletion, &count, &end, error);
  if (!status && count > 0) {
    for (size_t i = 0; i < count; i++)
      ids[i] = keeper->events[i].id;
    const struct history_hand_over hand_over = {.now_ms = clock_realtime_ms(keeper->clock),
                                                .first_id = ids[0],
                                                .count = count,
                                                .received_ms =
                                                    keeper->events[count - 1].received_ms,
                                                .hashes = keeper->hashes[0],
                                                .ids = ids};
    status = keeper__hand_over(keeper, &hand_over, error);
  }
  if (status) {
    deleter->hot_id = from;
    return status;
  }
  deleter->removed += (int64_t)count;
  if (end)
    deleter->phase = PHASE_FILES;
  return BELFRY_OK;
}

/* --- out of sealed files --- */

/* The row as it is now, or NULL. */
static const struct segment_row *find_row(const struct history_keeper *keeper, int64_t id) {
  for (size_t i = 0; i < keeper->list.count; i++)
    if (keeper->list.rows[i].id == id)
      return &keeper->list.rows[i];
  return NULL;
}

/* The next file that has not been seen to, in order; NULL at the end. */
static const struct segment_row *next_file(struct history_keeper *keeper,
                                           const struct deletion *deletion) {
  struct deleter *deleter = keeper->deleter;
  for (size_t i = 0; i < keeper->list.count; i++) {
    const struct segment_row *row = &keeper->list.rows[i];
    bool at_it = row->start_ms == deleter->file_start_ms && row->id == deleter->file_row;
    bool passed = row->start_ms < deleter->file_start_ms ||
                  (row->start_ms == deleter->file_start_ms && row->id < deleter->file_row) ||
                  (at_it && deleter->file_done);
    if (row->kind != SEGMENT_EVENTS || passed || row->first_id > deletion->last_id)
      continue;
    if (row->state == SEGMENT_QUARANTINED) {
      deleter->blocked = true;
      continue;
    }
    return row;
  }
  return NULL;
}

static void enter_file(struct deleter *deleter, const struct segment_row *row) {
  if (deleter->file_row == row->id)
    return;
  deleter->file_start_ms = row->start_ms;
  deleter->file_row = row->id;
  deleter->file_done = false;
  deleter->seen_id = 0;
}

/* A file to be read. A finished one is opened for this step alone. */
struct source {
  struct segment *segment; /* borrowed */
  struct segment own;
  bool opened;
};

static int open_source(struct history_keeper *keeper, const struct segment_row *row,
                       struct source *out, struct belfry_error *error) {
  struct open_file *file;
  *out = (struct source){0};
  if (row->state == SEGMENT_OPEN) {
    int status = keeper__file(keeper, row, &file, error);
    out->segment = status ? NULL : &file->segment;
    return status;
  }
  out->segment = &out->own;
  out->opened = true;
  return segment__open(&out->own, keeper->dir, row, STORAGE_READS_FINISHED, error);
}

static void close_source(struct source *source) {
  if (source->opened)
    segment__close(&source->own);
}

/* Called with each block. Returns: 0 to go on; 1 to stop before it; or an error. */
typedef int (*block_fn)(struct history_keeper *keeper, const struct deletion *deletion,
                        const struct block *block, size_t *count);

/* Gives blocks that begin after `*seen_id`, a few of them. `*end`: there is none behind. */
static int walk_blocks(struct history_keeper *keeper, const struct deletion *deletion,
                       const struct segment_row *row, int64_t *seen_id, block_fn on_block,
                       size_t *count, bool *end, struct belfry_error *error) {
  struct source source;
  sqlite3_stmt *statement = NULL;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("after", *seen_id),
                                         HISTORY_VALUE_INTEGER("before", INT64_MAX),
                                         HISTORY_VALUE_INTEGER("last", row->last_block)};
  int status = open_source(keeper, row, &source, error);
  if (!status)
    status = storage__statement(&source.segment->storage, SQL_BLOCKS_ASCENDING, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 3, error);
  int code = SQLITE_ROW;
  for (size_t i = 0; !status && i < STEP_BLOCKS; i++) {
    struct block block;
    code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
      break;
    status = segment__take_block(source.segment, keeper->deleter->coder,
                                 sqlite3_column_int64(statement, 0), &block, error);
    if (!status)
      status = on_block(keeper, deletion, &block, count);
    if (!status)
      *seen_id = block.events[block.count - 1].id;
  }
  *end = !status && code == SQLITE_DONE;
  if (!status && code != SQLITE_ROW && code != SQLITE_DONE)
    status = storage__fail(&source.segment->storage, code, "cannot read sealed events", error);
  if (statement)
    sqlite3_reset(statement);
  close_source(&source);
  return status;
}

/* Stops at a block that holds something to be deleted. */
static int look_for_any(struct history_keeper *keeper, const struct deletion *deletion,
                        const struct block *block, size_t *count) {
  (void)keeper, (void)count;
  for (size_t i = 0; i < block->count; i++)
    if (deletion__covers(deletion, &block->events[i]))
      return 1;
  return BELFRY_OK;
}

/* Keeps what stays, unless that is too much for one block beside what is there. */
static int keep_rest(struct history_keeper *keeper, const struct deletion *deletion,
                     const struct block *block, size_t *count) {
  size_t stay = 0, bytes = 0;
  for (size_t i = 0; i < block->count; i++)
    if (!deletion__covers(deletion, &block->events[i])) {
      stay++;
      bytes += block->events[i].data.len;
    }
  if (*count > 0 && (*count + stay > BLOCK_EVENTS_MAX || keeper->texts.len + bytes > BLOCK_BYTES))
    return 1;
  for (size_t i = 0; i < block->count; i++)
    if (!deletion__covers(deletion, &block->events[i]))
      keeper__keep_event(keeper, &block->events[i], &keeper->events[(*count)++]);
  keeper->deleter->left_out += (int64_t)(block->count - stay);
  return BELFRY_OK;
}

/* Gives up what was written of a file, because the old one has changed otherwise. */
static void give_up(struct history_keeper *keeper) {
  struct deleter *deleter = keeper->deleter;
  struct belfry_error why = {0};
  if (!deleter->rewriting)
    return;
  keeper__drop_file(keeper, deleter->into.file);
  if (segment__remove(keeper->dir, deleter->into.file, &why))
    log_warning("%s", why.text);
  deleter->rewriting = false;
  deleter->seen_id = 0;
}

static void begin_rewrite(struct history_keeper *keeper, const struct segment_row *row) {
  struct deleter *deleter = keeper->deleter;
  deleter->from = *row;
  deleter->into = (struct segment_row){
      .id = row->id, .kind = row->kind, .state = SEGMENT_OPEN, .start_ms = row->start_ms};
  keeper__name_next(keeper, &deleter->into);
  deleter->rewriting = true;
  deleter->seen_id = deleter->left_out = 0;
}

/* All that stays is in the new file: it takes the place of the old one, or nothing does. */
static int replace(struct history_keeper *keeper, const struct segment_row *now,
                   struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  struct open_file *file;
  const struct segment_row old = *now; /* the list changes with the hand-over */
  struct history_hand_over hand_over = {.row = deleter->into,
                                        .old_last_block = old.last_block,
                                        .now_ms = clock_realtime_ms(keeper->clock)};
  memcpy(hand_over.old_file, old.file, sizeof hand_over.old_file);
  if (deleter->into.last_block == 0) {
    hand_over.row = old;
    hand_over.remove = true;
  } else {
    /* The ids that it is of stay the same: those that are not in it any more are known to be gone.
     */
    hand_over.row.first_id = old.first_id;
    hand_over.row.last_id = old.last_id;
    int status = keeper__file(keeper, &deleter->into, &file, error);
    if (status)
      return status;
    hand_over.row.bytes = segment__bytes(&file->segment);
  }
  int status = keeper__hand_over(keeper, &hand_over, error);
  if (status)
    return status;
  log_info("%s was written anew without what was deleted", old.file);
  deleter->rewriting = false;
  deleter->file_done = true;
  deleter->removed += deleter->left_out;
  keeper__drop_file(keeper, old.file);
  return segment__remove(keeper->dir, old.file, error);
}

static int rewrite(struct history_keeper *keeper, const struct deletion *deletion,
                   struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  const struct segment_row *now = find_row(keeper, deleter->from.id);
  struct open_file *file;
  size_t count = 0;
  bool end = false;
  if (!now || strcmp(now->file, deleter->from.file) != 0 || now->state == SEGMENT_QUARANTINED) {
    give_up(keeper); /* it was retired, or damage was found */
    return BELFRY_OK;
  }
  const struct segment_row row = *now;
  buf_clear(&keeper->texts);
  int status =
      walk_blocks(keeper, deletion, &row, &deleter->seen_id, keep_rest, &count, &end, error);
  if (status < 0)
    return status;
  if (count > 0) {
    status = keeper__settle_events(keeper, count, error);
    if (!status)
      status = keeper__file(keeper, &deleter->into, &file, error);
    if (!status)
      status = keeper__write_block(keeper, file, &deleter->into, count, error);
    if (status)
      return status;
  }
  return end ? replace(keeper, &row, error) : BELFRY_OK;
}

static int look_at_file(struct history_keeper *keeper, const struct deletion *deletion,
                        const struct segment_row *row, struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  const struct segment_row file = *row;
  size_t ignored = 0;
  bool end = false;
  int status =
      walk_blocks(keeper, deletion, &file, &deleter->seen_id, look_for_any, &ignored, &end, error);
  if (status == 1) {
    begin_rewrite(keeper, &file);
    return BELFRY_OK;
  }
  deleter->file_done = end;
  return status;
}

/* A step on files. One that turns out to be damaged is quarantined. */
static int delete_sealed(struct history_keeper *keeper, const struct deletion *deletion,
                         struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  struct belfry_error why = {0};
  int64_t id = keeper__rewritten(keeper);
  int status;
  if (id) {
    status = rewrite(keeper, deletion, &why);
  } else {
    const struct segment_row *row = next_file(keeper, deletion);
    if (!row) {
      deleter->phase = PHASE_END;
      return BELFRY_OK;
    }
    enter_file(deleter, row);
    id = row->id;
    status = look_at_file(keeper, deletion, row, &why);
  }
  if (status) { /* what was read may not be what was written: begin the file again */
    give_up(keeper);
    deleter->seen_id = 0;
  }
  const struct segment_row *damaged =
      status == BELFRY_ECORRUPT || status == BELFRY_ENOENT ? find_row(keeper, id) : NULL;
  if (damaged) {
    struct segment_row row = *damaged;
    return keeper__quarantine(keeper, &row, why.text, error);
  }
  return status ? belfry_error_set(error, status, "%s", why.text) : BELFRY_OK;
}

/* --- the end --- */

static int end(struct history_keeper *keeper, const struct deletion *deletion,
               struct belfry_error *error) {
  struct deleter *deleter = keeper->deleter;
  const struct history_hand_over hand_over = {.deletion = deletion->id,
                                              .forget = !deleter->blocked};
  int status = keeper__hand_over(keeper, &hand_over, error);
  if (status)
    return status;
  log_info("deletion %lld was carried out: %lld events%s", (long long)deletion->id,
           (long long)deleter->removed,
           deleter->blocked ? "; a quarantined file may hold more of them" : "");
  keeper->figures.deleted += deleter->removed;
  deleter->above = deletion->id;
  deleter->id = 0;
  return BELFRY_OK;
}

/* The next deletion that is to be carried out, or NULL. */
static const struct deletion *choose(struct deleter *deleter) {
  for (size_t i = 0; i < deleter->list.count; i++)
    if (deleter->list.rows[i].id > deleter->above)
      return &deleter->list.rows[i];
  return NULL;
}

int keeper__delete(struct history_keeper *keeper, bool *did, struct belfry_error *error) {
  int status = make_deleter(keeper, error);
  if (!status)
    status = deletions__read(&keeper->deleter->list, &keeper->hot, error);
  if (status)
    return status;
  struct deleter *deleter = keeper->deleter;
  const struct deletion *deletion = choose(deleter);
  keeper->figures.deletions = (int64_t)deleter->list.count;
  if (!deletion)
    return BELFRY_OK;
  if (deleter->id != deletion->id) {
    give_up(keeper);
    deleter->id = deletion->id;
    deleter->phase = PHASE_HOT;
    deleter->hot_id = deleter->file_start_ms = deleter->file_row = deleter->removed = 0;
    deleter->blocked = false;
  }
  switch (deleter->phase) {
  case PHASE_HOT:
    status = delete_hot(keeper, deletion, error);
    break;
  case PHASE_FILES:
    status = delete_sealed(keeper, deletion, error);
    break;
  case PHASE_END:
    status = end(keeper, deletion, error);
    break;
  }
  *did = status == BELFRY_OK;
  return status;
}
