#include "watchd/report.h"

#include "base/buf.h"
#include "base/fd.h"
#include "model/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define INTERVAL_MS 1000

struct report {
  struct schedule_task task;
  struct schedule *schedule;
  struct outbox *outbox;
  const struct clock *clock;
  report_fn ask;
  void *arg;
  int64_t started_ms, interval_ms;
  int64_t told_us, cpu_us; /* at the last report */
  struct history_batch batch;
  struct buf figures;
  struct outbox_letter letter;
};

/* Memory of our own: what is resident less what is shared, such as the pages of the history's file
 * (statm: the second and third column, in pages; proc(5)). Returns: 0 when it is not known. */
static long long memory_bytes(void) {
  unsigned long long resident = 0, shared = 0;
  char *text = fd_read_file("/proc/self/statm", 4096, NULL, NULL);
  if (text && (sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident))
    resident = shared = 0;
  free(text);
  return (long long)(resident - shared) * sysconf(_SC_PAGESIZE);
}

/* Of one processor, since the last report. */
static double cpu_percent(struct report *report) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  int64_t now_us = clock_monotonic_us(report->clock);
  int64_t cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
                   usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  int64_t took_us = now_us - report->told_us, used_us = cpu_us - report->cpu_us;
  report->told_us = now_us;
  report->cpu_us = cpu_us;
  return took_us > 0 ? 100. * (double)used_us / (double)took_us : 0;
}

static void put_figures(struct report *report) {
  struct report_figures own = {0};
  struct outbox_figures sent = outbox_figures(report->outbox);
  report->ask(report->arg, &own);
  buf_clear(&report->figures);
  buf_printf(
      &report->figures,
      "{\"services\":%lld,\"checking\":%lld,\"cpu_percent\":%.1f,"
      "\"checks\":%lld,\"samples\":%lld,\"lines\":%lld,\"masked\":%lld,\"misfits\":%lld,"
      "\"syslog\":%lld,\"syslog_dropped\":%lld,\"syslog_refused\":%lld,"
      "\"late\":%lld,"
      "\"lateness_p99_ms\":%"
      "lld,\"dropped\":%lld,"
      "\"memory_bytes\":%lld,\"interval_ms\":%lld,\"last_run_ms\":%lld,"
      "\"next_run_ms\":%lld,\"duration_ms\":%lld",
      (long long)own.services, (long long)own.checking, cpu_percent(report), (long long)own.checks,
      (long long)sent.samples, (long long)own.lines, (long long)own.masked, (long long)own.misfits,
      (long long)own.syslog, (long long)own.syslog_dropped, (long long)own.syslog_refused,
      (long long)schedule_late_count(report->schedule),
      (long long)schedule_lateness_ms(report->schedule), (long long)(sent.dropped + own.dropped),
      memory_bytes(), (long long)report->interval_ms, (long long)own.last_run_ms,
      (long long)own.next_run_ms, (long long)own.last_duration_ms);
  buf_printf(&report->figures,
             ",\"recoveries\":%lld,\"recoveries_failed\":%lld,\"recovering\":%lld,\"runner\":%d",
             (long long)own.recoveries, (long long)own.recoveries_failed, (long long)own.recovering,
             own.runner);
  buf_printf(&report->figures,
             ",\"notifications_sent\":%lld,\"notifications_failed\":%lld,"
             "\"notifications_queued\":%lld}",
             (long long)own.notifications_sent, (long long)own.notifications_failed,
             (long long)own.notifications_queued);
}

/* A row that is lost is replaced by the next. */
static void report_on_receipt(void *arg, int status, const char *error_text) {
  (void)arg;
  (void)status;
  (void)error_text;
}

static void report_on_turn(void *arg) {
  struct report *report = arg;
  if (report->letter.waiting || !outbox_connected(report->outbox))
    return;
  put_figures(report);
  const struct daemon_report row = {"belfry-watchd", report->started_ms,
                                    buf_slice(&report->figures)};
  history_batch_clear(&report->batch);
  daemon_report_put(&report->batch, &row, clock_realtime_ms(report->clock));
  if (history_batch_status(&report->batch) == BELFRY_OK &&
      outbox_send(report->outbox, &report->letter, &report->batch))
    return; /* historyd has just gone: the next row says all that this one would have */
}

int report_new(struct schedule *schedule, struct outbox *outbox, const struct clock *clock,
               report_fn ask, void *arg, struct report **out) {
  struct report *report = calloc(1, sizeof *report);
  if (!report)
    return BELFRY_ENOMEM;
  report->schedule = schedule;
  report->outbox = outbox;
  report->clock = clock;
  report->ask = ask;
  report->arg = arg;
  report->started_ms = clock_realtime_ms(clock);
  report->told_us = clock_monotonic_us(clock);
  report->letter = (struct outbox_letter){.on_receipt = report_on_receipt};
  history_batch_init(&report->batch, 0);
  buf_init(&report->figures, 4096);
  schedule_task_init(&report->task, schedule, report_on_turn, report);
  schedule_task_start(&report->task, 0, INTERVAL_MS);
  *out = report;
  return BELFRY_OK;
}

void report_free(struct report *report) {
  if (!report)
    return;
  schedule_task_stop(&report->task);
  outbox_recall(report->outbox, &report->letter);
  history_batch_fini(&report->batch);
  buf_fini(&report->figures);
  free(report);
}

void report_set_interval(struct report *report, int64_t interval_ms) {
  report->interval_ms = interval_ms;
}
