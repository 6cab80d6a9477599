#include "pushd/handshake.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "pushd/client.h"
#include "pushd/commands.h"
#include "pushd/follow.h"
#include "pushd/hub.h"
#include "pushd/sse.h"
#include "pushd/start.h"
#include "pushd/ws.h"
#include "ws/deflate.h"
#include "ws/handshake.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define REQUEST_ID_MAX  128
#define RETRY_AFTER_MS  500 /* of one whose credential ended */
#define RETRY_JITTER_MS 4000
#define CHECK_ALL_MS    2000 /* over which looking at all credentials is spread */

/* Where somebody may connect, and what comes without being asked for. */
static const struct endpoint {
  const char *path;
  bool websocket;
  bool metrics; /* starts with metrics updates */
} endpoints[] = {
    {"/ws", true, false},
    {"/ws/dashboard", true, true},
    {"/events", false, false},
};

/* A request on its way to become a connection. */
struct handshake {
  struct client *client;
  const struct request *request;
  const struct endpoint *endpoint;
  struct auth_identity identity;
  char request_id[REQUEST_ID_MAX + 1];
  const char *extensions; /* what is answered to those that the client offers; NULL: none */

  /* From the query. */
  struct buf values; /* owned; the decoded texts */
  struct audience_texts texts;
  bool has_events, named, has_interval;
  int64_t interval_s;
  struct follow_start start;
};

/* --- refusals ----------------------------------------------------------------------------------
 */

const char *handshake_title(int status) {
  switch (status) {
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 406:
    return "Not Acceptable";
  case 414:
    return "URI Too Long";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 501:
    return "Not Implemented";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Service Unavailable";
  }
}

static void put_header(struct answer *answer, const char *name, const char *value) {
  answer->headers[answer->header_count++] = (struct answer_header){name, value};
}

/* What every answer says. */
static struct answer begin_answer(const struct handshake *handshake, int status) {
  struct answer answer = {.status = status};
  put_header(&answer, "Cache-Control", "no-store");
  put_header(&answer, "X-Content-Type-Options", "nosniff");
  put_header(&answer, "X-Request-Id", handshake->request_id);
  return answer;
}

static void send_refusal(struct handshake *handshake, enum refusal why, struct answer *answer,
                         const char *detail) {
  struct client *client = handshake->client;
  const struct request *request = handshake->request;
  struct buf body;
  buf_init(&body, 0);
  buf_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
             handshake_title(answer->status), answer->status);
  json_put_string(&body, slice_of(detail));
  buf_put_text(&body, ",\"instance\":");
  json_put_string(&body, request->path.len ? request->path : slice_of("/"));
  buf_put_text(&body, "}\n");
  put_header(answer, "Content-Type", "application/problem+json");
  answer->body = buf_slice(&body);
  answer->head_only = slice_is(request->method, "HEAD");
  figures_count_refusal(&client->hub->figures, why);
  client->transport->answer(client, answer);
  client_finish(client);
  buf_fini(&body);
}

/*
 * Refuses with problem+json (RFC 9457) and one further header. Returns: false, so that a check can
 * end with `return refuse(...)`.
 */
static bool refuse(struct handshake *handshake, enum refusal why, int status,
                   struct answer_header header, const char *format, ...) BELFRY_PRINTF(5, 6);

static bool refuse(struct handshake *handshake, enum refusal why, int status,
                   struct answer_header header, const char *format, ...) {
  char detail[500];
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  struct answer answer = begin_answer(handshake, status);
  if (header.name)
    put_header(&answer, header.name, header.value);
  send_refusal(handshake, why, &answer, detail);
  return false;
}

#define NO_HEADER         ((struct answer_header){NULL, NULL})
#define AGAIN_IN(seconds) ((struct answer_header){"Retry-After", seconds})
#define ALLOW             ((struct answer_header){"Allow", "GET, OPTIONS"})
#define SIGN_IN           ((struct answer_header){"WWW-Authenticate", "Bearer realm=\"belfry\""})

static bool refuse_without_upgrade(struct handshake *handshake, const char *detail) {
  struct answer answer = begin_answer(handshake, 426);
  put_header(&answer, "Upgrade", "websocket");
  put_header(&answer, "Sec-WebSocket-Version", "13");
  send_refusal(handshake, REFUSAL_not_acceptable, &answer, detail);
  return false;
}

