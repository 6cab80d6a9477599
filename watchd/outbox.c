#include "watchd/outbox.h"

#include "base/clock.h"
#include "base/log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define LABELS_BYTES_MAX   4096 /* of one sample, as text */
#define PARCEL_RECORDS_MAX 1000
#define PARCEL_BYTES_MAX   ((size_t)256 << 10) /* a parcel this large is closed */
#define LANE_BYTES_MAX     ((size_t)16 << 20)
#define GATHER_SECONDS     0.05 /* what comes within this time travels together */
#define RETRY_SECONDS      0.5

/* Records that travel together, in the order of a lane. */
struct parcel {
  struct history_batch batch;
  struct parcel *next;
};

struct lane {
  const char *name;
  struct parcel *first, *last; /* owned; the last is the one being filled */
  size_t bytes;                /* in all of them */
  bool in_flight;              /* the first has been sent under `tag` */
  uint32_t tag;
  bool told_full; /* the log has said that it loses something; until it is empty again */
};

struct receipt {
  uint32_t tag;
  int status;
  char error_text[200];
};

struct outbox {
  struct ev_loop *loop;          /* borrowed */
  struct history_client *client; /* owned */
  struct ev_io io;
  struct ev_timer gather, retry;
  struct lane perishable, kept;
  struct outbox_letter *letters; /* waiting for their receipt; borrowed */
  struct ulid_maker ulids;
  struct outbox_figures figures;
  struct buf labels;        /* of the sample that is put */
  bool together;            /* what comes now goes into one parcel */
  bool told_away;           /* the log has said that historyd is away */
  int64_t hold_until_ms;    /* the history cannot be written now: send nothing before (monotonic) */
  struct receipt *receipts; /* taken while pumping, told afterwards; owned */
  size_t receipt_count, receipt_cap;
};

/* --- lanes --------------------------------------------------------------------------------------
 */

static void drop_first(struct lane *lane) {
  struct parcel *parcel = lane->first;
  lane->first = parcel->next;
  if (!lane->first) {
    lane->last = NULL;
    lane->told_full = false;
  }
  lane->bytes -= parcel->batch.records.len;
  lane->in_flight = false;
  history_batch_fini(&parcel->batch);
  free(parcel);
}

static void clear_lane(struct lane *lane) {
  while (lane->first)
    drop_first(lane);
}

/* Makes room by giving up the oldest parcel, but never the one that is on its way. */
static void bound_lane(struct outbox *outbox, struct lane *lane) {
  while (lane->bytes > LANE_BYTES_MAX && lane->first != lane->last) {
    struct parcel *victim = lane->in_flight ? lane->first->next : lane->first;
    if (victim == lane->last)
      return;
    if (!lane->told_full)
      log_warning("the %s lane is full: what is oldest in it is lost", lane->name);
    lane->told_full = true;
    outbox->figures.dropped += history_batch_count(&victim->batch);
    if (!lane->in_flight) {
      drop_first(lane);
      continue;
    }
    lane->first->next = victim->next;
    lane->bytes -= victim->batch.records.len;
    history_batch_fini(&victim->batch);
    free(victim);
  }
}

/* Returns: the batch to put a record into, or NULL when there is no memory. */
static struct history_batch *open_batch(struct outbox *outbox, struct lane *lane) {
  struct parcel *last = lane->last;
  bool full = last && (history_batch_count(&last->batch) >= PARCEL_RECORDS_MAX ||
                       last->batch.records.len >= PARCEL_BYTES_MAX);
  bool closed = !last || (lane->in_flight && last == lane->first) || (full && !outbox->together);
  if (!closed)
    return &last->batch;
  struct parcel *parcel = calloc(1, sizeof *parcel);
  if (!parcel)
    return NULL;
  history_batch_init(&parcel->batch, 0);
  if (last)
    last->next = parcel;
  else
    lane->first = parcel;
  lane->last = parcel;
  bound_lane(outbox, lane);
  return &parcel->batch;
}

