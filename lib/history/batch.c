/*
 * Batches of records as bytes: the builder, and the codec that historyd reads them with.
 *
 *     record   = u8 kind, then by kind
 *     event    = i64 timestamp, u8 severity, text type, text source, text event_id, text data
 *     sample   = i64 timestamp, f64 value, text metric, text labels; of kind 4: u8 flags before
 * that mutation = text statement, u8 must_change, u8 number of values, values value    = text name,
 * u8 kind, then i64, f64, text or nothing
 */
#include "history/append.h"

#define KIND_SAMPLE_WITH_FLAGS 4 /* on the way only; taken as HISTORY_RECORD_SAMPLE */

#define BATCH_LIMIT_DEFAULT    ((size_t)64 << 20)

void history_batch_init(struct history_batch *batch, size_t limit_bytes) {
  *batch = (struct history_batch){0};
  buf_init(&batch->records, limit_bytes ? limit_bytes : BATCH_LIMIT_DEFAULT);
}

void history_batch_fini(struct history_batch *batch) {
  buf_fini(&batch->records);
}

void history_batch_clear(struct history_batch *batch) {
  buf_clear(&batch->records);
  batch->event_count = batch->sample_count = batch->mutation_count = 0;
}

void history_batch_event(struct history_batch *batch, const struct event *event) {
  struct buf *out = &batch->records;
  wire_put_u8(out, HISTORY_RECORD_EVENT);
  wire_put_i64(out, event->timestamp_ms);
  wire_put_u8(out, (uint8_t)event->severity);
  wire_put_slice(out, event->type);
  wire_put_slice(out, event->source);
  wire_put_slice(out, event->event_id);
  wire_put_slice(out, event->data);
  batch->event_count++;
}

static void put_sample(struct buf *out, const struct sample *sample) {
  wire_put_i64(out, sample->timestamp_ms);
  wire_put_f64(out, sample->value);
  wire_put_slice(out, sample->metric);
  wire_put_slice(out, sample->labels);
}

void history_batch_sample(struct history_batch *batch, const struct sample *sample) {
  wire_put_u8(&batch->records, HISTORY_RECORD_SAMPLE);
  put_sample(&batch->records, sample);
  batch->sample_count++;
}

void history_batch_sample_with(struct history_batch *batch, const struct sample *sample,
                               unsigned flags) {
  wire_put_u8(&batch->records, KIND_SAMPLE_WITH_FLAGS);
  wire_put_u8(&batch->records, (uint8_t)flags);
  put_sample(&batch->records, sample);
  batch->sample_count++;
}

static void put_value(struct buf *out, const struct history_value *value) {
  wire_put_slice(out, slice_of(value->name));
  wire_put_u8(out, (uint8_t)value->kind);
  switch (value->kind) {
  case HISTORY_NULL:
    break;
  case HISTORY_INTEGER:
    wire_put_i64(out, value->integer);
    break;
  case HISTORY_REAL:
    wire_put_f64(out, value->real);
    break;
  case HISTORY_TEXT:
    wire_put_slice(out, value->text);
    break;
  case HISTORY_BLOB: /* no change of state takes one */
    out->status = BELFRY_EINVAL;
    break;
  }
}

void history_batch_mutate(struct history_batch *batch, enum sql_statement statement,
                          bool must_change, const struct history_value *values,
                          size_t value_count) {
  struct buf *out = &batch->records;
  if (value_count > HISTORY_MUTATION_VALUES_MAX) { /* the other side would not take it either */
    if (!out->status)
      out->status = BELFRY_ETOOBIG;
    return;
  }
  wire_put_u8(out, HISTORY_RECORD_MUTATION);
  wire_put_slice(out, slice_of(sql_sources[statement].name));
  wire_put_u8(out, must_change);
  wire_put_u8(out, (uint8_t)value_count);
  for (size_t i = 0; i < value_count; i++)
    put_value(out, &values[i]);
  batch->mutation_count++;
}

int history_batch_status(const struct history_batch *batch) {
  return buf_status(&batch->records);
}

