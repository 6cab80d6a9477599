#include "cli/import.h"

#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define READ_BYTES      65536
#define BATCH_BYTES_MAX ((size_t)2 << 20)
#define SHOW_MS         500

/* --- formats --- */

static const struct import_format formats[] = {
    {"ndjson", "api/events", true, import_take_event},
    {"json-log", "api/logs", true, import_take_json_log},
    {"log", "api/events", true, import_take_log},
    {"csv", "api/metrics", false, import_take_csv},
};
#define FORMATS (sizeof formats / sizeof *formats)

const struct import_format *import_format_named(const char *name) {
  for (size_t i = 0; i < FORMATS; i++)
    if (strcmp(formats[i].name, name) == 0)
      return &formats[i];
  return NULL;
}

static bool ends_with(struct slice name, const char *ending) {
  size_t len = strlen(ending);
  return name.len >= len && strncasecmp(name.data + name.len - len, ending, len) == 0;
}

/* Whether a JSON object names the type of an event. */
static bool tells_event(struct slice line) {
  static const char *const members[] = {"\"event\"", "\"event_type\"", "\"type\""};
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    if (memmem(line.data, line.len, members[i], strlen(members[i])))
      return true;
  return false;
}

const struct import_format *import_format_guess(const char *file_name, struct slice start) {
  struct slice name = slice_of(file_name), rest = start, line = {0};
  if (ends_with(name, ".gz"))
    name.len -= 3;
  if (ends_with(name, ".csv"))
    return import_format_named("csv");
  while (slice_split(&rest, '\n', &line) && slice_trim(line).len == 0)
    ;
  line = slice_trim(line);
  if (line.len > 0 && line.data[0] == '{')
    return import_format_named(tells_event(line) ? "ndjson" : "json-log");
  return import_format_named("log");
}

/* --- a file --- */

/* The name without folder and without what tells how it is written: "/var/log/app.log.gz" is app.
 */
static void set_base(struct import_file *file) {
  static const char *const endings[] = {".gz",     ".log",   ".txt", ".csv",
                                        ".ndjson", ".jsonl", ".json"};
  const char *slash = strrchr(file->name, '/');
  struct slice base = slice_of(slash ? slash + 1 : file->name);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (base.len > strlen(endings[i]) && ends_with(base, endings[i]))
      base.len -= strlen(endings[i]);
  snprintf(file->base, sizeof file->base, "%.*s", base.len < 128 ? (int)base.len : 128, base.data);
}

static void file_init(struct import_file *file, const struct import_options *options,
                      const char *path) {
  *file = (struct import_file){.options = options, .name = strcmp(path, "-") == 0 ? "stdin" : path};
  set_base(file);
  event_parsed_init(&file->event);
  log_parsed_init(&file->log);
  sample_parsed_init(&file->sample);
  buf_init(&file->data, 0);
  buf_init(&file->record, 0);
}

static void file_fini(struct import_file *file) {
  import_csv_free(file->csv);
  event_parsed_fini(&file->event);
  log_parsed_fini(&file->log);
  sample_parsed_fini(&file->sample);
  buf_fini(&file->data);
  buf_fini(&file->record);
}

static gzFile open_file(struct import_file *file, const char *path) {
  struct stat info;
  int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &info) < 0) {
    command_complain("cannot open %s: %s", file->name, strerror(errno));
    return NULL;
  }
  bool regular = S_ISREG(info.st_mode);
  file->size_bytes = regular ? info.st_size : 0;
  file->until_ms = file->options->until_ms ? file->options->until_ms
                   : regular ? (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000
                             : clock_realtime_ms(&clock_system);
  gzFile stream = gzdopen(fd, "rb");
  if (!stream) {
    command_complain("cannot read %s: out of memory", file->name);
    close(fd);
  }
  return stream;
}

/* --- its records on their way --- */

struct sender {
  struct http *http;
  int64_t timeout_ms;
  struct import_file *file;
  const struct import_format *format;
  struct import_batch batch;
  struct import_counts *counts;
  EVP_MD *digest; /* owned */
  gzFile stream;  /* for how far it is */
  int64_t shown_ms;
  bool shows;
};

