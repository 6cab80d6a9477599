/*
 * cli/websocket against a server of a few lines that says what a row of the table says: what comes
 * out, how it ends, and what the server is told.
 */
#include "cli/websocket.h"

#include "ws/handshake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SAID_BYTES 4096

struct row {
  struct slice bytes;   /* behind the 101 */
  const char *messages; /* in brackets */
  int status;           /* what ends it */
  const char *error;    /* a part of what is said */
  const char *told;     /* what the server hears, see hear() */
};

#define BYTES(text)                                                                                \
  { text, sizeof text - 1 }

static const struct row rows[] = {
    {BYTES("\x81\x02hi\x81\x00\x88\x02\x03\xe8"), "[hi][]", BELFRY_ECLOSED, "closed with 1000",
     "close 1000 ''"},
    {BYTES("\x01\x01h\x89\x04ping\x80\x01i\x88\x00"), "[hi]", BELFRY_ECLOSED, "without saying why",
     "pong 'ping' close 1005 ''"},
    {BYTES("\x8a\x04pong\x81\x01x\x88\x06\x03\xe9more"), "[x]", BELFRY_ECLOSED,
     "closed with 1001: more", "close 1001 ''"},
    {BYTES("\x81\x01x\x82\x01y"), "[x]", BELFRY_EPROTO, "a binary message",
     "close 1003 'a binary message'"},
    {BYTES("\x81\x81\x01\x02\x03\x04x"), "", BELFRY_EPROTO, "must not be masked",
     "close 1002 'a server's frame must not be masked'"},
    {BYTES("\x81\x01\xff"), "", BELFRY_EPROTO, "UTF-8", "close 1007"},
    {BYTES("\xc1\x01x"), "", BELFRY_EPROTO, "reserved bit", "close 1002"},
    {BYTES("\x81\x7f\x00\x00\x00\x00\x02\x00\x00\x00"), "", BELFRY_EPROTO, "too big", "close 1009"},
    {BYTES("\x81\x02h"), "", BELFRY_ECLOSED, "has ended the connection", ""},
    {BYTES(""), "", BELFRY_ECLOSED, "has ended the connection", ""},
};

static int listener(uint16_t *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 1), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

static bool write_all(int fd, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t written = write(fd, bytes, len);
    if (written <= 0)
      return false;
    bytes += written;
    len -= (size_t)written;
  }
  return true;
}

/* Reads the handshake and answers it. */
static void shake_hands(int fd) {
  static const char name[] = "Sec-WebSocket-Key: ";
  char request[4096] = "", answer[512], accept[WS_ACCEPT_BYTES];
  size_t len = 0;
  while (!strstr(request, "\r\n\r\n") && len < sizeof request - 1) {
    ssize_t got = read(fd, request + len, sizeof request - 1 - len);
    if (got <= 0)
      _exit(1);
    len += (size_t)got;
    request[len] = '\0';
  }
  const char *key = strstr(request, name);
  if (!key || strncmp(request, "GET /base/ws?x=1 HTTP/1.1\r\n", 27) != 0)
    _exit(2);
  ws_accept(slice_new(key + sizeof name - 1, WS_KEY_BYTES - 1), accept);
  int answer_len = snprintf(answer, sizeof answer,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                            accept);
  if (!write_all(fd, answer, (size_t)answer_len))
    _exit(3);
}

/* Writes down what the client says, which must be masked, until it ends. */
static void hear(int fd, struct buf *out) {
  struct ws_receiver receiver;
  char bytes[4096];
  ssize_t got;
  ws_receiver_init(&receiver, WS_SERVER, 65536);
  while ((got = read(fd, bytes, sizeof bytes)) > 0) {
    struct slice rest = slice_new(bytes, (size_t)got);
    struct ws_event event;
    for (;;) {
      ws_receiver_take(&receiver, &rest, &event);
      if (event.kind == WS_EVENT_NONE)
        break;
      const char *kind = event.kind == WS_EVENT_TEXT    ? "text"
                         : event.kind == WS_EVENT_PONG  ? "pong"
                         : event.kind == WS_EVENT_CLOSE ? "close"
                                                        : "wrong";
      buf_printf(out, "%s%s ", out->len ? " " : "", kind);
      if (event.kind == WS_EVENT_CLOSE)
        buf_printf(out, "%u ", event.close_code);
      buf_printf(out, "'%.*s'", SLICE_ARG(event.payload));
      if (event.kind == WS_EVENT_CLOSE || event.kind == WS_EVENT_ERROR)
        break;
    }
  }
  ws_receiver_fini(&receiver);
}

