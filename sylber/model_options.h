/* The options of every subcommand that runs a model over recordings. */
#ifndef SYL_SYLBER_MODEL_OPTIONS_H
#define SYL_SYLBER_MODEL_OPTIONS_H

#include <getopt.h>

#include "lib/sylkit.h"

typedef struct syl_model_args {
    const char *command; /* for messages */
    const char *path;    /* NULL: the default model */
    const char *raw;     /* audio without a header, or NULL */
    syl_model_options model;
    syl_stream_options stream;
    double hop, lookahead; /* of the live options; NaN: not given */
} syl_model_args;

enum {
    SYL_OPT_MODEL = 1000,
    SYL_OPT_PRECISION,
    SYL_OPT_DEVICE,
    SYL_OPT_CODEBOOK,
    SYL_OPT_RESIDUAL,
    SYL_OPT_METRIC,
    SYL_OPT_NORM,
    SYL_OPT_MERGE,
    SYL_OPT_SHIFT,
    SYL_OPT_SILENCE,
    SYL_OPT_THREADS,
    SYL_OPT_RAW,
    SYL_OPT_HOP,
    SYL_OPT_LOOKAHEAD
};

/* Entries for getopt_long's table. */
#define SYL_MODEL_LONG_OPTIONS                                            \
    {"model", required_argument, NULL, SYL_OPT_MODEL},                    \
        {"precision", required_argument, NULL, SYL_OPT_PRECISION},        \
        {"device", required_argument, NULL, SYL_OPT_DEVICE},              \
        {"codebook", required_argument, NULL, SYL_OPT_CODEBOOK},          \
        {"residual-codebook", required_argument, NULL, SYL_OPT_RESIDUAL}, \
        {"metric", required_argument, NULL, SYL_OPT_METRIC},              \
        {"norm", required_argument, NULL, SYL_OPT_NORM},                  \
        {"merge", required_argument, NULL, SYL_OPT_MERGE},                \
        {"shift-ms", required_argument, NULL, SYL_OPT_SHIFT},             \
        {"silence", optional_argument, NULL, SYL_OPT_SILENCE},            \
        {"threads", required_argument, NULL, SYL_OPT_THREADS},            \
    {                                                                     \
        "raw", required_argument, NULL, SYL_OPT_RAW                       \
    }

/* Those of commands that run a model over live sound. */
#define SYL_LIVE_LONG_OPTIONS                                   \
    {"hop", required_argument, NULL, SYL_OPT_HOP},              \
    {                                                           \
        "lookahead", required_argument, NULL, SYL_OPT_LOOKAHEAD \
    }

/* Their part of a --help text, without that of the live ones. */
extern const char syl_model_help[];

syl_model_args syl_model_args_defaults(const char *command);

/* Takes one option that getopt_long returned, with its value. An exit status: SYL_EXIT_USAGE
 * also for an option that is not of this list (getopt_long has said so then). */
int syl_model_args_take(syl_model_args *args, int option, const char *value);

/* For live sound, once the model is there: a "hubert" model gets hop and look-ahead where none was
 * given (0.32 and 0.64 s); another is refused (SYL_EINVAL) when one was. */
syl_status syl_live_args_finish(syl_model_args *args, const syl_model_info *info, syl_error *err);

/* Loads the model that --model, $SYLKIT_MODEL or the installation names, in this order. */
syl_status syl_model_args_load(syl_model **out, const syl_model_args *args, syl_error *err);

#endif
