/*
 * The channel `exec`: a program with the JSON of a webhook on its standard input, and nothing of
 * the message in its arguments or its environment. The exit status 0 means that it was told.
 */
#include "watchd/delivery.h"

static int exec_send(struct delivery *delivery, struct belfry_error *error) {
  message_put_json(delivery->message, &delivery->body);
  return delivery_command(delivery, error);
}

const struct channel_type channel_exec = {exec_send, NULL};
