/*
 * Whether a maintenance of the configuration is going on.
 */
#ifndef BELFRY_WATCHD_MAINTENANCE_H
#define BELFRY_WATCHD_MAINTENANCE_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

/* Takes: `now_ms` of the clock on the wall. */
bool maintenance_goes_on(const struct conf_maintenance *maintenance, int64_t now_ms);

#endif
