#include "watchd/journal.h"

#include "base/json.h"
#include "base/log.h"
#include "model/log_format.h"
#include "model/log_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define POLL_MS          1000
#define GATHER_SECONDS   0.05
#define HOLD_SECONDS     0.5  /* after the history refused or went away */
#define ENTRIES_MAX      1000 /* looked at for one batch */
#define BATCH_BYTES_MAX  ((size_t)1 << 20)
#define FIELD_BYTES_MAX  ((size_t)64 << 10) /* of a longer field the rest is left out */
#define CURSOR_BYTES     512
#define SOURCE_BYTES_MAX 128
#define NAME_BYTES       4200
#define FUTURE_MAX_MS    (INT64_C(24) * 3600 * 1000)

struct journal {
  struct journal_parts parts;
  bool enabled;
  char *directory, *units; /* owned; NULL: the system's; all */
  int priority_max;        /* what is less grave has a higher one */
  char name[NAME_BYTES];   /* of its position in the history */
  sd_journal *handle;      /* owned; NULL: not open */
  struct ev_io io;
  struct ev_timer wake;
  struct schedule_task poll;
  bool told;     /* the log has said why it cannot be read */
  bool placed;   /* the handle stands where the history says */
  bool on_entry; /* at an entry that was not taken yet */
  int64_t version;
  char cursor[CURSOR_BYTES]; /* behind what was taken for the batch; "": nothing has been read */
  struct history_batch batch;
  struct outbox_letter letter;
  uint32_t taken, sent; /* entries that the batch is behind, and those in it */
  uint32_t taken_max;   /* fewer after the history refused a batch */
  bool skip_entry;      /* the history refuses the very next one */
  bool more;            /* than one batch holds */
  struct ulid_maker ulids;
  struct log_said said;
  struct buf text, masked, data, source;
  int64_t stored, dropped;
};

static void wake_in(struct journal *journal, double seconds) {
  struct ev_loop *loop = journal->parts.loop;
  if (ev_is_active(&journal->wake))
    return;
  ev_now_update(loop);
  ev_timer_set(&journal->wake, seconds, 0);
  ev_timer_start(loop, &journal->wake);
}

/* --- one entry ----------------------------------------------------------------------------------
 */

/* Borrowed until the next field is asked for. */
static struct slice field(struct journal *journal, const char *name) {
  const void *data;
  size_t len, skip = strlen(name) + 1;
  if (sd_journal_get_data(journal->handle, name, &data, &len) < 0 || len < skip)
    return slice_new(NULL, 0);
  return slice_new((const char *)data + skip, len - skip);
}

static bool is_wanted_unit(const struct journal *journal, struct slice unit) {
  struct slice rest = slice_of(journal->units), one;
  if (!journal->units)
    return true;
  while (slice_split(&rest, ',', &one))
    if (slice_glob(slice_trim(one), unit))
      return true;
  return false;
}

static int priority_of(struct slice text) {
  return text.len == 1 && text.data[0] >= '0' && text.data[0] <= '7' ? text.data[0] - '0' : 6;
}

static bool is_wanted(struct journal *journal) {
  long long pid;
  if (priority_of(field(journal, "PRIORITY")) > journal->priority_max ||
      !is_wanted_unit(journal, field(journal, "_SYSTEMD_UNIT")))
    return false;
  /* What we write ourselves would go round and round. */
  return !(slice_to_int64(field(journal, "_PID"), &pid) && pid == getpid());
}

static void put_attribute(struct journal *journal, const char *name, const char *field_name) {
  struct slice text = field(journal, field_name);
  if (text.data)
    log_said_put_value(&journal->said, slice_of(name), text);
}

static void mask_text(struct journal *journal, struct slice text) {
  struct mask_place place = {0};
  struct slice line;
  buf_clear(&journal->masked);
  for (bool first = true; slice_split(&text, '\n', &line); first = false) {
    if (!first)
      buf_put_char(&journal->masked, '\n');
    mask_put(journal->parts.mask, line, &place, &journal->masked);
  }
}

