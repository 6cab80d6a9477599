/* /api/keys: who has a key. Each change is an audit event in the same batch. */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"

enum { FIELD_NAME, FIELD_ROLE, FIELD_EXPIRES, FIELD_EXPIRES_IN };

const struct field api_keys_fields[] = {
    [FIELD_NAME] = {"name", FIELD_TEXT, .required = true, .min = 1, .max = 64,
                    .summary = "whose it is; the source of events that say none"},
    [FIELD_ROLE] = {"role", FIELD_CHOICE, .required = true,
                    .choices = "viewer|operator|admin|ingest|scrape", .summary = "what it may do"},
    [FIELD_EXPIRES] = {"expires", FIELD_TIME, .summary = "never by default"},
    [FIELD_EXPIRES_IN] = {"expires_in", FIELD_DURATION, .min = 1000, .max = INT64_C(3153600000000),
                          .summary = "the same, from now on"},
    {0},
};

static void put_time(struct buf *out, const char *key, int64_t ms) {
  char when[TIMESTAMP_BYTES];
  timestamp_format(ms, when);
  if (ms)
    buf_printf(out, ",\"%s\":\"%s\"", key, when);
  else
    buf_printf(out, ",\"%s\":null", key);
}

/* Whether the text so far ends with `c`, so that no comma belongs behind it. */
static bool ends_with(const struct buf *out, char c) {
  return out->len > 0 && out->data[out->len - 1] == c;
}

static void put_text(struct buf *out, const char *key, struct slice text) {
  buf_printf(out, "%s\"%s\":", ends_with(out, '{') ? "" : ",", key);
  json_put_string(out, text);
}

/* Columns: key_id, name, role, created, created_by, expires. */
static int on_key(void *arg, const struct history_value *values, size_t count) {
  struct buf *out = arg;
  if (count != 6)
    return BELFRY_ECORRUPT;
  buf_put_text(out, ends_with(out, '[') ? "{" : ",{");
  put_text(out, "id", values[0].text);
  put_text(out, "name", values[1].text);
  put_text(out, "role", values[2].text);
  put_time(out, "created", values[3].integer);
  put_text(out, "created_by", values[4].text);
  put_time(out, "expires", values[5].kind == HISTORY_INTEGER ? values[5].integer : 0);
  buf_put_char(out, '}');
  return buf_status(out);
}

void api_keys_list(struct worker *worker, const struct request *request,
                   struct response *response) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  struct buf *out = response_json(response, 200);
  buf_put_text(out, "{\"keys\":[");
  int status =
      history ? history_read(history, SQL_API_KEYS, NULL, 0, on_key, out, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else
    buf_put_text(out, "],\"next_cursor\":null}");
}

/* Puts the event that tells of it into the batch. */
static void put_audit(struct worker *worker, const struct request *request, const char *action,
                      const char *key_id, struct slice name, struct slice role) {
  struct buf data;
  buf_init(&data, 0);
  buf_put_char(&data, '{');
  put_text(&data, "action", slice_of(action));
  put_text(&data, "by", slice_of(request->identity.name));
  put_text(&data, "key_id", slice_of(key_id));
  put_text(&data, "name", name);
  put_text(&data, "role", role);
  buf_put_char(&data, '}');
  worker_batch_audit(worker, request, buf_slice(&data));
  buf_fini(&data);
}

/* A key's name is the source of its events, which holds no control characters. */
static bool name_is_fit(struct slice name) {
  for (size_t i = 0; i < name.len; i++)
    if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
      return false;
  return true;
}

/* Returns: when the key ends, 0 for never, -1 when it has ended already. */
static int64_t expiry_of(const struct request *request) {
  const struct field_value *fields = request->fields;
  int64_t expires_ms = fields[FIELD_EXPIRES].set ? fields[FIELD_EXPIRES].number
                       : fields[FIELD_EXPIRES_IN].set
                           ? request->now_ms + fields[FIELD_EXPIRES_IN].number
                           : 0;
  return expires_ms && expires_ms <= request->now_ms ? -1 : expires_ms;
}

