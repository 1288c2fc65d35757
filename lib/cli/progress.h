/* One line on the terminal that says how a long run fares. Safe from several threads. */
#ifndef SYL_CLI_PROGRESS_H
#define SYL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct syl_progress syl_progress;

/* Shows itself only when standard error is a terminal, and not before 2 s have passed. NULL
 * when memory is short, which all calls accept. */
syl_progress *syl_progress_create(size_t files, bool quiet);
void syl_progress_free(syl_progress *progress);

void syl_progress_add_seconds(syl_progress *progress, double seconds); /* of audio done */
void syl_progress_file_done(syl_progress *progress);

/* For runs that count other things than files: `done` of as many `steps` ("iterations") as the
 * bar was created with. */
void syl_progress_steps(syl_progress *progress, size_t done, const char *steps, const char *text);

/* A line on standard error that does not get mixed up with the bar. */
void syl_progress_message(syl_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
