/*
 * Belfry was built without libsystemd: there is nobody to ask.
 */
#include "watchd/systemd.h"

#include <stddef.h>

int systemd_new(struct ev_loop *loop, struct systemd **out) {
  (void)loop;
  *out = NULL;
  return BELFRY_OK;
}

void systemd_free(struct systemd *systemd) {
  (void)systemd;
}

static int refuse(struct belfry_error *error) {
  return belfry_error_set(error, BELFRY_ENOENT, "this Belfry was built without libsystemd");
}

int systemd_ask_units(struct systemd *systemd, struct systemd_question *question,
                      int64_t timeout_ms, struct belfry_error *error) {
  (void)systemd;
  (void)question;
  (void)timeout_ms;
  return refuse(error);
}

int systemd_ask_unit(struct systemd *systemd, struct systemd_question *question, const char *name,
                     int64_t timeout_ms, struct belfry_error *error) {
  (void)systemd;
  (void)question;
  (void)name;
  (void)timeout_ms;
  return refuse(error);
}

void systemd_call_off(struct systemd_question *question) {
  (void)question;
}
