/*
 * How events reach many clients: WebSocket connections on one event loop (viewers.h) and a process
 * that makes events at a rate (feeder.h). Each event carries the time at which it was due; the
 * latency is from there to its receipt. Prints figures for a person and, with -o, appends them as
 * NAME=VALUE lines to a file. Starts nothing; use it on a history that may be thrown away.
 */
#include "viewers.h"

#include "base/clock.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SETTLE_S 15. /* most time after the last event for all to arrive */
#define LOOK_S   .1

static const char usage_text[] =
    "usage: bench_push -u SOCKET|-t HOST:PORT [OPTION...]\n"
    "  -p TARGET   path and query (/ws)\n"
    "  -k FILE     the key\n"
    "  -c N        clients (100)\n"
    "  -a N        own addresses 127.0.0.1 to N, when there are more clients than ports (1)\n"
    "  -S TEXT     a message that each sends at first, such as a subscription\n"
    "  -z          offer permessage-deflate\n"
    "  -R how      come back when the connection is lost: at-once or jittered\n"
    "  -H SOCKET   events are appended over history.sock,\n"
    "  -P URL      or posted as Belfry's, HOST:PORT/PATH\n"
    "  -T URL      or posted as the very text that clients get\n"
    "  -r N        events a second (100)\n"
    "  -b N        most of them in one request (1)\n"
    "  -g N        so many at once, as somebody who sends batches (1)\n"
    "  -e rich     longer events, of words\n"
    "  -s N        seconds (10); without events the clients just stay so long\n"
    "  -C PID,...  processes whose CPU time and memory are measured\n"
    "  -o FILE     figures for a program\n";

struct bench {
  struct viewers viewers;
  struct feeder feeder;
  struct feeder_shared *shared;
  struct processes processes;
  const char *figures_path;
  char authorization[256];
  int64_t cpu_us, pss_before, pss_open;
  int64_t own_cpu_us;
  struct machine machine;           /* what it did in between */
  int64_t began_us, fed_us, all_us; /* monotonic */
  ev_timer look;
  ev_child feeder_end;
  bool feeding_over;
};

static int64_t own_cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

static void finish(struct bench *bench) {
  bench->all_us = clock_monotonic_us(&clock_system);
  bench->cpu_us = processes_cpu_us(&bench->processes) - bench->cpu_us;
  bench->own_cpu_us = own_cpu_us() - bench->own_cpu_us;
  struct machine now = machine_look();
  bench->machine.busy_us = now.busy_us - bench->machine.busy_us;
  bench->machine.idle_us = now.idle_us - bench->machine.idle_us;
  bench->pss_open = processes_pss_bytes(&bench->processes);
  ev_break(bench->viewers.loop, EVBREAK_ALL);
}

static bool all_there(const struct bench *bench) {
  const struct viewers *viewers = &bench->viewers;
  if (viewers->first_lost_us && viewers->returns && !viewers->all_back_us)
    return false;
  return viewers->events >= bench->shared->accepted * (viewers->count - viewers->refused);
}

/* After the last event, until everything has arrived or it is clear that it does not. */
static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct bench *bench = timer->data;
  int64_t now_us = clock_monotonic_us(&clock_system);
  if (bench->feeder.way == FEEDER_NONE) {
    if (now_us - bench->began_us >= bench->feeder.seconds * 1000000LL)
      finish(bench);
    return;
  }
  /* What is compressed cannot be counted: a second of quiet is the end. */
  bool over = bench->viewers.compressed ? now_us - bench->fed_us > 1000000 : all_there(bench);
  if (bench->feeding_over && (over || now_us - bench->fed_us > (int64_t)(SETTLE_S * 1e6)))
    finish(bench);
}

static void on_feeder_end(struct ev_loop *loop, ev_child *child, int events) {
  (void)events;
  struct bench *bench = child->data;
  ev_child_stop(loop, child);
  bench->feeding_over = true;
  bench->fed_us = clock_monotonic_us(&clock_system);
  if (child->rstatus)
    exit(1);
}

static void on_open(struct viewers *viewers) {
  struct bench *bench = viewers->arg;
  printf("%d clients open, %d refused\n", viewers->open, viewers->refused);
  fflush(stdout);
  viewers_reset_counts(viewers);
  bench->began_us = clock_monotonic_us(&clock_system);
  bench->cpu_us = processes_cpu_us(&bench->processes);
  bench->own_cpu_us = own_cpu_us();
  bench->machine = machine_look();
  if (bench->feeder.way != FEEDER_NONE) {
    pid_t pid = feeder_start(&bench->feeder, bench->shared);
    ev_child_init(&bench->feeder_end, on_feeder_end, pid, 0);
    bench->feeder_end.data = bench;
    ev_child_start(viewers->loop, &bench->feeder_end);
  }
  bench->look.data = bench;
  ev_timer_init(&bench->look, on_look, LOOK_S, LOOK_S);
  ev_timer_start(viewers->loop, &bench->look);
}

