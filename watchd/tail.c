#include "watchd/tail.h"

#include "base/fd.h"
#include "base/log.h"
#include "model/line_split.h"
#include "model/log_join.h"
#include "model/log_line.h"
#include "watchd/log_formats.h"
#include "watchd/tail_family.h"
#include "watchd/tail_position.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES      ((size_t)256 << 10) /* read in one turn */
#define LINES_MAX        1000                /* in one batch */
#define GATHER_SECONDS   0.05                /* between batches, so that more comes along */
#define SOON_SECONDS     0.1                 /* something is under way in the folder */
#define SOURCE_BYTES_MAX 128
#define HOLD_SECONDS     0.5 /* after the history refused or went away */
#define QUIET_TRIES_MAX  100 /* turns spent on waiting for a busy folder to come to rest */

/* So long after the last line came, those that belong together are whole. */
#define RECORD_QUIET_MS 400

/* A writer may go on in a renamed file for a while, beside others that write to the new one. */
#define LINGER_MS 1000

/* How long a file that starts like its copy is waited for to be truncated. */
#define TWIN_MS 5000

struct tail {
  struct tail_parts parts;
  char *path, *source;        /* owned, as the next two */
  struct log_reader *reader;  /* of its lines */
  struct log_pattern *starts; /* the lines that begin an event; NULL: the join knows */
  struct log_join join;
  size_t held_bytes; /* were there when lines began to wait for others; 0: none wait */
  int64_t held_ms;   /* monotonic: since then */
  struct ev_timer wake;
  struct history_batch batch;
  struct buf data, masked;
  struct ulid_maker ulids;
  struct outbox_letter letter;

  /* Where reading goes on, once `placed`. */
  bool placed;
  int fd; /* owned; -1: none. Kept while the place is asked for again: a deleted file is only here
           */
  struct tail_position at;
  struct tail_head head;
  struct mask_place mask_place;

  /* Where it will go on when the batch that is on its way is stored. */
  int next_fd; /* owned; -1: the same file */
  struct tail_position next_at;
  struct tail_head next_head;
  struct mask_place next_mask_place;
  uint32_t sent_lines;

  int64_t ended_ms;    /* the rotated file has had no more since (monotonic); 0: not so */
  int64_t twin_ms;     /* the new file looks like the old since; 0: not so */
  unsigned busy_tries; /* turns that found names changing in the folder */
  uint32_t lines_max;  /* fewer after the history refused a batch */
  bool skip_line;      /* the history refuses the very next line */
  bool complained;     /* the log has said that the file cannot be opened */
  int64_t lines, dropped;
};

/* What was read in a turn; there is one thread, and a turn does not outlast its call. */
static char chunk[CHUNK_BYTES];

static void wake_in(struct tail *tail, double seconds) {
  struct ev_loop *loop = tail->parts.loop;
  ev_now_update(loop);
  if (ev_is_active(&tail->wake) && ev_timer_remaining(loop, &tail->wake) <= seconds)
    return;
  ev_timer_stop(loop, &tail->wake);
  ev_timer_set(&tail->wake, seconds, 0);
  ev_timer_start(loop, &tail->wake);
}

void tail_wake(struct tail *tail) {
  if (!tail->letter.waiting)
    wake_in(tail, GATHER_SECONDS);
}

/* --- where to go on -----------------------------------------------------------------------------
 */

/* Goes on in `fd` (taken) from `offset`; the version of the stored row stays. */
static void enter(struct tail *tail, int fd, const struct stat *st, int64_t offset,
                  const struct tail_head *head) {
  if (tail->fd != fd)
    fd_close(&tail->fd);
  tail->fd = fd;
  tail->placed = true;
  tail->at.device = (int64_t)st->st_dev;
  tail->at.inode = (int64_t)st->st_ino;
  tail->at.offset = offset;
  tail->head.len = 0;
  if (head)
    tail->head = *head;
  tail_position_set_head(&tail->at, &tail->head);
  tail->ended_ms = tail->twin_ms = 0;
  tail->busy_tries = 0;
  tail->mask_place = (struct mask_place){0};
}

/* Waits for the folder to come to rest, but not for ever. */
static bool at_rest(struct tail *tail, const struct tail_family *family) {
  if (family->quiet || ++tail->busy_tries > QUIET_TRIES_MAX) {
    tail->busy_tries = 0;
    return true;
  }
  wake_in(tail, SOON_SECONDS);
  return false;
}

