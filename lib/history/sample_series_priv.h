/*
 * Which series a query of samples is about, and into which groups they fall.
 */
#ifndef BELFRY_HISTORY_SAMPLE_SERIES_PRIV_H
#define BELFRY_HISTORY_SAMPLE_SERIES_PRIV_H

#include "history/query_priv.h"

struct wanted_series {
  int64_t id;
  uint32_t place;         /* in the order of labels */
  uint32_t group;         /* its place among the groups */
  struct sample_run hot;  /* what is not sealed yet, late samples included */
  struct sample_run late; /* for the time that is sealed */
  double before;          /* the value before what was added last */
  bool has_before;
};

struct wanted_list {
  struct wanted_series *series; /* owned */
  size_t count, cap;
  struct buf *groups; /* owned; the labels of each group */
  size_t group_count, group_cap;
};

/* Finds the series, in order of their labels. Ended by wanted_fini() in every case. Returns: 0;
 * BELFRY_ETIMEDOUT; BELFRY_ETOOBIG for too many labels. */
int wanted_select(struct wanted_list *list, struct history *history,
                  const struct sample_query *query, struct belfry_error *error) BELFRY_MUST_CHECK;
void wanted_fini(struct wanted_list *list);

#endif
