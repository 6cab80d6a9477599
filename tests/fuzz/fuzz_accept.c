/* fcgi/accept: whatever else an Accept header says, a type that it names is allowed, and one that
 * nothing in it matches is not. */
#include "fcgi/accept.h"

#include "base/buf.h"
#include "property.h"

static bool allows_with(struct slice accept, const char *more, const char *type) {
  struct buf text;
  buf_init(&text, 0);
  buf_put_slice(&text, accept);
  buf_put_text(&text, more);
  bool allowed = accept_allows(buf_slice(&text), type);
  buf_fini(&text);
  return allowed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice accept = slice_new((const char *)data, size);
  (void)accept_allows(accept, "application/json");
  PROPERTY(allows_with(accept, ",text/csv", "text/csv; header=present"),
           "what is named is allowed");
  if (!memchr(data, '*', size) && !memchr(data, '/', size))
    PROPERTY(!allows_with(accept, ",image/png", "text/csv"), "what is not named is not");
  return 0;
}
