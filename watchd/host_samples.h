/*
 * Figures of the host become samples in the outbox.
 */
#ifndef BELFRY_WATCHD_HOST_SAMPLES_H
#define BELFRY_WATCHD_HOST_SAMPLES_H

#include "watchd/host_subject.h"
#include "watchd/outbox.h"

#include <stdint.h>

struct host_samples {
  struct outbox *outbox; /* borrowed */
  int64_t now_ms;        /* of the reading that is being taken; set by who takes it */
};

void host_samples_init(struct host_samples *samples, struct outbox *outbox);

/* Returns: a sink that borrows `samples`. */
struct host_sink host_samples_sink(struct host_samples *samples);

#endif
