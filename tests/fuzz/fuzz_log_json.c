/* lib/model and fcgi: whatever is posted as a log line, as JSON ('j' first) or as plain text, is
 * one or refused with a reason; what is stored is valid JSON of one line when it is shown, and one
 * cell of CSV. */
#include "base/json.h"
#include "fcgi/csv.h"
#include "model/log_json.h"
#include "property.h"

static struct ulid_maker ulids;

static void check_json(struct slice text, const char *what) {
  json_t *value = json_parse(text, JSON_DEPTH_DEFAULT + 2, NULL);
  PROPERTY(value, what);
  PROPERTY(!memchr(text.data, '\n', text.len), "one line");
  json_decref(value);
}

/* Reads the cell back: it is the text again, but for the mark of a formula and CR LF. */
static void check_cell(struct slice text) {
  struct buf cell, back, wanted;
  buf_init(&cell, 0);
  buf_init(&back, 0);
  buf_init(&wanted, 0);
  csv_put_text(&cell, text);
  bool quoted = cell.len > 0 && cell.data[0] == '"';
  for (size_t i = quoted; i + quoted < cell.len; i++) {
    PROPERTY(quoted || !strchr("\",\r\n", cell.data[i]), "what must be quoted is");
    if (quoted && cell.data[i] == '"') {
      PROPERTY(i + 1 + quoted < cell.len && cell.data[i + 1] == '"', "quotes are doubled");
      i++;
    }
    buf_put_char(&back, cell.data[i]);
  }
  PROPERTY(back.len == 0 || !strchr("=+-@\t\r\n", back.data[0]), "no formula");
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
      buf_put_char(&wanted, text.data[i]);
  size_t mark = back.len - wanted.len;
  PROPERTY(mark <= 1 &&
               slice_equal(slice_new(back.data + mark, back.len - mark), buf_slice(&wanted)),
           "the text is what it was");
  PROPERTY(mark == 0 || back.data[0] == '\'', "the mark is an apostrophe");
  buf_fini(&wanted);
  buf_fini(&back);
  buf_fini(&cell);
}

static void show(const struct event *event) {
  struct buf out;
  buf_init(&out, 0);
  log_put_json(&out, event);
  check_json(buf_slice(&out), "a log line is shown as JSON");
  buf_clear(&out);
  log_put_attributes(&out, event);
  check_json(buf_slice(&out), "its attributes are JSON");
  buf_clear(&out);
  log_put_message(&out, event);
  PROPERTY(utf8_valid_prefix(buf_slice(&out)) == out.len, "its message is UTF-8");
  check_cell(buf_slice(&out));
  buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return 0;
  struct slice text = slice_new((const char *)data + 1, size - 1);
  const struct event_parse_options options = {.now_ms = INT64_C(1795176000000),
                                              .default_source = slice_of("here"),
                                              .max_data_bytes = 65536,
                                              .ulids = &ulids};
  struct model_problem problem = {0};
  struct log_parsed parsed;
  log_parsed_init(&parsed);
  bool plain = data[0] != 'j';
  int status = (plain ? log_parse_plain : log_parse)(text, &options, 1, &parsed, &problem);
  const struct event *event = &parsed.event.event;
  if (status) {
    PROPERTY(problem.detail[0], "a refusal has a reason");
    PROPERTY(!plain || status == BELFRY_ETOOBIG, "plain text may hold anything");
  } else {
    json_t *stored = json_parse(event->data, JSON_DEPTH_DEFAULT + 1, NULL);
    PROPERTY(stored && json_is_string(json_object_get(stored, "message")), "there is a message");
    json_decref(stored);
    PROPERTY(slice_is(event->type, LOG_EVENT_TYPE), "the type is log");
    show(event);
  }
  log_parsed_fini(&parsed);
  return 0;
}
