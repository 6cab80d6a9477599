/* fcgi/route: which row answers what, Allow, pages of other sites, and the schemas of the rows. */
#include "fcgi/route.h"

#include "base/json.h"
#include "fcgi/schemas.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_path_patterns(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *path, *arg; /* arg NULL: no match; "": none */
  } rows[] = {
      {"/api/events", "/api/events", ""},
      {"/api/events", "/api/events/", NULL},
      {"/api/events", "/api/event", NULL},
      {"/api/events", "/api", NULL},
      {"/api/events", "", NULL},
      {"/api/events/{id}", "/api/events/12", "12"},
      {"/api/events/{id}", "/api/events/a b", "a b"},
      {"/api/events/{id}", "/api/events/", NULL},
      {"/api/events/{id}", "/api/events/12/x", NULL},
      {"/api/events/{id}", "/api/events", NULL},
      {"/a/{id}/c", "/a/b/c", "b"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct slice args[REQUEST_ARGS_MAX] = {{0}};
    bool match = route_path_match(rows[i].pattern, slice_of(rows[i].path), args);
    if (match != (rows[i].arg != NULL))
      fail_msg("'%s' %s '%s'", rows[i].path, match ? "matched" : "did not match", rows[i].pattern);
    if (match && !slice_is(args[0], rows[i].arg))
      fail_msg("'%s' gave '%.*s' for the placeholder", rows[i].path, SLICE_ARG(args[0]));
  }
}

static void assert_allow(const char *path, const char *expected) {
  struct slice args[REQUEST_ARGS_MAX];
  unsigned methods;
  struct buf text;
  assert_null(route_find(HTTP_OTHER, slice_of(path), &methods, args));
  buf_init(&text, 0);
  route_put_allow(&text, methods);
  assert_string_equal(text.data, expected);
  buf_fini(&text);
}

static void test_methods_of_a_path(void **state) {
  (void)state;
  struct slice args[REQUEST_ARGS_MAX];
  unsigned methods;
  assert_allow("/health", "GET, HEAD, OPTIONS");
  assert_allow("/api/events", "GET, HEAD, POST, OPTIONS");
  assert_allow("/api/keys/x", "GET, HEAD, DELETE, OPTIONS");
  assert_null(route_find(HTTP_GET, slice_of("/api/nothing"), &methods, args));
  assert_int_equal(methods, 0);
  const struct route *route = route_find(HTTP_HEAD, slice_of("/api/events/7"), &methods, args);
  assert_non_null(route); /* HEAD is answered by GET's row */
  assert_true(slice_is(args[0], "7"));
}

static void test_other_sites(void **state) {
  (void)state;
  static const struct {
    const char *site, *origin;
    bool cross;
  } rows[] = {
      {NULL, NULL, false}, /* not a browser */
      {NULL, "http://belfry.example:8080", false},
      {NULL, "http://evil.example", true},
      {"same-origin", "http://inside.proxy", false},
      {"none", NULL, false},
      {"cross-site", NULL, true},
      {"same-site", NULL, true},
      {"cross-site", "http://evil.example", true},
      {NULL, "null", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct request request = {.host = slice_of("belfry.example:8080"),
                              .sec_fetch_site = slice_of(rows[i].site),
                              .origin = slice_of(rows[i].origin)};
    if (route_is_cross_site(&request) != rows[i].cross)
      fail_msg("Sec-Fetch-Site %s, Origin %s should be %s", rows[i].site ? rows[i].site : "(none)",
               rows[i].origin ? rows[i].origin : "(none)", rows[i].cross ? "refused" : "taken");
  }
}

/* Schemas that belong to no row: what errors look like. */
static const char *const of_errors[] = {"problem", "otlp_error"};

static size_t find_schema(const char *name) {
  for (size_t i = 0; i < schema_count; i++)
    if (strcmp(schemas[i].name, name) == 0)
      return i;
  return schema_count;
}

static json_t *parse_schema(size_t i) {
  json_error_t error;
  json_t *schema = json_loads(schemas[i].text, JSON_REJECT_DUPLICATES, &error);
  if (!schema)
    fail_msg("fcgi/schemas/%s.json is no JSON: %s", schemas[i].name, error.text);
  return schema;
}

static void use(const char *name, const char *by, bool *used);

/* Marks what a schema refers to. */
static void follow(json_t *value, const char *by, bool *used) {
  static const char before[] = "#/components/schemas/";
  const char *key;
  json_t *member;
  size_t i;
  json_array_foreach(value, i, member) {
    follow(member, by, used);
  }
  json_object_foreach(value, key, member) {
    if (strcmp(key, "$ref") != 0) {
      follow(member, by, used);
      continue;
    }
    assert_int_equal(strncmp(json_string_value(member), before, sizeof before - 1), 0);
    use(json_string_value(member) + sizeof before - 1, by, used);
  }
}

static void use(const char *name, const char *by, bool *used) {
  size_t i = find_schema(name);
  if (i == schema_count)
    fail_msg("%s names the schema %s, but there is no fcgi/schemas/%s.json", by, name, name);
  if (used[i])
    return;
  used[i] = true;
  json_t *schema = parse_schema(i);
  follow(schema, name, used);
  json_decref(schema);
}

static void test_schemas(void **state) {
  (void)state;
  size_t count;
  const struct route *rows = route_rows(&count);
  bool *used = calloc(schema_count, sizeof *used);
  assert_non_null(used);
  for (size_t i = 0; i < count; i++) {
    const char *const names[] = {rows[i].body_schema, rows[i].answer_schema, rows[i].answer_record};
    for (size_t j = 0; j < 3; j++)
      if (names[j])
        use(names[j], rows[i].path, used);
    if ((rows[i].answers & ANSWER_JSON) && !rows[i].answer_schema)
      fail_msg("%s answers JSON without a schema", rows[i].path);
  }
  for (size_t i = 0; i < sizeof of_errors / sizeof *of_errors; i++)
    use(of_errors[i], "an error", used);
  for (size_t i = 0; i < schema_count; i++)
    if (!used[i])
      fail_msg("nothing uses fcgi/schemas/%s.json", schemas[i].name);
  free(used);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_path_patterns),
      cmocka_unit_test(test_methods_of_a_path),
      cmocka_unit_test(test_other_sites),
      cmocka_unit_test(test_schemas),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
