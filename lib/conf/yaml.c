/*
 * The file: libyaml makes a tree of it, and this walks the tree along the table. Only what the
 * table names is ever visited, so aliases cannot multiply anything.
 */
#include "base/json.h"
#include "conf/conf_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct walk {
  struct conf_reading *reading;
  yaml_document_t *document;
};

#define WHERE_BYTES 4200

static void problem_at_mark(struct conf_reading *reading, size_t line, size_t column,
                            const char *text) {
  char where[WHERE_BYTES];
  snprintf(where, sizeof where, "%s:%zu:%zu", reading->path, line + 1, column + 1);
  conf__problem(reading, where, "%s", text);
}

/* `name` is the setting's, such as "fcgi.workers"; NULL for none. */
static void problem_at(struct walk *walk, const yaml_node_t *node, const char *name,
                       const char *text) {
  char whole[BELFRY_ERROR_TEXT_BYTES];
  snprintf(whole, sizeof whole, "%s%s%s", name ? name : "", name ? ": " : "", text);
  problem_at_mark(walk->reading, node->start_mark.line, node->start_mark.column, whole);
}

static void problem_in_buf(struct walk *walk, const yaml_node_t *node, const char *name,
                           struct buf *text) {
  if (buf_status(text))
    walk->reading->status = BELFRY_ENOMEM;
  else
    problem_at(walk, node, name, text->data ? text->data : "");
  buf_fini(text);
}

static yaml_node_t *node_of(struct walk *walk, int index) {
  return yaml_document_get_node(walk->document, index);
}

static struct slice scalar_text(const yaml_node_t *node) {
  return slice_new((const char *)node->data.scalar.value, node->data.scalar.length);
}

/* `key:` with nothing behind it, `~` or `null`. */
static bool is_null(const yaml_node_t *node) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (slice_is(scalar_text(node), words[i]))
      return true;
  return false;
}

static const char *node_kind(const yaml_node_t *node) {
  return node->type == YAML_SEQUENCE_NODE  ? "a list"
         : node->type == YAML_MAPPING_NODE ? "a map"
                                           : "a single value";
}

#define WORD_BYTES_MAX 64

/* How many changes (insert, delete, replace, swap of neighbours) make one word of the other. */
static size_t distance(struct slice a, const char *b) {
  size_t rows[3][WORD_BYTES_MAX + 1], len = strlen(b);
  size_t *before = rows[0], *last = rows[1], *row = rows[2];
  if (len > WORD_BYTES_MAX || a.len > WORD_BYTES_MAX)
    return SIZE_MAX;
  for (size_t j = 0; j <= len; j++)
    last[j] = j;
  for (size_t i = 1; i <= a.len; i++) {
    row[0] = i;
    for (size_t j = 1; j <= len; j++) {
      row[j] = last[j - 1] + (a.data[i - 1] != b[j - 1]);
      if (last[j] + 1 < row[j])
        row[j] = last[j] + 1;
      if (row[j - 1] + 1 < row[j])
        row[j] = row[j - 1] + 1;
      if (i > 1 && j > 1 && a.data[i - 1] == b[j - 2] && a.data[i - 2] == b[j - 1] &&
          before[j - 2] + 1 < row[j])
        row[j] = before[j - 2] + 1;
    }
    size_t *oldest = before;
    before = last;
    last = row;
    row = oldest;
  }
  return last[len];
}

/* The nearest of the names seen so far. */
struct nearest {
  struct slice wanted;
  const char *name;
  size_t distance;
};

static void nearest_offer(struct nearest *nearest, const char *name) {
  size_t d = distance(nearest->wanted, name);
  if (d < nearest->distance) {
    nearest->distance = d;
    nearest->name = name;
  }
}

/* Near enough to be a slip of the finger. */
static const char *nearest_name(const struct nearest *nearest) {
  size_t most = nearest->wanted.len <= 4 ? 1 : nearest->wanted.len <= 8 ? 2 : 3;
  return nearest->name && nearest->distance <= most ? nearest->name : NULL;
}

