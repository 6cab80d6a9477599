/*
 * Group commit.
 *
 * Which failures mean what:
 *   - the batch is wrong (check_batch, a change of state that does not fit): it is undone, the
 * others of the group go on;
 *   - a projection or a sample that follows from an event does not fit (data of an odd shape, too
 *     many series): counted; the event is stored all the same, since the log is the truth and the
 *     rest follows from it;
 *   - no room, no memory: nothing of the group is stored, everybody is told, the daemon goes on;
 *   - the disk fails: nobody is answered, the daemon ends.
 */
#include "historyd/appender.h"

#include "base/log.h"
#include "historyd/check.h"
#include "model/event_type.h"

#include <stdio.h>

/* Events of our own programs (log lines) may be larger than what a request may bring. */
#define DATA_BYTES_MIN (INT64_C(1) << 20)

void appender_init(struct appender *appender, struct history_writer *writer,
                   const struct conf *conf, const struct clock *clock) {
  *appender = (struct appender){.writer = writer, .conf = conf, .clock = clock};
}

/* What a group is doing; its figures count only once it is committed. */
struct group {
  struct appender *appender;
  struct append_figures figures;
  int64_t received_ms;
  struct append_request *request; /* the one that is being applied */
  struct belfry_error *error;
};

/* Whether a failure is the group's and not the batch's. */
static bool ends_group(int status) {
  switch (status) {
  case BELFRY_EFULL:
  case BELFRY_EIO:
  case BELFRY_ECORRUPT:
  case BELFRY_ENOMEM:
  case BELFRY_EBUSY:
    return true;
  default:
    return false;
  }
}

static bool is_fatal(int status) {
  return status == BELFRY_EIO || status == BELFRY_ECORRUPT;
}

static void refuse(struct append_request *request, int status, const char *text) {
  request->status = status;
  request->receipt = (struct history_receipt){0};
  snprintf(request->text, sizeof request->text, "%s", text[0] ? text : belfry_strerror(status));
}

static int on_event_sample(void *arg, const struct sample *sample) {
  struct group *group = arg;
  struct belfry_error why = {0};
  int status = history_writer_sample(group->appender->writer, sample, &why);
  if (!status) {
    group->figures.samples++;
    return BELFRY_OK;
  }
  if (ends_group(status))
    return belfry_error_set(group->error, status, "%s", why.text);
  if (group->figures.samples_dropped++ == 0 && group->appender->figures.samples_dropped == 0)
    log_warning("a sample that an event carries is not stored: %s", why.text);
  return BELFRY_OK;
}

static int project(struct group *group, const struct event *event) {
  enum sql_statement statements[EVENT_PROJECTIONS_MAX];
  size_t count = event_type_projections(event->type, statements);
  for (size_t i = 0; i < count; i++) {
    struct belfry_error why = {0};
    int status = history_writer_project(group->appender->writer, statements[i], event, &why);
    if (!status)
      continue;
    if (ends_group(status))
      return belfry_error_set(group->error, status, "%s", why.text);
    group->figures.projection_errors++;
    log_debug("event %lld of type %.*s does not fit its projection: %s", (long long)event->id,
              SLICE_ARG(event->type), why.text);
  }
  return BELFRY_OK;
}

static int apply_event(struct group *group, struct event *event, struct history_receipt *receipt) {
  event->received_ms = group->received_ms;
  event->origin = (int)group->request->origin;
  int status = history_writer_event(group->appender->writer, event, group->error);
  if (status)
    return status;
  if (event->id == 0) {
    receipt->duplicates++;
    return BELFRY_OK;
  }
  receipt->accepted++;
  receipt->last_id = event->id;
  if (receipt->first_id == 0)
    receipt->first_id = event->id;
  status = project(group, event);
  return status ? status : event_samples(event, on_event_sample, group);
}

