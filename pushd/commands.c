#include "pushd/commands.h"

#include "base/json.h"
#include "pushd/client.h"
#include "pushd/follow.h"
#include "pushd/hub.h"
#include "pushd/start.h"
#include "pushd/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum command_field {
  FIELD_EVENTS = 1,
  FIELD_MIN_SEVERITY = 2,
  FIELD_SOURCES = 4,
  FIELD_SINCE = 8, /* with `epoch` */
  FIELD_LAST = 16,
  FIELD_METRICS = 32,
  FIELD_BATCH = 64,
  FIELD_INTERVAL = 128,
};

/* A command's data, checked. Texts are borrowed from the message. */
struct arguments {
  unsigned given; /* bits of enum command_field */
  bool empty;     /* no data, or {} */
  struct buf lists;
  struct slice events, sources, min_severity;
  struct follow_start start;
  bool metrics, batch;
  int64_t interval_s;
  struct slice raw; /* `data` as it was sent; NULL data: none */
};

typedef void (*command_fn)(struct client *client, const struct arguments *arguments);

struct command {
  const char *name;
  enum auth_role role;
  unsigned fields;
  command_fn handler;
};

/* --- answers -----------------------------------------------------------------------------------
 */

static void say_error(struct client *client, const char *code, const char *message,
                      struct slice in_reply_to) {
  struct buf data;
  buf_init(&data, 0);
  buf_printf(&data, "{\"code\":\"%s\",\"message\":", code);
  json_put_string(&data, slice_of(message));
  buf_put_text(&data, ",\"in_reply_to\":");
  if (in_reply_to.data)
    json_put_string(&data, in_reply_to);
  else
    buf_put_text(&data, "null");
  buf_put_char(&data, '}');
  client_say(client, "error", buf_slice(&data), FRAME_NO_ID);
  buf_fini(&data);
}

static void say_subscription(struct client *client, const char *name, const char *more) {
  struct buf data;
  buf_init(&data, 0);
  subscription_put(&data, &client->subscription, more);
  client_say(client, name, buf_slice(&data), FRAME_NO_ID);
  buf_fini(&data);
}

/* --- limits ------------------------------------------------------------------------------------
 */

/* Both buckets fill by a token a millisecond up to BUCKET; a command costs as many tokens as make
   the rate that is meant. */
#define BUCKET         2000
#define COMMAND_COST   (1000 / COMMANDS_PER_SECOND)
#define VIOLATION_COST (COMMAND_COST / COMMANDS_ABUSE)
_Static_assert(BUCKET == COMMANDS_BURST * COMMAND_COST, "a burst fills the bucket");

void commands_init(struct client *client) {
  client->bucket_ms = hub_since_start_ms(client->hub);
  client->command_tokens = client->violation_tokens = BUCKET;
}

static uint16_t fill(uint16_t tokens, uint32_t by) {
  return by >= BUCKET - (uint32_t)tokens ? BUCKET : (uint16_t)(tokens + by);
}

static bool spend(uint16_t *tokens, uint16_t cost) {
  if (*tokens < cost)
    return false;
  *tokens = (uint16_t)(*tokens - cost);
  return true;
}

static void fill_buckets(struct client *client) {
  uint32_t now = hub_since_start_ms(client->hub), passed = now - client->bucket_ms;
  client->bucket_ms = now;
  client->command_tokens = fill(client->command_tokens, passed);
  client->violation_tokens = fill(client->violation_tokens, passed);
}

bool commands_allow_frame(struct client *client) {
  fill_buckets(client);
  return spend(&client->violation_tokens, VIOLATION_COST);
}

/* --- arguments ---------------------------------------------------------------------------------
 */

