/* /api/users: who signs in by name and password, and /api/me/password. Each change is an audit
   event in the same batch; no password is in it. */
#include "fcgi/api.h"

#include "fcgi/credential.h"
#include "fcgi/password_gate.h"

#include <openssl/crypto.h>
#include <stdio.h>

#define ROLES   "viewer|operator|admin" /* the others are for programs, which have keys */

#define NO_USER "there is no user of this id or name"

enum { FIELD_NAME, FIELD_ROLE, FIELD_PASSWORD, FIELD_DISABLED };

#define NAME_FIELD     "name", FIELD_TEXT, .min = 1, .max = 64
#define ROLE_FIELD     "role", FIELD_CHOICE, .choices = ROLES, .summary = "what the user may do"
#define PASSWORD_FIELD "password", FIELD_TEXT, .min = PASSWORD_MIN_BYTES, .max = PASSWORD_MAX_BYTES

const struct field api_users_fields[] = {
    [FIELD_NAME] = {NAME_FIELD, .required = true,
                    .summary = "letters, digits and ._@-, a letter first; case does not matter"},
    [FIELD_ROLE] = {ROLE_FIELD, .required = true},
    [FIELD_PASSWORD] = {PASSWORD_FIELD, .required = true, .summary = "10 to 128 bytes"},
    {0},
};

const struct field api_users_patch_fields[] = {
    [FIELD_NAME] = {NAME_FIELD, .summary = "another name"},
    [FIELD_ROLE] = {ROLE_FIELD},
    [FIELD_PASSWORD] = {PASSWORD_FIELD, .summary = "another password; ends all sign-ins"},
    [FIELD_DISABLED] = {"disabled", FIELD_BOOLEAN,
                        .summary = "true: may not sign in; ends all sign-ins"},
    {0},
};

const struct field api_users_query[] = {
    CREDENTIAL_LIST_FIELDS(ROLES, "users"),
    {0},
};

enum { FIELD_CURRENT, FIELD_NEW };

const struct field api_me_password_fields[] = {
    [FIELD_CURRENT] = {"current_password", FIELD_TEXT, .required = true, .max = 1024,
                       .summary = "the one until now"},
    [FIELD_NEW] = {"new_password", FIELD_TEXT, .required = true, .min = PASSWORD_MIN_BYTES,
                   .max = PASSWORD_MAX_BYTES, .summary = "10 to 128 bytes"},
    {0},
};

/* Columns: user_id, name, role, password, disabled, created, created_by, password_changed, used. */
static int put_user(void *arg, const struct history_value *values, size_t count) {
  struct buf *out = arg;
  if (count != 9)
    return BELFRY_ECORRUPT;
  buf_put_char(out, '{');
  credential_put_text(out, "id", values[0].text);
  credential_put_text(out, "name", values[1].text);
  credential_put_text(out, "role", values[2].text);
  buf_printf(out, ",\"disabled\":%s", values[4].integer ? "true" : "false");
  credential_put_time(out, "created", values[5].integer);
  credential_put_text(out, "created_by", values[6].text);
  credential_put_time(out, "password_changed", values[7].integer);
  credential_put_time(out, "last_used", values[8].integer);
  buf_put_char(out, '}');
  return buf_status(out);
}

static const struct credential_list users = {.name = "users",
                                             .statement = SQL_USERS,
                                             .created = 5,
                                             .put = put_user,
                                             .one = SQL_USER_FIND,
                                             .one_name = "user",
                                             .missing = NO_USER};

void api_users_list(struct worker *worker, const struct request *request,
                    struct response *response) {
  credential_list_answer(worker, request, &users, response);
}

void api_users_get(struct worker *worker, const struct request *request,
                   struct response *response) {
  credential_answer(worker, request, &users, request->args[0], 200, response);
}

static void input_problem(const struct request *request, struct response *response,
                          const char *pointer, const char *what) {
  struct model_problem problem = {0};
  (void)model_problem_set(&problem, BELFRY_ECONFLICT, pointer, "%s", what);
  response_input_problem(response, request, 422, "", &problem);
}

static bool check_name(const struct request *request, struct response *response) {
  if (auth_user_name_is_fit(request->fields[FIELD_NAME].text))
    return true;
  input_problem(request, response, "/name",
                "must be letters, digits and ._@-, beginning with a letter");
  return false;
}

/* Makes what is stored of a new password of the user `name`. Returns: false when the answer is
 * made.
 */