static int apply_mutation(struct group *group, const struct history_record *record) {
  int64_t changed = 0;
  int status = history_writer_mutate(group->appender->writer, record->mutation.statement,
                                     group->request->origin, record->mutation.values,
                                     record->mutation.value_count, &changed, group->error);
  if (!status && changed == 0 && record->mutation.must_change)
    status = belfry_error_set(group->error, BELFRY_ECONFLICT,
                              "%.*s found nothing to change: it was changed or is gone",
                              SLICE_ARG(record->mutation.statement));
  group->figures.mutations++;
  return status;
}

static int apply_sample(struct group *group, const struct history_record *record,
                        struct history_receipt *receipt) {
  struct belfry_error why = {0};
  int status = (record->sample_flags & HISTORY_SAMPLE_INCREMENT
                    ? history_writer_increment
                    : history_writer_sample)(group->appender->writer, &record->sample, &why);
  if (status == BELFRY_ETOOBIG && (record->sample_flags & HISTORY_SAMPLE_OPTIONAL)) {
    receipt->left_out++;
    group->figures.samples_dropped++;
    return BELFRY_OK;
  }
  if (status)
    return belfry_error_set(group->error, status, "%s", why.text);
  group->figures.samples++;
  return BELFRY_OK;
}

static int apply_record(struct group *group, struct history_record *record,
                        struct history_receipt *receipt) {
  switch (record->kind) {
  case HISTORY_RECORD_EVENT:
    return apply_event(group, &record->event, receipt);
  case HISTORY_RECORD_SAMPLE:
    return apply_sample(group, record, receipt);
  case HISTORY_RECORD_MUTATION:
    return apply_mutation(group, record);
  }
  return BELFRY_EPROTO;
}

static int apply_records(struct group *group, struct history_receipt *receipt) {
  struct history_record record;
  struct wire wire = wire_read(group->request->payload);
  (void)wire_get_u32(&wire); /* how many: check_batch has counted them */
  int status;
  while ((status = history_record_take(&wire, &record)) == BELFRY_OK) {
    status = apply_record(group, &record, receipt);
    if (status)
      return status;
  }
  return status == BELFRY_EMORE ? BELFRY_OK : status;
}

/* Applies a checked batch. Returns: 0, also when the batch was refused and undone; or what ends the
 * group. */
static int apply_batch(struct group *group, const struct check_counts *counts) {
  struct history_writer *writer = group->appender->writer;
  struct append_figures before = group->figures;
  struct history_receipt receipt = {0};
  struct belfry_error why = {0};
  struct belfry_error *group_error = group->error;
  /* Checked events cannot be refused any more; they go without a savepoint. */
  bool undoable = counts->samples > 0 || counts->mutations > 0;
  int status = undoable ? history_writer_begin_batch(writer, group_error) : BELFRY_OK;
  if (status)
    return status;
  group->error = &why;
  status = apply_records(group, &receipt);
  group->error = group_error;
  if (!status) {
    group->figures.appends++;
    group->figures.events += receipt.accepted;
    group->figures.duplicates += receipt.duplicates;
    group->request->status = BELFRY_OK;
    group->request->receipt = receipt;
    return undoable ? history_writer_end_batch(writer, group_error) : BELFRY_OK;
  }
  if (ends_group(status) || !undoable)
    return belfry_error_set(group_error, ends_group(status) ? status : BELFRY_EBUSY, "%s",
                            why.text[0] ? why.text : belfry_strerror(status));
  group->figures = before;
  refuse(group->request, status, why.text);
  return history_writer_undo_batch(writer, group_error);
}

static void say_full(struct appender *appender, const char *why) {
  if (!appender->full)
    log_error("the disk is full; nothing is stored until there is room: %s", why);
  appender->full = true;
}