/* A comma list, or an array of texts, which is joined to one. */
static bool read_list(json_t *value, struct buf *joined, struct slice *out) {
  if (json_is_string(value)) {
    *out = slice_new(json_string_value(value), json_string_length(value));
    return true;
  }
  if (!json_is_array(value))
    return false;
  size_t start = joined->len, index;
  json_t *item;
  json_array_foreach(value, index, item) {
    if (!json_is_string(item))
      return false;
    if (index)
      buf_put_char(joined, ',');
    buf_put(joined, json_string_value(item), json_string_length(item));
  }
  *out = slice_new(joined->data ? joined->data + start : "", joined->len - start);
  return true;
}

static bool read_integer(json_t *value, int64_t min, int64_t max, int64_t *out) {
  double number = json_number_value(value);
  if (!json_is_number(value) || number < (double)min || number > (double)max ||
      number != (double)(int64_t)number)
    return false;
  *out = (int64_t)number;
  return true;
}

static bool read_since(json_t *value, struct follow_start *start) {
  if (json_is_string(value))
    return start_parse_since(slice_new(json_string_value(value), json_string_length(value)), start);
  start->has_since = read_integer(value, 0, START_ID_MAX - 1, &start->since);
  return start->has_since;
}

static bool read_bool(json_t *value, bool *out) {
  *out = json_is_true(value);
  return json_is_boolean(value);
}

static bool read_text(json_t *value, struct slice *out) {
  *out = slice_new(json_string_value(value), json_string_length(value));
  return json_is_string(value);
}

/* Returns: NULL, or what would be right. */
static const char *read_member(struct arguments *arguments, const char *name, json_t *value,
                               unsigned fields) {
#define MEMBER(bit, text, reads, right)                                                            \
  if ((fields & (bit)) && strcmp(name, text) == 0) {                                               \
    arguments->given |= (bit);                                                                     \
    return (reads) ? NULL : right;                                                                 \
  }
  MEMBER(FIELD_EVENTS, "events", read_list(value, &arguments->lists, &arguments->events),
         "events: an array of type patterns, or a comma list")
  MEMBER(FIELD_SOURCES, "sources", read_list(value, &arguments->lists, &arguments->sources),
         "sources: an array of source patterns, or a comma list")
  MEMBER(FIELD_MIN_SEVERITY, "min_severity", read_text(value, &arguments->min_severity),
         "min_severity: debug, info, success, warning, error or critical")
  MEMBER(FIELD_SINCE, "since", read_since(value, &arguments->start),
         "since: an event id, or \"epoch-id\"")
  MEMBER(FIELD_LAST, "last", read_integer(value, 0, START_LAST_MAX, &arguments->start.last),
         "last: a whole number from 0 to 1000")
  MEMBER(FIELD_METRICS, "metrics", read_bool(value, &arguments->metrics), "metrics: true or false")
  MEMBER(FIELD_BATCH, "batch", read_bool(value, &arguments->batch), "batch: true or false")
  MEMBER(FIELD_INTERVAL, "interval",
         read_integer(value, 1, START_INTERVAL_MAX_S, &arguments->interval_s),
         "interval: a whole number of seconds from 1 to 60")
#undef MEMBER
  return NULL;
}

static const char *read_arguments(json_t *data, unsigned fields, struct arguments *out) {
  out->empty = !data || json_is_null(data) || (json_is_object(data) && !json_object_size(data));
  if (out->empty || !fields)
    return (fields & FIELD_INTERVAL) ? "interval: a whole number of seconds from 1 to 60" : NULL;
  if (!json_is_object(data))
    return "data: an object";
  /* A list that is an array lies in `lists`, which must not move while slices point into it. */
  if (!buf_reserve(&out->lists, WS_MESSAGE_MAX_BYTES))
    return "data: less of it";
  const char *name;
  json_t *value, *epoch = json_object_get(data, "epoch");
  if ((fields & FIELD_SINCE) && epoch && !read_text(epoch, &out->start.epoch))
    return "epoch: the text that `connected` told";
  json_object_foreach(data, name, value) {
    const char *right = read_member(out, name, value, fields);
    if (right)
      return right;
  }
  if ((fields & FIELD_INTERVAL) && !(out->given & FIELD_INTERVAL))
    return "interval: a whole number of seconds from 1 to 60";
  out->start.has_last = out->given & FIELD_LAST;
  return NULL;
}

