/* Filling syl_error, and the two shortcuts that every fallible function uses. */
#ifndef SYL_BASE_STATUS_H
#define SYL_BASE_STATUS_H

#include "lib/sylkit.h"

/* Writes a formatted one-line message into err (may be NULL) and returns status. */
syl_status syl_fail(syl_error *err, syl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* SYL_ENOMEM with how much was asked for and what for. */
syl_status syl_fail_memory(syl_error *err, size_t bytes, const char *what);

/* Returns from the calling function when expr is not SYL_OK. */
#define SYL_TRY(expr)                            \
    do {                                         \
        syl_status syl_try_ = (expr);            \
        if (syl_try_ != SYL_OK) return syl_try_; \
    } while (0)

#endif
