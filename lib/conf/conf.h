/*
 * The configuration: belfry.yaml (or the same as JSON), checked against one table (settings.def),
 * with overrides from the environment. Loaded once at start or reload, then passed on as `const
 * struct conf *`.
 */
#ifndef BELFRY_CONF_CONF_H
#define BELFRY_CONF_CONF_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_service_type {
  CONF_SERVICE_AUTO, /* while it is read: by what else it says */
#define SERVICE_TYPE(name, needs, takes, doc) CONF_SERVICE_##name,
#include "conf/service_types.def"
#undef SERVICE_TYPE
};

/* A service that is watched: an entry of the list `services`. What is absent is 0 or NULL. */
struct conf_service {
  char *name;            /* [A-Za-z0-9_.:-]{1,64}, unique */
  int type;              /* enum conf_service_type, never CONF_SERVICE_AUTO */
  char *host;            /* see conf_service_host() */
  int64_t port;          /* 1 to 65535 */
  char *health_endpoint; /* "/health" on host and port, or a whole http(s) URL */
  char *method;          /* GET when absent */
  char **headers;        /* "Name: value", ended by a NULL */
  char *body;
  char *expect_status; /* "200-299,404" */
  char *expect_text;   /* the body holds it */
  char *expect_json;   /* "path.to.member=value" */
  bool insecure;       /* any certificate will do */
  int64_t certificate_days;
  char *grpc_service;
  char **command; /* argv, ended by a NULL; the first is an absolute path */
  char *process;
  char *unit;
  char *source, *metric;
  int64_t within_ms;
  int64_t interval_ms, timeout_ms, degraded_latency_ms; /* 0: as all are */
  char **depends_on;                                    /* names of services, ended by a NULL */
};

/* How the lines of a log file are written. */
enum conf_log_format {
  CONF_LOG_auto, /* each line as what it looks like */
#define LOG_FORMAT(name, doc) CONF_LOG_##name,
#include "conf/log_formats.def"
#undef LOG_FORMAT
};

/* Log files that are tailed: an entry of the list `logs`. */
struct conf_log {
  char *path;            /* absolute; a glob where conf_is_glob() */
  char *source;          /* the events' source; NULL: each file's base name */
  int format;            /* enum conf_log_format */
  char *pattern;         /* of the format `pattern` */
  int multiline;         /* index in CONF_LOG_MULTILINES */
  char *multiline_start; /* a pattern of the lines that begin one; NULL: as `multiline` says */
};

#define CONF_LOG_MULTILINES "auto|off"
enum conf_log_multiline { CONF_LOG_MULTILINE_AUTO, CONF_LOG_MULTILINE_OFF };

/* An endpoint whose figures become samples: an entry of the list `scrapes`. */
struct conf_scrape {
  char *url;
  char *source; /* the label `source`; host and port of the URL by default */
  int64_t interval_ms, timeout_ms, max_series;
  char **metrics; /* globs, ended by a NULL; NULL: all */
  char **json;    /* "metric=path.to.number", likewise */
  char **headers; /* likewise */
  bool insecure;
};

/* A pattern of what is masked beside the shipped ones: an entry of the list `masks`. */
struct conf_mask {
  char *pattern; /* PCRE2 */
};

/* What an alert rule is about: exactly one of its members of that name is there. */
enum conf_alert_kind { CONF_ALERT_METRIC, CONF_ALERT_SERVICES, CONF_ALERT_EVENTS, CONF_ALERT_LOGS };