static int open_live(struct tail *tail, struct stat *st) {
  int fd = tail_open(tail->path);
  if (fd >= 0 && fstat(fd, st) == 0) {
    tail->complained = false;
    return fd;
  }
  if (errno != ENOENT && !tail->complained) {
    log_warning("cannot read the log file %s: %s", tail->path,
                errno == EINVAL ? "it is not a regular file" : strerror(errno));
    tail->complained = true;
  }
  fd_close(&fd);
  return -1;
}

/* A file that the history knows nothing of. */
static void begin_new(struct tail *tail) {
  struct stat st;
  struct tail_head head = {0};
  int fd = open_live(tail, &st);
  if (fd < 0)
    return;
  int64_t offset = st.st_size < TAIL_START_BYTES_MAX ? 0 : st.st_size;
  if (offset > 0 && !tail_head_read(fd, TAIL_HEAD_BYTES, &head)) {
    fd_close(&fd);
    return;
  }
  tail->at = (struct tail_position){0};
  enter(tail, fd, &st, offset, &head);
  log_info("following %s from %s", tail->path, offset ? "its end" : "its start");
}

/* Opens a member if it is the file that `at` speaks of. Returns: the descriptor, or -1. */
static int open_if_same(const struct tail_position *at, const char *path, bool same_inode,
                        struct stat *st, struct tail_head *head) {
  int fd = tail_open(path);
  if (fd >= 0 && fstat(fd, st) == 0 && (!same_inode || (int64_t)st->st_ino == at->inode) &&
      tail_position_matches(at, fd, st, head))
    return fd;
  fd_close(&fd);
  return -1;
}

/* Finds the file that the stored position speaks of: the one we still have open, in its place,
 * renamed, or copied. */
static int find_file(struct tail *tail, const struct tail_family *family, struct stat *st,
                     struct tail_head *head) {
  const struct tail_position *at = &tail->at;
  if (tail->fd >= 0 && fstat(tail->fd, st) == 0 && (int64_t)st->st_ino == at->inode &&
      tail_position_matches(at, tail->fd, st, head))
    return tail->fd;
  int fd = -1;
  for (size_t i = family->count; i-- > 0 && fd < 0;)
    if (family->members[i].inode == at->inode)
      fd = open_if_same(at, family->members[i].path, true, st, head);
  for (size_t i = family->count; i-- > 0 && fd < 0 && at->head_len > 0;)
    if (family->members[i].size >= at->offset)
      fd = open_if_same(at, family->members[i].path, false, st, head);
  if (fd < 0) {
    fd = tail_family_find_inode(tail->path, at->inode);
    if (fd >= 0 && (fstat(fd, st) < 0 || !tail_position_matches(at, fd, st, head)))
      fd_close(&fd);
  }
  return fd;
}

/* Goes on where the history says. Returns: false when that cannot be now. */
static bool resume(struct tail *tail) {
  struct tail_family family;
  struct stat st;
  struct tail_head head = {0};
  bool done = false;
  if (tail_family_list(tail->path, &family) == BELFRY_OK) {
    int fd = find_file(tail, &family, &st, &head);
    if (fd >= 0) {
      /* Only while less than a whole head has been read is the head longer than what is stored. */
      enter(tail, fd, &st, tail->at.offset, &head);
      done = true;
    } else if (at_rest(tail, &family) && (fd = open_live(tail, &st)) >= 0) {
      log_warning("the file that %s was when it was last read is gone; what was not read of it is "
                  "missing",
                  tail->path);
      enter(tail, fd, &st, 0, NULL);
      done = true;
    }
  }
  tail_family_fini(&family);
  return done;
}

/* Learns from the history where reading stands. Returns: whether there is something to read. */
static bool locate(struct tail *tail) {
  int status = tail_position_read(tail->parts.reader, tail->path, &tail->at);
  if (status == BELFRY_ENOENT) {
    begin_new(tail);
    return tail->placed;
  }
  return status == BELFRY_OK && resume(tail);
}

/* --- batches ------------------------------------------------------------------------------------
 */