static void show(struct sender *sender, bool last) {
  int64_t now_ms = clock_monotonic_ms(&clock_system);
  if (!sender->shows || (!last && now_ms - sender->shown_ms < SHOW_MS))
    return;
  sender->shown_ms = now_ms;
  fprintf(stderr, "\r%s: %" PRId64 " records", sender->file->base, sender->counts->records);
  if (sender->file->size_bytes > 0)
    fprintf(stderr, ", %d %%",
            (int)(100.0 * (double)gzoffset(sender->stream) / (double)sender->file->size_bytes));
  fputs(last ? "\r\033[K" : "\033[K", stderr);
}

static void take_answer(struct sender *sender, const struct http_response *response) {
  struct slice body = buf_slice(&response->body);
  json_t *answer = json_parse(body, JSON_DEPTH_DEFAULT, NULL);
  sender->counts->records += sender->batch.records;
  sender->counts->duplicates += json_integer_value(json_object_get(answer, "duplicates"));
  json_decref(answer);
}

static int send_batch(struct sender *sender) {
  if (sender->batch.records == 0)
    return BELFRY_OK;
  const struct http_request request = {.method = "POST",
                                       .path = sender->format->path,
                                       .accept = "application/json",
                                       .content_type = "application/x-ndjson",
                                       .body = buf_slice(&sender->batch.text),
                                       .timeout_ms = sender->timeout_ms};
  struct http_response response;
  struct belfry_error error = {0};
  http_response_init(&response);
  int status = http_perform_patiently(sender->http, &request, &response, &error);
  if (status) {
    command_complain("%s", error.text);
  } else if (response.status != 201) {
    http_complain(sender->http, &response);
    status = BELFRY_EINVAL;
  } else {
    take_answer(sender, &response);
  }
  http_response_fini(&response);
  if (status)
    command_complain("%s: the %u records up to line %" PRId64 " are not stored; what was stored "
                     "before stays, and is not doubled by importing it again",
                     sender->file->name, sender->batch.records, sender->file->line);
  buf_clear(&sender->batch.text);
  sender->batch.records = 0;
  show(sender, false);
  return status;
}

/* The first 128 bits of SHA-256 of where the line begins in its file, in decimal, a blank and the
 * line. */
static int make_id(struct sender *sender, struct slice line) {
  struct import_file *file = sender->file;
  uint8_t hash[EVP_MAX_MD_SIZE];
  buf_clear(&file->record);
  buf_printf(&file->record, "%" PRId64 " ", file->offset);
  buf_put_slice(&file->record, line);
  if (buf_status(&file->record) ||
      EVP_Digest(file->record.data, file->record.len, hash, NULL, sender->digest, NULL) != 1)
    return BELFRY_ENOMEM;
  size_t at = (size_t)snprintf(file->id, sizeof file->id, "import-");
  for (size_t i = 0; i < 16; i++)
    at += (size_t)snprintf(file->id + at, sizeof file->id - at, "%02x", hash[i]);
  return BELFRY_OK;
}

static int take_line(struct sender *sender, struct slice line) {
  struct import_file *file = sender->file;
  const struct import_options *options = file->options;
  struct belfry_error error = {0};
  if (slice_trim(line).len == 0)
    return BELFRY_OK;
  if (sender->batch.records >= (uint32_t)options->batch_records ||
      (sender->batch.records > 0 && sender->batch.text.len + line.len > BATCH_BYTES_MAX)) {
    int status = send_batch(sender);
    if (status)
      return status;
  }
  int status = sender->format->ids ? make_id(sender, line) : BELFRY_OK;
  if (status)
    belfry_error_set(&error, status, "out of memory for a line");
  else
    status = sender->format->take_line(file, line, &sender->batch, &error);
  sender->counts->lines++;
  if (!status)
    return BELFRY_OK;
  if (status == BELFRY_EDENIED) {
    sender->counts->own++;
    return BELFRY_OK;
  }
  command_complain("%s:%" PRId64 ": %s", file->name, file->line, error.text);
  bool wrong_header = !file->csv && sender->format->take_line == import_take_csv;
  if (!options->skip_bad || wrong_header || status == BELFRY_ENOMEM)
    return status;
  sender->counts->bad++;
  return BELFRY_OK;
}

