/*
 * The figures in an answer that was scraped: which of them are wanted, and under which names. No
 * I/O.
 */
#ifndef BELFRY_WATCHD_SCRAPE_TAKE_H
#define BELFRY_WATCHD_SCRAPE_TAKE_H

#include "conf/conf.h"
#include "history/event.h"

#include <stdint.h>

/* Borrowed until it returns. */
typedef void (*scrape_sample_fn)(void *arg, const struct sample *sample);

struct scrape_taken {
  int64_t samples;   /* given */
  int64_t left_out;  /* beyond max_series, or too long for Belfry */
  char problem[200]; /* "": all of it could be read */
};

/*
 * Takes an answer of the Content-Type `type`. Of Prometheus' text each sample, with the label
 * `source` of the scrape (its own is then `exported_source`); of JSON the members that the entry
 * names, else all its numbers, under their path joined by `_`.
 */
void scrape_take(const struct conf_scrape *scrape, const char *type, struct slice body,
                 int64_t now_ms, scrape_sample_fn on_sample, void *arg, struct scrape_taken *out);

#endif
