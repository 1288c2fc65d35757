/* sylkit bpv eval: how well codes and vectors find documents with the same labels. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv_eval.h"
#include "embed/bpv_texts.h"
#include "embed/cmd.h"
#include "lib/base/memory.h"

#define COMMAND "bpv eval"

static const char *const relevances[] = {"shared", "graded", "fraction", NULL};

typedef struct files {
    const char *text, *codes, *vectors, *labels, *names;
} files;

typedef struct arguments {
    syl_infer_args infer;
    files queries, database;
    const char *model, *hash, *fit, *curve;
    int bits, relevance, hash_bits, radius, depth, points;
    bool training, expected_ties, json;
} arguments;

#define TEXT(name, field, help) SYL_OPTION_TEXT(arguments, name, field, help)
#define WHOLE(name, field, low, high, help) SYL_OPTION_INT(arguments, name, field, low, high, help)
#define FLAG(name, field, help) SYL_OPTION_FLAG(arguments, name, field, help)

static const syl_arg own[] = {
    SYL_OPTION_HEADING("Queries (texts behind the options with --model, or arrays):"),
    TEXT("model", model, "FILE of sylkit bpv train, for texts"),
    TEXT("codes", queries.codes, "FILE.npy of packed codes"),
    TEXT("vectors", queries.vectors, "FILE.npy of vectors"),
    WHOLE("bits", bits, 0, SYL_BPV_MOST_BITS, "length of these codes; 0: 8 times the bytes of one"),
    TEXT("labels", queries.labels, "FILE of labels, a line a document"),
    TEXT("names", queries.names, "FILE of names, a line each; the folder is the label"),
    SYL_OPTION_HEADING("Documents that are ranked (the queries, without the one that asks):"),
    TEXT("database", database.text, "text, file or folder"),
    TEXT("database-codes", database.codes, "FILE.npy"),
    TEXT("database-vectors", database.vectors, "FILE.npy"),
    TEXT("database-labels", database.labels, "FILE"),
    TEXT("database-names", database.names, "FILE"),
    FLAG("database-training", training, "what the model was trained on"),
    SYL_OPTION_HEADING("Scores:"),
    SYL_OPTION_CHOICE(arguments, "relevance", relevance, relevances,
                      "1 for a shared label; shared labels over all; over the query's"),
    TEXT("hash", hash, "codes of the vectors, with commas: sign, median, planes, itq"),
    WHOLE("hash-bits", hash_bits, 0, 65536, "of planes and itq; 0: as many as dimensions"),
    TEXT("fit", fit, "FILE.npy of vectors that median and itq are fitted to"),
    WHOLE("radius", radius, -1, SYL_BPV_MOST_BITS,
          "two stages: codes within 0 to N, ranked by vectors; -1: no"),
    FLAG("expected-ties", expected_ties, "means over all orders of tied documents"),
    WHOLE("depth", depth, 1, 1000, "of NDCG"),
    WHOLE("points", points, 2, 10001, "of the precision-recall curve"),
    TEXT("curve", curve, "FILE.png or .svg of it"),
    FLAG("json", json, "one JSON object in place of a table"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *const *paths; /* [num_paths] */
    size_t num_paths;
    syl_bpv *model;
    syl_label_names *label_names;
    syl_eval_side queries, database;
    bool has_database, hashes[4];
    syl_eval eval;
} job;

/* ---- command line -------------------------------------------------------------------- */

static int parse_hashes(job *j)
{
    const char *at = j->args.hash;
    char name[32];
    int kind;
    while (at && *at) {
        size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        int code = syl_option_choice(COMMAND, "--hash", name, syl_hash_names, &kind);
        if (code != SYL_EXIT_OK) return code;
        j->hashes[kind] = true;
        at += n + (at[n] == ',');
    }
    return SYL_EXIT_OK;
}

static int check_side(const char *which, const files *f, bool from_model)
{
    if (from_model && (f->codes || f->vectors))
        return syl_usage(COMMAND, "%s: either texts with --model, or --codes and --vectors", which);
    if (f->labels && f->names)
        return syl_usage(COMMAND, "%s: labels come from a file or from names, not both", which);
    if (!from_model && (f->codes || f->vectors) && !f->labels && !f->names)
        return syl_usage(COMMAND, "%s: name their labels: --%slabels FILE or --%snames FILE", which,
                         *which == 'd' ? "database-" : "", *which == 'd' ? "database-" : "");
    return SYL_EXIT_OK;
}

