/*
 * What sealed files hold of one series: samples and roll-ups, out of all files and chunks that
 * cover a time, each moment once. For the reader, and for the keeper where late samples come to
 * what is sealed already.
 */
#ifndef BELFRY_HISTORY_SEALED_PRIV_H
#define BELFRY_HISTORY_SEALED_PRIV_H

#include "history/chunk_priv.h"
#include "history/rollup_priv.h"
#include "history/segment_priv.h"

#include <limits.h>

#define SEALED_FILES_BAD  16
#define SEALED_FILES_OPEN 16

/* Samples in order of time. `rank`: of two for one moment, the one with the higher rank counts. */
struct sealed_sample {
  int64_t ts_ms;
  double value;
  uint64_t rank;
};

struct sealed_bucket {
  struct rollup_bucket bucket;
  uint64_t rank;
};

/* Grow as needed; zero them before the first use. */
struct sample_run {
  struct sealed_sample *samples; /* owned */
  size_t count, cap;
  bool disordered; /* to be put in order by sample_run_settle() */
};

struct bucket_run {
  struct sealed_bucket *buckets; /* owned; with sketches their bins are in `bins` */
  size_t count, cap;
  bool disordered;
  bool lacks_increases, lacks_sketches; /* some of them */
  struct sketch_bin *bins;              /* owned */
  size_t bin_count, bin_cap;
};

void sample_run_fini(struct sample_run *run);
void bucket_run_fini(struct bucket_run *run);
int sample_run_add(struct sample_run *run, int64_t ts_ms, double value,
                   uint64_t rank) BELFRY_MUST_CHECK;

/* Copies the bins, too, with `sketches`. */
int bucket_run_add(struct bucket_run *run, const struct rollup_bucket *bucket, uint64_t rank,
                   bool sketches) BELFRY_MUST_CHECK;

/* Puts samples in order of time, those with the highest rank only. */
void sample_run_settle(struct sample_run *run);

struct sealed_file {
  char file[SEGMENT_FILE_BYTES]; /* "": none */
  int64_t row_id;                /* a day that was retired may come again, under the same name */
  struct segment segment;
  uint64_t used; /* when, in uses */
};

/* Open files, the least used of which make room. Belongs to one thread. */
struct sealed {
  char dir[PATH_MAX];
  struct sealed_file files[SEALED_FILES_OPEN];
  uint64_t uses;
  struct chunk_coder *chunks;                     /* owned; made when needed */
  struct rollup_coder *rollups;                   /* likewise */
  char damaged[SEGMENT_FILE_BYTES];               /* the file that BELFRY_ECORRUPT was last about */
  char bad[SEALED_FILES_BAD][SEGMENT_FILE_BYTES]; /* those that a reader goes without */
  size_t bad_count;
};

/* Takes: the history's folder. */
int sealed__init(struct sealed *sealed, const char *dir,
                 struct belfry_error *error) BELFRY_MUST_CHECK;
void sealed__fini(struct sealed *sealed);

/* Has both coders there. */
int sealed__coders(struct sealed *sealed, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Finds the next series behind `*series_id` that one of the files has something of. `*more`: there
 * is one. */
int sealed__next_series(struct sealed *sealed, const struct segment_row *files, size_t count,
                        int64_t *series_id, bool *more,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/* From here on `damaged` counts as not there: sealed__without_bad() takes it out of a list. Says so
 * in the log. Returns: whether that could be done. */
bool sealed__go_without(struct sealed *sealed, const char *why);
void sealed__without_bad(const struct sealed *sealed, struct segment_list *list);

/* Lists those of a kind that reach into a time and can be read, by their span, the older first.
 * Ended by segment__list_fini() in every case. */
int sealed__list(const struct segment_list *all, enum segment_kind kind, int64_t from_ms,
                 int64_t to_ms, struct segment_list *out,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Adds what files hold of a series for from <= time < to. The files are of one kind and lie one
 * behind the other in time, but for those of one span, of which the later counts. The run is in
 * order afterwards (buckets: after bucket_run_settle()). Returns: 0; BELFRY_ENOENT when a file is
 * gone (list the files again); BELFRY_ECORRUPT, with the file's name.
 */
int sealed__samples(struct sealed *sealed, const struct segment_row *files, size_t count,
                    int64_t series_id, int64_t from_ms, int64_t to_ms, struct sample_run *run,
                    struct belfry_error *error) BELFRY_MUST_CHECK;
int sealed__buckets(struct sealed *sealed, const struct segment_row *files, size_t count,
                    int64_t series_id, int64_t from_ms, int64_t to_ms, bool sketches,
                    struct bucket_run *run, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Puts buckets in order, those with the highest rank only, and points to their bins, which move
 * while a run grows: once, when all is in it. */
void bucket_run_settle(struct bucket_run *run);

#endif
