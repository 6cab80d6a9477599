/*
 * The built belfry-historyd, spoken to over its socket: it is killed under load, its disk fills up,
 * strangers talk nonsense to it. What it acknowledged must be there exactly once.
 */
#include "base/bell.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "history/append.h"
#include "tests/unit/history/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 20000

static char dir[64], history_dir[96], socket_path[96];
static pid_t daemon_pid = -1;
static struct belfry_error error;

static int64_t now_ms(void) {
  return clock_monotonic_ms(&clock_system);
}

static void path_in(char out[96], const char *name) {
  snprintf(out, 96, "%s/%s", dir, name);
}

/* From here on the kernel lets fsync and its like fail for this process, as a broken disk would. */
static void break_syncs(void) {
  struct sock_filter rows[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fsync, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fdatasync, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {.len = sizeof rows / sizeof *rows, .filter = rows};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
    _exit(126);
}

/* Starts the daemon; what it says goes to DIR/log. */
static pid_t start_on(bool broken_disk) {
  char conf[96], log[96];
  path_in(conf, "belfry.yaml");
  path_in(log, "log");
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid > 0)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing running */
  int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, STDERR_FILENO);
  if (broken_disk)
    break_syncs();
  execl(BELFRY_HISTORYD, BELFRY_HISTORYD, "-c", conf, (char *)NULL);
  _exit(127);
}

static pid_t start(void) {
  return start_on(false);
}

static void assert_said(const char *text) {
  char path[96];
  path_in(path, "log");
  char *log = fd_read_file(path, 1 << 20, NULL, &error);
  assert_non_null(log);
  if (!strstr(log, text))
    fail_msg("the daemon does not say '%s' but: %s", text, log);
  free(log);
}

static int end(pid_t pid, int signal) {
  int status = 0;
  kill(pid, signal);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

/* Lays out a folder with a configuration. */
static void prepare_dir(void) {
  char path[96];
  path_in(history_dir, "history");
  path_in(socket_path, "history.sock");
  path_in(path, "belfry.yaml");
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file,
          "paths:\n  state: %s\n  run: %s\nhistory:\n  checkpoint_pages: 100\n  ballast: 1MiB\n",
          dir, dir);
  fclose(file);
}

static int setup(void **state) {
  (void)state;
  error = (struct belfry_error){0};
  fixture_make_dir(dir);
  prepare_dir();
  daemon_pid = start();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  int status = daemon_pid > 0 ? end(daemon_pid, SIGTERM) : 0;
  daemon_pid = -1;
  fixture_remove_dir(dir);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail_msg("the daemon ended with status %x", (unsigned)status);
  return 0;
}

static struct history_client *new_client(const char *program) {
  struct history_client *client = NULL;
  assert_int_equal(history_client_new(socket_path, program, &client), 0);
  return client;
}

static void put_event(struct history_batch *batch, const char *source, const char *id,
                      const char *data) {
  struct event event = fixture_event(id, "test.event", 1795170000000, data);
  event.source = slice_of(source);
  history_batch_event(batch, &event);
}

static int append_one(struct history_client *client, const char *id, const char *data,
                      struct history_receipt *receipt) {
  struct history_batch batch;
  error = (struct belfry_error){0};
  history_batch_init(&batch, 0);
  put_event(&batch, "test", id, data);
  int status = history_client_append(client, &batch, DEADLINE_MS, receipt, &error);
  history_batch_fini(&batch);
  return status;
}

static void append_well(struct history_client *client, const char *id) {
  struct history_receipt receipt;
  if (append_one(client, id, "{}", &receipt))
    fail_msg("event %s is not stored: %s", id, error.text);
}

static void test_append_and_first_key(void **state) {
  (void)state;
  char path[96];
  struct stat info;
  struct history_receipt receipt;
  struct history_client *client = new_client("belfry-fcgi");
  assert_int_equal(append_one(client, "a", "{\"n\":1}", &receipt), 0);
  assert_int_equal(receipt.accepted, 1);
  assert_int_equal(receipt.first_id, 1);
  assert_int_equal(append_one(client, "a", "{\"n\":2}", &receipt), 0);
  assert_int_equal(receipt.accepted, 0);
  assert_int_equal(receipt.duplicates, 1);
  history_client_free(client);

  path_in(path, "admin.token");
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  size_t len;
  char *token = fd_read_file(path, 100, &len, &error);
  assert_non_null(token);
  assert_int_equal(len, 61);
  assert_int_equal(memcmp(token, "bfy_", 4), 0);
  assert_int_equal(token[60], '\n');
  /* A second start makes no second one. */
  end(daemon_pid, SIGTERM);
  daemon_pid = start();
  client = new_client("belfry-fcgi");
  append_well(client, "b");
  history_client_free(client);
  char *again = fd_read_file(path, 100, &len, &error);
  assert_string_equal(token, again);
  free(token);
  free(again);
  path_in(path, "history.sock");
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0660);
}

