/*
 * What is watched, in the metrics and labels that Uptime Kuma gives its monitors, so that boards
 * that were made for it show Belfry's services too.
 */
#ifndef BELFRY_FCGI_MONITORS_H
#define BELFRY_FCGI_MONITORS_H

#include "base/buf.h"
#include "base/error.h"
#include "conf/conf.h"
#include "history/query.h"

/* Puts monitor_status and monitor_response_time of every service, in the text format of Prometheus.
 */
int monitors_put(struct history *history, const struct conf *conf, struct buf *out,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
