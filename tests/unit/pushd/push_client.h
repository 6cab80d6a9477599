/*
 * A client for tests of belfry-pushd, on lib/ws: waits with a deadline, answers pings, gives one
 * message at a time.
 */
#ifndef BELFRY_TESTS_PUSH_CLIENT_H
#define BELFRY_TESTS_PUSH_CLIENT_H

#include "base/buf.h"
#include "ws/receiver.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum push_kind {
  PUSH_MESSAGE,
  PUSH_CLOSE,   /* a close frame; `code` */
  PUSH_END,     /* the stream ended */
  PUSH_SILENCE, /* nothing came in time */
};

struct push_message {
  enum push_kind kind;
  json_t *json;  /* owned; PUSH_MESSAGE: the whole message; NULL for an SSE block without data */
  char name[80]; /* its `event` */
  int64_t id;    /* its `id`; 0: none */
  char sse_id[64];
  char sse_event[80];
  uint16_t code;
};

struct push_client {
  int fd;
  bool sse;
  bool deaf; /* does not answer pings */
  struct buf in;
  struct ws_receiver receiver;
  char head[4096]; /* the answer's head */
};

/* Connects to the unix socket. Returns: whether it could. */
bool push_client_connect(struct push_client *client, const char *path);
void push_client_free(struct push_client *client);

/* Writes bytes as they are. */
void push_client_write(struct push_client *client, struct slice bytes);

/* Waits for an answer's head. Returns: its status, 0 when none came. */
int push_client_status(struct push_client *client);

/* The body of a refusal. Returns: owned; NULL when it is not JSON. */
json_t *push_client_body(struct push_client *client);

/* A handshake for `target` ("/ws?..." or "/events..."); `headers` are whole lines. Returns: the
 * status. */
int push_client_start(struct push_client *client, const char *target, const char *headers);

/* Sends a text message. */
void push_client_say(struct push_client *client, const char *json);

/* Waits for what comes next. Takes: `message`, whose last json is released first (zero it before
 * the first use). Returns: its kind. */
enum push_kind push_client_next(struct push_client *client, struct push_message *message,
                                int timeout_ms);

#endif
