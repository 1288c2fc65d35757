#include "lib/cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program of its own is named as it is. */
static const char *program_of(const char *command)
{
    return strncmp(command, "sylkit", 6) ? "sylkit " : "";
}

int syl_usage(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s%s: ", program_of(command), command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return syl_usage_hint(command);
}

int syl_usage_hint(const char *command)
{
    fprintf(stderr, "Try: %s%s --help\n", program_of(command), command);
    return SYL_EXIT_USAGE;
}

int syl_report(const char *what, const syl_error *err)
{
    if (!what || strstr(err->message, what))
        fprintf(stderr, "sylkit: %s\n", err->message);
    else
        fprintf(stderr, "sylkit: %s: %s\n", what, err->message);
    return SYL_EXIT_FAILED;
}

int syl_exit_code(syl_status status, const syl_error *err)
{
    if (status == SYL_OK) return SYL_EXIT_OK;
    return status == SYL_ECANCELLED ? SYL_EXIT_FAILED : syl_report(NULL, err);
}

int syl_option_int(const char *command, const char *option, const char *text, long min, long max,
                   int *out)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < min || value > max)
        return syl_usage(command, "%s wants a whole number from %ld to %ld, not '%s'", option, min,
                         max, text);
    *out = (int)value;
    return SYL_EXIT_OK;
}

int syl_option_double(const char *command, const char *option, const char *text, double min,
                      double max, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < min || value > max)
        return syl_usage(command, "%s wants a number from %g to %g, not '%s'", option, min, max,
                         text);
    *out = value;
    return SYL_EXIT_OK;
}

int syl_option_choice(const char *command, const char *option, const char *text,
                      const char *const *names, int *out)
{
    char all[256] = "";
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text)) {
            *out = i;
            return SYL_EXIT_OK;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    }
    return syl_usage(command, "%s is one of %s, not '%s'", option, all, text);
}

static int stdout_errno; /* of the first failure: what comes later says less */

void syl_note_stdout_failure(void)
{
    if (!stdout_errno) stdout_errno = errno;
}

int syl_close_stdout(int code)
{
    int failed = ferror(stdout) || stdout_errno;
    errno = 0;
    if (fclose(stdout)) failed = 1;
    if (!failed) return code;
    if (stdout_errno) errno = stdout_errno;
    fprintf(stderr, "sylkit: standard output: %s\n",
            errno ? strerror(errno) : "not everything could be written");
    return SYL_EXIT_FAILED;
}

void syl_reserve_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            abort();
}
