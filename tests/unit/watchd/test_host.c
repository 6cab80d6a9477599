/* watchd/host_*: figures from texts of /proc. */
#include "watchd/host_mounts.h"
#include "watchd/host_subject.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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
  assert_int_equal(figures.count, 2);
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
  assert_int_equal(figures.count, 2);
  take(&host_disk, disk, "27 1 0:50 / / rw - nfs4 server:/root rw\n", 0, &figures);
  expect_none(&figures); /* told, and on a network: asking it can hang */
  take(&host_disk, disk, "", 0, &figures);
  expect_none(&figures);
  free(disk);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cpu),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_network),
      cmocka_unit_test(test_load_and_uptime),
      cmocka_unit_test(test_mounts),
      cmocka_unit_test(test_disk_of_this_host),
      cmocka_unit_test(test_disk_of_a_chroot),
  };
  return cmocka_run_group_tests_name("watchd/host", tests, NULL, NULL);
}
