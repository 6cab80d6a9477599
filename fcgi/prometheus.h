/*
 * Belfry's own metrics in the text format that Prometheus reads, from the table metrics.def:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef BELFRY_FCGI_PROMETHEUS_H
#define BELFRY_FCGI_PROMETHEUS_H

#include "base/buf.h"
#include "base/slice.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What figures can be from, beside the daemons by their names. */
#define PROMETHEUS_HISTORY "history"

struct prometheus_source {
  const char *name;      /* "belfry-pushd", or PROMETHEUS_HISTORY */
  const json_t *figures; /* borrowed, an object; NULL: it does not run or cannot be read */
  const char *version;   /* of a daemon that runs, as is */
  int64_t started_ms;
};

/* Puts all metrics of the sources: those of one without figures are absent, and of a daemon it is
 * told whether it is up. */
void prometheus_put(struct buf *out, const struct prometheus_source *sources, size_t count);

/* Puts the lines before the samples of a metric, and a label behind `before` ("{" or ","). */
void prometheus_put_head(struct buf *out, const char *name, const char *type, const char *help);
void prometheus_put_label(struct buf *out, const char *before, const char *name,
                          struct slice value);

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
