/* lib/base/fd, bell, log and daemon: with real sockets, files and processes. */
#include "base/bell.h"
#include "base/daemon.h"
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000

static char folder[] = "/tmp/belfry-fd-XXXXXX";

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder); /* fails when a test has left something behind */
}

static const char *at(const char *name) {
  static char path[200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void test_listen_connect_peer(void **state) {
  (void)state;
  struct belfry_error error = {0};
  int listener = -1, client = -1;
  struct stat st;
  assert_int_equal(fd_unix_connect(at("s"), &client, &error), BELFRY_ENOENT);
  assert_non_null(strstr(error.text, at("s")));
  assert_int_equal(fd_unix_listen(at("s"), 0660, &listener, NULL), 0);
  assert_int_equal(stat(at("s"), &st), 0);
  assert_int_equal(st.st_mode & 07777, 0660);
  assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);
  assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
  assert_int_equal(fd_unix_connect(at("s"), &client, NULL), 0);
  int served = accept(listener, NULL, NULL);
  assert_true(served >= 0);
  uid_t uid;
  gid_t gid;
  pid_t pid;
  assert_int_equal(fd_peer(served, &uid, &gid, &pid), 0);
  assert_int_equal(uid, geteuid());
  assert_int_equal(pid, getpid());
  assert_int_equal(fd_wait(served, POLLIN, 0), BELFRY_ETIMEDOUT);
  assert_int_equal(write(client, "x", 1), 1);
  assert_int_equal(fd_wait(served, POLLIN, PATIENCE_MS), 0);
  fd_close(&served);
  fd_close(&client);
  fd_close(&listener);
  fd_close(&listener);
  assert_int_equal(listener, -1);
  unlink(at("s"));
}

static void test_a_stale_socket_is_replaced_a_live_one_not(void **state) {
  (void)state;
  struct belfry_error error = {0};
  int first = -1, second = -1;
  assert_int_equal(fd_unix_listen(at("s"), 0600, &first, NULL), 0);
  assert_int_equal(fd_unix_listen(at("s"), 0600, &second, &error), BELFRY_ECONFLICT);
  assert_non_null(strstr(error.text, "already listens"));
  fd_close(&first); /* as after a kill: the file stays */
  assert_int_equal(fd_unix_listen(at("s"), 0600, &second, NULL), 0);
  int client = -1;
  assert_int_equal(fd_unix_connect(at("s"), &client, NULL), 0);
  fd_close(&client);
  fd_close(&second);
  unlink(at("s"));
}

/* A daemon that is too busy to accept is there all the same. */
static void test_a_full_backlog_is_a_live_socket(void **state) {
  (void)state;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int waiting[8], count = 0, other = -1, status = 0;
  int busy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strcpy(address.sun_path, at("s"));
  assert_int_equal(bind(busy, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(busy, 0), 0);
  while (count < 8 && (status = fd_unix_connect(at("s"), &waiting[count], NULL)) == 0)
    count++;
  assert_int_equal(status, BELFRY_EBUSY);
  assert_int_equal(fd_unix_listen(at("s"), 0600, &other, NULL), BELFRY_ECONFLICT);
  while (count > 0)
    fd_close(&waiting[--count]);
  fd_close(&busy);
  unlink(at("s"));
}

static void test_the_longest_path(void **state) {
  (void)state;
  char path[200];
  int fd = -1;
  struct belfry_error error = {0};
  memset(path, 'p', sizeof path);
  memcpy(path, folder, strlen(folder));
  path[strlen(folder)] = '/';
  path[108] = '\0';
  assert_int_equal(fd_unix_listen(path, 0600, &fd, &error), BELFRY_EINVAL);
  assert_non_null(strstr(error.text, "longer than 107 bytes"));
  path[107] = '\0';
  assert_int_equal(fd_unix_listen(path, 0600, &fd, NULL), 0);
  fd_close(&fd);
  unlink(path);
}

static void test_tcp(void **state) {
  (void)state;
  static const char *const wrong[] = {"",
                                      ":80",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:99999",
                                      "localhost:80",
                                      "127.0.0.1:http",
                                      "[::1:80"};
  int fd = -1;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct belfry_error error = {0};
    if (fd_tcp_listen(wrong[i], &fd, &error) != BELFRY_EINVAL || !strstr(error.text, wrong[i]))
      fail_msg("'%s' is taken as an address, or not named: %s", wrong[i], error.text);
  }
  assert_int_equal(fd_tcp_listen("127.0.0.1:0", &fd, NULL), 0);
  fd_close(&fd);
}

static void test_files(void **state) {
  (void)state;
  struct belfry_error error = {0};
  struct stat st;
  size_t len = 0;
  assert_null(fd_read_file(at("f"), 10, &len, &error));
  assert_int_equal(error.code, BELFRY_ENOENT);
  assert_int_equal(fd_write_file(at("f"), 0640, "first", 5, NULL), 0);
  assert_int_equal(fd_write_file(at("f"), 0600, "a\0c", 3, NULL), 0);
  assert_int_equal(stat(at("f"), &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  char *data = fd_read_file(at("f"), 3, &len, NULL);
  assert_int_equal(len, 3);
  assert_memory_equal(data, "a\0c", 4);
  free(data);
  belfry_error_clear(&error);
  assert_null(fd_read_file(at("f"), 2, &len, &error));
  assert_int_equal(error.code, BELFRY_ETOOBIG);
  belfry_error_clear(&error);
  assert_int_equal(fd_write_file(at("no/f"), 0600, "", 0, &error), BELFRY_ENOENT);
  belfry_error_clear(&error);
  assert_null(fd_read_file(folder, 100, &len, &error));
  assert_int_equal(error.code, BELFRY_EIO);
  unlink(at("f"));
  assert_int_equal(fd_write_file(at("f"), 0600, NULL, 0, NULL), 0);
  data = fd_read_file(at("f"), 0, NULL, NULL);
  assert_string_equal(data, "");
  free(data);
  unlink(at("f"));
}

static void test_bell(void **state) {
  (void)state;
  char path[200];
  int bell = -1, again = -1, ringer = -1;
  strcpy(path, at("b.bell"));
  assert_int_equal(bell_ringer_open(&ringer, NULL), 0);
  bell_ring(ringer, path); /* nobody is there */
  assert_int_equal(bell_open(path, &bell, NULL), 0);
  assert_int_equal(fd_wait(bell, POLLIN, 0), BELFRY_ETIMEDOUT);
  for (int i = 0; i < 5000; i++) /* far more than the socket holds */
    bell_ring(ringer, path);
  assert_int_equal(fd_wait(bell, POLLIN, PATIENCE_MS), 0);
  bell_drain(bell);
  assert_int_equal(fd_wait(bell, POLLIN, 0), BELFRY_ETIMEDOUT);
  assert_int_equal(bell_open(path, &again, NULL), 0); /* one that takes over */
  bell_ring(ringer, path);
  assert_int_equal(fd_wait(again, POLLIN, PATIENCE_MS), 0);
  assert_int_equal(fd_wait(bell, POLLIN, 0), BELFRY_ETIMEDOUT);
  fd_close(&bell);
  bell_ring(ringer, path);
  fd_close(&again);
  bell_ring(ringer, path); /* a file that nobody listens on */
  fd_close(&ringer);
  unlink(path);
}

/* Returns: borrowed, what `speak` writes to stderr. */
static const char *stderr_of(void (*speak)(void)) {
  static char text[8192];
  int saved = dup(STDERR_FILENO), pipes[2];
  assert_int_equal(pipe(pipes), 0);
  dup2(pipes[1], STDERR_FILENO);
  close(pipes[1]);
  speak();
  dup2(saved, STDERR_FILENO);
  close(saved);
  ssize_t n = read(pipes[0], text, sizeof text - 1);
  close(pipes[0]);
  text[n > 0 ? n : 0] = '\0';
  return text;
}

static void speak_lines(void) {
  log_open("belfry-test");
  log_warning("two\nlines\x1b[31m and %d", 42);
  log_debug("not shown");
}

static void speak_long(void) {
  char text[5000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  log_error("%s", text);
}

static void speak_to_journal(void) {
  char stream[64];
  struct stat st;
  fstat(STDERR_FILENO, &st);
  snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
           (unsigned long long)st.st_ino);
  setenv("JOURNAL_STREAM", stream, 1);
  log_open("belfry-test");
  log_notice("for the journal");
  setenv("JOURNAL_STREAM", "1:1", 1); /* stderr went elsewhere since */
  log_open("belfry-test");
  log_critical("for a file");
  unsetenv("JOURNAL_STREAM");
}

static void test_log_lines(void **state) {
  (void)state;
  char expected[64];
  snprintf(expected, sizeof expected, "Z belfry-test[%d] warning: two?lines?[31m and 42\n",
           (int)getpid());
  const char *text = stderr_of(speak_lines);
  assert_int_equal(strlen(text), strlen("2026-11-20T10:30:00.000") + strlen(expected));
  assert_string_equal(strchr(text, 'Z'), expected);
  text = stderr_of(speak_long);
  assert_int_equal(text[strlen(text) - 1], '\n'); /* cut, but a line */
  assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
  text = stderr_of(speak_to_journal);
  assert_int_equal(strncmp(text, "<5>for the journal\n20", 21), 0);
  assert_non_null(strstr(text, "] critical: for a file\n"));
}

/* Runs `work` in a process of its own. Returns: its exit status. */
static int status_of(int (*work)(void)) {
  pid_t pid = fork();
  if (pid == 0)
    _exit(work());
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int take_inherited(void) {
  char pid[16];
  int pipes[2];
  struct stat stream;
  /* What a supervisor does before it starts us: sockets from 3 on. */
  for (int fd = 3; fd < 10; fd++)
    close(fd);
  int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);
  if (tcp != 3 || local != 4 || pipe(pipes) != 0)
    return 1;
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  setenv("LISTEN_PID", pid, 1);
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_FDNAMES", "push:history:beyond", 1);
  if (daemon_inherited_socket("history") != 4 || daemon_inherited_socket("push") != 3)
    return 2;
  if (!(fcntl(4, F_GETFD) & FD_CLOEXEC) || !(fcntl(4, F_GETFL) & O_NONBLOCK) ||
      fstat(4, &stream) != 0)
    return 3;
  if (daemon_inherited_socket("fcgi") != -1 || daemon_inherited_socket("beyond") != -1)
    return 4;
  close(3); /* promised, but not there */
  log_set_level(LOG_LEVEL_CRITICAL);
  if (daemon_inherited_socket("push") != -1)
    return 5;
  setenv("LISTEN_PID", "1", 1); /* meant for another process */
  if (daemon_inherited_socket("history") != -1)
    return 6;
  setenv("LISTEN_PID", "x", 1);
  if (daemon_inherited_socket("history") != -1)
    return 7;
  unsetenv("LISTEN_FDNAMES");
  return daemon_inherited_socket("history") == -1 ? 0 : 8;
}

static void test_inherited_sockets(void **state) {
  (void)state;
  assert_int_equal(status_of(take_inherited), 0);
}

static void test_readiness(void **state) {
  (void)state;
  char path[200], message[1024], expected[64], status[1000];
  int fd = -1;
  strcpy(path, at("notify"));
  assert_int_equal(fd_unix_bind_datagram(path, 0600, &fd, NULL), 0);
  setenv("NOTIFY_SOCKET", path, 1);
  log_set_level(LOG_LEVEL_CRITICAL);
  daemon_ready("serving");
  ssize_t n = recv(fd, message, sizeof message - 1, 0);
  assert_true(n > 0);
  message[n] = '\0';
  snprintf(expected, sizeof expected, "READY=1\nMAINPID=%d\nSTATUS=serving\n", (int)getpid());
  assert_string_equal(message, expected);
  memset(status, 's', sizeof status);
  status[sizeof status - 1] = '\0';
  daemon_stopping(status); /* longer than a message: cut, never more than there is */
  n = recv(fd, message, sizeof message - 1, 0);
  assert_true(n > 0 && n < 512);
  assert_memory_equal(message, "STOPPING=1\n", 11);
  fd_close(&fd);
  daemon_ready("nobody listens");
  unsetenv("NOTIFY_SOCKET");
  log_set_level(LOG_LEVEL_INFO);
  unlink(path);
}

static int start_with(char **argv) {
  struct daemon_options options;
  int argc = 0;
  int null = open("/dev/null", O_WRONLY);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  while (argv[argc])
    argc++;
  optind = 1;
  daemon_start("belfry-test", "tests", argc, argv, &options);
  return options.conf_path ? strcmp(options.conf_path, "file") != 0 : 10;
}

static int start_file(void) {
  char *argv[] = {(char[]){"t"}, (char[]){"-c"}, (char[]){"file"}, NULL};
  return start_with(argv);
}
static int start_version(void) {
  char *argv[] = {(char[]){"t"}, (char[]){"-V"}, NULL};
  return start_with(argv) + 50;
}
static int start_extra(void) {
  char *argv[] = {(char[]){"t"}, (char[]){"file"}, NULL};
  return start_with(argv);
}
static int start_unknown(void) {
  char *argv[] = {(char[]){"t"}, (char[]){"-x"}, NULL};
  return start_with(argv);
}
static int start_plain(void) {
  char *argv[] = {(char[]){"t"}, NULL};
  return start_with(argv);
}

static void test_command_line(void **state) {
  (void)state;
  assert_int_equal(status_of(start_file), 0);
  assert_int_equal(status_of(start_plain), 10);
  assert_int_equal(status_of(start_version), 0);
  assert_int_equal(status_of(start_extra), 2);
  assert_int_equal(status_of(start_unknown), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_listen_connect_peer),
      cmocka_unit_test(test_a_stale_socket_is_replaced_a_live_one_not),
      cmocka_unit_test(test_a_full_backlog_is_a_live_socket),
      cmocka_unit_test(test_the_longest_path),
      cmocka_unit_test(test_tcp),
      cmocka_unit_test(test_files),
      cmocka_unit_test(test_bell),
      cmocka_unit_test(test_log_lines),
      cmocka_unit_test(test_inherited_sockets),
      cmocka_unit_test(test_readiness),
      cmocka_unit_test(test_command_line),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