/* --- handlers ----------------------------------------------------------------------------------
 */

/* Swaps the audience for the one of `texts`. Returns: false after an error was told. */
static bool change_audience(struct client *client, const struct audience_texts *texts,
                            struct subscription *subscription, const char *command) {
  struct model_problem problem = {0};
  int status = audience_get(&client->hub->audiences, texts, &subscription->audience, &problem);
  if (!status)
    return true;
  char message[sizeof problem.pointer + sizeof problem.detail + 2];
  snprintf(message, sizeof message, "%s: %s", problem.pointer, problem.detail);
  if (status == BELFRY_ENOMEM)
    say_error(client, "overloaded", "out of memory", slice_of(command));
  else
    say_error(client, "bad_argument", message, slice_of(command));
  return false;
}

static void on_subscribe(struct client *client, const struct arguments *arguments) {
  struct hub *hub = client->hub;
  bool names_metrics = start_names_metrics(arguments->events);
  struct subscription subscription = client->subscription;
  struct audience_texts texts = {.events = arguments->events,
                                 .min_severity = arguments->min_severity,
                                 .sources = arguments->sources,
                                 .nothing =
                                     (arguments->given & FIELD_EVENTS) && !arguments->events.len,
                                 .only_type = client->subscription.audience->texts.only_type,
                                 .only_source = client->subscription.audience->texts.only_source};
  subscription.metrics = (arguments->given & FIELD_METRICS)
                             ? arguments->metrics
                             : !(arguments->given & FIELD_EVENTS) || names_metrics;
  if (!auth_role_allows(client->role, AUTH_ROLE_VIEWER))
    subscription.metrics = false;
  subscription.batch = (arguments->given & FIELD_BATCH) && arguments->batch;
  if (!change_audience(client, &texts, &subscription, "subscribe"))
    return;
  int64_t cursor = client->cursor;
  bool complete = true;
  if (arguments->start.has_since || arguments->start.has_last) {
    struct belfry_error error = {0};
    if (follow_resolve(hub, &arguments->start, subscription.audience, &cursor, &complete, &error)) {
      audience_release(&hub->audiences, subscription.audience);
      say_error(client, "overloaded", error.text, slice_of("subscribe"));
      return;
    }
    client_seek(client, cursor);
  }
  client_subscribe(client, &subscription);
  char more[160];
  snprintf(more, sizeof more, ",\"head\":%" PRId64 ",\"resumed_from\":%" PRId64 ",\"complete\":%s",
           hub->ring.head, cursor, complete ? "true" : "false");
  say_subscription(client, "subscribed", more);
}

static void on_unsubscribe(struct client *client, const struct arguments *arguments) {
  struct subscription subscription = client->subscription;
  struct audience_texts texts;
  struct buf scratch;
  buf_init(&scratch, 0);
  bool all = !(arguments->given & FIELD_EVENTS);
  if (all) {
    texts = subscription.audience->texts;
    texts.nothing = true;
  } else {
    audience_without(subscription.audience, arguments->events, &scratch, &texts);
  }
  if (all || start_names_metrics(arguments->events))
    subscription.metrics = false;
  if (change_audience(client, &texts, &subscription, "unsubscribe")) {
    /* Metrics that go on are not asked for anew. */
    bool due = client->metrics_due, forced = client->metrics_forced;
    uint32_t metrics_at = client->metrics_at;
    client_subscribe(client, &subscription);
    if (subscription.metrics) {
      client->metrics_due = due;
      client->metrics_forced = forced;
      client->metrics_at = metrics_at;
      client_schedule(client);
    }
    say_subscription(client, "unsubscribed", "");
  }
  buf_fini(&scratch);
}

