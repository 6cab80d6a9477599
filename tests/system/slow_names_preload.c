/*
 * For the tests: looking up a name that begins with "slow." takes BELFRY_SLOW_MS, as with a name server that does not answer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  const char *ms = getenv("BELFRY_SLOW_MS");
  if (node && ms && strncmp(node, "slow.", 5) == 0) {
    for (long left = strtol(ms, NULL, 10); left > 0; left -= 100)
      usleep(100000);
    return EAI_AGAIN;
  }
  return real(node, service, hints, res);
}
