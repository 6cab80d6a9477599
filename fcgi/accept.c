#include "fcgi/accept.h"

#include <strings.h>

/* How exactly a range names a type. */
enum match { MATCH_NONE, MATCH_ANY, MATCH_KIND, MATCH_TYPE };

static bool is_same(struct slice a, struct slice b) {
  return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static enum match match_of(struct slice range, struct slice type) {
  struct slice range_sub = range, range_kind, type_sub = type, type_kind;
  (void)slice_split(&range_sub, '/', &range_kind);
  (void)slice_split(&type_sub, '/', &type_kind);
  if (slice_is(range, "*/*") || slice_is(range, "*"))
    return MATCH_ANY;
  if (!is_same(range_kind, type_kind))
    return MATCH_NONE;
  return slice_is(range_sub, "*")       ? MATCH_KIND
         : is_same(range_sub, type_sub) ? MATCH_TYPE
                                        : MATCH_NONE;
}

/* Whether the parameters behind a range weigh it with nothing: 0, 0.0, 0.000. */
static bool is_excluded(struct slice params) {
  struct slice param, name;
  while (slice_split(&params, ';', &param)) {
    struct slice value = slice_trim(param);
    (void)slice_split(&value, '=', &name);
    if (!is_same(slice_trim(name), slice_of("q")))
      continue;
    value = slice_trim(value);
    if (value.len == 0 || value.data[0] != '0')
      return false;
    for (size_t i = 1; i < value.len; i++)
      if (value.data[i] != '.' && value.data[i] != '0')
        return false;
    return true;
  }
  return false;
}

bool accept_allows(struct slice accept, const char *type) {
  struct slice rest = slice_of(type), wanted, element;
  (void)slice_split(&rest, ';', &wanted);
  enum match best = MATCH_NONE;
  bool allowed = true, any = false;
  while (slice_split(&accept, ',', &element)) {
    struct slice params = element, range;
    (void)slice_split(&params, ';', &range);
    range = slice_trim(range);
    if (range.len == 0)
      continue;
    any = true;
    enum match match = match_of(range, wanted);
    bool excluded = is_excluded(params);
    /* Of two that are as exact (they differ in parameters that do not count here), one is enough.
     */
    if (match > best || (match == best && match != MATCH_NONE && !excluded))
      allowed = !excluded;
    if (match > best)
      best = match;
  }
  return !any || (best != MATCH_NONE && allowed);
}
