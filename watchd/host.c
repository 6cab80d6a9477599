#include "watchd/host.h"

#include "base/fd.h"
#include "base/log.h"
#include "watchd/host_samples.h"
#include "watchd/host_subject.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  const struct host_subject *subject;
} subjects[] = {
#define HOST_SUBJECT(name, doc) {#name, &host_##name},
#include "watchd/host.def"
#undef HOST_SUBJECT
};

enum { SUBJECTS = sizeof subjects / sizeof *subjects };

struct host {
  const struct clock *clock;
  struct schedule_task task;
  void *states[SUBJECTS]; /* owned */
  bool complained[SUBJECTS];
  struct host_samples samples;
  double cpu_percent, memory_percent; /* of the reading that is being taken; negative: not read */
  host_read_fn on_read;               /* NULL: nobody listens */
  void *arg;
};

/* What is listened for is noted; all of it becomes samples. */
static void put_figure(void *arg, const char *metric, const char *label, struct slice label_value,
                       double value) {
  struct host *host = arg;
  const struct host_sink samples = host_samples_sink(&host->samples);
  if (!label && strcmp(metric, "host_cpu_percent") == 0)
    host->cpu_percent = value;
  if (!label && strcmp(metric, "host_memory_percent") == 0)
    host->memory_percent = value;
  samples.put(samples.arg, metric, label, label_value, value);
}

static void take(struct host *host, size_t i, struct slice text) {
  const struct host_sink sink = {put_figure, host};
  subjects[i].subject->take(host->states[i], text, clock_monotonic_us(host->clock), &sink);
}

static void read_subject(struct host *host, size_t i) {
  struct belfry_error error = {0};
  const struct host_subject *subject = subjects[i].subject;
  size_t len;
  if (!subject->path) {
    take(host, i, slice_new(NULL, 0));
    return;
  }
  char *text = fd_read_file(subject->path, HOST_TEXT_BYTES_MAX, &len, &error);
  if (!text) {
    if (!host->complained[i] && !subject->optional)
      log_warning("no figures of the host's %s: %s", subjects[i].name, error.text);
    host->complained[i] = true;
    return;
  }
  host->complained[i] = false;
  take(host, i, slice_new(text, len));
  free(text);
}

static void host_on_turn(void *arg) {
  struct host *host = arg;
  host->samples.now_ms = clock_realtime_ms(host->clock);
  host->cpu_percent = host->memory_percent = -1;
  for (size_t i = 0; i < SUBJECTS; i++)
    read_subject(host, i);
  if (host->on_read)
    host->on_read(host->arg, host->cpu_percent, host->memory_percent);
}

int host_new(struct schedule *schedule, struct outbox *outbox, const struct clock *clock,
             struct host **out) {
  struct host *host = calloc(1, sizeof *host);
  if (!host)
    return BELFRY_ENOMEM;
  host->clock = clock;
  host_samples_init(&host->samples, outbox);
  schedule_task_init(&host->task, schedule, host_on_turn, host);
  for (size_t i = 0; i < SUBJECTS; i++) {
    host->states[i] = calloc(1, subjects[i].subject->state_bytes);
    if (!host->states[i]) {
      host_free(host);
      return BELFRY_ENOMEM;
    }
  }
  *out = host;
  return BELFRY_OK;
}

void host_free(struct host *host) {
  if (!host)
    return;
  schedule_task_stop(&host->task);
  for (size_t i = 0; i < SUBJECTS; i++)
    free(host->states[i]);
  free(host);
}

void host_listen(struct host *host, host_read_fn on_read, void *arg) {
  host->on_read = on_read;
  host->arg = arg;
}

void host_set_interval(struct host *host, int64_t interval_ms) {
  if (interval_ms == 0)
    schedule_task_stop(&host->task);
  else if (interval_ms != host->task.turns.interval_ms || !schedule_task_runs(&host->task))
    schedule_task_start(&host->task, 0, interval_ms);
}