/* Takes all whole lines off the front of `input`; at the end also what is left. */
static int take_lines(struct sender *sender, struct buf *input, bool at_end) {
  size_t at = 0;
  int status = BELFRY_OK;
  while (!status && at < input->len) {
    const char *start = input->data + at;
    const char *end = memchr(start, '\n', input->len - at);
    if (!end && !at_end)
      break;
    size_t len = end ? (size_t)(end - start) : input->len - at;
    struct slice line = slice_new(start, len);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
      line.len--;
    sender->file->line++;
    status = take_line(sender, line);
    at += len + (end ? 1 : 0);
    sender->file->offset += (int64_t)(len + (end ? 1 : 0));
  }
  buf_consume(input, at);
  return status;
}

/* Returns: how many bytes were read, 0 at the end, or an error that was complained of. */
static int read_some(struct sender *sender, struct buf *input) {
  char *room = buf_reserve(input, READ_BYTES);
  if (!room) {
    command_complain("%s:%" PRId64 ": the line is longer than %zu bytes", sender->file->name,
                     sender->file->line + 1, IMPORT_LINE_BYTES_MAX);
    return BELFRY_ETOOBIG;
  }
  int code = 0, n = gzread(sender->stream, room, READ_BYTES);
  const char *why = n < 0 ? gzerror(sender->stream, &code) : "";
  if (n < 0) {
    command_complain("cannot read %s: %s", sender->file->name,
                     code == Z_ERRNO ? strerror(errno) : why);
    return BELFRY_EIO;
  }
  buf_commit(input, (size_t)n);
  return n;
}

/* gzread() says nothing of a file that ends in the middle. */
static int check_end(struct sender *sender) {
  int code = Z_OK;
  (void)gzerror(sender->stream, &code);
  if (code == Z_OK || code == Z_STREAM_END)
    return BELFRY_OK;
  command_complain("%s is cut off: what was whole of it is stored", sender->file->name);
  return BELFRY_EIO;
}

static int import_stream(struct sender *sender) {
  const struct import_options *options = sender->file->options;
  struct buf input;
  buf_init(&input, IMPORT_LINE_BYTES_MAX);
  int n = read_some(sender, &input), status = n < 0 ? n : BELFRY_OK;
  sender->format = options->format ? import_format_named(options->format)
                                   : import_format_guess(sender->file->name, buf_slice(&input));
  while (!status && n > 0) {
    status = take_lines(sender, &input, false);
    n = status ? 0 : read_some(sender, &input);
    status = n < 0 ? n : status;
  }
  if (!status)
    status = check_end(sender);
  if (!status)
    status = take_lines(sender, &input, true);
  int sent = send_batch(sender); /* what was read well before a bad line */
  buf_fini(&input);
  return status ? status : sent;
}

int import_run(struct http *http, int64_t timeout_ms, const struct import_options *options,
               const char *path, struct import_counts *counts,
               const struct import_format **format) {
  struct import_file file;
  struct sender sender = {.http = http,
                          .timeout_ms = timeout_ms,
                          .file = &file,
                          .counts = counts,
                          .shows = isatty(STDERR_FILENO)};
  int status = BELFRY_EIO;
  file_init(&file, options, path);
  buf_init(&sender.batch.text, 0);
  sender.digest = EVP_MD_fetch(NULL, "SHA256", NULL);
  sender.stream = sender.digest ? open_file(&file, path) : NULL;
  if (sender.stream)
    status = import_stream(&sender);
  show(&sender, true);
  *format = sender.format;
  if (sender.stream)
    gzclose(sender.stream);
  EVP_MD_free(sender.digest);
  buf_fini(&sender.batch.text);
  file_fini(&file);
  return status;
}
