/*
 * What only an entry of `scrapes` as a whole can be asked, and what follows from its other members.
 */
#include "conf/conf_priv.h"

#include <string.h>

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

void conf__finish_scrape(const struct conf *conf, void *entry, struct buf *why) {
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

struct conf_scrape *conf_scrape_copy(const struct conf_scrape *scrape) {
  return conf__copy_entry(conf__scrape_list, scrape);
}

void conf_scrape_free(struct conf_scrape *scrape) {
  conf__free_entry(conf__scrape_list, scrape);
}

bool conf_scrape_same(const struct conf_scrape *a, const struct conf_scrape *b) {
  return conf__same_entry(conf__scrape_list, a, b);
}
