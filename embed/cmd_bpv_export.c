/* sylkit bpv export: models and indexes to other programs' formats. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv.h"
#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/cli/inputs.h"
#include "lib/cli/option_table.h"
#include "lib/io/word_vectors.h"

#define COMMAND "bpv export"
#define NUM_OUTPUTS 7

typedef struct arguments {
    const char *faiss, *codes, *vectors, *index, *names, *vocabulary, *words;
    bool with_vectors, input_words, binary;
} arguments;

#define TEXT(name, field, help) SYL_OPTION_TEXT(arguments, name, field, help)
#define FLAG(name, field, help) SYL_OPTION_FLAG(arguments, name, field, help)

static const syl_arg table[] = {
    SYL_OPTION_HEADING("Of a model's training set, or an index:"),
    TEXT("faiss", faiss, "FILE for faiss.read_index_binary (IndexBinaryFlat)"),
    TEXT("codes", codes, "FILE.npy of packed codes"),
    TEXT("vectors", vectors, "FILE.npy of vectors"),
    SYL_OPTION_HEADING("Of a model:"),
    TEXT("index", index, "FILE for sylkit bpv search"),
    FLAG("with-vectors", with_vectors, "put vectors in it, too"),
    TEXT("names", names, "FILE of names, one a line"),
    TEXT("vocabulary", vocabulary, "FILE of items and counts"),
    TEXT("words", words, "FILE of the items' output vectors, in word2vec's format"),
    FLAG("input-words", input_words, "vectors of context words in its place (dm, binary-dm)"),
    FLAG("binary", binary, "word2vec's binary format"),
};
#define NUM_OPTIONS (sizeof table / sizeof *table)

typedef struct job {
    arguments args;
    const char *source;
    syl_bpv *model; /* or NULL */
    syl_bpv_info info;
    syl_index *index; /* the source, or of the training set */
    syl_index_info index_info;
} job;

/* ---- of documents -------------------------------------------------------------------- */

/* The training set as an index. */
static syl_status index_training(job *j, int dim, syl_index **out, syl_error *err)
{
    const syl_bpv_info *info = &j->info;
    size_t n = (size_t)info->documents;
    if (!syl_bpv_is_binary(info->kind))
        return syl_fail(err, SYL_EINVAL, "%s is real-valued and has no codes; see --vectors",
                        j->source);
    if (info->bits > SYL_INDEX_BITS)
        return syl_fail(err, SYL_EINVAL, "%s has codes of %d bits; an index takes %d at most",
                        j->source, info->bits, SYL_INDEX_BITS);
    uint8_t *codes = syl_calloc(n, (size_t)(info->bits + 7) / 8);
    float *vectors = syl_calloc(syl_mul_size(n, (size_t)info->dim), sizeof *vectors);
    syl_status status = codes && vectors
                            ? syl_bpv_documents(j->model, codes, vectors, err)
                            : syl_fail_memory(err, n * (size_t)info->dim * 4, "documents");
    if (status == SYL_OK) status = syl_index_create(out, info->bits, dim, err);
    if (status == SYL_OK)
        status = syl_index_add(*out, codes, dim ? vectors : NULL, info->documents, err);
    free(codes);
    free(vectors);
    return status;
}

static syl_status write_vectors(const job *j, syl_error *err)
{
    int dim = j->model ? j->info.dim : j->index_info.dim;
    int64_t count = j->model ? j->info.documents : j->index_info.count;
    if (!dim) return syl_fail(err, SYL_EINVAL, "%s: this index has no vectors", j->source);
    float *vectors = syl_calloc(syl_mul_size((size_t)count, (size_t)dim), sizeof *vectors);
    if (!vectors) return syl_fail_memory(err, (size_t)count * (size_t)dim * 4, "vectors");
    syl_status status = j->model ? syl_bpv_documents(j->model, NULL, vectors, err)
                                 : syl_index_get(j->index, 0, count, NULL, vectors, err);
    if (status == SYL_OK) status = syl_vectors_write(j->args.vectors, vectors, count, dim, err);
    free(vectors);
    return status;
}

static syl_status write_names(const job *j, syl_error *err)
{
    syl_names names = {0};
    syl_status status = SYL_OK;
    for (int64_t i = 0; status == SYL_OK && i < j->info.documents; i++)
        status = syl_names_add(&names, syl_bpv_document_name(j->model, i), err);
    if (status == SYL_OK) status = syl_names_write(&names, j->args.names, err);
    syl_names_free(&names);
    return status;
}

/* ---- of words ------------------------------------------------------------------------ */

/* A row of the output has a part for the document's code, then one for each word of context; the
 * first is written. Pairs of words are written first_second: white space ends a name. */
