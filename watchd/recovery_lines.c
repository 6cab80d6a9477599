#include "watchd/recovery_lines.h"

#include <string.h>

void recovery_lines_end(struct recovery_lines *lines, recovery_line_fn on_line, void *arg) {
  struct slice line = slice_trim(slice_new(lines->text, lines->len));
  if (line.len > 0)
    on_line(arg, line);
  lines->len = 0;
}

void recovery_lines_take(struct recovery_lines *lines, struct slice bytes, recovery_line_fn on_line,
                         void *arg) {
  for (size_t i = 0; i < bytes.len; i++) {
    if (bytes.data[i] == '\n' || lines->len == sizeof lines->text)
      recovery_lines_end(lines, on_line, arg);
    if (bytes.data[i] != '\n')
      lines->text[lines->len++] = bytes.data[i];
  }
}
