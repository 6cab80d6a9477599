#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAPPED_BITS 96 /* of an IPv4-mapped address, before the IPv4 one */

static const uint8_t mapped_prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_is_ipv4(const struct address *address) {
  return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

/* Returns: whether it is an address, without brackets or port. */
static bool parse_plain(struct slice text, struct address *out) {
  char copy[ADDRESS_TEXT_BYTES];
  if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len))
    return false;
  memcpy(copy, text.data, text.len);
  copy[text.len] = '\0';
  if (inet_pton(AF_INET, copy, out->bytes + sizeof mapped_prefix) == 1) {
    memcpy(out->bytes, mapped_prefix, sizeof mapped_prefix);
    return true;
  }
  return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

static bool is_port(struct slice text) {
  long long port;
  return slice_to_int64(text, &port) && port >= 0 && port <= 65535;
}

bool address_parse(struct slice text, struct address *out) {
  if (slice_starts_with(text, "[")) {
    const char *end = memchr(text.data, ']', text.len);
    if (!end)
      return false;
    struct slice rest = slice_new(end + 1, text.len - (size_t)(end + 1 - text.data));
    if (rest.len > 0 && (rest.data[0] != ':' || !is_port(slice_new(rest.data + 1, rest.len - 1))))
      return false;
    struct slice inside = slice_new(text.data + 1, (size_t)(end - text.data) - 1);
    return memchr(inside.data, ':', inside.len) && parse_plain(inside, out);
  }
  const char *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
  if (colon && memchr(text.data, '.', (size_t)(colon - text.data))) { /* IPv4 with a port */
    struct slice port = slice_new(colon + 1, text.len - (size_t)(colon + 1 - text.data));
    if (!is_port(port))
      return false;
    text.len = (size_t)(colon - text.data);
  }
  return parse_plain(text, out);
}

bool address_of_peer(int fd, struct address *out) {
  struct sockaddr_storage peer;
  socklen_t len = sizeof peer;
  if (getpeername(fd, (struct sockaddr *)&peer, &len))
    return false;
  if (peer.ss_family == AF_INET) {
    memcpy(out->bytes, mapped_prefix, sizeof mapped_prefix);
    memcpy(out->bytes + sizeof mapped_prefix, &((struct sockaddr_in *)&peer)->sin_addr, 4);
    return true;
  }
  if (peer.ss_family != AF_INET6)
    return false;
  memcpy(out->bytes, &((struct sockaddr_in6 *)&peer)->sin6_addr, sizeof out->bytes);
  return true;
}

void address_format(const struct address *address, char out[ADDRESS_TEXT_BYTES]) {
  bool ipv4 = address_is_ipv4(address);
  const void *bytes = ipv4 ? address->bytes + sizeof mapped_prefix : address->bytes;
  if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, bytes, out, ADDRESS_TEXT_BYTES))
    out[0] = '\0';
}

struct network network_around(const struct address *address, int bits) {
  struct network network = {.address = *address, .prefix_bits = bits};
  for (int i = 0; i < 16; i++) {
    int kept = bits - i * 8;
    int mask = kept >= 8 ? 0xff : kept <= 0 ? 0 : 0xff << (8 - kept);
    network.address.bytes[i] = (uint8_t)(network.address.bytes[i] & mask);
  }
  return network;
}

bool network_holds(const struct network *network, const struct address *address) {
  struct network around = network_around(address, network->prefix_bits);
  return memcmp(&around.address, &network->address, sizeof around.address) == 0;
}

int network_parse(struct slice text, struct network *out, struct belfry_error *error) {
  struct slice rest = text, host;
  struct address address;
  slice_split(&rest, '/', &host);
  if (!host.len || !parse_plain(host, &address))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "'%.*s' is not an address such as 192.0.2.1 or a network such as "
                            "10.0.0.0/8 or fd00::/8",
                            (int)(text.len > 60 ? 60 : text.len), text.data ? text.data : "");
  int first = address_is_ipv4(&address) && !memchr(host.data, ':', host.len) ? MAPPED_BITS : 0;
  long long bits = 128 - first;
  if (rest.data && (!slice_to_int64(rest, &bits) || bits < 0 || bits > 128 - first))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "'%.*s' must have a number from 0 to %d behind its /", SLICE_ARG(text),
                            128 - first);
  *out = network_around(&address, first + (int)bits);
  if (memcmp(&out->address, &address, sizeof address) != 0) {
    /* A slip that would trust more than was meant. */
    char right[ADDRESS_TEXT_BYTES];
    address_format(&out->address, right);
    return belfry_error_set(error, BELFRY_EINVAL,
                            "'%.*s' has bits set beyond its /%lld: write %s/%lld", SLICE_ARG(text),
                            bits, right, bits);
  }
  return BELFRY_OK;
}

int network_list_check(struct slice list, struct belfry_error *error) {
  struct slice piece;
  struct network network;
  int status = BELFRY_OK;
  while (!status && slice_split(&list, ',', &piece))
    status = network_parse(slice_trim(piece), &network, error);
  return status;
}

bool network_list_holds(struct slice list, const struct address *address) {
  struct slice piece;
  struct network network;
  while (slice_split(&list, ',', &piece))
    if (!network_parse(slice_trim(piece), &network, NULL) && network_holds(&network, address))
      return true;
  return false;
}
