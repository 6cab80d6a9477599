/*
 * The glue that libcurl-multi(3) describes: libcurl says which sockets and which timeout to watch,
 * the loop says what happened.
 */
#include "watchd/transfer.h"

#include <stdlib.h>

struct transfers {
  struct ev_loop *loop; /* borrowed */
  CURLM *multi;         /* owned */
  struct ev_timer timer;
};

struct watched_socket {
  struct ev_io io;
  struct transfers *transfers;
};

/* Takes what has ended out of the set and tells. A callback may add or remove transfers. */
static void tell_ended(struct transfers *transfers) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(transfers->multi, &left))) {
    if (message->msg != CURLMSG_DONE)
      continue;
    CURL *easy = message->easy_handle;
    CURLcode code = message->data.result;
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    curl_multi_remove_handle(transfers->multi, easy);
    const struct transfer_done *done = (const struct transfer_done *)(void *)private;
    done->on_done(done->arg, easy, code);
  }
}

static void transfers_on_io(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  struct watched_socket *watched = io->data;
  struct transfers *transfers = watched->transfers;
  int running, action = (events & EV_READ ? CURL_CSELECT_IN : 0) |
                        (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
  curl_multi_socket_action(transfers->multi, io->fd, action, &running);
  tell_ended(transfers);
}

static void transfers_on_timer(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct transfers *transfers = timer->data;
  int running;
  curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  tell_ended(transfers);
}

static int transfers_on_set_timer(CURLM *multi, long timeout_ms, void *arg) {
  (void)multi;
  struct transfers *transfers = arg;
  ev_timer_stop(transfers->loop, &transfers->timer);
  if (timeout_ms >= 0) {
    ev_now_update(transfers->loop);
    ev_timer_set(&transfers->timer, (double)timeout_ms / 1000, 0);
    ev_timer_start(transfers->loop, &transfers->timer);
  }
  return 0;
}

static int transfers_on_set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                                   void *socket_arg) {
  (void)easy;
  struct transfers *transfers = arg;
  struct watched_socket *watched = socket_arg;
  if (what == CURL_POLL_REMOVE) {
    if (watched)
      ev_io_stop(transfers->loop, &watched->io);
    free(watched);
    curl_multi_assign(transfers->multi, fd, NULL);
    return 0;
  }
  if (!watched) {
    watched = calloc(1, sizeof *watched);
    if (!watched)
      return -1;
    watched->transfers = transfers;
    ev_io_init(&watched->io, transfers_on_io, fd, 0);
    watched->io.data = watched;
    curl_multi_assign(transfers->multi, fd, watched);
  }
  ev_io_stop(transfers->loop, &watched->io);
  ev_io_set(&watched->io, fd,
            (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
  ev_io_start(transfers->loop, &watched->io);
  return 0;
}

int transfers_new(struct ev_loop *loop, struct transfers **out) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT))
    return BELFRY_EIO;
  struct transfers *transfers = calloc(1, sizeof *transfers);
  if (!transfers)
    return BELFRY_ENOMEM;
  transfers->loop = loop;
  transfers->multi = curl_multi_init();
  if (!transfers->multi) {
    free(transfers);
    return BELFRY_ENOMEM;
  }
  ev_timer_init(&transfers->timer, transfers_on_timer, 0, 0);
  transfers->timer.data = transfers;
  curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, transfers_on_set_socket);
  curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
  curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, transfers_on_set_timer);
  curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
  *out = transfers;
  return BELFRY_OK;
}

void transfers_free(struct transfers *transfers) {
  if (!transfers)
    return;
  curl_multi_cleanup(transfers->multi); /* still calls back for sockets it kept open */
  ev_timer_stop(transfers->loop, &transfers->timer);
  free(transfers);
  curl_global_cleanup();
}

int transfers_add(struct transfers *transfers, CURL *easy, struct transfer_done *done) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)done);
  return curl_multi_add_handle(transfers->multi, easy) ? BELFRY_EIO : BELFRY_OK;
}

void transfers_remove(struct transfers *transfers, CURL *easy) {
  curl_multi_remove_handle(transfers->multi, easy);
}