static syl_status write_words(const job *j, syl_error *err)
{
    const syl_bpv *m = j->model;
    const bool input = j->args.input_words;
    const int64_t part = syl_paragraph_padded(m->shape.bits);
    const int64_t stride = input ? part : part * (1 + m->shape.context);
    const float *rows = input ? m->words : m->output;
    syl_vector_writer w;
    char name[SYL_MAX_WORD + 1];
    if (!rows)
        return syl_fail(err, SYL_EINVAL,
                        "%s has no vectors of context words: --input-words is for "
                        "dm and binary-dm",
                        j->source);
    SYL_TRY(syl_vector_writer_open(&w, j->args.words,
                                   j->args.binary ? SYL_VECTORS_BINARY : SYL_VECTORS_TEXT,
                                   j->info.items, m->shape.bits, err));
    syl_status status = SYL_OK;
    for (int64_t i = 0; status == SYL_OK && i < j->info.items; i++) {
        snprintf(name, sizeof name, "%s", syl_bpv_item(m, (int32_t)i));
        for (char *c = name; *c; c++)
            if (*c == ' ') *c = '_';
        status = syl_vector_writer_add(&w, name, rows + i * stride, err);
    }
    if (status == SYL_OK) return syl_vector_writer_commit(&w, err);
    syl_vector_writer_discard(&w);
    return status;
}

/* ---- the run ------------------------------------------------------------------------- */

static bool begins_as_index(const char *path)
{
    char magic[8] = "";
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    bool is = fread(magic, 1, 8, file) == 8 && !memcmp(magic, "SYLINDEX", 8);
    fclose(file);
    return is;
}

static syl_status open_source(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    if (begins_as_index(j->source)) {
        if (a->index || a->names || a->vocabulary || a->words)
            return syl_fail(err, SYL_EINVAL,
                            "%s is an index: only --faiss, --codes and --vectors come from it",
                            j->source);
        SYL_TRY(syl_index_load(&j->index, j->source, 1, err));
    } else {
        SYL_TRY(syl_bpv_load(&j->model, j->source, err));
        syl_bpv_get_info(j->model, &j->info);
        bool documents = a->faiss || a->codes || a->vectors || a->index || a->names;
        if (documents && !j->info.documents)
            return syl_fail(err, SYL_EINVAL,
                            "%s was written without its documents; train it without "
                            "--no-documents, or see sylkit bpv infer",
                            j->source);
        if (a->faiss || a->codes || a->index)
            SYL_TRY(index_training(j, a->with_vectors ? j->info.dim : 0, &j->index, err));
    }
    if (j->index) syl_index_get_info(j->index, &j->index_info);
    return SYL_OK;
}

static syl_status run(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    SYL_TRY(open_source(j, err));
    if (a->faiss) SYL_TRY(syl_index_export_faiss(j->index, a->faiss, err));
    if (a->codes) SYL_TRY(syl_index_export_npy(j->index, a->codes, err));
    if (a->index) SYL_TRY(syl_index_save(j->index, a->index, err));
    if (a->vectors) SYL_TRY(write_vectors(j, err));
    if (a->names) SYL_TRY(write_names(j, err));
    if (a->vocabulary) SYL_TRY(syl_vocabulary_save(j->model->vocabulary, a->vocabulary, err));
    return a->words ? write_words(j, err) : SYL_OK;
}

static int check(const job *j)
{
    const arguments *a = &j->args;
    const char *outputs[NUM_OUTPUTS] = {a->faiss, a->codes,      a->vectors, a->index,
                                        a->names, a->vocabulary, a->words};
    int wanted = 0;
    for (int o = 0; o < NUM_OUTPUTS; o++) {
        if (!outputs[o]) continue;
        wanted++;
        if (syl_same_file(outputs[o], j->source))
            return syl_usage(COMMAND, "%s would overwrite what is exported", outputs[o]);
        for (int other = 0; other < o; other++)
            if (outputs[other] && syl_same_output(outputs[o], outputs[other]))
                return syl_usage(COMMAND, "%s would be written twice", outputs[o]);
    }
    if (!wanted) return syl_usage(COMMAND, "say what to: --faiss, --codes, --words, ...");
    if ((a->input_words || a->binary) && !a->words)
        return syl_usage(COMMAND, "%s is for --words FILE",
                         a->input_words ? "--input-words" : "--binary");
    if (a->with_vectors && !a->index)
        return syl_usage(COMMAND, "--with-vectors is for --index FILE; see --vectors");
    return SYL_EXIT_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc != 1) return syl_usage(COMMAND, "name one MODEL or INDEX");
    j->source = argv[0];
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    code = syl_exit_code(run(j, &err), &err);
    syl_index_free(j->index);
    syl_bpv_free(j->model);
    return code;
}

static const char usage[] = "Usage: sylkit bpv export [OPTIONS] MODEL|INDEX\n"
                            "Writes codes, vectors and words in the formats of other programs.";

int syl_cmd_bpv_export(int argc, char **argv)
{
    syl_arg_command command = {COMMAND, usage, .table = table, .count = NUM_OPTIONS,
                               .start = start};
    job j = {0};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
