/* When to checkpoint. */
#include "historyd/checkpoint.h"

#include "base/log.h"

#include <stdbool.h>

#define PAGE_BYTES       4096
#define IDLE_MS          10000 /* a log that grows slowly is checkpointed this often all the same */
#define RESTART_PAUSE_MS 1000  /* readers that do not let go must not stop the appends for long */

void checkpoint_init(struct checkpoint *checkpoint, struct history_writer *writer,
                     const struct conf *conf) {
  *checkpoint = (struct checkpoint){.writer = writer,
                                    .every_pages = conf->history_checkpoint_pages,
                                    .limit_pages = conf->history_wal_limit_bytes / PAGE_BYTES};
}

int checkpoint_step(struct checkpoint *checkpoint, int64_t now_ms, struct belfry_error *error) {
  int64_t pages = history_writer_wal_pages(checkpoint->writer);
  if (pages < checkpoint->done_pages) /* the log has started over */
    checkpoint->done_pages = 0;
  int64_t waiting = pages - checkpoint->done_pages;
  bool restart =
      pages >= checkpoint->limit_pages && now_ms - checkpoint->last_restart_ms >= RESTART_PAUSE_MS;
  bool idle = waiting > 0 && now_ms - checkpoint->last_ms >= IDLE_MS;
  if (!restart && !idle && waiting < checkpoint->every_pages)
    return BELFRY_OK;
  struct belfry_error why = {0};
  int status = history_writer_checkpoint(checkpoint->writer, restart, &why);
  checkpoint->done_pages = pages;
  checkpoint->last_ms = now_ms;
  if (restart)
    checkpoint->last_restart_ms = now_ms;
  if (status == BELFRY_EIO || status == BELFRY_ECORRUPT)
    return belfry_error_set(error, status, "%s", why.text);
  if (status && status != BELFRY_EBUSY) /* busy: readers; the next one will do */
    log_warning("the write-ahead log stays as it is for now: %s", why.text);
  return BELFRY_OK;
}