/* Takes: `known` what may stand here, for somebody whose key resembles none of them. */
static void unknown_key(struct walk *walk, const yaml_node_t *key, const char *section,
                        const struct nearest *nearest, struct buf *known) {
  struct buf text;
  buf_init(&text, 0);
  buf_put_text(&text, "unknown key ");
  conf__put_quoted(scalar_text(key), &text);
  if (nearest_name(nearest)) {
    buf_printf(&text, ": did you mean `%s`?", nearest_name(nearest));
  } else {
    buf_put_text(&text, ": known are ");
    buf_put_slice(&text, buf_slice(known));
  }
  if (buf_status(known))
    walk->reading->status = BELFRY_ENOMEM;
  buf_fini(known);
  problem_in_buf(walk, key, section, &text);
}

static void put_known(struct buf *known, const char *name) {
  if (known->len > 0)
    buf_put_text(known, ", ");
  buf_put_text(known, name);
}

static void unknown_row_key(struct walk *walk, const yaml_node_t *key, const char *section,
                            const struct conf_row *rows, size_t count) {
  struct nearest nearest = {.wanted = scalar_text(key), .distance = SIZE_MAX};
  struct buf known;
  buf_init(&known, 0);
  for (size_t i = 0; i < count; i++) {
    nearest_offer(&nearest, rows[i].key);
    put_known(&known, rows[i].key);
  }
  unknown_key(walk, key, section, &nearest, &known);
}

static void unknown_top_key(struct walk *walk, const yaml_node_t *key) {
  struct nearest nearest = {.wanted = scalar_text(key), .distance = SIZE_MAX};
  struct buf known;
  for (size_t i = 0; i < conf__setting_count; i++)
    if (slice_is(nearest.wanted, conf__settings[i].key)) {
      char text[160];
      snprintf(text, sizeof text, "the key '%s' belongs under `%s:`", conf__settings[i].key,
               conf__settings[i].section);
      problem_at(walk, key, NULL, text);
      return;
    }
  buf_init(&known, 0);
  for (size_t i = 0; i < conf__setting_count; i = conf__section_end(i)) {
    nearest_offer(&nearest, conf__settings[i].section);
    put_known(&known, conf__settings[i].section);
  }
  for (size_t i = 0; i < conf__list_count; i++) {
    nearest_offer(&nearest, conf__lists[i]->name);
    put_known(&known, conf__lists[i]->name);
  }
  unknown_key(walk, key, NULL, &nearest, &known);
}

static void duplicate_key(struct walk *walk, const yaml_node_t *key, const char *section) {
  struct buf text;
  buf_init(&text, 0);
  buf_put_text(&text, "the key ");
  conf__put_quoted(scalar_text(key), &text);
  buf_put_text(&text, " stands here a second time: remove one of them");
  problem_in_buf(walk, key, section, &text);
}

/* Keys are plain words, and a tag of somebody's own (!include) would promise what is not done. */
static bool check_key(struct walk *walk, const yaml_node_t *key, const char *section) {
  if (key->type == YAML_SCALAR_NODE)
    return true;
  problem_at(walk, key, section, "a key must be a single word");
  return false;
}

static bool check_tag(struct walk *walk, const yaml_node_t *node, const char *name) {
  if (!node->tag || strncmp((const char *)node->tag, "tag:yaml.org,2002:", 18) == 0)
    return true;
  struct buf text;
  buf_init(&text, 0);
  buf_put_text(&text, "the tag ");
  conf__put_quoted(slice_of((const char *)node->tag), &text);
  buf_put_text(&text, " means nothing here: remove it");
  problem_in_buf(walk, node, name, &text);
  return false;
}

static bool check_kind(struct walk *walk, const yaml_node_t *node, yaml_node_type_t type,
                       const char *name, const char *wanted) {
  char text[200];
  if (node->type == type)
    return check_tag(walk, node, name);
  snprintf(text, sizeof text, "must be %s, not %s", wanted, node_kind(node));
  problem_at(walk, node, name, text);
  return false;
}

