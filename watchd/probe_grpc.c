/*
 * The probe `grpc`: grpc.health.v1.Health/Check over HTTP/2 without TLS
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). A message is a byte that says
 * whether it is compressed, its length in four bytes, and a protocol buffer: of the request the
 * field 1, a text; of the answer the field 1, a number.
 */
#include "watchd/probe_curl.h"

#include <stdio.h>
#include <string.h>

#define GRPC_HEAD_BYTES 5
#define SERVICE_MAX     127 /* so that its length is one byte */

enum { GRPC_OK = 0, GRPC_NOT_FOUND = 5, GRPC_UNIMPLEMENTED = 12 };

/* The number of the field 1; 0 where it is left out, which is what the format does with 0. Returns:
 * -1: no such message. */
static int serving_status(const struct buf *body) {
  const unsigned char *bytes = (const unsigned char *)body->data;
  if (body->len < GRPC_HEAD_BYTES || bytes[0] != 0)
    return -1;
  size_t len = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
  if (len != body->len - GRPC_HEAD_BYTES)
    return -1;
  if (len == 0)
    return 0;
  return len >= 2 && bytes[5] == 0x08 && bytes[6] < 0x80 ? bytes[6] : -1;
}

static void judge(struct probe_curl *probe, struct probe_result *result) {
  static const char *const words[] = {"its health is not known", "serving", "not serving",
                                      "the service is not known"};
  int serving = serving_status(&probe->fetch.body);
  long status = fetch_status(&probe->fetch);
  result->outcome = PROBE_FAILURE;
  if (status != 200)
    snprintf(result->message, sizeof result->message, "HTTP %ld", status);
  else if (probe->fetch.grpc_status == GRPC_NOT_FOUND)
    snprintf(result->message, sizeof result->message,
             "the server knows no service of that name (NOT_FOUND)");
  else if (probe->fetch.grpc_status == GRPC_UNIMPLEMENTED)
    snprintf(result->message, sizeof result->message,
             "the server has no health service (UNIMPLEMENTED)");
  else if (probe->fetch.grpc_status != GRPC_OK)
    snprintf(result->message, sizeof result->message, "gRPC status %d: %.120s",
             probe->fetch.grpc_status, probe->fetch.grpc_message);
  else if (serving < 0 || serving > 3)
    snprintf(result->message, sizeof result->message, "the answer makes no sense");
  else
    snprintf(result->message, sizeof result->message, "%s", words[serving]);
  if (status == 200 && probe->fetch.grpc_status == GRPC_OK && serving == 1)
    result->outcome = PROBE_SUCCESS;
  probe_curl_phases(probe, result);
}

static int set_request(struct probe_curl *probe, const char *service) {
  unsigned char message[GRPC_HEAD_BYTES + 2 + SERVICE_MAX] = {0};
  size_t len = service ? strlen(service) : 0;
  if (len > SERVICE_MAX)
    return BELFRY_ETOOBIG;
  if (len > 0) {
    message[4] = (unsigned char)(len + 2);
    message[5] = 0x0a;
    message[6] = (unsigned char)len;
    memcpy(message + 7, service, len);
  }
  curl_easy_setopt(probe->fetch.easy, CURLOPT_HTTP_VERSION,
                   (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_easy_setopt(probe->fetch.easy, CURLOPT_POSTFIELDSIZE,
                   (long)(GRPC_HEAD_BYTES + (len ? len + 2 : 0)));
  curl_easy_setopt(probe->fetch.easy, CURLOPT_COPYPOSTFIELDS, message);
  int status = fetch_header(&probe->fetch, "Content-Type: application/grpc");
  return status ? status : fetch_header(&probe->fetch, "TE: trailers");
}

int probe_grpc_start(const struct probe_tools *tools, const struct probe_target *target,
                     probe_done_fn on_done, void *arg, struct probe **out,
                     struct belfry_error *error) {
  struct buf url;
  buf_init(&url, 0);
  buf_put_text(&url, "http://");
  conf_service_put_address(target->service, &url);
  buf_put_text(&url, "/grpc.health.v1.Health/Check");
  struct probe_curl *probe = probe_curl_new(tools, target, &url, judge, error);
  if (probe && set_request(probe, target->service->grpc_service)) {
    probe_curl_free(probe);
    probe = NULL;
  }
  if (!probe)
    return belfry_error_set(error, BELFRY_ENOMEM, "cannot make the request");
  return probe_curl_run(probe, on_done, arg, out, error);
}
