/*
 * Sealed files as a reader has them: the list as of the reader's moment, and a few of the files
 * open.
 */
#ifndef BELFRY_HISTORY_EVENT_FILES_PRIV_H
#define BELFRY_HISTORY_EVENT_FILES_PRIV_H

#include "history/segment_priv.h"

#include <limits.h>

#define EVENT_FILES_OPEN 8 /* files at a time */
#define EVENT_FILES_TOLD 8

struct event_file {
  int64_t row_id; /* 0: the place is free */
  char name[SEGMENT_FILE_BYTES];
  uint64_t used; /* when, by the count of uses */
  struct segment segment;
};

struct event_files {
  char dir[PATH_MAX];
  struct segment_list list;
  int64_t version; /* of the list; -1: not read yet */
  struct event_file files[EVENT_FILES_OPEN];
  uint64_t uses;
  struct block_coder *coder;                       /* owned; NULL until needed */
  char told[EVENT_FILES_TOLD][SEGMENT_FILE_BYTES]; /* files that the log has named as damaged */
  size_t told_count;
};

/* `files` must not move until event_files__fini(). */
int event_files__init(struct event_files *files, const char *dir,
                      struct belfry_error *error) BELFRY_MUST_CHECK;
void event_files__fini(struct event_files *files);

/* Within a read transaction of `hot`: makes the list what it is at that moment. */
int event_files__refresh(struct event_files *files, struct storage *hot,
                         struct belfry_error *error) BELFRY_MUST_CHECK;

/* Gives the file of a row. Returns: 0, `*out` borrowed until the next call; BELFRY_ENOENT when it
 * is not there: since the moment of the list it was replaced, or given up. */
int event_files__open(struct event_files *files, const struct segment_row *row,
                      struct segment **out, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Returns: borrowed, NULL when out of memory. */
struct block_coder *event_files__coder(struct event_files *files);

/* Says in the log, once, that something of a file cannot be read. */
void event_files__tell(struct event_files *files, const struct segment_row *row, const char *why);

#endif
