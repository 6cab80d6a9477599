/*
 * The keeper's thread, and the one place where it and the main thread meet.
 *
 * A piece of work that fails (the disk is full, a file cannot be written) is tried again after a
 * second, then after two, up to a minute; the log says it once. Meanwhile events stay in hot.db.
 */
#include "historyd/keeper.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define LOOK_MS      1000
#define PAUSE_MS     1000
#define PAUSE_MS_MAX 60000
#define NICE         10

struct keeper {
  char *dir; /* owned */
  struct history_keeper_options options; /* their retention is behind the lock */
  const struct clock *clock;
  keeper_ask_fn ask;
  void *arg;
  pthread_t thread;
  /* All below is behind the lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stopping, woken;
  struct history_keeper *history;            /* to be interrupted; NULL while it is not open */
  const struct history_hand_over *hand_over; /* that waits for the main thread; borrowed */
  bool taken_over;
  struct belfry_error answer;
  struct keeper_figures figures;
};

/* --- in the keeper's thread --- */

static int hand_over(void *arg, const struct history_hand_over *hand_over,
                     struct belfry_error *error) {
  struct keeper *keeper = arg;
  pthread_mutex_lock(&keeper->lock);
  keeper->hand_over = hand_over;
  keeper->taken_over = false;
  keeper->answer = (struct belfry_error){0};
  pthread_mutex_unlock(&keeper->lock);
  keeper->ask(keeper->arg);
  pthread_mutex_lock(&keeper->lock);
  while (!keeper->taken_over && !keeper->stopping)
    pthread_cond_wait(&keeper->changed, &keeper->lock);
  keeper->hand_over = NULL;
  struct belfry_error answer = keeper->answer;
  if (!keeper->taken_over)
    answer = (struct belfry_error){.code = BELFRY_EBUSY, .text = "belfry-historyd is ending"};
  pthread_mutex_unlock(&keeper->lock);
  return answer.code ? belfry_error_set(error, answer.code, "%s", answer.text) : BELFRY_OK;
}

static bool is_stopping(struct keeper *keeper) {
  pthread_mutex_lock(&keeper->lock);
  bool stopping = keeper->stopping;
  pthread_mutex_unlock(&keeper->lock);
  return stopping;
}

/* Waits so long, or until it is woken (unless `pausing`) or stopped. */
static void wait_a_while(struct keeper *keeper, int64_t ms, bool pausing) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  pthread_mutex_lock(&keeper->lock);
  int code = 0;
  while (!keeper->stopping && (pausing || !keeper->woken) && code != ETIMEDOUT)
    code = pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
  keeper->woken = false;
  pthread_mutex_unlock(&keeper->lock);
}

static struct history_retention retention_of(struct keeper *keeper) {
  pthread_mutex_lock(&keeper->lock);
  struct history_retention retention = keeper->options.retention;
  pthread_mutex_unlock(&keeper->lock);
  return retention;
}

static void set_history(struct keeper *keeper, struct history_keeper *history) {
  pthread_mutex_lock(&keeper->lock);
  keeper->history = history;
  pthread_mutex_unlock(&keeper->lock);
}

/* Notes how a piece of work went; the log hears of each trouble once. */
static void note(struct keeper *keeper, struct history_keeper *history,
                 const struct belfry_error *why) {
  char *last = keeper->figures.last_error;
  pthread_mutex_lock(&keeper->lock);
  if (history)
    history_keeper_figures(history, &keeper->figures.sealed);
  bool stopping = keeper->stopping;
  bool is_new = why->code && strcmp(last, why->text) != 0;
  bool was_trouble = last[0] != '\0';
  if (why->code && !stopping) {
    keeper->figures.errors++;
    snprintf(last, sizeof keeper->figures.last_error, "%s", why->text);
  } else if (!why->code) {
    last[0] = '\0';
  }
  pthread_mutex_unlock(&keeper->lock);
  if (stopping)
    return;
  if (is_new)
    log_error("nothing is sealed for now; events stay in hot.db: %s",
              why->text[0] ? why->text : belfry_strerror(why->code));
  else if (!why->code && was_trouble)
    log_notice("the history is sealed again as before");
}

/* Works until nothing is left. Returns: 0, or what went wrong. */
static int work(struct keeper *keeper, struct history_keeper **history) {
  struct belfry_error why = {0};
  bool more = true;
  int status = BELFRY_OK;
  if (!*history) {
    status = history_keeper_open(keeper->dir, &keeper->options, keeper->clock, hand_over, keeper,
                                 history, &why);
    if (!status)
      set_history(keeper, *history);
  }
  while (!status && more && !is_stopping(keeper)) {
    const struct history_retention retention = retention_of(keeper);
    history_keeper_set_retention(*history, &retention);
    status = history_keeper_step(*history, &more, &why);
    if (status == BELFRY_ECONFLICT) { /* somebody deleted what was to be sealed: it is read anew */
      log_debug("a hand-over is taken back: %s", why.text);
      why = (struct belfry_error){0};
      status = BELFRY_OK;
      more = false;
    }
    note(keeper, *history, &why);
  }
  if (status && !*history)
    note(keeper, NULL, &why);
  return status;
}

