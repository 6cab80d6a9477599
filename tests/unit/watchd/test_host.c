/* watchd/host_*: figures from texts of /proc. */
#include "watchd/host_mounts.h"
#include "watchd/host_processes.h"
#include "watchd/host_subject.h"
#include "watchd/host_temperature.h"
#include "watchd/mounts_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIGURES_MAX 32

struct figures {
  struct {
    char name[128]; /* "metric" or "metric{label}" */
    double value;
  } all[FIGURES_MAX];
  size_t count;
};

static void put(void *arg, const char *metric, const char *label, struct slice value,
                double number) {
  struct figures *figures = arg;
  assert_true(figures->count < FIGURES_MAX);
  char *name = figures->all[figures->count].name;
  if (label)
    snprintf(name, 128, "%s{%.*s}", metric, SLICE_ARG(value));
  else
    snprintf(name, 128, "%s", metric);
  figures->all[figures->count++].value = number;
}

static void take(const struct host_subject *subject, void *state, const char *text, int64_t now_us,
                 struct figures *figures) {
  const struct host_sink sink = {put, figures};
  *figures = (struct figures){0};
  subject->take(state, slice_of(text), now_us, &sink);
}

static bool has(const struct figures *figures, const char *name, double *value) {
  for (size_t i = 0; i < figures->count; i++)
    if (strcmp(figures->all[i].name, name) == 0) {
      *value = figures->all[i].value;
      return true;
    }
  return false;
}

static void expect(const struct figures *figures, const char *name, double value) {
  double got = 0;
  if (!has(figures, name, &got))
    fail_msg("%s is not given", name);
  if (fabs(got - value) > 1e-6 * fabs(value) + 1e-9)
    fail_msg("%s is %g and should be %g", name, got, value);
}

static void expect_none(const struct figures *figures) {
  if (figures->count > 0)
    fail_msg("%s is given as %g although it cannot be known", figures->all[0].name,
             figures->all[0].value);
}

static void test_cpu(void **state) {
  (void)state;
  void *cpu = calloc(1, host_cpu.state_bytes);
  struct figures figures;
  take(&host_cpu, cpu, "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n", 0, &figures);
  expect_none(&figures); /* one reading makes no rate */
  take(&host_cpu, cpu, "cpu  130 0 110 750 110 0 0 0 0 0\ncpu0 1 1 1 1\n", 0, &figures);
  expect(&figures, "host_cpu_percent", 40);
  expect(&figures, "host_cpu_iowait_percent", 10);
  take(&host_cpu, cpu, "cpu  130 0 110 750 110 0 0 0 0 0\n", 0, &figures);
  expect_none(&figures); /* no time has passed */
  take(&host_cpu, cpu, "cpu  140 0 110 760 105 0 0 0 0 0\n", 0, &figures);
  expect(&figures, "host_cpu_percent", 50); /* iowait may step back */
  take(&host_cpu, cpu, "cpu  70 0 60 400 50 0 0 0 0 0\n", 0, &figures);
  expect_none(&figures); /* a processor was taken away */
  take(&host_cpu, cpu, "cpu  80 0 60 410 50 0 0 0 0 0\n", 0, &figures);
  expect(&figures, "host_cpu_percent", 50);
  take(&host_cpu, cpu, "garbage\ncpu x y\n", 0, &figures);
  expect_none(&figures);
  take(&host_cpu, cpu, "cpu  90 0 60 420 50 0 0 0 0 0\n", 0, &figures);
  expect_none(&figures); /* the last reading was none */
  take(&host_cpu, cpu, "", 0, &figures);
  expect_none(&figures);
  free(cpu);
}

static void test_memory(void **state) {
  (void)state;
  char none;
  struct figures figures;
  take(&host_memory, &none,
       "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    250 kB\nSwapTotal: 200 kB\n"
       "SwapFree:  150 kB\nHugePages_Total:       0\n\nodd\n",
       0, &figures);
  expect(&figures, "host_memory_percent", 75);
  expect(&figures, "host_memory_total_bytes", 1024000);
  expect(&figures, "host_memory_used_bytes", 768000);
  expect(&figures, "host_swap_percent", 25);
  double value;
  take(&host_memory, &none, "MemTotal: 1000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n", 0, &figures);
  assert_false(has(&figures, "host_memory_percent", &value)); /* not told what is available */
  assert_false(has(&figures, "host_swap_percent", &value));   /* there is no swap */
  take(&host_memory, &none, "MemTotal: 99999999999999999999999 kB\nMemAvailable: -4 kB\n", 0,
       &figures);
  expect_none(&figures);
}

