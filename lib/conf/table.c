/*
 * settings.def and lists.def as data, and the fields they stand for.
 */
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

#define AT(section, key, suffix) offsetof(struct conf, section##_##key##suffix)

const struct conf_row conf__settings[] = {
#define CONF_BOOL(s, k, fallback_, doc_)                                                           \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_BOOL,                                                                         \
   .offset = AT(s, k, ),                                                                           \
   .fallback = fallback_,                                                                          \
   .doc = doc_},
#define CONF_NUMBER(s, k, suffix, kind_, fallback_, min_, max_, doc_)                              \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = kind_,                                                                                  \
   .offset = AT(s, k, suffix),                                                                     \
   .fallback = fallback_,                                                                          \
   .min = min_,                                                                                    \
   .max = max_,                                                                                    \
   .doc = doc_},
#define CONF_INT(s, k, f, min_, max_, doc_) CONF_NUMBER(s, k, , CONF_KIND_INT, f, min_, max_, doc_)
#define CONF_DURATION(s, k, f, min_, max_, doc_)                                                   \
  CONF_NUMBER(s, k, _ms, CONF_KIND_DURATION, f, min_, max_, doc_)
#define CONF_BYTES(s, k, f, min_, max_, doc_)                                                      \
  CONF_NUMBER(s, k, _bytes, CONF_KIND_BYTES, f, min_, max_, doc_)
#define CONF_CHOICE(s, k, fallback_, choices_, doc_)                                               \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_CHOICE,                                                                       \
   .offset = AT(s, k, ),                                                                           \
   .fallback_text = fallback_,                                                                     \
   .choices = choices_,                                                                            \
   .doc = doc_},
#define CONF_PATH(s, k, fallback_, doc_)                                                           \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_PATH,                                                                         \
   .offset = AT(s, k, ),                                                                           \
   .fallback_text = fallback_,                                                                     \
   .max = 4095,                                                                                    \
   .doc = doc_},
#define CONF_TEXT(s, k, fallback_, max_bytes, form_, doc_)                                         \
  {.section = #s,                                                                                  \
   .key = #k,                                                                                      \
   .kind = CONF_KIND_TEXT,                                                                         \
   .offset = AT(s, k, ),                                                                           \
   .fallback_text = fallback_,                                                                     \
   .max = max_bytes,                                                                               \
   .form = CONF_FORM_##form_,                                                                      \
   .doc = doc_},
#include "conf/settings.def"
};

const size_t conf__setting_count = sizeof conf__settings / sizeof *conf__settings;
_Static_assert(sizeof conf__settings / sizeof *conf__settings <= CONF_ROWS_MAX,
               "make CONF_ROWS_MAX larger");

const struct conf_list *const conf__lists[] = {
#define CONF_LIST(many, one) &conf__##one##_list,
#include "conf/lists.def"
#undef CONF_LIST
};
const size_t conf__list_count = sizeof conf__lists / sizeof *conf__lists;

size_t conf__section_end(size_t first) {
  size_t end = first + 1;
  while (end < conf__setting_count &&
         strcmp(conf__settings[end].section, conf__settings[first].section) == 0)
    end++;
  return end;
}

static void **items_of(const struct conf_list *list, const struct conf *conf) {
  return (void **)(uintptr_t)((const char *)conf + list->items_offset);
}

size_t conf__list_count_of(const struct conf_list *list, const struct conf *conf) {
  return *(const size_t *)(const void *)((const char *)conf + list->count_offset);
}

void *conf__list_entry(const struct conf_list *list, const struct conf *conf, size_t index) {
  return (char *)*items_of(list, conf) + index * list->entry_bytes;
}

void *conf__list_append(const struct conf_list *list, struct conf *conf) {
  void **items = items_of(list, conf);
  size_t *count = (size_t *)(void *)((char *)conf + list->count_offset);
  void *more = reallocarray(*items, *count + 1, list->entry_bytes);
  if (!more)
    return NULL;
  *items = more;
  void *entry = (char *)more + *count * list->entry_bytes;
  memset(entry, 0, list->entry_bytes);
  ++*count;
  return entry;
}

void conf__list_free(const struct conf_list *list, struct conf *conf) {
  for (size_t i = 0; i < conf__list_count_of(list, conf); i++)
    for (size_t row = 0; row < list->row_count; row++)
      conf__free_value(&list->rows[row], conf__list_entry(list, conf, i));
  free(*items_of(list, conf));
}

size_t conf__setting_index(struct slice section, struct slice key) {
  for (size_t i = 0; i < conf__setting_count; i++)
    if (slice_is(section, conf__settings[i].section) && slice_is(key, conf__settings[i].key))
      return i;
  return SIZE_MAX;
}
