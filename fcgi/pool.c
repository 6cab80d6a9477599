#include "fcgi/pool.h"

#include "base/clock.h"
#include "base/daemon.h"
#include "base/fd.h"
#include "base/log.h"
#include "fcgi/shared.h"
#include "fcgi/worker.h"
#include "history/append.h"
#include "model/state.h"
#include "settings/settings.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_INTERVAL_MS   1000
#define LISTEN_PATIENCE_MS   3000 /* for the workers of a master that was killed to let go */
#define LISTEN_RETRY_MS      20
#define RESPAWN_DELAY_MS     100 /* after the first crash in a row; doubled by each further one */
#define RESPAWN_DELAY_MAX_MS 10000
#define HEALTHY_AFTER_MS     10000 /* a worker that lived so long starts a new row of crashes */
#define STUCK_GRACE_MS       5000  /* over the request's time, its connection's included */
#define STOP_GRACE_MS        1500

enum slot_state {
  SLOT_FREE,     /* no worker, and none is wanted */
  SLOT_WAITING,  /* a worker is wanted at `due_ms` */
  SLOT_RUNNING,  /* a worker of the current configuration, or one whose turn has not come */
  SLOT_STOPPING, /* was told to end after its request */
};

struct slot {
  enum slot_state state;
  pid_t pid;
  unsigned generation;        /* of the configuration it was made with */
  int64_t request_timeout_ms; /* that it was made with */
  int64_t started_ms, due_ms;
  int64_t stop_by_ms; /* when stopping: killed after this */
  unsigned crashes;   /* in a row */
};

struct pool {
  int64_t settings_version; /* that the workers have been told of */
  struct conf *conf;
  const struct clock *clock;
  struct shared *shared;
  struct history_client *client;
  struct history_batch batch;
  int listener, signals;
  unsigned generation;
  bool ending;
  int64_t next_report_ms;
  bool report_open;         /* one was sent and is not answered yet */
  uint64_t crashes, killed; /* since the start */
  struct slot slots[SHARED_SLOTS_MAX];
};

/* --- workers --- */

/* In the child: lets go of what is the master's, and becomes a worker. */
static void become_worker(struct pool *pool, struct slot *slot, pid_t master) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != master)
    _exit(0); /* it has died before we could ask to be told */
  history_client_free(pool->client);
  history_batch_fini(&pool->batch);
  fd_close(&pool->signals);
  size_t index = (size_t)(slot - pool->slots);
  /* Not _exit: a sanitizer looks for leaks in here. */
  exit(worker_run(pool->conf, pool->shared, &pool->shared->slots[index], pool->listener));
}

static void start_worker(struct pool *pool, struct slot *slot) {
  int64_t now_ms = clock_monotonic_ms(pool->clock);
  pid_t master = getpid(), pid = fork();
  if (pid == 0)
    become_worker(pool, slot, master);
  if (pid < 0) {
    log_error("cannot start a worker: %s", strerror(errno));
    slot->state = SLOT_WAITING;
    slot->due_ms = now_ms + RESPAWN_DELAY_MAX_MS / 10;
    return;
  }
  slot->state = SLOT_RUNNING;
  slot->pid = pid;
  slot->generation = pool->generation;
  slot->request_timeout_ms = pool->conf->fcgi_request_timeout_ms;
  slot->started_ms = now_ms;
}

static void stop_worker(struct pool *pool, struct slot *slot) {
  if (slot->state == SLOT_RUNNING) {
    kill(slot->pid, SIGTERM);
    slot->state = SLOT_STOPPING;
    slot->stop_by_ms = clock_monotonic_ms(pool->clock) + slot->request_timeout_ms + STOP_GRACE_MS;
  } else if (slot->state == SLOT_WAITING) {
    slot->state = SLOT_FREE;
  }
}

