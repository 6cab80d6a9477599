/* /api/settings: what may be changed while Belfry runs, by the table that the file is read with. */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "model/state_text.h"
#include "settings/settings.h"

#include <inttypes.h>

/* What is in force, of the file as it is now and the settings of the history. */
struct now {
  struct settings settings;
  struct conf *conf; /* owned */
};

static void now_free(struct now *now) {
  settings_fini(&now->settings);
  conf_free(now->conf);
}

/* Returns: false when the answer is made: 503. */
static bool now_read(struct worker *worker, const struct request *request,
                     struct response *response, struct now *out) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  int status = history ? settings_read(history, &out->settings, &error) : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return false;
  }
  out->conf = settings_load(worker->conf->path, &out->settings, &error);
  if (!out->conf)
    response_unavailable(response, request, 30, error.text);
  return out->conf != NULL;
}

static const struct setting_row *row_of(const struct now *now, size_t index) {
  for (size_t i = 0; i < now->settings.count; i++)
    if (conf_live_find(now->settings.rows[i].setting.key) == (int)index)
      return &now->settings.rows[i];
  return NULL;
}

static void put_setting(const struct now *now, size_t index, struct buf *out) {
  const struct setting_row *row = row_of(now, index);
  char when[TIMESTAMP_BYTES];
  buf_put_text(out, index ? ",{" : "{");
  conf_live_put_json(now->conf, index, out);
  if (row) {
    timestamp_format(row->changed_ms, when);
    buf_printf(out, ",\"changed\":\"%s\",\"changed_by\":", when);
    json_put_string(out, row->changed_by);
    buf_put_char(out, '}');
  } else {
    buf_put_text(out, ",\"changed\":null,\"changed_by\":null}");
  }
}

/* Returns: a fingerprint of the text. */
static uint64_t put_settings(const struct now *now, struct buf *out) {
  struct state_text text;
  state_text_init(&text, out);
  buf_printf(out, "{\"version\":%" PRId64 ",\"settings\":[", now->settings.version);
  for (size_t i = 0; i < conf_live_count(); i++)
    put_setting(now, i, out);
  buf_put_text(out, "]}");
  return state_text_fingerprint(&text);
}

void api_settings_get(struct worker *worker, const struct request *request,
                      struct response *response) {
  struct now now = {0};
  if (now_read(worker, request, response, &now))
    (void)response_etag(response, request, put_settings(&now, response_json(response, 200)));
  now_free(&now);
}

/* --- PUT --- */

/* Puts the text of a value, or null. */
static void put_value(struct buf *out, const char *key, bool there, struct slice value) {
  buf_printf(out, ",\"%s\":", key);
  if (there)
    json_put_string(out, value);
  else
    buf_put_text(out, "null");
}

static void put_change(const struct now *now, const struct setting_change *change,
                       struct buf *data) {
  struct buf name, before;
  buf_init(&name, 0);
  buf_init(&before, 0);
  conf_live_put_name(change->index, &name);
  conf_live_put_value(now->conf, change->index, &before);
  buf_put_text(data, data->data[data->len - 1] == '[' ? "{\"key\":" : ",{\"key\":");
  json_put_string(data, buf_slice(&name));
  put_value(data, "from", true, buf_slice(&before));
  put_value(data, "to", change->value.data != NULL, change->value);
  buf_put_char(data, '}');
  if (buf_status(&name) || buf_status(&before))
    data->status = BELFRY_ENOMEM;
  buf_fini(&name);
  buf_fini(&before);
}

static void batch_change(struct worker *worker, const struct request *request, int64_t version,
                         const struct setting_change *change) {
  struct buf name;
  buf_init(&name, 0);
  conf_live_put_name(change->index, &name);
  const struct history_value put[] = {
      HISTORY_VALUE_TEXT("key", buf_slice(&name)),
      HISTORY_VALUE_TEXT("value", change->value),
      HISTORY_VALUE_INTEGER("version", version),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
      HISTORY_VALUE_TEXT("by", slice_of(request->identity.name)),
  };
  if (change->value.data)
    history_batch_mutate(&worker->batch, SQL_SETTING_PUT, true, put, sizeof put / sizeof *put);
  else
    history_batch_mutate(&worker->batch, SQL_SETTING_DELETE, false, put, 1);
  if (buf_status(&name))
    worker->batch.records.status = buf_status(&name);
  buf_fini(&name);
}

