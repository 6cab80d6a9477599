/* What the health snapshot goes by, of the configuration. */
#ifndef BELFRY_FCGI_HEALTH_RULES_H
#define BELFRY_FCGI_HEALTH_RULES_H

#include "conf/conf.h"
#include "model/health.h"

static inline struct health_rules health_rules_of(const struct conf *conf) {
  return (struct health_rules){.interval_ms = conf->watch_interval_ms,
                               .cpu_max = conf->thresholds_cpu_max,
                               .mem_max = conf->thresholds_mem_max,
                               .watching = conf->watch_enabled};
}

#endif
