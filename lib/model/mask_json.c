/*
 * Secrets in JSON from outside, such as the data of a log line: each text is looked through as it
 * reads, not as it is escaped, with the name of its member before it. What holds none stays byte
 * for byte.
 */
#include "base/json.h"
#include "model/mask.h"

#define KEY_RUN_BYTES 60 /* as much base64 may be a line of a private key */
#define LONG_NUMBER   13 /* digits, as the number of a card has */

/* Whether it is worth to look at each text. */
static bool is_suspicious(const struct mask *mask, struct slice json) {
  size_t run = 0;
  for (size_t i = 0; i < json.len; i++) {
    char c = json.data[i];
    bool base64 = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/' || c == '=';
    run = base64 ? run + 1 : 0;
    /* Escapes of what needs none may hide a word. */
    if (run >= KEY_RUN_BYTES ||
        (c == '\\' && i + 1 < json.len && (json.data[i + 1] == '/' || json.data[i + 1] == 'u')))
      return true;
  }
  return mask_may_find(mask, json);
}

/* What is being gone through. */
struct json_masking {
  struct mask *mask;
  struct slice json, key;  /* key: raw, of the member at hand */
  struct buf text, masked; /* owned: a text and what is left of it */
  struct buf *out;
};

/* Masks `text` behind `"KEY":`. Returns: whether something was. */
static bool mask_member(struct json_masking *at, struct slice text, const char *quote) {
  buf_clear(&at->text);
  buf_clear(&at->masked);
  buf_put_char(&at->text, '"');
  buf_put_slice(&at->text, at->key);
  buf_put_text(&at->text, "\":");
  buf_put_text(&at->text, quote);
  buf_put_slice(&at->text, text);
  buf_put_text(&at->text, quote);
  mask_put(at->mask, buf_slice(&at->text), NULL, &at->masked);
  return !slice_equal(buf_slice(&at->text), buf_slice(&at->masked));
}

/* Whether whatever the member says is a secret: "password", "api_key" ... */
static bool is_secret_key(struct json_masking *at) {
  int64_t count = mask_count(at->mask);
  bool secret = at->key.len > 0 && mask_member(at, slice_of("xxxxxxxx"), "\"");
  mask_recount(at->mask, count);
  return secret;
}

static void hide(struct json_masking *at) {
  mask_recount(at->mask, mask_count(at->mask) + 1);
  buf_put_text(at->out, "\"***\"");
}

static void put_string(struct json_masking *at, struct slice raw) {
  struct buf decoded;
  struct slice text, line;
  buf_init(&decoded, 0);
  if (!buf_reserve(&decoded, raw.len) || json_decode_string(raw, &decoded, &text)) {
    at->out->status = BELFRY_ENOMEM;
  } else if (text.len > 0 && is_secret_key(at)) {
    hide(at);
  } else {
    struct mask_place place = {0};
    struct slice rest = text;
    buf_clear(&at->masked);
    for (bool first = true; slice_split(&rest, '\n', &line); first = false) {
      if (!first)
        buf_put_char(&at->masked, '\n');
      mask_put(at->mask, line, &place, &at->masked);
    }
    if (slice_equal(buf_slice(&at->masked), text))
      buf_put_slice(at->out, raw);
    else
      json_put_string(at->out, buf_slice(&at->masked));
  }
  buf_fini(&decoded);
}

static void put_number(struct json_masking *at, struct slice raw) {
  int64_t count = mask_count(at->mask);
  bool masked = raw.len >= LONG_NUMBER && mask_member(at, raw, "");
  mask_recount(at->mask, count);
  if (masked)
    hide(at);
  else
    buf_put_slice(at->out, raw);
}

/* The string or number at `from`. Returns: its end. */
static size_t token_end(struct slice json, size_t from) {
  size_t end = from + 1;
  if (json.data[from] != '"') {
    while (end < json.len && memchr("+-.0123456789eE", json.data[end], 15))
      end++;
    return end;
  }
  while (end < json.len && json.data[end] != '"')
    end += json.data[end] == '\\' ? 2 : 1;
  return end < json.len ? end + 1 : json.len;
}

static bool is_name(struct slice json, size_t end) {
  while (end < json.len && memchr(" \t\r\n", json.data[end], 4))
    end++;
  return end < json.len && json.data[end] == ':';
}

static void walk(struct json_masking *at) {
  for (size_t i = 0, end; i < at->json.len; i = end) {
    char c = at->json.data[i];
    end = i + 1;
    if (c != '"' && c != '-' && (c < '0' || c > '9')) {
      buf_put_char(at->out, c);
      continue;
    }
    end = token_end(at->json, i);
    struct slice token = slice_new(at->json.data + i, end - i);
    if (c != '"') {
      put_number(at, token);
    } else if (is_name(at->json, end)) {
      at->key = slice_new(token.data + 1, token.len - 2);
      buf_put_slice(at->out, token);
    } else {
      put_string(at, token);
    }
  }
}

bool mask_put_json(struct mask *mask, struct slice json, struct buf *out) {
  if (!mask_is_on(mask) || !is_suspicious(mask, json))
    return false;
  struct json_masking at = {.mask = mask, .json = json, .out = out};
  buf_init(&at.text, 0);
  buf_init(&at.masked, 0);
  walk(&at);
  if (!buf_status(out))
    out->status = buf_status(&at.text) ? buf_status(&at.text) : buf_status(&at.masked);
  buf_fini(&at.text);
  buf_fini(&at.masked);
  return true;
}
