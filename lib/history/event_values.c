#include "history/event_values_priv.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS_MAX 128

enum event_parameter_kind {
  COLUMN_ID,
  COLUMN_EVENT_ID,
  COLUMN_TYPE,
  COLUMN_SEVERITY,
  COLUMN_SOURCE,
  COLUMN_ORIGIN,
  COLUMN_TIMESTAMP,
  COLUMN_RECEIVED,
  COLUMN_DATA,
  COLUMN_COUNT,
  MEMBER_NAME = COLUMN_COUNT,
  MEMBER_TEXT,
  MEMBER_NUMBER,
  MEMBER_FLAG,
};

static const char *const column_names[COLUMN_COUNT] = {
    [COLUMN_ID] = "id",
    [COLUMN_EVENT_ID] = "event_id",
    [COLUMN_TYPE] = "type",
    [COLUMN_SEVERITY] = "severity",
    [COLUMN_SOURCE] = "source",
    [COLUMN_ORIGIN] = "origin",
    [COLUMN_TIMESTAMP] = "timestamp",
    [COLUMN_RECEIVED] = "received",
    [COLUMN_DATA] = "data",
};

void event_values__init(struct event_values *values) {
  memset(values, 0, sizeof *values);
  buf_init(&values->decoded, 0);
}

void event_values__fini(struct event_values *values) {
  buf_fini(&values->decoded);
}

/* --- learning --- */

/* Whether `*name` begins with `word`; passes it over. */
static bool begins(const char **name, const char *word) {
  size_t len = strlen(word);
  if (strncmp(*name, word, len) != 0)
    return false;
  *name += len;
  return true;
}

/* Reads what comes before the key. */
static bool parse_kind(const char **name, struct event_parameter *out) {
  out->most = NAME_CHARACTERS_MAX;
  if (begins(name, "name_")) {
    out->kind = MEMBER_NAME;
  } else if (begins(name, "number_")) {
    out->kind = MEMBER_NUMBER;
  } else if (begins(name, "flag_")) {
    out->kind = MEMBER_FLAG;
  } else if (begins(name, "text")) {
    char *end;
    unsigned long most = strtoul(*name, &end, 10);
    out->kind = MEMBER_TEXT;
    out->most = (uint16_t)most;
    *name = end + (*end == '_');
    return most > 0 && most <= UINT16_MAX && end[0] == '_';
  } else {
    return false;
  }
  return true;
}

static bool find_member(struct event_values *values, const char *key, uint8_t *out) {
  size_t i = 0;
  while (i < values->member_count && strcmp(values->members[i].key, key) != 0)
    i++;
  if (i == EVENT_VALUES_MEMBERS_MAX)
    return false;
  if (i == values->member_count)
    values->members[values->member_count++] =
        (struct event_member){.key = key, .key_len = strlen(key)};
  *out = (uint8_t)i;
  return true;
}

static bool parse_parameter(struct event_values *values, const char *name,
                            struct event_parameter *out) {
  for (uint8_t column = 0; column < COLUMN_COUNT; column++)
    if (strcmp(name, column_names[column]) == 0) {
      out->kind = column;
      return true;
    }
  return parse_kind(&name, out) && *name && find_member(values, name, &out->member);
}

int event_values__learn(struct event_values *values, enum sql_statement number,
                        sqlite3_stmt *statement, struct belfry_error *error) {
  int count = sqlite3_bind_parameter_count(statement);
  if (count > EVENT_VALUES_PARAMETERS_MAX)
    return belfry_error_set(error, BELFRY_EINVAL, "the statement %s takes more than %d values",
                            sql_sources[number].name, EVENT_VALUES_PARAMETERS_MAX);
  for (int i = 0; i < count; i++) {
    const char *name = sqlite3_bind_parameter_name(statement, i + 1);
    if (!name || !parse_parameter(values, name + 1, &values->of[number].parameters[i]))
      return belfry_error_set(error, BELFRY_EINVAL,
                              "the statement %s takes %s, which an event does not have",
                              sql_sources[number].name, name ? name : "a value without a name");
  }
  values->of[number].count = (uint8_t)count;
  values->of[number].needs = sql_sources[number].needs != NULL;
  if (sql_sources[number].needs &&
      !find_member(values, sql_sources[number].needs, &values->of[number].needed))
    return belfry_error_set(error, BELFRY_EINVAL, "the statements ask for more than %d members",
                            EVENT_VALUES_MEMBERS_MAX);
  return BELFRY_OK;
}

/* --- reading --- */

void event_values__turn(struct event_values *values) {
  values->read_of = 0;
}

static struct event_member *member_of(struct event_values *values, struct slice key) {
  for (size_t i = 0; i < values->member_count; i++)
    if (values->members[i].key_len == key.len &&
        memcmp(values->members[i].key, key.data, key.len) == 0)
      return &values->members[i];
  return NULL;
}

static void read_members(struct event_values *values, const struct event *event) {
  struct json_walk walk;
  struct slice key, raw;
  if (values->read_of == event->id)
    return;
  for (size_t i = 0; i < values->member_count; i++)
    values->members[i].raw = values->members[i].text = slice_new(NULL, 0);
  buf_clear(&values->decoded);
  values->read_of = event->id;
  if (!json_walk_start(&walk, event->data))
    return;
  while (json_walk_next(&walk, &key, &raw)) {
    struct event_member *member = member_of(values, key);
    if (member)
      member->raw = raw;
  }
}

