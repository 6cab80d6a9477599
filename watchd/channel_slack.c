/*
 * The channel `slack`: an incoming webhook (https://api.slack.com/messaging/webhooks). All text is
 * plain text, in which nothing means anything but & < >, which are escaped.
 */
#include "watchd/delivery.h"

#include "base/json.h"

#define BLOCKS_MAX      40   /* Slack takes 50 */
#define BLOCK_BYTES_MAX 2800 /* and 3000 characters in each */

static void put_escaped(struct buf *out, struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] == '&')
      buf_put_text(out, "&amp;");
    else if (text.data[i] == '<')
      buf_put_text(out, "&lt;");
    else if (text.data[i] == '>')
      buf_put_text(out, "&gt;");
    else
      buf_put_char(out, text.data[i]);
}

/* As a JSON string, cut where that breaks neither a character nor an escape. */
static void put_text(struct buf *out, struct slice plain) {
  struct buf text;
  size_t len = plain.len;
  for (;;) {
    buf_init(&text, 0);
    put_escaped(&text, slice_new(plain.data, utf8_valid_prefix(slice_new(plain.data, len))));
    if (text.len <= BLOCK_BYTES_MAX)
      break;
    len -= (text.len - BLOCK_BYTES_MAX) / 5 + 1;
    buf_fini(&text);
  }
  if (buf_status(&text))
    out->status = buf_status(&text);
  json_put_string(out, buf_slice(&text));
  buf_fini(&text);
}

static void put_block(struct buf *out, struct slice text) {
  buf_put_text(out,
               "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":");
  put_text(out, text);
  buf_put_text(out, "}}");
}

static void put_body(const struct message *message, struct buf *out) {
  struct buf text;
  buf_init(&text, 0);
  message_put_title(message, &text);
  buf_put_text(out, "{\"text\":");
  put_text(out, buf_slice(&text));
  buf_put_text(out, ",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[");
  put_block(out, buf_slice(&text));
  for (size_t i = 0; i < message->count && i < BLOCKS_MAX; i++) {
    buf_clear(&text);
    message_put_alert(&message->alerts[i], &text);
    buf_put_char(out, ',');
    put_block(out, slice_trim(buf_slice(&text)));
  }
  if (message->count > BLOCKS_MAX) {
    buf_clear(&text);
    buf_printf(&text, "... and %zu more", message->count - BLOCKS_MAX);
    buf_put_char(out, ',');
    put_block(out, buf_slice(&text));
  }
  buf_put_text(out, "]}");
  if (buf_status(&text))
    out->status = buf_status(&text);
  buf_fini(&text);
}

static int slack_send(struct delivery *delivery, struct belfry_error *error) {
  put_body(delivery->message, &delivery->body);
  return delivery_post(delivery, delivery->url, error);
}

const struct channel_type channel_slack = {slack_send, NULL};
