/*
 * How fast batches become durable: blocking clients, each in a process of its own, append events to
 * a running belfry-historyd.
 *
 *     bench_append SOCKET CLIENTS EVENTS_PER_BATCH SECONDS [TYPE [EVENTS_PER_SECOND]]
 *
 * Starts nothing; use it on a history that may be thrown away. Prints batches and events a second,
 * and how long an append took. With EVENTS_PER_SECOND of all clients together a batch is due at its
 * time, however late the one before was, and its time counts from there.
 */
#include "base/clock.h"
#include "history/append.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS_MAX 256
#define BUCKETS     4096 /* of 50 us; the last is everything longer */
#define BUCKET_US   50

struct result {
  int64_t batches, failures;
  int64_t buckets[BUCKETS];
};

static void fill(struct history_batch *batch, struct ulid_maker *ulids, int client, int events,
                 const char *type) {
  char id[ULID_BYTES], source[32], data[256];
  int64_t now = clock_realtime_ms(&clock_system);
  snprintf(source, sizeof source, "bench-%d", client);
  history_batch_clear(batch);
  for (int i = 0; i < events; i++) {
    ulid_make(ulids, now, id);
    snprintf(
        data, sizeof data,
        "{\"message\":\"request %d served from the cache without asking upstream\",\"agent\":"
        "\"bench\",\"action\":\"step\",\"status\":200,\"path\":\"/api/things/%d\",\"user_agent\":"
        "\"curl/7.88.1\",\"bytes\":5120}",
        i, client);
    history_batch_event(batch, &(struct event){.timestamp_ms = now,
                                               .severity = 1,
                                               .type = slice_of(type),
                                               .source = slice_of(source),
                                               .event_id = slice_of(id),
                                               .data = slice_of(data)});
  }
}

/* Waits until a batch is due. */
static void await(int64_t due_us) {
  int64_t left_us = due_us - clock_monotonic_us(&clock_system);
  if (left_us > 0)
    usleep((useconds_t)left_us);
}

static void run_client(const char *socket_path, int number, int events, int64_t until_us,
                       int64_t every_us, const char *type, struct result *result) {
  struct history_client *client;
  struct history_batch batch;
  struct ulid_maker ulids = {0};
  history_batch_init(&batch, 0);
  if (history_client_new(socket_path, "belfry-fcgi", &client))
    _exit(1);
  int64_t due_us = clock_monotonic_us(&clock_system) + every_us * number / CLIENTS_MAX;
  while (clock_monotonic_us(&clock_system) < until_us) {
    struct history_receipt receipt;
    struct belfry_error error = {0};
    fill(&batch, &ulids, number, events, type);
    await(due_us);
    int64_t begun = every_us ? due_us : clock_monotonic_us(&clock_system);
    due_us += every_us;
    if (history_client_append(client, &batch, 10000, &receipt, &error)) {
      if (result->failures++ == 0)
        fprintf(stderr, "%s\n", error.text);
      continue;
    }
    int64_t bucket = (clock_monotonic_us(&clock_system) - begun) / BUCKET_US;
    result->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    result->batches++;
  }
  _exit(0);
}

/* Returns: milliseconds within which `share` of all appends were answered. */
static double quantile(const struct result *all, double share) {
  int64_t seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += all->buckets[i];
    if ((double)seen >= share * (double)all->batches)
      return (i + 1) * BUCKET_US / 1000.;
  }
  return 0;
}

int main(int argc, char **argv) {
  int clients = argc > 4 ? atoi(argv[2]) : 0;
  int events = argc > 4 ? atoi(argv[3]) : 0;
  int seconds = argc > 4 ? atoi(argv[4]) : 0;
  if (clients < 1 || clients > CLIENTS_MAX || events < 1 || seconds < 1) {
    fprintf(stderr, "usage: bench_append SOCKET CLIENTS EVENTS_PER_BATCH SECONDS [TYPE "
                    "[EVENTS_PER_SECOND]]\n");
    return 2;
  }
  struct result *results = mmap(NULL, sizeof *results * (size_t)clients, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  int64_t rate = argc > 6 ? atoi(argv[6]) : 0;
  int64_t every_us = rate > 0 ? INT64_C(1000000) * events * clients / rate : 0;
  int64_t until_us = clock_monotonic_us(&clock_system) + seconds * INT64_C(1000000);
  for (int i = 0; i < clients; i++)
    if (fork() == 0)
      run_client(argv[1], i, events, until_us, every_us, argc > 5 ? argv[5] : "agent_activity",
                 &results[i]);
  while (wait(NULL) > 0)
    continue;
  struct result all = {0};
  for (int i = 0; i < clients; i++) {
    all.batches += results[i].batches;
    all.failures += results[i].failures;
    for (int b = 0; b < BUCKETS; b++)
      all.buckets[b] += results[i].buckets[b];
  }
  printf("append: %d clients, %d events a batch: %lld batches/s, %lld events/s, p50 %.2f ms, p99 "
         "%.2f ms, p99.9 %.2f ms, %lld failures\n",
         clients, events, (long long)(all.batches / seconds),
         (long long)(all.batches * events / seconds), quantile(&all, .5), quantile(&all, .99),
         quantile(&all, .999), (long long)all.failures);
  return all.failures > 0;
}
