/*
 * One value: from text into its field, and back. Knows nothing of files.
 */
#include "base/address.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/zone.h"
#include "conf/conf_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
  const char *name;
  int64_t factor;
};

/* From the largest to the smallest; the last one is what the field counts. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit byte_units[] = {
    {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {NULL, 0},
};

#define FIELD(type, row, base) ((type *)(void *)((char *)(base) + (row)->offset))
#define CONST_FIELD(type, row, base)                                                               \
  ((type const *)(const void *)((const char *)(base) + (row)->offset))

#define QUOTED_BYTES_MAX 60

void conf__put_quoted(struct slice text, struct buf *out) {
  size_t len = text.len;
  if (len > QUOTED_BYTES_MAX)
    len = utf8_valid_prefix(slice_new(text.data, QUOTED_BYTES_MAX));
  buf_put_char(out, '\'');
  for (size_t i = 0; i < len; i++)
    buf_put_char(out,
                 (unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : text.data[i]);
  buf_put_text(out, len < text.len ? "...'" : "'");
}

static void put_choices(const char *choices, struct buf *out) {
  struct slice rest = slice_of(choices), choice;
  bool first = true;
  while (slice_split(&rest, '|', &choice)) {
    if (choice.len == 0) /* the place of what is absent */
      continue;
    buf_put_text(out, first ? "" : rest.data ? ", " : " or ");
    buf_put_slice(out, choice);
    first = false;
  }
}

void conf__put_number(enum conf_kind kind, int64_t number, struct buf *out) {
  const struct unit *units = kind == CONF_KIND_DURATION ? duration_units
                             : kind == CONF_KIND_BYTES  ? byte_units
                                                        : NULL;
  for (; units && units->name; units++)
    if (number != 0 && number % units->factor == 0) {
      buf_printf(out, "%lld%s", (long long)(number / units->factor), units->name);
      return;
    }
  buf_printf(out, "%lld", (long long)number);
}

static const char *form_expectation(enum conf_form form) {
  switch (form) {
  case CONF_FORM_LABEL:
    return "letters, digits and -";
  case CONF_FORM_NAME:
    return "letters, digits and _ . : -";
  case CONF_FORM_ADDRESS:
    return "an address such as 127.0.0.1:8090 or [::1]:8090";
  case CONF_FORM_ENDPOINT:
    return "a path such as /health or a URL such as http://127.0.0.1:8000/health";
  case CONF_FORM_METHOD:
    return "a method of HTTP such as GET or HEAD";
  case CONF_FORM_HEADER:
    return "a header such as \"Accept: text/plain\"";
  case CONF_FORM_STATUSES:
    return "a comma list of statuses of HTTP such as 200-299,401";
  case CONF_FORM_MEMBER:
    return "a member and its value such as status=ok or checks.db.status=up";
  case CONF_FORM_FIGURE:
    return "a metric and the path of its number such as requests_total=http.requests";
  case CONF_FORM_VARIABLE:
    return "a variable and its value such as MODE=fast";
  case CONF_FORM_NETWORKS:
    return "a comma list of addresses and networks such as 127.0.0.1,10.0.0.0/8,fd00::/8";
  case CONF_FORM_NUMBER:
    return "a number such as 90 or -0.5";
  case CONF_FORM_PAIR:
    return "a label and its value such as mount=/var";
  case CONF_FORM_AGGREGATE:
    return "avg, min, max, sum, count, last, rate or a quantile such as p95";
  case CONF_FORM_TIME:
    return "a time such as 2026-11-20T22:00:00+01:00";
  case CONF_FORM_CLOCK:
    return "a time of day such as 22:30";
  case CONF_FORM_ZONE:
    return "a time zone that is known here such as Europe/Berlin";
  case CONF_FORM_UNIT:
    return "the name of a unit such as nginx.service";
  case CONF_FORM_URL:
    return "a URL such as https://example.org/hook";
  case CONF_FORM_MAIL:
    return "an address such as ops@example.org";
  case CONF_FORM_ANY:
    break;
  }
  return "a text";
}

