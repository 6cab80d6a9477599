/*
 * A session as /api/sessions shows it, and /api/agents/{name} those of an agent.
 */
#ifndef BELFRY_FCGI_SESSION_ROW_H
#define BELFRY_FCGI_SESSION_ROW_H

#include "model/state.h"
#include "model/state_text.h"

/* The columns of sessions_page. */
enum {
  SESSION_ID,
  SESSION_AGENT,
  SESSION_SOURCE,
  SESSION_STATE,
  SESSION_TOKENS,
  SESSION_CONTEXT,
  SESSION_STARTED,
  SESSION_UPDATED,
  SESSION_ENDED,
  SESSION_UPDATES,
  SESSION_FAR_AT,
  SESSION_FAR_TOKENS,
  SESSION_FAR_CONTEXT,
  SESSION_TERMINATING,
  SESSION_COMMAND,
  SESSION_REASON,
  SESSION_KEY,
  SESSION_COLUMNS
};

/* Puts it as a JSON object. */
void session_row_put(struct state_text *text, const struct state_now *now,
                     const struct history_value *values);

/* Which sessions. What is zero does not matter. */
struct session_query {
  int64_t stale_before;
  struct slice id, agent;
  bool open;   /* only those that have not ended */
  bool recent; /* those updated last first, not those started last */
  int64_t limit;
};

/* Reads rows of sessions_page. */
int sessions_read(struct history *history, const struct session_query *query, history_row_fn on_row,
                  void *arg, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
