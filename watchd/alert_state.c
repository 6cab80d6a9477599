#include "watchd/alert_state.h"

static enum alert_step go_to(struct alert_state *state, enum alert_stage stage, int64_t held_ms) {
  enum alert_stage before = state->stage;
  *state = (struct alert_state){stage, held_ms};
  return stage == before          ? ALERT_STAYS
         : stage == ALERT_FIRING  ? ALERT_FIRES
         : before == ALERT_FIRING ? ALERT_RESOLVES
                                  : ALERT_CHANGES;
}

static enum alert_step judge_firing(struct alert_state *state, enum alert_verdict verdict,
                                    int64_t now_ms, int64_t resolve_after_ms) {
  if (verdict != ALERT_GOOD)
    return go_to(state, ALERT_FIRING, 0);
  if (state->held_ms == 0)
    state->held_ms = now_ms;
  return now_ms - state->held_ms >= resolve_after_ms ? go_to(state, ALERT_OK, 0) : ALERT_STAYS;
}

enum alert_step alert_judge(struct alert_state *state, enum alert_verdict verdict, int64_t now_ms,
                            int64_t for_ms, int64_t resolve_after_ms) {
  if (state->stage == ALERT_FIRING)
    return judge_firing(state, verdict, now_ms, resolve_after_ms);
  if (verdict == ALERT_DARK)
    return go_to(state, ALERT_UNKNOWN, 0);
  if (verdict != ALERT_BAD)
    return go_to(state, ALERT_OK, 0);
  int64_t since_ms = state->stage == ALERT_PENDING ? state->held_ms : now_ms;
  return now_ms - since_ms >= for_ms ? go_to(state, ALERT_FIRING, 0)
                                     : go_to(state, ALERT_PENDING, since_ms);
}
