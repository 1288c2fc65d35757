/* Spearman's rank correlation. */
#ifndef SYL_EMBED_RANK_CORRELATION_H
#define SYL_EMBED_RANK_CORRELATION_H

#include "lib/base/status.h"

/* Of n pairs (x, y), finite numbers: the correlation of their ranks, where equal numbers share the
 * mean of their ranks; 0 when there are fewer than two pairs or all x or all y are equal. Only
 * SYL_ENOMEM can fail. */
syl_status syl_spearman(double *out, const double *x, const double *y, size_t n, syl_error *err);

#endif
