#include "cli/http.h"

#include "base/clock.h"
#include "base/json.h"
#include "cli/backoff.h"
#include "cli/command.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"

#define BODY_BYTES_MAX       ((size_t)256 << 20)
#define CONNECT_TIMEOUT_MS   10000L
#define STREAM_SILENCE_S     45L /* the server says something at least every 15 s */
#define SHOWN_BODY_BYTES_MAX 200
#define RECEIVE_BYTES        16384

struct http {
  CURL *easy;
  CURL *dialled; /* NULL while there is no connection of http_dial */
  const struct connection *connection;
  char said[CURL_ERROR_SIZE];
};

/* One request on its way. */
struct exchange {
  struct http *http;
  const struct http_request *request;
  struct http_response *response;
  bool opened;
  int status; /* why a callback ended it */
};

struct http *http_open(const struct connection *connection, struct belfry_error *error) {
  struct http *http = calloc(1, sizeof *http);
  if (http && curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
    http->easy = curl_easy_init();
  if (!http || !http->easy) {
    free(http);
    belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
    return NULL;
  }
  http->connection = connection;
  return http;
}

void http_close(struct http *http) {
  if (!http)
    return;
  http_hang_up(http);
  curl_easy_cleanup(http->easy);
  free(http);
  curl_global_cleanup();
}

void http_response_init(struct http_response *response) {
  *response = (struct http_response){.retry_after_s = -1};
  buf_init(&response->body, BODY_BYTES_MAX);
}

void http_response_fini(struct http_response *response) {
  buf_fini(&response->body);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg) {
  static const char name[] = "retry-after:";
  struct exchange *exchange = arg;
  struct slice line = slice_new(bytes, size * count);
  long long seconds;
  if (line.len > sizeof name - 1 && strncasecmp(line.data, name, sizeof name - 1) == 0 &&
      slice_to_int64(slice_trim(slice_new(line.data + sizeof name - 1, line.len - sizeof name + 1)),
                     &seconds) &&
      seconds >= 0)
    exchange->response->retry_after_s = seconds;
  return size * count;
}

/* A page of some other server would else be taken for a silent stream. */
static bool is_stream(struct exchange *exchange) {
  const char *type = NULL;
  curl_easy_getinfo(exchange->http->easy, CURLINFO_CONTENT_TYPE, &type);
  return type &&
         strncasecmp(type, exchange->request->accept, strlen(exchange->request->accept)) == 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg) {
  struct exchange *exchange = arg;
  struct slice run = slice_new(bytes, size * count);
  long status = 0;
  curl_easy_getinfo(exchange->http->easy, CURLINFO_RESPONSE_CODE, &status);
  if (exchange->request->on_bytes && status == 200) {
    if (!exchange->opened && !is_stream(exchange)) {
      exchange->status = BELFRY_EPROTO;
      return 0;
    }
    exchange->opened = true;
    exchange->status = exchange->request->on_bytes(exchange->request->arg, run);
  } else {
    buf_put_slice(&exchange->response->body, run);
    exchange->status = buf_status(&exchange->response->body);
  }
  return exchange->status ? 0 : run.len;
}

static bool add_header(struct curl_slist **headers, const char *name, const char *value) {
  char *line = NULL;
  if (!value)
    return true;
  if (asprintf(&line, "%s: %s", name, value) < 0)
    return false;
  struct curl_slist *more = curl_slist_append(*headers, line);
  explicit_bzero(line, strlen(line));
  free(line);
  if (more)
    *headers = more;
  return more != NULL;
}

static bool add_headers(struct http *http, const struct http_request *request,
                        struct curl_slist **headers) {
  char *bearer = NULL;
  if (http->connection->key && asprintf(&bearer, "Bearer %s", http->connection->key) < 0)
    return false;
  bool done = add_header(headers, "Authorization", bearer) &&
              add_header(headers, "Accept", request->accept) &&
              add_header(headers, "Content-Type", request->content_type) &&
              add_header(headers, "Last-Event-ID", request->last_event_id) &&
              add_header(headers, "Expect", request->content_type ? "" : NULL);
  free(bearer);
  return done;
}

/* A proxy of the environment is no way to this very machine. */
static bool is_loopback(const char *url) {
  static const char *const hosts[] = {
      "//127.0.0.1:", "//127.0.0.1/", "//localhost:", "//localhost/", "//[::1]:", "//[::1]/"};
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
    const char *slashes = strstr(url, "//");
    if (slashes && strncasecmp(slashes, hosts[i], strlen(hosts[i])) == 0)
      return true;
  }
  return false;
}

