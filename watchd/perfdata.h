/*
 * The figures in a line of a Nagios plugin: behind the first `|`, blanks between them, each
 * 'label'=value[UOM];[warn];[crit];[min];[max] (https://nagios-plugins.org/doc/guidelines.html,
 * Performance data).
 */
#ifndef BELFRY_WATCHD_PERFDATA_H
#define BELFRY_WATCHD_PERFDATA_H

#include "base/slice.h"
#include "watchd/probe_result.h"

/*
 * Adds the figures of `text`, which is what stands behind the `|`: service_perfdata{label=}, with
 * the unit at the end of the metric's name: _ms (from us too), _seconds, _percent, _bytes, _total.
 * What makes no sense is left out.
 */
void perfdata_take(struct slice text, struct probe_result *result);

#endif
