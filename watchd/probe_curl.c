#include "watchd/probe_curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CERTIFICATE_DAYS 14 /* fewer of them left degrade a service that says nothing else */
#define DAY_SECONDS      86400

void probe_curl_free(struct probe_curl *probe) {
  if (!probe)
    return;
  fetch_fini(&probe->fetch);
  free(probe);
}

static void probe_curl_cancel(struct probe *probe) {
  probe_curl_free((struct probe_curl *)probe);
}

static void probe_curl_on_done(void *arg, bool ended) {
  struct probe_curl *probe = arg;
  struct probe_result result = {.outcome = PROBE_SUCCESS, .latency_ms = -1};
  if (ended) {
    double seconds = 0;
    curl_easy_getinfo(probe->fetch.easy, CURLINFO_STARTTRANSFER_TIME, &seconds);
    result.latency_ms = seconds * 1000;
    probe->judge(probe, &result);
  } else {
    bool ours = fetch_failure(&probe->fetch, result.message, sizeof result.message);
    result.outcome = ours ? PROBE_FAULT : PROBE_FAILURE;
  }
  probe_done_fn on_done = probe->on_done;
  void *done_arg = probe->arg;
  probe_curl_free(probe);
  on_done(done_arg, &result);
}

void probe_curl_phases(const struct probe_curl *probe, struct probe_result *result) {
  static const struct {
    const char *phase;
    CURLINFO end;
  } phases[] = {{"dns", CURLINFO_NAMELOOKUP_TIME_T},
                {"connect", CURLINFO_CONNECT_TIME_T},
                {"tls", CURLINFO_APPCONNECT_TIME_T},
                {"wait", CURLINFO_STARTTRANSFER_TIME_T},
                {"transfer", CURLINFO_TOTAL_TIME_T}};
  curl_off_t begun_us = 0;
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
    curl_off_t end_us = 0;
    curl_easy_getinfo(probe->fetch.easy, phases[i].end, &end_us);
    if (end_us <= begun_us)
      continue; /* there was none */
    probe_result_add(result, "service_phase_ms", "phase", phases[i].phase,
                     (double)(end_us - begun_us) / 1000);
    begun_us = end_us;
  }
}

/* When the peer's own certificate ends. Returns: -1 when it is not known. */
static time_t certificate_end(CURL *easy) {
  static const char key[] = "Expire date:";
  struct curl_certinfo *chain = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) || !chain || chain->num_of_certs == 0)
    return -1;
  for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
    if (strncmp(line->data, key, strlen(key)) == 0)
      return curl_getdate(line->data + strlen(key), NULL);
  return -1;
}

void probe_curl_certificate(const struct probe_curl *probe, struct probe_result *result) {
  time_t end = certificate_end(probe->fetch.easy);
  if (end < 0)
    return;
  double days = difftime(end, time(NULL)) / DAY_SECONDS;
  int64_t least =
      probe->service->certificate_days ? probe->service->certificate_days : CERTIFICATE_DAYS;
  probe_result_add(result, "service_certificate_days", NULL, NULL, days);
  if (days >= (double)least || result->outcome != PROBE_SUCCESS)
    return;
  char said[sizeof result->message];
  snprintf(said, sizeof said, "%.100s, but the certificate is good for %.1f days only",
           result->message, days);
  memcpy(result->message, said, sizeof said);
  result->outcome = PROBE_DEGRADED;
}

/* --- making --- */

struct probe_curl *probe_curl_new(const struct probe_tools *tools,
                                  const struct probe_target *target, struct buf *url,
                                  probe_curl_judge_fn judge, struct belfry_error *error) {
  struct probe_curl *probe = buf_status(url) ? NULL : calloc(1, sizeof *probe);
  bool failed = !probe || fetch_init(&probe->fetch, tools->transfers, url->data, target->timeout_ms,
                                     PROBE_BODY_BYTES_MAX, target->service->insecure);
  buf_fini(url);
  if (failed) {
    probe_curl_free(probe);
    (void)belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
    return NULL;
  }
  probe->probe.cancel = probe_curl_cancel;
  probe->service = target->service;
  probe->judge = judge;
  return probe;
}

void probe_curl_connect_only(struct probe_curl *probe) {
  curl_easy_setopt(probe->fetch.easy, CURLOPT_CONNECT_ONLY, 1L);
}

int probe_curl_run(struct probe_curl *probe, probe_done_fn on_done, void *arg, struct probe **out,
                   struct belfry_error *error) {
  probe->on_done = on_done;
  probe->arg = arg;
  int status = fetch_run(&probe->fetch, probe_curl_on_done, probe, error);
  if (status) {
    probe_curl_free(probe);
    return status;
  }
  *out = &probe->probe;
  return BELFRY_OK;
}
