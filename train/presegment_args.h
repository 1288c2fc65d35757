/* What `presegment fit` and `presegment run` share. */
#ifndef SYL_TRAIN_PRESEGMENT_ARGS_H
#define SYL_TRAIN_PRESEGMENT_ARGS_H

#include "lib/cli/batch_args.h"
#include "sylber/teacher.h"

#define SYL_PRESEGMENT_FIT "presegment fit"
#define SYL_PRESEGMENT_RUN "presegment run"

typedef struct syl_presegment_args {
    const char *command; /* for messages */
    const char *teacher; /* path */
    const char *raw;     /* see syl_audio_open */
    int threads;         /* of the computation within a file */
} syl_presegment_args;

enum { SYL_OPT_TEACHER = 1200, SYL_OPT_PRESEGMENT_THREADS, SYL_OPT_PRESEGMENT_RAW };

#define SYL_PRESEGMENT_LONG_OPTIONS                                       \
    {"teacher", required_argument, NULL, SYL_OPT_TEACHER},                \
        {"threads", required_argument, NULL, SYL_OPT_PRESEGMENT_THREADS}, \
    {                                                                     \
        "raw", required_argument, NULL, SYL_OPT_PRESEGMENT_RAW            \
    }

syl_presegment_args syl_presegment_args_defaults(const char *command);

/* Takes one option that getopt_long returned: an exit status, SYL_EXIT_USAGE also for an option
 * that is not of this list (getopt_long has said so then). */
int syl_presegment_args_take(syl_presegment_args *args, int option, const char *value);

/* The recording, at the teacher's rate; *samples is owned by the caller. */
syl_status syl_presegment_args_load(const syl_presegment_args *args, const syl_teacher *teacher,
                                    const char *path, float **samples, size_t *n, syl_error *err);

/* Refuses an output (NULL: none) that is one of the inputs or of the `count` files in `kept`, of
 * which some may be NULL. An exit status. */
int syl_presegment_args_protect(const syl_presegment_args *args, const syl_inputs *inputs,
                                const char *const *kept, size_t count, const char *option,
                                const char *output);

int syl_cmd_presegment_fit(int argc, char **argv);
int syl_cmd_presegment_run(int argc, char **argv);

#endif