static void test_the_bells_ring(void **state) {
  (void)state;
  char path[96];
  int bells[2];
  path_in(path, "push.bell");
  assert_int_equal(bell_open(path, &bells[0], &error), 0);
  path_in(path, "watch.bell");
  assert_int_equal(bell_open(path, &bells[1], &error), 0);
  struct history_client *client = new_client("belfry-watchd");
  append_well(client, "a");
  for (int i = 0; i < 2; i++) {
    assert_int_equal(fd_wait(bells[i], POLLIN, DEADLINE_MS), 0);
    fd_close(&bells[i]);
  }
  append_well(client, "b"); /* nobody hears it: no harm */
  history_client_free(client);
}

static void test_a_second_one_is_refused(void **state) {
  (void)state;
  int status = 0;
  char pid[32];
  struct history_client *client = new_client("belfry-fcgi");
  append_well(client, "a"); /* the first one is up */
  pid_t second = start();
  assert_int_equal(waitpid(second, &status, 0), second);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 1);
  snprintf(pid, sizeof pid, "in use by process %d", (int)daemon_pid);
  assert_said(pid);
  append_well(client, "b");
  history_client_free(client);
}

static void test_strangers(void **state) {
  (void)state;
  struct history_receipt receipt;
  struct history_client *good = new_client("belfry-fcgi"), *bad = new_client("belfry-nobody");
  append_well(good, "a");
  assert_int_equal(append_one(bad, "b", "{}", &receipt), BELFRY_EDENIED);
  assert_non_null(strstr(error.text, "belfry-nobody"));

  /* Bytes without sense, a frame before the hello, a frame that claims 4 GiB. */
  static const char garbage[3][24] = {
      "GET / HTTP/1.1\r\n\r\n1234",
      {0, 0, 0, 0, HISTORY_VERB_APPEND, 0, 0, 0, 1, 0, 0, 0},
      {(char)0xff, (char)0xff, (char)0xff, (char)0xff, HISTORY_VERB_HELLO},
  };
  for (int i = 0; i < 3; i++) {
    int fd = -1;
    char byte;
    assert_int_equal(fd_unix_connect(socket_path, &fd, &error), 0);
    assert_int_equal(send(fd, garbage[i], sizeof garbage[i], MSG_NOSIGNAL), sizeof garbage[i]);
    assert_int_equal(fd_wait(fd, POLLIN, DEADLINE_MS), 0);
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n > 0)
      fail_msg("nonsense %d is answered", i);
    fd_close(&fd);
  }

  /* Another version of the protocol. */
  int fd = -1;
  struct buf hello;
  buf_init(&hello, 0);
  size_t mark = ipc_begin_frame(&hello, HISTORY_VERB_HELLO, 0, 1);
  wire_put_u32(&hello, HISTORY_PROTOCOL_VERSION + 1);
  wire_put_slice(&hello, slice_of("belfry-fcgi"));
  ipc_end_frame(&hello, mark);
  assert_int_equal(fd_unix_connect(socket_path, &fd, &error), 0);
  assert_int_equal(send(fd, hello.data, hello.len, MSG_NOSIGNAL), hello.len);
  buf_clear(&hello);
  struct ipc_frame frame;
  size_t at = 0;
  while (ipc_take_frame(&hello, &at, 1000, &frame) == BELFRY_EMORE) {
    assert_int_equal(fd_wait(fd, POLLIN, DEADLINE_MS), 0);
    ssize_t n = recv(fd, buf_reserve(&hello, 1000), 1000, 0);
    assert_true(n > 0);
    buf_commit(&hello, (size_t)n);
  }
  assert_int_equal(frame.status, BELFRY_EVERSION);
  buf_fini(&hello);
  fd_close(&fd);

  append_well(good, "c");
  history_client_free(good);
  history_client_free(bad);
}

