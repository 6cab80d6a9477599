/* Sign-in by cookie: /api/login, /api/logout, /api/me and /api/visitor. */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "fcgi/password_gate.h"

#include <stdio.h>

#include "config.h"

/* What a proxy says of somebody is asked for again this often, when it has become a cookie. */
#define VOUCHED_TTL_MS 3600000

enum { FIELD_KEY, FIELD_USER, FIELD_PASSWORD };

const struct field api_login_fields[] = {
    [FIELD_KEY] = {"key", FIELD_TEXT, .min = 1, .max = 256, .summary = "an API key, bfy_..."},
    [FIELD_USER] = {"user", FIELD_TEXT, .min = 1, .max = 64, .summary = "or a user's name ..."},
    [FIELD_PASSWORD] = {"password", FIELD_TEXT, .min = 1, .max = 1024,
                        .summary = "... with the password"},
    {0},
};

static void set_cookie(const struct worker *worker, const struct request *request,
                       const char *value, int64_t seconds, struct response *response) {
  char name[48];
  auth_cookie_name(worker->conf, name);
  response_header(response, "Set-Cookie",
                  "%s=%s; Path=%.*s/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name, value,
                  SLICE_ARG(request->prefix), (long long)seconds, request->https ? "; Secure" : "");
}

/*
 * A sign-in that is used lasts on: a screen on a wall is not signed out in the middle of the night.
 * Only when half of its time is over, so that looking does not write each time. A failure leaves it
 * as it was.
 */
static void extend(struct worker *worker, const struct request *request,
                   struct response *response) {
  int64_t ttl_ms = worker->conf->access_session_ttl_ms;
  const struct auth_identity *identity = &request->identity;
  if (!identity->by_cookie || identity->kind == AUTH_PROXY ||
      identity->expires_ms - request->now_ms > ttl_ms / 2)
    return;
  struct slice cookie =
      auth_sign_in_extend(&worker->batch, worker->conf, request->cookie, request->now_ms + ttl_ms);
  struct history_receipt receipt;
  struct belfry_error error = {0};
  char value[AUTH_COOKIE_BYTES];
  if (!cookie.data || history_client_append(worker->client, &worker->batch,
                                            worker_time_left_ms(worker, request), &receipt, &error))
    return;
  snprintf(value, sizeof value, "%.*s", SLICE_ARG(cookie));
  set_cookie(worker, request, value, ttl_ms / 1000, response);
}

static void put_identity(struct buf *out, const struct auth_identity *identity) {
  buf_put_text(out, "{\"name\":");
  json_put_string(out, slice_of(identity->name));
  buf_printf(out, ",\"role\":\"%s\"", auth_role_name(identity->role));
}

static void put_expires(struct buf *out, int64_t expires_ms) {
  char when[TIMESTAMP_BYTES];
  timestamp_format(expires_ms, when);
  if (expires_ms)
    buf_printf(out, ",\"expires\":\"%s\"", when);
  else
    buf_put_text(out, ",\"expires\":null");
}

static void refuse(struct worker *worker, const struct request *request,
                   struct response *response) {
  bool by_key = request->fields[FIELD_KEY].set;
  if (by_key)
    sign_in_failed(worker->shared, request->address, slice_new(NULL, 0),
                   clock_monotonic_ms(worker->clock));
  response_header(response, "WWW-Authenticate", "Bearer realm=\"belfry\"");
  response_problem(response, request, 401, "%s",
                   by_key ? "this key is unknown, deleted or expired"
                          : "the user or the password is wrong");
}

/* Either a key, or user and password. */
static bool check_fields(const struct request *request, struct response *response) {
  const struct field_value *fields = request->fields;
  struct model_problem problem = {0};
  bool user = fields[FIELD_USER].set, password = fields[FIELD_PASSWORD].set;
  if (fields[FIELD_KEY].set ? !user && !password : user && password)
    return true;
  if (fields[FIELD_KEY].set)
    (void)model_problem_set(&problem, BELFRY_ECONFLICT, "/key",
                            "must stand alone, without user and password");
  else if (user || password)
    (void)model_problem_set(&problem, BELFRY_ECONFLICT, user ? "/password" : "/user", "is missing");
  else
    (void)model_problem_set(&problem, BELFRY_ECONFLICT, "/key",
                            "is missing; or send user and password");
  response_input_problem(response, request, 422, "", &problem);
  return false;
}

/* Returns: as auth_identify. */
static int identify_by_key(struct worker *worker, const struct request *request,
                           struct history *history, struct auth_identity *out,
                           struct belfry_error *error) {
  char authorization[300];
  worker->password_wait_s = sign_in_wait_s(worker->shared, request->address, slice_new(NULL, 0),
                                           clock_monotonic_ms(worker->clock));
  if (worker->password_wait_s > 0)
    return BELFRY_EDENIED;
  snprintf(authorization, sizeof authorization, "Bearer %.*s",
           SLICE_ARG(request->fields[FIELD_KEY].text));
  const struct auth_credentials credentials = {.authorization = slice_of(authorization)};
  return auth_identify(history, worker->conf, &credentials, request->now_ms, out, error);
}