/* Lines that belong together, on their way into the batch. */
struct record {
  bool begun, truncated;
  size_t start;            /* where its first line is */
  struct mask_place place; /* before it */
  int64_t masked;          /* likewise: secrets so far */
};

static void begin_record(struct tail *tail, struct record *record, const struct line *line,
                         size_t start) {
  *record = (struct record){true, line->truncated, start, tail->next_mask_place,
                            mask_count(tail->parts.mask)};
  log_join_begin(&tail->join, line->text);
  buf_clear(&tail->masked);
  mask_put(tail->parts.mask, line->text, &tail->next_mask_place, &tail->masked);
}

static void add_to_record(struct tail *tail, const struct line *line) {
  buf_put_char(&tail->masked, '\n');
  mask_put(tail->parts.mask, line->text, &tail->next_mask_place, &tail->masked);
}

/* Lines that were left empty at its end are not part of it. */
static struct slice record_text(const struct tail *tail) {
  struct slice text = buf_slice(&tail->masked);
  while (text.len > 0 && text.data[text.len - 1] == '\n')
    text.len--;
  return text;
}

static void put_record(struct tail *tail, struct record *record, int64_t now_ms) {
  struct log_line parsed;
  char event_id[ULID_BYTES];
  record->begun = false;
  log_reader_read(tail->reader, record_text(tail), record->truncated, now_ms, &tail->data, &parsed);
  if (buf_status(&tail->masked))
    tail->data.status = buf_status(&tail->masked);
  if (buf_status(&tail->data)) { /* no memory: the batch is not sent, and made again later */
    tail->batch.records.status = buf_status(&tail->data);
    return;
  }
  ulid_make(&tail->ulids, now_ms, event_id);
  const struct event event = {.timestamp_ms = parsed.timestamp_ms,
                              .severity = (int)parsed.severity,
                              .type = slice_of("log"),
                              .source = slice_of(tail->source),
                              .event_id = slice_of(event_id),
                              .data = buf_slice(&tail->data)};
  history_batch_event(&tail->batch, &event);
  tail->sent_lines++;
}

/* Whether the last record of what was read is to wait for further lines: for a while after the last
 * time that there was something new. */
static bool is_held(struct tail *tail, size_t bytes) {
  int64_t now_ms = clock_monotonic_ms(tail->parts.clock);
  if (tail->held_bytes != bytes) {
    tail->held_bytes = bytes;
    tail->held_ms = now_ms;
  }
  int64_t left_ms = tail->held_ms + RECORD_QUIET_MS - now_ms;
  if (left_ms > 0)
    wake_in(tail, (double)left_ms / 1000 + 0.001);
  return left_ms > 0;
}

/* Puts the lines of `bytes` into the batch. Returns: how many bytes they take. */
static size_t put_lines(struct tail *tail, struct slice bytes, char byte_before, bool final) {
  struct line_split split;
  struct line line;
  struct record record = {0};
  int64_t now_ms = clock_realtime_ms(tail->parts.clock);
  history_batch_clear(&tail->batch);
  tail->sent_lines = 0;
  tail->next_mask_place = tail->mask_place;
  line_split_start(&split, bytes, byte_before, final);
  for (size_t start = 0; line_split_next(&split, &line); start = split.consumed) {
    if (record.begun && !line.truncated && !record.truncated &&
        log_join_takes(&tail->join, line.text)) {
      add_to_record(tail, &line);
      continue;
    }
    if (record.begun) {
      if (tail->skip_line)
        return start; /* the batch is the position alone */
      put_record(tail, &record, now_ms);
      if (tail->sent_lines >= tail->lines_max)
        return start;
    }
    if (line.text.len > 0)
      begin_record(tail, &record, &line, start);
  }
  if (!record.begun)
    return split.consumed;
  if (!final && !record.truncated && log_join_is_open(&tail->join) && is_held(tail, bytes.len)) {
    tail->next_mask_place = record.place;
    mask_recount(tail->parts.mask, record.masked); /* it is read again */
    return record.start;
  }
  tail->held_bytes = 0;
  if (!tail->skip_line)
    put_record(tail, &record, now_ms);
  return split.consumed;
}

static char byte_before(int fd, int64_t offset) {
  char c = '\n';
  if (offset > 0 && pread(fd, &c, 1, offset - 1) != 1)
    c = '\n';
  return c;
}