static bool tell_options(struct handshake *handshake) {
  struct answer answer = begin_answer(handshake, 204);
  put_header(&answer, ALLOW.name, ALLOW.value);
  handshake->client->transport->answer(handshake->client, &answer);
  client_finish(handshake->client);
  return false;
}

/* --- checks, in the order in which they are made ------------------------------------------------
 */

/* The proxy's id if it is harmless, else one of our own. */
static void take_request_id(struct handshake *handshake) {
  struct slice id = request_header(handshake->request, "x-request-id");
  bool good = id.len > 0 && id.len <= REQUEST_ID_MAX;
  for (size_t i = 0; i < id.len && good; i++)
    good = id.data[i] > 0x20 && id.data[i] < 0x7f && id.data[i] != '"';
  if (good)
    snprintf(handshake->request_id, sizeof handshake->request_id, "%.*s", SLICE_ARG(id));
  else
    ulid_make(&handshake->client->hub->ulids, clock_realtime_ms(handshake->client->hub->clock),
              handshake->request_id);
}

static bool find_endpoint(struct handshake *handshake) {
  const struct request *request = handshake->request;
  for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
    if (slice_is(request->path, endpoints[i].path))
      handshake->endpoint = &endpoints[i];
  if (!handshake->endpoint)
    return refuse(handshake, REFUSAL_not_found, 404, NO_HEADER,
                  "push connections are at /ws, /ws/dashboard and /events");
  if (slice_is(request->method, "OPTIONS"))
    return tell_options(handshake);
  bool connects = request->version == REQUEST_HTTP_2 && slice_is(request->method, "CONNECT") &&
                  handshake->endpoint->websocket;
  if (!connects && !slice_is(request->method, "GET"))
    return refuse(handshake, REFUSAL_not_found, 405, ALLOW, "a push connection starts with GET");
  return true;
}

static bool check_room(struct handshake *handshake) {
  const struct hub *hub = handshake->client->hub;
  if (hub->stopping)
    return refuse(handshake, REFUSAL_stopping, 503, AGAIN_IN("2"), "the push daemon is restarting");
  if (!hub->conf->push_enabled)
    return refuse(handshake, REFUSAL_disabled, 503, AGAIN_IN("60"),
                  "push connections are switched off (push.enabled)");
  if (hub_open_count(hub) >= (uint64_t)hub->conf->push_max_connections)
    return refuse(handshake, REFUSAL_max_connections, 503, AGAIN_IN("5"),
                  "there are already %" PRId64 " connections (push.max_connections)",
                  hub->conf->push_max_connections);
  return true;
}

static bool check_websocket(struct handshake *handshake) {
  const struct request *request = handshake->request;
  bool is_http2 = request->version == REQUEST_HTTP_2;
  if (is_http2 ? !slice_is(request->protocol, "websocket")
               : request->version != REQUEST_HTTP_1_1 ||
                     !request_header_has_token(request, "upgrade", "websocket") ||
                     !request_header_has_token(request, "connection", "upgrade"))
    return refuse_without_upgrade(handshake, "this path speaks WebSocket");
  if (!slice_is(request_header(request, "sec-websocket-version"), "13"))
    return refuse_without_upgrade(handshake, "Sec-WebSocket-Version must be 13");
  if (is_http2)
    return true;
  if (!ws_key_valid(request_header(request, "sec-websocket-key")))
    return refuse(handshake, REFUSAL_bad_request, 400, NO_HEADER,
                  "Sec-WebSocket-Key must be base64 of 16 bytes");
  return true;
}

/* Whether an Accept header takes an event stream. */
static bool check_accept(struct handshake *handshake) {
  struct slice rest = request_header(handshake->request, "accept"), piece, type;
  if (!rest.len)
    return true;
  while (slice_split(&rest, ',', &piece)) {
    slice_split(&piece, ';', &type);
    type = slice_trim(type);
    if (slice_is(type, "*/*") || slice_is(type, "text/*") || slice_is(type, "text/event-stream"))
      return true;
  }
  return refuse(handshake, REFUSAL_not_acceptable, 406, NO_HEADER,
                "%s gives text/event-stream only", handshake->endpoint->path);
}

