/*
 * settings.def and the two lists as data, and the fields they stand for.
 */
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

#define AT(section, key, suffix) offsetof(struct conf, section##_##key##suffix)

const struct conf_row conf__settings[] = {
#define CONF_BOOL(s, k, fallback_, doc_)                                                           \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_BOOL,                                                                         \
   .offset = AT(s, k, ),                                                                           \
   .fallback = fallback_,                                                                          \
   .doc = doc_},
#define CONF_NUMBER(s, k, suffix, kind_, fallback_, min_, max_, doc_)                              \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = kind_,                                                                                  \
   .offset = AT(s, k, suffix),                                                                     \
   .fallback = fallback_,                                                                          \
   .min = min_,                                                                                    \
   .max = max_,                                                                                    \
   .doc = doc_},
#define CONF_INT(s, k, f, min_, max_, doc_) CONF_NUMBER(s, k, , CONF_KIND_INT, f, min_, max_, doc_)
#define CONF_DURATION(s, k, f, min_, max_, doc_)                                                   \
  CONF_NUMBER(s, k, _ms, CONF_KIND_DURATION, f, min_, max_, doc_)
#define CONF_BYTES(s, k, f, min_, max_, doc_)                                                      \
  CONF_NUMBER(s, k, _bytes, CONF_KIND_BYTES, f, min_, max_, doc_)
#define CONF_CHOICE(s, k, fallback_, choices_, doc_)                                               \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_CHOICE,                                                                       \
   .offset = AT(s, k, ),                                                                           \
   .fallback_text = fallback_,                                                                     \
   .choices = choices_,                                                                            \
   .doc = doc_},
#define CONF_PATH(s, k, fallback_, doc_)                                                           \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_PATH,                                                                         \
   .offset = AT(s, k, ),                                                                           \
   .fallback_text = fallback_,                                                                     \
   .max = 4095,                                                                                    \
   .doc = doc_},
#define CONF_TEXT(s, k, fallback_, max_bytes, form_, doc_)                                         \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_TEXT,                                                                         \
   .offset = AT(s, k, ),                                                                           \
   .fallback_text = fallback_,                                                                     \
   .max = max_bytes,                                                                               \
   .form = CONF_FORM_##form_,                                                                      \
   .doc = doc_},
#include "conf/settings.def"
};

const size_t conf__setting_count = sizeof conf__settings / sizeof *conf__settings;
_Static_assert(sizeof conf__settings / sizeof *conf__settings <= CONF_ROWS_MAX,
               "make CONF_ROWS_MAX larger");

static const struct conf_row service_rows[] = {
    {.key = "name",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, name),
     .required = true,
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "What the service is called everywhere. Unique."},
    {.key = "type",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_service, type),
     .fallback_text = "",
     .choices = "auto"
