/*
 * belfry-pushd over HTTP/2, as a proxy sees it that is slow, careless or hostile: the real daemon
 * over a real history.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "h2_peer.h"
#include "instance.h"
#include "push_client.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* The events of a stream: their `n`, which instance_append counts. */
struct tally {
  long long next; /* the next n that must come */
  size_t events;
};

/* Takes whole SSE messages off the body. Fails the test when one is missing or comes twice. */
static void tally_body(struct buf *body, struct tally *tally) {
  char *end;
  while (body->len && (end = memmem(body->data, body->len, "\n\n", 2))) {
    *end = '\0';
    const char *n = strstr(body->data, "\"data\":{\"n\":");
    if (n) {
      long long number = atoll(n + strlen("\"data\":{\"n\":"));
      if (tally->next && number != tally->next)
        fail_msg("event %lld came instead of %lld", number, tally->next);
      tally->next = number + 1;
      tally->events++;
    }
    buf_consume(body, (size_t)(end + 2 - body->data));
  }
}

#define STREAMS 100

struct wanted {
  struct tally tallies[STREAMS];
  size_t count;
  size_t except; /* a stream that is not waited for */
  long long last;
};

static bool all_answered(struct h2_peer *peer, void *arg) {
  (void)arg;
  for (size_t i = 0; i < peer->count; i++)
    if (!peer->streams[i].status || !peer->streams[i].bytes)
      return false;
  return true;
}

static bool all_came(struct h2_peer *peer, void *arg) {
  struct wanted *wanted = arg;
  bool came = true;
  for (size_t i = 0; i < wanted->count; i++) {
    if (i == wanted->except)
      continue;
    tally_body(&peer->streams[i].body, &wanted->tallies[i]);
    came &= wanted->tallies[i].next > wanted->last;
  }
  return came;
}

static void open_all(struct h2_peer *peer, const struct instance *instance, size_t count) {
  for (size_t i = 0; i < count; i++)
    h2_peer_open(peer, "/events?events=agent_activity", instance->admin);
  h2_peer_until(peer, all_answered, NULL, "every stream has begun");
}

/* One stream's window stays shut until the ring has forgotten what it waits for. */
static void test_a_stalled_stream_stops_nobody_and_misses_nothing(void **state) {
  static struct h2_peer peer;
  struct instance instance;
  struct wanted wanted = {.count = STREAMS, .except = 7};
  (void)state;
  instance_start(&instance, "  ring_events: 64\n");
  h2_peer_connect(&peer, instance.socket, 4096);
  open_all(&peer, &instance, STREAMS);
  peer.streams[7].stalled = true;
  for (int i = 0; i < 20; i++) {
    instance_append(&instance, 25, "agent_activity", "web", 1, 100);
    wanted.last = instance.sent;
    h2_peer_until(&peer, all_came, &wanted, "the others have all events");
  }
  assert_in_range(peer.streams[7].held, 1, 4096);
  h2_peer_go_on(&peer, 7);
  wanted.except = STREAMS;
  h2_peer_until(&peer, all_came, &wanted, "the stalled stream has them too");
  for (size_t i = 0; i < STREAMS; i++)
    assert_int_equal(wanted.tallies[i].events, instance.sent);
  h2_peer_free(&peer);
  instance_end(&instance);
}

/* The socket takes a part of what the streams are given, again and again. */
static void test_a_connection_that_is_not_read_misses_nothing(void **state) {
  static struct h2_peer peer;
  struct instance instance;
  struct wanted wanted = {.count = 20, .except = STREAMS};
  (void)state;
  instance_start(&instance, "  ring_events: 256\n");
  h2_peer_connect(&peer, instance.socket, 1 << 24);
  open_all(&peer, &instance, wanted.count);
  for (int i = 0; i < 8; i++)
    instance_append(&instance, 100, "agent_activity", "web", 1, i * 100);
  wanted.last = instance.sent;
  peer.read_bytes = 997;
  h2_peer_until(&peer, all_came, &wanted, "all events are read");
  for (size_t i = 0; i < wanted.count; i++)
    assert_int_equal(wanted.tallies[i].events, 800);
  h2_peer_free(&peer);
  instance_end(&instance);
}

static bool is_over(struct h2_peer *peer, void *arg) {
  (void)arg;
  return peer->goaway || peer->over;
}

static bool are_answered(struct h2_peer *peer, void *arg) {
  for (size_t i = *(size_t *)arg; i < peer->count; i++)
    if (!peer->streams[i].status)
      return false;
  return true;
}