static void test_load_and_uptime(void **state) {
  (void)state;
  char none;
  struct figures figures;
  take(&host_load, &none, "0.25 1.50 12.00 3/400 12345\n", 0, &figures);
  expect(&figures, "host_load1", 0.25);
  expect(&figures, "host_load5", 1.5);
  expect(&figures, "host_load15", 12);
  take(&host_load, &none, "many", 0, &figures);
  expect_none(&figures);
  take(&host_uptime, &none, "3374.60 6000.11\n", 0, &figures);
  expect(&figures, "host_uptime_seconds", 3374.6);
  take(&host_uptime, &none, "", 0, &figures);
  expect_none(&figures);
}

#define NET_HEAD                                                                                   \
  "Inter-|   Receive                                                |  Transmit\n"                 \
  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"

static void test_network(void **state) {
  (void)state;
  void *network = calloc(1, host_network.state_bytes);
  struct figures figures;
  double value;
  take(&host_network, network,
       NET_HEAD
       "    lo: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n  eth0:1000 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n",
       1000000, &figures);
  expect_none(&figures);
  take(&host_network, network,
       NET_HEAD
       "    lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\n  eth0:3000 1 0 0 0 0 0 0 600 1 0 0 0 0 0 0\n"
       "  wlan0: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n  veth1: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n",
       3000000, &figures);
  expect(&figures, "host_network_receive_bytes_per_second{eth0}", 1000);
  expect(&figures, "host_network_transmit_bytes_per_second{eth0}", 50);
  assert_int_equal(figures.count, 2); /* neither the loopback nor what was not there before */
  take(&host_network, network,
       NET_HEAD "  eth0: 10 1 0 0 0 0 0 0 700 1 0 0 0 0 0 0\n odd line\n:\n", 4000000, &figures);
  assert_false(has(&figures, "host_network_receive_bytes_per_second{eth0}", &value)); /* it fell */
  expect(&figures, "host_network_transmit_bytes_per_second{eth0}", 100);
  take(&host_network, network, NET_HEAD "  wlan0: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n", 5000000,
       &figures);
  expect_none(&figures); /* gone for a while: what it counted then is not known */
  free(network);
}

static void test_mounts(void **state) {
  (void)state;
  static struct host_mount mounts[HOST_MOUNTS_MAX];
  size_t count = host_mounts_parse(
      slice_of("22 27 0:21 / /proc rw,relatime - proc proc rw\n"
               "30 27 8:1 / /mnt/bind rw - ext4 /dev/sda1 rw\n"
               "27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
               "31 27 8:2 / /data\\040one\\134two rw shared:2 master:3 - xfs /dev/sda2 rw\n"
               "32 27 0:50 / /nfs rw - nfs4 server:/export rw\n"
               "33 27 0:51 /@ /pool rw - btrfs /dev/sdb rw\n"
               "34 27 0:52 /@home /pool/home rw - btrfs /dev/sdb rw\n"
               "35 27 0:53 / /run rw - tmpfs tmpfs rw\n"
               "36 27 0:54 / /var/lib/docker/x rw - overlay overlay rw\n"
               "broken line\n\n37 27 8:9 / /x rw\n"),
      mounts);
  assert_int_equal(count, 3);
  assert_string_equal(mounts[0].path, "/"); /* the shortest of two mounts of one device */
  assert_string_equal(mounts[1].path, "/data one\\two");
  assert_string_equal(mounts[2].path, "/pool");
}

