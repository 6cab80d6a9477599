/*
 * Sealed files: what hot.db says about them, and putting into and reading from one of them. The
 * keeper's thread alone writes them; what is above `last_block` in a file was never handed over,
 * and nobody reads it.
 */
#ifndef BELFRY_HISTORY_SEGMENT_PRIV_H
#define BELFRY_HISTORY_SEGMENT_PRIV_H

#include "history/block_priv.h"
#include "history/storage_priv.h"

#include <stdint.h>

#define SEGMENT_FOLDER     "segments"
#define SEGMENT_FILE_BYTES 48

enum segment_kind { SEGMENT_EVENTS, SEGMENT_SAMPLES, SEGMENT_MINUTES, SEGMENT_HOURS };
enum segment_state { SEGMENT_OPEN, SEGMENT_FINISHED, SEGMENT_QUARANTINED };

/* A row of `segment`. */
struct segment_row {
  int64_t id; /* 0: not in hot.db yet */
  enum segment_kind kind;
  enum segment_state state;
  char file[SEGMENT_FILE_BYTES];
  int64_t start_ms, end_ms; /* its span */
  int64_t last_block;
  int64_t first_id, last_id;
  int64_t min_ts_ms, max_ts_ms;
  int64_t rows, bytes;
  int64_t changed_ms;
};

struct segment_list {
  struct segment_row *rows; /* owned; by kind and start */
  size_t count, cap;
};

/* Reads all rows; an empty list is fine. Ended by segment__list_fini() in every case. */
int segment__list(struct storage *hot, struct segment_list *out,
                  struct belfry_error *error) BELFRY_MUST_CHECK;
int segment__list_add(struct segment_list *list, const struct segment_row *row,
                      struct belfry_error *error) BELFRY_MUST_CHECK;
void segment__list_fini(struct segment_list *list);

/* A change of what hot.db says about a file. */
struct segment_change {
  enum { SEGMENT_ADDED, SEGMENT_CHANGED, SEGMENT_REMOVED } what;
  struct segment_row row;            /* as it becomes; as it was for one that is removed */
  char old_file[SEGMENT_FILE_BYTES]; /* of one that is changed */
  int64_t old_last_block;            /* likewise */
};

/* Within a transaction of hot.db: makes changes, and readers look again. Returns: 0;
 * BELFRY_ECONFLICT when a file is not as it was known. */
int segment__record(struct storage *hot, const struct segment_change *changes, size_t count,
                    int64_t now_ms, struct belfry_error *error) BELFRY_MUST_CHECK;

const char *segment__kind_name(enum segment_kind kind);
const char *segment__state_name(enum segment_state state);

/* How often the file of a span was written anew, by its name. */
unsigned segment__generation(const char *file);

/* The name of the file of `kind` for the span that `ts_ms` lies in, and that span. */
void segment__name(enum segment_kind kind, int64_t ts_ms, unsigned generation,
                   struct segment_row *out);

/* Whether a file is named as ours are, or is a journal of one that is. */
bool segment__is_name(const char *file);

/* An open file. */
struct segment {
  struct storage storage;
  enum segment_kind kind;
  int64_t wal_pages; /* written since the last checkpoint, about */
};

/* Opens `dir`/segments/`file`; a writer makes what is missing of it. `segment` must not move while
 * it is open. Ended by segment__close() in every case. */
int segment__open(struct segment *segment, const char *dir, const struct segment_row *row,
                  enum storage_mode mode, struct belfry_error *error) BELFRY_MUST_CHECK;
void segment__close(struct segment *segment);

/* The file's size with its write-ahead log, in bytes. */
int64_t segment__bytes(struct segment *segment);

/* The size of a file that is not open; 0 when it is not there. */
int64_t segment__file_bytes(const char *dir, const char *file);

/* A writer's transaction: durable when commit returns 0. */
int segment__begin(struct segment *segment, struct belfry_error *error) BELFRY_MUST_CHECK;
int segment__commit(struct segment *segment, struct belfry_error *error) BELFRY_MUST_CHECK;
void segment__rollback(struct segment *segment);

/* Forgets blocks (or chunks) above `last`, which a crash left. */
int segment__forget(struct segment *segment, int64_t last,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Brings the write-ahead log into the file. */
int segment__checkpoint(struct segment *segment, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Packs events and puts them as block `number`, with their words. */
int segment__put_block(struct segment *segment, struct block_coder *coder, int64_t number,
                       const struct event *events, size_t count,
                       struct belfry_error *error) BELFRY_MUST_CHECK;

/* Puts packed samples or roll-ups of a series, with the times of the first and the last. */
int segment__put_chunk(struct segment *segment, int64_t series_id, int64_t number, int64_t start_ms,
                       int64_t end_ms, size_t count, struct slice blob,
                       struct belfry_error *error) BELFRY_MUST_CHECK;

/* Merges the index of words a bit; `first`: begins to bring all of it into one. Returns: 0 with
 * `*more`: there is more to be merged. */
int segment__merge_words(struct segment *segment, bool first, bool *more,
                         struct belfry_error *error) BELFRY_MUST_CHECK;

/* Writes a copy that is meant to be read only, durably, folder included. */
int segment__copy(struct segment *segment, const char *dir, const struct segment_row *into,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* The last form of a file that is not open any more: without a write-ahead log, durable. */
int segment__finish(const char *dir, const char *file,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Removes a file with its journals; no error when it is not there. */
int segment__remove(const char *dir, const char *file,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Makes durable which files there are. */
int segment__sync_folder(const char *dir, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Reads a block; what `*out` holds is the coder's. BELFRY_ECORRUPT when it is damaged. */
int segment__take_block(struct segment *segment, struct block_coder *coder, int64_t number,
                        struct block *out, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Whether the file is no longer in its folder. */
bool segment__has_moved(struct segment *segment);

#endif
