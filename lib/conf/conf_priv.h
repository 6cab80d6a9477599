/*
 * Inside lib/conf: the table that everything else walks, and what the readers of values share.
 */
#ifndef BELFRY_CONF_CONF_PRIV_H
#define BELFRY_CONF_CONF_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_FILE_BYTES_MAX   ((size_t)1 << 20)
#define CONF_VALUES_MAX       100000 /* values in one file, aliases counted where they stand */
#define CONF_LIST_ENTRIES_MAX 1000
#define CONF_WORDS_MAX        64 /* in a list of texts of an entry */

#define CONF_TEXT_OF_(number) #number
#define CONF_TEXT_OF(number)  CONF_TEXT_OF_(number)

enum conf_kind {
  CONF_KIND_BOOL,
  CONF_KIND_INT,
  CONF_KIND_DURATION,
  CONF_KIND_BYTES,
  CONF_KIND_CHOICE,
  CONF_KIND_PATH,
  CONF_KIND_TEXT,
  CONF_KIND_WORDS, /* a list of texts; of an entry only */
};

/* What a text must look like. */
enum conf_form {
  CONF_FORM_ANY,       /* anything that can be shown */
  CONF_FORM_LABEL,     /* letters, digits and `-` */
  CONF_FORM_NAME,      /* [A-Za-z0-9_.:-] */
  CONF_FORM_ADDRESS,   /* HOST:PORT or [V6]:PORT */
  CONF_FORM_ENDPOINT,  /* /path, or a whole http(s) URL */
  CONF_FORM_METHOD,    /* of HTTP: GET, HEAD ... */
  CONF_FORM_HEADER,    /* Name: value */
  CONF_FORM_STATUSES,  /* comma list of statuses of HTTP and FROM-TO */
  CONF_FORM_MEMBER,    /* path.to.member=value */
  CONF_FORM_FIGURE,    /* metric=path.to.number */
  CONF_FORM_VARIABLE,  /* NAME=value */
  CONF_FORM_NETWORKS,  /* comma list of addresses and ADDRESS/BITS */
  CONF_FORM_NUMBER,    /* 90, -0.5 */
  CONF_FORM_PAIR,      /* name=value */
  CONF_FORM_AGGREGATE, /* avg, p99.9 */
  CONF_FORM_TIME,      /* a date and a time of day */
  CONF_FORM_CLOCK,     /* HH:MM */
  CONF_FORM_ZONE,      /* Europe/Berlin */
  CONF_FORM_UNIT,      /* nginx.service: of systemd */
  CONF_FORM_URL,       /* http(s)://... */
  CONF_FORM_MAIL,      /* somebody@example.org */
};

/* A setting, or a member of a list's entries. */
struct conf_row {
  const char *section; /* NULL for a member of an entry */
  const char *key;
  enum conf_kind kind;
  size_t offset; /* of the field in struct conf, resp. in the entry */
  bool required; /* an entry must have it */
  int64_t fallback, min, max;
  const char *fallback_text; /* for a path or a text; "" is NULL in the field */
  const char *choices;       /* "a|b|c"; an empty one only keeps a place */
  enum conf_form form;
  bool secret; /* neither dumped nor quoted in messages; of texts only */
  const char *doc;
};

/* A list of entries at the top of the file. */
struct conf_list {
  const char *name;
  size_t items_offset, count_offset; /* in struct conf */
  size_t entry_bytes;
  const struct conf_row *rows;
  size_t row_count;
  /* Asks an entry, whose members are there and right, what only it as a whole can be asked, and
   * fills in what follows from others; puts what is wrong into `why`, or fails it when memory runs
   * out. */
  void (*finish)(const struct conf *conf, void *entry, struct buf *why);
  /* Asks an entry what it can only be asked when the whole file has been read, such as whether what
   * it names is there; puts what is wrong into `why`. NULL: nothing. */
  void (*check)(const struct conf *conf, const void *entry, struct buf *why);
  const char *example; /* one entry, for a message */
  const char *doc;
};

extern const struct conf_row conf__settings[];
extern const size_t conf__setting_count;
extern const struct conf_list *const conf__lists[];
extern const size_t conf__list_count;
#define CONF_LIST(many, one) extern const struct conf_list conf__##one##_list;
#include "conf/lists.def"
#undef CONF_LIST

