/* The recordings a command line names: files, folders, lists, standard input. */
#ifndef SYL_CLI_INPUTS_H
#define SYL_CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"

typedef struct syl_input {
    char *path;     /* as opened and reported; "-" is standard input */
    char *relative; /* where its output goes below --out, without the audio extension */
    char *error;    /* NULL, or why this input cannot be used (an unreadable folder) */
} syl_input;

typedef struct syl_inputs {
    syl_input *items;
    size_t count, capacity;
} syl_inputs;

/* A file or "-" as it is; of a folder, every audio file (by its extension) below it, sorted by
 * name, links followed. A folder that cannot be read or holds no audio becomes an input with
 * `error`, so that the rest goes on. */
syl_status syl_inputs_add(syl_inputs *inputs, const char *path, syl_error *err);

/* One path a line ("-": the list is on standard input); empty lines are skipped. */
syl_status syl_inputs_add_list(syl_inputs *inputs, const char *list, syl_error *err);

/* Refuses (SYL_EINVAL) two inputs that would write the same file below --out. */
syl_status syl_inputs_check_outputs(const syl_inputs *inputs, syl_error *err);

void syl_inputs_free(syl_inputs *inputs);

/* Whether both names lead to one file that is there. */
bool syl_same_file(const char *a, const char *b);
/* The same, or one name in one folder of a file that is not there yet. */
bool syl_same_output(const char *a, const char *b);

/* Whether the output is one of the files that are read of a model: `model` itself, or weights,
 * configuration or tokenizer in the folder that it is or (.safetensors) lies in. */
bool syl_output_is_of_model(const char *output, const char *model);

/* folder/relative.extension, its folders created; *out is owned by the caller. */
syl_status syl_output_path(char **out, const char *folder, const syl_input *input,
                           const char *extension, syl_error *err);

#endif
