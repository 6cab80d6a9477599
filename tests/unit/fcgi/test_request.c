/* fcgi/request and fcgi/response: what becomes of the protocol's parameters, and how errors look.
 */
#include "fcgi/request.h"
#include "fcgi/response.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct param {
  const char *name, *value;
};

/* A list that ends with a NULL name. */
static struct slice param_of(const void *arg, const char *name) {
  for (const struct param *param = arg; param->name; param++)
    if (strcmp(param->name, name) == 0)
      return slice_of(param->value);
  return slice_new(NULL, 0);
}

static int read_params(struct request *request, const struct param *params,
                       struct belfry_error *error) {
  belfry_error_clear(error);
  return request_read(request, param_of, params, 1000, error);
}

static void test_query_is_decoded(void **state) {
  (void)state;
  struct request request;
  struct belfry_error error = {0};
  request_init(&request);
  const struct param params[] = {
      {"REQUEST_METHOD", "GET"},
      {"PATH_INFO", "/api/events"},
      {"QUERY_STRING", "q=a+b%20%C3%A4&&limit=5&limit=6&empty=&flag&x=%3d=1"},
      {0}};
  assert_int_equal(read_params(&request, params, &error), 0);
  assert_int_equal(request.method, HTTP_GET);
  assert_true(slice_is(request.path, "/api/events"));
  assert_true(slice_is(request_query(&request, "q"), "a b \xc3\xa4"));
  assert_true(slice_is(request_query(&request, "limit"), "6")); /* the last one counts */
  assert_true(slice_is(request_query(&request, "empty"), ""));
  assert_true(slice_is(request_query(&request, "x"), "==1"));
  assert_non_null(request_query(&request, "flag").data);
  assert_null(request_query(&request, "absent").data);
  request_fini(&request);
}

static void test_query_is_bounded(void **state) {
  (void)state;
  struct request request;
  struct belfry_error error = {0};
  char many[REQUEST_QUERY_MAX * 4 + 8] = "", *long_one = calloc(1, REQUEST_QUERY_BYTES + 2);
  for (size_t i = 0; i <= REQUEST_QUERY_MAX; i++)
    strcat(many, "a=1&");
  assert_non_null(long_one);
  memset(long_one, 'x', REQUEST_QUERY_BYTES + 1);
  const char *const wrong[] = {"a=%", "a=%2", "a=%zz", "a=%00", "a=%ff", "%ff=1", many, long_one};
  request_init(&request);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const struct param params[] = {
        {"REQUEST_METHOD", "GET"}, {"PATH_INFO", "/x"}, {"QUERY_STRING", wrong[i]}, {0}};
    if (read_params(&request, params, &error) != BELFRY_EINVAL || !error.text[0])
      fail_msg("the query '%.40s' was taken", wrong[i]);
  }
  request_fini(&request);
  free(long_one);
}

static void test_path_of_other_servers(void **state) {
  (void)state;
  struct request request;
  struct belfry_error error = {0};
  request_init(&request);
  const struct param split[] = {{"SCRIPT_NAME", "/api"}, {"PATH_INFO", "/events"}, {0}};
  assert_int_equal(read_params(&request, split, &error), 0);
  assert_true(slice_is(request.path, "/api/events"));
  const struct param raw[] = {{"REQUEST_URI", "/api/ev%65nts?x=1"}, {0}};
  assert_int_equal(read_params(&request, raw, &error), 0);
  assert_true(slice_is(request.path, "/api/events"));
  assert_int_equal(request.method, HTTP_OTHER);
  request_fini(&request);
}

static void test_request_id_and_prefix_must_be_sane(void **state) {
  (void)state;
  struct request request;
  struct belfry_error error = {0};
  request_init(&request);
  const struct param sane[] = {
      {"PATH_INFO", "/"}, {"HTTP_X_REQUEST_ID", "abc-DEF_123"}, {"BELFRY_PREFIX", "/monitor"}, {0}};
  assert_int_equal(read_params(&request, sane, &error), 0);
  assert_string_equal(request.id, "abc-DEF_123");
  assert_true(slice_is(request.prefix, "/monitor"));
  const struct param odd[] = {{"PATH_INFO", "/"},
                              {"HTTP_X_REQUEST_ID", "a\r\nSet-Cookie: x"},
                              {"BELFRY_PREFIX", "/x; Domain=evil"},
                              {0}};
  assert_int_equal(read_params(&request, odd, &error), 0);
  assert_int_equal(strlen(request.id), 32); /* made up */
  assert_int_equal(request.prefix.len, 0);
  request_fini(&request);
}

static void test_problem_is_rfc9457(void **state) {
  (void)state;
  struct request request = {
      .path = slice_of("/api/\"x\""), .prefix = slice_of("/monitor"), .id = "r1"};
  struct response response;
  struct buf head;
  response_init(&response);
  buf_init(&head, 0);
  const struct model_problem problem = {"/data", "must be an object"};
  response_input_problem(&response, &request, 422, "/3", &problem);
  response_put_head(&response, &request, &head);
  json_t *body = json_loadb(response.body.data, response.body.len, 0, NULL);
  assert_non_null(body);
  assert_string_equal(json_string_value(json_object_get(body, "type")), "about:blank");
  assert_string_equal(json_string_value(json_object_get(body, "title")), "Unprocessable Content");
  assert_int_equal(json_integer_value(json_object_get(body, "status")), 422);
  assert_string_equal(json_string_value(json_object_get(body, "instance")), "/monitor/api/\"x\"");
  const json_t *item = json_array_get(json_object_get(body, "errors"), 0);
  assert_string_equal(json_string_value(json_object_get(item, "pointer")), "/3/data");
  assert_string_equal(json_string_value(json_object_get(item, "detail")), "must be an object");
  assert_non_null(strstr(head.data, "Status: 422 Unprocessable Content\r\n"));
  assert_non_null(strstr(head.data, "Content-Type: application/problem+json\r\n"));
  assert_non_null(strstr(head.data, "X-Request-Id: r1\r\n"));
  assert_non_null(strstr(head.data, "Cache-Control: no-store\r\n"));
  json_decref(body);
  buf_fini(&head);
  response_fini(&response);
}

static void test_etag(void **state) {
  (void)state;
  static const struct {
    const char *if_none_match;
    bool matches;
  } rows[] = {
      {NULL, false},
      {"\"0000000000000abc\"", true},
      {"W/\"0000000000000abc\"", true},
      {"\"x\", W/\"0000000000000abc\"", true},
      {"*", true},
      {"\"0000000000000abd\"", false},
      {"0000000000000abc", false},
  };
  struct response response;
  response_init(&response);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct request request = {.if_none_match = slice_of(rows[i].if_none_match)};
    response_clear(&response);
    if (response_etag(&response, &request, 0xabc) != rows[i].matches)
      fail_msg("If-None-Match: %s should %smatch", rows[i].if_none_match,
               rows[i].matches ? "" : "not ");
    assert_int_equal(response.status, rows[i].matches ? 304 : 200);
  }
  response_fini(&response);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_query_is_decoded),
      cmocka_unit_test(test_query_is_bounded),
      cmocka_unit_test(test_path_of_other_servers),
      cmocka_unit_test(test_request_id_and_prefix_must_be_sane),
      cmocka_unit_test(test_problem_is_rfc9457),
      cmocka_unit_test(test_etag),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
