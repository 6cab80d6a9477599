#include "base/daemon.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"

#define FIRST_PASSED_FD 3 /* SD_LISTEN_FDS_START */

static void print_usage(FILE *to, const char *program, const char *summary) {
  fprintf(to,
          "usage: %s [-c FILE] [-V] [-h]\n%s\n\n  -c FILE  configuration (default "
          "%s/belfry/belfry.yaml)\n"
          "  -V       print the version\n  -h       print this text\n",
          program, summary, BELFRY_SYSCONFDIR);
}

void daemon_start(const char *program, const char *summary, int argc, char **argv,
                  struct daemon_options *options) {
  *options = (struct daemon_options){0};
  int option;
  while ((option = getopt(argc, argv, "c:Vh")) != -1) {
    switch (option) {
    case 'c':
      options->conf_path = optarg;
      break;
    case 'V':
      printf("%s %s\n", program, PACKAGE_VERSION);
      exit(0);
    case 'h':
      print_usage(stdout, program, summary);
      exit(0);
    default:
      print_usage(stderr, program, summary);
      exit(2);
    }
  }
  if (optind < argc) {
    fprintf(stderr, "%s: unexpected argument '%s'\n", program, argv[optind]);
    print_usage(stderr, program, summary);
    exit(2);
  }
  log_open(program);
  umask(0007);
  signal(SIGPIPE,
         SIG_IGN); /* a peer that is gone is an error of write(2), not the end of the daemon */
}

int daemon_inherited_socket(const char *name) {
  const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"),
             *names = getenv("LISTEN_FDNAMES");
  long long pid_value, count_value;
  if (!pid || !count || !names || !slice_to_int64(slice_of(pid), &pid_value) ||
      pid_value != getpid() || !slice_to_int64(slice_of(count), &count_value))
    return -1;
  struct slice rest = slice_of(names), piece;
  for (int i = 0; i < count_value && slice_split(&rest, ':', &piece); i++) {
    if (!slice_is(piece, name))
      continue;
    int fd = FIRST_PASSED_FD + i;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fd_set_nonblocking(fd, true)) {
      log_warning("the socket passed as '%s' (descriptor %d) cannot be used", name, fd);
      return -1;
    }
    return fd;
  }
  return -1;
}

static void notify(const char *state, const char *status) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
    return;
  strcpy(address.sun_path, path);
  if (path[0] == '@')
    address.sun_path[0] = '\0'; /* an abstract socket */
  char message[512];
  int len = snprintf(message, sizeof message, "%s\nMAINPID=%d\nSTATUS=%.400s\n", state,
                     (int)getpid(), status);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
  (void)!sendto(fd, message, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&address, address_len);
  fd_close(&fd);
}

void daemon_ready(const char *status) {
  log_info("ready: %s", status);
  notify("READY=1", status);
}

void daemon_stopping(const char *status) {
  log_info("stopping: %s", status);
  notify("STOPPING=1", status);
}
