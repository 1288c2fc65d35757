/* sylkit bpv infer: codes and vectors of new documents. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv_arrays.h"
#include "embed/bpv_texts.h"
#include "embed/cmd.h"
#include "lib/cli/inputs.h"
#include "lib/io/npy.h"

#define COMMAND "bpv infer"

typedef struct arguments {
    syl_infer_args infer;
    const char *codes, *vectors, *names;
    bool json, with_vectors;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_HEADING("Output (without --codes and --vectors: JSON lines):"),
    SYL_OPTION_TEXT(arguments, "codes", codes, "FILE.npy of packed codes"),
    SYL_OPTION_TEXT(arguments, "vectors", vectors, "FILE.npy of vectors"),
    SYL_OPTION_TEXT(arguments, "names", names, "FILE of names, one a line"),
    SYL_OPTION_FLAG(arguments, "json", json, "JSON lines beside these files"),
    SYL_OPTION_FLAG(arguments, "with-vectors", with_vectors, "vectors in the JSON lines, too"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *model_path;
    const char *const *paths; /* [num_paths] */
    size_t num_paths;
    syl_bpv *model;
    syl_bpv_info info;
    syl_npy_writer codes, vectors;
    syl_names names;
    int64_t documents, unknown;
} job;

static bool is_binary(const job *j)
{
    return syl_bpv_is_binary(j->info.kind);
}

static syl_status print(const job *j, const syl_inferred *b, int64_t i, syl_error *err)
{
    json_t *line = json_object();
    json_object_set_new(line, "name", syl_name_json(b->names[i]));
    json_object_set_new(line, "items", json_integer(b->items[i]));
    if (is_binary(j)) {
        const uint8_t *code = b->codes + i * ((j->info.bits + 7) / 8);
        json_object_set_new(line, "code", syl_code_json(code, j->info.bits));
    }
    if (j->args.with_vectors || !is_binary(j))
        json_object_set_new(line, "vector",
                            syl_vector_json(b->vectors + i * j->info.dim, j->info.dim));
    if (b->empty[i]) json_object_set_new(line, "unknown", json_true());
    return syl_print_json(line, err);
}

static syl_status take(void *user, const syl_inferred *b, syl_error *err)
{
    job *j = user;
    const arguments *a = &j->args;
    if (a->codes) SYL_TRY(syl_npy_writer_append_bytes(&j->codes, b->codes, b->count, err));
    if (a->vectors) SYL_TRY(syl_npy_writer_append(&j->vectors, b->vectors, b->count, err));
    for (int64_t i = 0; i < b->count; i++) {
        if (a->names) SYL_TRY(syl_names_add(&j->names, b->names[i], err));
        if (a->json || !(a->codes || a->vectors)) SYL_TRY(print(j, b, i, err));
        j->unknown += b->empty[i];
    }
    j->documents += b->count;
    return SYL_OK;
}

static syl_status open_outputs(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    if (a->codes && !is_binary(j))
        return syl_fail(err, SYL_EINVAL,
                        "%s is real-valued and has no codes: use --vectors, and sylkit bpv eval "
                        "--hash for codes of them",
                        j->model_path);
    if (a->codes)
        SYL_TRY(syl_npy_writer_open_bytes(&j->codes, a->codes, (j->info.bits + 7) / 8, err));
    if (a->vectors) SYL_TRY(syl_npy_writer_open(&j->vectors, a->vectors, j->info.dim, err));
    return SYL_OK;
}

static syl_status commit(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    if (a->names) SYL_TRY(syl_names_write(&j->names, a->names, err));
    if (a->codes) SYL_TRY(syl_npy_writer_commit(&j->codes, err));
    if (a->vectors) SYL_TRY(syl_npy_writer_commit(&j->vectors, err));
    return SYL_OK;
}

static syl_status run(job *j, syl_error *err)
{
    SYL_TRY(syl_bpv_load(&j->model, j->model_path, err));
    syl_bpv_get_info(j->model, &j->info);
    SYL_TRY(open_outputs(j, err));
    SYL_TRY(syl_infer_texts(j->model, j->paths, j->num_paths, &j->args.infer, take, j, err));
    if (!j->documents)
        return syl_fail(err, SYL_EINVAL, "there is no document in %s%s", j->paths[0],
                        j->num_paths > 1 ? " and the others" : "");
    SYL_TRY(commit(j, err));
    if (j->unknown)
        fprintf(stderr,
                "sylkit: %" PRId64 " of %" PRId64 " documents have no word that the model "
                "knows; their codes and vectors are zeros\n",
                j->unknown, j->documents);
    return SYL_OK;
}

static int check(const job *j)
{
    const char *outputs[] = {j->args.codes, j->args.vectors, j->args.names};
    if (j->args.with_vectors && !j->args.json && (j->args.codes || j->args.vectors))
        return syl_usage(COMMAND,
                         "--with-vectors is for JSON lines: with --json, or without files");
    for (size_t o = 0; o < 3; o++) {
        if (!outputs[o]) continue;
        for (size_t other = 0; other < o; other++)
            if (outputs[other] && syl_same_output(outputs[o], outputs[other]))
                return syl_usage(COMMAND, "%s would be written twice", outputs[o]);
        if (syl_same_file(outputs[o], j->model_path))
            return syl_usage(COMMAND, "%s would overwrite the model", outputs[o]);
        for (size_t i = 0; i < j->num_paths; i++)
            if (syl_same_file(outputs[o], j->paths[i]))
                return syl_usage(COMMAND, "%s would overwrite the input", outputs[o]);
    }
    return SYL_EXIT_OK;
}

static int start(void *at, int argc, char **argv)
{
    static const char *const standard_input[] = {"-"};
    job *j = at;
    syl_error err;
    if (!argc) return syl_usage(COMMAND, "name a MODEL, as sylkit bpv train wrote it");
    j->model_path = argv[0];
    j->paths = (const char *const *)argv + 1;
    j->num_paths = (size_t)(argc - 1);
    if (!j->num_paths) j->paths = standard_input, j->num_paths = 1;
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    code = syl_exit_code(run(j, &err), &err);
    syl_npy_writer_discard(&j->codes);
    syl_npy_writer_discard(&j->vectors);
    syl_names_free(&j->names);
    syl_bpv_free(j->model);
    return code;
}

static const char usage[] =
    "Usage: sylkit bpv infer [OPTIONS] MODEL [TEXT...]\n"
    "Codes and vectors of new documents: files, folders, or standard input (also -), where a\n"
    "line is a document that is answered before the next is read.";

int syl_cmd_bpv_infer(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_INFER_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_infer_args_table(end, offsetof(arguments, infer));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    job j = {.args = {.infer = syl_infer_args_defaults()}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
