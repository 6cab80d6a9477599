#include "cli/url.h"

#include <string.h>

void url_put_encoded(struct buf *out, const char *text) {
  static const char unreserved[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (; *text; text++) {
    if (strchr(unreserved, *text))
      buf_put_char(out, *text);
    else
      buf_printf(out, "%%%02X", (unsigned char)*text);
  }
}

void url_put_parameter(struct buf *path, const char *name, const char *value) {
  if (!value)
    return;
  buf_put_char(path, path->data && memchr(path->data, '?', path->len) ? '&' : '?');
  buf_put_text(path, name);
  buf_put_char(path, '=');
  url_put_encoded(path, value);
}