static struct slice source_of(struct journal *journal) {
  struct buf *source = &journal->source;
  struct slice name = field(journal, "SYSLOG_IDENTIFIER");
  if (!name.data)
    name = field(journal, "_COMM");
  buf_clear(source);
  for (size_t i = 0; i < name.len && i < SOURCE_BYTES_MAX; i++)
    buf_put_char(source,
                 (unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f ? '?' : name.data[i]);
  size_t valid = utf8_valid_prefix(buf_slice(source));
  return valid > 0 ? slice_new(source->data, valid) : slice_of("journal");
}

static int64_t timestamp_of(struct journal *journal, int64_t now_ms) {
  uint64_t us;
  long long said_us;
  if (slice_to_int64(field(journal, "_SOURCE_REALTIME_TIMESTAMP"), &said_us) && said_us > 0)
    us = (uint64_t)said_us;
  else if (sd_journal_get_realtime_usec(journal->handle, &us) < 0)
    return now_ms;
  int64_t ms = (int64_t)(us / 1000);
  return ms > 0 && ms <= now_ms + FUTURE_MAX_MS ? ms : now_ms;
}

static void put_entry(struct journal *journal) {
  static const enum severity severities[] = {
      SEVERITY_CRITICAL, SEVERITY_CRITICAL, SEVERITY_CRITICAL, SEVERITY_ERROR,
      SEVERITY_WARNING,  SEVERITY_INFO,     SEVERITY_INFO,     SEVERITY_DEBUG};
  int64_t now_ms = clock_realtime_ms(journal->parts.clock);
  char event_id[ULID_BYTES];
  log_said_clear(&journal->said);
  buf_clear(&journal->text);
  buf_put_slice(&journal->text, field(journal, "MESSAGE"));
  mask_text(journal, buf_slice(&journal->text));
  put_attribute(journal, "unit", "_SYSTEMD_UNIT");
  put_attribute(journal, "pid", "_PID");
  put_attribute(journal, "host", "_HOSTNAME");
  put_attribute(journal, "message_id", "MESSAGE_ID");
  log_said_put_data(&journal->said, buf_slice(&journal->masked), slice_new(NULL, 0),
                    journal->text.len + strlen("MESSAGE=") >= FIELD_BYTES_MAX, &journal->data);
  struct slice source = source_of(journal);
  const struct buf *used[] = {&journal->text, &journal->masked, &journal->data, &journal->source};
  for (size_t i = 0; i < sizeof used / sizeof *used; i++)
    if (buf_status(used[i]))
      journal->batch.records.status = buf_status(used[i]); /* made again later */
  ulid_make(&journal->ulids, now_ms, event_id);
  const struct event event = {.timestamp_ms = timestamp_of(journal, now_ms),
                              .severity = (int)severities[priority_of(field(journal, "PRIORITY"))],
                              .type = slice_of("log"),
                              .source = source,
                              .event_id = slice_of(event_id),
                              .data = buf_slice(&journal->data)};
  history_batch_event(&journal->batch, &event);
  journal->sent++;
}

/* --- where it stands ----------------------------------------------------------------------------
 */

static void close_journal(struct journal *journal) {
  ev_io_stop(journal->parts.loop, &journal->io);
  sd_journal_close(journal->handle);
  journal->handle = NULL;
  journal->placed = false;
}

static void tell(struct journal *journal, int code) {
  if (!journal->told)
    log_error("the journal%s%s cannot be read: %s; trying again", journal->directory ? " in " : "",
              journal->directory ? journal->directory : "", strerror(-code));
  journal->told = true;
  close_journal(journal);
}

static void journal_on_change(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct journal *journal = io->data;
  (void)sd_journal_process(journal->handle);
  wake_in(journal, GATHER_SECONDS);
}

static bool open_journal(struct journal *journal) {
  int code = journal->directory ? sd_journal_open_directory(&journal->handle, journal->directory, 0)
                                : sd_journal_open(&journal->handle, SD_JOURNAL_LOCAL_ONLY);
  if (code < 0) {
    journal->handle = NULL;
    tell(journal, code);
    return false;
  }
  (void)sd_journal_set_data_threshold(journal->handle, FIELD_BYTES_MAX);
  int fd = sd_journal_get_fd(journal->handle); /* without it, the polls find what is new */
  if (fd >= 0) {
    ev_io_init(&journal->io, journal_on_change, fd, EV_READ);
    journal->io.data = journal;
    ev_io_start(journal->parts.loop, &journal->io);
  }
  if (journal->told)
    log_notice("the journal can be read again");
  journal->told = false;
  return true;
}

/* A row of the statement `tail_positions`: the journal has its cursor for a fingerprint. */
static int on_row(void *arg, const struct history_value *values, size_t count) {
  struct journal *journal = arg;
  if (count < 6 || !slice_is(values[0].text, journal->name) || values[3].text.len >= CURSOR_BYTES)
    return 0;
  memcpy(journal->cursor, values[3].text.data, values[3].text.len);
  journal->cursor[values[3].text.len] = '\0';
  journal->version = values[5].integer;
  return 0;
}

static bool keep_cursor(struct journal *journal) {
  char *cursor = NULL;
  int code = sd_journal_get_cursor(journal->handle, &cursor);
  bool kept = code >= 0 && strlen(cursor) < CURSOR_BYTES;
  if (kept)
    strcpy(journal->cursor, cursor);
  free(cursor);
  return kept;
}

/* Goes to where the history says, or to the end. Returns: false when that cannot be now. */
static bool place(struct journal *journal) {
  journal->cursor[0] = '\0';
  journal->version = 0;
  if (reader_read(journal->parts.reader, SQL_TAIL_POSITIONS, on_row, journal))
    return false;
  int code;
  journal->on_entry = false;
  if (journal->cursor[0]) {
    code = sd_journal_seek_cursor(journal->handle, journal->cursor);
    if (code >= 0)
      code = sd_journal_next(journal->handle);
    /* When the entry is gone by now, this is the one behind it. */
    journal->on_entry = code > 0 && sd_journal_test_cursor(journal->handle, journal->cursor) == 0;
  } else {
    code = sd_journal_seek_tail(journal->handle);
    if (code >= 0)
      code = sd_journal_previous(journal->handle);
    if (code == 0)
      code = sd_journal_seek_head(journal->handle);
    else if (code > 0 && !keep_cursor(journal))
      code = -EIO;
  }
  if (code < 0)
    tell(journal, code);
  journal->placed = code >= 0;
  return journal->placed;
}

/* --- batches ------------------------------------------------------------------------------------
 */

static void put_position(struct journal *journal) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("path", slice_of(journal->name)),
      HISTORY_VALUE_INTEGER("device", 0),
      HISTORY_VALUE_INTEGER("inode", 0),
      HISTORY_VALUE_TEXT("fingerprint", slice_of(journal->cursor)),
      HISTORY_VALUE_INTEGER("offset", 0),
      HISTORY_VALUE_INTEGER("expected", journal->version),
  };
  history_batch_mutate(&journal->batch, SQL_TAIL_POSITION_SET, true, values,
                       sizeof values / sizeof *values);
}