/* All of it in one transaction, with the event that tells of it. */
static void batch_changes(struct worker *worker, const struct request *request,
                          const struct now *now, const struct setting_change *changes,
                          size_t count) {
  int64_t version = now->settings.version + 1;
  const struct history_value bump[] = {
      HISTORY_VALUE_INTEGER("expected", now->settings.version),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
      HISTORY_VALUE_TEXT("by", slice_of(request->identity.name)),
  };
  char event_id[ULID_BYTES];
  struct buf data;
  buf_init(&data, 0);
  history_batch_mutate(&worker->batch, SQL_SETTINGS_BUMP, true, bump, sizeof bump / sizeof *bump);
  buf_put_text(&data, "{\"by\":");
  json_put_string(&data, slice_of(request->identity.name));
  buf_printf(&data, ",\"version\":%" PRId64 ",\"changes\":[", version);
  for (size_t i = 0; i < count; i++) {
    put_change(now, &changes[i], &data);
    batch_change(worker, request, version, &changes[i]);
  }
  buf_put_text(&data, "]}");
  worker_batch_event(worker, request, "settings_changed", slice_of("belfry-fcgi"), buf_slice(&data),
                     event_id);
  if (buf_status(&data))
    worker->batch.records.status = buf_status(&data);
  buf_fini(&data);
}

/* The environment wins: a change would be of no effect. */
static int check_environment(const struct now *now, const struct setting_change *changes,
                             size_t count, struct model_problem *problem) {
  for (size_t i = 0; i < count; i++) {
    if (conf_live_origin(now->conf, changes[i].index) != CONF_FROM_ENVIRONMENT)
      continue;
    struct buf name;
    buf_init(&name, 0);
    buf_put_char(&name, '/');
    conf_live_put_name(changes[i].index, &name);
    buf_put_char(&name, '\0');
    int status = buf_status(&name);
    if (!status)
      status = model_problem_set(problem, BELFRY_ECONFLICT, name.data,
                                 "is set by an environment variable, which wins over what is set "
                                 "here: change it there");
    buf_fini(&name);
    return status;
  }
  return BELFRY_OK;
}

/* Whether If-Match, where it is sent, names the settings as they are. */
static bool check_match(const struct now *now, const struct request *request,
                        struct response *response) {
  struct buf text;
  buf_init(&text, 0);
  bool matches = response_matches(request, put_settings(now, &text));
  buf_fini(&text);
  if (!matches)
    response_problem(response, request, 412,
                     "the settings were changed since: GET them again, and decide anew");
  return matches;
}

static void change_settings(struct worker *worker, const struct request *request,
                            struct response *response, const struct now *now,
                            const struct setting_change *changes, size_t count) {
  struct model_problem problem = {0};
  struct history_receipt receipt;
  int status = check_environment(now, changes, count, &problem);
  if (status) {
    worker_input_problem(request, response, status, "", &problem);
    return;
  }
  if (!check_match(now, request, response))
    return;
  batch_changes(worker, request, now, changes, count);
  status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_problem(response, request, request->if_match.data ? 412 : 409,
                     "somebody changed settings at the same time; nothing of this was changed: GET "
                     "them again, and decide anew");
  if (status)
    return;
  worker->looked_ms = 0; /* the pool hears of it with this very request */
  struct now after = {0};
  if (now_read(worker, request, response, &after))
    (void)response_etag(response, request, put_settings(&after, response_json(response, 200)));
  now_free(&after);
}

void api_settings_put(struct worker *worker, const struct request *request,
                      struct response *response) {
  struct setting_change changes[SETTINGS_MAX];
  struct model_problem problem = {0};
  struct now now = {0};
  struct buf arena;
  size_t count;
  buf_init(&arena, 0);
  int status = settings_parse(request->body, changes, &count, &arena, &problem);
  if (status)
    worker_input_problem(request, response, status, "", &problem);
  else if (now_read(worker, request, response, &now))
    change_settings(worker, request, response, &now, changes, count);
  now_free(&now);
  buf_fini(&arena);
}