static void test_disk_of_this_host(void **state) {
  (void)state;
  void *disk = calloc(1, host_disk.state_bytes);
  struct figures figures;
  double value;
  take(&host_disk, disk,
       "27 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 27 8:2 / /not/there rw - xfs /d rw\n", 0, &figures);
  assert_true(has(&figures, "host_disk_percent{/}", &value) && value >= 0 && value <= 100);
  assert_true(has(&figures, "host_disk_free_bytes{/}", &value) && value >= 0);
  bool inodes =
      has(&figures, "host_disk_inodes_percent{/}", &value); /* not every file system has */
  assert_true(!inodes || (value >= 0 && value <= 100));
  assert_int_equal(figures.count, inodes ? 3 : 2);
  free(disk);
}

/* In a chroot the root is a folder of a mount outside, which mountinfo does not tell. */
static void test_disk_of_a_chroot(void **state) {
  (void)state;
  void *disk = calloc(1, host_disk.state_bytes);
  struct figures figures;
  double value;
  take(&host_disk, disk, "40 39 0:5 / /proc rw - proc proc rw\n", 0, &figures);
  assert_true(has(&figures, "host_disk_percent{/}", &value) && value >= 0 && value <= 100);
  assert_int_equal(figures.count, has(&figures, "host_disk_inodes_percent{/}", &value) ? 3 : 2);
  take(&host_disk, disk, "27 1 0:50 / / rw - nfs4 server:/root rw\n", 0, &figures);
  expect_none(&figures); /* told, and on a network: asking it can hang */
  take(&host_disk, disk, "", 0, &figures);
  expect_none(&figures);
  free(disk);
}

static int held[2]; /* a pipe: who reads from it hangs until something is written */

static void ask_or_hang(const char *path, struct mount_use *out) {
  char byte;
  if (strncmp(path, "/hung", 5) == 0)
    assert_int_equal(read(held[0], &byte, 1), 1);
  *out = (struct mount_use){.known = true, .percent = (double)strlen(path)};
}

static void hold(void) {
  assert_int_equal(pipe2(held, O_NONBLOCK), 0);
  assert_int_equal(fcntl(held[0], F_SETFL, 0), 0); /* who writes does not wait */
}

static void let_go(void) {
  static const char bytes[8];
  if (write(held[1], bytes, sizeof bytes) < 0)
    assert_int_equal(errno, EAGAIN); /* there is enough for all of them */
}

static void test_a_file_system_that_hangs(void **state) {
  (void)state;
  static const char *const paths[] = {"/", "/hung", "/var"};
  struct mount_use uses[3];
  hold();
  mounts_ask(paths, 3, ask_or_hang, uses); /* it waits, but not for ever */
  assert_true(uses[0].known && !uses[1].known && !uses[2].known);
  for (int i = 0; i < 100; i++) { /* the others are asked without it */
    mounts_ask(paths, 3, ask_or_hang, uses);
    assert_true(uses[0].known && !uses[1].known && uses[2].known);
    assert_true(uses[2].percent == 4);
  }
  do { /* it answers again */
    let_go();
    mounts_ask(paths, 3, ask_or_hang, uses);
  } while (!uses[1].known);
  assert_true(uses[0].known && uses[2].known);
}

static void test_many_file_systems_that_hang(void **state) {
  (void)state;
  static const char *const paths[] = {"/hung1", "/hung2", "/hung3", "/hung4", "/hung5", "/"};
  struct mount_use uses[6];
  hold();
  for (int i = 0; i < MOUNTS_HUNG_MAX; i++)
    mounts_ask(paths, 6, ask_or_hang, uses);
  mounts_ask(paths, 6, ask_or_hang, uses); /* nobody is there who could ask */
  assert_false(uses[5].known);
  do {
    let_go();
    mounts_ask(paths, 6, ask_or_hang, uses);
  } while (!uses[5].known);
}

static void test_cores_and_steal(void **state) {
  (void)state;
  void *cpu = calloc(1, host_cpu.state_bytes);
  struct figures figures;
  take(&host_cpu, cpu,
       "cpu  0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0\ncpu7 5 0 0 5 0 0 0 0\ncpu999 1 1 1 1\n", 0,
       &figures);
  take(&host_cpu, cpu,
       "cpu  20 0 0 60 0 0 0 20\ncpu0 25 0 0 75 0 0 0 0\ncpu7 95 0 0 15 0 0 0 0\ncpu999 2 2 2 2\n",
       1, &figures);
  expect(&figures, "host_cpu_percent", 40);
  expect(&figures, "host_cpu_steal_percent", 20);
  expect(&figures, "host_cpu_core_percent{0}", 25);
  expect(&figures, "host_cpu_core_percent{7}", 90);
  assert_int_equal(figures.count, 5);
  free(cpu);
}