/* --- what is told --- */

static double per(double value, double count) {
  return count > 0 ? value / count : 0;
}

static void print_return(const struct viewers *viewers, FILE *out) {
  double all_open_s = (double)(viewers->all_open_us - viewers->first_lost_us) / 1e6;
  double all_back_s = (double)(viewers->all_back_us - viewers->first_lost_us) / 1e6;
  printf("%lld connections lost; %lld tries; %lld resumed with something missing, %lld gaps\n",
         (long long)viewers->lost, (long long)viewers->tries, (long long)viewers->incomplete,
         (long long)viewers->gaps);
  if (viewers->all_back_us)
    printf("all connected again after %.1f s, all live again after %.1f s\n", all_open_s,
           all_back_s);
  else if (viewers->first_lost_us)
    printf("NOT all came back: %d open, %d live\n", viewers->open, viewers->backs);
  if (out)
    fprintf(out, "lost=%lld\nincomplete=%lld\ngaps=%lld\nopen_s=%.2f\nback_s=%.2f\n",
            (long long)viewers->lost, (long long)viewers->incomplete, (long long)viewers->gaps,
            viewers->all_open_us ? all_open_s : -1, viewers->all_back_us ? all_back_s : -1);
}

static void print_latency(const struct latency *latency, FILE *out) {
  printf("latency p50 %.1f ms, p90 %.1f, p99 %.1f, p99.9 %.1f, longest %.1f\n",
         latency_ms(latency, .5), latency_ms(latency, .9), latency_ms(latency, .99),
         latency_ms(latency, .999), (double)latency->longest_us / 1000.0);
  if (out)
    fprintf(out, "p50_ms=%.1f\np99_ms=%.1f\nlongest_ms=%.1f\n", latency_ms(latency, .5),
            latency_ms(latency, .99), (double)latency->longest_us / 1000.0);
}

static void print_processes(const struct bench *bench, double deliveries, FILE *out) {
  double wall_us = (double)(bench->all_us - bench->began_us);
  double cpu_us = per((double)bench->cpu_us, deliveries);
  double pss = per((double)(bench->pss_open - bench->pss_before), bench->viewers.open);
  if (bench->processes.count)
    printf("the server's CPU %.2f us a delivery, %.0f %% of a core; Pss %.1f MB, %.0f bytes a "
           "client\n",
           cpu_us, 100. * per((double)bench->cpu_us, wall_us), (double)bench->pss_open / 1e6, pss);
  double busy = 100. * per((double)bench->machine.busy_us,
                           (double)(bench->machine.busy_us + bench->machine.idle_us));
  printf("this program's own CPU %.0f %% of a core; the whole machine was busy %.0f %%\n",
         100. * per((double)bench->own_cpu_us, wall_us), busy);
  if (out)
    fprintf(out,
            "cpu_us=%.3f\ncpu_total_us=%lld\nserver_percent=%.0f\npss_client=%.0f\nown_percent=%."
            "0f\nbusy_percent=%.0f\n",
            cpu_us, (long long)bench->cpu_us, 100. * per((double)bench->cpu_us, wall_us), pss,
            100. * per((double)bench->own_cpu_us, wall_us), busy);
}

