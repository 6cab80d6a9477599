/*
 * What the probes that libcurl makes share: a transfer, how long each phase of it took, and the
 * certificate.
 */
#ifndef BELFRY_WATCHD_PROBE_CURL_H
#define BELFRY_WATCHD_PROBE_CURL_H

#include "watchd/fetch.h"
#include "watchd/probe.h"

#define PROBE_BODY_BYTES_MAX ((size_t)1 << 20) /* of an answer that are looked at */

struct probe_curl;

/* Judges a transfer that has come to its end; the result says PROBE_SUCCESS and holds the latency
 * so far. */
typedef void (*probe_curl_judge_fn)(struct probe_curl *probe, struct probe_result *result);

struct probe_curl {
  struct probe probe; /* first: the probe is this */
  struct fetch fetch;
  const struct conf_service *service; /* borrowed */
  probe_curl_judge_fn judge;
  probe_done_fn on_done;
  void *arg;
};

/* Makes one with the options that all have. Takes: `url`, also on failure. Returns: owned until
 * probe_curl_run() has taken it; NULL with `error` set. */
struct probe_curl *probe_curl_new(const struct probe_tools *tools,
                                  const struct probe_target *target, struct buf *url,
                                  probe_curl_judge_fn judge, struct belfry_error *error);
void probe_curl_free(struct probe_curl *probe);

/* Only connects, with a TLS handshake when the URL is https. */
void probe_curl_connect_only(struct probe_curl *probe);

/* Runs it. Takes: `probe`, also on failure. Returns: as probe_start. */
int probe_curl_run(struct probe_curl *probe, probe_done_fn on_done, void *arg, struct probe **out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* Adds the phases of the latency, as far as there were any. */
void probe_curl_phases(const struct probe_curl *probe, struct probe_result *result);

/* Of a TLS connection: adds how many days the certificate is good, and degrades the result when
 * these are too few. */
void probe_curl_certificate(const struct probe_curl *probe, struct probe_result *result);

#endif