static void test_pressure(void **state) {
  (void)state;
  struct figures figures;
  take(&host_pressure_memory, NULL,
       "some avg10=1.53 avg60=0.87 avg300=0.33 total=28374\nfull avg10=0.25 avg60=0.00 avg300=0.00 "
       "total=0\n",
       0, &figures);
  expect(&figures, "host_pressure_percent{memory}", 1.53);
  expect(&figures, "host_pressure_full_percent{memory}", 0.25);
  take(&host_pressure_cpu, NULL,
       "some avg60=1\nfull avg10=\nsome avg10=101\nother avg10=1\nsome avg10=1x\n", 0, &figures);
  expect_none(&figures);
}

static void test_disk_io(void **state) {
  (void)state;
  void *disks = calloc(1, host_disk_io.state_bytes);
  struct figures figures;
  take(&host_disk_io, disks,
       "   7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n 253 0 vda 10 0 1000 0 10 0 2000 0 0 500 0\n 253 1 "
       "vda1 1 1 1 1 1 1 1 1 1 1 1\n"
       " 259 0 nvme0n1 1 0 0 0 0 0 0 0 0 0 0\n 259 1 nvme0n1p1 1 1 1 1 1 1 1 1 1 1 1\n",
       1000000, &figures);
  expect_none(&figures);
  take(&host_disk_io, disks,
       " 253 0 vda 10 0 1400 0 10 0 2100 0 0 1500 0\n 253 1 vda1 9 9 9 9 9 9 9 9 9 9 9\n 259 0 "
       "nvme0n1 1 0 2 0 0 0 0 0 0 9000 0\n"
       " 8 0 sda 1 0 2 0 0 0 0 0 0 9000 0\n",
       3000000, &figures);
  expect(&figures, "host_disk_read_bytes_per_second{vda}", 400 * 512 / 2.);
  expect(&figures, "host_disk_write_bytes_per_second{vda}", 100 * 512 / 2.);
  expect(&figures, "host_disk_busy_percent{vda}", 50);
  expect(&figures, "host_disk_busy_percent{nvme0n1}", 100); /* several queues count on their own */
  assert_int_equal(figures.count, 6);
  take(&host_disk_io, disks, " 253 0 vda 1 0 1 0 1 0 1 0 0 1 0\n", 4000000, &figures);
  expect_none(&figures); /* it was taken away and put back */
  free(disks);
}

static void test_files(void **state) {
  (void)state;
  struct figures figures;
  take(&host_files, NULL, "1200\t0\t4800\n", 0, &figures);
  expect(&figures, "host_files_open", 1200);
  expect(&figures, "host_files_percent", 25);
}

static void add_process(struct host_processes *now, const char *name, const char *state, int user,
                        int pages) {
  char text[300];
  snprintf(text, sizeof text,
           "42 (%s) %s 1 1 1 0 -1 4194560 1 0 0 0 %d 5 0 0 20 0 1 0 100 1000000 %d "
           "18446744073709551615 1\n",
           name, state, user, pages);
  host_processes_add(now, slice_of(text));
}