static void test_a_large_batch(void **state) {
  (void)state;
  enum { EVENTS = 400, BYTES = 30000 };
  static char data[BYTES];
  char id[16];
  struct history_batch batch;
  struct history_receipt receipt;
  struct history_client *client = new_client("belfry-fcgi");
  history_batch_init(&batch, 0);
  memset(data, 'x', sizeof data);
  memcpy(data, "{\"text\":\"", 9);
  memcpy(data + sizeof data - 3, "\"}", 3);
  for (int i = 0; i < EVENTS; i++) {
    snprintf(id, sizeof id, "%d", i);
    put_event(&batch, "test", id, data);
  }
  if (history_client_append(client, &batch, DEADLINE_MS, &receipt, &error))
    fail_msg("12 MB are not stored: %s", error.text);
  assert_int_equal(receipt.accepted, EVENTS);
  history_batch_fini(&batch);
  history_client_free(client);
}

/* --- without waiting --- */

struct pumped {
  int answered, lost, status;
  int64_t first_id;
};

static void on_receipt(void *arg, uint32_t tag, int status, const struct history_receipt *receipt,
                       const char *text) {
  struct pumped *pumped = arg;
  (void)tag, (void)text;
  pumped->answered++;
  pumped->lost += status == BELFRY_ECLOSED;
  pumped->status = status;
  if (receipt->first_id > pumped->first_id)
    pumped->first_id = receipt->first_id;
}

static void connect_soon(struct history_client *client) {
  int64_t deadline = now_ms() + DEADLINE_MS;
  while (history_client_connect(client, NULL)) {
    assert_true(now_ms() < deadline);
    poll(NULL, 0, 5);
  }
}

static void pump_until(struct history_client *client, struct pumped *pumped, int answers) {
  int64_t deadline = now_ms() + DEADLINE_MS;
  while (pumped->answered < answers) {
    short events;
    assert_true(now_ms() < deadline);
    int fd = history_client_poll(client, &events);
    if (fd < 0)
      return;
    assert_int_equal(fd_wait(fd, events, DEADLINE_MS), 0);
    if (history_client_pump(client, on_receipt, pumped))
      return;
  }
}

static void test_a_client_that_does_not_wait(void **state) {
  (void)state;
  char id[16];
  uint32_t tag;
  struct history_batch batch;
  struct pumped pumped = {0};
  struct history_client *client = new_client("belfry-pushd");
  history_batch_init(&batch, 0);
  assert_int_equal(history_client_send(client, &batch, &tag), BELFRY_ECLOSED);
  connect_soon(client);
  for (int i = 0; i < 100; i++) {
    snprintf(id, sizeof id, "%d", i);
    history_batch_clear(&batch);
    put_event(&batch, "test", id, "{}");
    assert_int_equal(history_client_send(client, &batch, &tag), 0);
  }
  pump_until(client, &pumped, 100);
  assert_int_equal(pumped.answered, 100);
  assert_int_equal(pumped.status, 0);
  assert_int_equal(pumped.first_id, 100);

  /* When the daemon goes, each open batch is answered once, and a new connection works. */
  kill(daemon_pid, SIGSTOP);
  for (int i = 0; i < 3; i++)
    assert_int_equal(history_client_send(client, &batch, &tag), 0);
  kill(daemon_pid, SIGKILL);
  waitpid(daemon_pid, NULL, 0);
  pump_until(client, &pumped, 103);
  assert_int_equal(pumped.answered, 103);
  assert_int_equal(pumped.lost, 3);
  short events;
  assert_int_equal(history_client_poll(client, &events), -1);
  daemon_pid = start();
  connect_soon(client);
  assert_int_equal(history_client_send(client, &batch, &tag), 0);
  pump_until(client, &pumped, 104);
  assert_int_equal(pumped.status, 0);
  history_batch_fini(&batch);
  history_client_free(client);
}

static void test_a_stop_answers_what_it_has_read(void **state) {
  (void)state;
  uint32_t tag;
  struct history_batch batch;
  struct pumped pumped = {0};
  struct history_client *client = new_client("belfry-pushd");
  history_batch_init(&batch, 0);
  put_event(&batch, "test", "a", "{}");
  connect_soon(client);
  assert_int_equal(history_client_send(client, &batch, &tag), 0);
  pump_until(client, &pumped, 1);
  int status = end(daemon_pid, SIGTERM);
  daemon_pid = -1;
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_int_not_equal(access(socket_path, F_OK), 0);
  history_batch_fini(&batch);
  history_client_free(client);
}

/* --- killed under load --- */

#define PRODUCERS 4
#define PER_BATCH 7

struct ledger {
  _Atomic int64_t acknowledged[PRODUCERS]; /* batches 0 to n-1 of each producer were */
};

