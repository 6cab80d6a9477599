#include "model/syslog_stream.h"

#define LENGTH_DIGITS 9 /* more cannot be a length */

void syslog_stream_init(struct syslog_stream *stream, size_t max) {
  *stream = (struct syslog_stream){.max = max};
  buf_init(&stream->data, 0);
}

void syslog_stream_fini(struct syslog_stream *stream) {
  buf_fini(&stream->data);
}

void syslog_stream_put(struct syslog_stream *stream, struct slice bytes) {
  buf_consume(&stream->data, stream->taken);
  stream->taken = 0;
  buf_put_slice(&stream->data, bytes);
}

static struct slice rest_of(const struct syslog_stream *stream) {
  return stream->data.len > stream->taken
             ? slice_new(stream->data.data + stream->taken, stream->data.len - stream->taken)
             : slice_new(NULL, 0);
}

/* Leaves out what a message had too much, and the ends between messages. Returns: false when more
 * of it must come. */
static bool skip(struct syslog_stream *stream) {
  struct slice rest = rest_of(stream);
  size_t len = stream->skip < rest.len ? stream->skip : rest.len;
  stream->skip -= len;
  stream->taken += len;
  rest = rest_of(stream);
  if (stream->skip_line && rest.len > 0) {
    const char *end = memchr(rest.data, '\n', rest.len);
    stream->taken += end ? (size_t)(end + 1 - rest.data) : rest.len;
    stream->skip_line = !end;
  }
  while ((rest = rest_of(stream)).len > 0 && !stream->skip_line && stream->skip == 0 &&
         memchr("\n\r\0 ", rest.data[0], 4))
    stream->taken++;
  return stream->skip == 0 && !stream->skip_line && rest.len > 0;
}

/* The number at the start and the blank behind it. Returns: how long both are; 0: there is none. */
static size_t read_length(struct slice text, size_t *out) {
  size_t i = 0;
  *out = 0;
  while (i < text.len && i < LENGTH_DIGITS && text.data[i] >= '0' && text.data[i] <= '9')
    *out = *out * 10 + (size_t)(text.data[i++] - '0');
  return i > 0 && text.data[0] != '0' && i < text.len && text.data[i] == ' ' ? i + 1 : 0;
}

/* Whether a number may yet become a length. */
static bool may_be_length(struct slice text) {
  size_t i = 0;
  while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9')
    i++;
  return i == text.len && i < LENGTH_DIGITS && text.data[0] != '0';
}

static bool take_counted(struct syslog_stream *stream, struct slice rest, size_t head,
                         size_t length, struct slice *message, bool *cut) {
  size_t wanted = length < stream->max ? length : stream->max, there = rest.len - head;
  if (there < wanted && !stream->final)
    return false;
  *message = slice_new(rest.data + head, there < wanted ? there : wanted);
  *cut = length > message->len;
  stream->taken += head + message->len;
  stream->skip = length - message->len;
  return true;
}

static bool take_line(struct syslog_stream *stream, struct slice rest, struct slice *message,
                      bool *cut) {
  const char *end = memchr(rest.data, '\n', rest.len);
  size_t length = end ? (size_t)(end - rest.data) : rest.len;
  *cut = length > stream->max;
  if (!end && !*cut && !stream->final)
    return false;
  *message = slice_new(rest.data, *cut ? stream->max : length);
  stream->taken += *cut ? stream->max : length + (end != NULL);
  stream->skip_line = *cut;
  return true;
}

bool syslog_stream_next(struct syslog_stream *stream, struct slice *message, bool *cut) {
  if (!skip(stream))
    return false;
  struct slice rest = rest_of(stream);
  size_t length = 0, head = read_length(rest, &length);
  if (head > 0 && length > 0)
    return take_counted(stream, rest, head, length, message, cut);
  if (may_be_length(rest) && !stream->final)
    return false;
  return take_line(stream, rest, message, cut);
}