static void test_processes(void **state) {
  (void)state;
  static struct host_processes before, now;
  struct figures figures = {0};
  const struct host_sink sink = {put, &figures};
  add_process(&before, "web", "S", 95, 10);
  add_process(&before, "odd) (name", "S", 0, 10);
  host_processes_put(&before, NULL, 0, 4096, 100, &sink);
  expect(&figures, "host_processes", 2);
  expect(&figures, "host_process_memory_bytes{web}", 40960);
  double ignored;
  assert_false(has(&figures, "host_process_cpu_percent{web}", &ignored));
  figures = (struct figures){0};
  add_process(&now, "web", "R", 95, 30);
  add_process(&now, "web", "D", 195, 10);
  add_process(&now, "odd) (name", "S", 45, 5);
  host_processes_add(&now, slice_of("43 (cut) S 1"));
  host_processes_add(&now, slice_of("nothing"));
  host_processes_put(&now, &before, 2, 4096, 100, &sink);
  expect(&figures, "host_processes", 3);
  expect(&figures, "host_processes_running", 1);
  expect(&figures, "host_processes_blocked", 1);
  expect(&figures, "host_process_memory_bytes{web}", 40 * 4096);
  expect(&figures, "host_process_cpu_percent{web}", 100); /* 200 ticks of 100 in two seconds */
  expect(&figures, "host_process_cpu_percent{odd) (name}", 22.5);
}

static void test_the_biggest_programs_only(void **state) {
  (void)state;
  static struct host_processes now;
  struct figures figures = {0};
  const struct host_sink sink = {put, &figures};
  for (int i = 0; i < 2 * HOST_PROGRAMS_MAX; i++) {
    char name[16];
    snprintf(name, sizeof name, "p%d", i);
    add_process(&now, name, "S", 0, i);
  }
  host_processes_put(&now, NULL, 0, 1, 100, &sink);
  assert_int_equal(figures.count, 3 + HOST_BIGGEST);
  expect(&figures, "host_processes", 2 * HOST_PROGRAMS_MAX);
  expect(&figures, "host_process_memory_bytes{p511}", 511);
}

static void write_sensor(const char *dir, const char *name, const char *text) {
  char path[200];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void test_temperatures(void **state) {
  (void)state;
  char dir[] = "/tmp/belfry-hwmon-XXXXXX", chip[64];
  struct figures figures = {0};
  const struct host_sink sink = {put, &figures};
  assert_non_null(mkdtemp(dir));
  snprintf(chip, sizeof chip, "%s/hwmon3", dir);
  assert_int_equal(mkdir(chip, 0700), 0);
  static const char *const files[][2] = {
      {"name", "coretemp\n"},     {"temp1_input", "45500\n"},    {"temp1_label", "Package id 0\n"},
      {"temp2_input", "-5000\n"}, {"temp3_input", "nonsense\n"}, {"fan1_input", "900\n"}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    write_sensor(chip, files[i][0], files[i][1]);
  host_temperature_read(dir, &sink);
  expect(&figures, "host_temperature_celsius{coretemp Package id 0}", 45.5);
  expect(&figures, "host_temperature_celsius{coretemp temp2}", -5);
  assert_int_equal(figures.count, 2);
  host_temperature_read("/no/such/folder", &sink);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", chip, files[i][0]);
    unlink(path);
  }
  rmdir(chip);
  rmdir(dir);
}

/* What this very host gives is figures that can be. */
static void test_this_host(void **state) {
  (void)state;
  const struct host_subject *const own[] = {&host_processes, &host_temperature};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    void *kept = calloc(1, own[i]->state_bytes);
    struct figures figures;
    double count = 0;
    take(own[i], kept, "", 1000000, &figures);
    take(own[i], kept, "", 2000000, &figures);
    if (own[i] == &host_processes) {
      assert_true(has(&figures, "host_processes", &count));
      assert_true(count >= 1 && count < 1e6);
    }
    free(kept);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cpu),
      cmocka_unit_test(test_cores_and_steal),
      cmocka_unit_test(test_pressure),
      cmocka_unit_test(test_disk_io),
      cmocka_unit_test(test_files),
      cmocka_unit_test(test_processes),
      cmocka_unit_test(test_the_biggest_programs_only),
      cmocka_unit_test(test_temperatures),
      cmocka_unit_test(test_this_host),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_network),
      cmocka_unit_test(test_load_and_uptime),
      cmocka_unit_test(test_mounts),
      cmocka_unit_test(test_disk_of_this_host),
      cmocka_unit_test(test_disk_of_a_chroot),
      cmocka_unit_test(test_a_file_system_that_hangs),
      cmocka_unit_test(test_many_file_systems_that_hang),
  };
  return cmocka_run_group_tests_name("watchd/host", tests, NULL, NULL);
}