static void produce(int number, struct ledger *ledger) {
  struct history_batch batch;
  struct history_client *client = NULL;
  char source[16], id[32];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  history_batch_init(&batch, 0);
  if (history_client_new(socket_path, "belfry-fcgi", &client))
    _exit(1);
  snprintf(source, sizeof source, "p%d", number);
  for (int64_t n = 0;; n++) {
    struct history_receipt receipt;
    struct belfry_error why = {0};
    history_batch_clear(&batch);
    for (int i = 0; i < PER_BATCH; i++) {
      snprintf(id, sizeof id, "%lld-%d", (long long)n, i);
      put_event(&batch, source, id, "{}");
    }
    if (history_client_append(client, &batch, DEADLINE_MS, &receipt, &why) ||
        receipt.accepted + receipt.duplicates != PER_BATCH) {
      fprintf(stderr, "producer %d: %s\n", number, why.text);
      _exit(1);
    }
    ledger->acknowledged[number] = n + 1;
  }
}

static void wait_for_more(const struct ledger *ledger, int64_t more) {
  int64_t before[PRODUCERS], deadline = now_ms() + DEADLINE_MS;
  for (int i = 0; i < PRODUCERS; i++)
    before[i] = ledger->acknowledged[i];
  for (int i = 0; i < PRODUCERS; i++) {
    while (ledger->acknowledged[i] < before[i] + more) {
      if (now_ms() > deadline)
        fail_msg("producer %d does not get on", i);
      poll(NULL, 0, 1);
    }
  }
}

struct tally {
  struct event_page page;
  int64_t batches[PRODUCERS]; /* bound of what is looked for */
  uint8_t *seen[PRODUCERS];
  int64_t last_id, last_received;
};

static int on_stored(void *arg, const struct event *event) {
  struct tally *tally = arg;
  int producer;
  long long n;
  int i;
  char text[64];
  assert_true(event->id > tally->last_id);
  assert_true(event->received_ms >= tally->last_received);
  tally->last_id = event->id;
  tally->last_received = event->received_ms;
  snprintf(text, sizeof text, "%.*s %.*s", SLICE_ARG(event->source), SLICE_ARG(event->event_id));
  assert_int_equal(sscanf(text, "p%d %lld-%d", &producer, &n, &i), 3);
  if (n < tally->batches[producer])
    tally->seen[producer][n * PER_BATCH + i]++;
  return 0;
}

static void test_killed_under_load(void **state) {
  (void)state;
  struct ledger *ledger =
      mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(ledger != MAP_FAILED);
  pid_t producers[PRODUCERS];
  for (int i = 0; i < PRODUCERS; i++) {
    producers[i] = fork();
    if (producers[i] == 0)
      produce(i, ledger);
  }
  for (int round = 0; round < 6; round++) {
    wait_for_more(ledger, 20 + round * 7);
    end(daemon_pid, SIGKILL);
    daemon_pid = start();
  }
  wait_for_more(ledger, 20);
  for (int i = 0; i < PRODUCERS; i++)
    end(producers[i], SIGKILL);

  struct tally tally = {0};
  for (int i = 0; i < PRODUCERS; i++) {
    tally.batches[i] = ledger->acknowledged[i];
    tally.seen[i] = calloc((size_t)tally.batches[i] * PER_BATCH, 1);
    assert_non_null(tally.seen[i]);
  }
  struct history *history = fixture_reader(history_dir);
  struct event_query query = {.limit = UINT32_MAX};
  assert_int_equal(history_events(history, &query, on_stored, &tally, NULL, &error), 0);
  for (int p = 0; p < PRODUCERS; p++) {
    for (int64_t i = 0; i < tally.batches[p] * PER_BATCH; i++)
      if (tally.seen[p][i] != 1)
        fail_msg("event %d of batch %d of producer %d was acknowledged and is there %d times",
                 (int)(i % PER_BATCH), (int)(i / PER_BATCH), p, tally.seen[p][i]);
    free(tally.seen[p]);
  }
  history_close(history);
  munmap(ledger, sizeof *ledger);
}

/* --- the disk fails --- */

/* A clean end has brought all of the write-ahead log into the database. Without the log a start has
 * nothing to sync, and the first sync is that of a commit. */
static void remove_log(void) {
  char path[160];
  snprintf(path, sizeof path, "%s/hot.db-wal", history_dir);
  assert_int_equal(unlink(path), 0);
  snprintf(path, sizeof path, "%s/hot.db-shm", history_dir);
  assert_int_equal(unlink(path), 0);
}