/* A rule that raises alerts: an entry of the list `alerts`. */
struct conf_alert {
  char *name; /* [A-Za-z0-9_.:-]{1,64}, unique */
  char *metric;
  char *agg;                   /* an aggregate of /api/history; avg when absent */
  char **match;                /* "label=value", of the metric's series */
  char **by;                   /* labels: one alert for each of their values; NULL: one in all */
  char **services, **status;   /* globs; of `down`, `degraded`, `unknown` (down when absent) */
  char **events, **sources;    /* globs */
  char *logs, *words;          /* as the parameter `q` of /api/logs */
  int min_severity;            /* enum severity */
  char *above, *below, *clear; /* numbers */
  int64_t window_ms;
  int64_t absent_ms; /* it is bad that there was none for so long; 0: it is not asked */
  int64_t for_ms, resolve_after_ms;
  int64_t repeat_ms; /* 0: as all are */
  int severity;      /* index in CONF_ALERT_SEVERITIES */
  char **labels;     /* "name=value" */
  char **group;      /* names of labels */
  char **depends_on; /* names of rules and services */
  char **channels;   /* names; NULL: those that are for all */
  char *summary;     /* with {label} and {value} */
};

/* The first is the one when none is said. */
#define CONF_ALERT_SEVERITIES "error|critical|warning|info"

enum conf_channel_type {
  CONF_CHANNEL_NONE, /* while it is read: it is not said */
#define CHANNEL_TYPE(name, needs, takes, doc) CONF_CHANNEL_##name,
#include "conf/channel_types.def"
#undef CHANNEL_TYPE
};

enum conf_encryption {
  CONF_ENCRYPTION_STARTTLS,
  CONF_ENCRYPTION_TLS,
  CONF_ENCRYPTION_OPPORTUNISTIC,
  CONF_ENCRYPTION_NONE,
};

/* A way to tell people of alerts: an entry of the list `channels`. What is absent is 0 or NULL. */
struct conf_channel {
  char *name;       /* [A-Za-z0-9_.:-]{1,64}, unique */
  int type;         /* enum conf_channel_type */
  int by_name_only; /* 1: only rules that name it tell it (`default: false`) */
  int only_firing;  /* 1: it is not told that an alert is over (`send_resolved: false`) */
  int min_severity; /* enum severity */
  char *url, *url_file;
  char **headers; /* "Name: value", ended by a NULL */
  char *token, *token_file;
  char *chat;
  char *server; /* HOST:PORT */
  char *from, **to;
  char *user, *password, *password_file;
  int encryption; /* enum conf_encryption */
  char *ca_file;
  bool insecure;  /* any certificate will do */
  char **command; /* argv, ended by a NULL; the first is an absolute path */
  int64_t max_per_hour, group_wait_ms, retry_delay_ms, give_up_ms, timeout_ms; /* never 0 */
};

/* A time in which alerts are not told: an entry of the list `maintenance`. */
struct conf_maintenance {
  char *name;                /* unique */
  char **services, **alerts; /* globs; what it is for: all when both are absent */
  char *from, *to;           /* once: times with their offset */
  char **days;               /* mon ... sun; daily when absent */
  char *start, *end;         /* HH:MM in `timezone`; an end before the start is of the next day */
  char *timezone;            /* of IANA; UTC when absent */
};

enum conf_trigger { CONF_TRIGGER_FAILURES, CONF_TRIGGER_CPU, CONF_TRIGGER_MEMORY };

#define CONF_RECOVERIES_PER_HOUR_MAX 60

/* What may be done about a service: an entry of the list `recoveries`. */
struct conf_recovery {
  char *name;    /* of the action: [A-Za-z0-9_.:-]{1,64} */
  char *service; /* one of the two: see conf_recovery_service() */
  char **services;
  char **command;     /* argv, ended by a NULL; the first is an absolute path */
  char *user;         /* NULL: as belfry-watchd was started */
  char **environment; /* "NAME=value", ended by a NULL */
  char *folder;
  int64_t timeout_ms;
  bool automatic;
  int trigger;    /* enum conf_trigger */
  int64_t after;  /* failed checks in a row; 0: as thresholds.restart_failures says */
  int64_t for_ms; /* of the other triggers */
  int64_t cooldown_ms, backoff_max_ms, max_per_hour;
  int64_t verify_after_ms, verify_timeout_ms;
};

