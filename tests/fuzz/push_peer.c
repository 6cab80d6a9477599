#include "tests/fuzz/push_peer.h"

#include "base/json.h"
#include "conf/conf.h"
#include "history/writer.h"
#include "pushd/follow.h"
#include "pushd/handshake.h"
#include "pushd/http1.h"
#include "pushd/run.h"
#include "tests/fuzz/property.h"
#include "ws/deflate.h"

#include <ctype.h>
#include <ftw.h>
#include <string.h>
#include <unistd.h>

#define EVENTS      60 /* more than the ring holds */
#define MESSAGE_MAX (1 << 24)

/* --- the hub -----------------------------------------------------------------------------------
 */

static char dir[64];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
  (void)info, (void)kind, (void)place;
  return remove(path);
}

static void remove_dir(void) {
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Keys that let somebody in: "bfy_" + id + "_" + 43 times "b". The hash is what is stored of one
 * (SHA-256). */
static void write_keys(struct history_writer *writer) {
  static const char *const keys[][3] = {
      {"viewerviewer", "viewer",
       "8b444fabb569bf4f13694a0b176f99aeec2b10fcf2489fb416ffde05a77e67e1"},
      {"ingestingest", "ingest",
       "e96690062c931f95eeecaf1a8c36e08b4c09e395b115628d6af5c2217bb88807"},
      {"scrapescrape", "scrape",
       "73d6dac5fc8b245d95f3631074f92218098cd882e73429b5224f9b924f72a98b"},
  };
  struct belfry_error error = {0};
  int64_t changed;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const struct history_value values[] = {HISTORY_VALUE_TEXT("key_id", slice_of(keys[i][0])),
                                           HISTORY_VALUE_TEXT("name", slice_of("web")),
                                           HISTORY_VALUE_TEXT("role", slice_of(keys[i][1])),
                                           HISTORY_VALUE_TEXT("hash", slice_of(keys[i][2])),
                                           HISTORY_VALUE_INTEGER("created", 1),
                                           HISTORY_VALUE_TEXT("created_by", slice_of("test")),
                                           HISTORY_VALUE_NULL("expires")};
    PROPERTY(!history_writer_begin_batch(writer, &error) &&
                 !history_writer_mutate(writer, slice_of("api_key_insert"), HISTORY_ORIGIN_FCGI,
                                        values, sizeof values / sizeof *values, &changed, &error) &&
                 !history_writer_end_batch(writer, &error),
             error.text);
  }
}

static void write_history(void) {
  static const char *const types[] = {"agent_activity", "log", "error_occurred"};
  const struct history_writer_options options = {.max_series = 10};
  struct belfry_error error = {0};
  struct history_writer *writer = NULL;
  char path[80], id[16];
  snprintf(path, sizeof path, "%s/history", dir);
  PROPERTY(!history_writer_open(path, &options, &writer, &error), error.text);
  PROPERTY(!history_writer_begin_group(writer, &error), error.text);
  write_keys(writer);
  for (int i = 0; i < EVENTS; i++) {
    snprintf(id, sizeof id, "%d", i);
    struct event event = {.timestamp_ms = INT64_C(1795176000000) + i,
                          .received_ms = INT64_C(1795176000000) + i,
                          .severity = i % 6,
                          .type = slice_of(types[i % 3]),
                          .source = slice_of(i % 2 ? "voice" : "web"),
                          .event_id = slice_of(id),
                          .data = slice_of("{\"agent\":\"a\",\"text\":\"Gr\\u00fc\xc3\x9f"
                                           "e\"}"),
                          .origin = HISTORY_ORIGIN_FCGI};
    PROPERTY(!history_writer_event(writer, &event, &error), error.text);
  }
  PROPERTY(!history_writer_commit_group(writer, &error), error.text);
  history_writer_close(writer);
}

static struct conf *load_conf(void) {
  struct belfry_error error = {0};
  char path[80];
  snprintf(path, sizeof path, "%s/belfry.yaml", dir);
  FILE *file = fopen(path, "w");
  PROPERTY(file, path);
  fprintf(file,
          "paths:\n  state: %s\n  run: %s\naccess:\n  read_role: none\n  instance: test\n"
          "push:\n  ring_events: 16\n",
          dir, dir);
  fclose(file);
  struct conf *conf = conf_load(path, &error);
  PROPERTY(conf, error.text);
  return conf;
}

