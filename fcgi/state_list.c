#include "fcgi/state_list.h"

#include "fcgi/cursor.h"
#include "fcgi/worker.h"

#define LIMIT_DEFAULT 100

/* The page in the making. */
struct page {
  const struct state_list *list;
  struct state_text *text;
  struct state_now now;
  int64_t limit, count;
  int64_t last_key;
  struct buf last_name; /* of the last row on the page */
};

static int on_row(void *arg, const struct history_value *values, size_t count) {
  struct page *page = arg;
  if (count != page->list->columns)
    return BELFRY_ECORRUPT;
  if (page->count++ == page->limit)
    return 0; /* there is more */
  buf_put_text(page->text->out, page->count > 1 ? "," : "");
  page->list->put(page->text, &page->now, values);
  page->last_key = values[count - 1].integer;
  buf_clear(&page->last_name);
  buf_put_slice(&page->last_name, values[0].text);
  return buf_status(page->text->out);
}

struct history_value state_list_text(const char *name, const struct field_value *field) {
  return field->set ? HISTORY_VALUE_TEXT(name, field->text) : HISTORY_VALUE_NULL(name);
}

static int put_page(struct history *history, const struct field_value *params,
                    const struct history_position *position, struct state_list *list,
                    struct page *page, struct belfry_error *error) {
  struct history_value after_key = HISTORY_VALUE_NULL("after_key");
  struct history_value after_name = HISTORY_VALUE_NULL(list->after_name);
  struct buf scratch;
  struct slice name;
  int64_t place;
  int status = BELFRY_OK;
  buf_init(&scratch, 0);
  if (params[STATE_LIST_CURSOR].set) {
    status = cursor_parse_named(params[STATE_LIST_CURSOR].text, position->epoch, list->letter,
                                &place, &scratch, &name);
    after_key = HISTORY_VALUE_INTEGER("after_key", place);
    after_name = HISTORY_VALUE_TEXT(list->after_name, name);
  }
  list->values[list->value_count++] = after_key;
  list->values[list->value_count++] = after_name;
  list->values[list->value_count++] = HISTORY_VALUE_INTEGER("limit", page->limit + 1);
  if (!status)
    status = history_read(history, list->statement, list->values, list->value_count, on_row, page,
                          error);
  buf_fini(&scratch);
  return status;
}

int state_list_put(struct worker *worker, const struct request *request, struct history *history,
                   struct state_list *list, struct state_text *text, struct belfry_error *error) {
  const struct field_value *params = request->params;
  struct page page = {.list = list,
                      .text = text,
                      .now = state_now_of(worker, request),
                      .limit = params[STATE_LIST_LIMIT].set ? params[STATE_LIST_LIMIT].number
                                                            : LIMIT_DEFAULT};
  struct history_position position;
  int status = history_position(history, &position, error);
  if (status)
    return status;
  buf_init(&page.last_name, 0);
  buf_printf(text->out, "{\"%s\":[", list->plural);
  status = put_page(history, params, &position, list, &page, error);
  buf_put_text(text->out, "],\"next_cursor\":");
  if (page.count > page.limit) {
    buf_put_char(text->out, '"');
    cursor_put_named(text->out, position.epoch, list->letter, page.last_key,
                     buf_slice(&page.last_name));
    buf_put_text(text->out, "\"}");
  } else {
    buf_put_text(text->out, "null}");
  }
  if (!status)
    status = buf_status(&page.last_name);
  buf_fini(&page.last_name);
  return status;
}

struct one {
  const struct state_one *asked;
  struct state_text *text;
  struct state_now now;
  bool found;
};

static int on_one(void *arg, const struct history_value *values, size_t count) {
  struct one *one = arg;
  if (count != one->asked->columns)
    return BELFRY_ECORRUPT;
  one->found = true;
  one->asked->put(one->text, &one->now, values);
  return 0;
}

int state_one_put(struct worker *worker, const struct request *request, struct history *history,
                  const struct state_one *asked, struct state_text *text,
                  struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT(asked->name, request->args[0])};
  struct one one = {asked, text, state_now_of(worker, request), false};
  int status = history_read(history, asked->statement, params, 1, on_one, &one, error);
  return status ? status : one.found ? BELFRY_OK : BELFRY_ENOENT;
}
