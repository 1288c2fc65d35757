/* The files that a list of paths stands for, one after the other, folders read as they come. */
#ifndef SYL_IO_TEXT_WALK_H
#define SYL_IO_TEXT_WALK_H

#include <stdbool.h>

#include "lib/base/status.h"

typedef struct syl_text_walk syl_text_walk;

/* The paths are copied. */
syl_status syl_text_walk_create(syl_text_walk **out, const char *const *paths, size_t count,
                                syl_error *err);
/* The next file as it is opened and as it is called: below a folder of the list (in_folder) by its
 * path from there, otherwise the same. Both NULL after the last; valid until the next call. */
syl_status syl_text_walk_next(syl_text_walk *walk, const char **path, const char **name,
                              bool *in_folder, syl_error *err);
void syl_text_walk_free(syl_text_walk *walk);

#endif
