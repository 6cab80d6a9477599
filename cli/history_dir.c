#include "cli/history_dir.h"

#include "conf/conf.h"

#include <stdio.h>

int history_dir_find(const char *conf_path, const char *state, char *out, size_t size,
                     struct belfry_error *error) {
  if (state)
    return snprintf(out, size, "%s/history", state) < (int)size
               ? BELFRY_OK
               : belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", state);
  struct conf *conf = conf_load(conf_path, error);
  if (!conf)
    return error->code;
  int status = conf_state_path(conf, "history", out, size);
  if (status)
    belfry_error_set(error, status, "paths.state is too long");
  conf_free(conf);
  return status;
}

void history_dir_show_bytes(int64_t bytes, char out[static 24]) {
  static const char *const units[] = {"kB", "MB", "GB", "TB"};
  double value = (double)bytes / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit < sizeof units / sizeof *units - 1) {
    value /= 1000;
    unit++;
  }
  snprintf(out, 24, "%.1f %s", value, units[unit]);
}
