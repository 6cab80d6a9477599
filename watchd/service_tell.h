/*
 * Tells the history of watched services: what each check found, and changes of status.
 */
#ifndef BELFRY_WATCHD_SERVICE_TELL_H
#define BELFRY_WATCHD_SERVICE_TELL_H

#include "base/buf.h"
#include "model/mask.h"
#include "watchd/outbox.h"
#include "watchd/service.h"

#include <stdint.h>

struct service_teller {
  struct outbox *outbox; /* borrowed, as is */
  struct mask *mask;     /* of secrets in what programs write */
  struct buf data;
};

/* Takes: both are borrowed. */
void service_teller_init(struct service_teller *teller, struct outbox *outbox, struct mask *mask);
void service_teller_fini(struct service_teller *teller);

/* It is watched from now on. */
void service_tell_watched(struct service_teller *teller, const char *name, int64_t now_ms);

/* It is not in the configuration any more. */
void service_tell_forgotten(struct service_teller *teller, struct slice name);

#define SERVICE_MESSAGE_BYTES sizeof(struct probe_result){0}.message

/* What a check found, as one line for a person, without secrets: a program may have written it. */
void service_describe(struct service_teller *teller, const struct service_state *state,
                      const struct probe_result *result, char out[static SERVICE_MESSAGE_BYTES]);

/* Its status is not what it was: the event health_changed. Takes: `message` of service_describe().
 * `at_ms`: since when. */
void service_tell_change(struct service_teller *teller, const char *name,
                         const struct service_state *state, enum service_status previous,
                         const struct probe_result *result, const char *message, int64_t at_ms);

/* What a check found: the service's row, and samples. Takes: `message` likewise. */
void service_tell_check(struct service_teller *teller, const char *name,
                        const struct probe_result *result, const char *message, int64_t now_ms);

#endif