static void gather(struct outbox *outbox) {
  if (ev_is_active(&outbox->gather))
    return;
  ev_timer_set(&outbox->gather, GATHER_SECONDS, 0);
  ev_timer_start(outbox->loop, &outbox->gather);
}

void outbox_sample(struct outbox *outbox, const struct sample *sample) {
  struct history_batch *batch = open_batch(outbox, &outbox->perishable);
  if (!batch) {
    outbox->figures.dropped++;
    return;
  }
  size_t before = batch->records.len;
  history_batch_sample(batch, sample);
  outbox->perishable.bytes += batch->records.len - before;
  gather(outbox);
}

void outbox_labelled(struct outbox *outbox, const struct sample *sample, struct label *labels,
                     size_t label_count) {
  struct sample labelled = *sample;
  buf_clear(&outbox->labels);
  labels_put_json(&outbox->labels, labels, label_count);
  labelled.labels = buf_slice(&outbox->labels);
  if (buf_status(&outbox->labels) == BELFRY_OK)
    outbox_sample(outbox, &labelled);
}

static void put_mutation(struct outbox *outbox, struct lane *lane, enum sql_statement statement,
                         const struct history_value *values, size_t value_count) {
  struct history_batch *batch = open_batch(outbox, lane);
  if (!batch) {
    outbox->figures.dropped++;
    return;
  }
  size_t before = batch->records.len;
  history_batch_mutate(batch, statement, false, values, value_count);
  lane->bytes += batch->records.len - before;
  gather(outbox);
}

void outbox_note(struct outbox *outbox, enum sql_statement statement,
                 const struct history_value *values, size_t value_count) {
  put_mutation(outbox, &outbox->perishable, statement, values, value_count);
}

void outbox_change(struct outbox *outbox, enum sql_statement statement,
                   const struct history_value *values, size_t value_count) {
  put_mutation(outbox, &outbox->kept, statement, values, value_count);
}

void outbox_event(struct outbox *outbox, const struct event *event) {
  struct history_batch *batch = open_batch(outbox, &outbox->kept);
  if (!batch) {
    outbox->figures.dropped++;
    return;
  }
  struct event copy = *event;
  char event_id[ULID_BYTES];
  if (copy.event_id.len == 0) {
    ulid_make(&outbox->ulids, clock_realtime_ms(&clock_system), event_id);
    copy.event_id = slice_of(event_id);
  }
  size_t before = batch->records.len;
  history_batch_event(batch, &copy);
  outbox->kept.bytes += batch->records.len - before;
  gather(outbox);
}

void outbox_begin(struct outbox *outbox) {
  outbox->together = true;
}

void outbox_end(struct outbox *outbox) {
  outbox->together = false;
}

/* --- the connection -----------------------------------------------------------------------------
 */

bool outbox_connected(const struct outbox *outbox) {
  short events;
  return history_client_poll(outbox->client, &events) >= 0;
}

/* Watches the client for what it wants to do next. */
static void watch_client(struct outbox *outbox) {
  short events = 0;
  int fd = history_client_poll(outbox->client, &events);
  int wanted = (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0);
  ev_io_stop(outbox->loop, &outbox->io);
  if (fd < 0)
    return;
  ev_io_set(&outbox->io, fd, wanted);
  ev_io_start(outbox->loop, &outbox->io);
}

static void retry_later(struct outbox *outbox) {
  if (ev_is_active(&outbox->retry))
    return;
  ev_timer_set(&outbox->retry, RETRY_SECONDS, 0);
  ev_timer_start(outbox->loop, &outbox->retry);
}

static bool held(const struct outbox *outbox) {
  return clock_monotonic_ms(&clock_system) < outbox->hold_until_ms;
}

