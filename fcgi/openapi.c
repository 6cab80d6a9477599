#include "fcgi/openapi.h"

#include "base/json.h"
#include "fcgi/route.h"
#include "fcgi/schemas.h"

#include <inttypes.h>

#include "config.h"

#define INTEGER_EXACT_MAX (INT64_C(1) << 53) /* beyond it JSON's readers round */

/* The errors that more than one row may answer, and when a row does. */
enum error_when {
  WHEN_ALWAYS,
  WHEN_ASKED_WHO, /* it asks who somebody is, or takes a secret */
  WHEN_REFUSES,   /* a role is needed, or pages of other sites may not do it */
  WHEN_NAMED,     /* it is about something that a path or parameter names */
  WHEN_GET,
  WHEN_CHANGES,
  WHEN_PUTS,
  WHEN_BODY,
};

static const struct {
  int status;
  enum error_when when;
  const char *header; /* one that it has beside those of every answer */
  const char *summary;
} errors[] = {
    {400, WHEN_ALWAYS, NULL, "The request, a parameter or the body's syntax is wrong"},
    {401, WHEN_ASKED_WHO, "WWW-Authenticate", "No credential, or one that is not good"},
    {403, WHEN_REFUSES, NULL, "The role does not allow it"},
    {404, WHEN_NAMED, NULL, "There is nothing of this name"},
    {406, WHEN_GET, NULL, "Accept excludes all that is offered"},
    {409, WHEN_CHANGES, NULL, "What is there now forbids it"},
    {412, WHEN_PUTS, NULL, "If-Match names what is not so any more"},
    {413, WHEN_BODY, NULL, "The body is too large"},
    {415, WHEN_BODY, NULL, "The body's type or encoding is not taken here"},
    {422, WHEN_BODY, NULL, "The body is JSON, but not what is wanted"},
    {429, WHEN_ALWAYS, "Retry-After", "Too many requests"},
    {503, WHEN_ALWAYS, "Retry-After", "The history cannot be read or written now"},
};

#define ERROR_COUNT (sizeof errors / sizeof *errors)

static const struct {
  const char *name, *type, *summary;
} headers[] = {
    {"X-Request-Id", "string", "Names the request, also in the log"},
    {"ETag", "string", "Of what is told, not of clocks; for If-None-Match"},
    {"Retry-After", "integer", "Seconds to wait before trying again"},
    {"RateLimit-Policy", "string", "With a limit in force: how many requests in how many seconds"},
    {"RateLimit", "string", "With a limit in force: how many are left, for how many seconds"},
    {"WWW-Authenticate", "string", "How to show who one is"},
};

/* Puts `"key":"text"`, after a comma unless it is the first member. */
static void put_text(struct buf *out, const char *key, const char *text) {
  if (out->len > 0 && out->data[out->len - 1] != '{')
    buf_put_char(out, ',');
  buf_printf(out, "\"%s\":", key);
  json_put_string(out, slice_of(text));
}

static bool has_argument(const struct route *route) {
  return strchr(route->path, '{') != NULL;
}

static bool is_asked_for(const struct field *fields, const char *name) {
  for (size_t i = 0; fields && fields[i].name; i++)
    if (strcmp(fields[i].name, name) == 0)
      return true;
  return false;
}

static bool may_answer(const struct route *route, enum error_when when) {
  switch (when) {
  case WHEN_ALWAYS:
    return true;
  case WHEN_ASKED_WHO:
    return route->access != ACCESS_OPEN || route->body == BODY_OBJECT;
  case WHEN_REFUSES:
    return route->access > ACCESS_ANY || route->method != HTTP_GET;
  case WHEN_NAMED:
    return has_argument(route) || is_asked_for(route->query, "around");
  case WHEN_GET:
    return route->method == HTTP_GET;
  case WHEN_CHANGES:
    return route->method != HTTP_GET;
  case WHEN_PUTS:
    return route->method == HTTP_PUT;
  case WHEN_BODY:
    return route->body != BODY_NONE;
  }
  return false;
}

