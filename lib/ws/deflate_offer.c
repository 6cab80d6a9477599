/* The negotiation of permessage-deflate: a client's offers, by the grammar of RFC 6455, 9.1. */
#include "ws/deflate.h"

#include <stdbool.h>
#include <string.h>

#define EXTENSION       "permessage-deflate"
#define ANSWER          EXTENSION "; server_no_context_takeover; client_no_context_takeover"
#define WINDOW_BITS_MIN 8
#define WINDOW_BITS_MAX 15

/* What an offer says of `server_max_window_bits` has to be repeated. */
static const char *const answers[WINDOW_BITS_MAX + 1] = {
    [0] = ANSWER, /* nothing */
    [12] = ANSWER "; server_max_window_bits=12",
    [13] = ANSWER "; server_max_window_bits=13",
    [14] = ANSWER "; server_max_window_bits=14",
    [15] = ANSWER "; server_max_window_bits=15",
};
_Static_assert(WS_DEFLATE_WINDOW_BITS == 12, "there is an answer for each window not smaller");

/* A parameter's value. */
struct value {
  bool there;
  size_t len;   /* without quotes and escapes */
  char text[2]; /* its start; no good value is longer */
};

struct offer {
  bool good; /* it is one for our extension, with nothing wrong in it so far */
  bool seen_server_takeover, seen_client_takeover, seen_server_bits, seen_client_bits;
  unsigned server_bits; /* 0: not said */
};

static bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip(struct slice *rest, size_t len) {
  rest->data += len;
  rest->len -= len;
}

static void skip_blanks(struct slice *rest) {
  while (rest->len && (*rest->data == ' ' || *rest->data == '\t'))
    skip(rest, 1);
}

/* Takes `c` and the blanks around it, if it is next. */
static bool take_char(struct slice *rest, char c) {
  skip_blanks(rest);
  if (!rest->len || *rest->data != c)
    return false;
  skip(rest, 1);
  skip_blanks(rest);
  return true;
}

static bool take_token(struct slice *rest, struct slice *token) {
  size_t len = 0;
  while (len < rest->len && is_token_char(rest->data[len]))
    len++;
  *token = slice_new(rest->data, len);
  skip(rest, len);
  return len > 0;
}

static void put_value(struct value *value, char c) {
  if (value->len < sizeof value->text)
    value->text[value->len] = c;
  value->len++;
}

/* What is in quotes must be a token too, once its escapes are undone. */
static bool take_quoted(struct slice *rest, struct value *value) {
  while (rest->len && *rest->data != '"') {
    if (*rest->data == '\\')
      skip(rest, 1);
    if (!rest->len || !is_token_char(*rest->data))
      return false;
    put_value(value, *rest->data);
    skip(rest, 1);
  }
  if (!rest->len || !value->len)
    return false;
  skip(rest, 1);
  return true;
}

static bool take_value(struct slice *rest, struct value *value) {
  struct slice token;
  value->there = true;
  if (rest->len && *rest->data == '"') {
    skip(rest, 1);
    return take_quoted(rest, value);
  }
  if (!take_token(rest, &token))
    return false;
  for (size_t i = 0; i < token.len; i++)
    put_value(value, token.data[i]);
  return true;
}

/* Returns: 8 to 15, without a leading zero; else 0. */
static unsigned window_bits(const struct value *value) {
  unsigned bits = 0;
  if (value->len == 0 || value->len > sizeof value->text || value->text[0] == '0')
    return 0;
  for (size_t i = 0; i < value->len; i++) {
    if (value->text[i] < '0' || value->text[i] > '9')
      return 0;
    bits = bits * 10 + (unsigned)(value->text[i] - '0');
  }
  return bits >= WINDOW_BITS_MIN && bits <= WINDOW_BITS_MAX ? bits : 0;
}

/* Returns: whether the offer is still good (RFC 7692, 7.1). */
static bool judge(struct offer *offer, struct slice name, const struct value *value) {
  bool *seen, good;
  if (slice_is(name, "server_no_context_takeover")) {
    seen = &offer->seen_server_takeover;
    good = !value->there;
  } else if (slice_is(name, "client_no_context_takeover")) {
    seen = &offer->seen_client_takeover;
    good = !value->there;
  } else if (slice_is(name, "server_max_window_bits")) {
    seen = &offer->seen_server_bits;
    offer->server_bits = window_bits(value);
    good = offer->server_bits >= WS_DEFLATE_WINDOW_BITS;
  } else if (slice_is(name, "client_max_window_bits")) {
    seen = &offer->seen_client_bits;
    good = !value->there || window_bits(value);
  } else {
    return false;
  }
  good = good && !*seen;
  *seen = true;
  return good;
}

/* Takes an extension and its parameters. Returns: false when the grammar is broken. */
static bool take_offer(struct slice *rest, struct offer *offer) {
  struct slice name;
  *offer = (struct offer){0};
  if (!take_token(rest, &name))
    return false;
  offer->good = slice_is(name, EXTENSION);
  while (take_char(rest, ';')) {
    struct value value = {0};
    if (!take_token(rest, &name) || (take_char(rest, '=') && !take_value(rest, &value)))
      return false;
    offer->good = offer->good && judge(offer, name, &value);
  }
  return true;
}

const char *ws_deflate_accept(struct slice offers) {
  const char *answer = NULL;
  struct offer offer;
  do {
    skip_blanks(&offers);
    if (!offers.len || *offers.data == ',')
      continue; /* a list may have empty members */
    if (!take_offer(&offers, &offer))
      return NULL;
    if (offer.good && !answer)
      answer = answers[offer.server_bits];
  } while (take_char(&offers, ','));
  return offers.len ? NULL : answer;
}
