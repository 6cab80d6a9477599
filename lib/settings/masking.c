#include "settings/masking.h"

#include <stdlib.h>

int masking_configure(struct mask *mask, const struct conf *conf, struct belfry_error *error) {
  const char **patterns = calloc(conf->mask_count + 1, sizeof *patterns);
  if (!patterns)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  for (size_t i = 0; i < conf->mask_count; i++)
    patterns[i] = conf->masks[i].pattern;
  const struct mask_options options = {conf->masking_enabled, conf->masking_cards,
                                       conf->masking_emails, patterns};
  int status = mask_configure(mask, &options, error);
  free(patterns);
  return status;
}