/* --- parameters --- */

static void put_bounds(struct buf *out, const struct field *field) {
  if (field->min > -INTEGER_EXACT_MAX)
    buf_printf(out, ",\"minimum\":%" PRId64, field->min);
  if (field->max < INTEGER_EXACT_MAX)
    buf_printf(out, ",\"maximum\":%" PRId64, field->max);
}

static void put_choices(struct buf *out, const char *choices) {
  struct slice rest = slice_of(choices), choice;
  const char *separator = "";
  buf_put_text(out, "{\"type\":\"string\",\"enum\":[");
  while (slice_split(&rest, '|', &choice)) {
    buf_put_text(out, separator);
    json_put_string(out, choice);
    separator = ",";
  }
  buf_put_text(out, "]}");
}

/* `in_body`: what is a text in a query may be a number there. */
static void put_field_schema(struct buf *out, const struct field *field, bool in_body) {
  const char *text_or_number = in_body ? "[\"string\",\"number\"]" : "\"string\"";
  switch (field->kind) {
  case FIELD_TEXT: /* its bounds are in bytes */
    buf_printf(out, "{\"type\":\"string\"%s,\"maxLength\":%" PRId64 "}",
               field->min > 0 ? ",\"minLength\":1" : "", field->max);
    return;
  case FIELD_INTEGER:
    buf_put_text(out, "{\"type\":\"integer\"");
    put_bounds(out, field);
    buf_put_char(out, '}');
    return;
  case FIELD_NUMBER:
    buf_put_text(out, "{\"type\":\"number\"");
    put_bounds(out, field);
    buf_put_char(out, '}');
    return;
  case FIELD_TIME:
    buf_printf(out,
               "{\"type\":%s,\"format\":\"belfry-time\",\"examples\":[\"2026-11-20T10:30:00Z\","
               "\"now\",\"-15m\",\"1795170600\"]}",
               text_or_number);
    return;
  case FIELD_DURATION:
    buf_printf(out,
               "{\"type\":%s,\"format\":\"belfry-duration\",\"examples\":[\"90s\",\"15m\","
               "\"24h\",\"7d\"]}",
               text_or_number);
    return;
  case FIELD_CHOICE:
    put_choices(out, field->choices);
    return;
  case FIELD_BOOLEAN:
    buf_put_text(out, "{\"type\":\"boolean\"}");
    return;
  }
}

static void put_parameters(struct buf *out, const struct route *route) {
  struct slice rest = slice_of(route->path), segment;
  const char *separator = "";
  buf_put_text(out, ",\"parameters\":[");
  while (slice_split(&rest, '/', &segment)) {
    if (segment.len < 2 || segment.data[0] != '{')
      continue;
    buf_printf(out,
               "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":"
               "\"string\",\"minLength\":1}}",
               separator, (int)segment.len - 2, segment.data + 1);
    separator = ",";
  }
  for (const struct field *field = route->query; field && field->name; field++) {
    buf_printf(out, "%s{\"name\":\"%s\",\"in\":\"query\"", separator, field->name);
    if (field->summary)
      put_text(out, "description", field->summary);
    buf_printf(out, ",\"required\":%s,\"schema\":", field->required ? "true" : "false");
    put_field_schema(out, field, false);
    buf_put_char(out, '}');
    separator = ",";
  }
  buf_put_char(out, ']');
}

/* --- bodies --- */

static void put_object(struct buf *out, const struct field *fields) {
  const char *separator = "";
  buf_put_text(out, "{\"type\":\"object\",\"properties\":{");
  for (const struct field *field = fields; field->name; field++) {
    buf_printf(out, "%s\"%s\":{\"anyOf\":[", separator, field->name);
    put_field_schema(out, field, true);
    buf_put_text(out, field->required ? "]" : ",{\"type\":\"null\"}]");
    if (field->summary)
      put_text(out, "description", field->summary);
    buf_put_char(out, '}');
    separator = ",";
  }
  buf_put_text(out, "},\"required\":[");
  separator = "";
  for (const struct field *field = fields; field->name; field++) {
    if (!field->required)
      continue;
    buf_printf(out, "%s\"%s\"", separator, field->name);
    separator = ",";
  }
  buf_put_text(out, "]}");
}

