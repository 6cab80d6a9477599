#include "fcgi/cursor.h"

#include <openssl/evp.h>
#include <stdio.h>

/* In plain text "1" (the version), the list's letter, the epoch, a dot and the place. */
#define PLAIN_BYTES 48

void cursor_format(const char epoch[HISTORY_EPOCH_BYTES], char list, int64_t place,
                   char out[CURSOR_BYTES]) {
  char plain[PLAIN_BYTES];
  int len = snprintf(plain, sizeof plain, "1%c%s.%lld", list, epoch, (long long)place);
  EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)plain, len);
  size_t end = strcspn(out, "=");
  out[end] = '\0';
  for (size_t i = 0; i < end; i++)
    out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
}

int cursor_parse(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list,
                 int64_t *place) {
  char padded[CURSOR_BYTES], plain[CURSOR_BYTES];
  if (text.len == 0 || text.len > PLAIN_BYTES / 3 * 4)
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
  long long number;
  if (!slice_starts_with(found, head) ||
      !slice_to_int64(slice_new(found.data + head_len, found.len - head_len), &number) ||
      number < 0)
    return BELFRY_EINVAL;
  *place = number;
  return BELFRY_OK;
}