static void send_lane(struct outbox *outbox, struct lane *lane) {
  if (lane->in_flight || !lane->first || history_batch_count(&lane->first->batch) == 0)
    return;
  if (history_batch_status(&lane->first->batch)) { /* a record that did not fit into memory */
    outbox->figures.dropped += history_batch_count(&lane->first->batch);
    drop_first(lane);
    return;
  }
  if (history_client_send(outbox->client, &lane->first->batch, &lane->tag) == BELFRY_OK)
    lane->in_flight = true;
}

/* Connects if need be and sends what is ready. */
static void work(struct outbox *outbox) {
  struct belfry_error error = {0};
  if (held(outbox)) {
    retry_later(outbox);
    return;
  }
  if (!outbox_connected(outbox)) {
    int status = history_client_connect(outbox->client, &error);
    if (status) {
      if (!outbox->told_away)
        log_notice("belfry-historyd is away, what is seen is kept until it is back: %s",
                   error.text);
      outbox->told_away = true;
      retry_later(outbox);
      return;
    }
  }
  send_lane(outbox, &outbox->kept);
  send_lane(outbox, &outbox->perishable);
  watch_client(outbox);
}

static void outbox_on_timer(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  work(timer->data);
}

/* --- receipts -----------------------------------------------------------------------------------
 */

/* Within history_client_pump: only remembers, because what follows sends again. */
static void outbox_on_receipt(void *arg, uint32_t tag, int status,
                              const struct history_receipt *receipt, const char *error_text) {
  (void)receipt;
  struct outbox *outbox = arg;
  if (outbox->receipt_count == outbox->receipt_cap) {
    size_t cap = outbox->receipt_cap ? outbox->receipt_cap * 2 : 16;
    struct receipt *more = realloc(outbox->receipts, cap * sizeof *more);
    if (!more) {
      /* Forgetting a receipt would leave its sender waiting for ever. */
      log_critical("out of memory");
      abort();
    }
    outbox->receipts = more;
    outbox->receipt_cap = cap;
  }
  struct receipt *kept = &outbox->receipts[outbox->receipt_count++];
  *kept = (struct receipt){.tag = tag, .status = status};
  snprintf(kept->error_text, sizeof kept->error_text, "%s", error_text ? error_text : "");
}

/* Whether sending the same again later makes sense. */
static bool is_passing(int status) {
  return status == BELFRY_ECLOSED || status == BELFRY_EBUSY || status == BELFRY_EFULL ||
         status == BELFRY_ETIMEDOUT || status == BELFRY_EIO || status == BELFRY_ENOMEM;
}

static void hold_back(struct outbox *outbox) {
  outbox->hold_until_ms = clock_monotonic_ms(&clock_system) + (int64_t)(RETRY_SECONDS * 1000);
}

static bool settle_lane(struct outbox *outbox, struct lane *lane, const struct receipt *receipt) {
  if (!lane->in_flight || lane->tag != receipt->tag)
    return false;
  const struct history_batch *batch = &lane->first->batch;
  lane->in_flight = false;
  if (is_passing(receipt->status)) {
    if (receipt->status != BELFRY_ECLOSED)
      hold_back(outbox);
    bound_lane(outbox, lane);
    return true;
  }
  if (receipt->status) {
    log_error("the history refused %u records of the %s lane, they are lost: %s",
              (unsigned)history_batch_count(batch), lane->name, receipt->error_text);
    outbox->figures.dropped += history_batch_count(batch);
  } else {
    outbox->figures.samples += batch->sample_count;
    outbox->figures.events += batch->event_count;
  }
  drop_first(lane);
  return true;
}

static void settle_letter(struct outbox *outbox, const struct receipt *receipt) {
  struct outbox_letter **at = &outbox->letters;
  while (*at && (*at)->tag != receipt->tag)
    at = &(*at)->next;
  struct outbox_letter *letter = *at;
  if (!letter)
    return;
  *at = letter->next;
  letter->waiting = false;
  letter->on_receipt(letter->arg, receipt->status, receipt->error_text);
}