static void put_reference(struct buf *out, const char *schema) {
  buf_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}", schema);
}

/* Text of which each line is JSON. */
static void put_lines(struct buf *out, const char *schema) {
  buf_put_text(out, "{\"type\":\"string\",\"description\":\"on each line JSON such as this\","
                    "\"contentMediaType\":\"application/json\",\"contentSchema\":");
  put_reference(out, schema);
  buf_put_char(out, '}');
}

static void put_json_body(struct buf *out, const struct route *route) {
  if (route->body == BODY_OBJECT) {
    put_object(out, route->body_fields);
  } else if (route->body == BODY_OTLP || route->body == BODY_DOCUMENT) {
    put_reference(out, route->body_schema);
  } else {
    buf_put_text(out, "{\"anyOf\":[");
    put_reference(out, route->body_schema);
    buf_put_text(out, ",{\"type\":\"array\",\"minItems\":1,\"items\":");
    put_reference(out, route->body_schema);
    buf_put_text(out, "}]}");
  }
}

static void put_body_as(struct buf *out, const struct route *route, struct slice type) {
  if (slice_is(type, "application/json"))
    put_json_body(out, route);
  else if (slice_is(type, "application/x-ndjson"))
    put_lines(out, route->body_schema);
  else if (slice_is(type, "text/plain"))
    buf_put_text(out, "{\"type\":\"string\"}");
  else if (slice_is(type, "application/cloudevents-batch+json"))
    buf_put_text(out, "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}");
  else
    buf_put_text(out, "{\"type\":\"object\"}");
}

static void put_request_body(struct buf *out, const struct route *route) {
  struct slice rest = slice_of(route_body_types(route)), type;
  const char *separator = "";
  bool required = route->body != BODY_OBJECT || fields_need_any(route->body_fields);
  buf_printf(out,
             ",\"requestBody\":{\"description\":\"may be compressed: Content-Encoding: gzip\","
             "\"required\":%s,\"content\":{",
             required ? "true" : "false");
  while (slice_split(&rest, ',', &type)) {
    type = slice_trim(type);
    buf_printf(out, "%s\"%.*s\":{\"schema\":", separator, SLICE_ARG(type));
    put_body_as(out, route, type);
    buf_put_char(out, '}');
    separator = ",";
  }
  buf_put_text(out, "}}");
}

/* --- answers --- */

static void put_headers(struct buf *out, const char *more) {
  const char *const names[] = {"X-Request-Id", more};
  buf_put_text(out, ",\"headers\":{");
  for (size_t i = 0; i < 2 && names[i]; i++)
    buf_printf(out, "%s\"%s\":{\"$ref\":\"#/components/headers/%s\"}", i ? "," : "", names[i],
               names[i]);
  buf_put_char(out, '}');
}

static void put_content_as(struct buf *out, const struct route *route, unsigned answer) {
  if (answer == ANSWER_JSON)
    put_reference(out, route->answer_schema);
  else if (answer == ANSWER_NDJSON)
    put_lines(out, route->answer_record);
  else
    buf_put_text(out, "{\"type\":\"string\"}");
}

static void put_content(struct buf *out, const struct route *route) {
  const char *separator = "";
  for (unsigned answer = ANSWER_JSON; answer <= ANSWER_PROMETHEUS; answer <<= 1) {
    if (!(route->answers & answer))
      continue;
    buf_printf(out, "%s\"%s\":{\"schema\":", separator, route_answer_type(answer));
    put_content_as(out, route, answer);
    buf_put_char(out, '}');
    separator = ",";
  }
}

