/*
 * Entries of lists as a whole, whatever their members are.
 */
#include "conf/conf_priv.h"

#include <stdlib.h>

void *conf__copy_entry(const struct conf_list *list, const void *entry) {
  void *copy = calloc(1, list->entry_bytes);
  for (size_t i = 0; copy && i < list->row_count; i++)
    if (conf__copy_value(&list->rows[i], entry, copy)) {
      conf__free_entry(list, copy);
      copy = NULL;
    }
  return copy;
}

void conf__free_entry(const struct conf_list *list, void *entry) {
  for (size_t i = 0; entry && i < list->row_count; i++)
    conf__free_value(&list->rows[i], entry);
  free(entry);
}

bool conf__same_entry(const struct conf_list *list, const void *a, const void *b) {
  for (size_t i = 0; i < list->row_count; i++)
    if (!conf__same_value(&list->rows[i], a, b))
      return false;
  return true;
}
