/*
 * What is wrong with an input, for the one who sent it.
 */
#ifndef BELFRY_MODEL_PROBLEM_H
#define BELFRY_MODEL_PROBLEM_H

#include "base/error.h"

/* Where a body is wrong: a JSON pointer (RFC 6901) relative to the value that was parsed, and what
 * would be right. */
struct model_problem {
  char pointer[160];
  char detail[240];
};

/* Fills `problem`. Returns: `code`, so that a function can end with `return
 * model_problem_set(...)`. */
int model_problem_set(struct model_problem *problem, int code, const char *pointer,
                      const char *format, ...) BELFRY_PRINTF(4, 5);

#endif
