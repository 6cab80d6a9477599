/* Sign-in by cookie: /api/login, /api/logout, /api/me and /api/visitor. */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <stdio.h>

#include "config.h"

enum { FIELD_KEY };

const struct field api_login_fields[] = {
    [FIELD_KEY] = {"key", FIELD_TEXT, .required = true, .min = 1, .max = 256,
                   .summary = "an API key, bfy_..."},
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
  if (!identity->by_cookie || identity->expires_ms - request->now_ms > ttl_ms / 2)
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
  sign_in_failed(worker->shared, request->address, clock_monotonic_ms(worker->clock));
  response_header(response, "WWW-Authenticate", "Bearer realm=\"belfry\"");
  response_problem(response, request, 401, "this key is unknown, deleted or expired");
}

void api_login(struct worker *worker, const struct request *request, struct response *response) {
  int wait_s = sign_in_wait_s(worker->shared, request->address, clock_monotonic_ms(worker->clock));
  if (wait_s > 0) {
    response_header(response, "Retry-After", "%d", wait_s);
    response_problem(response, request, 429, "too many failed sign-ins from here; wait %d seconds",
                     wait_s);
    return;
  }
  char authorization[300], cookie[AUTH_COOKIE_BYTES];
  snprintf(authorization, sizeof authorization, "Bearer %.*s",
           SLICE_ARG(request->fields[FIELD_KEY].text));
  const struct auth_credentials credentials = {.authorization = slice_of(authorization)};
  struct auth_identity identity;
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  int status = history ? auth_identify(history, worker->conf, &credentials, request->now_ms,
                                       &identity, &error)
                       : error.code;
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
  auth_sign_in_make(&worker->batch, identity.key_id, request->now_ms, expires_ms, cookie);
  struct history_receipt receipt;
  if (worker_append(worker, request, response, false, &receipt))
    return;
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

void api_visitor(struct worker *worker, const struct request *request, struct response *response) {
  extend(worker, request, response);
  api_me(worker, request, response);
}

void api_me(struct worker *worker, const struct request *request, struct response *response) {
  const struct auth_identity *identity = &request->identity;
  struct buf *out = response_json(response, 200);
  put_identity(out, identity);
  buf_printf(out, ",\"signed_in\":%s", identity->key_id[0] ? "true" : "false");
  put_expires(out, identity->expires_ms);
  buf_printf(out, ",\"version\":\"%s\",\"title\":", PACKAGE_VERSION);
  json_put_string(out, slice_of(worker->conf->web_title ? worker->conf->web_title : "Belfry"));
  buf_put_char(out, '}');
}
