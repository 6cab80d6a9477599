/*
 * Entries of `recoveries`, and what only one as a whole can be asked: whether what it names is
 * there, and whether its members go together.
 */
#include "conf/conf_priv.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

static const struct conf_row recovery_rows[] = {
    {.key = "name",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_recovery, name),
     .required = true,
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "What the action is called, such as restart. Unique among the actions of a service."},
    {.key = "service",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_recovery, service),
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "Which service it recovers."},
    {.key = "services",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_recovery, services),
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "Which services it recovers, where it is several: each of them by itself."},
    {.key = "command",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_recovery, command),
     .max = 4096,
     .doc =
         "The program, by its absolute path, and its arguments. No shell looks at them. It finds "
         "BELFRY_SERVICE, BELFRY_ACTION and BELFRY_RECOVERY_ID in its environment."},
    {.key = "user",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_recovery, user),
     .fallback_text = "",
     .max = 32,
     .form = CONF_FORM_NAME,
     .doc = "Who runs it. The user that belfry-watchd was started as by default; to become another "
            "one takes root."},
    {.key = "environment",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_recovery, environment),
     .max = 4096,
     .form = CONF_FORM_VARIABLE,
     .doc = "What else its environment holds."},
    {.key = "folder",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_recovery, folder),
     .fallback_text = "",
     .max = 4095,
     .doc = "Where it is run. / by default."},
    {.key = "timeout",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_recovery, timeout_ms),
     .min = 100,
     .max = 86400000,
     .doc =
         "How long it may take; then it is ended, with all processes of its group. 1m by default."},
    {.key = "automatic",
     .kind = CONF_KIND_BOOL,
     .offset = offsetof(struct conf_recovery, automatic),
     .doc = "Whether it is run without being asked for. No by default."},
    {.key = "trigger",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_recovery, trigger),
     .fallback_text = "",
     .choices = "failures|cpu|memory",
     .doc =
         "When it is run automatically: after failed checks of the service, or when the host uses "
         "more CPU (thresholds.cpu_max) or memory (thresholds.mem_max) than it should. failures "
         "by default."},
    {.key = "after",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_recovery, after),
     .min = 1,
     .max = 1000,
     .doc =
         "After how many failed checks in a row. As thresholds.restart_failures says by default. "
         "Of several actions the one with the most that are reached is run."},
    {.key = "for",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_recovery, for_ms),
     .min = 1000,
     .max = 86400000,
     .doc = "For how long the host must use more than it should. 5m by default."},
    {.key = "cooldown",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_recovery, cooldown_ms),
     .min = 100,
     .max = 86400000,
     .doc = "How long after the last recovery of the service it may be run again. 1m by default. "
            "After each automatic recovery that did not help it is twice as long as before."},
    {.key = "backoff_max",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_recovery, backoff_max_ms),
     .min = 1000,
     .max = 604800000,
     .doc = "The longest that this becomes. 1h by default."},
    {.key = "max_per_hour",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_recovery, max_per_hour),
     .min = 1,
     .max = CONF_RECOVERIES_PER_HOUR_MAX,
     .doc = "How often it is run for a service within an hour at most. 5 by default."},
    {.key = "verify_after",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_recovery, verify_after_ms),
     .min = 1,
     .max = 3600000,
     .doc = "How long after its end the service is checked. 1s by default."},
    {.key = "verify_timeout",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_recovery, verify_timeout_ms),
     .min = 100,
     .max = 3600000,
     .doc = "How long the service may take until a check finds it well. 30s by default."},
};

#define DEFAULT_TIMEOUT_MS        60000
#define DEFAULT_FOR_MS            300000
#define DEFAULT_COOLDOWN_MS       60000
#define DEFAULT_BACKOFF_MAX_MS    3600000
#define DEFAULT_PER_HOUR          5
#define DEFAULT_VERIFY_AFTER_MS   1000
#define DEFAULT_VERIFY_TIMEOUT_MS 30000

static void set_default(int64_t *field, int64_t value) {
  *field = *field ? *field : value;
}

