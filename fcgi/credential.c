#include "fcgi/credential.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <stdio.h>

#define LIMIT_DEFAULT 100

/* Whether the text so far ends with `c`, so that no comma belongs behind it. */
static bool ends_with(const struct buf *out, char c) {
  return out->len > 0 && out->data[out->len - 1] == c;
}

void credential_put_text(struct buf *out, const char *key, struct slice text) {
  buf_printf(out, "%s\"%s\":", ends_with(out, '{') ? "" : ",", key);
  json_put_string(out, text);
}

void credential_put_time(struct buf *out, const char *key, int64_t ms) {
  char when[TIMESTAMP_BYTES];
  timestamp_format(ms, when);
  if (ms)
    buf_printf(out, ",\"%s\":\"%s\"", key, when);
  else
    buf_printf(out, ",\"%s\":null", key);
}

/* --- lists --------------------------------------------------------------------------------------
 */

struct page {
  const struct credential_list *list;
  struct buf *out;
  int64_t left; /* rows that may still be shown; one more is read to see whether there is more */
  bool more;
  char cursor[CREDENTIAL_CURSOR_BYTES]; /* of the last one shown */
};

static int on_row(void *arg, const struct history_value *values, size_t count) {
  struct page *page = arg;
  if (count <= page->list->created)
    return BELFRY_ECORRUPT;
  if (page->left == 0) {
    page->more = true;
    return 0;
  }
  page->left--;
  snprintf(page->cursor, sizeof page->cursor, "%" PRId64 "-%.*s",
           values[page->list->created].integer, SLICE_ARG(values[0].text));
  if (!ends_with(page->out, '['))
    buf_put_char(page->out, ',');
  return page->list->put(page->out, values, count);
}

void credential_answer(struct worker *worker, const struct request *request,
                       const struct credential_list *list, struct slice name, int http_status,
                       struct response *response) {
  struct belfry_error error = {0};
  const struct history_value find[] = {HISTORY_VALUE_TEXT(list->one_name, name)};
  struct history *history = worker_history(worker, &error);
  struct buf *out = response_json(response, http_status);
  int status =
      history ? history_read(history, list->one, find, 1, list->put, out, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (out->len == 0)
    response_problem(response, request, 404, "%s", list->missing);
}

/* Returns: false when it is none. */
static bool take_cursor(struct slice text, int64_t *created, struct slice *id) {
  struct slice rest = text, number;
  long long value;
  if (!slice_split(&rest, '-', &number) || !slice_to_int64(number, &value) || rest.len == 0)
    return false;
  *created = value;
  *id = rest;
  return true;
}

void credential_list_answer(struct worker *worker, const struct request *request,
                            const struct credential_list *list, struct response *response) {
  const struct field_value *params = request->params;
  struct slice role = params[CREDENTIAL_QUERY_ROLE].text, after_id = slice_of("");
  int64_t after_created = INT64_MIN;
  struct belfry_error error = {0};
  struct page page = {.list = list, .left = LIMIT_DEFAULT};
  if (params[CREDENTIAL_QUERY_LIMIT].set)
    page.left = params[CREDENTIAL_QUERY_LIMIT].number;
  if (params[CREDENTIAL_QUERY_CURSOR].set &&
      !take_cursor(params[CREDENTIAL_QUERY_CURSOR].text, &after_created, &after_id)) {
    struct model_problem problem = {0};
    (void)model_problem_set(&problem, BELFRY_EINVAL, "cursor", "is not one of this list");
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  const struct history_value values[] = {
      HISTORY_VALUE_INTEGER("after_created", after_created),
      HISTORY_VALUE_TEXT("after_id", after_id),
      HISTORY_VALUE_TEXT("role", role.data ? role : slice_of("")),
      HISTORY_VALUE_INTEGER("limit", page.left + 1),
  };
  struct history *history = worker_history(worker, &error);
  page.out = response_json(response, 200);
  buf_printf(page.out, "{\"%s\":[", list->name);
  int status = history ? history_read(history, list->statement, values, 4, on_row, &page, &error)
                       : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  if (page.more)
    buf_printf(page.out, "],\"next_cursor\":\"%s\"}", page.cursor);
  else
    buf_put_text(page.out, "],\"next_cursor\":null}");
}

/* --- the event that tells of a change -----------------------------------------------------------
 */

void credential_audit_begin(struct buf *data, const struct request *request, const char *action) {
  buf_init(data, 0);
  buf_put_char(data, '{');
  credential_put_text(data, "action", slice_of(action));
  credential_put_text(data, "by", slice_of(request->identity.name));
}

void credential_audit_end(struct buf *data, struct worker *worker, const struct request *request) {
  buf_put_char(data, '}');
  worker_batch_audit(worker, request, buf_slice(data));
  buf_fini(data);
}
