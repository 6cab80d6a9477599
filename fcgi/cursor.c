#include "fcgi/cursor.h"

#include "base/json.h"

#include <openssl/evp.h>
#include <stdio.h>

/* In plain text "1" (the version), the list's letter, the epoch, a dot and the place; and a comma
 * and the name. */
#define PLAIN_BYTES       48
#define NAMED_PLAIN_BYTES (PLAIN_BYTES + 1 + CURSOR_NAME_BYTES_MAX)

static void encode(const char *plain, int len, char *out) {
  EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)plain, len);
  size_t end = strcspn(out, "=");
  out[end] = '\0';
  for (size_t i = 0; i < end; i++)
    out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
}

/* Decodes what is of this list, into `plain`, which has room. `*rest` is what follows the head. */
static int decode(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list, char *plain,
                  size_t plain_bytes, struct slice *rest) {
  char padded[CURSOR_TEXT_MAX + 4];
  if (text.len == 0 || text.len > plain_bytes / 3 * 4 || text.len > CURSOR_TEXT_MAX)
    return BELFRY_EINVAL;
  size_t len = 0;
  for (; len < text.len; len++) {
    char c = text.data[len];
    padded[len] = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  size_t padding = (4 - len % 4) % 4;
  for (size_t i = 0; i < padding; i++)
    padded[len++] = '=';
  int decoded = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)padded, (int)len);
  if (decoded < 0 || (size_t)decoded <= padding)
    return BELFRY_EINVAL;
  char head[HISTORY_EPOCH_BYTES + 3];
  snprintf(head, sizeof head, "1%c%s.", list, epoch);
  struct slice found = slice_new(plain, (size_t)decoded - padding);
  size_t head_len = strlen(head);
  if (!slice_starts_with(found, head))
    return BELFRY_EINVAL;
  *rest = slice_new(found.data + head_len, found.len - head_len);
  return BELFRY_OK;
}

static int take_place(struct slice text, int64_t *place) {
  long long number;
  if (!slice_to_int64(text, &number) || number < 0)
    return BELFRY_EINVAL;
  *place = number;
  return BELFRY_OK;
}

void cursor_format(const char epoch[HISTORY_EPOCH_BYTES], char list, int64_t place,
                   char out[CURSOR_BYTES]) {
  char plain[PLAIN_BYTES];
  int len = snprintf(plain, sizeof plain, "1%c%s.%lld", list, epoch, (long long)place);
  encode(plain, len, out);
}

int cursor_parse(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list,
                 int64_t *place) {
  char plain[CURSOR_BYTES];
  struct slice rest;
  int status = decode(text, epoch, list, plain, PLAIN_BYTES, &rest);
  return status ? status : take_place(rest, place);
}

void cursor_put_named(struct buf *out, const char epoch[HISTORY_EPOCH_BYTES], char list,
                      int64_t place, struct slice name) {
  char plain[NAMED_PLAIN_BYTES], text[CURSOR_TEXT_MAX + 4];
  if (name.len > CURSOR_NAME_BYTES_MAX)
    name.len = utf8_valid_prefix(slice_new(name.data, CURSOR_NAME_BYTES_MAX));
  int len = snprintf(plain, sizeof plain, "1%c%s.%lld,%.*s", list, epoch, (long long)place,
                     SLICE_ARG(name));
  encode(plain, len, text);
  buf_put_text(out, text);
}

int cursor_parse_named(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list,
                       int64_t *place, struct buf *scratch, struct slice *name) {
  char plain[CURSOR_TEXT_MAX + 4];
  struct slice rest, number;
  int status = decode(text, epoch, list, plain, NAMED_PLAIN_BYTES, &rest);
  if (!status && (!slice_split(&rest, ',', &number) || !rest.data))
    status = BELFRY_EINVAL;
  if (!status)
    status = take_place(number, place);
  if (!status && utf8_valid_prefix(rest) != rest.len)
    status = BELFRY_EINVAL;
  if (status)
    return status;
  buf_clear(scratch);
  buf_put_slice(scratch, rest);
  *name = slice_new(scratch->data ? scratch->data : "", rest.len);
  return buf_status(scratch);
}
