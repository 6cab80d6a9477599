/*
 * Belfry was built without libsystemd: there is no journal, and the configuration cannot ask for
 * one.
 */
#include "watchd/journal.h"

#include <stddef.h>

int journal_new(const struct journal_parts *parts, struct journal **out) {
  (void)parts;
  *out = NULL;
  return BELFRY_OK;
}

void journal_free(struct journal *journal) {
  (void)journal;
}

int journal_configure(struct journal *journal, const struct conf *conf) {
  (void)journal;
  (void)conf;
  return BELFRY_OK;
}

void journal_figures(const struct journal *journal, struct report_figures *figures) {
  (void)journal;
  (void)figures;
}