/* What a conf_list says of itself by lists.def and its table of members. */
#define CONF_LIST_OF(many, one, rows_)                                                             \
  .name = #many, .items_offset = offsetof(struct conf, many),                                      \
  .count_offset = offsetof(struct conf, one##_count), .entry_bytes = sizeof(struct conf_##one),    \
  .rows = rows_, .row_count = sizeof rows_ / sizeof *rows_

#define CONF_ROWS_MAX CONF_SETTINGS_MAX /* rows in all: for sets of them */

/* Rows of one section stand together; walks from one section's first row to the next one's. */
size_t conf__section_end(size_t first);

/* The most problems that are worth a look at once. */
#define CONF_PROBLEMS_MAX 200

/* One reading of the configuration. */
struct conf_reading {
  struct conf *conf;
  const char *path; /* of the file, as it was named */
  char *folder;     /* owned: absolute, of the file; what a relative path is taken from */
  bool in_file[CONF_ROWS_MAX]; /* settings that the file says, by their index */
  conf_problem_fn on_problem;
  void *arg;
  int problems;
  int status; /* BELFRY_ENOMEM once memory ran out */
};

/* Tells a problem, counted. `where` may be NULL: the file as a whole. */
void conf__problem(struct conf_reading *reading, const char *where, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/*
 * Reads `text` as the value of `row` into its field in `base` (struct conf or an entry). Takes:
 * `folder` for relative paths. Returns: 0; BELFRY_EINVAL with what would be right in `why` (such as
 * "'many' is not a whole number from 1 to 256"); BELFRY_ENOMEM.
 */
int conf__read_value(const struct conf_row *row, struct slice text, const char *folder, void *base,
                     struct buf *why) BELFRY_MUST_CHECK;

/* Puts the default into the field. Returns: 0 or BELFRY_ENOMEM. */
int conf__set_fallback(const struct conf_row *row, void *base) BELFRY_MUST_CHECK;

/* Adds a text to a field of CONF_KIND_WORDS. Returns: as conf__read_value. */
int conf__add_word(const struct conf_row *row, struct slice text, void *base,
                   struct buf *why) BELFRY_MUST_CHECK;

/* Takes: `to` holds nothing yet. Returns: 0 or BELFRY_ENOMEM. */
int conf__copy_value(const struct conf_row *row, const void *from, void *to) BELFRY_MUST_CHECK;
bool conf__same_value(const struct conf_row *row, const void *a, const void *b);

/* Returns: owned, ended by conf__free_entry(); NULL out of memory. */
void *conf__copy_entry(const struct conf_list *list, const void *entry);
void conf__free_entry(const struct conf_list *list, void *entry);
bool conf__same_entry(const struct conf_list *list, const void *a, const void *b);

/* Frees what the field owns. */
void conf__free_value(const struct conf_row *row, void *base);

/* Whether the field holds nothing (a NULL text, or a member of an entry that is 0). */
bool conf__value_absent(const struct conf_row *row, const void *base);

/* Puts the field as YAML that reads back as the same. */
void conf__put_value(const struct conf_row *row, const void *base, struct buf *out);

/* Puts a number of the row's kind as it is written: 40s, 8MiB, 17. */
void conf__put_number(enum conf_kind kind, int64_t number, struct buf *out);

/* Puts what the row takes: "a whole number from 1 to 256". */
void conf__put_expectation(const struct conf_row *row, struct buf *out);

/* Whether this Belfry can do what a setting turns on; puts what would be needed. */
bool conf__can_be_on(const struct conf_row *row, struct buf *why);

/* Whether a text is an expression of PCRE2; puts at which character it is not, and why. A failure
 * is left in `why`. */
void conf__check_pattern(const char *pattern, struct buf *why);

/* Puts text from outside between quotes, shortened and without control characters. */
void conf__put_quoted(struct slice text, struct buf *out);

/* Appends a zeroed entry. Returns: borrowed from the list until the next call; NULL out of memory.
 */
void *conf__list_append(const struct conf_list *list, struct conf *conf);
size_t conf__list_count_of(const struct conf_list *list, const struct conf *conf);
void *conf__list_entry(const struct conf_list *list, const struct conf *conf, size_t index);

/* Frees all of its entries. */
void conf__list_free(const struct conf_list *list, struct conf *conf);

/* Finds a setting. Returns: SIZE_MAX when there is none. */
size_t conf__setting_index(struct slice section, struct slice key);

/* Whether it may be changed while Belfry runs. */
bool conf__is_live(const struct conf_row *row);

/* Takes settings that were changed while Belfry ran. */
void conf__read_settings(struct conf_reading *reading, const struct conf_setting *settings,
                         size_t count);

/* Reads the file's text, BELFRY_* and the aliases, and checks what settings demand of each other.
 */
void conf__read_yaml(struct conf_reading *reading, struct slice text);
void conf__read_environment(struct conf_reading *reading);
void conf__cross_check(struct conf_reading *reading);

#endif
