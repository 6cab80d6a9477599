#include "watchd/log_formats.h"

#include "conf/conf.h"

static const log_format_fn formats[] = {
    [CONF_LOG_auto] = NULL,
#define LOG_FORMAT(name, doc) [CONF_LOG_##name] = log_##name##_read,
#include "conf/log_formats.def"
#undef LOG_FORMAT
};

log_format_fn log_format_of(int format) {
  return formats[format];
}