/* Takes: `why`, of a value that was read with that status. */
static void take_status(struct walk *walk, const yaml_node_t *node, const char *name, int status,
                        struct buf *why) {
  if (status == BELFRY_ENOMEM)
    walk->reading->status = status;
  if (status == BELFRY_EINVAL)
    problem_in_buf(walk, node, name, why);
  else
    buf_fini(why);
}

static void read_words(struct walk *walk, const struct conf_row *row, const yaml_node_t *list,
                       const char *name, void *base) {
  const yaml_node_item_t *item;
  struct buf why;
  if (is_null(list) || !check_kind(walk, list, YAML_SEQUENCE_NODE, name, "a list ([one, two])"))
    return;
  if (list->data.sequence.items.top - list->data.sequence.items.start > CONF_WORDS_MAX) {
    problem_at(walk, list, name, "holds more than " CONF_TEXT_OF(CONF_WORDS_MAX) " entries");
    return;
  }
  for (item = list->data.sequence.items.start; item < list->data.sequence.items.top; item++) {
    const yaml_node_t *node = node_of(walk, *item);
    if (!check_kind(walk, node, YAML_SCALAR_NODE, name, "a list of single values"))
      return;
    buf_init(&why, 0);
    take_status(walk, node, name, conf__add_word(row, scalar_text(node), base, &why), &why);
  }
}

static void read_value(struct walk *walk, const struct conf_row *row, const yaml_node_t *node,
                       const char *name, void *base) {
  struct buf why;
  if (row->kind == CONF_KIND_WORDS) {
    read_words(walk, row, node, name, base);
    return;
  }
  if (!check_kind(walk, node, YAML_SCALAR_NODE, name, "a single value"))
    return;
  struct slice text = is_null(node) ? slice_of("") : scalar_text(node);
  bool is_text = row->kind == CONF_KIND_PATH || row->kind == CONF_KIND_TEXT;
  if (is_null(node) && !row->section && !row->required)
    return; /* a member that an entry may leave out */
  buf_init(&why, 0);
  if (is_null(node) && !is_text) {
    buf_put_text(&why, "has no value: write ");
    conf__put_expectation(row, &why);
    problem_in_buf(walk, node, name, &why);
    return;
  }
  take_status(walk, node, name, conf__read_value(row, text, walk->reading->folder, base, &why),
              &why);
}

/*
 * Reads a map of rows into `base`, and says in `seen` which were there. Takes: `name` of the map in
 * messages, `separator` between it and a key.
 */
static void read_rows(struct walk *walk, const yaml_node_t *map, const char *name,
                      const struct conf_row *rows, size_t count, void *base, bool *seen) {
  const yaml_node_pair_t *pair;
  for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
    const yaml_node_t *key = node_of(walk, pair->key);
    size_t i = 0;
    if (!check_key(walk, key, name))
      continue;
    while (i < count && !slice_is(scalar_text(key), rows[i].key))
      i++;
    if (i == count) {
      unknown_row_key(walk, key, name, rows, count);
    } else if (seen[i]) {
      duplicate_key(walk, key, name);
    } else {
      char full[160];
      seen[i] = true;
      snprintf(full, sizeof full, "%s.%s", name, rows[i].key);
      read_value(walk, &rows[i], node_of(walk, pair->value), full, base);
    }
  }
}

/* Returns: NULL when there is none of that name. */
static const struct conf_list *find_list(struct slice name) {
  for (size_t i = 0; i < conf__list_count; i++)
    if (slice_is(name, conf__lists[i]->name))
      return conf__lists[i];
  return NULL;
}

/* Takes: `why`, the entry's problem if it holds a text. */
static void entry_problem(struct walk *walk, const yaml_node_t *node, const char *name,
                          struct buf *why) {
  if (buf_status(why))
    walk->reading->status = BELFRY_ENOMEM;
  if (why->len > 0)
    problem_in_buf(walk, node, name, why);
  else
    buf_fini(why);
}

static void finish_entry(struct walk *walk, const struct conf_list *list, const yaml_node_t *node,
                         const char *name, void *entry) {
  struct buf why;
  buf_init(&why, 0);
  list->finish(walk->reading->conf, entry, &why);
  entry_problem(walk, node, name, &why);
}