static void print_figures(const struct bench *bench) {
  const struct viewers *viewers = &bench->viewers;
  const struct feeder_shared *shared = bench->shared;
  FILE *out = bench->figures_path ? fopen(bench->figures_path, "ae") : NULL;
  double deliveries = (double)(viewers->events ? viewers->events : viewers->frames);
  int with_all = viewers_with_all(viewers, shared);
  if (bench->feeder.way != FEEDER_NONE) {
    printf("%lld events accepted, %lld refused, handed over %.1f ms late at most; %.0f MB received "
           "in %lld frames (%lld compressed), %.1f a read\n",
           (long long)shared->accepted, (long long)shared->failed, (double)shared->late_us / 1000.,
           (double)viewers->bytes / 1e6, (long long)viewers->frames, (long long)viewers->compressed,
           per((double)viewers->frames, (double)viewers->reads));
    if (!viewers->compressed)
      printf("%d of %d clients got each event exactly once; %lld jumps in the order%s\n", with_all,
             viewers->count, (long long)viewers->jumps,
             bench->feeder.way == FEEDER_HISTORY ? "" : " (requests side by side may overtake)");
    print_latency(&viewers->latency, out);
  }
  if (viewers->returns || viewers->lost)
    print_return(viewers, out);
  print_processes(bench, deliveries, out);
  if (!out)
    return;
  fprintf(out,
          "clients=%d\nrefused=%d\naccepted=%lld\nfailed=%lld\nwith_all=%d\nbytes=%lld\nframes="
          "%lld\ncompressed=%lld\nevents=%lld\nlate_ms=%.1f\nper_read=%.1f\n",
          viewers->open, viewers->refused, (long long)shared->accepted, (long long)shared->failed,
          with_all, (long long)viewers->bytes, (long long)viewers->frames,
          (long long)viewers->compressed, (long long)viewers->events,
          (double)shared->late_us / 1000., per((double)viewers->frames, (double)viewers->reads));
  fclose(out);
}

static void read_token(struct bench *bench, const char *path) {
  char *token = fd_read_file(path, 200, NULL, NULL);
  if (!token) {
    fprintf(stderr, "bench_push: cannot read %s\n", path);
    exit(2);
  }
  snprintf(bench->authorization, sizeof bench->authorization, "Authorization: Bearer %.*s\r\n",
           (int)strcspn(token, "\n"), token);
  free(token);
}

static void set_feeder(struct bench *bench, enum feeder_way way, const char *where) {
  bench->feeder.way = way;
  bench->feeder.where = where;
}

static bool read_option(struct bench *bench, int option, const char *value) {
  struct viewers *viewers = &bench->viewers;
  switch (option) {
  case 'u':
    viewers->socket_path = value;
    return true;
  case 't':
    viewers->address = value;
    return true;
  case 'p':
    viewers->target = value;
    return true;
  case 'k':
    read_token(bench, value);
    return true;
  case 'c':
    return (viewers->count = atoi(value)) > 0;
  case 'a':
    return (viewers->sources = atoi(value)) > 0;
  case 'S':
    viewers->subscribe = value;
    return true;
  case 'z':
    viewers->deflate = true;
    return true;
  case 'R':
    viewers->returns =
        strcmp(value, "jittered") == 0 ? VIEWERS_RETURN_JITTERED : VIEWERS_RETURN_AT_ONCE;
    return true;
  case 'H':
    set_feeder(bench, FEEDER_HISTORY, value);
    return true;
  case 'P':
    set_feeder(bench, FEEDER_EVENTS, value);
    return true;
  case 'T':
    set_feeder(bench, FEEDER_TEXT, value);
    return true;
  case 'r':
    return (bench->feeder.rate = atoi(value)) > 0;
  case 'b':
    return (bench->feeder.batch = atoi(value)) > 0;
  case 'g':
    return (bench->feeder.group = atoi(value)) > 0;
  case 'e':
    bench->feeder.rich = strcmp(value, "rich") == 0;
    return true;
  case 's':
    return (bench->feeder.seconds = atoi(value)) > 0;
  case 'C':
    return !processes_parse(&bench->processes, value);
  case 'o':
    bench->figures_path = value;
    return true;
  default:
    return false;
  }
}

int main(int argc, char **argv) {
  struct bench *bench = calloc(1, sizeof *bench);
  void *shared =
      mmap(NULL, sizeof *bench->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (!bench || shared == MAP_FAILED)
    return 1;
  bench->shared = shared;
  bench->feeder = (struct feeder){
      .rate = 100, .seconds = 10, .batch = 1, .group = 1, .authorization = bench->authorization};
  bench->viewers = (struct viewers){.loop = ev_default_loop(0),
                                    .target = "/ws",
                                    .authorization = bench->authorization,
                                    .count = 100,
                                    .sources = 1,
                                    .on_open = on_open,
                                    .arg = bench};
  int option;
  while ((option = getopt(argc, argv, "u:t:p:k:c:a:S:zR:H:P:T:r:b:g:e:s:C:o:")) != -1)
    if (!read_option(bench, option, optarg)) {
      fputs(usage_text, stderr);
      return 2;
    }
  if (!bench->viewers.socket_path && !bench->viewers.address) {
    fputs(usage_text, stderr);
    return 2;
  }
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
  }
  bench->pss_before = processes_pss_bytes(&bench->processes);
  if (viewers_start(&bench->viewers))
    return 1;
  ev_run(bench->viewers.loop, 0);
  print_figures(bench);
  return 0;
}