static void test_streams_that_are_given_up_harm_no_other(void **state) {
  static struct h2_peer peer;
  struct instance instance;
  struct wanted wanted = {.count = 1, .except = STREAMS};
  (void)state;
  instance_start(&instance, "");
  h2_peer_connect(&peer, instance.socket, 65535);
  open_all(&peer, &instance, 1);
  for (int round = 0; round < 5; round++) {
    size_t first = peer.count;
    for (int i = 0; i < 20; i++)
      h2_peer_open(&peer, i % 2 ? "/ws" : "/events", instance.admin);
    /* Some before they are answered, some while events come. */
    for (size_t i = first; i < first + 7; i++)
      h2_peer_reset(&peer, i);
    first += 7;
    h2_peer_until(&peer, are_answered, &first, "the others have begun");
    instance_append(&instance, 10, "agent_activity", "web", 1, 1000);
    for (size_t i = first; i < peer.count; i++)
      h2_peer_reset(&peer, i);
    wanted.last = instance.sent;
    h2_peer_until(&peer, all_came, &wanted, "the first stream has all events");
  }
  assert_int_equal(wanted.tallies[0].events, instance.sent);
  assert_false(peer.goaway);
  h2_peer_free(&peer);
  instance_end(&instance);
}

static bool is_time(struct h2_peer *peer, void *arg) {
  (void)peer;
  return clock_monotonic_ms(&clock_system) >= *(int64_t *)arg;
}

/* A proxy whose many clients leave together, and do so again, has done nothing wrong. What counts
 * is that a stream was there for some time: two seconds. */
static void test_many_may_leave_at_once(void **state) {
  static struct h2_peer peer;
  struct instance instance;
  (void)state;
  instance_start(&instance, "");
  h2_peer_connect(&peer, instance.socket, 65535);
  for (int round = 0; round < 2; round++) {
    size_t first = peer.count;
    for (int i = 0; i < 900; i++)
      h2_peer_open(&peer, "/events", instance.admin);
    h2_peer_until(&peer, are_answered, &first, "all have begun");
    int64_t old_ms = clock_monotonic_ms(&clock_system) + 3000;
    h2_peer_until(&peer, is_time, &old_ms, "they are there for some time");
    for (size_t i = first; i < peer.count; i++)
      h2_peer_reset(&peer, i);
  }
  size_t last = h2_peer_open(&peer, "/events", instance.admin);
  h2_peer_until(&peer, are_answered, &last, "another begins");
  assert_false(peer.goaway);
  h2_peer_free(&peer);
  instance_end(&instance);
}

static void test_a_peer_that_begins_and_gives_up_all_the_time_may_not_go_on(void **state) {
  static struct h2_peer peer;
  struct instance instance;
  struct wanted wanted = {.count = 1, .except = STREAMS};
  (void)state;
  instance_start(&instance, "");
  h2_peer_connect(&peer, instance.socket, 65535);
  open_all(&peer, &instance, 1);
  while (!is_over(&peer, NULL) && peer.count < H2_PEER_STREAMS_MAX) {
    size_t stream = h2_peer_open(&peer, "/events", instance.admin);
    h2_peer_pump(&peer, 0);
    h2_peer_reset(&peer, stream);
    h2_peer_pump(&peer, 0);
  }
  h2_peer_until(&peer, is_over, NULL, "the peer is told");
  assert_true(peer.goaway);
  assert_int_equal(peer.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);

  /* What was there before is of others, who have done nothing wrong. */
  instance_append(&instance, 10, "agent_activity", "web", 1, 0);
  wanted.last = instance.sent;
  h2_peer_until(&peer, all_came, &wanted, "the first stream has all events");
  h2_peer_reset(&peer, 0);
  while (!peer.over)
    h2_peer_pump(&peer, 100);
  h2_peer_free(&peer);
  instance_end(&instance);
}

/* --- bytes -------------------------------------------------------------------------------------
 */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void put_frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream,
                      const char *payload, size_t len) {
  const uint8_t head[] = {(uint8_t)(len >> 16),
                          (uint8_t)(len >> 8),
                          (uint8_t)len,
                          type,
                          flags,
                          (uint8_t)(stream >> 24),
                          (uint8_t)(stream >> 16),
                          (uint8_t)(stream >> 8),
                          (uint8_t)stream};
  buf_put(out, head, sizeof head);
  buf_put(out, payload, len);
}

/* Reads until the end of the stream, or until a frame of the type has come. Returns: whether it
 * has; its first bytes of payload are in `payload`. */
static bool await_frame(int fd, uint8_t type, uint8_t payload[64]) {
  struct buf in;
  bool found = false, over = false;
  size_t at = 0;
  buf_init(&in, 0);
  while (!found && !over) {
    char *room = buf_reserve(&in, 4096);
    over = fd_wait(fd, POLLIN, 20000) != BELFRY_OK;
    ssize_t n = over ? 0 : recv(fd, room, 4096, 0);
    over |= n <= 0;
    if (n > 0)
      buf_commit(&in, (size_t)n);
    while (!found && in.len >= at + 9) {
      const uint8_t *head = (const uint8_t *)in.data + at;
      size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
      if (in.len < at + 9 + len)
        break;
      found = head[3] == type;
      memcpy(payload, head + 9, len < 64 ? len : 64);
      at += 9 + len;
    }
  }
  buf_fini(&in);
  return found;
}

