#include "watchd/scrape.h"

#include "base/log.h"
#include "watchd/fetch.h"
#include "watchd/scrape_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX ((size_t)16 << 20)
#define ACCEPT                                                                                     \
  "Accept: "                                                                                       \
  "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,application/"         \
  "json;q=0.4,*/*;q=0.1"

struct target {
  struct conf_scrape *conf; /* owned */
  struct scrapes *scrapes;
  struct schedule_task task;
  struct fetch fetch;
  bool fetching;
  int64_t begun_ms;    /* of schedule_now_ms */
  char complaint[300]; /* what the log has said last; "": nothing is wrong */
};

struct scrapes {
  struct scrape_parts parts;
  struct target **all; /* owned */
  size_t count;
};

/* --- telling --- */

static void put(struct target *target, const char *metric, double value) {
  struct scrapes *scrapes = target->scrapes;
  struct label labels[] = {{slice_of("source"), slice_of(target->conf->source)}};
  const struct sample sample = {.metric = slice_of(metric),
                                .timestamp_ms = clock_realtime_ms(scrapes->parts.clock),
                                .value = value};
  outbox_labelled(scrapes->parts.outbox, &sample, labels, 1);
}

static void scrape_on_sample(void *arg, const struct sample *sample) {
  outbox_sample(((struct target *)arg)->scrapes->parts.outbox, sample);
}

/* Whether two texts say the same, if with other figures. */
static bool same_but_figures(const char *a, const char *b) {
  for (;; a++, b++) {
    a += strspn(a, "0123456789");
    b += strspn(b, "0123456789");
    if (*a != *b || !*a)
      return *a == *b;
  }
}

/* Says once what is wrong, and once that it is not any more. Takes: `why` NULL or empty when
 * nothing is. */
static void complain(struct target *target, const char *why) {
  why = why ? why : "";
  if (same_but_figures(why, target->complaint))
    return;
  if (why[0])
    log_warning("scrape of %s: %s", target->conf->source, why);
  else
    log_notice("scrape of %s: it is as it should be again", target->conf->source);
  snprintf(target->complaint, sizeof target->complaint, "%s", why);
}

/* --- fetching --- */

static void take_answer(struct target *target) {
  struct scrape_taken taken;
  char why[sizeof target->complaint] = "";
  long status = fetch_status(&target->fetch);
  bool up = status == 200;
  if (status != 200) {
    snprintf(why, sizeof why, "HTTP %ld", status);
  } else {
    scrape_take(target->conf, fetch_type(&target->fetch), buf_slice(&target->fetch.body),
                clock_realtime_ms(target->scrapes->parts.clock), scrape_on_sample, target, &taken);
    up = taken.samples > 0 || !taken.problem[0];
    put(target, "scrape_samples", (double)taken.samples);
    put(target, "scrape_samples_left_out", (double)taken.left_out);
    if (target->fetch.cut)
      snprintf(why, sizeof why, "the answer is longer than %zu bytes, the rest was left out",
               BODY_BYTES_MAX);
    else if (taken.problem[0])
      snprintf(why, sizeof why, "%s", taken.problem);
    else if (taken.left_out > 0)
      snprintf(why, sizeof why, "%lld samples were left out (max_series is %lld)",
               (long long)taken.left_out, (long long)target->conf->max_series);
  }
  put(target, "scrape_up", up);
  complain(target, why);
}

static void scrape_on_done(void *arg, bool ended) {
  struct target *target = arg;
  char why[240];
  target->fetching = false;
  bool held_up = schedule_stalled_since(target->scrapes->parts.schedule, target->begun_ms);
  if (ended) {
    put(target, "scrape_duration_ms", (double)(schedule_now_ms() - target->begun_ms));
    take_answer(target);
  } else if (!held_up) { /* what ran out of our own time says nothing */
    if (!fetch_failure(&target->fetch, why, sizeof why))
      put(target, "scrape_up", 0);
    complain(target, why);
  }
  fetch_fini(&target->fetch);
}

static int start_fetch(struct target *target, struct belfry_error *error) {
  const struct conf_scrape *conf = target->conf;
  int status = fetch_init(&target->fetch, target->scrapes->parts.transfers, conf->url,
                          conf->timeout_ms, BODY_BYTES_MAX, conf->insecure);
  if (!status)
    status = fetch_header(&target->fetch, ACCEPT);
  for (char **header = conf->headers; header && *header && !status; header++)
    status = fetch_header(&target->fetch, *header);
  if (status)
    return belfry_error_set(error, status, "out of memory");
  curl_easy_setopt(target->fetch.easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  return fetch_run(&target->fetch, scrape_on_done, target, error);
}

static void scrape_on_turn(void *arg) {
  struct target *target = arg;
  struct belfry_error error = {0};
  if (target->fetching)
    return; /* the last one still waits for its answer */
  target->begun_ms = schedule_now_ms();
  target->fetching = start_fetch(target, &error) == BELFRY_OK;
  if (target->fetching)
    return;
  complain(target, error.text);
  fetch_fini(&target->fetch);
}

/* --- configuration --- */

static void free_target(struct target *target) {
  if (!target)
    return;
  schedule_task_stop(&target->task);
  if (target->fetching)
    fetch_fini(&target->fetch);
  conf_scrape_free(target->conf);
  free(target);
}

static void free_all(struct target **all, size_t count) {
  for (size_t i = 0; i < count; i++)
    free_target(all[i]);
  free(all);
}

static struct target *make_target(struct scrapes *scrapes, const struct conf_scrape *conf) {
  struct target *target = calloc(1, sizeof *target);
  if (!target)
    return NULL;
  target->scrapes = scrapes;
  target->conf = conf_scrape_copy(conf);
  schedule_task_init(&target->task, scrapes->parts.schedule, scrape_on_turn, target);
  if (target->conf)
    return target;
  free(target);
  return NULL;
}

/* The place of one that is the same. */
static struct target **find(struct target **all, size_t count, const struct target *like) {
  for (size_t i = 0; i < count; i++)
    if (all[i] && conf_scrape_same(all[i]->conf, like->conf))
      return &all[i];
  return NULL;
}

int scrapes_configure(struct scrapes *scrapes, const struct conf *conf) {
  size_t count = conf->watch_enabled ? conf->scrape_count : 0;
  struct target **all = calloc(count + 1, sizeof *all);
  for (size_t i = 0; all && i < count; i++)
    if (!(all[i] = make_target(scrapes, &conf->scrapes[i]))) {
      free_all(all, i);
      all = NULL;
    }
  if (!all)
    return BELFRY_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    struct target **before = find(scrapes->all, scrapes->count, all[i]);
    if (before) {
      free_target(all[i]);
      all[i] = *before;
      *before = NULL;
    } else {
      schedule_task_start(&all[i]->task, schedule_first_ms(i, count, all[i]->conf->interval_ms),
                          all[i]->conf->interval_ms);
    }
  }
  free_all(scrapes->all, scrapes->count);
  scrapes->all = all;
  scrapes->count = count;
  return BELFRY_OK;
}

int scrapes_new(const struct scrape_parts *parts, struct scrapes **out) {
  struct scrapes *scrapes = calloc(1, sizeof *scrapes);
  if (!scrapes)
    return BELFRY_ENOMEM;
  scrapes->parts = *parts;
  *out = scrapes;
  return BELFRY_OK;
}

void scrapes_free(struct scrapes *scrapes) {
  if (!scrapes)
    return;
  free_all(scrapes->all, scrapes->count);
  free(scrapes);
}
