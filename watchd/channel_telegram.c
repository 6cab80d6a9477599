/*
 * The channel `telegram`: sendMessage of the Bot API
 * (https://core.telegram.org/bots/api#sendmessage), without a parse_mode: in the text nothing means
 * anything.
 */
#include "watchd/delivery.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#define BASE_URL       "https://api.telegram.org"
#define TEXT_BYTES_MAX ((size_t)4000) /* Telegram takes 4096 characters */
#define AFTER_S_MAX    86400

static void put_body(const struct message *message, const char *chat, struct buf *out) {
  struct buf text;
  buf_init(&text, 0);
  message_put_title(message, &text);
  for (size_t i = 0; i < message->count; i++) {
    buf_put_text(&text, "\n\n");
    message_put_alert(&message->alerts[i], &text);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
      text.data[--text.len] = '\0';
  }
  struct slice shown = buf_slice(&text);
  if (shown.len > TEXT_BYTES_MAX)
    shown.len = utf8_valid_prefix(slice_new(shown.data, TEXT_BYTES_MAX));
  buf_put_text(out, "{\"chat_id\":");
  json_put_string(out, slice_of(chat));
  buf_put_text(out, ",\"disable_web_page_preview\":true,\"text\":");
  json_put_string(out, shown);
  buf_put_char(out, '}');
  if (buf_status(&text))
    out->status = buf_status(&text);
  buf_fini(&text);
}

/* It becomes a part of the URL. */
static bool is_token(const char *token) {
  for (; *token; token++)
    if (!(*token >= '0' && *token <= '9') && !(*token >= 'a' && *token <= 'z') &&
        !(*token >= 'A' && *token <= 'Z') && !strchr(":_-", *token))
      return false;
  return true;
}

static int telegram_send(struct delivery *delivery, struct belfry_error *error) {
  const char *base = delivery->url ? delivery->url : BASE_URL;
  size_t len = strlen(base);
  char *url = NULL;
  while (len > 0 && base[len - 1] == '/')
    len--;
  if (!is_token(delivery->token))
    return belfry_error_set(
        error, BELFRY_EINVAL,
        "the token is none of a bot: it is digits, a colon, then letters, digits, "
        "_ and -");
  put_body(delivery->message, delivery->conf->chat, &delivery->body);
  if (asprintf(&url, "%.*s/bot%s/sendMessage", (int)len, base, delivery->token) < 0)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  int status = delivery_post(delivery, url, error);
  free(url);
  return status;
}

/* Says in the body what went wrong, and how long to wait. */
static void telegram_judge(const struct delivery *delivery, struct delivery_end *end) {
  struct belfry_error error = {0};
  json_t *answer = json_parse(buf_slice(&delivery->fetch.body), JSON_DEPTH_DEFAULT, &error);
  const char *why = json_string_value(json_object_get(answer, "description"));
  json_int_t after_s =
      json_integer_value(json_object_get(json_object_get(answer, "parameters"), "retry_after"));
  delivery_judge_http(delivery, end);
  if (end->accepted && !json_is_true(json_object_get(answer, "ok"))) {
    end->accepted = false;
    snprintf(end->words, sizeof end->words, "the answer is not one of the Bot API");
  }
  if (!end->accepted && why)
    snprintf(end->words, sizeof end->words, "HTTP %ld: %.150s", fetch_status(&delivery->fetch),
             why);
  if (!end->accepted && after_s > 0)
    end->retry_after_ms = (after_s < AFTER_S_MAX ? after_s : AFTER_S_MAX) * 1000;
  json_decref(answer);
}

const struct channel_type channel_telegram = {telegram_send, telegram_judge};
