/*
 * The configuration written out: as YAML (conf_dump), and the table as the manual (conf_document).
 */
#include "base/buf.h"
#include "conf/conf_priv.h"

#include <ctype.h>
#include <string.h>

/* In the form that the row demands. */
static void put_hidden(const struct conf_row *row, const void *entry, struct buf *out) {
  char *const *words;
  if (row->kind != CONF_KIND_WORDS) {
    buf_put_text(out, row->form == CONF_FORM_URL ? "\"https://hidden.invalid/\"" : "\"hidden\"");
    return;
  }
  words = *(char **const *)(const void *)((const char *)entry + row->offset);
  buf_put_char(out, '[');
  for (size_t i = 0; words[i]; i++) {
    const char *colon = strchr(words[i], ':');
    buf_put_text(out, i ? ", \"" : "\"");
    if (colon)
      buf_put(out, words[i], (size_t)(colon - words[i]) + 1);
    buf_put_text(out, "hidden\"");
  }
  buf_put_char(out, ']');
}

void conf_dump(const struct conf *conf, struct buf *out) {
  for (size_t i = 0; i < conf__setting_count; i++) {
    const struct conf_row *row = &conf__settings[i];
    if (i == 0 || strcmp(row->section, conf__settings[i - 1].section) != 0)
      buf_printf(out, "%s%s:\n", i > 0 ? "\n" : "", row->section);
    buf_printf(out, "  %s: ", row->key);
    if (conf__value_absent(row, conf))
      buf_put_text(out, "\"\"");
    else
      conf__put_value(row, conf, out);
    buf_put_char(out, '\n');
  }
  for (size_t i = 0; i < conf__list_count; i++) {
    const struct conf_list *list = conf__lists[i];
    size_t count = conf__list_count_of(list, conf);
    buf_printf(out, "\n%s:%s\n", list->name, count == 0 ? " []" : "");
    for (size_t e = 0; e < count; e++) {
      const void *entry = conf__list_entry(list, conf, e);
      const char *lead = "  - ";
      for (size_t r = 0; r < list->row_count; r++) {
        if (conf__value_absent(&list->rows[r], entry))
          continue;
        buf_printf(out, "%s%s: ", lead, list->rows[r].key);
        if (list->rows[r].secret)
          put_hidden(&list->rows[r], entry, out);
        else
          conf__put_value(&list->rows[r], entry, out);
        buf_put_char(out, '\n');
        lead = "    ";
      }
    }
  }
}

/* Text for mdoc(7): a backslash, and a point or quote at the start of a line, would mean something.
 */
static void put_roff(struct buf *out, const char *text) {
  bool line_start = true;
  for (; *text; text++) {
    if (line_start && (*text == '.' || *text == '\''))
      buf_put_text(out, "\\&");
    line_start = text[0] == '.' && text[1] == ' '; /* a sentence begins on a line of its own */
    if (line_start) {
      buf_put_text(out, ".\n");
      text++;
    } else if (*text == '\\') {
      buf_put_text(out, "\\e");
    } else if (*text == '-') {
      buf_put_text(out, "\\-");
    } else {
      buf_put_char(out, *text);
    }
  }
}

static void document_row(const struct conf_row *row, struct buf *out) {
  struct buf value;
  buf_init(&value, 0);
  buf_printf(out, ".It Ic %s\n", row->key);
  put_roff(out, row->doc);
  buf_put_text(out, "\n.br\nTakes ");
  conf__put_expectation(row, &value);
  if (value.data)
    put_roff(out, value.data);
  if (value.status)
    out->status = value.status;
  buf_clear(&value);
  if (row->required) {
    buf_put_text(out, "; required");
  } else if (row->section) {
    buf_put_text(out, "; ");
    if (row->kind == CONF_KIND_BOOL)
      buf_put_text(&value, row->fallback ? "true" : "false");
    else if (row->kind == CONF_KIND_CHOICE || row->kind == CONF_KIND_PATH ||
             row->kind == CONF_KIND_TEXT)
      buf_put_text(&value, row->fallback_text);
    else
      conf__put_number(row->kind, row->fallback, &value);
    if (value.len > 0) {
      buf_put_text(out, "default ");
      put_roff(out, value.data);
    } else {
      buf_put_text(out, "not set by default");
    }
  } else {
    buf_put_text(out, "; may be left out");
  }
  buf_put_text(out, ".\n");
  if (conf__is_live(row))
    buf_put_text(out, "May be changed while Belfry runs.\n");
  if (value.status)
    out->status = value.status;
  buf_fini(&value);
}

static void document_rows(const struct conf_row *rows, size_t count, struct buf *out) {
  buf_put_text(out, ".Bl -tag -width Ds\n");
  for (size_t i = 0; i < count; i++)
    document_row(&rows[i], out);
  buf_put_text(out, ".El\n");
}

static void document_aliases(struct buf *out) {
  static const struct {
    const char *variable, *doc;
  } aliases[] = {
#define CONF_ALIAS(variable, section, key, how, doc) {variable, doc},
#include "conf/aliases.def"
  };
  buf_put_text(out, ".Ss Variables of older dashboards\n.Bl -tag -width Ds\n");
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
    buf_printf(out, ".It Ev %s\n", aliases[i].variable);
    put_roff(out, aliases[i].doc);
    buf_put_char(out, '\n');
  }
  buf_put_text(out, ".El\n");
}

void conf_document(struct buf *out) {
  for (size_t i = 0, end; i < conf__setting_count; i = end) {
    end = conf__section_end(i);
    buf_printf(out, ".Ss %s\n", conf__settings[i].section);
    document_rows(&conf__settings[i], end - i, out);
  }
  for (size_t i = 0; i < conf__list_count; i++) {
    buf_printf(out, ".Ss The list %s\n", conf__lists[i]->name);
    put_roff(out, conf__lists[i]->doc);
    buf_put_char(out, '\n');
    document_rows(conf__lists[i]->rows, conf__lists[i]->row_count, out);
  }
  document_aliases(out);
}
