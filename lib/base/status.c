/* Error messages, the version and the names of the statuses. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/status.h"

const char *syl_version(void)
{
    return PACKAGE_VERSION;
}

const char *syl_status_name(syl_status status)
{
    switch (status) {
    case SYL_OK:
        return "no error";
    case SYL_EINVAL:
        return "invalid argument";
    case SYL_ENOMEM:
        return "out of memory";
    case SYL_EIO:
        return "input or output error";
    case SYL_EFORMAT:
        return "damaged or unknown format";
    case SYL_EUNSUPPORTED:
        return "not supported";
    case SYL_ECOMPUTE:
        return "compute library error";
    case SYL_ECANCELLED:
        return "stopped as asked";
    }
    return "unknown status";
}

syl_status syl_fail(syl_error *err, syl_status status, const char *format, ...)
{
    va_list args;

    if (!err) return status;
    err->status = status;
    va_start(args, format);
    if (vsnprintf(err->message, sizeof err->message, format, args) < 0) err->message[0] = '\0';
    va_end(args);
    /* A message is one line and must not drive a terminal, whatever the file's name holds. */
    for (char *c = err->message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    return status;
}

syl_status syl_fail_memory(syl_error *err, size_t bytes, const char *what)
{
    if (bytes == SIZE_MAX)
        return syl_fail(err, SYL_ENOMEM, "%s needs more memory than can be addressed", what);
    return syl_fail(err, SYL_ENOMEM, "no memory for %s (%zu bytes); close other programs", what,
                    bytes);
}