/* Checks each request and refuses what cannot be stored. Returns: how many are left. */
static size_t check_all(struct appender *appender, struct append_request *requests, size_t count,
                        struct check_counts *counts) {
  struct check_limits limits = {.max_records = appender->conf->history_max_batch_events,
                                .max_data_bytes = appender->conf->fcgi_max_event_bytes};
  if (limits.max_data_bytes < DATA_BYTES_MIN)
    limits.max_data_bytes = DATA_BYTES_MIN;
  struct belfry_error no_room = {0};
  bool room = history_writer_has_room(appender->writer, &no_room);
  if (room && appender->full) {
    appender->full = false;
    log_notice("the disk has room again: events are stored as before");
  }
  if (!room)
    say_full(appender, no_room.text);
  size_t left = 0;
  for (size_t i = 0; i < count; i++) {
    struct append_request *request = &requests[i];
    struct belfry_error why = {0};
    request->status = BELFRY_OK;
    int status = check_batch(request->payload, request->origin, &limits, &counts[i], &why);
    if (!status && !room && counts[i].events + counts[i].samples > 0)
      status = belfry_error_set(&why, BELFRY_EFULL, "%s", no_room.text);
    if (status)
      refuse(request, status, why.text);
    else
      left++;
  }
  return left;
}

static int apply_group(struct group *group, struct append_request *requests, size_t count,
                       const struct check_counts *counts) {
  struct history_writer *writer = group->appender->writer;
  int status = history_writer_begin_group(writer, group->error);
  if (status)
    return status;
  for (size_t i = 0; i < count && !status; i++) {
    if (requests[i].status)
      continue;
    group->request = &requests[i];
    status = apply_batch(group, &counts[i]);
  }
  if (status) {
    history_writer_abandon_group(writer);
    return status;
  }
  return history_writer_commit_group(writer, group->error);
}

static void add_figures(struct append_figures *to, const struct append_figures *more) {
  to->appends += more->appends;
  to->events += more->events;
  to->duplicates += more->duplicates;
  to->samples += more->samples;
  to->mutations += more->mutations;
  to->projection_errors += more->projection_errors;
  to->samples_dropped += more->samples_dropped;
  to->commits++;
}

static int commit_some(struct appender *appender, struct append_request *requests, size_t count,
                       struct belfry_error *error) {
  struct check_counts counts[APPEND_GROUP_MAX];
  struct belfry_error why = {0};
  struct group group = {
      .appender = appender, .received_ms = clock_realtime_ms(appender->clock), .error = &why};
  if (check_all(appender, requests, count, counts) > 0) {
    int status = apply_group(&group, requests, count, counts);
    if (is_fatal(status))
      return belfry_error_set(error, status, "%s", why.text);
    if (status == BELFRY_EFULL)
      say_full(appender, why.text);
    for (size_t i = 0; status && i < count; i++)
      if (requests[i].status == BELFRY_OK)
        refuse(&requests[i], status, why.text);
    if (!status)
      add_figures(&appender->figures, &group.figures);
  }
  for (size_t i = 0; i < count; i++)
    appender->figures.refused += requests[i].status != BELFRY_OK;
  return BELFRY_OK;
}

int appender_commit(struct appender *appender, struct append_request *requests, size_t count,
                    struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t done = 0; done < count && !status;) {
    size_t some = count - done < APPEND_GROUP_MAX ? count - done : APPEND_GROUP_MAX;
    status = commit_some(appender, requests + done, some, error);
    done += some;
  }
  return status;
}

void append_payload_put(struct buf *out, const struct history_batch *batch) {
  wire_put_u32(out, history_batch_count(batch));
  buf_put_slice(out, buf_slice(&batch->records));
}

int appender_commit_own(struct appender *appender, const struct history_batch *batch,
                        struct belfry_error *error) {
  struct buf payload;
  buf_init(&payload, 0);
  append_payload_put(&payload, batch);
  int status = history_batch_status(batch);
  if (!status)
    status = buf_status(&payload);
  struct append_request request = {.origin = HISTORY_ORIGIN_HISTORYD,
                                   .payload = buf_slice(&payload)};
  if (!status)
    status = appender_commit(appender, &request, 1, error);
  buf_fini(&payload);
  if (status)
    return belfry_error_set(error, status, "cannot store: %s", belfry_strerror(status));
  return request.status ? belfry_error_set(error, request.status, "%s", request.text) : BELFRY_OK;
}