static void read_entry(struct walk *walk, const struct conf_list *list, const yaml_node_t *node,
                       size_t index) {
  char name[80];
  bool seen[CONF_ROWS_MAX] = {false};
  snprintf(name, sizeof name, "%s[%zu]", list->name, index);
  if (!check_kind(walk, node, YAML_MAPPING_NODE, name, "a map of its members"))
    return;
  void *entry = conf__list_append(list, walk->reading->conf);
  if (!entry) {
    walk->reading->status = BELFRY_ENOMEM;
    return;
  }
  int before = walk->reading->problems;
  read_rows(walk, node, name, list->rows, list->row_count, entry, seen);
  for (size_t i = 0; i < list->row_count; i++)
    if (list->rows[i].required && !seen[i]) {
      char text[160];
      snprintf(text, sizeof text, "`%s` is missing, as in `%s`", list->rows[i].key, list->example);
      problem_at(walk, node, name, text);
    }
  if (walk->reading->problems == before && !walk->reading->status)
    finish_entry(walk, list, node, name, entry);
}

static void read_list(struct walk *walk, const struct conf_list *list, const yaml_node_t *node) {
  char wanted[80];
  if (is_null(node))
    return;
  snprintf(wanted, sizeof wanted, "a list (`%s`)", list->example);
  if (!check_kind(walk, node, YAML_SEQUENCE_NODE, list->name, wanted))
    return;
  const yaml_node_item_t *first = node->data.sequence.items.start;
  size_t count = (size_t)(node->data.sequence.items.top - first);
  if (count > CONF_LIST_ENTRIES_MAX) {
    char text[80];
    snprintf(text, sizeof text, "holds %zu entries, more than %d", count, CONF_LIST_ENTRIES_MAX);
    problem_at(walk, node, list->name, text);
    return;
  }
  for (size_t i = 0; i < count; i++)
    read_entry(walk, list, node_of(walk, first[i]), i);
}

/* Asks what needs the whole file. Takes: a file without a problem so far, so that the nodes are the
 * entries. */
static void check_list(struct walk *walk, const struct conf_list *list, const yaml_node_t *node) {
  const struct conf *conf = walk->reading->conf;
  for (size_t i = 0; list->check && i < conf__list_count_of(list, conf); i++) {
    char name[80];
    struct buf why;
    buf_init(&why, 0);
    snprintf(name, sizeof name, "%s[%zu]", list->name, i);
    list->check(conf, conf__list_entry(list, conf, i), &why);
    entry_problem(walk, node_of(walk, node->data.sequence.items.start[i]), name, &why);
  }
}

static void check_lists(struct walk *walk, const yaml_node_t *map) {
  const yaml_node_pair_t *pair;
  for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
    const struct conf_list *list = find_list(scalar_text(node_of(walk, pair->key)));
    if (list)
      check_list(walk, list, node_of(walk, pair->value));
  }
}

static void read_section(struct walk *walk, size_t first, const yaml_node_t *node) {
  const char *section = conf__settings[first].section;
  if (!is_null(node) && /* all its lines may be commented out */
      check_kind(walk, node, YAML_MAPPING_NODE, section, "a map of settings (`key: value` lines)"))
    read_rows(walk, node, section, &conf__settings[first], conf__section_end(first) - first,
              walk->reading->conf, &walk->reading->in_file[first]);
}

static void read_top(struct walk *walk, const yaml_node_t *map) {
  bool section_seen[CONF_ROWS_MAX] = {false}, list_seen[CONF_ROWS_MAX] = {false};
  const yaml_node_pair_t *pair;
  for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
    const yaml_node_t *key = node_of(walk, pair->key), *value = node_of(walk, pair->value);
    size_t section = 0, list = 0;
    if (!check_key(walk, key, NULL))
      continue;
    while (section < conf__setting_count &&
           !slice_is(scalar_text(key), conf__settings[section].section))
      section = conf__section_end(section);
    while (list < conf__list_count && !slice_is(scalar_text(key), conf__lists[list]->name))
      list++;
    bool *seen = section < conf__setting_count ? &section_seen[section]
                 : list < conf__list_count     ? &list_seen[list]
                                               : NULL;
    if (!seen) {
      unknown_top_key(walk, key);
    } else if (*seen) {
      duplicate_key(walk, key, NULL);
    } else {
      *seen = true;
      if (section < conf__setting_count)
        read_section(walk, section, value);
      else
        read_list(walk, conf__lists[list], value);
    }
  }
  if (walk->reading->problems == 0 && !walk->reading->status)
    check_lists(walk, map);
}

