/* Lines of files that hold events, log lines as JSON, and log lines as programs write them. */
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/event_args.h"
#include "cli/import.h"
#include "model/line_split.h"
#include "model/log_line.h"

#include <inttypes.h>

int import_put(struct import_batch *batch, struct slice record, struct belfry_error *error) {
  buf_put_slice(&batch->text, record);
  buf_put_char(&batch->text, '\n');
  batch->records++;
  int status = buf_status(&batch->text);
  return status ? belfry_error_set(error, status, "out of memory for a batch") : BELFRY_OK;
}

int import_refuse(const struct model_problem *problem, int status, struct belfry_error *error) {
  return belfry_error_set(error, status, "%s%s%s",
                          problem->pointer[0] == '/' ? problem->pointer + 1 : problem->pointer,
                          problem->pointer[0] ? " " : "",
                          problem->detail[0] ? problem->detail : belfry_strerror(status));
}

/* As the server will read it. */
static struct event_parse_options parse_options(const struct import_file *file) {
  const char *source = file->options->source ? file->options->source : file->base;
  return (struct event_parse_options){.now_ms = file->until_ms,
                                      .default_source = slice_of(source),
                                      .max_data_bytes = IMPORT_EVENT_BYTES_MAX,
                                      .checked = true};
}

/* Puts the object of a line into file->record, with an id and a source where it has none. */
static int complete(struct import_file *file, struct slice line, struct belfry_error *error) {
  buf_clear(&file->record);
  return event_line_put(line, file->id, file->options->source, &file->record, error);
}

int import_take_event(struct import_file *file, struct slice line, struct import_batch *batch,
                      struct belfry_error *error) {
  const struct event_parse_options options = parse_options(file);
  struct model_problem problem = {0};
  int status = complete(file, line, error);
  if (status)
    return status;
  status = event_parse(buf_slice(&file->record), &options, &file->event, &problem);
  return status ? import_refuse(&problem, status, error)
                : import_put(batch, buf_slice(&file->record), error);
}

int import_take_json_log(struct import_file *file, struct slice line, struct import_batch *batch,
                         struct belfry_error *error) {
  const struct event_parse_options options = parse_options(file);
  struct model_problem problem = {0};
  int status = complete(file, line, error);
  if (status)
    return status;
  status = log_parse(buf_slice(&file->record), &options, SEVERITY_INFO, &file->log, &problem);
  return status ? import_refuse(&problem, status, error)
                : import_put(batch, buf_slice(&file->record), error);
}

/* A line without a time of its own, such as those of a stack trace, is of the time of the one
 * before. */
int import_take_log(struct import_file *file, struct slice line, struct import_batch *batch,
                    struct belfry_error *error) {
  struct log_line said;
  char when[TIMESTAMP_BYTES];
  bool truncated = line.len > LINE_BYTES_MAX;
  if (truncated)
    line.len = LINE_BYTES_MAX;
  log_line_read(line, truncated, file->until_ms, &file->data, &said);
  if (said.timestamp_ms != file->until_ms)
    file->last_ms = said.timestamp_ms;
  else if (file->last_ms)
    said.timestamp_ms = file->last_ms;
  timestamp_format(said.timestamp_ms, when);
  buf_clear(&file->record);
  buf_printf(&file->record,
             "{\"event\":\"log\",\"event_id\":\"%s\",\"timestamp\":\"%s\",\"severity\":\"%s\","
             "\"source\":",
             file->id, when, severity_name(said.severity));
  json_put_string(&file->record,
                  slice_of(file->options->source ? file->options->source : file->base));
  buf_put_text(&file->record, ",\"data\":");
  buf_put_slice(&file->record, buf_slice(&file->data));
  buf_put_char(&file->record, '}');
  int status = buf_status(&file->data) ? buf_status(&file->data) : buf_status(&file->record);
  return status ? belfry_error_set(error, status, "out of memory for a line")
                : import_put(batch, buf_slice(&file->record), error);
}