static void put_success(struct buf *out, const struct route *route, int status) {
  buf_printf(out, "\"%d\":{", status);
  put_text(out, "description", route->summary);
  put_headers(out, route->answers & ANSWER_ETAG ? "ETag" : NULL);
  if (route->answers) {
    buf_put_text(out, ",\"content\":{");
    put_content(out, route);
    buf_put_char(out, '}');
  }
  buf_put_char(out, '}');
}

static const char *error_form(const struct route *route) {
  return route->body == BODY_OTLP ? "otlp_" : "";
}

static void put_responses(struct buf *out, const struct route *route) {
  buf_put_text(out, ",\"responses\":{");
  put_success(out, route, route->status);
  if (route->answers & ANSWER_OR_202) {
    struct route later = *route;
    later.answer_schema = route->answer_record;
    later.summary = "It was not done in the time that was to be waited";
    buf_put_char(out, ',');
    put_success(out, &later, 202);
  }
  if ((route->answers & ANSWER_ETAG) && route->method == HTTP_GET) {
    buf_put_text(out, ",\"304\":{\"description\":\"It is as If-None-Match says\"");
    put_headers(out, "ETag");
    buf_put_char(out, '}');
  }
  for (size_t i = 0; i < ERROR_COUNT; i++) {
    if (!may_answer(route, errors[i].when))
      continue;
    buf_put_char(out, ',');
    if (errors[i].status == 503 && (route->answers & ANSWER_OR_503))
      put_success(out, route, 503);
    else
      buf_printf(out, "\"%d\":{\"$ref\":\"#/components/responses/%s%d\"}", errors[i].status,
                 error_form(route), errors[i].status);
  }
  buf_printf(out, ",\"default\":{\"$ref\":\"#/components/responses/%sdefault\"}}",
             error_form(route));
}

/* --- operations --- */

static void put_operation_id(struct buf *out, const struct route *route) {
  buf_put_text(out, ",\"operationId\":\"");
  for (const char *at = http_method_name(route->method); *at; at++)
    buf_put_char(out, (char)(*at | 0x20));
  for (const char *at = route->path; *at; at++)
    if (*at != '{' && *at != '}')
      buf_put_char(out, *at == '/' || *at == '-' || *at == '.' ? '_' : *at);
  buf_put_char(out, '"');
}

/* The first segment of the path that tells something. */
static struct slice tag_of(const struct route *route) {
  struct slice rest = slice_of(route->path), segment;
  while (slice_split(&rest, '/', &segment)) {
    if (slice_is(segment, "v1"))
      return slice_of("opentelemetry");
    if (segment.len > 0 && !slice_is(segment, "api"))
      return segment;
  }
  return slice_of("api");
}

static void put_access(struct buf *out, const struct route *route) {
  static const char *const roles[] = {
      [ACCESS_OPEN] = "none",     [ACCESS_VISITOR] = "none",      [ACCESS_ANY] = "any",
      [ACCESS_VIEWER] = "viewer", [ACCESS_OPERATOR] = "operator", [ACCESS_ADMIN] = "admin",
      [ACCESS_INGEST] = "ingest", [ACCESS_SCRAPE] = "scrape",
  };
  put_text(out, "x-belfry-role", roles[route->access]);
  buf_put_text(out, ",\"security\":[");
  if (route->access <= ACCESS_VISITOR)
    buf_put_text(out, "{}");
  if (route->access != ACCESS_OPEN)
    buf_printf(out, "%s{\"bearer\":[]},{\"basic\":[]},{\"cookie\":[]}",
               route->access == ACCESS_VISITOR ? "," : "");
  buf_put_char(out, ']');
}

static void put_operation(struct buf *out, const struct route *route) {
  buf_put_char(out, '"');
  for (const char *at = http_method_name(route->method); *at; at++)
    buf_put_char(out, (char)(*at | 0x20));
  buf_put_text(out, "\":{");
  put_text(out, "summary", route->summary);
  put_operation_id(out, route);
  buf_put_text(out, ",\"tags\":[");
  json_put_string(out, tag_of(route));
  buf_put_char(out, ']');
  put_access(out, route);
  put_parameters(out, route);
  if (route->body != BODY_NONE)
    put_request_body(out, route);
  put_responses(out, route);
  buf_put_char(out, '}');
}

