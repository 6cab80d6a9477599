/*
 * The formats of log lines by the names that the configuration has for them (conf/log_formats.def).
 */
#ifndef BELFRY_WATCHD_LOG_FORMATS_H
#define BELFRY_WATCHD_LOG_FORMATS_H

#include "model/log_format.h"

/* `format`: enum conf_log_format. Returns: NULL for what a line looks like. */
log_format_fn log_format_of(int format);

#endif