void api_login(struct worker *worker, const struct request *request, struct response *response) {
  struct auth_identity identity;
  struct belfry_error error = {0};
  struct password_gate gate = {worker, request};
  char cookie[AUTH_COOKIE_BYTES];
  if (!check_fields(request, response))
    return;
  struct history *history = worker_history(worker, &error);
  int status = !history ? error.code
               : request->fields[FIELD_KEY].set
                   ? identify_by_key(worker, request, history, &identity, &error)
                   : password_gate_check(&gate, history, request->fields[FIELD_USER].text,
                                         request->fields[FIELD_PASSWORD].text, request->now_ms,
                                         &identity, &error);
  if (status && password_gate_problem(worker, request, response))
    return;
  if (status == BELFRY_EDENIED) {
    refuse(worker, request, response);
    return;
  }
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  int64_t expires_ms = request->now_ms + worker->conf->access_session_ttl_ms;
  if (identity.expires_ms && identity.expires_ms < expires_ms)
    expires_ms = identity.expires_ms;
  auth_sign_in_make(&worker->batch, &identity, request->now_ms, expires_ms, cookie);
  struct history_receipt receipt;
  if (worker_append(worker, request, response, false, &receipt))
    return;
  auth_used_note(&worker->shared->used, &identity, request->now_ms);
  set_cookie(worker, request, cookie, (expires_ms - request->now_ms) / 1000, response);
  struct buf *out = response_json(response, 200);
  put_identity(out, &identity);
  put_expires(out, expires_ms);
  buf_put_char(out, '}');
}

/* Without a sign-in there is nothing to end, which is as good. */
void api_logout(struct worker *worker, const struct request *request, struct response *response) {
  struct history_receipt receipt;
  auth_sign_out(&worker->batch, worker->conf, request->cookie);
  if (history_batch_count(&worker->batch) > 0 &&
      worker_append(worker, request, response, false, &receipt))
    return;
  set_cookie(worker, request, "", 0, response);
  response->status = 204;
}

/*
 * Whom the proxy vouches for gets a sign-in by cookie: belfry-pushd, which is not told by the
 * proxy, knows them by it. It is short, so that it ends soon after the proxy has ceased to vouch.
 */
static void vouch(struct worker *worker, const struct request *request, struct response *response) {
  const struct auth_identity *identity = &request->identity;
  const struct auth_credentials cookie_alone = {.cookie = request->cookie};
  struct auth_identity shown;
  struct belfry_error error = {0};
  struct history_receipt receipt;
  char cookie[AUTH_COOKIE_BYTES];
  if (identity->kind != AUTH_PROXY || identity->by_cookie || !worker->history ||
      auth_identify(worker->history, worker->conf, &cookie_alone, request->now_ms, &shown, &error))
    return;
  if (shown.kind == AUTH_PROXY && shown.role == identity->role &&
      strcmp(shown.name, identity->name) == 0 &&
      shown.expires_ms - request->now_ms > VOUCHED_TTL_MS / 2)
    return;
  if (shown.kind == AUTH_PROXY)
    auth_sign_out(&worker->batch, worker->conf, request->cookie);
  auth_sign_in_make(&worker->batch, identity, request->now_ms, request->now_ms + VOUCHED_TTL_MS,
                    cookie);
  if (!history_client_append(worker->client, &worker->batch, worker_time_left_ms(worker, request),
                             &receipt, &error))
    set_cookie(worker, request, cookie, VOUCHED_TTL_MS / 1000, response);
}

void api_visitor(struct worker *worker, const struct request *request, struct response *response) {
  extend(worker, request, response);
  vouch(worker, request, response);
  api_me(worker, request, response);
}

/* `how` is what the request shows, `of` what that stands for: the same, but for a cookie. */
void api_me(struct worker *worker, const struct request *request, struct response *response) {
  static const char *const kinds[] = {[AUTH_NOBODY] = "none",
                                      [AUTH_KEY] = "key",
                                      [AUTH_USER] = "user",
                                      [AUTH_JWT] = "jwt",
                                      [AUTH_PROXY] = "proxy"};
  const struct auth_identity *identity = &request->identity;
  struct buf *out = response_json(response, 200);
  put_identity(out, identity);
  buf_printf(out, ",\"signed_in\":%s,\"how\":\"%s\",\"of\":\"%s\"",
             identity->kind == AUTH_NOBODY ? "false" : "true",
             identity->by_cookie ? "cookie" : kinds[identity->kind], kinds[identity->kind]);
  put_expires(out, identity->expires_ms);
  buf_printf(out, ",\"version\":\"%s\",\"title\":", PACKAGE_VERSION);
  json_put_string(out, slice_of(worker->conf->web_title ? worker->conf->web_title : "Belfry"));
  buf_put_char(out, '}');
}
