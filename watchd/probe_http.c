/*
 * The probe `http`: GET of a service's health endpoint. An answer of 200 to 399 is good. The body
 * is thrown away, and no more than a little of it is waited for.
 */
#include "watchd/probe.h"

#include "watchd/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define REDIRECTS_MAX  5
#define BODY_BYTES_MAX ((size_t)1 << 20)

struct http_probe {
  struct probe probe; /* first: the probe is this */
  struct transfers *transfers;
  struct transfer_done done;
  CURL *easy; /* owned */
  probe_done_fn on_done;
  void *arg;
  int64_t timeout_ms;
  size_t body_bytes;
  int socket_errno; /* why we could not even make a socket; 0: we could */
  char error[CURL_ERROR_SIZE];
};

static void http_cancel(struct probe *probe) {
  struct http_probe *http = (struct http_probe *)probe;
  transfers_remove(http->transfers, http->easy);
  curl_easy_cleanup(http->easy);
  free(http);
}

static size_t http_on_body(char *data, size_t size, size_t count, void *arg) {
  (void)data;
  struct http_probe *http = arg;
  http->body_bytes += size * count;
  return http->body_bytes > BODY_BYTES_MAX ? 0 : size * count; /* 0 ends the transfer */
}

/* libcurl does not tell a socket that it could not make from a peer that does not answer. */
static curl_socket_t http_on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  struct http_probe *http = arg;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0 && errno != EAFNOSUPPORT) /* a host without IPv6 goes on with the next address */
    http->socket_errno = errno;
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static bool is_our_fault(const struct http_probe *http, CURLcode code) {
  long errnum = 0;
  if (http->socket_errno)
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
    curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &errnum);
    return probe_errno_is_ours((int)errnum);
  default:
    return false;
  }
}

static void judge(const struct http_probe *http, CURLcode code, struct probe_result *result) {
  long status = 0;
  double seconds = 0;
  curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(http->easy, CURLINFO_STARTTRANSFER_TIME, &seconds);
  result->latency_ms = -1;
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && http->body_bytes > BODY_BYTES_MAX)) {
    result->outcome = status >= 200 && status <= 399 ? PROBE_SUCCESS : PROBE_FAILURE;
    result->latency_ms = seconds * 1000;
    snprintf(result->message, sizeof result->message, "HTTP %ld", status);
    return;
  }
  result->outcome = is_our_fault(http, code) ? PROBE_FAULT : PROBE_FAILURE;
  long errnum = 0;
  curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &errnum);
  if (http->socket_errno)
    snprintf(result->message, sizeof result->message, "cannot check: cannot make a socket: %s",
             strerror(http->socket_errno));
  else if (code == CURLE_OPERATION_TIMEDOUT)
    snprintf(result->message, sizeof result->message, "no answer within %lld ms",
             (long long)http->timeout_ms);
  else if (code == CURLE_COULDNT_CONNECT && errnum)
    snprintf(result->message, sizeof result->message, "cannot connect: %s", strerror((int)errnum));
  else
    snprintf(result->message, sizeof result->message, "%.200s",
             http->error[0] ? http->error : curl_easy_strerror(code));
}

static void http_on_done(void *arg, CURL *easy, CURLcode code) {
  (void)easy;
  struct http_probe *http = arg;
  struct probe_result result = {0};
  judge(http, code, &result);
  probe_done_fn on_done = http->on_done;
  void *done_arg = http->arg;
  http_cancel(&http->probe);
  on_done(done_arg, &result);
}

static void set_options(struct http_probe *http, const struct probe_target *target) {
  CURL *easy = http->easy;
  curl_easy_setopt(easy, CURLOPT_URL, target->address);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)target->timeout_ms);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* a health check is about this path, not a proxy */
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L); /* a kept connection would hide that */
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);  /* nobody accepts any more */
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "belfry-watchd/" PACKAGE_VERSION);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, http);
}

int probe_http_start(const struct probe_tools *tools, const struct probe_target *target,
                     probe_done_fn on_done, void *arg, struct probe **out,
                     struct belfry_error *error) {
  struct http_probe *http = calloc(1, sizeof *http);
  CURL *easy = http ? curl_easy_init() : NULL;
  if (!easy) {
    free(http);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  http->probe.cancel = http_cancel;
  http->transfers = tools->transfers;
  http->easy = easy;
  http->on_done = on_done;
  http->arg = arg;
  http->timeout_ms = target->timeout_ms;
  http->done = (struct transfer_done){http_on_done, http};
  set_options(http, target);
  int status = transfers_add(tools->transfers, easy, &http->done);
  if (status) {
    curl_easy_cleanup(easy);
    free(http);
    return belfry_error_set(error, status, "cannot start an HTTP request");
  }
  *out = &http->probe;
  return BELFRY_OK;
}