struct hub *push_peer_hub(void) {
  static struct hub hub;
  if (hub.loop)
    return &hub;
  strcpy(dir, "/tmp/belfry-fuzz.XXXXXX");
  PROPERTY(mkdtemp(dir), dir);
  atexit(remove_dir);
  write_history();
  struct belfry_error error = {0};
  PROPERTY(!hub_init(&hub, ev_default_loop(EVFLAG_AUTO), load_conf(), &error), error.text);
  for (int i = 0; i < 100 && !hub.ready; i++)
    follow_look(&hub);
  PROPERTY(hub.ready && hub.ring.head == EVENTS, "the history is followed");
  return &hub;
}

/* --- the transport -----------------------------------------------------------------------------
 */

static struct push_peer *peer_of(const struct client *client) {
  return (struct push_peer *)client->stream;
}

static void flush(struct client *client) {
  struct push_peer *peer = peer_of(client);
  struct run run;
  bool more = true;
  client->blocked = false;
  while (more) {
    run_build(client, &run, CLIENT_FLUSH_MAX_BYTES);
    size_t taken = 0;
    for (int i = 0; i < run.count && peer->room > 0; i++) {
      size_t len = run.iov[i].iov_len < peer->room ? run.iov[i].iov_len : peer->room;
      buf_put(&peer->out, run.iov[i].iov_base, len);
      peer->room -= len;
      taken += len;
    }
    run_account(client, &run, taken);
    if (taken < run.bytes) {
      client->blocked = true;
      break;
    }
    more = run_finish(client, &run);
  }
  client_written(client, more);
}

static bool is_header_text(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      return false;
  return true;
}

static void answer(struct client *client, const struct answer *answer) {
  struct push_peer *peer = peer_of(client);
  PROPERTY(!peer->status, "a request is answered once");
  PROPERTY(answer->header_count <= ANSWER_HEADERS_MAX, "the headers have room");
  peer->status = answer->status;
  for (size_t i = 0; i < answer->header_count; i++) {
    PROPERTY(is_header_text(answer->headers[i].name) && is_header_text(answer->headers[i].value),
             "a header is one line");
    if (strcasecmp(answer->headers[i].name, "sec-websocket-extensions") == 0)
      peer->deflate = true;
  }
  PROPERTY(answer->stays == (answer->status == 101 || answer->status == 200),
           "the stream goes on when it was let in");
  if (!answer->body.data)
    return;
  json_t *problem = json_parse(answer->body, JSON_DEPTH_DEFAULT, NULL);
  PROPERTY(json_integer_value(json_object_get(problem, "status")) == answer->status &&
               json_string_length(json_object_get(problem, "detail")) > 0,
           "a refusal says why, as JSON");
  json_decref(problem);
}

static void end(struct client *client, bool waits_for_close) {
  (void)waits_for_close;
  peer_of(client)->ended = true;
}

static void drop(struct client *client) {
  peer_of(client)->dropped = true;
}

static bool no_address(const struct client *client, struct address *out) {
  (void)client, (void)out;
  return false;
}

static const struct transport memory = {
    .flush = flush, .answer = answer, .end = end, .drop = drop, .peer = no_address};

/* --- what it was sent --------------------------------------------------------------------------
 */

static void check_message(struct slice text) {
  json_t *message = json_parse(text, JSON_DEPTH_DEFAULT + 2, NULL);
  PROPERTY(message, "a message is JSON");
  size_t count = json_is_array(message) ? json_array_size(message) : 1;
  PROPERTY(count > 0, "a batch holds something");
  for (size_t i = 0; i < count; i++) {
    json_t *one = json_is_array(message) ? json_array_get(message, i) : message;
    PROPERTY(json_is_string(json_object_get(one, "event")) && json_object_get(one, "data"),
             "a message is {\"event\":NAME,\"data\":...}");
  }
  json_decref(message);
}

static void check_frames(struct push_peer *peer) {
  static struct ws_inflater *inflater;
  struct slice rest = buf_slice(&peer->out);
  struct ws_receiver receiver;
  struct ws_event event;
  ws_receiver_init(&receiver, WS_CLIENT, MESSAGE_MAX);
  if (!inflater)
    inflater = ws_inflater_new();
  PROPERTY(inflater, "memory");
  if (peer->deflate)
    ws_receiver_allow_deflate(&receiver, inflater);
  size_t texts = 0;
  do {
    ws_receiver_take(&receiver, &rest, &event);
    PROPERTY(event.kind != WS_EVENT_ERROR, event.error);
    PROPERTY(event.kind != WS_EVENT_BINARY, "only text is sent");
    if (event.kind == WS_EVENT_TEXT)
      check_message(event.payload);
    texts += event.kind == WS_EVENT_TEXT;
  } while (event.kind != WS_EVENT_NONE && event.kind != WS_EVENT_CLOSE);
  PROPERTY(texts > 0, "it begins with connected");
  PROPERTY(rest.len == 0, "nothing follows a close");
  PROPERTY(event.kind == WS_EVENT_CLOSE || ws_receiver_idle(&receiver), "no frame is cut short");
  ws_receiver_fini(&receiver);
}

