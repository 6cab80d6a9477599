#include "watchd/fetch.h"

#include "watchd/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"

#define REDIRECTS_MAX 5

/* --- what libcurl gives --- */

static size_t fetch_on_body(char *data, size_t size, size_t count, void *arg) {
  struct fetch *fetch = arg;
  size_t len = size * count, room = fetch->body_max - fetch->body.len;
  buf_put(&fetch->body, data, len < room ? len : room);
  fetch->cut |= len > room;
  return fetch->cut ? 0 : len; /* 0 ends the transfer */
}

static bool header_value(struct slice line, const char *name, struct slice *value) {
  size_t len = strlen(name);
  if (line.len <= len || line.data[len] != ':' || strncasecmp(line.data, name, len) != 0)
    return false;
  *value = slice_trim(slice_new(line.data + len + 1, line.len - len - 1));
  return true;
}

/* Trailers come here too. */
static size_t fetch_on_header(char *data, size_t size, size_t count, void *arg) {
  struct fetch *fetch = arg;
  struct slice line = slice_new(data, size * count), value;
  long long status;
  if (header_value(line, "grpc-status", &value) && slice_to_int64(value, &status))
    fetch->grpc_status = status >= 0 && status < 1000 ? (int)status : 999;
  if (header_value(line, "grpc-message", &value))
    snprintf(fetch->grpc_message, sizeof fetch->grpc_message, "%.*s", SLICE_ARG(value));
  return line.len;
}

/* libcurl does not tell a socket that it could not make from a peer that does not answer. */
static curl_socket_t fetch_on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  struct fetch *fetch = arg;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0 && errno != EAFNOSUPPORT) /* a host without IPv6 goes on with the next address */
    fetch->socket_errno = errno;
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void fetch_on_done(void *arg, CURL *easy, CURLcode code) {
  (void)easy;
  struct fetch *fetch = arg;
  fetch->code = code;
  fetch->on_done(fetch->arg, code == CURLE_OK || (code == CURLE_WRITE_ERROR && fetch->cut));
}

/* --- how it ended --- */

static bool is_our_fault(const struct fetch *fetch) {
  long errnum = 0;
  if (fetch->socket_errno)
    return true;
  switch (fetch->code) {
  case CURLE_OUT_OF_MEMORY:
  case CURLE_FAILED_INIT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL:
    return true;
  case CURLE_COULDNT_CONNECT:
    curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &errnum);
    return probe_errno_is_ours((int)errnum);
  default:
    return false;
  }
}

bool fetch_failure(const struct fetch *fetch, char *message, size_t size) {
  long errnum = 0;
  curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &errnum);
  if (fetch->socket_errno)
    snprintf(message, size, "cannot make a socket: %s", strerror(fetch->socket_errno));
  else if (fetch->code == CURLE_OPERATION_TIMEDOUT)
    snprintf(message, size, "no answer within %lld ms", (long long)fetch->timeout_ms);
  else if (fetch->code == CURLE_COULDNT_CONNECT && errnum)
    snprintf(message, size, "cannot connect: %s", strerror((int)errnum));
  else
    snprintf(message, size, "%.200s",
             fetch->error[0] ? fetch->error : curl_easy_strerror(fetch->code));
  return is_our_fault(fetch);
}

long fetch_status(const struct fetch *fetch) {
  long status = 0;
  curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

const char *fetch_type(const struct fetch *fetch) {
  const char *type = NULL;
  curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
  return type ? type : "";
}

/* --- making --- */

static void set_options(struct fetch *fetch, const char *url, bool insecure) {
  CURL *easy = fetch->easy;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);    /* else its end waits for the name's lookup */
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");      /* a check is about this path, not a proxy */
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L); /* a kept connection would hide that */
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);  /* nobody accepts any more */
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "belfry-watchd/" PACKAGE_VERSION);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, fetch_on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, fetch_on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, fetch_on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
  if (strncmp(url, "https:", 6) == 0)
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
  if (insecure) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

int fetch_init(struct fetch *fetch, struct transfers *transfers, const char *url,
               int64_t timeout_ms, size_t body_max, bool insecure) {
  *fetch = (struct fetch){
      .transfers = transfers, .timeout_ms = timeout_ms, .body_max = body_max, .grpc_status = -1};
  buf_init(&fetch->body, body_max);
  fetch->done = (struct transfer_done){fetch_on_done, fetch};
  fetch->easy = curl_easy_init();
  if (!fetch->easy)
    return BELFRY_ENOMEM;
  set_options(fetch, url, insecure);
  return BELFRY_OK;
}

void fetch_fini(struct fetch *fetch) {
  if (fetch->easy)
    transfers_remove(fetch->transfers, fetch->easy);
  curl_easy_cleanup(fetch->easy);
  curl_slist_free_all(fetch->headers);
  buf_fini(&fetch->body);
  fetch->easy = NULL;
  fetch->headers = NULL;
}

int fetch_header(struct fetch *fetch, const char *line) {
  struct curl_slist *more = curl_slist_append(fetch->headers, line);
  if (!more)
    return BELFRY_ENOMEM;
  fetch->headers = more;
  return BELFRY_OK;
}

int fetch_run(struct fetch *fetch, fetch_done_fn on_done, void *arg, struct belfry_error *error) {
  fetch->on_done = on_done;
  fetch->arg = arg;
  if (fetch->headers)
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
  int status = transfers_add(fetch->transfers, fetch->easy, &fetch->done);
  return status ? belfry_error_set(error, status, "cannot start a transfer") : BELFRY_OK;
}