static void worker_ended(struct pool *pool, struct slot *slot, int status) {
  int64_t now_ms = clock_monotonic_ms(pool->clock);
  bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  bool wanted = slot->state == SLOT_RUNNING && !pool->ending;
  atomic_store(&pool->shared->slots[slot - pool->slots].busy_since_ms, 0);
  shared_long_end(&pool->shared->slots[slot - pool->slots]);
  atomic_store(&pool->shared->slots[slot - pool->slots].in_password, false);
  slot->state = wanted ? SLOT_WAITING : SLOT_FREE;
  slot->due_ms = now_ms;
  if (clean) {
    slot->crashes = 0;
    return;
  }
  pool->crashes++;
  if (now_ms - slot->started_ms >= HEALTHY_AFTER_MS)
    slot->crashes = 0;
  int64_t delay_ms = slot->crashes == 0  ? 0
                     : slot->crashes > 7 ? RESPAWN_DELAY_MAX_MS
                                         : (int64_t)RESPAWN_DELAY_MS << (slot->crashes - 1);
  slot->crashes++;
  slot->due_ms = now_ms + delay_ms;
  if (WIFSIGNALED(status))
    log_error("worker %d ended by signal %d (%s)%s", (int)slot->pid, WTERMSIG(status),
              strsignal(WTERMSIG(status)), wanted ? "; starting another" : "");
  else
    log_error("worker %d failed with status %d%s", (int)slot->pid, WEXITSTATUS(status),
              wanted ? "; starting another" : "");
}

static void reap_workers(struct pool *pool) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
      if (pool->slots[i].pid == pid && pool->slots[i].state >= SLOT_RUNNING)
        worker_ended(pool, &pool->slots[i], status);
}

static unsigned count_slots(const struct pool *pool, enum slot_state state) {
  unsigned count = 0;
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    count += pool->slots[i].state == state;
  return count;
}

static struct slot *find_slot(struct pool *pool, enum slot_state state) {
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    if (pool->slots[i].state == state)
      return &pool->slots[i];
  return NULL;
}

/* Replaces one worker of an older configuration at a time: its successor is started first. */
static void replace_outdated(struct pool *pool) {
  if (count_slots(pool, SLOT_STOPPING) > 0)
    return;
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++) {
    struct slot *slot = &pool->slots[i], *successor;
    if (slot->state != SLOT_RUNNING || slot->generation == pool->generation)
      continue;
    successor = find_slot(pool, SLOT_FREE);
    if (!successor)
      return;
    start_worker(pool, successor);
    stop_worker(pool, slot);
    return;
  }
}

static void kill_worker(struct pool *pool, struct slot *slot, const char *why) {
  log_error("worker %d %s; killing it", (int)slot->pid, why);
  kill(slot->pid, SIGKILL);
  pool->killed++;
}

static void kill_stuck(struct pool *pool, int64_t now_ms) {
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++) {
    struct slot *slot = &pool->slots[i];
    int64_t patience_ms = 2 * slot->request_timeout_ms + STUCK_GRACE_MS;
    atomic_llong *busy = &pool->shared->slots[i].busy_since_ms;
    int64_t since_ms = atomic_load_explicit(busy, memory_order_relaxed);
    if (slot->state == SLOT_STOPPING && now_ms > slot->stop_by_ms) {
      kill_worker(pool, slot, "did not end in time");
      slot->stop_by_ms = INT64_MAX;
    } else if (slot->state == SLOT_RUNNING && since_ms && now_ms - since_ms > patience_ms) {
      kill_worker(pool, slot, "is stuck in a request");
      atomic_store(busy, 0);
    }
  }
}

/* Starts who is due, ends who is too many. */
static void keep_workers(struct pool *pool) {
  int64_t now_ms = clock_monotonic_ms(pool->clock);
  unsigned wanted = (unsigned)pool->conf->fcgi_workers;
  kill_stuck(pool, now_ms);
  if (pool->ending)
    return;
  unsigned have = count_slots(pool, SLOT_RUNNING) + count_slots(pool, SLOT_WAITING);
  for (; have > wanted; have--) {
    struct slot *slot = find_slot(pool, SLOT_WAITING);
    stop_worker(pool, slot ? slot : find_slot(pool, SLOT_RUNNING));
  }
  for (; have < wanted; have++) {
    struct slot *slot = find_slot(pool, SLOT_FREE);
    if (!slot)
      break;
    *slot = (struct slot){.state = SLOT_WAITING, .due_ms = now_ms};
  }
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    if (pool->slots[i].state == SLOT_WAITING && pool->slots[i].due_ms <= now_ms)
      start_worker(pool, &pool->slots[i]);
  replace_outdated(pool);
}

/* --- the daemon row --- */