/* The line and column (from 0) of a byte, for what libyaml only gives an offset. */
static void locate(struct slice text, size_t offset, size_t *line, size_t *column) {
  *line = *column = 0;
  for (size_t i = 0; i < offset && i < text.len; i++) {
    ++*column;
    if (text.data[i] == '\n') {
      ++*line;
      *column = 0;
    }
  }
}

static void syntax_problem(struct conf_reading *reading, const yaml_parser_t *parser,
                           struct slice text) {
  char said[BELFRY_ERROR_TEXT_BYTES];
  size_t line = parser->problem_mark.line, column = parser->problem_mark.column;
  /* libyaml names no error at all when some of its allocations fail. */
  if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR) {
    reading->status = BELFRY_ENOMEM;
    return;
  }
  if (parser->error == YAML_READER_ERROR)
    locate(text, parser->problem_offset, &line, &column);
  const char *at = text.data, *end = text.data + text.len;
  for (size_t i = 0; i < line && at; i++) {
    at = memchr(at, '\n', (size_t)(end - at));
    at = at ? at + 1 : NULL;
  }
  bool tab = at && column < (size_t)(end - at) && at[column] == '\t';
  snprintf(said, sizeof said, "not valid YAML: %s%s%s%s",
           parser->problem ? parser->problem : "cannot be read", parser->context ? " " : "",
           parser->context ? parser->context : "",
           tab ? "; there is a tab: indent with spaces" : "");
  problem_at_mark(reading, line, column, said);
}

static bool is_utf8(struct conf_reading *reading, struct slice text) {
  size_t valid = utf8_valid_prefix(text), line, column;
  if (valid == text.len)
    return true;
  locate(text, valid, &line, &column);
  problem_at_mark(reading, line, column, "these bytes are not UTF-8: save the file as UTF-8");
  return false;
}

static void read_document(struct conf_reading *reading, yaml_document_t *document) {
  struct walk walk = {.reading = reading, .document = document};
  const yaml_node_t *root = yaml_document_get_root_node(document);
  if (!root || is_null(root))
    return; /* nothing but comments: all defaults */
  if (document->nodes.top - document->nodes.start > CONF_VALUES_MAX) {
    conf__problem(reading, NULL, "holds more than %d values", CONF_VALUES_MAX);
    return;
  }
  if (check_kind(&walk, root, YAML_MAPPING_NODE, NULL,
                 "a map of sections (such as `fcgi:`) and lists (such as `services:`)"))
    read_top(&walk, root);
}

void conf__read_yaml(struct conf_reading *reading, struct slice text) {
  yaml_parser_t parser;
  yaml_document_t document;
  if (!is_utf8(reading, text))
    return;
  if (!yaml_parser_initialize(&parser)) {
    reading->status = BELFRY_ENOMEM;
    return;
  }
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
  if (!yaml_parser_load(&parser, &document)) {
    syntax_problem(reading, &parser, text);
    goto out;
  }
  bool more = yaml_document_get_root_node(&document) != NULL;
  read_document(reading, &document);
  yaml_document_delete(&document);
  if (!more)
    goto out;
  if (!yaml_parser_load(&parser, &document)) {
    syntax_problem(reading, &parser, text);
    goto out;
  }
  const yaml_node_t *second = yaml_document_get_root_node(&document);
  if (second)
    problem_at_mark(reading, second->start_mark.line, second->start_mark.column,
                    "a second document starts here: one file holds one configuration");
  yaml_document_delete(&document);
out:
  yaml_parser_delete(&parser);
}