static int check(job *j)
{
    const arguments *a = &j->args;
    const files *q = &a->queries, *d = &a->database;
    if (j->num_paths && !a->model)
        return syl_usage(COMMAND,
                         "%s: texts need a --model; is it an array? see --codes, --vectors",
                         j->paths[0]);
    if (!j->num_paths && !q->codes && !q->vectors)
        return syl_usage(COMMAND, "no queries: texts with --model, or --codes or --vectors");
    if ((d->text || a->training) && !a->model)
        return syl_usage(COMMAND, "--database and --database-training need a --model");
    if (a->training && d->text)
        return syl_usage(COMMAND, "either --database or --database-training");
    if (a->fit && !a->hash) return syl_usage(COMMAND, "--fit is for --hash");
    int code = check_side("queries", q, j->num_paths > 0);
    if (code == SYL_EXIT_OK) code = check_side("database", d, d->text || a->training);
    if (code == SYL_EXIT_OK) code = parse_hashes(j);
    return code;
}

/* ---- documents ----------------------------------------------------------------------- */

static syl_status take(void *user, const syl_inferred *b, syl_error *err)
{
    syl_arrays *a = user;
    for (int64_t i = 0; i < b->count; i++)
        SYL_TRY(syl_names_add(&a->names, b->names[i], err));
    return syl_arrays_add(a, b->codes, b->vectors, b->count, err);
}

/* What of a model's documents is compared: vectors of binary kinds only where they are asked for.
 */
static void start_arrays(const job *j, syl_arrays *a)
{
    syl_bpv_info info;
    syl_bpv_get_info(j->model, &info);
    bool binary = syl_bpv_is_binary(info.kind);
    if (binary) a->bits = info.bits;
    if (!binary || info.kind == SYL_BPV_REAL_BINARY || j->args.hash || j->args.radius >= 0)
        a->dim = info.dim;
}

static syl_status take_training(const job *j, syl_arrays *a, syl_error *err)
{
    syl_bpv_info info;
    syl_bpv_get_info(j->model, &info);
    start_arrays(j, a);
    size_t n = (size_t)info.documents;
    a->codes = syl_calloc(n, (size_t)(info.bits + 7) / 8);
    a->vectors = syl_calloc(syl_mul_size(n, (size_t)info.dim), sizeof *a->vectors);
    if (!a->codes || !a->vectors)
        return syl_fail_memory(err, n * (size_t)info.dim * 4, "documents");
    SYL_TRY(syl_bpv_documents(j->model, a->bits ? a->codes : NULL, a->vectors, err));
    a->count = info.documents;
    for (int64_t i = 0; i < a->count; i++)
        SYL_TRY(syl_names_add(&a->names, syl_bpv_document_name(j->model, i), err));
    return SYL_OK;
}

static syl_status read_labels(job *j, const char *which, const files *f, syl_eval_side *side,
                              syl_error *err)
{
    syl_names *names = &side->arrays.names;
    const char *from = f->labels ? f->labels : f->names ? f->names : "the names of texts";
    if (f->labels) SYL_TRY(syl_label_sets_read(&side->labels, j->label_names, f->labels, err));
    if (f->names) {
        syl_names_free(names);
        SYL_TRY(syl_names_read(names, f->names, err));
    }
    if (!f->labels)
        SYL_TRY(syl_label_sets_from_paths(&side->labels, j->label_names,
                                          (const char *const *)names->items, names->count, err));
    if (side->labels.count != side->arrays.count)
        return syl_fail(err, SYL_EINVAL, "%s: has %" PRId64 " lines for %" PRId64 " %s", from,
                        side->labels.count, side->arrays.count,
                        *which == 'q' ? "queries" : "documents of the database");
    return SYL_OK;
}

static syl_status read_queries(job *j, syl_error *err)
{
    const files *f = &j->args.queries;
    syl_arrays *a = &j->queries.arrays;
    if (j->num_paths) {
        start_arrays(j, a);
        SYL_TRY(syl_infer_texts(j->model, j->paths, j->num_paths, &j->args.infer, take, a, err));
    } else {
        SYL_TRY(syl_arrays_read(a, f->codes, j->args.bits, f->vectors, err));
    }
    if (a->count < (j->has_database ? 1 : 2))
        return syl_fail(err, SYL_EINVAL, "%s: %s",
                        j->num_paths ? j->paths[0]
                        : f->codes   ? f->codes
                                     : f->vectors,
                        a->count ? "a single document has no others to rank; name a --database"
                                 : "there is no document");
    return read_labels(j, "queries", f, &j->queries, err);
}

