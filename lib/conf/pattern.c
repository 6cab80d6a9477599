/*
 * Whether a text is a regular expression.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "conf/conf_priv.h"

#include <pcre2.h>
#include <string.h>

void conf__check_pattern(const char *pattern, struct buf *why) {
  int code = 0;
  PCRE2_SIZE at = 0;
  pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), 0, &code, &at, NULL);
  if (!compiled && code == PCRE2_ERROR_HEAP_FAILED) {
    why->status = BELFRY_ENOMEM;
  } else if (!compiled) {
    PCRE2_UCHAR said[128];
    pcre2_get_error_message(code, said, sizeof said);
    buf_printf(why, "the pattern is wrong at its character %zu: %s", at + 1, (const char *)said);
  }
  pcre2_code_free(compiled);
}
