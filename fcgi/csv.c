#include "fcgi/csv.h"

/* OWASP, "CSV Injection". */
static bool looks_like_formula(struct slice text) {
  static const char *const beginnings[] = {"=",  "+",  "-",  "@",  "\t", "\r",
                                           "\n", "＝", "＋", "－", "＠"};
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
    if (slice_starts_with(text, beginnings[i]))
      return true;
  return false;
}

static bool needs_quotes(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if (strchr("\",\r\n", text.data[i]))
      return true;
  /* Blanks at the ends are lost by some readers. */
  return text.len > 0 && slice_trim(text).len < text.len;
}

void csv_put_text(struct buf *out, struct slice text) {
  bool formula = looks_like_formula(text), quoted = needs_quotes(text);
  if (quoted)
    buf_put_char(out, '"');
  if (formula)
    buf_put_char(out, '\'');
  if (!quoted)
    buf_put_slice(out, text);
  for (size_t i = 0; quoted && i < text.len; i++) {
    if (text.data[i] == '"')
      buf_put_char(out, '"');
    if (text.data[i] != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
      buf_put_char(out, text.data[i]);
  }
  if (quoted)
    buf_put_char(out, '"');
}
