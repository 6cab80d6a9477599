/* fcgi: the parameters of a request, a NUL between each two: path, query string, prefix, request
 * id, content type, cursor. */
#include "base/json.h"
#include "fcgi/body.h"
#include "fcgi/cursor.h"
#include "fcgi/field.h"
#include "fcgi/request.h"
#include "property.h"

enum { PATH, QUERY, PREFIX, ID, TYPE, CURSOR, PARAMS };
static const char *const names[PARAMS] = {"REQUEST_URI",       "QUERY_STRING", "BELFRY_PREFIX",
                                          "HTTP_X_REQUEST_ID", "CONTENT_TYPE", "cursor"};

static struct slice param_of(const void *arg, const char *name) {
  const struct slice *params = arg;
  for (size_t i = 0; i < PARAMS; i++)
    if (strcmp(names[i], name) == 0)
      return params[i];
  return slice_new(NULL, 0);
}

static bool is_text(struct slice text) {
  return utf8_valid_prefix(text) == text.len && (!text.len || !memchr(text.data, '\0', text.len));
}

static void check_fields(const struct request *request) {
  static const struct field fields[] = {
      {"a", FIELD_TEXT, .min = 1, .max = 20}, {"b", FIELD_INTEGER, .min = 1, .max = 1000},
      {.name = "c", .kind = FIELD_TIME},      {"d", FIELD_DURATION, .min = 1000, .max = 86400000},
      {"e", FIELD_CHOICE, .choices = "x|y"},
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    struct slice text = request_query(request, fields[i].name);
    struct field_value value = {0};
    struct model_problem problem = {0};
    if (!text.data)
      continue;
    if (field_parse(&fields[i], text, 1000, &value, &problem))
      PROPERTY(problem.detail[0], "a refusal says what would be right");
    else if (fields[i].kind == FIELD_INTEGER || fields[i].kind == FIELD_DURATION)
      PROPERTY(value.number >= fields[i].min && value.number <= fields[i].max, "it is in range");
  }
}

static void check_cursor(struct slice text) {
  static const char epoch[HISTORY_EPOCH_BYTES] = "0123456789abcdef";
  char put[CURSOR_BYTES];
  int64_t place, again;
  if (cursor_parse(text, epoch, 'e', &place))
    return;
  PROPERTY(place >= 0, "a place is a position");
  cursor_format(epoch, 'e', place, put);
  PROPERTY(cursor_parse(slice_of(put), epoch, 'e', &again) == 0 && again == place,
           "a cursor reads back as the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice rest = slice_new((const char *)data, size), params[PARAMS] = {{0}};
  struct belfry_error error = {0};
  struct request request;
  for (size_t i = 0; i < PARAMS && slice_split(&rest, '\0', &params[i]); i++)
    continue;
  request_init(&request);
  int status = request_read(&request, param_of, params, 1000, &error);
  PROPERTY(request.id[0] && strlen(request.id) < REQUEST_ID_BYTES, "every request has an id");
  PROPERTY(!status || (status == error.code && error.text[0]), "a refusal has a reason");
  if (!status) {
    PROPERTY(is_text(request.path), "a path is text");
    for (size_t i = 0; i < request.query_count; i++)
      PROPERTY(is_text(request.query[i].name) && is_text(request.query[i].value),
               "a parameter is text");
    check_fields(&request);
  }
  (void)body_type_of(params[TYPE]);
  check_cursor(params[CURSOR]);
  request_fini(&request);
  return 0;
}