static void connect_raw(const struct instance *instance, struct push_client *client) {
  assert_true(push_client_connect(client, instance->socket));
}

static void test_the_preface_may_come_byte_by_byte(void **state) {
  struct instance instance;
  struct push_client client;
  struct buf bytes;
  uint8_t payload[64];
  (void)state;
  instance_start(&instance, "");
  connect_raw(&instance, &client);
  buf_init(&bytes, 0);
  buf_put_text(&bytes, PREFACE);
  put_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, "", 0);
  for (size_t i = 0; i < bytes.len; i++)
    push_client_write(&client, slice_new(bytes.data + i, 1));
  assert_true(await_frame(client.fd, NGHTTP2_SETTINGS, payload));
  push_client_free(&client);

  /* What begins like it and is not is no HTTP/1.1 either. */
  connect_raw(&instance, &client);
  push_client_write(&client, slice_of("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"));
  assert_int_equal(push_client_status(&client), 505);
  push_client_free(&client);
  buf_fini(&bytes);
  instance_end(&instance);
}

/* Each of these ends the connection: with a GOAWAY of the code, or (-1) just so. */
static void test_what_ends_a_connection(void **state) {
  struct instance instance;
  struct push_client client;
  struct buf bytes;
  uint8_t payload[64];
  static const char zeros[16384];
  (void)state;
  instance_start(&instance, "");
  for (int kind = 0; kind < 6; kind++) {
    int code = -1;
    buf_init(&bytes, 0);
    buf_put_text(&bytes, PREFACE);
    if (kind != 5)
      put_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, "", 0);
    switch (kind) {
    case 0: /* data on a stream that was never begun */
      put_frame(&bytes, NGHTTP2_DATA, 0, 1, "x", 1);
      code = NGHTTP2_PROTOCOL_ERROR;
      break;
    case 1: /* a frame that is longer than we allow */
      put_frame(&bytes, NGHTTP2_DATA, 0, 1, zeros, sizeof zeros);
      bytes.data[bytes.len - sizeof zeros - 9] = 1;
      code = NGHTTP2_FRAME_SIZE_ERROR;
      break;
    case 2: /* header fields that cannot be decoded */
      put_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff",
                6);
      code = NGHTTP2_COMPRESSION_ERROR;
      break;
    case 3: /* pings without an end, none of whose answers is read */
      for (int i = 0; i < 100000; i++)
        put_frame(&bytes, NGHTTP2_PING, 0, 0, "12345678", 8);
      break;
    case 4: /* a head without an end: the same field of 4,000 bytes again and again */
      put_frame(&bytes, NGHTTP2_HEADERS, 0, 1, "", 0);
      {
        struct buf block;
        buf_init(&block, 0);
        buf_put(&block, "\x40\x01x\x7f\xa1\x1e", 6); /* a new field `x` of 4,000 bytes */
        for (int i = 0; i < 4000; i++)
          buf_put_char(&block, 'a');
        for (int i = 0; i < 1000; i++)
          buf_put_char(&block, (char)0xbe); /* the same from the table */
        for (int i = 0; i < 5; i++)
          put_frame(&bytes, NGHTTP2_CONTINUATION, 0, 1, block.data, block.len);
        buf_fini(&block);
      }
      break;
    default: /* the first frame must be SETTINGS */
      put_frame(&bytes, NGHTTP2_PING, 0, 0, "12345678", 8);
      break;
    }
    connect_raw(&instance, &client);
    push_client_write(&client, buf_slice(&bytes));
    bool goaway = await_frame(client.fd, NGHTTP2_GOAWAY, payload);
    if (goaway != (code >= 0) && kind != 5)
      fail_msg("kind %d: %s GOAWAY", kind, goaway ? "a" : "no");
    if (code >= 0 && payload[7] != code)
      fail_msg("kind %d: GOAWAY %u instead of %d", kind, payload[7], code);
    assert_false(await_frame(client.fd, 255, payload)); /* and it is closed */
    push_client_free(&client);
    buf_fini(&bytes);
  }
  instance_end(&instance);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_stalled_stream_stops_nobody_and_misses_nothing),
      cmocka_unit_test(test_a_connection_that_is_not_read_misses_nothing),
      cmocka_unit_test(test_streams_that_are_given_up_harm_no_other),
      cmocka_unit_test(test_many_may_leave_at_once),
      cmocka_unit_test(test_a_peer_that_begins_and_gives_up_all_the_time_may_not_go_on),
      cmocka_unit_test(test_the_preface_may_come_byte_by_byte),
      cmocka_unit_test(test_what_ends_a_connection),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