static void check_records(struct push_peer *peer) {
  struct slice rest = buf_slice(&peer->out), line;
  PROPERTY(rest.len >= 2 && memcmp(rest.data + rest.len - 2, "\n\n", 2) == 0,
           "no record is cut short");
  while (slice_split(&rest, '\n', &line)) {
    PROPERTY(!memchr(line.data, '\r', line.len) && !memchr(line.data, '\0', line.len),
             "a line is one");
    if (slice_starts_with(line, "data: "))
      check_message(slice_new(line.data + 6, line.len - 6));
    else
      PROPERTY(line.len == 0 || line.data[0] == ':' || slice_starts_with(line, "id: ") ||
                   slice_starts_with(line, "event: ") || slice_starts_with(line, "retry: "),
               "a line has a known name");
  }
}

/* --- its life ----------------------------------------------------------------------------------
 */

void push_peer_begin(struct push_peer *peer, size_t room) {
  *peer = (struct push_peer){.room = room};
  buf_init(&peer->out, 0);
  peer->client = client_new(push_peer_hub(), &memory);
  PROPERTY(peer->client, "memory");
  peer->client->stream = (struct h2_stream *)peer;
}

void push_peer_request(struct push_peer *peer, struct slice bytes) {
  struct client *client = peer->client;
  struct request request = {0};
  const char *error = NULL;
  size_t scanned = 0;
  int status = http1_parse(bytes, &scanned, &request, &error);
  if (status == BELFRY_EMORE)
    return;
  if (status)
    handshake_refuse(client, &request, status, error);
  else
    handshake_decide(client, &request);
  PROPERTY(peer->status || peer->dropped, "a request is answered");
  PROPERTY(!status || peer->status == status, "as the parser says");
  if (!status && client->state == CLIENT_OPEN)
    client_take(client, slice_new(bytes.data + request.head_bytes, bytes.len - request.head_bytes));
  client_flush(client);
}

void push_peer_take(struct push_peer *peer, size_t room) {
  peer->room = room > SIZE_MAX - peer->room ? SIZE_MAX : peer->room + room;
  if (!peer->dropped && peer->client->blocked)
    client_writable(peer->client);
  else if (!peer->dropped)
    client_flush(peer->client);
  if (!peer->dropped)
    ev_run(peer->client->hub->loop, EVRUN_NOWAIT);
}

void push_peer_end(struct push_peer *peer) {
  struct hub *hub = push_peer_hub();
  struct client *client = peer->client;
  bool websocket = client_is_websocket(client);
  push_peer_take(peer, SIZE_MAX);
  for (int i = 0; i < 1000 && !peer->dropped && client->line_link && client->state == CLIENT_OPEN;
       i++)
    ev_run(hub->loop, EVRUN_NOWAIT);
  if (!peer->dropped && client->state == CLIENT_OPEN)
    PROPERTY(!client->line_link && !client->blocked && !client->own && !client->partial &&
                 client->cursor == hub->ring.head,
             "one that takes everything gets everything");
  PROPERTY(client->state != CLIENT_CLOSING || peer->dropped, "a close is written");
  if (!peer->dropped && peer->status == (websocket ? 101 : 200)) {
    if (websocket)
      check_frames(peer);
    else
      check_records(peer);
  }
  if (!peer->dropped)
    client_drop(client);
  PROPERTY(peer->dropped, "the transport hears of the end");
  ev_run(hub->loop, EVRUN_NOWAIT);
  PROPERTY(hub->client_count == 0 && hub_open_count(hub) == 0 && hub->handshake_count == 0,
           "nothing is left of it");
  for (size_t i = 0; i < AUDIENCE_BUCKETS && !hub->behind.page_audience && !hub->batch.audience;
       i++)
    PROPERTY(!hub->audiences.buckets[i], "its filter is gone");
  buf_fini(&peer->out);
}