static syl_status read_database(job *j, syl_error *err)
{
    const files *f = &j->args.database;
    syl_arrays *a = &j->database.arrays;
    if (!j->has_database) return SYL_OK;
    if (j->args.training)
        SYL_TRY(take_training(j, a, err));
    else if (f->text) {
        start_arrays(j, a);
        SYL_TRY(syl_infer_texts(j->model, &f->text, 1, &j->args.infer, take, a, err));
    } else
        SYL_TRY(syl_arrays_read(a, f->codes, j->args.bits, f->vectors, err));
    if (!a->count)
        return syl_fail(err, SYL_EINVAL, "the database has no document: %s",
                        f->text    ? f->text
                        : f->codes ? f->codes
                                   : "see --database");
    return read_labels(j, "database", f, &j->database, err);
}

/* ---- scores -------------------------------------------------------------------------- */

static syl_status hash_all(job *j, uint64_t seed, syl_error *err)
{
    syl_arrays fit = {0};
    syl_status status = SYL_OK;
    if (j->args.fit) status = syl_arrays_read(&fit, NULL, 0, j->args.fit, err);
    int dim = j->queries.arrays.dim;
    if (status == SYL_OK && j->args.fit && (fit.dim != dim || !fit.count))
        status = syl_fail(err, SYL_EINVAL, "%s: has %" PRId64 " vectors of %d; needs some of %d",
                          j->args.fit, fit.count, fit.dim, dim);
    for (int kind = 0; status == SYL_OK && kind < 4; kind++) {
        syl_hash_options o = syl_hash_defaults();
        if (!j->hashes[kind]) continue;
        o.kind = (syl_hash_kind)kind;
        o.bits = kind == SYL_HASH_PLANES || kind == SYL_HASH_ITQ ? j->args.hash_bits : 0;
        o.seed = seed;
        o.threads = j->args.infer.threads;
        status = syl_eval_hash(&j->eval, &o, fit.vectors, fit.count, err);
    }
    syl_arrays_free(&fit);
    return status;
}

static syl_status evaluate(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    syl_eval *e = &j->eval;
    e->options = syl_retrieval_defaults();
    uint64_t seed = a->infer.seed >= 0 ? (uint64_t)a->infer.seed : e->options.seed;
    e->options.relevance = (syl_relevance)a->relevance;
    e->options.expected_ties = a->expected_ties;
    e->options.seed = seed;
    e->options.depth = a->depth;
    e->options.points = a->points;
    e->options.threads = a->infer.threads;
    e->queries = &j->queries;
    e->database = j->has_database ? &j->database : NULL;
    SYL_TRY(syl_eval_arrays(e, err));
    SYL_TRY(hash_all(j, seed, err));
    return a->radius >= 0 ? syl_eval_radius(e, a->radius, err) : SYL_OK;
}

static syl_status run(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    const files *d = &a->database;
    j->has_database = d->text || d->codes || d->vectors || a->training;
    j->eval.max_radius = -1;
    SYL_TRY(syl_label_names_create(&j->label_names, err));
    if (a->model) SYL_TRY(syl_bpv_load(&j->model, a->model, err));
    SYL_TRY(read_queries(j, err));
    SYL_TRY(read_database(j, err));
    SYL_TRY(evaluate(j, err));
    if (a->curve) SYL_TRY(syl_eval_curve(&j->eval, a->curve, err));
    if (a->json) return syl_print_json(syl_eval_json(&j->eval), err);
    syl_eval_print(&j->eval, stdout);
    return SYL_OK;
}

static void side_free(syl_eval_side *side)
{
    syl_arrays_free(&side->arrays);
    syl_label_sets_free(&side->labels);
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
    syl_eval_free(&j->eval);
    side_free(&j->queries);
    side_free(&j->database);
    syl_label_names_free(j->label_names);
    syl_bpv_free(j->model);
    return code;
}

static const char usage[] =
    "Usage: sylkit bpv eval [OPTIONS] --model MODEL TEXT...\n"
    "       sylkit bpv eval [OPTIONS] --codes FILE.npy --labels FILE\n"
    "Mean average precision and NDCG@10: each query ranks documents, by Hamming distance of\n"
    "codes and by cosine of vectors; those with the same labels are relevant.";

int syl_cmd_bpv_eval(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_INFER_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_infer_args_table(end, offsetof(arguments, infer));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    syl_retrieval_options o = syl_retrieval_defaults();
    job j = {.args = {.infer = syl_infer_args_defaults(),
                      .radius = -1,
                      .depth = o.depth,
                      .points = o.points}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
