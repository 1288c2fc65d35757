/* Whether a run that goes on has the options that it began with. */
#ifndef SYL_TRAIN_RUN_IDENTITY_H
#define SYL_TRAIN_RUN_IDENTITY_H

#include "lib/base/status.h"

/* `then` and `now` are JSON objects of strings. SYL_EINVAL names the first option that differs, or
   that `then` lacks; `instead` is what may be given for the file `path`. */
syl_status syl_run_identity_check(const char *path, const char *then, const char *now,
                                  const char *instead, syl_error *err);

#endif