/* Where a value is from; a later one wins. */
enum conf_origin {
  CONF_FROM_DEFAULT,
  CONF_FROM_FILE,
  CONF_FROM_SETTING, /* changed while Belfry ran */
  CONF_FROM_ENVIRONMENT,
};

#define CONF_SETTINGS_MAX 128

struct conf {
#define CONF_BOOL(section, key, fallback, doc)                  bool section##_##key;
#define CONF_INT(section, key, fallback, min, max, doc)         int64_t section##_##key;
#define CONF_DURATION(section, key, fallback, min, max, doc)    int64_t section##_##key##_ms;
#define CONF_BYTES(section, key, fallback, min, max, doc)       int64_t section##_##key##_bytes;
#define CONF_CHOICE(section, key, fallback, choices, doc)       int section##_##key;
#define CONF_PATH(section, key, fallback, doc)                  char *section##_##key;
#define CONF_TEXT(section, key, fallback, max_bytes, form, doc) char *section##_##key;
#include "conf/settings.def"
#undef CONF_BOOL
#undef CONF_INT
#undef CONF_DURATION
#undef CONF_BYTES
#undef CONF_CHOICE
#undef CONF_PATH
#undef CONF_TEXT

  /* The lists: owned entries, and how many. */
#define CONF_LIST(many, one)                                                                       \
  struct conf_##one *many;                                                                         \
  size_t one##_count;
#include "conf/lists.def"
#undef CONF_LIST

  char *path; /* owned: as conf_load was given it; NULL for the default */
  unsigned char origins[CONF_SETTINGS_MAX]; /* enum conf_origin, in the order of settings.def */
};

/*
 * Loads `path`, or BELFRY_SYSCONFDIR/belfry/belfry.yaml when it is NULL (which may then be absent:
 * all defaults), applies the environment and checks everything. `error` names file, line, column,
 * key and what would be right, such as "etc/belfry.yaml:12:12: fcgi.workers: 'many' is not a whole
 * number from 1 to 256". Returns: owned, free with conf_free(); NULL with `error` set.
 */
struct conf *conf_load(const char *path, struct belfry_error *error);
void conf_free(struct conf *conf);

/* A setting as it was changed while Belfry ran: push.interval, 10s. Borrowed. */
struct conf_setting {
  struct slice key, value;
};

/* The same with settings that win over the file, and the environment over them. One that is not
 * known, or cannot be so changed, or does not fit (of another version), is left out and logged. */
struct conf *conf_load_with(const char *path, const struct conf_setting *settings, size_t count,
                            struct belfry_error *error);

/* --- the settings that may be changed while Belfry runs (live.def), by their index --- */

size_t conf_live_count(void);

/* Returns: -1 when there is none of that name. */
int conf_live_find(struct slice key);

/* Puts `push.interval`. */
void conf_live_put_name(size_t index, struct buf *out);

enum conf_origin conf_live_origin(const struct conf *conf, size_t index);

/* Whether `text` may be its value. Returns: 0; BELFRY_EINVAL with what would be right in `why`, as
 * conf_load says it of the file; BELFRY_ENOMEM. */
int conf_live_check(size_t index, struct slice text, struct buf *why) BELFRY_MUST_CHECK;

/* Puts the value in force, as it is written in the file, without quotes. */
void conf_live_put_value(const struct conf *conf, size_t index, struct buf *out);

/* Puts the members "key", "value", "origin", "default", "type", "takes" and "about" of a JSON
 * object, without its braces. */
void conf_live_put_json(const struct conf *conf, size_t index, struct buf *out);

/* Called for each problem of a configuration; there may be many. `where` is "FILE:LINE:COLUMN" or a
 * variable's name. */
typedef void (*conf_problem_fn)(void *arg, const char *where, const char *text);

/* Checks like conf_load, but goes on after a problem. Returns: how many there were, or a negative
 * enum belfry_err. */
