#include "tests/unit/alloc/fail_alloc.h"

#include "base/error.h"
#include "tests/unit/sanitized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* What stands below: a sanitizer keeps its allocator under names of its own, so that it still sees
 * every block. */
#if SANITIZED
#define BELOW(name) __interceptor_##name
#else
#define BELOW(name) __libc_##name
#endif
void *BELOW(malloc)(size_t size);
void *BELOW(calloc)(size_t count, size_t size);
void *BELOW(realloc)(void *block, size_t size);
void BELOW(free)(void *block);

#define DENSE 400 /* so many allocations are refused one by one */
/* Under a sanitizer a run costs ten times as much, and the build without one tries each: there,
 * after so many, a sample that is another each time. */
#define EACH   50
#define SAMPLE 15 /* the widest step; half of it on average */

static long wanted = -1;  /* which allocation the next part is refused; -1: none */
static long fail_at = -1; /* how many are still given before one is refused; -1: all are */
static bool for_good;     /* those that follow are refused too */
static long refused;      /* in this part */
static long live;         /* blocks that were given out and not freed */

static bool refuse(void) {
  if (fail_at < 0)
    return false;
  if (fail_at > 0) {
    fail_at--;
    return false;
  }
  refused++;
  if (!for_good)
    fail_at = -1;
  return true;
}

void *malloc(size_t size) {
  void *block = refuse() ? NULL : BELOW(malloc)(size);
  live += block != NULL;
  return block;
}

void *calloc(size_t count, size_t size) {
  void *block = refuse() ? NULL : BELOW(calloc)(count, size);
  live += block != NULL;
  return block;
}

void *realloc(void *old, size_t size) {
  void *block = refuse() ? NULL : BELOW(realloc)(old, size);
  live += block != NULL && old == NULL;
  return block;
}

void free(void *block) {
  live -= block != NULL;
  BELOW(free)(block);
}

void fail_alloc_begin(void) {
  fail_at = wanted;
}

void fail_alloc_end(void) {
  fail_at = -1;
}

static void try(const char *what, fail_alloc_fn scenario, const void *arg) {
  long before = live;
  refused = 0;
  int status = scenario(arg);
  fail_alloc_end();
  /* A sanitizer gives some blocks past this (strdup, realpath), and looks for lost ones itself. */
  if (live != before && !SANITIZED)
    fail_msg("%s: %ld blocks are lost when allocation %ld fails%s", what, live - before, wanted,
             for_good ? " and all that follow" : "");
  if (status && !(status == BELFRY_ENOMEM && refused))
    fail_msg("%s: allocation %ld fails%s, and the answer is \"%s\"", what, wanted,
             for_good ? " and all that follow" : "", belfry_strerror(status));
}

static long next_after(long number) {
  long step = 1 + number / DENSE * 8;
  return number + (SANITIZED && number >= EACH ? step * (1 + random() % SAMPLE) : step);
}

void fail_alloc_each(const char *what, fail_alloc_fn scenario, const void *arg) {
  srandom((unsigned)getpid());
  wanted = -1;
  scenario(arg); /* libraries set themselves up at their first use, and keep that */
  try(what, scenario, arg);
  for (int mode = 0; mode < 2; mode++) {
    for_good = mode;
    wanted = 0;
    do {
      try(what, scenario, arg);
      wanted = next_after(wanted);
    } while (refused);
  }
  wanted = -1;
}