static bool check_origin(struct handshake *handshake) {
  const struct request *request = handshake->request;
  if (auth_origin_allowed(request_header(request, "origin"), request_header(request, "host")))
    return true;
  return refuse(handshake, REFUSAL_forbidden, 403, NO_HEADER,
                "a page of another site may not connect here");
}

static bool check_identity(struct handshake *handshake) {
  struct hub *hub = handshake->client->hub;
  struct belfry_error error = {0};
  const struct auth_credentials credentials = {
      .authorization = request_header(handshake->request, "authorization"),
      .cookie = request_header(handshake->request, "cookie"),
      .jwt = hub->jwt};
  if (!hub->ready || !hub->history)
    follow_look(hub); /* perhaps it can be read since a moment ago */
  if (!hub->ready || !hub->history)
    return refuse(handshake, REFUSAL_history, 503, AGAIN_IN("1"), "the history cannot be read yet");
  int status = auth_identify(hub->history, hub->conf, &credentials, clock_realtime_ms(hub->clock),
                             &handshake->identity, &error);
  if (status == BELFRY_EDENIED)
    return refuse(handshake, REFUSAL_unauthorized, 401, SIGN_IN, "%s", error.text);
  if (status)
    return refuse(handshake, REFUSAL_history, 503, AGAIN_IN("1"),
                  "the history cannot be read now: %s", error.text);
  enum auth_role role = handshake->identity.role;
  if (role == AUTH_ROLE_NONE)
    return refuse(handshake, REFUSAL_unauthorized, 401, SIGN_IN,
                  "sign in, or send an API key as Authorization: Bearer");
  if (role != AUTH_ROLE_INGEST && !auth_role_allows(role, AUTH_ROLE_VIEWER))
    return refuse(handshake, REFUSAL_forbidden, 403, NO_HEADER,
                  "the role %s may not receive events", auth_role_name(role));
  return true;
}

/* --- how many there are already -----------------------------------------------------------------
 */

/* Where the client is: what a proxy that is trusted says last, else the peer itself. Returns: false
 * when nobody knows. */
static bool find_address(const struct handshake *handshake, struct address *out) {
  const struct client *client = handshake->client;
  const char *trusted = client->hub->conf->access_trusted_proxies;
  struct address said;
  bool by_tcp = client->transport->peer(client, out);
  if (by_tcp && !network_list_holds(slice_of(trusted), out))
    return true;
  if (!address_parse(request_header_last(handshake->request, "x-forwarded-for"), &said))
    return by_tcp;
  *out = said;
  return true;
}

static bool check_share(struct handshake *handshake, const struct census_row *row, int64_t limit,
                        enum refusal why, const char *whose, const char *setting) {
  if (!row)
    return refuse(handshake, REFUSAL_overload, 503, AGAIN_IN("5"), "out of memory");
  if (limit == 0 || row->count <= (uint64_t)limit)
    return true;
  return refuse(handshake, why, 429, AGAIN_IN("5"),
                "there are already %" PRId64 " connections %s (%s)", limit, whose, setting);
}

/* Somebody may hold a whole network of IPv6 addresses, so they are counted by their /64. */
static bool check_address(struct handshake *handshake) {
  struct client *client = handshake->client;
  struct address address;
  if (!find_address(handshake, &address))
    return true;
  bool ipv4 = address_is_ipv4(&address);
  struct network network = network_around(&address, ipv4 ? 128 : 64);
  client->of_address = census_enter(&client->hub->addresses, network.address.bytes);
  return check_share(handshake, client->of_address, client->hub->conf->push_max_per_address,
                     REFUSAL_max_per_address, ipv4 ? "from this address" : "from this /64 network",
                     "push.max_per_address");
}

static bool check_credential(struct handshake *handshake) {
  struct client *client = handshake->client;
  uint8_t key[CENSUS_KEY_BYTES] = {0};
  _Static_assert(AUTH_KEY_ID_BYTES <= CENSUS_KEY_BYTES, "a key's id fits");
  if (!handshake->identity.id[0])
    return true;
  memcpy(key, handshake->identity.id, AUTH_KEY_ID_BYTES);
  client->of_credential = census_enter(&client->hub->credentials, key);
  return check_share(handshake, client->of_credential, client->hub->conf->push_max_per_credential,
                     REFUSAL_max_per_credential, "with this key", "push.max_per_credential");
}