void api_keys_post(struct worker *worker, const struct request *request,
                   struct response *response) {
  const struct field_value *fields = request->fields;
  int64_t expires_ms = expiry_of(request);
  struct model_problem problem = {0};
  enum auth_role role = AUTH_ROLE_NONE;
  if (!name_is_fit(fields[FIELD_NAME].text))
    (void)model_problem_set(&problem, BELFRY_ECONFLICT, "/name",
                            "must not hold control characters");
  else if (expires_ms < 0)
    (void)model_problem_set(&problem, BELFRY_ECONFLICT, "/expires", "must be in the future");
  else if (auth_role_parse(fields[FIELD_ROLE].text, &role))
    (void)model_problem_set(&problem, BELFRY_ECONFLICT, "/role", "is not known");
  if (role == AUTH_ROLE_NONE) {
    response_input_problem(response, request, 422, "", &problem);
    return;
  }
  char name[AUTH_NAME_BYTES], key[AUTH_KEY_BYTES], id[AUTH_KEY_ID_BYTES];
  memcpy(name, fields[FIELD_NAME].text.data, fields[FIELD_NAME].text.len);
  name[fields[FIELD_NAME].text.len] = '\0';
  auth_key_make(&worker->batch, name, role, request->identity.name, request->now_ms, expires_ms,
                key, id);
  put_audit(worker, request, "key_created", id, slice_of(name), slice_of(auth_role_name(role)));
  struct history_receipt receipt;
  if (worker_append(worker, request, response, false, &receipt))
    return;
  struct buf *out = response_json(response, 201);
  buf_put_char(out, '{');
  put_text(out, "id", slice_of(id));
  put_text(out, "name", slice_of(name));
  put_text(out, "role", slice_of(auth_role_name(role)));
  put_time(out, "created", request->now_ms);
  put_text(out, "created_by", slice_of(request->identity.name));
  put_time(out, "expires", expires_ms);
  put_text(out, "key", slice_of(key));
  buf_put_char(out, '}');
}

struct found_key {
  bool found;
  char name[AUTH_NAME_BYTES], role[16];
};

/* Columns: key_id, name, role, hash, expires. */
static int on_found(void *arg, const struct history_value *values, size_t count) {
  struct found_key *key = arg;
  if (count != 5)
    return BELFRY_ECORRUPT;
  key->found = true;
  snprintf(key->name, sizeof key->name, "%.*s", SLICE_ARG(values[1].text));
  snprintf(key->role, sizeof key->role, "%.*s", SLICE_ARG(values[2].text));
  return 0;
}

void api_keys_delete(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct belfry_error error = {0};
  struct found_key key = {0};
  struct history_receipt receipt;
  char id[AUTH_KEY_ID_BYTES];
  struct slice asked = request->args[0];
  const struct history_value find[] = {HISTORY_VALUE_TEXT("key_id", asked)};
  struct history *history = worker_history(worker, &error);
  int status = history ? history_read(history, SQL_API_KEY_FIND, find, 1, on_found, &key, &error)
                       : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  if (!key.found || asked.len >= sizeof id) {
    response_problem(response, request, 404, "there is no key of this id");
    return;
  }
  memcpy(id, asked.data, asked.len);
  id[asked.len] = '\0';
  const struct history_value values[] = {HISTORY_VALUE_TEXT("key_id", asked),
                                         HISTORY_VALUE_INTEGER("now", request->now_ms)};
  history_batch_mutate(&worker->batch, SQL_API_KEY_DELETE, true, values, 2);
  put_audit(worker, request, "key_deleted", id, slice_of(key.name), slice_of(key.role));
  status = worker_append(worker, request, response, true, &receipt);
  if (!status)
    response->status = 204;
  else if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409,
                     "this is the last key that can administer; make another one first");
}
