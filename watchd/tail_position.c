#include "watchd/tail_position.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FINGERPRINT_BYTES 40 /* 16 hexadecimal digits, ':', the number of bytes, NUL */

/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): it tells files apart, it need not
 * resist anybody. */
static uint64_t hash(const char *bytes, size_t len) {
  uint64_t value = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < len; i++) {
    value ^= (unsigned char)bytes[i];
    value *= UINT64_C(0x100000001b3);
  }
  return value;
}

void tail_position_set_head(struct tail_position *position, const struct tail_head *head) {
  position->head_len = head->len;
  position->hash = hash(head->bytes, head->len);
}

void tail_head_add(struct tail_head *head, int64_t offset, const char *bytes, size_t len) {
  if (offset != (int64_t)head->len || head->len >= TAIL_HEAD_BYTES)
    return;
  size_t room = TAIL_HEAD_BYTES - head->len;
  if (len > room)
    len = room;
  memcpy(head->bytes + head->len, bytes, len);
  head->len += len;
}

bool tail_head_read(int fd, size_t len, struct tail_head *head) {
  if (len > TAIL_HEAD_BYTES)
    return false;
  head->len = len;
  return pread(fd, head->bytes, len, 0) == (ssize_t)len;
}

bool tail_head_matches(int fd, const struct tail_head *head) {
  struct tail_head now;
  return tail_head_read(fd, head->len, &now) && memcmp(now.bytes, head->bytes, head->len) == 0;
}

bool tail_position_matches(const struct tail_position *position, int fd, const struct stat *st,
                           struct tail_head *head) {
  return st->st_size >= position->offset && tail_head_read(fd, position->head_len, head) &&
         hash(head->bytes, head->len) == position->hash;
}

struct each {
  tail_position_fn on_position;
  void *arg;
};

/* A row of the statement `tail_positions`: path, device, inode, fingerprint, offset, version. */
static int on_row(void *arg, const struct history_value *values, size_t count) {
  const struct each *each = arg;
  if (count < 6)
    return 0;
  char fingerprint[FINGERPRINT_BYTES];
  uint64_t value;
  unsigned bytes;
  struct slice text = values[3].text;
  snprintf(fingerprint, sizeof fingerprint, "%.*s",
           text.len < sizeof fingerprint ? (int)text.len : 0, text.data ? text.data : "");
  if (sscanf(fingerprint, "%16" SCNx64 ":%4u", &value, &bytes) != 2 || bytes > TAIL_HEAD_BYTES)
    value = bytes = 0; /* matches no file that was read: its hash is not that of no bytes */
  const struct tail_position position = {.device = values[1].integer,
                                         .inode = values[2].integer,
                                         .offset = values[4].integer,
                                         .version = values[5].integer,
                                         .hash = value,
                                         .head_len = bytes};
  each->on_position(each->arg, values[0].text, &position);
  return 0;
}

int tail_position_each(struct reader *reader, tail_position_fn on_position, void *arg) {
  struct each each = {on_position, arg};
  return reader_read(reader, SQL_TAIL_POSITIONS, on_row, &each);
}

struct wanted {
  const char *path;
  struct tail_position *out;
  bool found;
};

static void on_wanted(void *arg, struct slice path, const struct tail_position *position) {
  struct wanted *wanted = arg;
  if (!slice_is(path, wanted->path))
    return;
  *wanted->out = *position;
  wanted->found = true;
}

int tail_position_read(struct reader *reader, const char *path, struct tail_position *out) {
  struct wanted wanted = {path, out, false};
  int status = tail_position_each(reader, on_wanted, &wanted);
  if (status)
    return status;
  return wanted.found ? BELFRY_OK : BELFRY_ENOENT;
}

void tail_position_put(struct history_batch *batch, const char *path,
                       const struct tail_position *position) {
  char fingerprint[FINGERPRINT_BYTES];
  snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64 ":%zu", position->hash,
           position->head_len);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("path", slice_of(path)),
      HISTORY_VALUE_INTEGER("device", position->device),
      HISTORY_VALUE_INTEGER("inode", position->inode),
      HISTORY_VALUE_TEXT("fingerprint", slice_of(fingerprint)),
      HISTORY_VALUE_INTEGER("offset", position->offset),
      HISTORY_VALUE_INTEGER("expected", position->version),
  };
  history_batch_mutate(batch, SQL_TAIL_POSITION_SET, true, values, sizeof values / sizeof *values);
}
