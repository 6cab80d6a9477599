#include "watchd/host_temperature.h"

#include "base/fd.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define SENSORS_MAX 64

/* The first line of a small file. Returns: owned; NULL when there is none. */
static char *read_line(const char *dir, const char *chip, const char *name) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/%s/%s", dir, chip, name) >= (int)sizeof path)
    return NULL;
  char *text = fd_read_file(path, 256, NULL, NULL);
  if (text)
    text[strcspn(text, "\n")] = '\0';
  return text;
}

/* `name` is tempN_input. Returns: whether there was a figure. */
static bool read_sensor(const char *dir, const char *chip, const char *name,
                        const struct host_sink *sink) {
  char file[64], sensor[128];
  int len = (int)(strchr(name, '_') - name);
  long long thousandths;
  char *value = read_line(dir, chip, name);
  bool known = value && slice_to_int64(slice_of(value), &thousandths) && thousandths > -274000 &&
               thousandths < 1000000;
  free(value);
  if (!known)
    return false;
  snprintf(file, sizeof file, "%.*s_label", len, name);
  char *label = read_line(dir, chip, file), *title = read_line(dir, chip, "name");
  snprintf(sensor, sizeof sensor, "%.40s ", title && title[0] ? title : chip);
  size_t used = strlen(sensor);
  if (label && label[0])
    snprintf(sensor + used, sizeof sensor - used, "%.60s", label);
  else
    snprintf(sensor + used, sizeof sensor - used, "%.*s", len, name);
  sink->put(sink->arg, "host_temperature_celsius", "sensor", slice_of(sensor),
            (double)thousandths / 1000);
  free(label);
  free(title);
  return true;
}

static bool is_input(const char *name) {
  const char *end = strchr(name, '_');
  return strncmp(name, "temp", 4) == 0 && end && end - name < 16 && strcmp(end, "_input") == 0;
}

void host_temperature_read(const char *dir, const struct host_sink *sink) {
  DIR *chips = opendir(dir);
  const struct dirent *chip, *file;
  int count = 0;
  while (chips && (chip = readdir(chips))) {
    char path[4096];
    if (chip->d_name[0] == '.' ||
        snprintf(path, sizeof path, "%s/%s", dir, chip->d_name) >= (int)sizeof path)
      continue;
    DIR *files = opendir(path);
    while (files && count < SENSORS_MAX && (file = readdir(files)))
      if (is_input(file->d_name))
        count += read_sensor(dir, chip->d_name, file->d_name, sink);
    if (files)
      closedir(files);
  }
  if (chips)
    closedir(chips);
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)state;
  (void)text;
  (void)now_us;
  host_temperature_read("/sys/class/hwmon", sink);
}

const struct host_subject host_temperature = {NULL, 1, take, false};
