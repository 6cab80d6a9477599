#include "model/line_split.h"

#include "base/json.h"

/* After a copy-and-truncate, a writer that does not append leaves a hole: NULs up to where it goes
 * on. They belong to no line. */
static struct slice skip_nuls(struct slice text) {
  size_t i = 0;
  while (i < text.len && text.data[i] == '\0')
    i++;
  return slice_new(text.data + i, text.len - i);
}

void line_split_start(struct line_split *split, struct slice bytes, char byte_before, bool final) {
  *split = (struct line_split){
      .rest = bytes, .in_line = byte_before != '\n' && byte_before != '\0', .final = final};
}

static void consume(struct line_split *split, size_t len) {
  split->rest.data += len;
  split->rest.len -= len;
  split->consumed += len;
}

/* Shortens `text` to the bound, at a boundary of UTF-8 where it is UTF-8. */
static struct slice cut(struct slice text) {
  text.len = LINE_BYTES_MAX;
  for (size_t i = 1; i <= 3; i++) {
    unsigned char c = (unsigned char)text.data[text.len - i];
    if (c < 0x80)
      break;
    if (c >= 0xc0) { /* the start of a sequence: is all of it there? */
      struct slice tail = slice_new(text.data + text.len - i, i);
      if (utf8_valid_prefix(tail) == 0)
        text.len -= i;
      break;
    }
  }
  return text;
}

static void set_line(struct line *line, struct slice text) {
  text = skip_nuls(text);
  if (text.len > 0 && text.data[text.len - 1] == '\r')
    text.len--;
  line->truncated = text.len > LINE_BYTES_MAX;
  line->text = line->truncated ? cut(text) : text;
}

bool line_split_next(struct line_split *split, struct line *line) {
  if (split->in_line) {
    const char *end = split->rest.len ? memchr(split->rest.data, '\n', split->rest.len) : NULL;
    consume(split, end ? (size_t)(end + 1 - split->rest.data) : split->rest.len);
    split->in_line = !end;
  }
  if (split->rest.len == 0)
    return false;
  const char *end = memchr(split->rest.data, '\n', split->rest.len);
  if (end) {
    size_t len = (size_t)(end - split->rest.data);
    set_line(line, slice_new(split->rest.data, len));
    consume(split, len + 1);
    return true;
  }
  struct slice partial = skip_nuls(split->rest);
  if (partial.len == 0) { /* the hole is longer than what was read */
    consume(split, split->rest.len);
    return false;
  }
  if (partial.len <= LINE_BYTES_MAX && !split->final)
    return false; /* its end has not been written yet */
  set_line(line, partial);
  consume(split, split->rest.len); /* the next start finds itself within this line */
  return true;
}
