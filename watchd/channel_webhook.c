/*
 * The channel `webhook`: a POST of JSON in our own shape.
 */
#include "watchd/delivery.h"

static int webhook_send(struct delivery *delivery, struct belfry_error *error) {
  message_put_json(delivery->message, &delivery->body);
  return delivery_post(delivery, delivery->url, error);
}

const struct channel_type channel_webhook = {webhook_send, NULL};
