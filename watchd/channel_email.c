/*
 * The channel `email`: a mail by SMTP, with STARTTLS unless something else is said.
 */
#include "watchd/delivery.h"
#include "watchd/mail.h"

#include <stdio.h>
#include <stdlib.h>

static void put_text(const struct message *message, struct buf *out) {
  for (size_t i = 0; i < message->count; i++) {
    buf_put_text(out, i ? "\n" : "");
    message_put_alert(&message->alerts[i], out);
  }
}

static int put_mail(struct delivery *delivery, struct belfry_error *error) {
  const struct message *message = delivery->message;
  struct buf subject, text;
  char hash[MESSAGE_ID_BYTES], id[sizeof hash + 100];
  buf_init(&subject, 0);
  buf_init(&text, 0);
  message_put_title(message, &subject);
  put_text(message, &text);
  message_id(message, hash);
  snprintf(id, sizeof id, "%s.%s", hash, message->channel);
  const struct mail mail = {.from = delivery->conf->from,
                            .to = delivery->conf->to,
                            .id = id,
                            .subject = buf_slice(&subject),
                            .text = buf_slice(&text),
                            .date_ms = message->sent_ms,
                            .urgent = message->firing > 0 &&
                                      message_severity(message) == SEVERITY_CRITICAL};
  mail_put(&mail, &delivery->body);
  int status = buf_status(&subject) ? buf_status(&subject)
               : buf_status(&text)  ? buf_status(&text)
                                    : buf_status(&delivery->body);
  buf_fini(&subject);
  buf_fini(&text);
  return status ? belfry_error_set(error, status, "cannot put the message: %s",
                                   belfry_strerror(status))
                : BELFRY_OK;
}

static size_t email_on_read(char *to, size_t size, size_t count, void *arg) {
  struct delivery *delivery = arg;
  size_t room = size * count, left = delivery->body.len - delivery->body_sent,
         len = left < room ? left : room;
  if (len > 0)
    memcpy(to, delivery->body.data + delivery->body_sent, len);
  delivery->body_sent += len;
  return len;
}

static int put_recipients(struct delivery *delivery, struct belfry_error *error) {
  for (char **to = delivery->conf->to; *to; to++) {
    struct curl_slist *more = curl_slist_append(delivery->recipients, *to);
    if (!more)
      return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
    delivery->recipients = more;
  }
  return BELFRY_OK;
}

static void set_options(struct delivery *delivery) {
  const struct conf_channel *conf = delivery->conf;
  CURL *easy = delivery->fetch.easy;
  static const long encryptions[] = {[CONF_ENCRYPTION_STARTTLS] = CURLUSESSL_ALL,
                                     [CONF_ENCRYPTION_TLS] = CURLUSESSL_ALL,
                                     [CONF_ENCRYPTION_OPPORTUNISTIC] = CURLUSESSL_TRY,
                                     [CONF_ENCRYPTION_NONE] = CURLUSESSL_NONE};
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_USE_SSL, encryptions[conf->encryption]);
  curl_easy_setopt(easy, CURLOPT_MAIL_FROM, conf->from);
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, delivery->recipients);
  if (conf->user) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, conf->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, delivery->password);
  }
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, email_on_read);
  curl_easy_setopt(easy, CURLOPT_READDATA, delivery);
  curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)delivery->body.len);
}

static int email_send(struct delivery *delivery, struct belfry_error *error) {
  char url[300];
  snprintf(url, sizeof url, "%s://%s",
           delivery->conf->encryption == CONF_ENCRYPTION_TLS ? "smtps" : "smtp",
           delivery->conf->server);
  int status = put_mail(delivery, error);
  if (!status)
    status = put_recipients(delivery, error);
  if (!status)
    status = delivery_fetch(delivery, url, error);
  if (status)
    return status;
  set_options(delivery);
  return delivery_fetch_run(delivery, error);
}

/* libcurl has seen that the server took it. */
static void email_judge(const struct delivery *delivery, struct delivery_end *end) {
  (void)delivery;
  end->accepted = true;
}

const struct channel_type channel_email = {email_send, email_judge};
