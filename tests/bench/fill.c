/*
 * Makes a history as if days had gone by: with the real writer and keeper on a clock that is set,
 * in one thread, so that its time is that of one core, sealing included.
 *
 *     fill samples DIR SERIES DAYS STEP_SECONDS [TEXT_FILE]
 *     fill logs DIR LINES DAYS [TEXT_FILE]
 *
 * The history ends at the last midnight (UTC). TEXT_FILE gets the same for peers: samples as
 * Prometheus text with times in milliseconds, log lines one below the other. Prints `key=value`
 * lines.
 */
#include "history/append.h"
#include "history/keeper.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DAY_MS      INT64_C(86400000)
#define HOT_EVENTS  10000
#define GROUP_LINES 2000
#define GROUP_MS    600000 /* of samples */
#define SERIES_MAX  1000

static struct history_writer *writer;
static struct history_keeper *keeper;
static struct belfry_error error;
static FILE *text; /* NULL: not wanted */
static int64_t now_ms;

static uint32_t random_state = 12345;
static uint32_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

static void die(const char *what) {
  fprintf(stderr, "fill: %s: %s\n", what, error.text);
  exit(1);
}

static int64_t set_realtime(const struct clock *clock) {
  (void)clock;
  return now_ms * 1000;
}
static int64_t real_monotonic(const struct clock *clock) {
  (void)clock;
  return clock_monotonic_us(&clock_system);
}
static const struct clock set_clock = {set_realtime, real_monotonic};

static int take_over(void *arg, const struct history_hand_over *hand_over,
                     struct belfry_error *why) {
  (void)arg;
  return history_writer_take_over(writer, hand_over, why);
}

static void begin(void) {
  if (history_writer_begin_group(writer, &error))
    die("begin");
}

static void commit(void) {
  bool more = true;
  if (history_writer_commit_group(writer, &error))
    die("commit");
  while (more)
    if (history_keeper_step(keeper, &more, &error))
      die("seal");
  if (history_writer_wal_pages(writer) > 1000 && history_writer_checkpoint(writer, false, &error))
    die("checkpoint");
}

/* --- samples --- */

static void fill_samples(int64_t series, int64_t days, int64_t step_ms) {
  static double values[SERIES_MAX];
  static char labels[SERIES_MAX][32];
  int64_t end_ms = now_ms, group_end = 0;
  for (int64_t i = 0; i < series; i++) {
    values[i] = 40 + (double)(next_random() % 2000) / 100;
    snprintf(labels[i], sizeof labels[i], "{\"n\":\"%02d\"}", (int)i);
  }
  now_ms = end_ms - days * DAY_MS;
  for (int64_t ts = now_ms; ts < end_ms; ts += step_ms) {
    if (ts >= group_end) {
      if (group_end)
        commit();
      begin();
      group_end = ts + GROUP_MS;
    }
    now_ms = ts;
    for (int64_t i = 0; i < series; i++) {
      values[i] += (double)((int)(next_random() % 101) - 50) / 100;
      values[i] = values[i] < 0 ? 0 : values[i];
      double rounded = (double)(int64_t)(values[i] * 100 + .5) / 100;
      struct sample sample = {slice_of("bench_value"), slice_of(labels[i]), ts, rounded};
      if (history_writer_sample(writer, &sample, &error))
        die("sample");
      if (text)
        fprintf(text, "bench_value{n=\"%02d\"} %.2f %" PRId64 "\n", (int)i, rounded, ts);
    }
  }
  now_ms = end_ms;
  commit();
}

/* --- log lines --- */

/* About 110 bytes. `needle` is in one line of a million, `common` in a third, `left` and `right` in
 * a tenth each, and hardly ever both. */
static size_t make_line(int64_t n, char line[static 256]) {
  static const char *const what[] = {"opened", "closed", "accepted", "refused", "renewed"};
  static const char *const things[] = {"connection", "session", "lease",
                                       "upload",     "query",   "transaction"};
  static const char *const who[] = {"anna", "bert", "carla", "dieter", "emil", "frida", "gustav"};
  uint32_t side = next_random() % 1000;
  return (size_t)snprintf(
      line, 256,
      "%02d:%02d:%02d.%03d svc-%u[%u]: %s %s %08x from 10.%u.%u.%u for %s in %u.%03u ms, status "
      "%u%s%s%s",
      (int)(now_ms / 3600000 % 24), (int)(now_ms / 60000 % 60), (int)(now_ms / 1000 % 60),
      (int)(now_ms % 1000), next_random() % 40, next_random() % 32768, what[next_random() % 5],
      things[next_random() % 6], next_random(), next_random() % 4, next_random() % 256,
      next_random() % 256, who[next_random() % 7], next_random() % 900, next_random() % 1000,
      next_random() % 20 ? 200 : 503, next_random() % 3 ? "" : " common",
      side < 100 || side == 999 ? " left" : "",
      (side >= 100 && side < 200) || n % 1000003 == 77 ? " right" : "");
}

