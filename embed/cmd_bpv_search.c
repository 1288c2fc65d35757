/* sylkit bpv search: makes an index of codes, adds to it, searches it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embed/bpv_arrays.h"
#include "embed/bpv_texts.h"
#include "embed/cmd.h"
#include "lib/base/file.h"
#include "lib/cli/inputs.h"

#define COMMAND "bpv search"
#define AT_A_TIME 1024 /* queries out of an array */

typedef struct arguments {
    syl_infer_args infer;
    const char *index, *model, *query, *codes, *vectors, *names;
    int bits, k, radius, candidates, tables;
    bool add, rank, mih, no_check;
} arguments;

#define TEXT(name, field, help) SYL_OPTION_TEXT(arguments, name, field, help)
#define WHOLE(name, field, low, high, help) SYL_OPTION_INT(arguments, name, field, low, high, help)
#define FLAG(name, field, help) SYL_OPTION_FLAG(arguments, name, field, help)

static const syl_arg own[] = {
    SYL_OPTION_HEADING("Index and queries:"),
    TEXT("index", index, "FILE of codes"),
    FLAG("add", add, "add the texts or codes to it; it is made where it is not there"),
    TEXT("model", model, "FILE of sylkit bpv train, for texts"),
    TEXT("query", query, "one query, in place of texts"),
    TEXT("codes", codes, "FILE.npy of packed codes, in place of texts"),
    TEXT("vectors", vectors, "FILE.npy of their vectors, for --rank"),
    WHOLE("bits", bits, 0, SYL_INDEX_BITS, "length of these codes; 0: 8 times the bytes of one"),
    TEXT("names", names, "FILE of the names of the index's codes; --add adds to it"),
    SYL_OPTION_HEADING("Search:"),
    WHOLE("k", k, 0, INT32_MAX, "hits a query at most; 0: no bound"),
    WHOLE("radius", radius, -1, SYL_INDEX_BITS, "greatest Hamming distance; -1: any"),
    FLAG("rank", rank, "two stages: candidates by code, then by the cosine of vectors"),
    WHOLE("candidates", candidates, 0, INT32_MAX, "so many nearest codes are ranked; 0: all"),
    FLAG("mih", mih, "multi-index hashing; what is found is the same"),
    WHOLE("tables", tables, 0, SYL_INDEX_BITS, "of it; 0: as many as suit"),
    FLAG("no-check", no_check, "do not compare the index with its checksum"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *const *paths; /* [num_paths] */
    size_t num_paths;
    syl_bpv *model;
    syl_index *index;
    syl_index_info info;
    syl_names names;
    syl_arrays arrays; /* --codes, --vectors */
    int64_t unknown;
    int lock; /* of the index's folder, while it is added to */
} job;

/* ---- the index ----------------------------------------------------------------------- */

/* Bits and dimensions of what is added or asked with. */
static syl_status shape_of_input(const job *j, int *bits, int *dim, syl_error *err)
{
    syl_bpv_info info;
    *bits = j->arrays.bits;
    *dim = j->args.rank ? j->arrays.dim : 0;
    if (!j->model) return SYL_OK;
    syl_bpv_get_info(j->model, &info);
    if (!syl_bpv_is_binary(info.kind))
        return syl_fail(err, SYL_EINVAL, "%s is real-valued and has no codes; train a binary model",
                        j->args.model);
    *bits = info.bits;
    *dim = j->args.rank ? info.dim : 0;
    return SYL_OK;
}

static syl_status check_input(const job *j, syl_error *err)
{
    int bits, dim;
    SYL_TRY(shape_of_input(j, &bits, &dim, err));
    if (bits != j->info.bits)
        return syl_fail(err, SYL_EINVAL, "%s has codes of %d bits, %s of %d; see --bits",
                        j->args.index, j->info.bits, j->model ? j->args.model : j->args.codes,
                        bits);
    if (j->args.rank && !j->info.dim)
        return syl_fail(err, SYL_EINVAL,
                        "%s has no vectors to rank by; make it anew with --add --rank",
                        j->args.index);
    if (j->info.dim && j->args.add && !j->args.rank)
        return syl_fail(err, SYL_EINVAL, "%s has vectors: add with --rank, so that all have them",
                        j->args.index);
    if (j->args.rank && dim != j->info.dim)
        return syl_fail(err, SYL_EINVAL, "%s has vectors of %d, %s of %d", j->args.index,
                        j->info.dim, j->model ? j->args.model : j->args.vectors, dim);
    return SYL_OK;
}

static syl_status open_index(job *j, syl_error *err)
{
    int bits, dim;
    if (j->args.add && access(j->args.index, F_OK) != 0 && errno == ENOENT) {
        SYL_TRY(shape_of_input(j, &bits, &dim, err));
        SYL_TRY(syl_index_create(&j->index, bits, dim, err));
    } else {
        SYL_TRY(syl_index_load(&j->index, j->args.index, !j->args.no_check, err));
    }
    syl_index_get_info(j->index, &j->info);
    return check_input(j, err);
}

/* What a killed run added to the names and not to the index is left out. */
static syl_status read_names(job *j, syl_error *err)
{
    const char *path = j->args.names;
    if (!path || (j->args.add && !j->info.count)) return SYL_OK;
    SYL_TRY(syl_names_read(&j->names, path, err));
    if (j->names.count < j->info.count)
        return syl_fail(err, SYL_EINVAL, "%s: has %" PRId64 " names for %" PRId64 " codes of %s",
                        path, j->names.count, j->info.count, j->args.index);
    while (j->names.count > j->info.count)
        free(j->names.items[--j->names.count]);
    return SYL_OK;
}

/* ---- adding -------------------------------------------------------------------------- */

static syl_status add_texts(void *user, const syl_inferred *b, syl_error *err)
{
    job *j = user;
    for (int64_t i = 0; i < b->count; i++) {
        if (j->args.names) SYL_TRY(syl_names_add(&j->names, b->names[i], err));
        j->unknown += b->empty[i];
    }
    return syl_index_add(j->index, b->codes, j->info.dim ? b->vectors : NULL, b->count, err);
}

static syl_status add_arrays(job *j, syl_error *err)
{
    char number[32];
    for (int64_t i = 0; j->args.names && i < j->arrays.count; i++) {
        snprintf(number, sizeof number, "%" PRId64, j->names.count);
        SYL_TRY(syl_names_add(&j->names, number, err));
    }
    return syl_index_add(j->index, j->arrays.codes, j->info.dim ? j->arrays.vectors : NULL,
                         j->arrays.count, err);
}

static syl_status add(job *j, syl_error *err)
{
    int64_t before = j->info.count;
    if (j->model)
        SYL_TRY(
            syl_infer_texts(j->model, j->paths, j->num_paths, &j->args.infer, add_texts, j, err));
    else
        SYL_TRY(add_arrays(j, err));
    syl_index_get_info(j->index, &j->info);
    if (j->info.count == before)
        return syl_fail(err, SYL_EINVAL, "%s has no document to add",
                        j->model ? j->paths[0] : j->args.codes);
    if (j->args.names) SYL_TRY(syl_names_write(&j->names, j->args.names, err));
    SYL_TRY(syl_index_save(j->index, j->args.index, err));
    if (j->unknown)
        fprintf(stderr,
                "sylkit: %" PRId64 " of %" PRId64 " documents have no word that the model "
                "knows; their codes are zeros\n",
                j->unknown, j->info.count - before);
    return syl_print_json(
        json_pack("{s:I, s:I, s:i, s:i}", "added", (json_int_t)(j->info.count - before), "count",
                  (json_int_t)j->info.count, "bits", j->info.bits, "dim", j->info.dim),
        err);
}

/* ---- searching ----------------------------------------------------------------------- */

static json_t *hits_json(const job *j, const syl_hits *hits, int64_t q)
{
    json_t *all = json_array();
    for (int64_t h = hits->offsets[q]; h < hits->offsets[q + 1]; h++) {
        json_t *hit = json_pack("{s:I}", "id", (json_int_t)hits->ids[h]);
        if (j->args.names)
            json_object_set_new(hit, "name", syl_name_json(j->names.items[hits->ids[h]]));
        json_object_set_new(hit, "distance", json_integer(hits->distances[h]));
        if (hits->cosines) json_object_set_new(hit, "cosine", json_real((double)hits->cosines[h]));
        json_array_append_new(all, hit);
    }
    return all;
}

/* names NULL: queries are numbered from `first`; empty NULL: none is. */
static syl_status print(const job *j, const syl_hits *hits, int64_t first, char **names,
                        const uint8_t *empty, syl_error *err)
{
    for (int64_t q = 0; q < hits->num_queries; q++) {
        bool unknown = empty && empty[q];
        json_t *line = json_object();
        json_object_set_new(line, "query",
                            names ? syl_name_json(names[q]) : json_integer(first + q));
        if (unknown) json_object_set_new(line, "unknown", json_true());
        json_object_set_new(line, "hits", unknown ? json_array() : hits_json(j, hits, q));
        if (hits->candidates && !unknown)
            json_object_set_new(line, "candidates", json_integer(hits->candidates[q]));
        SYL_TRY(syl_print_json(line, err));
    }
    return SYL_OK;
}

static syl_status search(const job *j, const uint8_t *codes, const float *vectors, int64_t n,
                         syl_hits *hits, syl_error *err)
{
    const arguments *a = &j->args;
    syl_search_options o = syl_search_options_defaults();
    o.k = a->k;
    o.radius = a->radius;
    o.candidates = a->candidates;
    o.threads = a->infer.threads;
    return a->rank ? syl_index_rank(j->index, codes, vectors, n, &o, hits, err)
                   : syl_index_search(j->index, codes, n, &o, hits, err);
}

static syl_status search_texts(void *user, const syl_inferred *b, syl_error *err)
{
    const job *j = user;
    syl_hits hits;
    SYL_TRY(search(j, b->codes, b->vectors, b->count, &hits, err));
    syl_status status = print(j, &hits, 0, b->names, b->empty, err);
    syl_hits_free(&hits);
    return status;
}

static syl_status search_arrays(const job *j, syl_error *err)
{
    const syl_arrays *a = &j->arrays;
    int64_t bytes = (a->bits + 7) / 8;
    syl_status status = SYL_OK;
    for (int64_t i = 0; status == SYL_OK && i < a->count; i += AT_A_TIME) {
        int64_t n = a->count - i < AT_A_TIME ? a->count - i : AT_A_TIME;
        syl_hits hits;
        SYL_TRY(search(j, a->codes + i * bytes, a->dim ? a->vectors + i * a->dim : NULL, n, &hits,
                       err));
        status = print(j, &hits, i, NULL, NULL, err);
        syl_hits_free(&hits);
    }
    return status;
}

static syl_status ask(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    SYL_TRY(syl_index_set_device(j->index, a->infer.device, err));
    if (a->mih) SYL_TRY(syl_index_build(j->index, a->tables, a->infer.threads, err));
    if (a->query)
        return syl_infer_text(j->model, a->query, a->query, &a->infer, search_texts, j, err);
    return j->model
               ? syl_infer_texts(j->model, j->paths, j->num_paths, &a->infer, search_texts, j, err)
               : search_arrays(j, err);
}

static syl_status run(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    if (a->model) SYL_TRY(syl_bpv_load(&j->model, a->model, err));
    SYL_TRY(syl_arrays_read(&j->arrays, a->codes, a->bits, a->vectors, err));
    if (a->add) SYL_TRY(syl_folder_lock(&j->lock, a->index, err));
    SYL_TRY(open_index(j, err));
    SYL_TRY(read_names(j, err));
    return a->add ? add(j, err) : ask(j, err);
}

/* ---- command line -------------------------------------------------------------------- */

/* The index and its names take the place of nothing else. */
static int check_outputs(const job *j)
{
    const arguments *a = &j->args;
    const char *outputs[] = {a->index, a->names}, *inputs[] = {a->model, a->codes, a->vectors};
    if (a->names && !strcmp(a->names, a->index))
        return syl_usage(COMMAND, "%s would be both the index and its names", a->index);
    for (size_t o = 0; o < 2; o++) {
        if (!outputs[o]) continue;
        for (size_t i = 0; i < 3; i++)
            if (inputs[i] && syl_same_file(outputs[o], inputs[i]))
                return syl_usage(COMMAND, "%s would overwrite the input", outputs[o]);
        for (size_t i = 0; i < j->num_paths; i++)
            if (syl_same_file(outputs[o], j->paths[i]))
                return syl_usage(COMMAND, "%s would overwrite the input", outputs[o]);
    }
    return SYL_EXIT_OK;
}

static int check(job *j)
{
    static const char *const standard_input[] = {"-"};
    const arguments *a = &j->args;
    if (!a->index || !*a->index) return syl_usage(COMMAND, "name the index: --index FILE");
    if (a->model && a->codes) return syl_usage(COMMAND, "either --model with texts, or --codes");
    if (!a->model && !a->codes)
        return syl_usage(COMMAND, "name a --model to make codes of texts, or --codes FILE.npy");
    if (!a->model && (j->num_paths || a->query)) return syl_usage(COMMAND, "texts need a --model");
    if (a->rank && a->codes && !a->vectors)
        return syl_usage(COMMAND, "--rank with --codes needs --vectors FILE.npy");
    if (a->vectors && !a->rank) return syl_usage(COMMAND, "--vectors are for --rank with --codes");
    if (a->query && (a->add || j->num_paths))
        return syl_usage(COMMAND, "--query stands in place of texts, and is not for --add");
    if (a->add && a->model && !j->num_paths)
        return syl_usage(COMMAND,
                         "no texts to add: name files or folders, or - for standard input");
    if (a->tables && !a->mih) return syl_usage(COMMAND, "--tables is for --mih");
    if (a->candidates && !a->rank) return syl_usage(COMMAND, "--candidates is for --rank");
    if (a->model && !a->query && !j->num_paths) j->paths = standard_input, j->num_paths = 1;
    return a->add ? check_outputs(j) : SYL_EXIT_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    j->paths = (const char *const *)argv;
    j->num_paths = (size_t)argc;
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    code = syl_exit_code(run(j, &err), &err);
    syl_index_free(j->index);
    syl_names_free(&j->names);
    syl_arrays_free(&j->arrays);
    syl_bpv_free(j->model);
    if (j->lock >= 0) close(j->lock);
    return code;
}

static const char usage[] =
    "Usage: sylkit bpv search --index FILE --add --model MODEL TEXT...\n"
    "       sylkit bpv search --index FILE [OPTIONS] --model MODEL [TEXT...]\n"
    "       sylkit bpv search --index FILE [--add] [OPTIONS] --codes FILE.npy\n"
    "Adds codes to an index, or finds those nearest to texts (standard input: one a line) or\n"
    "to codes. A JSON object a query is printed.";

int syl_cmd_bpv_search(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_INFER_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_infer_args_table(end, offsetof(arguments, infer));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    syl_search_options o = syl_search_options_defaults();
    job j = {.args = {.infer = syl_infer_args_defaults(),
                      .k = (int)o.k,
                      .radius = o.radius,
                      .candidates = (int)o.candidates},
             .lock = -1};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
