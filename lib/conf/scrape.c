/*
 * Entries of `scrapes`, and what follows from their members.
 */
#include "conf/conf_priv.h"

#include <string.h>

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

#define DEFAULT_INTERVAL_MS 10000
#define DEFAULT_TIMEOUT_MS  5000
#define DEFAULT_SERIES      2000
#define SOURCE_BYTES_MAX    ((size_t)128)

/* HOST:PORT, as it stands in the URL, without user and password. */
static struct slice host_of(const char *url) {
  const char *host = strstr(url, "://") + strlen("://");
  size_t len = strcspn(host, "/?#");
  const char *user_end = memrchr(host, '@', len);
  return user_end ? slice_new(user_end + 1, len - (size_t)(user_end + 1 - host))
                  : slice_new(host, len);
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_scrape *scrape = entry;
  (void)conf;
  if (scrape->url[0] == '/') {
    buf_put_text(why, "a scrape needs a whole URL, such as http://127.0.0.1:9100/metrics");
    return;
  }
  if (!scrape->source) {
    struct slice host = host_of(scrape->url);
    scrape->source = strndup(host.data, host.len < SOURCE_BYTES_MAX ? host.len : SOURCE_BYTES_MAX);
    if (!scrape->source)
      why->status = BELFRY_ENOMEM;
  }
  scrape->interval_ms = scrape->interval_ms ? scrape->interval_ms : DEFAULT_INTERVAL_MS;
  scrape->timeout_ms = scrape->timeout_ms ? scrape->timeout_ms : DEFAULT_TIMEOUT_MS;
  scrape->max_series = scrape->max_series ? scrape->max_series : DEFAULT_SERIES;
}

const struct conf_list conf__scrape_list = {
    CONF_LIST_OF(scrapes, scrape, scrape_rows),
    .finish = finish,
    .example = "- url: http://127.0.0.1:9100/metrics",
    .doc = "Endpoints whose figures become samples.",
};

struct conf_scrape *conf_scrape_copy(const struct conf_scrape *scrape) {
  return conf__copy_entry(&conf__scrape_list, scrape);
}

void conf_scrape_free(struct conf_scrape *scrape) {
  conf__free_entry(&conf__scrape_list, scrape);
}

bool conf_scrape_same(const struct conf_scrape *a, const struct conf_scrape *b) {
  return conf__same_entry(&conf__scrape_list, a, b);
}