void conf__put_expectation(const struct conf_row *row, struct buf *out) {
  switch (row->kind) {
  case CONF_KIND_BOOL:
    buf_put_text(out, "true or false");
    return;
  case CONF_KIND_INT:
    buf_printf(out, "a whole number from %lld to %lld", (long long)row->min, (long long)row->max);
    return;
  case CONF_KIND_DURATION:
  case CONF_KIND_BYTES:
    buf_put_text(out, row->kind == CONF_KIND_DURATION ? "a duration from " : "a size from ");
    conf__put_number(row->kind, row->min, out);
    buf_put_text(out, " to ");
    conf__put_number(row->kind, row->max, out);
    return;
  case CONF_KIND_CHOICE:
    put_choices(row->choices, out);
    return;
  case CONF_KIND_PATH:
    buf_put_text(out, "a path");
    return;
  case CONF_KIND_TEXT:
    buf_printf(out, "%s of at most %lld bytes", form_expectation(row->form), (long long)row->max);
    return;
  case CONF_KIND_WORDS:
    buf_printf(out, "a list, each of them %s of at most %lld bytes", form_expectation(row->form),
               (long long)row->max);
    return;
  }
}

/* What was written, but for a secret. */
static void put_said(const struct conf_row *row, struct slice text, struct buf *why) {
  if (row->secret)
    buf_put_text(why, "the secret that stands here");
  else
    conf__put_quoted(text, why);
}

/* Says "'TEXT' is not EXPECTATION". Returns: BELFRY_EINVAL. */
static int refuse(const struct conf_row *row, struct slice text, struct buf *why) {
  put_said(row, text, why);
  buf_put_text(why, " is not ");
  conf__put_expectation(row, why);
  return BELFRY_EINVAL;
}

static int read_bool(const struct conf_row *row, struct slice text, bool *out, struct buf *why) {
  /* All that YAML 1.1 takes for a truth value, and what shells like. */
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (text.len == strlen(words[i]) && strncasecmp(text.data, words[i], text.len) == 0) {
      *out = i % 2;
      return !*out || conf__can_be_on(row, why) ? BELFRY_OK : BELFRY_EINVAL;
    }
  return refuse(row, text, why);
}

/* Digits and one of the units. Returns: false when it is not that or does not fit. */
static bool scan_quantity(struct slice text, const struct unit *units, bool unit_needed,
                          int64_t *out) {
  size_t digits = 0;
  while (digits < text.len && isdigit((unsigned char)text.data[digits]))
    digits++;
  struct slice unit = slice_trim(slice_new(text.data + digits, text.len - digits));
  long long count;
  if (!slice_to_int64(slice_new(text.data, digits), &count))
    return false;
  if (unit.len == 0) {
    *out = count;
    return !unit_needed || count == 0;
  }
  for (; units->name; units++)
    if (unit.len == strlen(units->name) && strncasecmp(unit.data, units->name, unit.len) == 0)
      return !__builtin_mul_overflow(count, units->factor, out);
  return false;
}

static int read_number(const struct conf_row *row, struct slice text, int64_t *out,
                       struct buf *why) {
  int64_t number = 0;
  long long plain = 0;
  bool good;
  if (row->kind == CONF_KIND_DURATION) {
    good = scan_quantity(text, duration_units, true, &number);
  } else if (row->kind == CONF_KIND_BYTES) {
    good = scan_quantity(text, byte_units, false, &number);
  } else {
    good = slice_to_int64(text, &plain);
    number = plain;
  }
  if (!good || number < row->min || number > row->max) {
    refuse(row, text, why);
    if (!good && row->kind == CONF_KIND_DURATION)
      buf_put_text(why, ": write a number and ms, s, m, h or d, such as 30s");
    if (!good && row->kind == CONF_KIND_BYTES)
      buf_put_text(why, ": write a number of bytes, or with KiB, MiB, GiB or TiB, such as 8MiB");
    return BELFRY_EINVAL;
  }
  *out = number;
  return BELFRY_OK;
}

static bool find_choice(const char *choices, struct slice text, int *out) {
  struct slice rest = slice_of(choices), choice;
  for (int i = 0; slice_split(&rest, '|', &choice); i++)
    if (choice.len > 0 && slice_equal(choice, text)) {
      *out = i;
      return true;
    }
  return false;
}

