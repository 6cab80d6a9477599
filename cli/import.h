/*
 * belfry import: files of events, log lines and samples, line by line into batches that the server
 * takes as a whole. An event that has no id of its own gets one made of its line and of where that
 * stands in its file, so that importing a file again stores nothing twice.
 */
#ifndef BELFRY_CLI_IMPORT_H
#define BELFRY_CLI_IMPORT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "cli/http.h"
#include "model/log_json.h"
#include "model/sample_json.h"

#include <stdbool.h>
#include <stdint.h>

#define IMPORT_LABELS_MAX      14
#define IMPORT_ID_BYTES        40
#define IMPORT_BATCH_MAX       10000
#define IMPORT_BATCH_DEFAULT   2000
#define IMPORT_LINE_BYTES_MAX  ((size_t)8 << 20)
#define IMPORT_EVENT_BYTES_MAX ((size_t)8 << 20) /* the server's own limit may be lower */

/* What the command line says. Borrowed. */
struct import_options {
  const char *format; /* NULL: found out */
  const char *source; /* of what has none; NULL: see the formats */
  const char *metric, *time_column;
  struct label labels[IMPORT_LABELS_MAX];
  size_t label_count;
  int64_t until_ms; /* log lines are not later; 0: when the file was changed last */
  int64_t batch_records;
  bool skip_bad;
};

struct csv;

/* A file that is being imported, and what its lines are read with. */
struct import_file {
  const struct import_options *options;
  const char *name;   /* as it was given; "stdin" */
  char base[129];     /* its name without folder and endings: the source of its log lines */
  int64_t size_bytes; /* 0: not known */
  int64_t until_ms;
  int64_t offset, line; /* of the line at hand: bytes before it, and its number from 1 */
  int64_t last_ms;      /* the time of the log line before; 0: none */
  struct csv *csv;      /* owned; NULL until the header was read */
  char id[IMPORT_ID_BYTES];
  struct event_parsed event;
  struct log_parsed log;
  struct sample_parsed sample;
  struct buf data, record;
};

/* The next lines in NDJSON and how many they are. */
struct import_batch {
  struct buf text;
  uint32_t records;
};

/*
 * Puts what a line says into the batch; blank lines are not given to it. Returns: 0;
 * BELFRY_EDENIED for an event that only Belfry itself may write; another error, with what would be
 * right, for a line that is wrong, of which nothing was put.
 */
typedef int (*import_line_fn)(struct import_file *file, struct slice line,
                              struct import_batch *batch, struct belfry_error *error);

struct import_format {
  const char *name;
  const char *path; /* where its batches go */
  bool ids;         /* its records have an event id */
  import_line_fn take_line;
};

/* By name, or by the file's name and first bytes. Returns: borrowed for ever; NULL when there is
 * none of that name. */
const struct import_format *import_format_named(const char *name);
const struct import_format *import_format_guess(const char *file_name, struct slice start);

int import_take_event(struct import_file *file, struct slice line, struct import_batch *batch,
                      struct belfry_error *error) BELFRY_MUST_CHECK;
int import_take_json_log(struct import_file *file, struct slice line, struct import_batch *batch,
                         struct belfry_error *error) BELFRY_MUST_CHECK;
int import_take_log(struct import_file *file, struct slice line, struct import_batch *batch,
                    struct belfry_error *error) BELFRY_MUST_CHECK;
int import_take_csv(struct import_file *file, struct slice line, struct import_batch *batch,
                    struct belfry_error *error) BELFRY_MUST_CHECK;
void import_csv_free(struct csv *csv);

/* Puts a line of NDJSON into the batch. Returns: 0 or BELFRY_ENOMEM. */
int import_put(struct import_batch *batch, struct slice record,
               struct belfry_error *error) BELFRY_MUST_CHECK;

/* Makes an error of why a record would be refused. */
int import_refuse(const struct model_problem *problem, int status, struct belfry_error *error);

struct import_counts {
  int64_t lines;      /* that are not blank */
  int64_t records;    /* sent */
  int64_t duplicates; /* of them, stored before */
  int64_t bad;        /* lines left out because they are wrong */
  int64_t own;        /* events left out because only Belfry itself may write them */
};

/*
 * Imports one file ("-": stdin), gzip or not. Complains about what goes wrong. Returns: 0 when
 * everything but bad lines that may be skipped is stored.
 */
int import_run(struct http *http, int64_t timeout_ms, const struct import_options *options,
               const char *path, struct import_counts *counts,
               const struct import_format **format) BELFRY_MUST_CHECK;

#endif