static void hold(struct tail *tail) {
  fd_close(&tail->next_fd);
  wake_in(tail, HOLD_SECONDS);
}

/* Sends the batch; when it is stored, reading goes on at `consumed` bytes behind `at`. Takes: `fd`
 * is the file read, `at` and `head` speak of it; `chunk` holds what was read. */
static void send_batch(struct tail *tail, int fd, const struct tail_position *at,
                       const struct tail_head *head, size_t consumed) {
  tail->next_fd = fd == tail->fd ? -1 : fd;
  tail->next_at = *at;
  tail->next_head = *head;
  tail_head_add(&tail->next_head, at->offset, chunk, consumed);
  tail->next_at.offset += (int64_t)consumed;
  tail_position_set_head(&tail->next_at, &tail->next_head);
  tail_position_put(&tail->batch, tail->path, &tail->next_at);
  if (history_batch_status(&tail->batch) ||
      outbox_send(tail->parts.outbox, &tail->letter, &tail->batch))
    hold(tail);
}

/* What is stored now is the history's word, whatever we sent. */
static void forget_place(struct tail *tail) {
  tail->placed = false;
  fd_close(&tail->next_fd);
}

static void settle_refusal(struct tail *tail, const char *error_text) {
  if (tail->sent_lines > 1) {
    tail->lines_max = tail->sent_lines / 2;
    return;
  }
  log_error("the history refused a line of %s, it is left out: %s", tail->path, error_text);
  tail->skip_line = true;
}

static void tail_on_receipt(void *arg, int status, const char *error_text) {
  struct tail *tail = arg;
  if (status) {
    if (status == BELFRY_EINVAL || status == BELFRY_ETOOBIG)
      settle_refusal(tail, error_text);
    else if (status != BELFRY_ECLOSED && status != BELFRY_ECONFLICT)
      log_debug("%s: the history cannot take lines now: %s", tail->path, error_text);
    forget_place(tail);
    wake_in(tail, status == BELFRY_ECONFLICT ? 0 : HOLD_SECONDS);
    return;
  }
  if (tail->next_fd >= 0) {
    fd_close(&tail->fd);
    tail->fd = tail->next_fd;
    tail->next_fd = -1;
    tail->ended_ms = tail->twin_ms = 0;
  }
  tail->at = tail->next_at;
  tail->at.version++;
  tail->head = tail->next_head;
  tail->mask_place = tail->next_mask_place;
  tail->lines += tail->sent_lines;
  if (tail->skip_line)
    tail->dropped++;
  tail->skip_line = false;
  bool full = tail->sent_lines >= tail->lines_max; /* more is there already */
  if (tail->lines_max < LINES_MAX)
    tail->lines_max = tail->lines_max * 2 < LINES_MAX ? tail->lines_max * 2 : LINES_MAX;
  wake_in(tail, full ? 0 : GATHER_SECONDS);
}

/* --- the end of a file --------------------------------------------------------------------------
 */

/* The file is shorter than what was read of it, or starts with something else: it was truncated. A
 * copy that was made before may hold what we have not read. */
static void follow_truncation(struct tail *tail) {
  struct tail_family family;
  struct stat st;
  struct tail_head head;
  int fd = -1;
  if (tail_family_list(tail->path, &family) == BELFRY_OK && at_rest(tail, &family)) {
    tail_position_set_head(&tail->at, &tail->head);
    for (size_t i = family.count; i-- > 0 && fd < 0 && tail->head.len > 0;)
      if (family.members[i].inode != tail->at.inode)
        fd = open_if_same(&tail->at, family.members[i].path, false, &st, &head);
    if (fd >= 0) {
      enter(tail, fd, &st, tail->at.offset, &head);
    } else if (fstat(tail->fd, &st) == 0) {
      log_info("%s was truncated, reading it from its start", tail->path);
      enter(tail, tail->fd, &st, 0, NULL);
    }
    wake_in(tail, 0);
  }
  tail_family_fini(&family);
}

/* The first file after the current one that has something in it; NULL: none, or the current one is
 * not known any more and there is no file in place. */
