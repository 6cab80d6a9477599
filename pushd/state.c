#include "pushd/state.h"

#include "model/state.h"

#include <string.h>

static void forget_frames(struct state_cache *cache) {
  for (int i = 0; i < REPRESENTATION_COUNT; i++) {
    frame_unref(cache->metrics[i]);
    frame_unref(cache->answers[i]);
    cache->metrics[i] = cache->answers[i] = NULL;
  }
}

void state_fini(struct state_cache *cache) {
  forget_frames(cache);
  buf_fini(&cache->json);
  cache->there = false;
}

int state_refresh(struct state_cache *cache, struct history *history, const struct conf *conf,
                  const struct clock *clock, struct belfry_error *error) {
  int64_t start_ms = clock_monotonic_ms(clock);
  if (!history)
    return cache->there ? BELFRY_OK
                        : belfry_error_set(error, BELFRY_EBUSY, "the history cannot be read now");
  if (cache->there && start_ms - cache->computed_ms < 10 * cache->took_ms)
    return BELFRY_OK;
  uint64_t version = history_version(history);
  if (cache->there && version && version == cache->version)
    return BELFRY_OK;
  struct buf json;
  struct state_text text;
  const struct state_now now = {clock_realtime_ms(clock), conf->model_agent_stale_ms,
                                conf->model_session_stale_ms};
  buf_init(&json, 0);
  state_text_init(&text, &json);
  int status = state_put(history, STATE_ALL, &now, &text, error);
  if (!status)
    status = buf_status(&json);
  if (status) {
    buf_fini(&json);
    return cache->there ? BELFRY_OK : status;
  }
  forget_frames(cache);
  buf_fini(&cache->json);
  cache->json = json;
  cache->there = true;
  cache->fingerprint = state_text_fingerprint(&text);
  cache->version = version;
  cache->computed_ms = clock_monotonic_ms(clock);
  cache->took_ms = cache->computed_ms - start_ms;
  return BELFRY_OK;
}

static struct frame *make(struct state_cache *cache, struct encoder *encoder,
                          enum representation representation, const char *name) {
  struct buf message;
  buf_init(&message, 0);
  buf_printf(&message, "{\"event\":\"%s\",\"data\":", name);
  buf_put_slice(&message, buf_slice(&cache->json));
  buf_put_char(&message, '}');
  struct frame *frame =
      buf_status(&message)
          ? NULL
          : frame_encode(encoder, representation, buf_slice(&message), slice_of(name), FRAME_NO_ID);
  buf_fini(&message);
  return frame;
}

/* The message `name` out of `frames`, where it is kept in each representation. */
static struct frame *get(struct state_cache *cache, struct frame **frames, struct encoder *encoder,
                         enum representation representation, const char *name) {
  struct frame **frame = &frames[representation];
  if (*frame || !cache->there)
    return *frame;
  if (representation == REPRESENTATION_WS_DEFLATE) {
    struct frame *plain = get(cache, frames, encoder, REPRESENTATION_WS, name);
    *frame = plain ? frame_deflate(encoder, plain) : NULL;
  } else {
    *frame = make(cache, encoder, representation, name);
  }
  return *frame;
}

struct frame *state_metrics(struct state_cache *cache, struct encoder *encoder,
                            enum representation representation) {
  return get(cache, cache->metrics, encoder, representation, "metrics_update");
}

struct frame *state_answer(struct state_cache *cache, struct encoder *encoder,
                           enum representation representation) {
  return get(cache, cache->answers, encoder, representation, "state");
}