/* --- the query ---------------------------------------------------------------------------------
 */

/* Keeps a decoded value; `values` has room for the whole query, so that nothing moves. */
static struct slice keep(struct handshake *handshake, struct slice value) {
  size_t start = handshake->values.len;
  buf_put_slice(&handshake->values, value);
  return slice_new(handshake->values.data + start, value.len);
}

static bool take_number(struct slice value, int64_t max, int64_t *out) {
  long long number;
  if (!slice_to_int64(value, &number) || number < 0 || number > max)
    return false;
  *out = number;
  return true;
}

/* Returns: NULL, or what would be right. Parameters that are not known are ignored. */
static const char *take_parameter(struct handshake *handshake, struct slice name,
                                  struct slice value) {
  struct follow_start *start = &handshake->start;
  if (slice_is(name, "events")) {
    handshake->has_events = true;
    handshake->texts.events = keep(handshake, value);
  } else if (slice_is(name, "min_severity")) {
    handshake->texts.min_severity = keep(handshake, value);
  } else if (slice_is(name, "sources")) {
    handshake->texts.sources = keep(handshake, value);
  } else if (slice_is(name, "since")) {
    struct slice epoch = start->epoch;
    if (!start_parse_since(keep(handshake, value), start))
      return "since must be an event id, or epoch-id";
    if (epoch.data)
      start->epoch = epoch;
  } else if (slice_is(name, "epoch")) {
    start->epoch = keep(handshake, value);
  } else if (slice_is(name, "last")) {
    start->has_last = true;
    if (!take_number(value, START_LAST_MAX, &start->last))
      return "last must be a whole number from 0 to 1000";
  } else if (slice_is(name, "interval")) {
    handshake->has_interval = true;
    if (!take_number(value, START_INTERVAL_MAX_S, &handshake->interval_s))
      return "interval must be a whole number of seconds from 0 to 60";
  } else if (slice_is(name, "named")) {
    handshake->named = slice_is(value, "1");
  }
  return NULL;
}

static bool take_query(struct handshake *handshake) {
  struct slice rest = handshake->request->query, name, value;
  struct buf scratch;
  buf_init(&scratch, 0);
  const char *right = NULL;
  int more = 0;
  if (!buf_reserve(&handshake->values, rest.len))
    more = BELFRY_ENOMEM;
  while (rest.data && !more && !right) {
    int taken = request_query_next(&rest, &scratch, &name, &value);
    if (taken == 0)
      break;
    if (taken < 0)
      more = taken;
    else
      right = take_parameter(handshake, name, value);
  }
  buf_fini(&scratch);
  if (more == BELFRY_ENOMEM)
    return refuse(handshake, REFUSAL_overload, 503, AGAIN_IN("5"), "out of memory");
  if (more || right)
    return refuse(handshake, REFUSAL_bad_request, 400, NO_HEADER, "%s",
                  right ? right : "the query holds a broken % escape");
  return true;
}

/* A browser that reconnects tells where it was; the query is that of its first connection. */
static void take_last_event_id(struct handshake *handshake) {
  struct slice id = request_header(handshake->request, "last-event-id");
  if (handshake->endpoint->websocket || !id.len)
    return;
  handshake->start.epoch = slice_new(NULL, 0);
  if (start_parse_since(id, &handshake->start))
    return;
  /* Not one of ours. To refuse it would make the browser give up for ever; it is told instead that
     its stream is not complete. */
  handshake->start.has_since = true;
  handshake->start.epoch = slice_of("?");
}

/* --- the answer --------------------------------------------------------------------------------
 */

/* What cannot be met is declined: the client is let in without it. */
static void choose_extensions(struct handshake *handshake) {
  struct buf offers;
  if (!handshake->endpoint->websocket || !handshake->client->hub->conf->push_deflate)
    return;
  buf_init(&offers, 0);
  request_header_join(handshake->request, "sec-websocket-extensions", &offers);
  if (!buf_status(&offers))
    handshake->extensions = ws_deflate_accept(buf_slice(&offers));
  buf_fini(&offers);
}

