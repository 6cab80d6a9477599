/*
 * The probe `http`: a request to a service's health endpoint. What its answer must be is in the
 * service's entry.
 */
#include "watchd/probe_curl.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* Whether a status is in a list such as "200-299,401", which was checked when it was read. */
static bool status_expected(const char *list, long status) {
  struct slice rest = slice_of(list ? list : "200-399"), piece, from;
  while (slice_split(&rest, ',', &piece)) {
    long long first = 0, last;
    piece = slice_trim(piece);
    if (!slice_split(&piece, '-', &from) || !slice_to_int64(from, &first))
      continue;
    last = first;
    if (piece.data)
      (void)slice_to_int64(piece, &last);
    if (status >= first && status <= last)
      return true;
  }
  return false;
}

/* As a person would write it. */
static void put_value(const json_t *value, struct buf *out) {
  if (json_is_string(value)) {
    buf_put_text(out, json_string_value(value));
    return;
  }
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  buf_put_text(out, text ? text : "");
  free(text);
}

static bool json_expected(const struct buf *body, const char *expected, char *why, size_t size) {
  const char *sign = strchr(expected, '=');
  struct slice path = slice_new(expected, (size_t)(sign - expected));
  struct belfry_error error = {0};
  struct buf found;
  json_t *answer = json_parse(buf_slice(body), JSON_DEPTH_DEFAULT, &error);
  const json_t *value = json_at(answer, path);
  buf_init(&found, 4096);
  if (value)
    put_value(value, &found);
  bool good = value && !buf_status(&found) && slice_is(buf_slice(&found), sign + 1);
  if (!answer)
    snprintf(why, size, "the answer is not JSON: %.100s", error.text);
  else if (!value)
    snprintf(why, size, "the answer has no member %.*s", SLICE_ARG(path));
  else if (!good)
    snprintf(why, size, "%.*s is %.60s, not %.60s", SLICE_ARG(path), found.data ? found.data : "",
             sign + 1);
  buf_fini(&found);
  json_decref(answer);
  return good;
}

static void judge(struct probe_curl *probe, struct probe_result *result) {
  const struct conf_service *service = probe->service;
  const struct buf *body = &probe->fetch.body;
  char why[160] = "";
  long status = fetch_status(&probe->fetch);
  if (!status_expected(service->expect_status, status))
    result->outcome = PROBE_FAILURE;
  else if (service->expect_text && !memmem(body->data ? body->data : "", body->len,
                                           service->expect_text, strlen(service->expect_text)))
    snprintf(why, sizeof why, "the answer does not hold \"%.80s\"", service->expect_text);
  else if (service->expect_json)
    (void)json_expected(body, service->expect_json, why, sizeof why);
  if (why[0])
    result->outcome = PROBE_FAILURE;
  snprintf(result->message, sizeof result->message, "HTTP %ld%s%s", status, why[0] ? ": " : "",
           why);
  probe_curl_phases(probe, result);
  probe_curl_certificate(probe, result);
}

static int set_request(struct probe_curl *probe, const struct conf_service *service) {
  int status = BELFRY_OK;
  for (char **header = service->headers; header && *header && !status; header++)
    status = fetch_header(&probe->fetch, *header);
  if (service->body)
    curl_easy_setopt(probe->fetch.easy, CURLOPT_COPYPOSTFIELDS, service->body);
  if (service->method && strcmp(service->method, "HEAD") == 0)
    curl_easy_setopt(probe->fetch.easy, CURLOPT_NOBODY, 1L);
  else if (service->method || service->body)
    curl_easy_setopt(probe->fetch.easy, CURLOPT_CUSTOMREQUEST,
                     service->method ? service->method : "GET");
  return status;
}

int probe_http_start(const struct probe_tools *tools, const struct probe_target *target,
                     probe_done_fn on_done, void *arg, struct probe **out,
                     struct belfry_error *error) {
  struct buf url;
  buf_init(&url, 0);
  conf_service_put_url(target->service, &url);
  struct probe_curl *probe = probe_curl_new(tools, target, &url, judge, error);
  if (probe && set_request(probe, target->service)) {
    probe_curl_free(probe);
    probe = NULL;
  }
  if (!probe)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  return probe_curl_run(probe, on_done, arg, out, error);
}