static struct slice first_characters(struct slice text, size_t most) {
  size_t at = 0;
  for (size_t characters = 0; at < text.len; at++)
    if (((unsigned char)text.data[at] & 0xc0) != 0x80 && characters++ == most)
      break;
  return slice_new(text.data, at);
}

/* Decoded texts stay where they are until the next turn: together they are no longer than the data.
 */
static int decode(struct event_values *values, struct event_member *member, struct slice data) {
  if (member->text.data)
    return BELFRY_OK;
  if (values->decoded.len == 0 && !buf_reserve(&values->decoded, data.len))
    return BELFRY_ENOMEM;
  return json_decode_string(member->raw, &values->decoded, &member->text);
}

static bool is_number(struct slice raw) {
  return raw.len > 0 && (raw.data[0] == '-' || (raw.data[0] >= '0' && raw.data[0] <= '9'));
}

static bool is_whole(struct slice raw) {
  for (size_t i = 0; i < raw.len; i++)
    if (raw.data[i] == '.' || raw.data[i] == 'e' || raw.data[i] == 'E')
      return false;
  return is_number(raw);
}

bool event_values__wanted(struct event_values *values, enum sql_statement number,
                          const struct event *event) {
  if (!values->of[number].needs)
    return true;
  read_members(values, event);
  return values->members[values->of[number].needed].raw.data != NULL;
}

/* --- binding --- */

static int bind_text(sqlite3_stmt *statement, int parameter, struct slice text) {
  return sqlite3_bind_text64(statement, parameter, text.data ? text.data : "", text.len,
                             SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_some_text(sqlite3_stmt *statement, int parameter, struct slice text, size_t most) {
  return text.len == 0 ? sqlite3_bind_null(statement, parameter)
                       : bind_text(statement, parameter, first_characters(text, most));
}

static int bind_number(sqlite3_stmt *statement, int parameter, struct slice raw) {
  long long whole;
  double number;
  if (!is_number(raw))
    return sqlite3_bind_null(statement, parameter);
  if (slice_to_int64(raw, &whole))
    return sqlite3_bind_int64(statement, parameter, whole);
  return slice_to_double(raw, &number) && isfinite(number)
             ? sqlite3_bind_double(statement, parameter, number)
             : sqlite3_bind_null(statement, parameter);
}

static int bind_flag(sqlite3_stmt *statement, int parameter, struct slice raw) {
  if (slice_is(raw, "null"))
    return sqlite3_bind_null(statement, parameter);
  return sqlite3_bind_int(statement, parameter, !slice_is(raw, "false") && !slice_is(raw, "0"));
}

static int bind_member(struct event_values *values, sqlite3_stmt *statement, int parameter,
                       const struct event_parameter *of, const struct event *event) {
  struct event_member *member = &values->members[of->member];
  read_members(values, event);
  if (!member->raw.data)
    return sqlite3_bind_null(statement, parameter);
  if (of->kind == MEMBER_NUMBER)
    return bind_number(statement, parameter, member->raw);
  if (of->kind == MEMBER_FLAG)
    return bind_flag(statement, parameter, member->raw);
  if (of->kind == MEMBER_NAME && is_whole(member->raw))
    return bind_some_text(statement, parameter, member->raw, of->most);
  if (member->raw.data[0] != '"')
    return sqlite3_bind_null(statement, parameter);
  if (decode(values, member, event->data))
    return SQLITE_NOMEM;
  return bind_some_text(statement, parameter, member->text, of->most);
}

static int bind_column(sqlite3_stmt *statement, int parameter, enum event_parameter_kind column,
                       const struct event *event) {
  switch (column) {
  case COLUMN_ID:
    return sqlite3_bind_int64(statement, parameter, event->id);
  case COLUMN_EVENT_ID:
    return bind_text(statement, parameter, event->event_id);
  case COLUMN_TYPE:
    return bind_text(statement, parameter, event->type);
  case COLUMN_SEVERITY:
    return sqlite3_bind_int(statement, parameter, event->severity);
  case COLUMN_SOURCE:
    return bind_text(statement, parameter, event->source);
  case COLUMN_ORIGIN:
    return sqlite3_bind_int(statement, parameter, event->origin);
  case COLUMN_TIMESTAMP:
    return sqlite3_bind_int64(statement, parameter, event->timestamp_ms);
  case COLUMN_RECEIVED:
    return sqlite3_bind_int64(statement, parameter, event->received_ms);
  case COLUMN_DATA:
    return bind_text(statement, parameter, event->data);
  default:
    return SQLITE_RANGE;
  }
}

int event_values__bind(struct event_values *values, enum sql_statement number,
                       sqlite3_stmt *statement, const struct event *event) {
  int code = SQLITE_OK;
  for (int i = 0; i < values->of[number].count && code == SQLITE_OK; i++) {
    const struct event_parameter *of = &values->of[number].parameters[i];
    code = of->kind < COLUMN_COUNT
               ? bind_column(statement, i + 1, (enum event_parameter_kind)of->kind, event)
               : bind_member(values, statement, i + 1, of, event);
  }
  return code;
}
