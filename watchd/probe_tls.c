/*
 * The probe `tls`: a handshake with a port, a certificate that is trusted, and good for some time
 * yet.
 */
#include "watchd/probe_connect.h"

#include <stdio.h>

static void judge(struct probe_curl *probe, struct probe_result *result) {
  double seconds = 0;
  curl_easy_getinfo(probe->fetch.easy, CURLINFO_APPCONNECT_TIME, &seconds);
  result->latency_ms = seconds * 1000;
  snprintf(result->message, sizeof result->message, "handshake done");
  probe_curl_certificate(probe, result);
}

int probe_tls_start(const struct probe_tools *tools, const struct probe_target *target,
                    probe_done_fn on_done, void *arg, struct probe **out,
                    struct belfry_error *error) {
  return probe_connect_start("https://", tools, target, judge, on_done, arg, out, error);
}