static void put_connected(struct handshake *handshake, struct buf *out, bool complete) {
  struct client *client = handshake->client;
  struct hub *hub = client->hub;
  char client_id[ULID_BYTES], now[TIMESTAMP_BYTES];
  int64_t now_ms = clock_realtime_ms(hub->clock);
  ulid_make(&hub->ulids, now_ms, client_id);
  timestamp_format(now_ms, now);
  buf_printf(out,
             "{\"client_id\":\"%s\",\"version\":\"%s\",\"server_time\":\"%s\",\"epoch\":\"%s\","
             "\"oldest\":%" PRId64 ",\"head\":%" PRId64 ",\"resumed_from\":%" PRId64
             ",\"complete\":%s,\"role\":\"%s\",\"interval\":",
             client_id, PACKAGE_VERSION, now, hub->position.epoch, hub->position.oldest,
             hub->ring.head, client->cursor, complete ? "true" : "false",
             auth_role_name(handshake->identity.role));
  json_put_number(out,
                  client->subscription.metrics ? client->subscription.interval_ms / 1000.0 : 0);
  buf_printf(out,
             ",\"limits\":{\"message_bytes\":%d,\"commands_per_second\":%d,\"commands_burst\":%d,"
             "\"last\":%d}}",
             WS_MESSAGE_MAX_BYTES, COMMANDS_PER_SECOND, COMMANDS_BURST, START_LAST_MAX);
}

/* HTTP/2 has no upgrade: its stream is the WebSocket (RFC 8441). */
static void accept_websocket(struct handshake *handshake) {
  const struct request *request = handshake->request;
  bool is_http2 = request->version == REQUEST_HTTP_2;
  struct answer answer = begin_answer(handshake, is_http2 ? 200 : 101);
  char accept[WS_ACCEPT_BYTES];
  answer.stays = true;
  if (!is_http2) {
    ws_accept(request_header(request, "sec-websocket-key"), accept);
    put_header(&answer, "Upgrade", "websocket");
    put_header(&answer, "Sec-WebSocket-Accept", accept);
  }
  if (handshake->extensions)
    put_header(&answer, "Sec-WebSocket-Extensions", handshake->extensions);
  handshake->client->transport->answer(handshake->client, &answer);
}

static void accept_event_stream(struct handshake *handshake) {
  struct answer answer = begin_answer(handshake, 200);
  answer.stays = true;
  put_header(&answer, "Content-Type", "text/event-stream; charset=utf-8");
  put_header(&answer, "X-Accel-Buffering", "no");
  handshake->client->transport->answer(handshake->client, &answer);
  sse_start(handshake->client);
}

/* Sets when the credential is looked at again: soon enough for one that ends. */
static void plan_check(struct client *client, int64_t now_ms) {
  int64_t in_ms = CLIENT_CHECK_MS;
  if (client->expires_ms && client->expires_ms - now_ms < in_ms)
    in_ms = client->expires_ms > now_ms ? client->expires_ms - now_ms : 0;
  client->check_at = client->ticket.kind != AUTH_NOBODY ? hub_tick_in(client->hub, in_ms) : 0;
}

static void remember_identity(struct handshake *handshake) {
  struct client *client = handshake->client;
  const struct auth_identity *identity = &handshake->identity;
  client->role = (uint8_t)identity->role;
  client->expires_ms = identity->expires_ms;
  client->ticket = auth_ticket_of(identity);
  auth_used_note(&client->hub->used, identity, clock_realtime_ms(client->hub->clock));
  plan_check(client, clock_realtime_ms(client->hub->clock));
}