static int read_choice(const struct conf_row *row, struct slice text, int *out, struct buf *why) {
  return find_choice(row->choices, text, out) ? BELFRY_OK : refuse(row, text, why);
}

static bool all_of(struct slice text, const char *extra) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && (c == '\0' || !strchr(extra, c)))
      return false;
  }
  return true;
}

/* Only whether it can be one; whether the host can be bound is known when it is tried. */
static bool is_address(struct slice text) {
  const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
  if (!colon || colon == text.data)
    return false;
  struct slice host = slice_new(text.data, (size_t)(colon - text.data));
  long long port;
  if (!slice_to_int64(slice_new(colon + 1, text.len - host.len - 1), &port) || port < 1 ||
      port > 65535)
    return false;
  if (host.data[0] == '[')
    return host.len > 3 && host.data[host.len - 1] == ']' &&
           all_of(slice_new(host.data + 1, host.len - 2), ":.%");
  return all_of(host, ".-");
}

static bool is_endpoint(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.data[i] <= 0x20)
      return false;
  if (slice_starts_with(text, "/"))
    return true;
  size_t scheme = slice_starts_with(text, "http://")    ? strlen("http://")
                  : slice_starts_with(text, "https://") ? strlen("https://")
                                                        : 0;
  return scheme > 0 && text.len > scheme && !strchr("/?#:", text.data[scheme]);
}

static bool is_header(struct slice text) {
  const char *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
  return colon && colon > text.data &&
         all_of(slice_new(text.data, (size_t)(colon - text.data)), "!#$%&'*+-.^_`|~");
}

static bool is_status_list(struct slice text) {
  struct slice piece, from;
  while (slice_split(&text, ',', &piece)) {
    long long first, last;
    piece = slice_trim(piece);
    if (!slice_split(&piece, '-', &from) || !slice_to_int64(from, &first) || first < 100 ||
        first > 599)
      return false;
    if (piece.data && (!slice_to_int64(piece, &last) || last < first || last > 599))
      return false;
  }
  return true;
}

static bool is_member(struct slice text) {
  const char *sign = text.len ? memchr(text.data, '=', text.len) : NULL;
  return sign && sign > text.data;
}

static bool is_figure(struct slice text) {
  const char *sign = text.len ? memchr(text.data, '=', text.len) : NULL;
  if (!sign || sign == text.data || sign - text.data > 128 || sign + 1 == text.data + text.len)
    return false;
  for (const char *c = text.data; c < sign; c++)
    if (!((*c >= 'a' && *c <= 'z') || *c == '_' || (c > text.data && *c >= '0' && *c <= '9')))
      return false;
  return true;
}

static bool is_variable(struct slice text) {
  const char *sign = text.len ? memchr(text.data, '=', text.len) : NULL;
  return sign && sign > text.data && !isdigit((unsigned char)text.data[0]) &&
         all_of(slice_new(text.data, (size_t)(sign - text.data)), "_");
}

static bool is_method(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] < 'A' || text.data[i] > 'Z')
      return false;
  return text.len > 0;
}

static bool is_number(struct slice text) {
  char copy[40], *end = NULL;
  if (text.len == 0 || text.len >= sizeof copy)
    return false;
  memcpy(copy, text.data, text.len);
  copy[text.len] = '\0';
  return strspn(copy, "-+.0123456789eE") == text.len && isfinite(strtod(copy, &end)) &&
         *end == '\0';
}

static bool is_pair(struct slice text) {
  const char *sign = text.len ? memchr(text.data, '=', text.len) : NULL;
  return sign && sign > text.data && all_of(slice_new(text.data, (size_t)(sign - text.data)), "_");
}

static bool is_time(struct slice text) {
  int64_t ms;
  return timestamp_parse(text, &ms) == BELFRY_OK;
}

static bool is_clock(struct slice text) {
  long long hour, minute;
  return text.len == 5 && text.data[2] == ':' && slice_to_int64(slice_new(text.data, 2), &hour) &&
         hour >= 0 && hour < 24 && slice_to_int64(slice_new(text.data + 3, 2), &minute) &&
         minute >= 0 && minute < 60;
}