static void set_up_connecting(struct http *http, CURL *easy, const char *url) {
  http->said[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->said);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  if (is_loopback(url))
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static void set_up(struct exchange *exchange, const char *url, struct curl_slist *headers) {
  CURL *easy = exchange->http->easy;
  const struct http_request *request = exchange->request;
  curl_easy_reset(easy);
  set_up_connecting(exchange->http, easy, url);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "belfry/" PACKAGE_VERSION);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
  if (request->timeout_ms > 0) {
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
  } else {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STREAM_SILENCE_S);
  }
  if (request->content_type) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data ? request->body.data : "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
  }
}

/* Why libcurl got no connection, or none that it trusts. */
static int no_connection(struct http *http, CURLcode code, struct belfry_error *error) {
  const char *url = http->connection->url;
  const char *said = http->said[0] ? http->said : curl_easy_strerror(code);
  if (code == CURLE_OUT_OF_MEMORY)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  if (code == CURLE_OPERATION_TIMEDOUT)
    return belfry_error_set(error, BELFRY_ETIMEDOUT, "no answer from %s in time: %s", url, said);
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
    return belfry_error_set(error, BELFRY_EDENIED, "the certificate of %s is not trusted: %s", url,
                            said);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return belfry_error_set(error, BELFRY_EINVAL, "%s is not a URL: %s", url, said);
  return belfry_error_set(error, BELFRY_ECLOSED,
                          "cannot reach %s: %s (--url or BELFRY_URL say where the server is)", url,
                          said);
}

static int failure(struct exchange *exchange, CURLcode code, struct belfry_error *error) {
  const char *url = exchange->http->connection->url;
  const char *said = exchange->http->said[0] ? exchange->http->said : curl_easy_strerror(code);
  if (exchange->status == BELFRY_EPROTO)
    return belfry_error_set(error, exchange->status,
                            "%s%s does not answer with %s: is this the URL of a Belfry?", url,
                            exchange->request->path, exchange->request->accept);
  if (exchange->status)
    return belfry_error_set(error, exchange->status, "the answer of %s: %s", url,
                            belfry_strerror(exchange->status));
  if (exchange->opened && code != CURLE_OPERATION_TIMEDOUT)
    return belfry_error_set(error, BELFRY_ECLOSED, "the connection to %s broke: %s", url, said);
  return no_connection(exchange->http, code, error);
}

int http_perform(struct http *http, const struct http_request *request,
                 struct http_response *response, struct belfry_error *error) {
  struct exchange exchange = {.http = http, .request = request, .response = response};
  struct curl_slist *headers = NULL;
  char *url = NULL;
  int status = BELFRY_ENOMEM;
  buf_clear(&response->body);
  response->status = 0;
  response->retry_after_s = -1;
  if (asprintf(&url, "%s%s", http->connection->url, request->path) < 0)
    url = NULL;
  if (!url || !add_headers(http, request, &headers)) {
    belfry_error_set(error, status, "out of memory");
    goto out;
  }
  set_up(&exchange, url, headers);
  CURLcode code = curl_easy_perform(http->easy);
  curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &response->status);
  status = code == CURLE_OK ? BELFRY_OK : failure(&exchange, code, error);
