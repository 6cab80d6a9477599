/* What must hold for every input of a fuzz target. */
#ifndef BELFRY_TESTS_FUZZ_PROPERTY_H
#define BELFRY_TESTS_FUZZ_PROPERTY_H

#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with what a person should see. */
#define PROPERTY(holds, what)                                                                      \
  do {                                                                                             \
    if (!(holds)) {                                                                                \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, what);                     \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

#endif
