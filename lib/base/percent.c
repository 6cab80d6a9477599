#include "base/percent.h"

static int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

bool percent_decode(struct slice text, bool plus, struct buf *out) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '%') {
      int high = i + 1 < text.len ? hex_digit(text.data[i + 1]) : -1;
      int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
      if (high < 0 || low < 0)
        return false;
      c = (char)(high << 4 | low);
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    if (c == '\0')
      return false;
    buf_put_char(out, c);
  }
  return true;
}