/* Makes sure of a snapshot that is as new as it can be. */
static bool refresh_state(struct client *client, const char *command) {
  struct hub *hub = client->hub;
  struct belfry_error error = {0};
  if (!state_refresh(&hub->state, hub->history, hub->conf, hub->clock, &error))
    return true;
  say_error(client, "overloaded", error.text, slice_of(command));
  return false;
}

static void on_get_state(struct client *client, const struct arguments *arguments) {
  (void)arguments;
  if (refresh_state(client, "get_state"))
    client->state_due = true;
}

static void on_request_refresh(struct client *client, const struct arguments *arguments) {
  (void)arguments;
  if (refresh_state(client, "request_refresh"))
    client->metrics_due = client->metrics_forced = true;
}

static void on_set_interval(struct client *client, const struct arguments *arguments) {
  client->subscription.interval_ms = (uint32_t)arguments->interval_s * 1000;
  if (client->subscription.metrics)
    client->metrics_at = hub_tick_in(client->hub, client->subscription.interval_ms);
  client_schedule(client);
  char data[40];
  snprintf(data, sizeof data, "{\"interval\":%" PRId64 "}", arguments->interval_s);
  client_say(client, "interval_set", slice_of(data), FRAME_NO_ID);
}

static void on_ping(struct client *client, const struct arguments *arguments) {
  client_say(client, "pong", arguments->raw.data ? arguments->raw : slice_of("null"), FRAME_NO_ID);
}

/* --- the table ---------------------------------------------------------------------------------
 */

static const struct command commands[] = {
#define COMMAND(name, role, fields, handler) {name, role, fields, handler},
#include "pushd/commands.def"
#undef COMMAND
};

static const struct command *find_command(struct slice name) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (slice_is(name, commands[i].name))
      return &commands[i];
  return NULL;
}

static void run_command(struct client *client, json_t *message, struct slice text) {
  json_t *event = json_is_object(message) ? json_object_get(message, "event") : NULL;
  if (!json_is_string(event)) {
    say_error(client, "bad_argument", "a command is {\"event\":NAME,\"data\":{...}}",
              slice_new(NULL, 0));
    return;
  }
  struct slice name = slice_new(json_string_value(event), json_string_length(event));
  const struct command *command = find_command(name);
  if (name.len > 64)
    name.len = utf8_valid_prefix(slice_new(name.data, 64));
  if (!command) {
    say_error(client, "unknown_event",
              "known are subscribe, unsubscribe, get_state, request_refresh, set_interval and ping",
              name);
    return;
  }
  if (!auth_role_allows(client->role, command->role)) {
    say_error(client, "forbidden", "this credential's role may not do this", name);
    return;
  }
  struct arguments arguments = {.raw = json_member(text, "data")};
  buf_init(&arguments.lists, 0);
  const char *right = read_arguments(json_object_get(message, "data"), command->fields, &arguments);
  if (right)
    say_error(client, "bad_argument", right, name);
  else
    command->handler(client, &arguments);
  buf_fini(&arguments.lists);
}

void commands_on_message(struct client *client, struct slice message) {
  struct figures *figures = &client->hub->figures;
  fill_buckets(client);
  figures->commands++;
  if (!spend(&client->violation_tokens, VIOLATION_COST)) {
    client_close(client, WS_CLOSE_POLICY, "too many commands");
    return;
  }
  if (!spend(&client->command_tokens, COMMAND_COST)) {
    figures->limited_commands++;
    say_error(client, "rate_limited", "at most 20 commands a second", slice_new(NULL, 0));
    return;
  }
  struct belfry_error error = {0};
  json_t *parsed = json_parse(message, JSON_DEPTH_DEFAULT, &error);
  if (parsed)
    run_command(client, parsed, message);
  else
    say_error(client, "bad_json", error.text, slice_new(NULL, 0));
  json_decref(parsed);
}