static void settle(struct outbox *outbox) {
  for (size_t i = 0; i < outbox->receipt_count; i++) {
    struct receipt receipt = outbox->receipts[i]; /* a letter's owner may make the array grow */
    if (receipt.status == BELFRY_OK && outbox->told_away) {
      log_notice("belfry-historyd is back");
      outbox->told_away = false;
    }
    if (!settle_lane(outbox, &outbox->kept, &receipt) &&
        !settle_lane(outbox, &outbox->perishable, &receipt))
      settle_letter(outbox, &receipt);
  }
  outbox->receipt_count = 0;
}

static void outbox_on_io(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct outbox *outbox = io->data;
  int status = history_client_pump(outbox->client, outbox_on_receipt, outbox);
  if (status) {
    if (!outbox->told_away)
      log_notice("belfry-historyd has gone, what is seen is kept until it is back");
    outbox->told_away = true;
    hold_back(outbox);
    /* A refused hello (another version, not our user) is no verdict on what was sent. */
    for (size_t i = 0; i < outbox->receipt_count; i++)
      if (outbox->receipts[i].status == BELFRY_EVERSION ||
          outbox->receipts[i].status == BELFRY_EDENIED) {
        log_error("belfry-historyd refuses this program: %s", outbox->receipts[i].error_text);
        outbox->receipts[i].status = BELFRY_ECLOSED;
      }
  }
  watch_client(outbox);
  settle(outbox);
  work(outbox);
}

/* --- letters ------------------------------------------------------------------------------------
 */

int outbox_send(struct outbox *outbox, struct outbox_letter *letter,
                const struct history_batch *batch) {
  /* Not held back by the lanes: while the disk is full, what is only state can still be stored. */
  if (!outbox_connected(outbox))
    return BELFRY_ECLOSED;
  int status = history_client_send(outbox->client, batch, &letter->tag);
  if (status)
    return status;
  letter->waiting = true;
  letter->next = outbox->letters;
  outbox->letters = letter;
  watch_client(outbox);
  return BELFRY_OK;
}

void outbox_recall(struct outbox *outbox, struct outbox_letter *letter) {
  struct outbox_letter **at = &outbox->letters;
  while (*at && *at != letter)
    at = &(*at)->next;
  if (*at)
    *at = letter->next;
  letter->waiting = false;
}

struct outbox_figures outbox_figures(const struct outbox *outbox) {
  return outbox->figures;
}

/* --- the outbox itself --------------------------------------------------------------------------
 */

int outbox_new(struct ev_loop *loop, const char *socket_path, struct outbox **out) {
  struct outbox *outbox = calloc(1, sizeof *outbox);
  if (!outbox)
    return BELFRY_ENOMEM;
  outbox->loop = loop;
  buf_init(&outbox->labels, LABELS_BYTES_MAX);
  outbox->perishable.name = "samples";
  outbox->kept.name = "events";
  int status = history_client_new(socket_path, "belfry-watchd", &outbox->client);
  if (status) {
    free(outbox);
    return status;
  }
  ev_io_init(&outbox->io, outbox_on_io, -1, 0);
  outbox->io.data = outbox;
  ev_timer_init(&outbox->gather, outbox_on_timer, 0, 0);
  outbox->gather.data = outbox;
  ev_timer_init(&outbox->retry, outbox_on_timer, 0, 0);
  outbox->retry.data = outbox;
  ev_timer_start(loop, &outbox->retry); /* connects when the loop begins */
  *out = outbox;
  return BELFRY_OK;
}

void outbox_free(struct outbox *outbox) {
  if (!outbox)
    return;
  ev_io_stop(outbox->loop, &outbox->io);
  ev_timer_stop(outbox->loop, &outbox->gather);
  ev_timer_stop(outbox->loop, &outbox->retry);
  history_client_free(outbox->client);
  clear_lane(&outbox->perishable);
  clear_lane(&outbox->kept);
  free(outbox->receipts);
  buf_fini(&outbox->labels);
  free(outbox);
}
