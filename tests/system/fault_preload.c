/*
 * Faults at exact moments, for faults.test.mjs. Preloaded (LD_PRELOAD) into a daemon that was not
 * built for it: stands in front of a few calls of libc, counts them, and at the wanted one kills
 * the process or lets the call fail.
 *
 * The rule is the text of the file that BELFRY_FAULT_RULE names (mapped, so that a test can write a
 * new one while the daemon runs):
 *
 *   .NUMBER CALL TARGET NTH ACTION AFTER\n
 *
 *   NUMBER  of the rule; counting begins anew when it changes; 0: no rule
 *   CALL    pwrite, sync (fsync and fdatasync), truncate, send, sendto
 *   TARGET  how the path of the descriptor begins or ends: hot.db-wal, hot.db, socket
 *   NTH     which of these calls, from 1
 *   ACTION  before: SIGKILL before the call; after: SIGKILL after it; else a number: fails with
 * this errno, this call and all that follow AFTER   what has to be received first, "-": nothing
 *
 * Once it was applied the dot becomes a '!', and the rule is none for a process that starts
 * afterwards.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RULE_BYTES 512

static volatile char *rule_text;
static struct {
  int number, nth, count;
  char call[16], target[32], action[16], after[128];
  bool armed, applied;
} rule;

__attribute__((constructor)) static void map_rule(void) {
  const char *path = getenv("BELFRY_FAULT_RULE");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void *map = mmap(NULL, RULE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED)
    rule_text = map;
}

/* Returns: whether there is a rule. One that is being written is none yet. */
static bool read_rule(void) {
  char text[RULE_BYTES];
  if (!rule_text)
    return false;
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = rule_text[i];
  text[sizeof text - 1] = '\0';
  int number;
  if (!strchr(text, '\n') || sscanf(text + 1, "%d", &number) != 1 || number == 0)
    return false;
  if (number == rule.number)
    return text[0] == '.' || rule.applied;
  if (text[0] != '.' || sscanf(text + 1, "%d %15s %31s %d %15s %127s", &rule.number, rule.call,
                               rule.target, &rule.nth, rule.action, rule.after) != 6)
    return false;
  rule.count = 0;
  rule.applied = false;
  rule.armed = strcmp(rule.after, "-") == 0;
  return true;
}

static bool is_target(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, sizeof path - 1);
  size_t wanted = strlen(rule.target);
  if (len < 0 || (size_t)len < wanted)
    return false;
  path[len] = '\0';
  return strncmp(path, rule.target, wanted) == 0 || strcmp(path + len - wanted, rule.target) == 0;
}

/* Counts the call. Returns: 0 to go on; 1 to go on and die then; -1, with errno, to fail. */
static int fault(const char *call, int fd) {
  int saved = errno;
  if (!read_rule() || !rule.armed || strcmp(call, rule.call) != 0 || !is_target(fd) ||
      ++rule.count < rule.nth) {
    errno = saved;
    return 0;
  }
  rule.applied = true;
  rule_text[0] = '!';
  if (strcmp(rule.action, "after") == 0)
    return 1;
  if (strcmp(rule.action, "before") == 0)
    kill(getpid(), SIGKILL);
  errno = atoi(rule.action);
  return -1;
}

static void die(void) {
  kill(getpid(), SIGKILL);
}

/* What stands behind us. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) {
  int what = fault("pwrite", fd);
  ssize_t result = what < 0 ? -1 : REAL(pwrite)(fd, data, len, offset);
  if (what > 0)
    die();
  return result;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
  int what = fault("pwrite", fd);
  ssize_t result = what < 0 ? -1 : REAL(pwrite64)(fd, data, len, offset);
  if (what > 0)
    die();
  return result;
}

int fsync(int fd) {
  int what = fault("sync", fd);
  int result = what < 0 ? -1 : REAL(fsync)(fd);
  if (what > 0)
    die();
  return result;
}

int fdatasync(int fd) {
  int what = fault("sync", fd);
  int result = what < 0 ? -1 : REAL(fdatasync)(fd);
  if (what > 0)
    die();
  return result;
}

int ftruncate64(int fd, off64_t len) {
  int what = fault("truncate", fd);
  int result = what < 0 ? -1 : REAL(ftruncate64)(fd, len);
  if (what > 0)
    die();
  return result;
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
  int what = fault("send", fd);
  ssize_t result = what < 0 ? -1 : REAL(send)(fd, data, len, flags);
  if (what > 0)
    die();
  return result;
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len) {
  int what = fault("sendto", fd);
  ssize_t result = what < 0 ? -1 : REAL(sendto)(fd, data, len, flags, to, to_len);
  if (what > 0)
    die();
  return result;
}

/* A recv that brings what a rule waits for arms it. */
ssize_t recv(int fd, void *data, size_t len, int flags) {
  ssize_t result = REAL(recv)(fd, data, len, flags);
  int saved = errno;
  if (result > 0 && read_rule() && !rule.armed)
    rule.armed = memmem(data, (size_t)result, rule.after, strlen(rule.after)) != NULL;
  errno = saved;
  return result;
}
