/*
 * IP addresses and networks as values: parsed, compared, printed. No names, no I/O but to ask a
 * socket for its peer's. An IPv4 address is kept in its IPv4-mapped IPv6 form (RFC 4291, 2.5.5.2),
 * so that 192.0.2.1 and ::ffff:192.0.2.1 are the same one.
 */
#ifndef BELFRY_BASE_ADDRESS_H
#define BELFRY_BASE_ADDRESS_H

#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_TEXT_BYTES 46 /* INET6_ADDRSTRLEN */

struct address {
  uint8_t bytes[16];
};

struct network {
  struct address address; /* no bits beyond the prefix */
  int prefix_bits;        /* of 128 */
};

/* Reads "192.0.2.1", "2001:db8::1" or "[2001:db8::1]", the first and the last also with ":PORT", as
 * proxies write them into X-Forwarded-For. Returns: whether it is one. */
bool address_parse(struct slice text, struct address *out);

/* The address of the peer of a connected socket. Returns: false when it has none, as over a unix
 * socket. */
bool address_of_peer(int fd, struct address *out);

bool address_is_ipv4(const struct address *address);
void address_format(const struct address *address, char out[ADDRESS_TEXT_BYTES]);

/* Reads an address or "ADDRESS/BITS". Returns: 0, or BELFRY_EINVAL with what would be right. */
int network_parse(struct slice text, struct network *out,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

bool network_holds(const struct network *network, const struct address *address);

/* The network of the first `bits` (of 128) of an address. */
struct network network_around(const struct address *address, int bits);

/* Reads a comma list of networks. Returns: 0, or BELFRY_EINVAL for the first that is none. */
int network_list_check(struct slice list, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Whether one of a comma list of networks holds the address. */
bool network_list_holds(struct slice list, const struct address *address);

#endif
