/* lib/history/block: a blob with any content and the right checksum unpacks or is refused; what it
 * unpacks to comes back when it is packed again. */
#include "blob.h"
#include "history/block_priv.h"

static struct block_coder *coder, *other;

static void check_event(const struct event *event, const struct event *want) {
  PROPERTY(event->id == want->id && event->timestamp_ms == want->timestamp_ms &&
               event->received_ms == want->received_ms && event->severity == want->severity &&
               event->origin == want->origin,
           "numbers come back");
  PROPERTY(slice_equal(event->type, want->type) && slice_equal(event->source, want->source) &&
               slice_equal(event->event_id, want->event_id) && slice_equal(event->data, want->data),
           "texts come back");
}

static void check_round_trip(const struct block *block) {
  struct buf blob;
  struct block again;
  buf_init(&blob, 0);
  PROPERTY(block__put(other, block->events, block->count, &blob) == 0, "events can be packed");
  PROPERTY(block__take(other, buf_slice(&blob), &again, NULL) == 0, "what was packed unpacks");
  PROPERTY(again.count == block->count, "all come back");
  for (size_t i = 0; i < again.count; i++)
    check_event(&again.events[i], &block->events[i]);
  buf_fini(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
  struct block block;
  if (!coder)
    coder = block__coder_new();
  if (!other)
    other = block__coder_new();
  PROPERTY(coder && other, "there is memory");
  struct buf blob = blob_seal(bytes, len);
  int status = block__take(coder, buf_slice(&blob), &block, NULL);
  buf_fini(&blob); /* the events need it no longer */
  PROPERTY(!status || status == BELFRY_ECORRUPT, "only what is corrupt is refused");
  if (status)
    return 0;
  PROPERTY(block.count >= 1 && block.count <= BLOCK_EVENTS_MAX, "there are events");
  for (size_t i = 0; i < block.count; i++) {
    const struct event *event = &block.events[i];
    PROPERTY(i == 0 || event->id > event[-1].id, "ids rise");
    PROPERTY(event->severity >= 0 && event->severity <= BLOCK_SMALL_MAX && event->origin >= 0 &&
                 event->origin <= BLOCK_SMALL_MAX,
             "a severity is a bit of a mask");
  }
  check_round_trip(&block);
  return 0;
}