static const struct tail_member *successor(const struct tail *tail,
                                           const struct tail_family *family) {
  size_t i = 0;
  while (i < family->count && (family->members[i].inode != tail->at.inode ||
                               family->members[i].device != tail->at.device))
    i++;
  if (i == family->count) /* deleted or packed: whatever else is there may be older than it */
    i = family->count > 0 ? family->count - 1 : 0;
  else
    i++;
  while (i < family->count && !family->members[i].live && family->members[i].size == 0)
    i++;
  return i < family->count ? &family->members[i] : NULL;
}

/* Between copy and truncation the file in place starts like the copy that we read, and is at least
 * as long. */
static bool is_twin(struct tail *tail, int fd, const struct stat *st, int64_t now_ms) {
  if (tail->head.len == 0 || st->st_size < tail->at.offset || !tail_head_matches(fd, &tail->head)) {
    tail->twin_ms = 0;
    return false;
  }
  if (tail->twin_ms == 0)
    tail->twin_ms = now_ms;
  return now_ms - tail->twin_ms < TWIN_MS;
}

/*
 * Goes on in the file in place. The position moves there only with its first lines: were the file
 * copied and truncated before we had read any, nothing would tell us, but as long as we stand at
 * the end of the old file, the copy is its successor.
 */
static void move_to_live(struct tail *tail, const struct tail_family *family, int fd,
                         const struct stat *st) {
  struct tail_position at = {
      .device = (int64_t)st->st_dev, .inode = (int64_t)st->st_ino, .version = tail->at.version};
  struct tail_head head = {0};
  ssize_t n = pread(fd, chunk, sizeof chunk, 0);
  size_t consumed = n > 0 ? put_lines(tail, slice_new(chunk, (size_t)n), '\n', false) : 0;
  struct stat now;
  bool stays = consumed > 0 && tail_family_unchanged(tail->path, family) && fstat(fd, &now) == 0 &&
               now.st_size >= n;
  if (stays) {
    send_batch(tail, fd, &at, &head, consumed); /* has taken fd */
    return;
  }
  fd_close(&fd);
  if (consumed > 0)
    wake_in(tail, SOON_SECONDS);
}

/* The current file is at its end (but for `partial` bytes) and is not the one in place any more. */
static void leave_rotated(struct tail *tail, const struct tail_family *family, size_t partial) {
  int64_t now_ms = clock_monotonic_ms(tail->parts.clock);
  const struct tail_member *next = successor(tail, family);
  struct stat st, current;
  if (!next || (next->live && next->size == 0))
    return; /* whoever writes has not begun the new file: it may still write to this one */
  if (tail->ended_ms == 0)
    tail->ended_ms = now_ms;
  if (next->live && now_ms - tail->ended_ms < LINGER_MS) {
    wake_in(tail, SOON_SECONDS);
    return;
  }
  int fd = tail_open(next->path);
  if (fd < 0 || fstat(fd, &st) < 0 || (int64_t)st.st_ino != next->inode ||
      fstat(tail->fd, &current) < 0) {
    fd_close(&fd);
    wake_in(tail, SOON_SECONDS);
    return;
  }
  bool twin = is_twin(tail, fd, &st, now_ms);
  bool grown = current.st_size != tail->at.offset + (int64_t)partial;
  if (twin || grown) {
    fd_close(&fd);
    wake_in(tail, grown ? 0 : SOON_SECONDS);
  } else if (partial > 0) {
    fd_close(&fd);
    size_t consumed =
        put_lines(tail, slice_new(chunk, partial), byte_before(tail->fd, tail->at.offset), true);
    send_batch(tail, tail->fd, &tail->at, &tail->head, consumed);
  } else if (next->live) {
    move_to_live(tail, family, fd, &st);
  } else {
    enter(tail, fd, &st, 0, NULL);
    wake_in(tail, 0);
  }
}

static void look_for_rotation(struct tail *tail, size_t partial) {
  struct stat live;
  if (stat(tail->path, &live) < 0) /* renamed, and nothing in its place yet */
    return;
  if ((int64_t)live.st_ino == tail->at.inode && (int64_t)live.st_dev == tail->at.device)
    return;
  struct tail_family family;
  if (tail_family_list(tail->path, &family) == BELFRY_OK && at_rest(tail, &family))
    leave_rotated(tail, &family, partial);
  tail_family_fini(&family);
}

/* --- turns --------------------------------------------------------------------------------------
 */

/* Whether the file still is the one that was read. Asked after reading: what was read before the
 * question is then good. */
