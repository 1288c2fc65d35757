/* What every subcommand shares: exit statuses, and numbers and choices on the command line. */
#ifndef SYL_CLI_OPTIONS_H
#define SYL_CLI_OPTIONS_H

#include <stddef.h>

#include "lib/base/status.h"

enum {
    SYL_EXIT_OK = 0,     /* all done */
    SYL_EXIT_FAILED = 1, /* some inputs, or the output, failed; the rest was done */
    SYL_EXIT_USAGE = 2   /* the command line makes no sense; nothing was done */
};

/* Prints "sylkit COMMAND: message" and where help is; returns SYL_EXIT_USAGE. */
int syl_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints where help is alone, as after a message of getopt's; returns SYL_EXIT_USAGE. */
int syl_usage_hint(const char *command);

/* Prints "sylkit: what: message" of err, without `what` (may be NULL) where the message names
 * it already; returns SYL_EXIT_FAILED. */
int syl_report(const char *what, const syl_error *err);

/* The exit status of a command that ended with `status`, with what err says, but no word of
 * SYL_ECANCELLED: that standard output is closed is told by syl_close_stdout. */
int syl_exit_code(syl_status status, const syl_error *err);

/* Parse the value `text` of `option`; on failure they say what is wrong and what would be
 * right, and return SYL_EXIT_USAGE; else SYL_EXIT_OK. */
int syl_option_int(const char *command, const char *option, const char *text, long min, long max,
                   int *out);
int syl_option_double(const char *command, const char *option, const char *text, double min,
                      double max, double *out);
/* names ends with NULL; *out receives the index. */
int syl_option_choice(const char *command, const char *option, const char *text,
                      const char *const *names, int *out);

/* Right after a failed write to standard output: keeps errno for syl_close_stdout. */
void syl_note_stdout_failure(void);

/* Flushes and closes standard output: SYL_EXIT_FAILED with a message when what was printed
 * did not arrive (a full disk, a reader that went away), else `code`. */
int syl_close_stdout(int code);

/* A standard stream that is closed would lend its number to the next file opened. In its place
 * stands one that refuses what the stream is for, so that the error is still seen. */
void syl_reserve_standard_streams(void);

#endif
