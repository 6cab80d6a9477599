/* /api/keys: who has a key. Each change is an audit event in the same batch. */
#include "fcgi/api.h"

#include "fcgi/credential.h"

#define ROLES  "viewer|operator|admin|ingest|scrape"

#define NO_KEY "there is no key of this id"

enum { FIELD_NAME, FIELD_ROLE, FIELD_EXPIRES, FIELD_EXPIRES_IN };

const struct field api_keys_fields[] = {
    [FIELD_NAME] = {"name", FIELD_TEXT, .required = true, .min = 1, .max = 64,
                    .summary = "whose it is; the source of events that say none"},
    [FIELD_ROLE] = {"role", FIELD_CHOICE, .required = true, .choices = ROLES,
                    .summary = "what it may do"},
    [FIELD_EXPIRES] = {"expires", FIELD_TIME, .summary = "never by default"},
    [FIELD_EXPIRES_IN] = {"expires_in", FIELD_DURATION, .min = 1000, .max = INT64_C(3153600000000),
                          .summary = "the same, from now on"},
    {0},
};

const struct field api_keys_query[] = {
    CREDENTIAL_LIST_FIELDS(ROLES, "keys"),
    {0},
};

enum { ROTATE_KEEP };

const struct field api_keys_rotate_query[] = {
    [ROTATE_KEEP] = {"keep", FIELD_DURATION, .max = 30 * INT64_C(86400000),
                     .summary = "how long the old secret is good, too; not at all by default"},
    {0},
};

/* Columns: key_id, name, role, created, created_by, expires, used. */
static int put_key(void *arg, const struct history_value *values, size_t count) {
  struct buf *out = arg;
  if (count != 7)
    return BELFRY_ECORRUPT;
  buf_put_char(out, '{');
  credential_put_text(out, "id", values[0].text);
  credential_put_text(out, "name", values[1].text);
  credential_put_text(out, "role", values[2].text);
  credential_put_time(out, "created", values[3].integer);
  credential_put_text(out, "created_by", values[4].text);
  credential_put_time(out, "expires", values[5].kind == HISTORY_INTEGER ? values[5].integer : 0);
  credential_put_time(out, "last_used", values[6].integer);
  buf_put_char(out, '}');
  return buf_status(out);
}

static const struct credential_list keys = {.name = "keys",
                                            .statement = SQL_API_KEYS,
                                            .created = 3,
                                            .put = put_key,
                                            .one = SQL_API_KEY_GET,
                                            .one_name = "key_id",
                                            .missing = NO_KEY};

void api_keys_list(struct worker *worker, const struct request *request,
                   struct response *response) {
  credential_list_answer(worker, request, &keys, response);
}

void api_keys_get(struct worker *worker, const struct request *request, struct response *response) {
  credential_answer(worker, request, &keys, request->args[0], 200, response);
}

/* Puts the event that tells of it into the batch. */
static void put_audit(struct worker *worker, const struct request *request, const char *action,
                      const char *key_id, struct slice name, struct slice role) {
  struct buf data;
  credential_audit_begin(&data, request, action);
  credential_put_text(&data, "key_id", slice_of(key_id));
  credential_put_text(&data, "name", name);
  credential_put_text(&data, "role", role);
  credential_audit_end(&data, worker, request);
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
  if (!auth_name_is_fit(fields[FIELD_NAME].text)) /* it is the source of the key's events */
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
  credential_put_text(out, "id", slice_of(id));
  credential_put_text(out, "name", slice_of(name));
  credential_put_text(out, "role", slice_of(auth_role_name(role)));
  credential_put_time(out, "created", request->now_ms);
  credential_put_text(out, "created_by", slice_of(request->identity.name));
  credential_put_time(out, "expires", expires_ms);
  credential_put_time(out, "last_used", 0);
  credential_put_text(out, "key", slice_of(key));
  buf_put_char(out, '}');
}

struct found_key {
  bool found;
  char id[AUTH_KEY_ID_BYTES], name[AUTH_NAME_BYTES], role[16];
};

/* Columns: key_id, name, role, ... */
static int on_found(void *arg, const struct history_value *values, size_t count) {
  struct found_key *key = arg;
  if (count < 3)
    return BELFRY_ECORRUPT;
  key->found = true;
  snprintf(key->id, sizeof key->id, "%.*s", SLICE_ARG(values[0].text));
  snprintf(key->name, sizeof key->name, "%.*s", SLICE_ARG(values[1].text));
  snprintf(key->role, sizeof key->role, "%.*s", SLICE_ARG(values[2].text));
  return 0;
}

/* Finds the key that the path names. Returns: false when the answer is made. */
static bool find_key(struct worker *worker, const struct request *request,
                     struct response *response, struct found_key *key) {
  struct belfry_error error = {0};
  const struct history_value find[] = {HISTORY_VALUE_TEXT("key_id", request->args[0])};
  struct history *history = worker_history(worker, &error);
  *key = (struct found_key){0};
  int status =
      history ? history_read(history, SQL_API_KEY_GET, find, 1, on_found, key, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!key->found)
    response_problem(response, request, 404, NO_KEY);
  return !status && key->found;
}

void api_keys_rotate(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct found_key key;
  struct history_receipt receipt;
  char secret[AUTH_KEY_BYTES];
  int64_t keep_ms = request->params[ROTATE_KEEP].set ? request->params[ROTATE_KEEP].number : 0;
  if (!find_key(worker, request, response, &key))
    return;
  auth_key_rotate(&worker->batch, key.id, keep_ms ? request->now_ms + keep_ms : 0, secret);
  put_audit(worker, request, "key_rotated", key.id, slice_of(key.name), slice_of(key.role));
  int status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 404, NO_KEY);
  if (status)
    return;
  struct buf *out = response_json(response, 200);
  buf_put_char(out, '{');
  credential_put_text(out, "id", slice_of(key.id));
  credential_put_text(out, "name", slice_of(key.name));
  credential_put_text(out, "role", slice_of(key.role));
  credential_put_time(out, "previous_until", keep_ms ? request->now_ms + keep_ms : 0);
  credential_put_text(out, "key", slice_of(secret));
  buf_put_char(out, '}');
}

void api_keys_delete(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct found_key key;
  struct history_receipt receipt;
  if (!find_key(worker, request, response, &key))
    return;
  const struct history_value values[] = {HISTORY_VALUE_TEXT("key_id", slice_of(key.id)),
                                         HISTORY_VALUE_INTEGER("now", request->now_ms)};
  history_batch_mutate(&worker->batch, SQL_API_KEY_DELETE, true, values, 2);
  put_audit(worker, request, "key_deleted", key.id, slice_of(key.name), slice_of(key.role));
  int status = worker_append(worker, request, response, true, &receipt);
  if (!status)
    response->status = 204;
  else if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409,
                     "this is the last key or user that can administer; make another one first");
}
