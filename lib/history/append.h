/*
 * The way in: batches of records that belfry-historyd stores as a whole or not at all, in one
 * transaction, and answers when they are durable. This is the client's side and the codec that both
 * sides use; historyd/ is the other side.
 */
#ifndef BELFRY_HISTORY_APPEND_H
#define BELFRY_HISTORY_APPEND_H

#include "base/buf.h"
#include "base/error.h"
#include "base/ulid.h"
#include "base/wire.h"
#include "history/event.h"
#include "history/statements.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes with every change of the messages below; both sides must agree. */
#define HISTORY_PROTOCOL_VERSION 2

enum history_verb {
  HISTORY_VERB_HELLO = 1,  /* u32 protocol version, program name -> epoch, i64 oldest, i64 head */
  HISTORY_VERB_APPEND = 2, /* u32 number of records, records -> struct history_receipt */
};

/* A batch in the making. */
struct history_batch {
  struct buf records; /* encoded */
  uint32_t event_count;
  uint32_t sample_count;
  uint32_t mutation_count;
};

/* `limit_bytes` 0 means 64 MiB. */
void history_batch_init(struct history_batch *batch, size_t limit_bytes);
void history_batch_fini(struct history_batch *batch);
void history_batch_clear(struct history_batch *batch); /* empties it and keeps the memory */

static inline uint32_t history_batch_count(const struct history_batch *batch) {
  return batch->event_count + batch->sample_count + batch->mutation_count;
}

/* Whether it changes state, and does not only add to the history. */
static inline bool history_batch_mutates(const struct history_batch *batch) {
  return batch->mutation_count > 0;
}

/* Copies what they are given. Ask history_batch_status() once at the end. `id`, `received_ms` and
   `origin` are ignored. An event must have an event_id (make one with ulid_make), so that sending a
   batch again stores nothing twice. */
void history_batch_event(struct history_batch *batch, const struct event *event);
void history_batch_sample(struct history_batch *batch, const struct sample *sample);

/* How a sample is stored that is not simply stored. */
enum history_sample_flags {
  /* Where it would make one series too many it is left out and counted in the receipt, and the rest
     of the batch is stored. */
  HISTORY_SAMPLE_OPTIONAL = 1,
  /* Its value is what came on top of the series' last one, and the sum is what is stored: a counter
     that rates can be made of. One that is not later than the last has been added already. */
  HISTORY_SAMPLE_INCREMENT = 2,
};

/* `flags`: of enum history_sample_flags. */
void history_batch_sample_with(struct history_batch *batch, const struct sample *sample,
                               unsigned flags);

/*
 * A change of state by a numbered statement of sql/statements that this program may run (its `--
 * writers:` line). With `must_change` the whole batch is refused with BELFRY_ECONFLICT, and nothing
 * of it stored, when the statement changes no row: a statement with `WHERE version = :expected` so
 * becomes a compare-and-set.
 */
void history_batch_mutate(struct history_batch *batch, enum sql_statement statement,
                          bool must_change, const struct history_value *values, size_t value_count);

/* Returns: 0, BELFRY_ETOOBIG or BELFRY_ENOMEM. */
int history_batch_status(const struct history_batch *batch) BELFRY_MUST_CHECK;

struct history_receipt {
  uint32_t accepted;   /* events stored now */
  uint32_t duplicates; /* events that were there already */
  uint32_t left_out; /* samples with HISTORY_SAMPLE_OPTIONAL for which there are too many series */
  int64_t first_id;  /* of the events stored now; 0 when there are none */
  int64_t last_id;
};

/* --- client
 * ------------------------------------------------------------------------------------------------------
 */

struct history_client;

/*
 * Does not connect yet. Takes: `socket_path` and `program` ("belfry-fcgi", ...) are copied.
 * Returns: 0 or BELFRY_ENOMEM. `*out` is owned, free with history_client_free().
 */