static void fill_logs(int64_t lines, int64_t days) {
  int64_t end_ms = now_ms, start_ms = end_ms - days * DAY_MS, bytes = 0;
  for (int64_t n = 0; n < lines; n++) {
    char line[256], data[320], id[32];
    if (n % GROUP_LINES == 0)
      begin();
    now_ms = start_ms + (int64_t)((double)n / (double)lines * (double)(end_ms - start_ms));
    size_t len = make_line(n, line);
    if (n % 1000000 == 500000)
      len += (size_t)snprintf(line + len, sizeof line - len, " needle");
    bytes += (int64_t)len + 1;
    snprintf(data, sizeof data, "{\"message\":\"%s\"}", line);
    snprintf(id, sizeof id, "line-%" PRId64, n);
    struct event event = {.timestamp_ms = now_ms,
                          .received_ms = now_ms,
                          .severity = 1,
                          .type = slice_of("log"),
                          .source = slice_of("bench"),
                          .event_id = slice_of(id),
                          .data = slice_of(data),
                          .origin = HISTORY_ORIGIN_FCGI};
    if (history_writer_event(writer, &event, &error))
      die("event");
    if (text)
      fprintf(text, "%s\n", line);
    if (n % GROUP_LINES == GROUP_LINES - 1 || n == lines - 1)
      commit();
  }
  printf("text_bytes=%" PRId64 "\n", bytes);
}

/* --- what it came to --- */

static int64_t bytes_of(const char *dir, const char *start) {
  char path[4400];
  int64_t bytes = 0;
  struct stat info;
  DIR *folder = opendir(dir);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    size_t len = strlen(entry->d_name); /* logs beside them are bounded, and start over */
    bool database = len > 3 && strcmp(entry->d_name + len - 3, ".db") == 0;
    if (database && strncmp(entry->d_name, start, strlen(start)) == 0 && stat(path, &info) == 0)
      bytes += info.st_size;
  }
  if (folder)
    closedir(folder);
  return bytes;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
         (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

int main(int argc, char **argv) {
  static const char *const kinds[] = {"events", "samples", "minutes", "hours"};
  bool samples = argc >= 6 && strcmp(argv[1], "samples") == 0;
  bool logs = argc >= 5 && strcmp(argv[1], "logs") == 0;
  int64_t count = samples || logs ? atoll(argv[3]) : 0, days = count ? atoll(argv[4]) : 0;
  int64_t step_ms = samples ? atoll(argv[5]) * 1000 : 1;
  if (count < 1 || days < 1 || step_ms < 1 || (samples && count > SERIES_MAX)) {
    fprintf(stderr, "usage: fill samples DIR SERIES DAYS STEP_SECONDS [TEXT_FILE]\n"
                    "       fill logs DIR LINES DAYS [TEXT_FILE]\n");
    return 2;
  }
  const char *dir = argv[2], *text_path = argc > (samples ? 6 : 5) ? argv[samples ? 6 : 5] : NULL;
  if (text_path && !(text = fopen(text_path, "we")))
    die(text_path);
  int64_t today_ms = clock_realtime_ms(&clock_system);
  now_ms = today_ms - today_ms % DAY_MS;
  const struct history_writer_options options = {.max_series = SERIES_MAX * 2};
  const struct history_keeper_options keeping = {.hot_events = HOT_EVENTS,
                                                 .hot_samples_ms = 600000};
  if (history_writer_open(dir, &options, &writer, &error) ||
      history_keeper_open(dir, &keeping, &set_clock, take_over, NULL, &keeper, &error))
    die(dir);
  int64_t begun_us = clock_monotonic_us(&clock_system);
  double cpu = cpu_seconds();
  if (samples)
    fill_samples(count, days, step_ms);
  else
    fill_logs(count, days);
  printf("seconds=%.3f\ncpu_seconds=%.3f\n",
         (double)(clock_monotonic_us(&clock_system) - begun_us) / 1e6, cpu_seconds() - cpu);
  printf("records=%" PRId64 "\n", samples ? count * (days * DAY_MS / step_ms) : count);
  history_keeper_close(keeper);
  history_writer_close(writer);
  char segments[4200];
  snprintf(segments, sizeof segments, "%s/segments", dir);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    printf("%s_bytes=%" PRId64 "\n", kinds[i], bytes_of(segments, kinds[i]));
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("hot_bytes=%" PRId64 "\npeak_rss_kb=%ld\n", bytes_of(dir, "hot.db"), usage.ru_maxrss);
  if (text && fclose(text))
    die(text_path);
  return 0;
}