static bool is_url(struct slice text) {
  return is_endpoint(text) && text.data[0] != '/';
}

/* Enough to stand in a header and on a line of SMTP; whether it exists only the server knows. */
static bool is_mail(struct slice text) {
  const char *at = text.len ? memchr(text.data, '@', text.len) : NULL;
  if (!at || at == text.data)
    return false;
  struct slice local = slice_new(text.data, (size_t)(at - text.data)),
               domain = slice_new(at + 1, text.len - local.len - 1);
  return domain.len > 0 && all_of(local, "!#$%&'*+-/=?^_`{|}~.") && all_of(domain, ".-");
}

static bool has_form(enum conf_form form, struct slice text) {
  switch (form) {
  case CONF_FORM_ANY:
    return true;
  case CONF_FORM_LABEL:
    return all_of(text, "-");
  case CONF_FORM_NAME:
    return all_of(text, "_.:-");
  case CONF_FORM_ADDRESS:
    return is_address(text);
  case CONF_FORM_ENDPOINT:
    return is_endpoint(text);
  case CONF_FORM_METHOD:
    return is_method(text);
  case CONF_FORM_HEADER:
    return is_header(text);
  case CONF_FORM_STATUSES:
    return is_status_list(text);
  case CONF_FORM_MEMBER:
    return is_member(text);
  case CONF_FORM_FIGURE:
    return is_figure(text);
  case CONF_FORM_VARIABLE:
    return is_variable(text);
  case CONF_FORM_NETWORKS:
    return network_list_check(text, NULL) == BELFRY_OK;
  case CONF_FORM_NUMBER:
    return is_number(text);
  case CONF_FORM_PAIR:
    return is_pair(text);
  case CONF_FORM_AGGREGATE:
    return all_of(text, ".");
  case CONF_FORM_TIME:
    return is_time(text);
  case CONF_FORM_CLOCK:
    return is_clock(text);
  case CONF_FORM_ZONE:
    return zone_exists(text);
  case CONF_FORM_UNIT:
    return all_of(text, "_.:-@\\");
  case CONF_FORM_URL:
    return is_url(text);
  case CONF_FORM_MAIL:
    return is_mail(text);
  }
  return false;
}

/* Controls (C0, DEL, C1), line separators, byte order marks and non-characters: they cannot be
 * shown, and YAML cannot carry them. */
static bool can_be_shown(struct slice text) {
  static const char *const refused[] = {"\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"};
  if (utf8_valid_prefix(text) < text.len)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c < 0x20 || c == 0x7f)
      return false;
    if (c == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0)
      return false;
    for (size_t r = 0; r < sizeof refused / sizeof *refused; r++)
      if (text.len - i >= 3 && memcmp(text.data + i, refused[r], 3) == 0)
        return false;
  }
  return true;
}

static int replace_text(char **field, char *value) {
  if (!value)
    return BELFRY_ENOMEM;
  free(*field);
  *field = value;
  return BELFRY_OK;
}

static char *absolute_path(struct slice text, const char *folder) {
  char *path = NULL;
  if (slice_starts_with(text, "/"))
    return strndup(text.data, text.len);
  while (slice_starts_with(text, "./"))
    text = slice_new(text.data + 2, text.len - 2);
  if (slice_is(text, "."))
    return strdup(folder);
  if (asprintf(&path, "%s/%.*s", strcmp(folder, "/") == 0 ? "" : folder, SLICE_ARG(text)) < 0)
    return NULL;
  return path;
}