/* The server of one connection. What it has heard goes into `report`. */
static pid_t serve(int fd, int report, struct slice bytes) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid > 0)
    return pid;
  struct buf heard;
  signal(SIGPIPE, SIG_IGN);
  alarm(30); /* should the test die */
  int peer = accept(fd, NULL, NULL);
  buf_init(&heard, 0);
  shake_hands(peer);
  if (!write_all(peer, bytes.data, bytes.len))
    _exit(4);
  shutdown(peer, SHUT_WR);
  hear(peer, &heard);
  if (!write_all(report, heard.data ? heard.data : "", heard.len))
    _exit(5);
  _exit(0);
}

static void check(size_t i) {
  const struct row *row = &rows[i];
  char url[64], told[SAID_BYTES] = "";
  uint16_t port;
  int report[2], status;
  size_t len = 0;
  struct buf messages;
  struct belfry_error error = {0};
  struct http_response response;
  struct websocket websocket;
  int fd = listener(&port);
  assert_int_equal(pipe(report), 0);
  pid_t pid = serve(fd, report[1], row->bytes);
  close(report[1]);
  snprintf(url, sizeof url, "http://127.0.0.1:%u/base/", port);
  const struct connection connection = {.url = url, .timeout_ms = 30000};
  struct http *http = http_open(&connection, &error);
  assert_non_null(http);
  buf_init(&messages, 0);
  buf_put_text(&messages, "");
  http_response_init(&response);
  websocket_init(&websocket, http);
  status = websocket_open(&websocket, "ws?x=1", &response, &error);
  if (status || response.status != 101)
    fail_msg("row %zu: no handshake: %s", i, error.text);
  struct slice message;
  while (!(status = websocket_next(&websocket, &message, &error)))
    buf_printf(&messages, "[%.*s]", SLICE_ARG(message));
  websocket_fini(&websocket);
  for (ssize_t got = 1; got > 0 && len<sizeof told - 1; len += got> 0 ? (size_t)got : 0)
    got = read(report[0], told + len, sizeof told - 1 - len);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  if (status != row->status || strcmp(messages.data, row->messages) != 0 ||
      !strstr(error.text, row->error) || strncmp(told, row->told, strlen(row->told)) != 0)
    fail_msg("row %zu: '%s' came, it ended with %d '%s', the server heard \"%s\"", i, messages.data,
             status, error.text, told);
  http_response_fini(&response);
  http_close(http);
  buf_fini(&messages);
  close(report[0]);
  close(fd);
}

static void test_what_servers_say(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check(i);
}

static void test_nobody_there(void **state) {
  (void)state;
  char url[64];
  uint16_t port;
  struct belfry_error error = {0};
  struct http_response response;
  struct websocket websocket;
  int fd = listener(&port);
  close(fd);
  snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
  const struct connection connection = {.url = url, .timeout_ms = 30000};
  struct http *http = http_open(&connection, &error);
  http_response_init(&response);
  websocket_init(&websocket, http);
  assert_int_equal(websocket_open(&websocket, "ws", &response, &error), BELFRY_ECLOSED);
  assert_non_null(strstr(error.text, "cannot reach http://127.0.0.1:"));
  websocket_fini(&websocket);
  http_response_fini(&response);
  http_close(http);
}

static void test_a_user_in_the_url(void **state) {
  (void)state;
  struct belfry_error error = {0};
  struct buf host, path;
  struct connection connection = {.url = (char[]){"https://[::1]:8443/a/b/"}};
  struct http *http = http_open(&connection, &error);
  buf_init(&host, 0);
  buf_init(&path, 0);
  assert_int_equal(http_put_server(http, &host, &path, &error), 0);
  assert_string_equal(host.data, "[::1]:8443");
  assert_string_equal(path.data, "/a/b/");
  connection.url = (char[]){"http://user:secret@h/"};
  assert_int_equal(http_put_server(http, &host, &path, &error), BELFRY_EINVAL);
  assert_non_null(strstr(error.text, "--key-file"));
  assert_null(strstr(error.text, "secret"));
  http_close(http);
  buf_fini(&host);
  buf_fini(&path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_servers_say),
      cmocka_unit_test(test_nobody_there),
      cmocka_unit_test(test_a_user_in_the_url),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