/* The last checks and the beginning. */
static bool open_connection(struct handshake *handshake) {
  struct client *client = handshake->client;
  struct hub *hub = client->hub;
  struct subscription subscription = {.interval_ms = (uint32_t)hub->conf->push_interval_ms,
                                      .metrics = handshake->endpoint->metrics};
  struct model_problem problem = {0};
  struct belfry_error error = {0};
  if (!handshake->has_events)
    handshake->texts.except = slice_of("log");
  else if (!handshake->texts.events.len)
    handshake->texts.nothing = true;
  if (start_names_metrics(handshake->texts.events))
    subscription.metrics = true;
  if (handshake->has_interval) {
    subscription.metrics = handshake->interval_s > 0;
    if (subscription.metrics)
      subscription.interval_ms = (uint32_t)handshake->interval_s * 1000;
  }
  if (handshake->identity.role == AUTH_ROLE_INGEST)
    subscription.metrics = false;
  start_confine(handshake->identity.role, slice_of(handshake->identity.name), &handshake->texts);
  int status = audience_get(&hub->audiences, &handshake->texts, &subscription.audience, &problem);
  if (status == BELFRY_ENOMEM)
    return refuse(handshake, REFUSAL_overload, 503, AGAIN_IN("5"), "out of memory");
  if (status)
    return refuse(handshake, REFUSAL_bad_request, 400, NO_HEADER, "%s %s", problem.pointer,
                  problem.detail);
  int64_t cursor;
  bool complete;
  status =
      follow_resolve(hub, &handshake->start, subscription.audience, &cursor, &complete, &error);
  if (status) {
    audience_release(&hub->audiences, subscription.audience);
    return refuse(handshake, REFUSAL_history, 503, AGAIN_IN("1"),
                  "the history cannot be read now: %s", error.text);
  }
  client->representation = handshake->extensions            ? REPRESENTATION_WS_DEFLATE
                           : handshake->endpoint->websocket ? REPRESENTATION_WS
                           : handshake->named               ? REPRESENTATION_SSE_NAMED
                                                            : REPRESENTATION_SSE;
  client_seek(client, cursor);
  client_subscribe(client, &subscription);
  remember_identity(handshake);
  commands_init(client);
  if (handshake->endpoint->websocket)
    accept_websocket(handshake);
  else
    accept_event_stream(handshake);
  struct buf connected;
  buf_init(&connected, 0);
  put_connected(handshake, &connected, complete);
  client_say(client, "connected", buf_slice(&connected), cursor);
  buf_fini(&connected);
  return client->state != CLIENT_DEAD;
}

/* --- what is called from outside ---------------------------------------------------------------
 */

static void decide(struct handshake *handshake) {
  if (!find_endpoint(handshake) || !check_room(handshake) ||
      !(handshake->endpoint->websocket ? check_websocket(handshake) : check_accept(handshake)) ||
      !check_origin(handshake) || !check_address(handshake) || !check_identity(handshake) ||
      !check_credential(handshake) || !take_query(handshake))
    return;
  take_last_event_id(handshake);
  choose_extensions(handshake);
  if (!open_connection(handshake))
    return;
  struct client *client = handshake->client;
  struct hub *hub = client->hub;
  if (client->subscription.metrics &&
      state_refresh(&hub->state, hub->history, hub->conf, hub->clock, NULL))
    client->metrics_at = hub_tick_in(hub, 0); /* not now: at the wheel's next tick */
  client_open(client);
}

void handshake_decide(struct client *client, const struct request *request) {
  struct handshake handshake = {.client = client, .request = request};
  buf_init(&handshake.values, 0);
  take_request_id(&handshake);
  decide(&handshake);
  buf_fini(&handshake.values);
}

void handshake_refuse(struct client *client, const struct request *request, int status,
                      const char *detail) {
  struct handshake handshake = {.client = client, .request = request};
  take_request_id(&handshake);
  refuse(&handshake, REFUSAL_bad_request, status, NO_HEADER, "%s", detail);
}

void handshake_check_all_soon(struct hub *hub) {
  for (uint32_t i = 0; i < hub->client_count; i++) {
    struct client *client = hub->clients[i];
    uint32_t at = hub_tick_in(hub, (int64_t)i * CHECK_ALL_MS / hub->client_count);
    if (client->check_at <= at) /* 0: never */
      continue;
    client->check_at = at;
    client_schedule(client);
  }
}

void handshake_check_again(struct client *client) {
  struct hub *hub = client->hub;
  int64_t now_ms = clock_realtime_ms(hub->clock);
  const char *why = NULL;
  int status = auth_check_again(hub->history, &client->ticket, now_ms, &client->expires_ms, &why);
  /* A history that cannot be read now says nothing about the credential. */
  if (status && status != BELFRY_EDENIED && client->expires_ms && client->expires_ms <= now_ms)
    why = "expired";
  if (why) {
    uint32_t jitter;
    fd_random(&jitter, sizeof jitter);
    client_close_telling(client, CLOSE_CREDENTIAL_EXPIRED, why,
                         RETRY_AFTER_MS + jitter % RETRY_JITTER_MS);
    client_flush(client);
    return;
  }
  plan_check(client, now_ms);
}
