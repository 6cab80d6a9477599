/*
 * One message on its way to its channel: an HTTP or SMTP transfer or a program, limited in time,
 * and how that ended. What is sent, each type of channel says (channel_<type>.c).
 */
#ifndef BELFRY_WATCHD_DELIVERY_H
#define BELFRY_WATCHD_DELIVERY_H

#include "conf/conf.h"
#include "watchd/command.h"
#include "watchd/fetch.h"
#include "watchd/message.h"
#include "watchd/transfer.h"

#include <stdbool.h>
#include <stdint.h>

#define DELIVERY_WORDS_BYTES 200

struct delivery_end {
  bool accepted;
  int64_t retry_after_ms;           /* as the channel asks; 0: it does not */
  char words[DELIVERY_WORDS_BYTES]; /* why not; holds no secret */
};

typedef void (*delivery_done_fn)(void *arg, const struct delivery_end *end);

struct delivery {
  const struct conf_channel *conf;
  const struct message *message;
  char *url, *token, *password; /* owned: those that it has, from wherever they are */
  struct buf body;              /* of the request, or the program's input */
  size_t body_sent;
  struct curl_slist *recipients; /* owned */
  struct fetch fetch;
  struct command command;
  bool fetching, running;
  struct transfers *transfers; /* borrowed */
  struct ev_loop *loop;        /* borrowed */
  delivery_done_fn on_done;
  void *arg;
};

struct delivery_tools {
  struct ev_loop *loop; /* the default one */
  struct transfers *transfers;
};

/* Takes: `conf` and `message` borrowed until it ends. Returns: 0, with `*out` owned, and on_done is
 * called once, never from within, after which it is freed; or an error. */
int delivery_start(const struct delivery_tools *tools, const struct conf_channel *conf,
                   const struct message *message, delivery_done_fn on_done, void *arg,
                   struct delivery **out, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Gives it up; on_done is not called. It may arrive all the same. */
void delivery_cancel(struct delivery *delivery);

/* A type of channel. */
struct channel_type {
  /* Prepares what is sent; then the delivery has a transfer or a program that runs. */
  int (*send)(struct delivery *delivery, struct belfry_error *error);
  /* Looks at an answer that came; NULL: HTTP's 200 to 299 is good. */
  void (*judge)(const struct delivery *delivery, struct delivery_end *end);
};

#define CHANNEL_TYPE(name, needs, takes, doc) extern const struct channel_type channel_##name;
#include "conf/channel_types.def"
#undef CHANNEL_TYPE

/* --- for types --- */

/* Posts the body as JSON to `url`. Returns: 0 or an error. */
int delivery_post(struct delivery *delivery, const char *url,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* Begins a transfer to `url` without running it. */
int delivery_fetch(struct delivery *delivery, const char *url,
                   struct belfry_error *error) BELFRY_MUST_CHECK;
int delivery_fetch_run(struct delivery *delivery, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Runs the program with the body as its input. */
int delivery_command(struct delivery *delivery, struct belfry_error *error) BELFRY_MUST_CHECK;

/* As HTTP says it: by status, Retry-After and the first line of the body. */
void delivery_judge_http(const struct delivery *delivery, struct delivery_end *end);

#endif