#define SERVICE_TYPE(name, needs, takes, doc) "|" #name
#include "conf/service_types.def"
#undef SERVICE_TYPE
     ,
     .doc = "How it is checked. By default http with a health_endpoint, else tcp."},
    {.key = "host",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, host),
     .fallback_text = "",
     .max = 253,
     .form = CONF_FORM_NAME,
     .doc = "Where it is, a name or an address. This host (127.0.0.1) by default."},
    {.key = "port",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_service, port),
     .min = 1,
     .max = 65535,
     .doc = "Its TCP port. Without a health_endpoint a connection to it is the check."},
    {.key = "health_endpoint",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, health_endpoint),
     .fallback_text = "",
     .max = 2048,
     .form = CONF_FORM_ENDPOINT,
     .doc = "A path such as /health, asked for on the host and the port, or a whole http:// or "
            "https:// URL, which needs neither."},
    {.key = "method",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, method),
     .fallback_text = "",
     .max = 16,
     .form = CONF_FORM_METHOD,
     .doc = "Of the HTTP request. GET by default."},
    {.key = "headers",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_service, headers),
     .max = 1024,
     .form = CONF_FORM_HEADER,
     .doc = "Of the HTTP request."},
    {.key = "body",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, body),
     .fallback_text = "",
     .max = 4096,
     .doc = "Of the HTTP request."},
    {.key = "expect_status",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, expect_status),
     .fallback_text = "",
     .max = 256,
     .form = CONF_FORM_STATUSES,
     .doc = "The statuses of HTTP that are good. 200-399 by default."},
    {.key = "expect_text",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, expect_text),
     .fallback_text = "",
     .max = 1024,
     .doc = "What the body of the answer must hold."},
    {.key = "expect_json",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, expect_json),
     .fallback_text = "",
     .max = 1024,
     .form = CONF_FORM_MEMBER,
     .doc = "A member of the answer, which is JSON, and the value that it must have; of nested "
            "ones a path, with numbers for the places in an array."},
    {.key = "insecure",
     .kind = CONF_KIND_BOOL,
     .offset = offsetof(struct conf_service, insecure),
     .doc = "Whether any certificate will do. No by default."},
    {.key = "certificate_days",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_service, certificate_days),
     .min = 1,
     .max = 3650,
     .doc = "It is degraded when its certificate is good for fewer days. 14 by default."},
    {.key = "grpc_service",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, grpc_service),
     .fallback_text = "",
     .max = 127,
     .doc = "Whose health is asked for. That of the whole server by default."},
    {.key = "command",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_service, command),
     .max = 4096,
     .doc = "The program, by its absolute path, and its arguments. No shell looks at them."},
    {.key = "process",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, process),
     .fallback_text = "",
     .max = 256,
     .doc = "The name of its program: the last part of its path, or the whole path."},
    {.key = "source",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, source),
     .fallback_text = "",
     .max = 128,
     .doc = "The source of the events, or the value of the label `source` of the samples."},
    {.key = "metric",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_service, metric),
     .fallback_text = "",
     .max = 128,
     .form = CONF_FORM_NAME,
     .doc = "The samples must be of this metric. Without it, events of any type will do."},
    {.key = "within",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, within_ms),
     .min = 1000,
     .max = 31536000000,
     .doc = "How old the newest may be. Twice the interval by default."},
    {.key = "interval",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, interval_ms),
     .min = 1000,
     .max = 86400000,
     .doc = "How often it is probed. As watch.interval says by default."},
    {.key = "timeout",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, timeout_ms),
     .min = 100,
     .max = 600000,
     .doc = "How long its answer is waited for. As watch.timeout says by default."},
    {.key = "degraded_latency",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_service, degraded_latency_ms),
     .min = 1,
     .max = 600000,
     .doc = "It is degraded when it answers later than this. As watch.degraded_latency says by "
            "default."},
};

static const struct conf_row log_rows[] = {
    {.key = "path",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_log, path),
     .required = true,
     .fallback_text = "",
     .max = 4095,
     .doc = "The file whose new lines become events of type log. It may be rotated."},
    {.key = "source",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_log, source),
     .fallback_text = "",
     .max = 128,
     .doc = "The source of these events. The name of the file without its folders by default."},
};

void conf__finish_log(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_log *log = entry;
  (void)conf;
  if (log->source)
    return;
  const char *slash = strrchr(log->path, '/');
  log->source = strdup(slash ? slash + 1 : log->path);
  if (!log->source)
    why->status = BELFRY_ENOMEM;
}

static const struct conf_row scrape_rows[] = {
    {.key = "url",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_scrape, url),
     .required = true,
     .fallback_text = "",
     .max = 2048,
     .form = CONF_FORM_ENDPOINT,
     .doc = "Where the figures are: Prometheus' text, OpenMetrics, or JSON."},
    {.key = "source",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_scrape, source),
     .fallback_text = "",
     .max = 128,
     .doc = "The label `source` of its samples. Host and port of the URL by default."},
    {.key = "interval",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_scrape, interval_ms),
     .min = 1000,
     .max = 86400000,
     .doc = "How often it is asked. 10s by default."},
    {.key = "timeout",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_scrape, timeout_ms),
     .min = 100,
     .max = 600000,
     .doc = "How long its answer is waited for. 5s by default."},
    {.key = "metrics",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_scrape, metrics),
     .max = 128,
     .doc = "Which of its metrics are taken: globs. All by default."},
    {.key = "json",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_scrape, json),
     .max = 512,
     .form = CONF_FORM_FIGURE,
     .doc = "Of an answer that is JSON, which of its numbers are taken, and as which metrics. All "
            "of them by default, "
            "each under its path."},
    {.key = "headers",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_scrape, headers),
     .max = 1024,
     .form = CONF_FORM_HEADER,
     .doc = "Of the request."},
    {.key = "insecure",
     .kind = CONF_KIND_BOOL,
     .offset = offsetof(struct conf_scrape, insecure),
     .doc = "Whether any certificate will do. No by default."},
    {.key = "max_series",
     .kind = CONF_KIND_INT,
     .offset = offsetof(struct conf_scrape, max_series),
     .min = 1,
     .max = 1000000,
     .doc =
         "Most samples that are taken of one answer; what is beyond is left out. 2000 by default."},
};

