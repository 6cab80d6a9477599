/* The first admin key. */
#include "historyd/first_key.h"

#include "auth/auth.h"
#include "base/fd.h"
#include "base/log.h"
#include "history/query.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int on_count(void *arg, const struct history_value *values, size_t count) {
  *(int64_t *)arg = count > 0 ? values[0].integer : 0;
  return BELFRY_OK;
}

static int count_admins(const char *dir, int64_t now_ms, int64_t *admins,
                        struct belfry_error *error) {
  struct history *history = NULL;
  struct history_value now[] = {HISTORY_VALUE_INTEGER("now", now_ms)};
  int status = history_open(dir, &history, error);
  if (!status)
    status = history_read(history, SQL_ADMINISTRATORS, now, 1, on_count, admins, error);
  history_close(history);
  return status;
}

int first_key_make(struct appender *appender, const char *history_dir, const char *token_path,
                   struct belfry_error *error) {
  char key[AUTH_KEY_BYTES + 1], id[AUTH_KEY_ID_BYTES];
  int64_t now_ms = clock_realtime_ms(appender->clock), admins = 0;
  int status = count_admins(history_dir, now_ms, &admins, error);
  if (status || admins > 0)
    return status;
  struct history_batch batch;
  history_batch_init(&batch, 0);
  auth_key_make(&batch, "admin", AUTH_ROLE_ADMIN, "belfry-historyd", now_ms, 0, key, id);
  /* The file first: a key that is stored and known to nobody could not be made again. */
  size_t len = strlen(key);
  key[len] = '\n';
  status = fd_write_file(token_path, 0600, key, len + 1, error);
  explicit_bzero(key, sizeof key);
  if (!status) {
    status = appender_commit_own(appender, &batch, error);
    if (status)
      unlink(token_path);
  }
  if (!status)
    log_notice("made the admin key %s; it is in %s", id, token_path);
  history_batch_fini(&batch);
  return status;
}