static void check_members(const struct conf_recovery *recovery, struct buf *why) {
  bool failures = recovery->trigger == CONF_TRIGGER_FAILURES;
  if (!recovery->service == !recovery->services)
    buf_put_text(why, recovery->service
                          ? "has both `service` and `services`: leave one of them"
                          : "needs `service`: the name of one of the services, or `services`: a "
                            "list of them");
  else if (!recovery->command)
    buf_put_text(why, "needs `command`: a list of the program, by its absolute path, and its "
                      "arguments");
  else if (recovery->command[0][0] != '/')
    buf_put_text(why, "the program of `command` must be an absolute path such as "
                      "/usr/bin/systemctl");
  else if (!failures && !recovery->automatic)
    buf_put_text(why, "`trigger` means nothing to what is not run automatically: write "
                      "`automatic: true`");
  else if (recovery->after && !failures)
    buf_put_text(why, "`after` means nothing to this trigger: remove it, or write `trigger: "
                      "failures`");
  else if (recovery->for_ms && failures)
    buf_put_text(why, "`for` means nothing to the trigger failures: remove it, or write `after`");
  else if (recovery->backoff_max_ms && recovery->cooldown_ms > recovery->backoff_max_ms)
    buf_put_text(why, "`backoff_max` is shorter than `cooldown`: make it at least as long");
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_recovery *recovery = entry;
  (void)conf;
  check_members(recovery, why);
  if (why->len > 0)
    return;
  set_default(&recovery->timeout_ms, DEFAULT_TIMEOUT_MS);
  set_default(&recovery->cooldown_ms, DEFAULT_COOLDOWN_MS);
  set_default(&recovery->backoff_max_ms, recovery->cooldown_ms > DEFAULT_BACKOFF_MAX_MS
                                             ? recovery->cooldown_ms
                                             : DEFAULT_BACKOFF_MAX_MS);
  set_default(&recovery->max_per_hour, DEFAULT_PER_HOUR);
  set_default(&recovery->verify_after_ms, DEFAULT_VERIFY_AFTER_MS);
  set_default(&recovery->verify_timeout_ms, DEFAULT_VERIFY_TIMEOUT_MS);
  if (recovery->trigger != CONF_TRIGGER_FAILURES)
    set_default(&recovery->for_ms, DEFAULT_FOR_MS);
}

bool conf_recovery_is_of(const struct conf_recovery *recovery, struct slice service) {
  if (recovery->service)
    return slice_is(service, recovery->service);
  for (char **name = recovery->services; name && *name; name++)
    if (slice_is(service, *name))
      return true;
  return false;
}

const char *conf_recovery_service(const struct conf_recovery *recovery, size_t index) {
  if (recovery->service)
    return index == 0 ? recovery->service : NULL;
  for (char **name = recovery->services; name && *name; name++, index--)
    if (index == 0)
      return *name;
  return NULL;
}

const struct conf_recovery *conf_recovery_find(const struct conf *conf, struct slice service,
                                               struct slice action) {
  for (size_t i = 0; i < conf->recovery_count; i++)
    if (slice_is(action, conf->recoveries[i].name) &&
        conf_recovery_is_of(&conf->recoveries[i], service))
      return &conf->recoveries[i];
  return NULL;
}

/* Whether a later one is of the same name and service. */
static bool has_other(const struct conf *conf, const struct conf_recovery *recovery,
                      const char *service) {
  for (const struct conf_recovery *other = recovery + 1;
       other < conf->recoveries + conf->recovery_count; other++)
    if (strcmp(other->name, recovery->name) == 0 && conf_recovery_is_of(other, slice_of(service)))
      return true;
  return false;
}

static void check_services(const struct conf *conf, const struct conf_recovery *recovery,
                           struct buf *why) {
  const char *service;
  for (size_t i = 0; why->len == 0 && (service = conf_recovery_service(recovery, i)); i++) {
    for (size_t k = 0; k < i && why->len == 0; k++)
      if (strcmp(service, conf_recovery_service(recovery, k)) == 0)
        buf_printf(why, "names the service %s twice: leave one of them", service);
    if (why->len > 0)
      return;
    if (!conf_service_find(conf, slice_of(service)))
      buf_printf(why, "recovers '%s', which is none of the services: add it, or correct the name",
                 service);
    else if (has_other(conf, recovery, service))
      buf_printf(why,
                 "there is another action '%s' of the service %s: call one of them something else",
                 recovery->name, service);
  }
}

static void check_user(const char *user, struct buf *why) {
  errno = 0;
  if (getpwnam(user))
    return;
  if (errno == ENOMEM)
    why->status = BELFRY_ENOMEM;
  else
    buf_printf(why,
               "runs as '%s', which is no user of this host: add the user, or correct the name",
               user);
}

static void check(const struct conf *conf, const void *entry, struct buf *why) {
  const struct conf_recovery *recovery = entry;
  check_services(conf, recovery, why);
  if (why->len == 0 && recovery->user)
    check_user(recovery->user, why);
}

const struct conf_list conf__recovery_list = {
    CONF_LIST_OF(recoveries, recovery, recovery_rows),
    .finish = finish,
    .check = check,
    .example = "- name: restart",
    .doc = "What may be done about a service that is down. See belfry-watchd(8), Recovery.",
};

struct conf_recovery *conf_recovery_copy(const struct conf_recovery *recovery) {
  return conf__copy_entry(&conf__recovery_list, recovery);
}

void conf_recovery_free(struct conf_recovery *recovery) {
  conf__free_entry(&conf__recovery_list, recovery);
}