static int read_text(const struct conf_row *row, struct slice text, const char *folder,
                     char **field, struct buf *why) {
  if (text.len == 0) {
    if (row->required || row->fallback_text[0]) {
      buf_put_text(why, "must not be empty: write ");
      conf__put_expectation(row, why);
      return BELFRY_EINVAL;
    }
    free(*field);
    *field = NULL;
    return BELFRY_OK;
  }
  if (!can_be_shown(text)) {
    put_said(row, slice_new(text.data, utf8_valid_prefix(text)), why);
    buf_put_text(why, " holds a control character or bytes that are not UTF-8: remove them");
    return BELFRY_EINVAL;
  }
  if (row->kind == CONF_KIND_PATH) {
    char *path = absolute_path(text, folder);
    if (path && strlen(path) > (size_t)row->max) {
      free(path);
      conf__put_quoted(text, why);
      buf_printf(why, " is longer than %lld bytes", (long long)row->max);
      return BELFRY_EINVAL;
    }
    return replace_text(field, path);
  }
  if (text.len > (size_t)row->max || !has_form(row->form, text)) {
    struct belfry_error detail = {0};
    refuse(row, text, why);
    if (row->form == CONF_FORM_NETWORKS && network_list_check(text, &detail))
      buf_printf(why, ": %s", detail.text);
    return BELFRY_EINVAL;
  }
  return replace_text(field, strndup(text.data, text.len));
}

int conf__read_value(const struct conf_row *row, struct slice text, const char *folder, void *base,
                     struct buf *why) {
  switch (row->kind) {
  case CONF_KIND_BOOL:
    return read_bool(row, text, FIELD(bool, row, base), why);
  case CONF_KIND_INT:
  case CONF_KIND_DURATION:
  case CONF_KIND_BYTES:
    return read_number(row, text, FIELD(int64_t, row, base), why);
  case CONF_KIND_CHOICE:
    return read_choice(row, text, FIELD(int, row, base), why);
  case CONF_KIND_PATH:
  case CONF_KIND_TEXT:
    return read_text(row, text, folder, FIELD(char *, row, base), why);
  case CONF_KIND_WORDS: /* one by one */
    break;
  }
  return BELFRY_EINVAL;
}

static size_t count_words(char *const *words) {
  size_t count = 0;
  while (words && words[count])
    count++;
  return count;
}

int conf__add_word(const struct conf_row *row, struct slice text, void *base, struct buf *why) {
  const struct conf_row one = {.kind = CONF_KIND_TEXT,
                               .required = true,
                               .max = row->max,
                               .form = row->form,
                               .secret = row->secret,
                               .fallback_text = ""};
  char ***words = FIELD(char **, row, base);
  size_t count = count_words(*words);
  char *word = NULL;
  int status = BELFRY_OK;
  if (text.len == 0 && row->form == CONF_FORM_ANY) /* an argument may be empty */
    status = (word = strdup("")) ? BELFRY_OK : BELFRY_ENOMEM;
  else
    status = read_text(&one, text, NULL, &word, why);
  if (status)
    return status;
  char **more = reallocarray(*words, count + 2, sizeof *more);
  if (!more) {
    free(word);
    return BELFRY_ENOMEM;
  }
  more[count] = word;
  more[count + 1] = NULL;
  *words = more;
  return BELFRY_OK;
}

static int copy_words(char *const *from, char ***to) {
  size_t count = count_words(from);
  if (!from)
    return BELFRY_OK;
  *to = calloc(count + 1, sizeof **to);
  for (size_t i = 0; *to && i < count; i++)
    if (!((*to)[i] = strdup(from[i])))
      return BELFRY_ENOMEM;
  return *to ? BELFRY_OK : BELFRY_ENOMEM;
}

/* Returns: the size of a field that is no more than its value; 0: it owns memory. */
static size_t plain_bytes(const struct conf_row *row) {
  switch (row->kind) {
  case CONF_KIND_BOOL:
    return sizeof(bool);
  case CONF_KIND_INT:
  case CONF_KIND_DURATION:
  case CONF_KIND_BYTES:
    return sizeof(int64_t);
  case CONF_KIND_CHOICE:
    return sizeof(int);
  case CONF_KIND_PATH:
  case CONF_KIND_TEXT:
  case CONF_KIND_WORDS:
    break;
  }
  return 0;
}

int conf__copy_value(const struct conf_row *row, const void *from, void *to) {
  size_t plain = plain_bytes(row);
  if (plain) {
    memcpy(FIELD(char, row, to), CONST_FIELD(char, row, from), plain);
    return BELFRY_OK;
  }
  if (row->kind == CONF_KIND_WORDS)
    return copy_words(*CONST_FIELD(char **, row, from), FIELD(char **, row, to));
  const char *text = *CONST_FIELD(char *, row, from);
  return text ? replace_text(FIELD(char *, row, to), strdup(text)) : BELFRY_OK;
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_words(char *const *a, char *const *b) {
  size_t count = count_words(a);
  if (!a != !b || count != count_words(b))
    return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp(a[i], b[i]) != 0)
      return false;
  return true;
}

