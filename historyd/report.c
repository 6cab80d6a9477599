/* The daemon's own row. */
#include "historyd/report.h"

#include "base/json.h"
#include "base/log.h"
#include "model/state.h"

#include <stdio.h>
#include <unistd.h>

static int64_t memory_bytes(void) {
  long long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (!file)
    return 0;
  int found = fscanf(file, "%lld %lld", &total, &resident);
  fclose(file);
  return found == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

static void put_figures(const struct report *report, const struct appender *appender,
                        struct buf *out) {
  const struct append_figures *figures = &appender->figures;
  struct keeper_figures keeper = {0};
  int64_t series = 0, series_refused = 0;
  history_writer_series(appender->writer, &series, &series_refused);
  if (report->keeper)
    keeper_figures(report->keeper, &keeper);
  const struct {
    const char *name;
    int64_t value;
  } rows[] = {
      {"appends", figures->appends},
      {"refused", figures->refused},
      {"events", figures->events},
      {"duplicates", figures->duplicates},
      {"samples", figures->samples},
      {"mutations", figures->mutations},
      {"commits", figures->commits},
      {"commit_us_max", report->commit_us_max},
      {"projection_errors", figures->projection_errors},
      {"samples_dropped", figures->samples_dropped},
      {"series", series},
      {"series_refused", series_refused},
      {"connections", report->connections},
      {"disk_full", appender->full},
      {"wal_pages", history_writer_wal_pages(appender->writer)},
      {"sealed_events", keeper.sealed.events},
      {"sealed_blocks", keeper.sealed.blocks},
      {"sealed_samples", keeper.sealed.samples},
      {"sealed_files", keeper.sealed.files},
      {"sealed_bytes", keeper.sealed.bytes},
      {"seal_errors", keeper.errors},
      {"samples_too_late", keeper.sealed.samples_too_late},
      {"deletions", keeper.sealed.deletions},
      {"deleted_events", keeper.sealed.deleted},
      {"retired_files", keeper.sealed.retired_files},
      {"retired_bytes", keeper.sealed.retired_bytes},
      {"oldest_events_ms", keeper.sealed.oldest_ms[0]},
      {"oldest_samples_ms", keeper.sealed.oldest_ms[1]},
      {"oldest_minutes_ms", keeper.sealed.oldest_ms[2]},
      {"oldest_hours_ms", keeper.sealed.oldest_ms[3]},
      {"growth_bytes_per_day", keeper.sealed.growth_bytes_per_day},
      {"hand_over_us_max", keeper.hand_over_us_max},
      {"memory_bytes", memory_bytes()},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    buf_printf(out, "%c\"%s\":%lld", i ? ',' : '{', rows[i].name, (long long)rows[i].value);
  buf_put_text(out, ",\"seal_error\":");
  json_put_string(out, slice_of(keeper.last_error));
  buf_put_char(out, '}');
}

int report_commit(struct report *report, struct appender *appender, struct belfry_error *error) {
  struct history_batch batch;
  struct buf figures;
  struct belfry_error why = {0};
  history_batch_init(&batch, 0);
  buf_init(&figures, 0);
  put_figures(report, appender, &figures);
  struct daemon_report row = {
      .name = "belfry-historyd", .started_ms = report->started_ms, .figures = buf_slice(&figures)};
  daemon_report_put(&batch, &row, clock_realtime_ms(appender->clock));
  report->commit_us_max = 0;
  int status = appender_commit_own(appender, &batch, &why);
  if (status == BELFRY_EIO || status == BELFRY_ECORRUPT)
    belfry_error_set(error, status, "%s", why.text);
  else if (status)
    log_debug("the report is not stored: %s", why.text);
  buf_fini(&figures);
  history_batch_fini(&batch);
  return status == BELFRY_EIO || status == BELFRY_ECORRUPT ? status : BELFRY_OK;
}
