/*
 * The services that are watched: those of the configuration and Belfry's own programs.
 */
#ifndef BELFRY_WATCHD_SERVICES_H
#define BELFRY_WATCHD_SERVICES_H

#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/report.h"
#include "watchd/watched.h"

struct services;

struct services_parts {
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  const struct clock *clock;
  struct probe_tools tools;
  struct mask *mask; /* of secrets */
};

/* Takes: the parts are borrowed and outlive it. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free
 * with services_free(). */
int services_new(const struct services_parts *parts, struct services **out) BELFRY_MUST_CHECK;
void services_free(struct services *services);

/*
 * Watches what `conf` says. Services that are unchanged go on undisturbed, changed ones keep what
 * is known of them, those that are gone are forgotten. Nothing is probed before the known states
 * have been read from the history, or SERVICES_WAIT_MS have passed without one. Returns: 0, or
 * BELFRY_ENOMEM (then nothing has changed).
 */
int services_configure(struct services *services, const struct conf *conf) BELFRY_MUST_CHECK;

#define SERVICES_WAIT_MS 10000

/* Of what was checked in a round, how much has which status. */
struct services_count {
  int64_t checked, by_status[SERVICE_PAUSED + 1];
};

typedef void (*services_round_fn)(void *arg, const struct services_count *count);

/* A round of checks, out of turn. Embedded in who asks for it. */
struct services_round {
  char name[WATCHED_NAME_BYTES]; /* of the only service; "": all */
  services_round_fn on_done;
  void *arg;
  int64_t since_ms; /* of schedule_now_ms: a check that had begun before does not count */
  struct services_round *next;
};

/* Checks the services of the round now, a service that is being checked once more behind that.
 * Takes: `round`, borrowed until on_done or services_call_off(). Returns: 0; BELFRY_ENOENT when no
 * service has that name. */
int services_check(struct services *services, struct services_round *round) BELFRY_MUST_CHECK;
void services_call_off(struct services *services, struct services_round *round);

typedef void (*services_fn)(void *arg, const char *name, enum service_status status,
                            const char *message);

/* Calls `on_service` for each that is watched. Returns: false, and calls nothing, while what was
 * known of them has not been read yet. */
bool services_each(const struct services *services, services_fn on_service, void *arg);

bool services_is_down(const struct services *services, const char *name);

/* Called after each check of a service, however it ended. */
typedef void (*services_checked_fn)(void *arg, const char *service,
                                    const struct service_state *state);
void services_listen(struct services *services, services_checked_fn on_checked, void *arg);

/* Returns: how a service is; NULL when it is not watched. Borrowed until the next call of
 * services_configure(). */
const struct service_state *services_state(const struct services *services, const char *name);

/* Returns: the name of a service that is down and without which `name` cannot be up, however far;
 * NULL when there is none. Borrowed until the next call of services_configure(). */
const char *services_down_dependency(const struct services *services, const char *name);

/* Pauses and resumes them as the history says; to be called about once a second, and when
 * something was committed to it (`changed`). */
void services_look(struct services *services, bool changed);

void services_figures(const struct services *services, struct report_figures *figures);

#endif
