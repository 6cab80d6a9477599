/*
 * What the parts of the keeper share, and what it hands over to the writer.
 */
#ifndef BELFRY_HISTORY_KEEPER_PRIV_H
#define BELFRY_HISTORY_KEEPER_PRIV_H

#include "history/keeper.h"
#include "history/sealed_ids_priv.h"
#include "history/segment_priv.h"

#include <limits.h>
#include <stdatomic.h>

struct sample_hand_over;
struct sample_keeper;
struct deleter;

struct history_hand_over {
  const struct sample_hand_over *samples; /* not NULL: this and nothing of the below; borrowed */
  struct segment_row row;                 /* what is to be recorded; id 0: a new one */
  char old_file[SEGMENT_FILE_BYTES];
  int64_t old_last_block; /* the row is expected to be so yet; unused for a new one */
  int64_t now_ms;
  /* Events that are to be deleted, all of that range; count 0: none. */
  int64_t first_id, last_id;
  size_t count;
  int64_t received_ms;   /* of the last of them */
  const uint8_t *hashes; /* borrowed; of each event, sorted */
  bool remove;           /* the row is to go */
  /* Not NULL: just these events of hot.db are to be deleted, `count` of them, and nothing of the
   * row. Borrowed. */
  const int64_t *ids;
  /* Not 0: this deletion was carried out. hot.db is written anew, so that no free place in it holds
   * what was deleted, and with `forget` the deletion is no more. */
  int64_t deletion;
  bool forget;
};

/* A sealed file that is not finished: it is held open, or readers of other users could not read it.
 */
struct open_file {
  struct open_file *next;
  char name[SEGMENT_FILE_BYTES];
  struct segment segment;
};

struct history_keeper {
  char dir[PATH_MAX];
  struct history_keeper_options options;
  const struct clock *clock; /* borrowed */
  history_hand_over_fn hand_over;
  void *arg;
  struct storage hot;       /* reads only */
  struct segment_list list; /* as it is in hot.db */
  bool stale;               /* the list has to be read again */
  struct open_file *files;  /* owned */
  struct block_coder *coder;
  struct id_hasher *hasher;
  size_t next_job;
  struct history_keeper_figures figures;
  atomic_bool interrupted;
  /* Of the job that seals events. */
  struct event events[BLOCK_EVENTS_MAX];
  struct buf texts; /* of the events */
  uint8_t hashes[BLOCK_EVENTS_MAX][SEALED_HASH_BYTES];
  struct sample_keeper *samples; /* owned; of the job that sees to samples; NULL until it began */
  struct deleter *deleter;       /* owned; of the job that deletes; NULL until it began */
  /* Of the job that finishes a day. */
  int64_t merging; /* id of the row of which the index is being merged; 0: none */
  /* Of the job that retires files. */
  int64_t hot_bytes, hot_looked_ms;
};

/* A job does a piece of its work, if there is any (`*did`). */
typedef int (*keeper_job_fn)(struct history_keeper *keeper, bool *did, struct belfry_error *error);

int keeper__seal_events(struct history_keeper *keeper, bool *did,
                        struct belfry_error *error) BELFRY_MUST_CHECK;
int keeper__finish_events(struct history_keeper *keeper, bool *did,
                          struct belfry_error *error) BELFRY_MUST_CHECK;

int keeper__samples(struct history_keeper *keeper, bool *did,
                    struct belfry_error *error) BELFRY_MUST_CHECK;
/* Whether no piece of work on samples is begun and not handed over yet. */
bool keeper__samples_idle(const struct history_keeper *keeper);
void keeper__samples_free(struct sample_keeper *samples);
int keeper__retire(struct history_keeper *keeper, bool *did,
                   struct belfry_error *error) BELFRY_MUST_CHECK;
int keeper__delete(struct history_keeper *keeper, bool *did,
                   struct belfry_error *error) BELFRY_MUST_CHECK;
void keeper__deleter_free(struct history_keeper *keeper);

/* The row of the file that is being written anew without what was deleted; 0: none. */
int64_t keeper__rewritten(const struct history_keeper *keeper);

/* The file that is to go next; NULL: none. Borrowed from the list. `hot_bytes`: what the history
 * takes beside sealed files. */
const struct segment_row *keeper__choose_retired(const struct segment_list *list,
                                                 const struct history_retention *retention,
                                                 int64_t hot_bytes, int64_t now_ms);

/* Sets oldest_ms and growth_bytes_per_day. */
void keeper__measure(const struct segment_list *list, int64_t now_ms,
                     struct history_keeper_figures *figures);

/* Copies an event's texts behind those that are there. They are found again by
 * keeper__settle_events(), when all are there. */
void keeper__keep_event(struct history_keeper *keeper, const struct event *from, struct event *to);

/* Makes the texts of keeper->events be found, and their hashes, sorted. */
int keeper__settle_events(struct history_keeper *keeper, size_t count,
                          struct belfry_error *error) BELFRY_MUST_CHECK;

/* Writes keeper->events as the block behind the row's last, and makes the row tell of it. */
int keeper__write_block(struct history_keeper *keeper, struct open_file *file,
                        struct segment_row *row, size_t count,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/* An event as a statement gives it with the columns of events_to_seal; texts borrowed until the
 * next step. */
struct event keeper__event_of(sqlite3_stmt *row);

/* The oldest event of hot.db and when it was stored, and the newest; ids 0 when there is none. */
struct hot_bounds {
  int64_t oldest, oldest_received_ms, newest;
};
int keeper__hot_bounds(struct history_keeper *keeper, struct hot_bounds *out,
                       struct belfry_error *error) BELFRY_MUST_CHECK;

/* The file of a row, open for writing. Returns: 0, `*out` borrowed until keeper__close_file(). */
int keeper__file(struct history_keeper *keeper, const struct segment_row *row,
                 struct open_file **out, struct belfry_error *error) BELFRY_MUST_CHECK;
void keeper__close_file(struct history_keeper *keeper, struct open_file *file);

/* Closes the file of that name if it is open. */
void keeper__drop_file(struct history_keeper *keeper, const char *name);

/* Names the file of the next generation of a row, or the first of a new one. */
void keeper__name_next(const struct history_keeper *keeper, struct segment_row *row);

/* Has a damaged file no longer be read, and says so. */
int keeper__quarantine(struct history_keeper *keeper, const struct segment_row *row,
                       const char *why, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Hands over; afterwards the list is to be read again. */
int keeper__hand_over(struct history_keeper *keeper, const struct history_hand_over *hand_over,
                      struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