int history_client_new(const char *socket_path, const char *program,
                       struct history_client **out) BELFRY_MUST_CHECK;
void history_client_free(struct history_client *client);

/*
 * Sends a batch and waits for the answer. Connects when needed; when historyd goes away before it
 * has answered, sends the batch again to the next one until the time is up (event ids make that
 * harmless; a batch with `must_change` may then answer BELFRY_ECONFLICT for a change that it made
 * itself). Returns: 0 when all of it is durable; BELFRY_EFULL, BELFRY_EBUSY, BELFRY_ETIMEDOUT or
 * BELFRY_ECLOSED when the history cannot be written now; BELFRY_ECONFLICT, BELFRY_EDENIED,
 * BELFRY_EINVAL or BELFRY_ETOOBIG when this batch is refused.
 */
int history_client_append(struct history_client *client, const struct history_batch *batch,
                          int timeout_ms, struct history_receipt *receipt,
                          struct belfry_error *error) BELFRY_MUST_CHECK;

/* The same without waiting, for programs with an event loop. */

/* Called once for each batch that was sent. On BELFRY_ECLOSED it is unknown whether the batch was
 * stored. */
typedef void (*history_receipt_fn)(void *arg, uint32_t tag, int status,
                                   const struct history_receipt *receipt, const char *error_text);

/* Queues a copy of the batch. Returns: 0 with `*tag`; BELFRY_ECLOSED when not connected
 * (history_client_connect); BELFRY_EBUSY when too much is queued already (wait for receipts). */
int history_client_send(struct history_client *client, const struct history_batch *batch,
                        uint32_t *tag) BELFRY_MUST_CHECK;

/* Connects if it is not connected and says hello without waiting for the answer. */
int history_client_connect(struct history_client *client,
                           struct belfry_error *error) BELFRY_MUST_CHECK;

/* Returns: the descriptor to watch, or -1 when not connected; `*events` what to watch it for
 * (POLLIN, POLLOUT). */
int history_client_poll(const struct history_client *client, short *events);

/* Does what can be done without waiting, calling `on_receipt` for what was answered. Returns: 0, or
   BELFRY_ECLOSED or BELFRY_EPROTO after the connection was lost (all open tags have then been
   answered so). */
int history_client_pump(struct history_client *client, history_receipt_fn on_receipt,
                        void *arg) BELFRY_MUST_CHECK;

/* --- codec of the records, for historyd and the tests
 * --------------------------------------------------------------- */

enum history_record_kind {
  HISTORY_RECORD_EVENT = 1,
  HISTORY_RECORD_SAMPLE = 2,
  HISTORY_RECORD_MUTATION = 3
};

#define HISTORY_MUTATION_VALUES_MAX 24
#define HISTORY_VALUE_NAME_BYTES    32

/* Largest payload of a request: what a batch with the default limit takes. */
#define HISTORY_PAYLOAD_MAX (((size_t)64 << 20) + sizeof(uint32_t))

struct history_record {
  enum history_record_kind kind;
  struct event event;
  struct sample sample;
  unsigned sample_flags; /* of enum history_sample_flags */
  struct {
    struct slice statement; /* its name */
    bool must_change;
    struct history_value values[HISTORY_MUTATION_VALUES_MAX];
    char names[HISTORY_MUTATION_VALUES_MAX]
              [HISTORY_VALUE_NAME_BYTES]; /* what the values' names point to */
    size_t value_count;
  } mutation;
};

/* Takes the next record off the payload; its texts are borrowed from there.
   Returns: 0, BELFRY_EMORE at the end, or BELFRY_EPROTO. */
int history_record_take(struct wire *wire, struct history_record *record) BELFRY_MUST_CHECK;

void history_receipt_put(struct buf *out, const struct history_receipt *receipt);
int history_receipt_take(struct slice payload, struct history_receipt *receipt) BELFRY_MUST_CHECK;

#endif