static void report(struct pool *pool) {
  struct shared *shared = pool->shared;
  char figures[500];
  int len = snprintf(
      figures, sizeof figures,
      "{\"requests\":%llu,\"client_errors\":%llu,\"server_errors\":%llu,\"aborted\":%llu,"
      "\"workers\":%u,\"busy_workers\":%u,\"worker_crashes\":%llu,\"workers_killed\":%llu,"
      "\"long_requests\":%u,\"long_refused\":%llu,\"rate_limited\":%llu,\"masked\":%llu}",
      atomic_load(&shared->requests), atomic_load(&shared->client_errors),
      atomic_load(&shared->server_errors), atomic_load(&shared->aborted),
      count_slots(pool, SLOT_RUNNING), shared_busy(shared), (unsigned long long)pool->crashes,
      (unsigned long long)pool->killed, shared_long(shared), atomic_load(&shared->long_refused),
      atomic_load(&shared->rate_limited), atomic_load(&shared->masked));
  const struct daemon_report row = {.name = "belfry-fcgi",
                                    .started_ms = shared->started_ms,
                                    .figures = slice_new(figures, (size_t)len)};
  struct belfry_error error = {0};
  uint32_t tag;
  /* While historyd is away or does not answer there is nobody to tell; the next second does. */
  if (pool->report_open || history_client_connect(pool->client, &error))
    return;
  history_batch_clear(&pool->batch);
  daemon_report_put(&pool->batch, &row, clock_realtime_ms(pool->clock));
  auth_used_put(&shared->used, &pool->batch, clock_realtime_ms(pool->clock));
  if (history_batch_status(&pool->batch) || history_client_send(pool->client, &pool->batch, &tag))
    return;
  pool->report_open = true;
}

static void on_receipt(void *arg, uint32_t tag, int status, const struct history_receipt *receipt,
                       const char *error_text) {
  struct pool *pool = arg;
  (void)tag;
  (void)receipt;
  pool->report_open = false;
  if (status && status != BELFRY_ECLOSED)
    log_warning("the daemon row was refused: %s",
                error_text ? error_text : belfry_strerror(status));
}

/* --- signals --- */

static int new_client(const struct conf *conf, struct history_client **out,
                      struct belfry_error *error) {
  char path[256];
  int status = conf_run_path(conf, "history.sock", path, sizeof path);
  if (!status)
    status = history_client_new(path, "belfry-fcgi", out);
  return status ? belfry_error_set(error, status, "%s", belfry_strerror(status)) : BELFRY_OK;
}

/* Whether the workers will be able to read the keys of JWTs. */
static int check_jwt(const struct conf *conf, struct belfry_error *error) {
  struct auth_jwt *jwt = NULL;
  int status = auth_jwt_load(conf, &jwt, error);
  auth_jwt_free(jwt);
  return status;
}

/* Loads the configuration with the settings of the history. That is closed again at once: a worker
 * that is forked must not find it open. Returns: owned; NULL with `error` set. */
static struct conf *load(struct pool *pool, struct belfry_error *error) {
  struct settings_look look = {0};
  struct conf *conf = settings_reload(&look, pool->conf, error);
  if (look.version >= 0)
    pool->settings_version = look.version;
  settings_look_end(&look);
  return conf;
}

static void reload(struct pool *pool) {
  struct belfry_error error = {0};
  struct conf *conf = load(pool, &error);
  if (!conf) {
    log_error("the old configuration stays in force: %s", error.text);
    return;
  }
  if (strcmp(conf->paths_run, pool->conf->paths_run) != 0) {
    log_error("the old configuration stays in force: paths.run can only change with a restart");
    conf_free(conf);
    return;
  }
  if (check_jwt(conf, &error)) {
    log_error("the old configuration stays in force: %s", error.text);
    conf_free(conf);
    return;
  }
  conf_free(pool->conf);
  pool->conf = conf;
  pool->generation++;
  log_set_level((enum log_level)(conf->logging_level + LOG_LEVEL_CRITICAL));
  log_notice("configuration reloaded; replacing the workers one after the other");
}

/* A worker has seen that settings were changed. */
static void follow_settings(struct pool *pool) {
  int64_t seen = atomic_load_explicit(&pool->shared->settings_version, memory_order_relaxed);
  if (seen == pool->settings_version || pool->ending)
    return;
  pool->settings_version = seen; /* once, even if it cannot be loaded */
  reload(pool);
}

static void end_pool(struct pool *pool) {
  if (pool->ending)
    return;
  pool->ending = true;
  daemon_stopping("finishing the requests that are being answered");
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    stop_worker(pool, &pool->slots[i]);
}

static void take_signals(struct pool *pool) {
  struct signalfd_siginfo info;
  while (read(pool->signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGHUP && !pool->ending)
      reload(pool);
    else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
      end_pool(pool);
  }
  reap_workers(pool); /* one SIGCHLD may stand for several */
}

