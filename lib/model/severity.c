#include "model/severity.h"

#include <strings.h>

static const char *const names[SEVERITY_COUNT] = {
    [SEVERITY_DEBUG] = "debug",     [SEVERITY_INFO] = "info",   [SEVERITY_SUCCESS] = "success",
    [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error", [SEVERITY_CRITICAL] = "critical",
};

/* What syslog, Python's logging, log4j and OpenTelemetry call them. */
static const struct {
  const char *name;
  enum severity severity;
} others[] = {
    {"trace", SEVERITY_DEBUG},    {"notice", SEVERITY_INFO},        {"information", SEVERITY_INFO},
    {"ok", SEVERITY_SUCCESS},     {"warn", SEVERITY_WARNING},       {"err", SEVERITY_ERROR},
    {"crit", SEVERITY_CRITICAL},  {"alert", SEVERITY_CRITICAL},     {"emerg", SEVERITY_CRITICAL},
    {"fatal", SEVERITY_CRITICAL}, {"emergency", SEVERITY_CRITICAL}, {"panic", SEVERITY_CRITICAL},
};

const char *severity_name(int severity) {
  return severity >= 0 && severity < SEVERITY_COUNT ? names[severity] : "unknown";
}

static bool same(struct slice given, const char *name) {
  return given.len == strlen(name) && strncasecmp(given.data, name, given.len) == 0;
}

int severity_parse(struct slice name, enum severity *out) {
  for (int i = 0; i < SEVERITY_COUNT; i++) {
    if (same(name, names[i])) {
      *out = (enum severity)i;
      return BELFRY_OK;
    }
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (same(name, others[i].name)) {
      *out = others[i].severity;
      return BELFRY_OK;
    }
  }
  return BELFRY_EINVAL;
}