static bool make_password(struct worker *worker, const struct request *request,
                          struct response *response, struct slice password, struct slice name,
                          const char *pointer, char out[PASSWORD_HASH_BYTES]) {
  const char *wrong = password_problem(password, name);
  if (wrong) {
    input_problem(request, response, pointer, wrong);
    return false;
  }
  int status = password_gate_hash(worker, password, out);
  if (status && !password_gate_problem(worker, request, response))
    response_unavailable(response, request, 1, "out of memory");
  return !status;
}

/* Puts the event that tells of it into the batch. */
static void put_audit(struct worker *worker, const struct request *request, const char *action,
                      const char *id, struct slice name, struct slice role) {
  struct buf data;
  credential_audit_begin(&data, request, action);
  credential_put_text(&data, "user_id", slice_of(id));
  credential_put_text(&data, "user", name);
  credential_put_text(&data, "role", role);
  credential_audit_end(&data, worker, request);
}

void api_users_post(struct worker *worker, const struct request *request,
                    struct response *response) {
  const struct field_value *fields = request->fields;
  char id[AUTH_KEY_ID_BYTES], hash[PASSWORD_HASH_BYTES];
  struct slice name = fields[FIELD_NAME].text;
  if (!check_name(request, response) ||
      !make_password(worker, request, response, fields[FIELD_PASSWORD].text, name, "/password",
                     hash))
    return;
  auth_user_id_make(id);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("user_id", slice_of(id)),
      HISTORY_VALUE_TEXT("name", name),
      HISTORY_VALUE_TEXT("role", fields[FIELD_ROLE].text),
      HISTORY_VALUE_TEXT("password", slice_of(hash)),
      HISTORY_VALUE_INTEGER("created", request->now_ms),
      HISTORY_VALUE_TEXT("created_by", slice_of(request->identity.name)),
  };
  history_batch_mutate(&worker->batch, SQL_USER_INSERT, true, values, 6);
  OPENSSL_cleanse(hash, sizeof hash);
  put_audit(worker, request, "user_created", id, name, fields[FIELD_ROLE].text);
  struct history_receipt receipt;
  int status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409, "there is a user '%.*s' already", SLICE_ARG(name));
  if (!status)
    credential_answer(worker, request, &users, slice_of(id), 201, response);
}

/* Finds the user that the path names. Returns: false when the answer is made. */
static bool find_user(struct worker *worker, const struct request *request,
                      struct response *response, struct slice name, struct auth_user *user) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  *user = (struct auth_user){0};
  int status = history ? auth_user_find(history, name, user, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!user->found)
    response_problem(response, request, 404, NO_USER);
  return !status && user->found;
}

static void put_name(struct worker *worker, const struct request *request,
                     const struct auth_user *user) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("user_id", slice_of(user->identity.id)),
      HISTORY_VALUE_TEXT("name", request->fields[FIELD_NAME].text),
  };
  history_batch_mutate(&worker->batch, SQL_USER_SET_NAME, true, values, 2);
  put_audit(worker, request, "user_renamed", user->identity.id, values[1].text,
            slice_of(auth_role_name(user->identity.role)));
}

/* Role, and whether they may sign in: together, since one could be the last that can administer. */
static void put_access(struct worker *worker, const struct request *request,
                       const struct auth_user *user) {
  const struct field_value *role = &request->fields[FIELD_ROLE];
  const struct field_value *disabled = &request->fields[FIELD_DISABLED];
  const char *id = user->identity.id;
  struct slice name = slice_of(user->identity.name);
  struct slice new_role = role->set ? role->text : slice_of(auth_role_name(user->identity.role));
  bool now_disabled = disabled->set ? disabled->number != 0 : user->disabled;
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("user_id", slice_of(id)),
      HISTORY_VALUE_TEXT("role", new_role),
      HISTORY_VALUE_INTEGER("disabled", now_disabled),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
  };
  history_batch_mutate(&worker->batch, SQL_USER_SET_ACCESS, true, values, 4);
  if (role->set)
    put_audit(worker, request, "user_role_changed", id, name, new_role);
  if (disabled->set)
    put_audit(worker, request, now_disabled ? "user_disabled" : "user_enabled", id, name, new_role);
  if (now_disabled)
    auth_sign_out_user(&worker->batch, id, "");
}

/* Puts a new password into the batch. `expected` is what is stored until now, or "" for whatever it
 * is; the sign-in `keep` lasts on. */
static void put_password(struct worker *worker, const struct request *request,
                         const struct auth_user *user, const char *hash, const char *expected,
                         const char *keep) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("user_id", slice_of(user->identity.id)),
      HISTORY_VALUE_TEXT("password", slice_of(hash)),
      HISTORY_VALUE_TEXT("expected", slice_of(expected)),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
  };
  history_batch_mutate(&worker->batch, SQL_USER_SET_PASSWORD, true, values, 4);
  auth_sign_out_user(&worker->batch, user->identity.id, keep);
  put_audit(worker, request, "user_password_changed", user->identity.id,
            slice_of(user->identity.name), slice_of(auth_role_name(user->identity.role)));
}

