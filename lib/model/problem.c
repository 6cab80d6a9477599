#include "model/problem.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>

int model_problem_set(struct model_problem *problem, int code, const char *pointer,
                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  snprintf(problem->pointer, sizeof problem->pointer, "%s", pointer);
  vsnprintf(problem->detail, sizeof problem->detail, format, args);
  va_end(args);
  utf8_repair(problem->pointer); /* a cut may be within a character */
  utf8_repair(problem->detail);
  return code;
}
