/* The probes that are content with a connection: tcp, and tls with its handshake. */
#ifndef BELFRY_WATCHD_PROBE_CONNECT_H
#define BELFRY_WATCHD_PROBE_CONNECT_H

#include "watchd/probe_curl.h"

/* Takes: `scheme` http:// or https://. Returns: as probe_start. */
int probe_connect_start(const char *scheme, const struct probe_tools *tools,
                        const struct probe_target *target, probe_curl_judge_fn judge,
                        probe_done_fn on_done, void *arg, struct probe **out,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