out:
  curl_slist_free_all(headers);
  free(url);
  return status;
}

bool http_is_passing(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

int http_perform_patiently(struct http *http, const struct http_request *request,
                           struct http_response *response, struct belfry_error *error) {
  int64_t deadline = clock_monotonic_ms(&clock_system) + request->timeout_ms;
  struct backoff backoff = {0};
  for (;;) {
    struct belfry_error latest = {0};
    struct http_request again = *request;
    again.timeout_ms = deadline - clock_monotonic_ms(&clock_system);
    if (again.timeout_ms < 1)
      again.timeout_ms = 1;
    int status = http_perform(http, &again, response, &latest);
    bool passing = status ? status == BELFRY_ECLOSED || status == BELFRY_ETIMEDOUT
                          : http_is_passing(response->status);
    int64_t wait_ms = backoff_next_ms(&backoff);
    if (wait_ms < response->retry_after_s * 1000)
      wait_ms = response->retry_after_s * 1000;
    if (!passing || clock_monotonic_ms(&clock_system) + wait_ms >= deadline) {
      if (status)
        belfry_error_set(error, status, "%s", latest.text);
      return status;
    }
    backoff_sleep(wait_ms);
  }
}

static const char *text_member(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

/* Returns: whether it was problem+json. */
static bool complain_of_problem(const struct http_response *response) {
  json_t *problem = json_parse(buf_slice(&response->body), JSON_DEPTH_DEFAULT, NULL);
  const char *title = text_member(problem, "title"), *detail = text_member(problem, "detail");
  bool is_problem = title[0] || detail[0];
  if (is_problem) {
    size_t index;
    json_t *item;
    command_complain("the server says: %ld %s%s%s", response->status, title,
                     title[0] && detail[0] ? ": " : "", detail);
    json_array_foreach(json_object_get(problem, "errors"), index, item) {
      command_complain("  %s: %s", text_member(item, "pointer"), text_member(item, "detail"));
    }
  }
  json_decref(problem);
  return is_problem;
}

void http_complain(const struct http *http, const struct http_response *response) {
  if (!complain_of_problem(response)) {
    struct slice body = slice_trim(buf_slice(&response->body));
    if (body.len > SHOWN_BODY_BYTES_MAX)
      body.len = SHOWN_BODY_BYTES_MAX;
    command_complain("%s answered %ld, which is not Belfry's way%s%.*s", http->connection->url,
                     response->status, body.len ? ": " : "", SLICE_ARG(body));
  }
  if (response->status == 401)
    command_complain("%s: give a key with --key-file FILE, BELFRY_KEY_FILE or the file "
                     "~/.config/belfry/key",
                     http->connection->key ? "the key is not accepted" : "no key was given");
}

/* --- bytes both ways ---------------------------------------------------------------------------
 */

const char *http_key(const struct http *http) {
  return http->connection->key;
}

/* Returns: owned by libcurl (curl_free), NULL when the URL has no such part. */
static char *url_part(CURLU *url, CURLUPart part) {
  char *text = NULL;
  return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

int http_put_server(const struct http *http, struct buf *host, struct buf *path,
                    struct belfry_error *error) {
  int status = BELFRY_EINVAL;
  CURLU *url = curl_url();
  char *name = NULL, *port = NULL, *way = NULL, *user = NULL;
  if (!url)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  if (curl_url_set(url, CURLUPART_URL, http->connection->url, 0) == CURLUE_OK) {
    name = url_part(url, CURLUPART_HOST);
    port = url_part(url, CURLUPART_PORT);
    way = url_part(url, CURLUPART_PATH);
    user = url_part(url, CURLUPART_USER);
  }
  if (!name || !way) {
    belfry_error_set(error, status, "%s is not a URL", http->connection->url);
  } else if (user) {
    belfry_error_set(error, status,
                     "a user in the server's URL is not sent over a WebSocket: give a key with "
                     "--key-file FILE");
  } else {
    buf_printf(host, "%s%s%s", name, port ? ":" : "", port ? port : "");
    buf_put_text(path, way);
    status = buf_status(host) || buf_status(path) ? BELFRY_ENOMEM : BELFRY_OK;
  }
  curl_free(name);
  curl_free(port);
  curl_free(way);
  curl_free(user);
  curl_url_cleanup(url);
  return status;
}

void http_hang_up(struct http *http) {
  curl_easy_cleanup(http->dialled);
  http->dialled = NULL;
}

int http_dial(struct http *http, struct belfry_error *error) {
  http_hang_up(http);
  /* A handle of its own: libcurl would keep the old connection with the shared one. */
  http->dialled = curl_easy_init();
  if (!http->dialled)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  set_up_connecting(http, http->dialled, http->connection->url);
  curl_easy_setopt(http->dialled, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(http->dialled, CURLOPT_HTTPPROXYTUNNEL, 1L);
  /* TLS must not agree on HTTP/2. */
  curl_easy_setopt(http->dialled, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  CURLcode code = curl_easy_perform(http->dialled);
  if (code == CURLE_OK)
    return BELFRY_OK;
  int status = no_connection(http, code, error);
  http_hang_up(http);
  return status;
}

/* Waits until the connection can be read or written. Returns: false when the time is over. */
static bool wait_for(struct http *http, short events, int64_t deadline_ms) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  int64_t left = deadline_ms - clock_monotonic_ms(&clock_system);
  if (left <= 0 || curl_easy_getinfo(http->dialled, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
      fd == CURL_SOCKET_BAD)
    return false;
  struct pollfd wanted = {.fd = fd, .events = events};
  (void)poll(&wanted, 1, left < INT32_MAX ? (int)left : INT32_MAX);
  return true;
}

static int broken(struct http *http, CURLcode code, struct belfry_error *error) {
  return belfry_error_set(error, BELFRY_ECLOSED, "the connection to %s broke: %s",
                          http->connection->url,
                          http->said[0] ? http->said : curl_easy_strerror(code));
}

int http_send(struct http *http, struct slice bytes, int64_t timeout_ms,
              struct belfry_error *error) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + timeout_ms;
  while (bytes.len > 0) {
    size_t sent = 0;
    CURLcode code = curl_easy_send(http->dialled, bytes.data, bytes.len, &sent);
    if (code != CURLE_OK && code != CURLE_AGAIN)
      return broken(http, code, error);
    bytes = slice_new(bytes.data + sent, bytes.len - sent);
    /* TLS may have to read before it can write. */
    if (code == CURLE_AGAIN && !wait_for(http, POLLOUT, deadline_ms))
      return belfry_error_set(error, BELFRY_ETIMEDOUT, "%s takes no more bytes",
                              http->connection->url);
  }
  return BELFRY_OK;
}

int http_receive(struct http *http, struct buf *into, int64_t timeout_ms,
                 struct belfry_error *error) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + timeout_ms;
  char *room = buf_reserve(into, RECEIVE_BYTES);
  if (!room)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  for (;;) {
    size_t got = 0;
    /* Tried first: TLS may hold bytes that the socket no longer tells of. */
    CURLcode code = curl_easy_recv(http->dialled, room, RECEIVE_BYTES, &got);
    if (code == CURLE_OK && got == 0)
      return belfry_error_set(error, BELFRY_ECLOSED, "%s has ended the connection",
                              http->connection->url);
    if (code == CURLE_OK) {
      buf_commit(into, got);
      return BELFRY_OK;
    }
    if (code != CURLE_AGAIN)
      return broken(http, code, error);
    if (!wait_for(http, POLLIN, deadline_ms))
      return belfry_error_set(error, BELFRY_ETIMEDOUT, "nothing came from %s within %.0f s",
                              http->connection->url, (double)timeout_ms / 1000);
  }
}