/* --- start and loop --- */

/* The workers of a master that was killed let go of the socket as soon as they hear of it. */
static int open_listener(struct pool *pool, struct belfry_error *error) {
  pool->listener = daemon_inherited_socket("fcgi");
  if (pool->listener >= 0)
    return BELFRY_OK;
  char path[256];
  if (conf_run_path(pool->conf, "fcgi.sock", path, sizeof path))
    return belfry_error_set(error, BELFRY_ETOOBIG, "paths.run is too long for a socket");
  int64_t until_ms = clock_monotonic_ms(pool->clock) + LISTEN_PATIENCE_MS;
  for (;;) {
    struct belfry_error listen_error = {0};
    int status = fd_unix_listen(path, 0660, &pool->listener, &listen_error);
    if (status != BELFRY_ECONFLICT || clock_monotonic_ms(pool->clock) >= until_ms) {
      if (status)
        (void)belfry_error_set(error, status, "%s", listen_error.text);
      return status;
    }
    (void)poll(NULL, 0, LISTEN_RETRY_MS);
  }
}

static int open_signals(struct pool *pool, struct belfry_error *error) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pool->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return pool->signals < 0 ? belfry_error_errno(error, errno, "cannot take signals") : BELFRY_OK;
}

static int time_to_wait_ms(const struct pool *pool, int64_t now_ms) {
  int64_t until_ms = pool->next_report_ms;
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++) {
    const struct slot *slot = &pool->slots[i];
    int64_t at_ms = slot->state == SLOT_WAITING    ? slot->due_ms
                    : slot->state == SLOT_STOPPING ? slot->stop_by_ms
                                                   : until_ms;
    if (at_ms < until_ms)
      until_ms = at_ms;
  }
  return until_ms <= now_ms ? 1 : (int)(until_ms - now_ms) + 1;
}

static void run(struct pool *pool) {
  while (!pool->ending || count_slots(pool, SLOT_STOPPING) > 0) {
    keep_workers(pool);
    int64_t now_ms = clock_monotonic_ms(pool->clock);
    if (now_ms >= pool->next_report_ms) {
      report(pool);
      follow_settings(pool);
      pool->next_report_ms = now_ms + REPORT_INTERVAL_MS;
    }
    struct pollfd fds[2] = {{.fd = pool->signals, .events = POLLIN}, {.fd = -1}};
    fds[1].fd = history_client_poll(pool->client, &fds[1].events);
    if (poll(fds, 2, time_to_wait_ms(pool, now_ms)) < 0 && errno != EINTR)
      log_error("poll: %s", strerror(errno));
    if (fds[0].revents)
      take_signals(pool);
    if (fds[1].fd >= 0 && fds[1].revents && history_client_pump(pool->client, on_receipt, pool))
      log_debug("the connection to belfry-historyd was lost");
  }
}

/* The first workers shall know them; without a history yet, the file is all there is. */
static void begin_with_settings(struct pool *pool) {
  struct belfry_error error = {0};
  struct conf *conf = load(pool, &error);
  if (conf) {
    conf_free(pool->conf);
    pool->conf = conf;
  }
  atomic_store_explicit(&pool->shared->settings_version, pool->settings_version,
                        memory_order_relaxed);
}

int pool_run(struct conf *conf, struct belfry_error *error) {
  struct pool *pool = calloc(1, sizeof *pool);
  if (!pool) {
    conf_free(conf);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  *pool = (struct pool){.conf = conf, .clock = &clock_system, .listener = -1, .signals = -1};
  log_set_level((enum log_level)(conf->logging_level + LOG_LEVEL_CRITICAL));
  history_batch_init(&pool->batch, 0);
  int status = check_jwt(conf, error);
  if (!status)
    status = new_client(conf, &pool->client, error);
  if (!status)
    status = shared_map(&pool->shared, error);
  if (!status)
    status = open_signals(pool, error);
  if (!status)
    status = open_listener(pool, error);
  if (!status) {
    pool->shared->started_ms = clock_realtime_ms(pool->clock);
    begin_with_settings(pool);
    keep_workers(pool);
    daemon_ready("answering requests");
    run(pool);
  }
  fd_close(&pool->listener);
  fd_close(&pool->signals);
  history_client_free(pool->client);
  history_batch_fini(&pool->batch);
  conf_free(pool->conf);
  free(pool);
  return status;
}
