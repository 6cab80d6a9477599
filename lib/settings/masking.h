/*
 * What is masked, as the configuration says it.
 */
#ifndef BELFRY_SETTINGS_MASKING_H
#define BELFRY_SETTINGS_MASKING_H

#include "base/error.h"
#include "conf/conf.h"
#include "model/mask.h"

/* Returns: as mask_configure. */
int masking_configure(struct mask *mask, const struct conf *conf,
                      struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