/* All methods of the path that `rows[first]` has; nothing when an earlier row has it. */
static void put_path(struct buf *out, const struct route *rows, size_t count, size_t first) {
  const char *path = rows[first].path, *separator = "";
  for (size_t i = 0; i < first; i++)
    if (strcmp(rows[i].path, path) == 0)
      return;
  buf_printf(out, "%s\"%s\":{", first ? "," : "", path);
  for (size_t i = first; i < count; i++) {
    if (strcmp(rows[i].path, path) != 0)
      continue;
    buf_put_text(out, separator);
    put_operation(out, &rows[i]);
    separator = ",";
  }
  buf_put_char(out, '}');
}

/* --- what operations refer to --- */

static void put_error(struct buf *out, const char *form, const char *name, const char *summary,
                      const char *header) {
  bool otlp = *form != '\0';
  buf_printf(out, "\"%s%s\":{", form, name);
  put_text(out, "description", summary);
  put_headers(out, header);
  buf_printf(out, ",\"content\":{\"%s\":{\"schema\":",
             otlp ? "application/json" : "application/problem+json");
  put_reference(out, otlp ? "otlp_error" : "problem");
  buf_put_text(out, "}}}");
}

static void put_errors(struct buf *out) {
  static const char *const forms[] = {"", "otlp_"};
  for (size_t form = 0; form < 2; form++) {
    for (size_t i = 0; i < ERROR_COUNT; i++) {
      char name[12];
      snprintf(name, sizeof name, "%d", errors[i].status);
      put_error(out, forms[form], name, errors[i].summary, errors[i].header);
      buf_put_char(out, ',');
    }
    put_error(out, forms[form], "default", "Another error", NULL);
    buf_put_text(out, form ? "" : ",");
  }
}

static void put_components(struct buf *out, const char *cookie) {
  buf_put_text(out, "\"components\":{\"schemas\":{");
  for (size_t i = 0; i < schema_count; i++)
    buf_printf(out, "%s\"%s\":%s", i ? "," : "", schemas[i].name, schemas[i].text);
  buf_put_text(out, "},\"headers\":{");
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    buf_printf(out, "%s\"%s\":{", i ? "," : "", headers[i].name);
    put_text(out, "description", headers[i].summary);
    buf_printf(out, ",\"schema\":{\"type\":\"%s\"}}", headers[i].type);
  }
  buf_put_text(out, "},\"responses\":{");
  put_errors(out);
  buf_put_text(out,
               "},\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
               "\"description\":\"an API key, bfy_..., or a JWT\"},\"basic\":{\"type\":\"http\","
               "\"scheme\":\"basic\",\"description\":\"a user's name and password, or any "
               "name and an API key\"},\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\"");
  put_text(out, "name", cookie);
  buf_put_text(out, ",\"description\":\"from POST /api/login\"}}}");
}

void openapi_put(struct buf *out, const char *cookie) {
  size_t count;
  const struct route *rows = route_rows(&count);
  buf_put_text(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Belfry\"");
  put_text(out, "version", PACKAGE_VERSION);
  put_text(out, "description",
           "Events, logs, metrics and health of a running system. HEAD is answered as GET without "
           "a body, OPTIONS with Allow, any other method with 405. Parameters that are not listed "
           "are ignored. Live events come by WebSocket at /ws and as Server-Sent Events at "
           "/events.");
  buf_put_text(out, ",\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}},"
                    "\"servers\":[{\"url\":\"..\",\"description\":\"where this document lies\"}],"
                    "\"paths\":{");
  for (size_t i = 0; i < count; i++)
    put_path(out, rows, count, i);
  buf_put_text(out, "},");
  put_components(out, cookie);
  buf_put_char(out, '}');
}