int conf_check(const char *path, conf_problem_fn on_problem, void *arg) BELFRY_MUST_CHECK;

/* Writes the whole configuration in force as YAML that conf_load would read back as the same, but
 * for secrets, in whose place something stands that says so. */
void conf_dump(const struct conf *conf, struct buf *out);

/* Writes the list of settings with type, range, default and text as the mdoc of belfry.yaml(5). */
void conf_document(struct buf *out);

/* The paths that follow from the settings. Returns: 0, or BELFRY_ETOOBIG when it does not fit
 * `size`. */
int conf_state_path(const struct conf *conf, const char *name, char *out,
                    size_t size) BELFRY_MUST_CHECK;
int conf_run_path(const struct conf *conf, const char *name, char *out,
                  size_t size) BELFRY_MUST_CHECK;

/* Returns: borrowed; NULL when there is none of that name. */
const struct conf_service *conf_service_find(const struct conf *conf, struct slice name);

/* http, tcp ... Returns: borrowed. */
const char *conf_service_type_name(const struct conf_service *service);

/* Where it is; this host by default. Returns: borrowed. */
const char *conf_service_host(const struct conf_service *service);

/* Puts HOST:PORT, an IPv6 address in brackets. */
void conf_service_put_address(const struct conf_service *service, struct buf *out);

/* What is asked of a service that has a health_endpoint: that URL, or the path on its host and
 * port. */
void conf_service_put_url(const struct conf_service *service, struct buf *out);

/* Returns: owned, free with conf_service_free(); NULL out of memory. */
struct conf_service *conf_service_copy(const struct conf_service *service);
void conf_service_free(struct conf_service *service);
bool conf_service_same(const struct conf_service *a, const struct conf_service *b);

/* The kind of a rule that was checked. */
enum conf_alert_kind conf_alert_kind(const struct conf_alert *alert);

/* Returns: borrowed; NULL when there is none of that name. */
const struct conf_channel *conf_channel_find(const struct conf *conf, struct slice name);

/* webhook, slack ... Returns: borrowed. */
const char *conf_channel_type_name(const struct conf_channel *channel);

/* The same of a channel, an alert rule and a maintenance. */
struct conf_channel *conf_channel_copy(const struct conf_channel *channel);
void conf_channel_free(struct conf_channel *channel);
bool conf_channel_same(const struct conf_channel *a, const struct conf_channel *b);
struct conf_alert *conf_alert_copy(const struct conf_alert *alert);
void conf_alert_free(struct conf_alert *alert);
bool conf_alert_same(const struct conf_alert *a, const struct conf_alert *b);
struct conf_maintenance *conf_maintenance_copy(const struct conf_maintenance *maintenance);
void conf_maintenance_free(struct conf_maintenance *maintenance);

/* Whether a path stands for all files that match it. */
bool conf_is_glob(const char *path);

/* The same of a log. */
struct conf_log *conf_log_copy(const struct conf_log *log);
void conf_log_free(struct conf_log *log);
bool conf_log_same(const struct conf_log *a, const struct conf_log *b);

/* The services of a recovery, one after the other. Returns: borrowed; NULL behind the last. */
const char *conf_recovery_service(const struct conf_recovery *recovery, size_t index);
bool conf_recovery_is_of(const struct conf_recovery *recovery, struct slice service);

/* Returns: borrowed; NULL when the service has no such action. */
const struct conf_recovery *conf_recovery_find(const struct conf *conf, struct slice service,
                                               struct slice action);

/* Returns: owned, free with conf_recovery_free(); NULL out of memory. */
struct conf_recovery *conf_recovery_copy(const struct conf_recovery *recovery);
void conf_recovery_free(struct conf_recovery *recovery);

/* The same of a scrape. */
struct conf_scrape *conf_scrape_copy(const struct conf_scrape *scrape);
void conf_scrape_free(struct conf_scrape *scrape);
bool conf_scrape_same(const struct conf_scrape *a, const struct conf_scrape *b);

#endif
