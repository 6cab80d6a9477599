/* /api/opportunities: what agents have discovered. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"

enum { QUERY_CATEGORY = STATE_LIST_PARAMS, QUERY_SOURCE, QUERY_MIN_CONFIDENCE, QUERY_ORDER };

const struct field api_opportunities_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_CATEGORY] = {"category", FIELD_TEXT, .max = 512, .summary = "those of this category"},
    [QUERY_SOURCE] = {"source", FIELD_TEXT, .max = 128, .summary = "those of this source"},
    [QUERY_MIN_CONFIDENCE] = {"min_confidence", FIELD_NUMBER, .min = 0, .max = 100,
                              .summary = "at least this, from 0 to 1; above 1 it is percent"},
    [QUERY_ORDER] = {"order", FIELD_CHOICE, .choices = "discovered|confidence",
                     .summary = "newest first, or those with most confidence; newest by default"},
    {0},
};

/* The columns of opportunities_page. */
enum {
  OPPORTUNITY_ID,
  OPPORTUNITY_TITLE,
  OPPORTUNITY_CATEGORY,
  OPPORTUNITY_DESCRIPTION,
  OPPORTUNITY_CONFIDENCE,
  OPPORTUNITY_REVENUE,
  OPPORTUNITY_SOURCE,
  OPPORTUNITY_DISCOVERED,
  OPPORTUNITY_UPDATED,
  OPPORTUNITY_KEY,
  OPPORTUNITY_COLUMNS
};

static void put_row(struct state_text *text, const struct state_now *now,
                    const struct history_value *values) {
  (void)now;
  buf_put_char(text->out, '{');
  state_put_text(text, "opportunity_id", &values[OPPORTUNITY_ID]);
  state_put_text(text, "title", &values[OPPORTUNITY_TITLE]);
  state_put_text(text, "category", &values[OPPORTUNITY_CATEGORY]);
  state_put_text(text, "description", &values[OPPORTUNITY_DESCRIPTION]);
  state_put_number(text, "confidence", &values[OPPORTUNITY_CONFIDENCE]);
  buf_put_text(text->out, ",\"revenue_potential\":"); /* stored as JSON, as it was given */
  if (values[OPPORTUNITY_REVENUE].kind == HISTORY_TEXT)
    buf_put_slice(text->out, values[OPPORTUNITY_REVENUE].text);
  else
    buf_put_text(text->out, "null");
  state_put_text(text, "source", &values[OPPORTUNITY_SOURCE]);
  state_put_time(text, "discovered", &values[OPPORTUNITY_DISCOVERED]);
  state_put_time(text, "updated", &values[OPPORTUNITY_UPDATED]);
  buf_put_char(text->out, '}');
}

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  const struct field_value *params = request->params;
  const struct field_value *confidence = &params[QUERY_MIN_CONFIDENCE];
  bool best = params[QUERY_ORDER].set && params[QUERY_ORDER].number == 1;
  double least = confidence->real > 1 ? confidence->real / 100 : confidence->real;
  struct state_list list = {
      .plural = "opportunities",
      .letter = best ? 'P' : 'O',
      .statement = SQL_OPPORTUNITIES_PAGE,
      .after_name = "after_id",
      .columns = OPPORTUNITY_COLUMNS,
      .put = put_row,
      .values = {HISTORY_VALUE_INTEGER("best", best),
                 state_list_text("category", &params[QUERY_CATEGORY]),
                 state_list_text("source", &params[QUERY_SOURCE]),
                 confidence->set ? HISTORY_VALUE_REAL("min_confidence", least)
                                 : HISTORY_VALUE_NULL("min_confidence")},
      .value_count = 4,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_opportunities_list(struct worker *worker, const struct request *request,
                            struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}