static const char *why_not(const struct request *request) {
  const struct field_value *fields = request->fields;
  bool access = fields[FIELD_ROLE].set || fields[FIELD_DISABLED].set;
  if (fields[FIELD_NAME].set && access)
    return "another user has this name, or this is the last key or user that can administer";
  return fields[FIELD_NAME].set
             ? "another user has this name"
             : "this is the last key or user that can administer; make another one first";
}

void api_users_patch(struct worker *worker, const struct request *request,
                     struct response *response) {
  const struct field_value *fields = request->fields;
  char hash[PASSWORD_HASH_BYTES];
  struct auth_user user;
  if (!fields[FIELD_NAME].set && !fields[FIELD_ROLE].set && !fields[FIELD_PASSWORD].set &&
      !fields[FIELD_DISABLED].set) {
    input_problem(request, response, "", "must hold name, role, password or disabled");
    return;
  }
  if (!find_user(worker, request, response, request->args[0], &user))
    return;
  if (fields[FIELD_NAME].set) {
    if (!check_name(request, response))
      return;
    put_name(worker, request, &user);
  }
  if (fields[FIELD_ROLE].set || fields[FIELD_DISABLED].set)
    put_access(worker, request, &user);
  if (fields[FIELD_PASSWORD].set) {
    struct slice name =
        fields[FIELD_NAME].set ? fields[FIELD_NAME].text : slice_of(user.identity.name);
    if (!make_password(worker, request, response, fields[FIELD_PASSWORD].text, name, "/password",
                       hash))
      return;
    put_password(worker, request, &user, hash, "", "");
    OPENSSL_cleanse(hash, sizeof hash);
  }
  struct history_receipt receipt;
  int status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409, "nothing was changed: %s", why_not(request));
  if (!status)
    credential_answer(worker, request, &users, slice_of(user.identity.id), 200, response);
}

void api_users_delete(struct worker *worker, const struct request *request,
                      struct response *response) {
  struct auth_user user;
  struct history_receipt receipt;
  if (!find_user(worker, request, response, request->args[0], &user))
    return;
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("user_id", slice_of(user.identity.id)),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
  };
  history_batch_mutate(&worker->batch, SQL_USER_DELETE, true, values, 2);
  auth_sign_out_user(&worker->batch, user.identity.id, "");
  put_audit(worker, request, "user_deleted", user.identity.id, slice_of(user.identity.name),
            slice_of(auth_role_name(user.identity.role)));
  int status = worker_append(worker, request, response, true, &receipt);
  if (!status)
    response->status = 204;
  else if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409,
                     "this is the last key or user that can administer; make another one first");
}

/* Whether the current password is right; being wrong counts as a failed sign-in. */
static bool check_current(struct worker *worker, const struct request *request,
                          struct response *response) {
  struct belfry_error error = {0};
  struct password_gate gate = {worker, request};
  struct auth_identity who;
  struct history *history = worker_history(worker, &error);
  int status = history ? password_gate_check(&gate, history, slice_of(request->identity.name),
                                             request->fields[FIELD_CURRENT].text, request->now_ms,
                                             &who, &error)
                       : error.code;
  if (status && password_gate_problem(worker, request, response))
    return false;
  if (status == BELFRY_EDENIED)
    input_problem(request, response, "/current_password", "is not the password");
  else if (status)
    worker_read_problem(worker, request, response, status, &error);
  return !status;
}

void api_me_password(struct worker *worker, const struct request *request,
                     struct response *response) {
  char hash[PASSWORD_HASH_BYTES];
  struct auth_user user;
  struct history_receipt receipt;
  if (request->identity.kind != AUTH_USER) {
    response_problem(response, request, 403, "only who signs in as a user has a password");
    return;
  }
  if (!find_user(worker, request, response, slice_of(request->identity.id), &user) ||
      !check_current(worker, request, response) ||
      !make_password(worker, request, response, request->fields[FIELD_NEW].text,
                     slice_of(user.identity.name), "/new_password", hash))
    return;
  put_password(worker, request, &user, hash, user.password, request->identity.sign_in);
  OPENSSL_cleanse(hash, sizeof hash);
  int status = worker_append(worker, request, response, true, &receipt);
  if (!status)
    response->status = 204;
  else if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409, "the password was changed elsewhere just now");
}
