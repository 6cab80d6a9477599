#include "watchd/mounts_ask.h"

#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define STACK_BYTES ((size_t)512 * 1024)

/* What one thread does. Static: it outlives whoever began it when it hangs. */
struct asking {
  bool busy;     /* its thread runs */
  bool given_up; /* nobody waits for it any more: `paths[at]` hangs */
  size_t count, at;
  mounts_ask_fn ask;
  char paths[MOUNTS_ASKED_MAX][sizeof((struct host_mount *)0)->path];
  struct mount_use uses[MOUNTS_ASKED_MAX];
};

static struct asking askings[MOUNTS_HUNG_MAX];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of all of the above */
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static void *asking_run(void *arg) {
  struct asking *asking = arg;
  pthread_mutex_lock(&mutex);
  for (asking->at = 0; asking->at < asking->count; asking->at++) {
    struct mount_use use = {0};
    size_t at = asking->at;
    pthread_mutex_unlock(&mutex);
    asking->ask(asking->paths[at], &use); /* a path does not change while the thread runs */
    pthread_mutex_lock(&mutex);
    asking->uses[at] = use;
    if (asking->given_up)
      break; /* the others were asked meanwhile */
  }
  asking->busy = false;
  pthread_cond_signal(&ended);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

/* The thread hears no signals: they are the loop's. */
static bool start_thread(struct asking *asking) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&thread, &attributes, asking_run, asking) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return started;
}

static bool hangs(const char *path) {
  for (size_t i = 0; i < MOUNTS_HUNG_MAX; i++)
    if (askings[i].busy && strcmp(askings[i].paths[askings[i].at], path) == 0)
      return true;
  return false;
}

static struct asking *find_free(void) {
  struct asking *found = NULL;
  for (size_t i = 0; i < MOUNTS_HUNG_MAX; i++) {
    if (askings[i].busy)
      continue;
    found = &askings[i];
    if (found->given_up)
      log_notice("the file system at %s answers again", found->paths[found->at]);
    found->given_up = false;
  }
  return found;
}

static void wait_for(struct asking *asking) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += (long)MOUNTS_WAIT_MS * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  while (asking->busy && pthread_cond_timedwait(&ended, &mutex, &until) == 0)
    ;
  asking->given_up = asking->busy;
  if (asking->given_up)
    log_warning("the file system at %s does not answer; it is left out until it does",
                asking->paths[asking->at]);
}

/* Takes: `places`, where each of them goes. */
static void take_over(const struct asking *asking, const size_t *places, struct mount_use *out) {
  for (size_t i = 0; i < asking->count; i++)
    out[places[i]] = asking->uses[i];
}

void mounts_ask(const char *const *paths, size_t count, mounts_ask_fn ask, struct mount_use *out) {
  size_t places[MOUNTS_ASKED_MAX];
  memset(out, 0, count * sizeof *out);
  pthread_mutex_lock(&mutex);
  struct asking *asking = find_free();
  if (asking) {
    asking->count = asking->at = 0;
    asking->ask = ask;
    for (size_t i = 0; i < count && i < MOUNTS_ASKED_MAX; i++)
      if (strlen(paths[i]) < sizeof asking->paths[0] && !hangs(paths[i])) {
        strcpy(asking->paths[asking->count], paths[i]);
        asking->uses[asking->count] = (struct mount_use){0};
        places[asking->count++] = i;
      }
    asking->busy = asking->count > 0 && start_thread(asking);
    wait_for(asking);
    take_over(asking, places, out);
  }
  pthread_mutex_unlock(&mutex);
}
