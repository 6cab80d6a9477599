/*
 * How far samples are sealed (sql/schema/0003_late_samples.sql), and the writer's part in sealing
 * them: it never waits for the keeper and never has to be asked whether something changed.
 *
 *   1. The keeper has `closed` raised: what comes for the time before goes to late_sample, and the
 *      rows of `sample` before it change no more.
 *   2. The keeper packs them, and has `sealed` raised in the same transaction that records what its
 *      files hold. From that moment on readers take them from there.
 *   3. The rows go away in small sweeps; nobody reads them any more.
 *
 * Late samples go the same way by their order of arrival.
 */
#ifndef BELFRY_HISTORY_SAMPLE_MARKS_PRIV_H
#define BELFRY_HISTORY_SAMPLE_MARKS_PRIV_H

#include "history/segment_priv.h"

struct sample_marks {
  int64_t closed_ms, sealed_ms;
  int64_t late_sealed;
  int64_t late_last; /* of the last late sample, 0 if there is none */
};

int sample_marks_read(struct storage *hot, struct sample_marks *out,
                      struct belfry_error *error) BELFRY_MUST_CHECK;

/* What the keeper of samples asks of the writer. Marks that are 0 stay as they are. */
struct sample_hand_over {
  int64_t closed_ms, sealed_ms, late_sealed;
  const struct segment_change *changes; /* borrowed */
  size_t change_count;
  int64_t sweep; /* most rows to be swept */
  int64_t now_ms;
};

/* The writer's part, within its transaction. Changes `marks`, which are the writer's. Returns: 0;
 * BELFRY_ECONFLICT when a file is not as the keeper knew it (nothing is to be committed then). */
int sample_marks_take_over(struct storage *hot, struct sample_marks *marks,
                           const struct sample_hand_over *hand_over,
                           struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