static void take_event(struct wire *wire, struct event *event) {
  *event = (struct event){.timestamp_ms = wire_get_i64(wire)};
  event->severity = wire_get_u8(wire);
  event->type = wire_get_slice(wire);
  event->source = wire_get_slice(wire);
  event->event_id = wire_get_slice(wire);
  event->data = wire_get_slice(wire);
}

static void take_sample(struct wire *wire, struct sample *sample) {
  sample->timestamp_ms = wire_get_i64(wire);
  sample->value = wire_get_f64(wire);
  sample->metric = wire_get_slice(wire);
  sample->labels = wire_get_slice(wire);
}

static int take_value(struct wire *wire, struct history_value *value,
                      char name[static HISTORY_VALUE_NAME_BYTES]) {
  struct slice text = wire_get_slice(wire);
  if (text.len == 0 || text.len >= HISTORY_VALUE_NAME_BYTES || memchr(text.data, '\0', text.len))
    return BELFRY_EPROTO;
  memcpy(name, text.data, text.len);
  name[text.len] = '\0';
  *value = (struct history_value){.name = name};
  switch (wire_get_u8(wire)) {
  case HISTORY_NULL:
    value->kind = HISTORY_NULL;
    return BELFRY_OK;
  case HISTORY_INTEGER:
    value->kind = HISTORY_INTEGER;
    value->integer = wire_get_i64(wire);
    return BELFRY_OK;
  case HISTORY_REAL:
    value->kind = HISTORY_REAL;
    value->real = wire_get_f64(wire);
    return BELFRY_OK;
  case HISTORY_TEXT:
    value->kind = HISTORY_TEXT;
    value->text = wire_get_slice(wire);
    return BELFRY_OK;
  default:
    return BELFRY_EPROTO;
  }
}

static int take_mutation(struct wire *wire, struct history_record *record) {
  record->mutation.statement = wire_get_slice(wire);
  record->mutation.must_change = wire_get_u8(wire) != 0;
  record->mutation.value_count = wire_get_u8(wire);
  if (record->mutation.value_count > HISTORY_MUTATION_VALUES_MAX)
    return BELFRY_EPROTO;
  for (size_t i = 0; i < record->mutation.value_count; i++) {
    int status = take_value(wire, &record->mutation.values[i], record->mutation.names[i]);
    if (status)
      return status;
  }
  return BELFRY_OK;
}

int history_record_take(struct wire *wire, struct history_record *record) {
  if (wire_at_end(wire))
    return BELFRY_EMORE;
  int status = BELFRY_OK;
  switch (wire_get_u8(wire)) {
  case HISTORY_RECORD_EVENT:
    record->kind = HISTORY_RECORD_EVENT;
    take_event(wire, &record->event);
    break;
  case HISTORY_RECORD_SAMPLE:
    record->kind = HISTORY_RECORD_SAMPLE;
    record->sample_flags = 0;
    take_sample(wire, &record->sample);
    break;
  case KIND_SAMPLE_WITH_FLAGS:
    record->kind = HISTORY_RECORD_SAMPLE;
    record->sample_flags = wire_get_u8(wire);
    take_sample(wire, &record->sample);
    break;
  case HISTORY_RECORD_MUTATION:
    record->kind = HISTORY_RECORD_MUTATION;
    status = take_mutation(wire, record);
    break;
  default:
    return BELFRY_EPROTO;
  }
  return wire->failed ? BELFRY_EPROTO : status;
}

void history_receipt_put(struct buf *out, const struct history_receipt *receipt) {
  wire_put_u32(out, receipt->accepted);
  wire_put_u32(out, receipt->duplicates);
  wire_put_u32(out, receipt->left_out);
  wire_put_i64(out, receipt->first_id);
  wire_put_i64(out, receipt->last_id);
}

int history_receipt_take(struct slice payload, struct history_receipt *receipt) {
  struct wire wire = wire_read(payload);
  receipt->accepted = wire_get_u32(&wire);
  receipt->duplicates = wire_get_u32(&wire);
  receipt->left_out = wire_get_u32(&wire);
  receipt->first_id = wire_get_i64(&wire);
  receipt->last_id = wire_get_i64(&wire);
  return wire.failed || !wire_at_end(&wire) ? BELFRY_EPROTO : BELFRY_OK;
}