bool conf__same_value(const struct conf_row *row, const void *a, const void *b) {
  size_t plain = plain_bytes(row);
  if (plain)
    return memcmp(CONST_FIELD(char, row, a), CONST_FIELD(char, row, b), plain) == 0;
  if (row->kind == CONF_KIND_WORDS)
    return same_words(*CONST_FIELD(char **, row, a), *CONST_FIELD(char **, row, b));
  return same_text(*CONST_FIELD(char *, row, a), *CONST_FIELD(char *, row, b));
}

int conf__set_fallback(const struct conf_row *row, void *base) {
  switch (row->kind) {
  case CONF_KIND_BOOL:
    *FIELD(bool, row, base) = row->fallback != 0;
    return BELFRY_OK;
  case CONF_KIND_INT:
  case CONF_KIND_DURATION:
  case CONF_KIND_BYTES:
    *FIELD(int64_t, row, base) = row->fallback;
    return BELFRY_OK;
  case CONF_KIND_CHOICE:
    return find_choice(row->choices, slice_of(row->fallback_text), FIELD(int, row, base))
               ? BELFRY_OK
               : BELFRY_EINVAL;
  case CONF_KIND_PATH:
  case CONF_KIND_TEXT:
    return row->fallback_text[0]
               ? replace_text(FIELD(char *, row, base), strdup(row->fallback_text))
               : BELFRY_OK;
  case CONF_KIND_WORDS: /* settings have none */
    break;
  }
  return BELFRY_EINVAL;
}

void conf__free_value(const struct conf_row *row, void *base) {
  if (row->kind == CONF_KIND_PATH || row->kind == CONF_KIND_TEXT) {
    free(*FIELD(char *, row, base));
    *FIELD(char *, row, base) = NULL;
  }
  if (row->kind == CONF_KIND_WORDS) {
    char ***words = FIELD(char **, row, base);
    for (char **word = *words; word && *word; word++)
      free(*word);
    free(*words);
    *words = NULL;
  }
}

bool conf__value_absent(const struct conf_row *row, const void *base) {
  static const char zero[sizeof(int64_t)];
  size_t plain = plain_bytes(row);
  if (plain)
    return !row->section && memcmp(CONST_FIELD(char, row, base), zero, plain) == 0;
  return row->kind == CONF_KIND_WORDS ? !*CONST_FIELD(char **, row, base)
                                      : !*CONST_FIELD(char *, row, base);
}

void conf__put_value(const struct conf_row *row, const void *base, struct buf *out) {
  switch (row->kind) {
  case CONF_KIND_BOOL:
    buf_put_text(out, *CONST_FIELD(bool, row, base) ? "true" : "false");
    return;
  case CONF_KIND_INT:
  case CONF_KIND_DURATION:
  case CONF_KIND_BYTES:
    conf__put_number(row->kind, *CONST_FIELD(int64_t, row, base), out);
    return;
  case CONF_KIND_CHOICE: {
    struct slice rest = slice_of(row->choices), choice = slice_of("");
    for (int i = *CONST_FIELD(int, row, base); i >= 0; i--)
      slice_split(&rest, '|', &choice);
    buf_put_slice(out, choice);
    return;
  }
  case CONF_KIND_PATH:
  case CONF_KIND_TEXT: /* a JSON string is a YAML double-quoted scalar */
    json_put_string(out, slice_of(*CONST_FIELD(char *, row, base)));
    return;
  case CONF_KIND_WORDS: {
    char *const *words = *CONST_FIELD(char **, row, base);
    buf_put_char(out, '[');
    for (size_t i = 0; i < count_words(words); i++) {
      buf_put_text(out, i ? ", " : "");
      json_put_string(out, slice_of(words[i]));
    }
    buf_put_char(out, ']');
    return;
  }
  }
}