/* Law 2: after a failed fsync nothing is acknowledged any more. */
static void test_a_failed_sync_ends_it(void **state) {
  (void)state;
  struct history_batch batch;
  struct history_receipt receipt;
  int status = 0;
  struct history_client *client = new_client("belfry-fcgi");
  append_well(client, "a");
  end(daemon_pid, SIGTERM);
  remove_log();
  daemon_pid = start_on(true);
  history_batch_init(&batch, 0);
  put_event(&batch, "test", "b", "{}");
  int answer = history_client_append(client, &batch, 300, &receipt, &error);
  assert_true(answer == BELFRY_ECLOSED || answer == BELFRY_ETIMEDOUT);
  assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
  daemon_pid = -1;
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == 126) { /* no such filters here */
    history_batch_fini(&batch);
    history_client_free(client);
    skip();
  }
  assert_int_equal(WEXITSTATUS(status), 1);
  assert_said("nothing is acknowledged any more");
  daemon_pid = start();
  if (history_client_append(client, &batch, DEADLINE_MS, &receipt, &error))
    fail_msg("on a disk that works again: %s", error.text);
  assert_int_equal(receipt.accepted + receipt.duplicates, 1);
  history_batch_fini(&batch);
  history_client_free(client);
}

/* --- the disk is full --- */

/* A small disk of our own, seen by this process and its children only. Returns: false where that is
 * not permitted. */
static bool mount_small_disk(void) {
  char map[64];
  uid_t uid = getuid();
  if (unshare(CLONE_NEWNS) < 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
      return false;
    int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    int len = snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    bool mapped = fd >= 0 && write(fd, map, (size_t)len) == len;
    fd_close(&fd);
    if (!mapped)
      return false;
  }
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("tmpfs", dir, "tmpfs", 0, "size=12m,mode=0700") == 0;
}

/* Writes until nothing more goes in. */
static void fill_disk(const char *path) {
  static char zeros[16384];
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  while (write(fd, zeros, sizeof zeros) > 0)
    continue;
  close(fd);
}

static void check_full_disk(void) {
  char filler[96], ballast[112], id[16];
  static char data[20000];
  struct stat info;
  int stored = 0, refused = 0;
  struct history_receipt receipt;
  snprintf(ballast, sizeof ballast, "%s/ballast", history_dir);
  path_in(filler, "filler");
  memset(data, 'x', sizeof data);
  memcpy(data, "{\"text\":\"", 9);
  memcpy(data + sizeof data - 3, "\"}", 3);
  struct history_client *client = new_client("belfry-fcgi");
  append_well(client, "first");
  assert_int_equal(stat(ballast, &info), 0);
  fill_disk(filler);
  for (int i = 0; i < 2000 && refused < 20; i++) {
    snprintf(id, sizeof id, "%d", i);
    int status = append_one(client, id, data, &receipt);
    if (status == 0)
      stored++;
    else if (status == BELFRY_EFULL)
      refused++;
    else
      fail_msg("a full disk is answered with %d: %s", status, error.text);
  }
  assert_int_equal(refused, 20);
  assert_int_not_equal(stat(ballast, &info), 0); /* given up */
  assert_int_equal(waitpid(daemon_pid, NULL, WNOHANG), 0);
  assert_said("disk is full");

  /* Reading goes on. */
  struct history *history = fixture_reader(history_dir);
  struct history_position position;
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_int_equal(position.head, stored + 1);
  assert_int_equal(unlink(filler), 0);
  int64_t deadline = now_ms() + DEADLINE_MS;
  while (append_one(client, "last", "{}", &receipt)) {
    if (now_ms() > deadline)
      fail_msg("there is room again, and still: %s", error.text);
    poll(NULL, 0, 10);
  }
  assert_int_equal(receipt.first_id, stored + 2); /* of what was refused nothing is there */
  assert_int_equal(stat(ballast, &info), 0);
  history_close(history);
  history_client_free(client);
}

static void test_full_disk(void **state) {
  (void)state;
  fixture_make_dir(dir);
  if (!mount_small_disk()) {
    rmdir(dir);
    skip();
  }
  prepare_dir();
  daemon_pid = start();
  check_full_disk();
  int status = end(daemon_pid, SIGTERM);
  daemon_pid = -1;
  umount2(dir, MNT_DETACH);
  rmdir(dir);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_append_and_first_key),
      TEST(test_the_bells_ring),
      TEST(test_a_second_one_is_refused),
      TEST(test_strangers),
      TEST(test_a_large_batch),
      TEST(test_a_client_that_does_not_wait),
      TEST(test_a_stop_answers_what_it_has_read),
      TEST(test_killed_under_load),
      TEST(test_a_failed_sync_ends_it),
      cmocka_unit_test(test_full_disk), /* last: it moves to a place of its own */
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
