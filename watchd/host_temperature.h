/* Temperatures of sensors, from a folder as /sys/class/hwmon is
 * (https://docs.kernel.org/hwmon/sysfs-interface.html). */
#ifndef BELFRY_WATCHD_HOST_TEMPERATURE_H
#define BELFRY_WATCHD_HOST_TEMPERATURE_H

#include "watchd/host_subject.h"

/* Gives host_temperature_celsius{sensor=} of each tempN_input below `dir`/hwmonN; the sensor is the
 * chip's name and the label that it has there, or tempN. A folder that is not there has none. */
void host_temperature_read(const char *dir, const struct host_sink *sink);

#endif