static void *run(void *arg) {
  struct keeper *keeper = arg;
  struct history_keeper *history = NULL;
  int64_t pause_ms = 0;
  (void)!setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone, as Linux has it */
  while (!is_stopping(keeper)) {
    int status = work(keeper, &history);
    pause_ms = !status ? 0 : pause_ms ? pause_ms * 2 : PAUSE_MS;
    if (pause_ms > PAUSE_MS_MAX)
      pause_ms = PAUSE_MS_MAX;
    wait_a_while(keeper, status ? pause_ms : LOOK_MS, status != BELFRY_OK);
  }
  set_history(keeper, NULL);
  history_keeper_close(history);
  return NULL;
}

/* --- in the main thread --- */

static int start_thread(struct keeper *keeper) {
  pthread_condattr_t attributes;
  sigset_t all, before;
  pthread_mutex_init(&keeper->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&keeper->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  sigfillset(&all); /* signals are the main loop's */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = pthread_create(&keeper->thread, NULL, run, keeper);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return code;
}

static void free_keeper(struct keeper *keeper) {
  free(keeper->dir);
  free(keeper);
}

int keeper_start(const char *dir, const struct history_keeper_options *options,
                 const struct clock *clock, keeper_ask_fn ask, void *arg, struct keeper **out,
                 struct belfry_error *error) {
  struct keeper *keeper = calloc(1, sizeof *keeper);
  if (!keeper || !(keeper->dir = strdup(dir))) {
    free(keeper);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory at the start");
  }
  keeper->options = *options;
  keeper->clock = clock;
  keeper->ask = ask;
  keeper->arg = arg;
  int code = start_thread(keeper);
  if (code) {
    free_keeper(keeper);
    return belfry_error_errno(error, code, "cannot start the thread that seals the history");
  }
  *out = keeper;
  return BELFRY_OK;
}

void keeper_stop(struct keeper *keeper) {
  if (!keeper)
    return;
  pthread_mutex_lock(&keeper->lock);
  keeper->stopping = true;
  if (keeper->history)
    history_keeper_interrupt(keeper->history);
  pthread_cond_broadcast(&keeper->changed);
  pthread_mutex_unlock(&keeper->lock);
  pthread_join(keeper->thread, NULL);
  pthread_cond_destroy(&keeper->changed);
  pthread_mutex_destroy(&keeper->lock);
  free_keeper(keeper);
}

void keeper_set_retention(struct keeper *keeper, const struct history_retention *retention) {
  pthread_mutex_lock(&keeper->lock);
  keeper->options.retention = *retention;
  pthread_mutex_unlock(&keeper->lock);
  keeper_wake(keeper);
}

void keeper_wake(struct keeper *keeper) {
  pthread_mutex_lock(&keeper->lock);
  keeper->woken = true;
  pthread_cond_broadcast(&keeper->changed);
  pthread_mutex_unlock(&keeper->lock);
}

int keeper_take_over(struct keeper *keeper, struct history_writer *writer,
                     struct belfry_error *error) {
  struct belfry_error why = {0};
  pthread_mutex_lock(&keeper->lock);
  const struct history_hand_over *asked = keeper->taken_over ? NULL : keeper->hand_over;
  pthread_mutex_unlock(&keeper->lock);
  if (!asked)
    return BELFRY_OK;
  int64_t begun = clock_monotonic_us(keeper->clock);
  int status = history_writer_take_over(writer, asked, &why);
  int64_t took = clock_monotonic_us(keeper->clock) - begun;
  why.code = status;
  pthread_mutex_lock(&keeper->lock);
  keeper->taken_over = true;
  keeper->answer = why;
  if (took > keeper->figures.hand_over_us_max)
    keeper->figures.hand_over_us_max = took;
  pthread_cond_broadcast(&keeper->changed);
  pthread_mutex_unlock(&keeper->lock);
  return status == BELFRY_EIO || status == BELFRY_ECORRUPT
             ? belfry_error_set(error, status, "%s", why.text)
             : BELFRY_OK;
}

void keeper_figures(struct keeper *keeper, struct keeper_figures *out) {
  pthread_mutex_lock(&keeper->lock);
  *out = keeper->figures;
  keeper->figures.hand_over_us_max = 0;
  pthread_mutex_unlock(&keeper->lock);
}