/* Goes to the next entry. Returns: false when there is none. */
static bool go_on(struct journal *journal) {
  if (journal->on_entry) {
    journal->on_entry = false;
    return true;
  }
  int code = sd_journal_next(journal->handle);
  if (code < 0)
    tell(journal, code);
  return code > 0;
}

static void read_on(struct journal *journal) {
  bool at_new_end = journal->version == 0 && journal->cursor[0]; /* worth storing by itself */
  history_batch_clear(&journal->batch);
  journal->taken = journal->sent = 0;
  uint32_t taken_max = journal->skip_entry ? 1 : journal->taken_max;
  while (journal->taken < taken_max && journal->batch.records.len < BATCH_BYTES_MAX &&
         go_on(journal)) {
    journal->taken++;
    if (!journal->skip_entry && is_wanted(journal))
      put_entry(journal);
    if (!keep_cursor(journal)) {
      tell(journal, -EIO);
      return;
    }
  }
  if (!journal->handle || (journal->taken == 0 && !at_new_end))
    return;
  journal->more = journal->taken == taken_max || journal->batch.records.len >= BATCH_BYTES_MAX;
  put_position(journal);
  if (history_batch_status(&journal->batch) ||
      outbox_send(journal->parts.outbox, &journal->letter, &journal->batch)) {
    journal->placed = false;
    wake_in(journal, HOLD_SECONDS);
  }
}

