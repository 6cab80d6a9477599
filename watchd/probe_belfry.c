/*
 * The probe `belfry`: one of Belfry's own programs, by the smallest exchange that it answers from
 * its main loop: a hello to belfry-historyd, GET /health to belfry-fcgi (FastCGI 1.0) and to
 * belfry-pushd (HTTP). Any proper answer is good: whether /health is content is not this probe's
 * question.
 */
#include "watchd/exchange.h"

#include "base/ipc.h"
#include "base/wire.h"
#include "history/append.h"

#include <stdio.h>
#include <sys/un.h>

/* --- belfry-historyd: a frame of lib/base/ipc.h --------------------------------------------------
 */

static void put_hello(struct buf *out) {
  size_t mark = ipc_begin_frame(out, HISTORY_VERB_HELLO, 0, 1);
  wire_put_u32(out, HISTORY_PROTOCOL_VERSION);
  wire_put_slice(out, slice_of("belfry-watchd"));
  ipc_end_frame(out, mark);
}

static int judge_hello(struct slice answer, char *message, size_t message_bytes) {
  struct buf in;
  struct ipc_frame frame;
  size_t at = 0;
  buf_init(&in, EXCHANGE_BYTES_MAX);
  buf_put_slice(&in, answer);
  int status = ipc_take_frame(&in, &at, EXCHANGE_BYTES_MAX, &frame);
  if (!status && frame.status) {
    status = BELFRY_EPROTO;
    snprintf(message, message_bytes, "refused the hello: %.*s",
             (int)(frame.payload.len < 160 ? frame.payload.len : 160), frame.payload.data);
  } else if (!status) {
    snprintf(message, message_bytes, "answers");
  }
  buf_fini(&in);
  return status;
}

/* --- belfry-fcgi: records of FastCGI 1.0, section 3.3 -------------------------------------------
 */

enum { FCGI_VERSION = 1, FCGI_RESPONDER = 1, FCGI_REQUEST_ID = 1, FCGI_HEADER_BYTES = 8 };
enum {
  FCGI_BEGIN_REQUEST = 1,
  FCGI_END_REQUEST = 3,
  FCGI_PARAMS = 4,
  FCGI_STDIN = 5,
  FCGI_STDOUT = 6
};

static void put_record(struct buf *out, int type, struct slice content) {
  const char header[FCGI_HEADER_BYTES] = {
      FCGI_VERSION, (char)type, 0, FCGI_REQUEST_ID, (char)(content.len >> 8), (char)content.len};
  buf_put(out, header, sizeof header);
  buf_put_slice(out, content);
}

static void put_fcgi(struct buf *out) {
  static const char begin[8] = {0, FCGI_RESPONDER};
  static const char *const params[][2] = {
      {"REQUEST_METHOD", "GET"},       {"REQUEST_URI", "/health"}, {"DOCUMENT_URI", "/health"},
      {"SCRIPT_NAME", "/health"},      {"QUERY_STRING", ""},       {"SERVER_PROTOCOL", "HTTP/1.1"},
      {"HTTP_HOST", "localhost"},      {"REMOTE_ADDR", ""},        {"REQUEST_SCHEME", "http"},
      {"GATEWAY_INTERFACE", "CGI/1.1"}};
  struct buf pairs;
  buf_init(&pairs, 2048);
  for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
    buf_put_char(&pairs, (char)strlen(params[i][0]));
    buf_put_char(&pairs, (char)strlen(params[i][1]));
    buf_put_text(&pairs, params[i][0]);
    buf_put_text(&pairs, params[i][1]);
  }
  put_record(out, FCGI_BEGIN_REQUEST, slice_new(begin, sizeof begin));
  put_record(out, FCGI_PARAMS, buf_slice(&pairs));
  put_record(out, FCGI_PARAMS, slice_new(NULL, 0));
  put_record(out, FCGI_STDIN, slice_new(NULL, 0));
  buf_fini(&pairs);
}

static int judge_fcgi(struct slice answer, char *message, size_t message_bytes) {
  if (answer.len < FCGI_HEADER_BYTES)
    return BELFRY_EMORE;
  const unsigned char *head = (const unsigned char *)answer.data;
  if (head[0] != FCGI_VERSION || (head[1] != FCGI_STDOUT && head[1] != FCGI_END_REQUEST))
    return BELFRY_EPROTO;
  snprintf(message, message_bytes, head[1] == FCGI_STDOUT ? "answers" : "gave an empty answer");
  return head[1] == FCGI_STDOUT ? BELFRY_OK : BELFRY_EPROTO;
}

/* --- belfry-pushd: HTTP -------------------------------------------------------------------------
 */

static void put_http(struct buf *out) {
  buf_put_text(out, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

static int judge_http(struct slice answer, char *message, size_t message_bytes) {
  static const char start[] = "HTTP/1.";
  size_t len = answer.len < strlen(start) ? answer.len : strlen(start);
  if (len == 0)
    return BELFRY_EMORE;
  if (memcmp(answer.data, start, len) != 0)
    return BELFRY_EPROTO;
  snprintf(message, message_bytes, "answers");
  return len == strlen(start) ? BELFRY_OK : BELFRY_EMORE;
}

static const struct {
  const char *name;
  void (*put_request)(struct buf *out);
  exchange_judge_fn judge;
} programs[] = {
    {"belfry-historyd", put_hello, judge_hello},
    {"belfry-fcgi", put_fcgi, judge_fcgi},
    {"belfry-pushd", put_http, judge_http},
};

int probe_belfry_start(const struct probe_tools *tools, const struct probe_target *target,
                       probe_done_fn on_done, void *arg, struct probe **out,
                       struct belfry_error *error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(target->socket) >= sizeof address.sun_path)
    return belfry_error_set(error, BELFRY_EINVAL, "socket path %s is longer than %zu bytes",
                            target->socket, sizeof address.sun_path - 1);
  strcpy(address.sun_path, target->socket);
  size_t i = 0;
  while (i < sizeof programs / sizeof *programs && strcmp(programs[i].name, target->name) != 0)
    i++;
  if (i == sizeof programs / sizeof *programs)
    return belfry_error_set(error, BELFRY_EINVAL, "'%s' is none of Belfry's programs",
                            target->name);
  struct buf request;
  buf_init(&request, EXCHANGE_BYTES_MAX);
  programs[i].put_request(&request);
  int status = buf_status(&request);
  if (status)
    belfry_error_set(error, status, "cannot make the request");
  else
    status = exchange_start(tools, (const struct sockaddr *)&address, sizeof address,
                            buf_slice(&request), programs[i].judge, target->timeout_ms, on_done,
                            arg, out, error);
  buf_fini(&request);
  return status;
}