static bool is_intact(struct tail *tail) {
  struct stat st;
  return fstat(tail->fd, &st) == 0 && st.st_size >= tail->at.offset &&
         tail_head_matches(tail->fd, &tail->head);
}

static void read_on(struct tail *tail) {
  char before = byte_before(tail->fd, tail->at.offset);
  ssize_t n = pread(tail->fd, chunk, sizeof chunk, tail->at.offset);
  if (n < 0) {
    log_warning("cannot read %s: %s", tail->path, strerror(errno));
    return;
  }
  if (!is_intact(tail)) {
    follow_truncation(tail);
    return;
  }
  bool is_new = tail->at.version == 0; /* worth storing by itself: it may be renamed soon */
  size_t consumed = put_lines(tail, slice_new(chunk, (size_t)n), before, false);
  if (consumed > 0 || is_new) {
    tail->ended_ms = 0;
    send_batch(tail, tail->fd, &tail->at, &tail->head, consumed);
  } else {
    look_for_rotation(tail, (size_t)n);
  }
}

static void tail_on_wake(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct tail *tail = timer->data;
  if (tail->letter.waiting || !outbox_connected(tail->parts.outbox))
    return;
  if (tail->placed || locate(tail))
    read_on(tail);
}

/* Lines in these formats are whole by themselves. */
static bool stands_alone(int format) {
  return format == CONF_LOG_json || format == CONF_LOG_logfmt || format == CONF_LOG_nginx_access ||
         format == CONF_LOG_apache_access;
}

static int make_readers(struct tail *tail, const struct conf_log *log) {
  int status = log_reader_new(log_format_of(log->format), log->pattern, &tail->reader, NULL);
  if (!status && log->multiline_start)
    status = log_pattern_new(log->multiline_start, &tail->starts, NULL);
  tail->join.start = tail->starts;
  tail->join.mode = tail->starts ? LOG_JOIN_START
                    : log->multiline == CONF_LOG_MULTILINE_OFF || stands_alone(log->format)
                        ? LOG_JOIN_OFF
                        : LOG_JOIN_AUTO;
  return status;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

int tail_new(const struct tail_parts *parts, const char *path, const struct conf_log *log,
             struct tail **out) {
  struct tail *tail = calloc(1, sizeof *tail);
  if (!tail)
    return BELFRY_ENOMEM;
  tail->parts = *parts;
  tail->path = strdup(path);
  tail->source = strndup(log->source ? log->source : base_name(path), SOURCE_BYTES_MAX);
  tail->fd = tail->next_fd = -1;
  tail->lines_max = LINES_MAX;
  tail->letter = (struct outbox_letter){.on_receipt = tail_on_receipt, .arg = tail};
  history_batch_init(&tail->batch, 0);
  buf_init(&tail->data, 0);
  buf_init(&tail->masked, 0);
  ev_timer_init(&tail->wake, tail_on_wake, 0, 0);
  tail->wake.data = tail;
  int status = tail->path && tail->source ? make_readers(tail, log) : BELFRY_ENOMEM;
  if (status) {
    tail_free(tail);
    return status;
  }
  *out = tail;
  return BELFRY_OK;
}

void tail_free(struct tail *tail) {
  if (!tail)
    return;
  ev_timer_stop(tail->parts.loop, &tail->wake);
  outbox_recall(tail->parts.outbox, &tail->letter);
  fd_close(&tail->fd);
  fd_close(&tail->next_fd);
  history_batch_fini(&tail->batch);
  buf_fini(&tail->data);
  buf_fini(&tail->masked);
  log_reader_free(tail->reader);
  log_pattern_free(tail->starts);
  free(tail->path);
  free(tail->source);
  free(tail);
}

const char *tail_path(const struct tail *tail) {
  return tail->path;
}

const char *tail_source(const struct tail *tail) {
  return tail->source;
}

int64_t tail_lines(const struct tail *tail) {
  return tail->lines;
}

int64_t tail_dropped(const struct tail *tail) {
  return tail->dropped;
}

int64_t tail_misfits(const struct tail *tail) {
  return log_reader_misfits(tail->reader);
}

bool tail_reads(const struct tail *tail, int64_t device, int64_t inode) {
  return tail->placed && tail->at.device == device && tail->at.inode == inode;
}
