#include "watchd/probe_curl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "config.h"

#define REDIRECTS_MAX    5
#define CERTIFICATE_DAYS 14 /* fewer of them left degrade a service that says nothing else */
#define DAY_SECONDS      86400

void probe_curl_free(struct probe_curl *probe) {
  if (!probe)
    return;
  curl_easy_cleanup(probe->easy);
  curl_slist_free_all(probe->headers);
  buf_fini(&probe->body);
  free(probe);
}

static void probe_curl_cancel(struct probe *head) {
  struct probe_curl *probe = (struct probe_curl *)head;
  transfers_remove(probe->transfers, probe->easy);
  probe_curl_free(probe);
}

/* --- what libcurl gives --- */

static size_t probe_curl_on_body(char *data, size_t size, size_t count, void *arg) {
  struct probe_curl *probe = arg;
  size_t len = size * count;
  probe->body_bytes += len;
  if (probe->body_bytes > PROBE_BODY_BYTES_MAX)
    return 0; /* ends the transfer */
  buf_put(&probe->body, data, len);
  return len;
}

static bool header_value(struct slice line, const char *name, struct slice *value) {
  size_t len = strlen(name);
  if (line.len <= len || line.data[len] != ':' || strncasecmp(line.data, name, len) != 0)
    return false;
  *value = slice_trim(slice_new(line.data + len + 1, line.len - len - 1));
  return true;
}

/* Trailers come here too. */
static size_t probe_curl_on_header(char *data, size_t size, size_t count, void *arg) {
  struct probe_curl *probe = arg;
  struct slice line = slice_new(data, size * count), value;
  long long status;
  if (header_value(line, "grpc-status", &value) && slice_to_int64(value, &status))
    probe->grpc_status = status >= 0 && status < 1000 ? (int)status : 999;
  if (header_value(line, "grpc-message", &value))
    snprintf(probe->grpc_message, sizeof probe->grpc_message, "%.*s", SLICE_ARG(value));
  return line.len;
}

/* libcurl does not tell a socket that it could not make from a peer that does not answer. */
static curl_socket_t probe_curl_on_open(void *arg, curlsocktype purpose,
                                        struct curl_sockaddr *address) {
  (void)purpose;
  struct probe_curl *probe = arg;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0 && errno != EAFNOSUPPORT) /* a host without IPv6 goes on with the next address */
    probe->socket_errno = errno;
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* --- judging --- */

static bool is_our_fault(const struct probe_curl *probe, CURLcode code) {
  long errnum = 0;
  if (probe->socket_errno)
    return true;
  switch (code) {
  case CURLE_OUT_OF_MEMORY:
  case CURLE_FAILED_INIT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL:
    return true;
  case CURLE_COULDNT_CONNECT:
    curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &errnum);
    return probe_errno_is_ours((int)errnum);
  default:
    return false;
  }
}

static void judge_broken(const struct probe_curl *probe, CURLcode code,
                         struct probe_result *result) {
  long errnum = 0;
  curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &errnum);
  result->outcome = is_our_fault(probe, code) ? PROBE_FAULT : PROBE_FAILURE;
  if (probe->socket_errno)
    snprintf(result->message, sizeof result->message, "cannot check: cannot make a socket: %s",
             strerror(probe->socket_errno));
  else if (code == CURLE_OPERATION_TIMEDOUT)
    snprintf(result->message, sizeof result->message, "no answer within %lld ms",
             (long long)probe->timeout_ms);
  else if (code == CURLE_COULDNT_CONNECT && errnum)
    snprintf(result->message, sizeof result->message, "cannot connect: %s", strerror((int)errnum));
  else
    snprintf(result->message, sizeof result->message, "%.200s",
             probe->error[0] ? probe->error : curl_easy_strerror(code));
}

static void probe_curl_on_done(void *arg, CURL *easy, CURLcode code) {
  struct probe_curl *probe = arg;
  struct probe_result result = {.outcome = PROBE_SUCCESS, .latency_ms = -1};
  bool cut = code == CURLE_WRITE_ERROR && probe->body_bytes > PROBE_BODY_BYTES_MAX;
  if (code == CURLE_OK || cut) {
    double seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME, &seconds);
    result.latency_ms = seconds * 1000;
    probe->judge(probe, &result);
  } else {
    judge_broken(probe, code, &result);
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
    curl_easy_getinfo(probe->easy, phases[i].end, &end_us);
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
  time_t end = certificate_end(probe->easy);
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

static void set_options(struct probe_curl *probe, const char *url) {
  CURL *easy = probe->easy;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)probe->timeout_ms);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");      /* a check is about this path, not a proxy */
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L); /* a kept connection would hide that */
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);  /* nobody accepts any more */
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "belfry-watchd/" PACKAGE_VERSION);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, probe_curl_on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, probe_curl_on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, probe);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, probe_curl_on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe);
  if (strncmp(url, "https:", 6) == 0)
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
  if (probe->service->insecure) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

struct probe_curl *probe_curl_new(const struct probe_tools *tools,
                                  const struct probe_target *target, const char *url,
                                  probe_curl_judge_fn judge, struct belfry_error *error) {
  struct probe_curl *probe = calloc(1, sizeof *probe);
  CURL *easy = probe ? curl_easy_init() : NULL;
  if (!easy) {
    free(probe);
    (void)belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
    return NULL;
  }
  probe->probe.cancel = probe_curl_cancel;
  probe->transfers = tools->transfers;
  probe->easy = easy;
  probe->service = target->service;
  probe->timeout_ms = target->timeout_ms;
  probe->judge = judge;
  probe->grpc_status = -1;
  probe->done = (struct transfer_done){probe_curl_on_done, probe};
  buf_init(&probe->body, PROBE_BODY_BYTES_MAX);
  set_options(probe, url);
  return probe;
}

int probe_curl_header(struct probe_curl *probe, const char *line) {
  struct curl_slist *more = curl_slist_append(probe->headers, line);
  if (!more)
    return BELFRY_ENOMEM;
  probe->headers = more;
  return BELFRY_OK;
}

void probe_curl_connect_only(struct probe_curl *probe) {
  curl_easy_setopt(probe->easy, CURLOPT_CONNECT_ONLY, 1L);
}

int probe_curl_run(struct probe_curl *probe, probe_done_fn on_done, void *arg, struct probe **out,
                   struct belfry_error *error) {
  probe->on_done = on_done;
  probe->arg = arg;
  if (probe->headers)
    curl_easy_setopt(probe->easy, CURLOPT_HTTPHEADER, probe->headers);
  int status = transfers_add(probe->transfers, probe->easy, &probe->done);
  if (status) {
    probe_curl_free(probe);
    return belfry_error_set(error, status, "cannot start a transfer");
  }
  *out = &probe->probe;
  return BELFRY_OK;
}
