/* Whatever bytes come over history.sock: the frames, the hello's and the batch's fields. */
#include "base/ipc.h"
#include "history/filter.h"
#include "historyd/check.h"
#include "tests/fuzz/fuzz.h"

static volatile unsigned kept; /* or a compiler would leave the reading out */

/* Reads every byte of a text, so that one that lies outside of the input is seen. */
static unsigned sum(struct slice text) {
  unsigned total = 0;
  for (size_t i = 0; i < text.len; i++)
    total += (unsigned char)text.data[i];
  return total;
}

static unsigned read_records(struct slice payload) {
  struct history_record record;
  struct wire wire = wire_read(payload);
  unsigned total = wire_get_u32(&wire);
  while (history_record_take(&wire, &record) == BELFRY_OK) {
    switch (record.kind) {
    case HISTORY_RECORD_EVENT:
      total += sum(record.event.type) + sum(record.event.source) + sum(record.event.data);
      /* Words of one text are looked for in another. */
      total +=
          event_filter_match(&(struct event_filter){.text = record.event.source}, &record.event);
      break;
    case HISTORY_RECORD_SAMPLE:
      total += sum(record.sample.metric) + sum(record.sample.labels);
      break;
    case HISTORY_RECORD_MUTATION:
      total += sum(record.mutation.statement);
      for (size_t i = 0; i < record.mutation.value_count; i++)
        total +=
            sum(slice_of(record.mutation.values[i].name)) + sum(record.mutation.values[i].text);
      break;
    }
  }
  return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
  struct check_limits limits = {.max_records = 1000, .max_data_bytes = 65536};
  struct check_counts counts;
  struct history_receipt receipt;
  struct ipc_frame frame;
  struct buf in;
  size_t at = 0;
  buf_init(&in, 0);
  buf_put(&in, bytes, len);
  while (in.len > 0 && ipc_take_frame(&in, &at, 1 << 20, &frame) == BELFRY_OK) {
    kept += (unsigned)check_batch(frame.payload, HISTORY_ORIGIN_FCGI, &limits, &counts, NULL);
    kept += (unsigned)history_receipt_take(frame.payload, &receipt);
    kept += read_records(frame.payload);
  }
  buf_fini(&in);
  return 0;
}
