/* Mails: whatever comes from outside stays within its header and its lines. */
#include "fuzz.h"
#include "property.h"

#include "base/json.h"
#include "watchd/mail.h"
#include "watchd/message.h"

#include <string.h>

static void check_subject(struct slice text) {
  struct buf line, words;
  buf_init(&line, 0);
  buf_init(&words, 0);
  message_put_line(&line, text);
  PROPERTY(utf8_valid_prefix(buf_slice(&line)) == line.len, "a line is UTF-8");
  for (size_t i = 0; i < line.len; i++)
    PROPERTY((unsigned char)line.data[i] >= 0x20 && line.data[i] != 0x7f, "a line has no controls");
  mail_put_words(&words, buf_slice(&line));
  for (size_t i = 0; i < words.len; i++) {
    bool folds =
        words.data[i] == '\r' && i + 2 < words.len && memcmp(words.data + i, "\r\n ", 3) == 0;
    PROPERTY(folds || (words.data[i] >= 0x20 && words.data[i] < 0x7f), "a header stays one");
    i += folds ? 2 : 0;
  }
  buf_fini(&line);
  buf_fini(&words);
}

static int digit(char c) {
  const char *digits = "0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

static void check_body(struct slice text) {
  struct buf quoted, again;
  size_t column = 0;
  buf_init(&quoted, 0);
  buf_init(&again, 0);
  mail_put_quoted(&quoted, text);
  for (size_t i = 0; i < quoted.len; i++) {
    const char *at = quoted.data + i;
    if (quoted.len - i >= 3 && memcmp(at, "=\r\n", 3) == 0) {
      column = 0;
      i += 2;
    } else if (quoted.len - i >= 2 && memcmp(at, "\r\n", 2) == 0) {
      buf_put_char(&again, '\n');
      column = 0;
      i++;
    } else if (*at == '=') {
      PROPERTY(quoted.len - i >= 3 && digit(at[1]) >= 0 && digit(at[2]) >= 0, "an escape is whole");
      buf_put_char(&again, (char)(digit(at[1]) * 16 + digit(at[2])));
      column += 3;
      i += 2;
    } else {
      PROPERTY(*at >= 0x20 && *at < 0x7f, "the rest is printable");
      buf_put_char(&again, *at);
      column++;
    }
    PROPERTY(column <= 75, "lines are short");
  }
  PROPERTY(slice_equal(buf_slice(&again), text), "it reads back as it was");
  buf_fini(&quoted);
  buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice text = slice_new((const char *)data, size);
  check_subject(text);
  check_body(text);
  return 0;
}