static void settle_refusal(struct journal *journal, const char *error_text) {
  if (journal->taken > 1) {
    journal->taken_max = journal->taken / 2;
    return;
  }
  log_error("the history refused an entry of the journal, it is left out: %s", error_text);
  journal->skip_entry = true;
}

static void journal_on_receipt(void *arg, int status, const char *error_text) {
  struct journal *journal = arg;
  if (status) { /* what is stored now is the history's word */
    if (status == BELFRY_EINVAL || status == BELFRY_ETOOBIG)
      settle_refusal(journal, error_text);
    journal->placed = false;
    wake_in(journal, HOLD_SECONDS);
    return;
  }
  journal->version++;
  journal->stored += journal->sent;
  journal->dropped += journal->skip_entry;
  journal->skip_entry = false;
  if (journal->taken_max < ENTRIES_MAX)
    journal->taken_max *= 2;
  wake_in(journal, journal->more ? 0 : GATHER_SECONDS);
}

static void look(struct journal *journal) {
  if (!journal->enabled || journal->letter.waiting || !outbox_connected(journal->parts.outbox))
    return;
  if (!journal->handle && !open_journal(journal))
    return;
  if (journal->placed || place(journal))
    read_on(journal);
}

static void journal_on_wake(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  look(timer->data);
}

static void journal_on_poll(void *arg) {
  struct journal *journal = arg;
  if (journal->handle)
    (void)sd_journal_process(journal->handle);
  look(journal);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

int journal_new(const struct journal_parts *parts, struct journal **out) {
  struct journal *journal = calloc(1, sizeof *journal);
  if (!journal)
    return BELFRY_ENOMEM;
  journal->parts = *parts;
  journal->taken_max = ENTRIES_MAX;
  journal->letter = (struct outbox_letter){.on_receipt = journal_on_receipt, .arg = journal};
  history_batch_init(&journal->batch, 0);
  log_said_init(&journal->said);
  buf_init(&journal->text, 0);
  buf_init(&journal->masked, 0);
  buf_init(&journal->data, 0);
  buf_init(&journal->source, 0);
  ev_io_init(&journal->io, journal_on_change, -1, EV_READ);
  ev_timer_init(&journal->wake, journal_on_wake, 0, 0);
  journal->wake.data = journal;
  schedule_task_init(&journal->poll, parts->schedule, journal_on_poll, journal);
  *out = journal;
  return BELFRY_OK;
}

void journal_free(struct journal *journal) {
  if (!journal)
    return;
  schedule_task_stop(&journal->poll);
  ev_timer_stop(journal->parts.loop, &journal->wake);
  outbox_recall(journal->parts.outbox, &journal->letter);
  close_journal(journal);
  history_batch_fini(&journal->batch);
  log_said_fini(&journal->said);
  buf_fini(&journal->text);
  buf_fini(&journal->masked);
  buf_fini(&journal->data);
  buf_fini(&journal->source);
  free(journal->directory);
  free(journal->units);
  free(journal);
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

int journal_configure(struct journal *journal, const struct conf *conf) {
  if (!journal)
    return BELFRY_OK;
  char *directory = conf->journal_directory ? strdup(conf->journal_directory) : NULL;
  char *units = conf->journal_units ? strdup(conf->journal_units) : NULL;
  if ((conf->journal_directory && !directory) || (conf->journal_units && !units)) {
    free(directory);
    free(units);
    return BELFRY_ENOMEM;
  }
  journal->enabled = conf->watch_enabled && conf->journal_enabled;
  if (!journal->enabled || !same_text(directory, journal->directory)) {
    outbox_recall(journal->parts.outbox, &journal->letter); /* what came of it, the history says */
    close_journal(journal);
    journal->told = false;
  }
  free(journal->directory);
  free(journal->units);
  journal->directory = directory;
  journal->units = units;
  journal->priority_max = conf->journal_priority;
  snprintf(journal->name, sizeof journal->name, "journal:%s", directory ? directory : "");
  if (journal->enabled)
    schedule_task_start(&journal->poll, 0, POLL_MS);
  else
    schedule_task_stop(&journal->poll);
  return BELFRY_OK;
}

void journal_figures(const struct journal *journal, struct report_figures *figures) {
  if (!journal)
    return;
  figures->lines += journal->stored;
  figures->dropped += journal->dropped;
}
