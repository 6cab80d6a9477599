#include "watchd/mail.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORD_BYTES_MAX 42 /* 56 of base64, with what is around it within 75 (RFC 2047, 2) */
#define LINE_MAX_BYTES 76 /* of quoted-printable */

static void put_base64(struct buf *out, struct slice bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.len; i += 3) {
    unsigned value = (unsigned)(unsigned char)bytes.data[i] << 16;
    size_t left = bytes.len - i;
    if (left > 1)
      value |= (unsigned)(unsigned char)bytes.data[i + 1] << 8;
    if (left > 2)
      value |= (unsigned char)bytes.data[i + 2];
    buf_put_char(out, digits[value >> 18]);
    buf_put_char(out, digits[value >> 12 & 63]);
    buf_put_char(out, left > 1 ? digits[value >> 6 & 63] : '=');
    buf_put_char(out, left > 2 ? digits[value & 63] : '=');
  }
}

static bool is_plain(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] < 0x20 || text.data[i] > 0x7e)
      return false;
  return text.len < 900 && !(text.len > 1 && memmem(text.data, text.len, "=?", 2));
}

void mail_put_words(struct buf *out, struct slice text) {
  if (is_plain(text)) {
    buf_put_slice(out, text);
    return;
  }
  const char *between = "";
  while (text.len > 0) {
    size_t len = text.len < WORD_BYTES_MAX ? text.len : WORD_BYTES_MAX;
    size_t good = utf8_valid_prefix(slice_new(text.data, len));
    len = good > 0 ? good : 1;
    buf_printf(out, "%s=?UTF-8?B?", between);
    put_base64(out, slice_new(text.data, len));
    buf_put_text(out, "?=");
    text = slice_new(text.data + len, text.len - len);
    between = "\r\n ";
  }
}

void mail_put_quoted(struct buf *out, struct slice text) {
  size_t column = 0;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    bool ends = i + 1 == text.len || text.data[i + 1] == '\n';
    if (c == '\n') {
      buf_put_text(out, "\r\n");
      column = 0;
      continue;
    }
    bool plain = c >= 0x20 && c < 0x7f && c != '=' && !(c == ' ' && ends);
    size_t width = plain ? 1 : 3;
    if (column + width > LINE_MAX_BYTES - 1) { /* the last place is for the sign that it goes on */
      buf_put_text(out, "=\r\n");
      column = 0;
    }
    if (plain)
      buf_put_char(out, (char)c);
    else
      buf_printf(out, "=%02X", c);
    column += width;
  }
}

static void put_date(struct buf *out, int64_t ms) {
  char text[64];
  struct tm tm;
  time_t seconds = (time_t)(ms / 1000);
  if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm))
    buf_printf(out, "Date: %s\r\n", text);
}

void mail_put(const struct mail *mail, struct buf *out) {
  const char *host = strrchr(mail->from, '@');
  put_date(out, mail->date_ms);
  buf_printf(out, "From: %s\r\nTo: ", mail->from);
  for (char *const *to = mail->to; *to; to++)
    buf_printf(out, "%s%s", to > mail->to ? ",\r\n " : "", *to);
  buf_put_text(out, "\r\nSubject: ");
  mail_put_words(out, mail->subject);
  buf_printf(out, "\r\nMessage-ID: <%s%s>\r\n", mail->id, host ? host : "@belfry.invalid");
  buf_printf(out,
             "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
             "Content-Transfer-Encoding: quoted-printable\r\n"
             "Auto-Submitted: auto-generated\r\n%s\r\n",
             mail->urgent ? "Importance: high\r\n" : "");
  mail_put_quoted(out, mail->text);
}