static const struct conf_row mask_rows[] = {
    {.key = "pattern",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_mask, pattern),
     .required = true,
     .fallback_text = "",
     .max = 1024,
     .doc = "A regular expression as of Perl (PCRE2); what it matches is replaced, from its \\K on "
            "where it has one."},
};

#define ROWS(rows_) .rows = rows_, .row_count = sizeof rows_ / sizeof *rows_

const struct conf_list conf__lists[] = {
    {.name = "services",
     .items_offset = offsetof(struct conf, services),
     .count_offset = offsetof(struct conf, service_count),
     .entry_bytes = sizeof(struct conf_service),
     ROWS(service_rows),
     .finish = conf__finish_service,
     .example = "- name: api",
     .doc = "What is watched. Each entry needs a port, a health_endpoint that is a URL, or what "
            "its type "
            "needs."},
    {.name = "logs",
     .items_offset = offsetof(struct conf, logs),
     .count_offset = offsetof(struct conf, log_count),
     .entry_bytes = sizeof(struct conf_log),
     ROWS(log_rows),
     .finish = conf__finish_log,
     .example = "- path: /var/log/app.log",
     .doc = "Log files that are followed."},
    {.name = "scrapes",
     .items_offset = offsetof(struct conf, scrapes),
     .count_offset = offsetof(struct conf, scrape_count),
     .entry_bytes = sizeof(struct conf_scrape),
     ROWS(scrape_rows),
     .finish = conf__finish_scrape,
     .example = "- url: http://127.0.0.1:9100/metrics",
     .doc = "Endpoints whose figures become samples."},
    {.name = "masks",
     .items_offset = offsetof(struct conf, masks),
     .count_offset = offsetof(struct conf, mask_count),
     .entry_bytes = sizeof(struct conf_mask),
     ROWS(mask_rows),
     .finish = conf__finish_mask,
     .example = "- pattern: 'customer-\\K[0-9]+'",
     .doc = "What is masked beside what masking.enabled masks."},
};

const struct conf_list *const conf__service_list = &conf__lists[0];
const struct conf_list *const conf__scrape_list = &conf__lists[2];
const size_t conf__list_count = sizeof conf__lists / sizeof *conf__lists;

size_t conf__section_end(size_t first) {
  size_t end = first + 1;
  while (end < conf__setting_count &&
         strcmp(conf__settings[end].section, conf__settings[first].section) == 0)
    end++;
  return end;
}

static void **items_of(const struct conf_list *list, const struct conf *conf) {
  return (void **)(uintptr_t)((const char *)conf + list->items_offset);
}

size_t conf__list_count_of(const struct conf_list *list, const struct conf *conf) {
  return *(const size_t *)(const void *)((const char *)conf + list->count_offset);
}

void *conf__list_entry(const struct conf_list *list, const struct conf *conf, size_t index) {
  return (char *)*items_of(list, conf) + index * list->entry_bytes;
}

void *conf__list_append(const struct conf_list *list, struct conf *conf) {
  void **items = items_of(list, conf);
  size_t *count = (size_t *)(void *)((char *)conf + list->count_offset);
  void *more = reallocarray(*items, *count + 1, list->entry_bytes);
  if (!more)
    return NULL;
  *items = more;
  void *entry = (char *)more + *count * list->entry_bytes;
  memset(entry, 0, list->entry_bytes);
  ++*count;
  return entry;
}

size_t conf__setting_index(struct slice section, struct slice key) {
  for (size_t i = 0; i < conf__setting_count; i++)
    if (slice_is(section, conf__settings[i].section) && slice_is(key, conf__settings[i].key))
      return i;
  return SIZE_MAX;
}
