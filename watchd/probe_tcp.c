/*
 * The probe `tcp`: somebody accepts connections on a port of this host.
 */
#include "watchd/exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>

int probe_tcp_start(const struct probe_tools *tools, const struct probe_target *target,
                    probe_done_fn on_done, void *arg, struct probe **out,
                    struct belfry_error *error) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)target->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return exchange_start(tools, (const struct sockaddr *)&address, sizeof address,
                        slice_new(NULL, 0), NULL, target->timeout_ms, on_done, arg, out, error);
}
