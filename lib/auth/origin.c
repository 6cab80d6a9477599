/* Whether a request comes from a page of our own site. */
#include "auth/auth.h"

#include <strings.h>

/* A host and its port as they stand in a URL, the port cut off. */
struct authority {
  struct slice host, port; /* port is empty when absent */
};

static struct authority split_port(struct slice text) {
  for (size_t i = text.len; i-- > 0 && text.data[i] != ']';) /* the colons of [::1] are no port */
    if (text.data[i] == ':')
      return (struct authority){slice_new(text.data, i),
                                slice_new(text.data + i + 1, text.len - i - 1)};
  return (struct authority){text, slice_new(NULL, 0)};
}

bool auth_origin_allowed(struct slice origin, struct slice host) {
  if (!origin.data)
    return true;
  static const struct {
    const char *prefix, *port;
  } schemes[] = {{"http://", "80"}, {"https://", "443"}};
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t prefix = strlen(schemes[i].prefix);
    if (!slice_starts_with(origin, schemes[i].prefix))
      continue;
    struct authority from = split_port(slice_new(origin.data + prefix, origin.len - prefix));
    struct authority to = split_port(host);
    struct slice default_port =
        slice_of(schemes[i].port); /* browsers leave it out, some proxies do not */
    return from.host.len > 0 && from.host.len == to.host.len &&
           strncasecmp(from.host.data, to.host.data, to.host.len) == 0 &&
           slice_equal(from.port.len ? from.port : default_port,
                       to.port.len ? to.port : default_port);
  }
  return false; /* "null", or a scheme that no page of ours has */
}
