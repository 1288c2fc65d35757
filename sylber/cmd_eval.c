/* sylkit eval boundaries: how well boundaries, and tokens, agree with a reference. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/status.h"
#include "lib/cli/options.h"
#include "sylber/boundaries.h"
#include "sylber/cmd.h"
#include "sylber/eval_tokens.h"

enum {
    OPT_REF = 1,
    OPT_HYP,
    OPT_TOLERANCE,
    OPT_SEARCH,
    OPT_UNIQUE,
    OPT_MISSING,
    OPT_JSON,
    OPT_REDUCER,
    OPT_VOCABULARY
};

#define MAX_SECONDS 1e9 /* keeps milliseconds countable */

typedef struct evaluation {
    const char *ref_path, *hyp_path, *reducer_path;
    int vocabulary;   /* 0: as the tokens say */
    double tolerance; /* seconds */
    int search, unique, allow_missing, json, help;
    json_t *ref;             /* the list of R.json */
    json_t *hyp;             /* path without ending to its line */
    syl_boundaries *refs;    /* [count] unique starts and ends */
    syl_boundaries *hyps[2]; /* [count] unique starts and ends; starts only */
    size_t count;
    syl_eval_tokens tokens;
} evaluation;

/* Indices of evaluation.hyps, and of --unique's names; BOTH is the default. */
enum { STARTS_ENDS, STARTS, BOTH };

static const char *const unique_names[] = {"starts-ends", "starts", NULL};

static const char help[] =
    "Usage: sylkit eval boundaries --ref R.json --hyp H.jsonl [OPTIONS]\n"
    "       sylkit eval stream [OPTIONS] INPUT... (see sylkit eval stream --help)\n\n"
    "Compares syllable boundaries with a reference: precision, recall, F1, over-segmentation\n"
    "(OS) and R-value, pooled over all recordings. Where the hypothesis has tokens and the\n"
    "reference labels, also purities, mutual information, tokens and bits a second.\n\n"
    "  --ref R.json             list of {\"key\", \"syl\": [[start, end, label], ...]}\n"
    "  --hyp H.jsonl            output of sylkit segment; - for standard input. A line belongs to\n"
    "                           the key that its file's path ends in (folders count, the ending "
    "does not)\n"
    "  --tolerance SECONDS      (0.05)\n"
    "  --unique starts-ends|starts  which times of the hypothesis count (both are shown)\n"
    "  --shift-search           also the best shift of [-50, 50) ms by R-value, step 5\n"
    "  --allow-missing          leave out recordings that the hypothesis lacks\n"
    "  --reducer FILE.npy       the unit of each token, of sylkit kmeans --ward\n"
    "  --vocabulary V           tokens that there are, for bits a second\n"
    "  --json                   one JSON object in place of the table\n"
    "  -h, --help\n";

/* ---- reading ------------------------------------------------------------------------ */

static syl_status load_reference(evaluation *e, syl_error *err)
{
    json_error_t where;
    e->ref = json_load_file(e->ref_path, 0, &where);
    if (!e->ref)
        return syl_fail(err, SYL_EFORMAT, "%s:%d: %s", e->ref_path, where.line, where.text);
    e->count = json_array_size(e->ref);
    if (!e->count)
        return syl_fail(err, SYL_EFORMAT, "%s: a list of recordings is expected", e->ref_path);
    return SYL_OK;
}

/* The path without its ending, owned by the caller. */
static char *without_ending(const char *file)
{
    char *path = strdup(file);
    char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path;
    char *dot = path ? strrchr(name, '.') : NULL;
    if (dot && dot != name) *dot = 0;
    return path;
}

/* The line of the recording whose path is `key` or ends in "/key"; of several, the one
 * least deep, so that "enter" is found beside "dictate/enter". NULL: none. */
static const json_t *find_line(json_t *hyp, const char *key)
{
    const char *path;
    json_t *line, *best = NULL;
    size_t length = strlen(key), best_length = 0;
    json_object_foreach(hyp, path, line)
    {
        size_t n = strlen(path);
        if (n < length || strcmp(path + n - length, key)) continue;
        if (n > length && path[n - length - 1] != '/') continue;
        if (best && n >= best_length) continue;
        best = line;
        best_length = n;
    }
    return best;
}

static syl_status take_line(evaluation *e, const char *line, size_t n, size_t number,
                            syl_error *err)
{
    json_error_t where;
    json_t *object = json_loadb(line, n, 0, &where);
    json_t *segments = json_object_get(object, "segments");
    const char *file = json_string_value(json_object_get(object, "file"));
    syl_status status = SYL_OK;
    char *key = file ? without_ending(file) : NULL;
    if (!object)
        status = syl_fail(err, SYL_EFORMAT, "%s:%zu: %s", e->hyp_path, number, where.text);
    else if (!file || !json_is_array(segments))
        status = syl_fail(err, SYL_EFORMAT, "%s:%zu: no \"file\" or no \"segments\"", e->hyp_path,
                          number);
    else if (!key || json_object_set(e->hyp, key, object))
        status = syl_fail_memory(err, n, "the hypothesis");
    free(key);
    json_decref(object);
    return status;
}

static syl_status load_hypothesis(evaluation *e, syl_error *err)
{
    int standard = !strcmp(e->hyp_path, "-");
    FILE *file = standard ? stdin : fopen(e->hyp_path, "r");
    if (!file) return syl_fail(err, SYL_EIO, "%s: %s", e->hyp_path, strerror(errno));
    e->hyp = json_object();
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t n;
    syl_status status = SYL_OK;
    while (!status && (n = getline(&line, &room, file)) >= 0) {
        number++;
        if (strspn(line, " \t\r\n") < (size_t)n)
            status = take_line(e, line, (size_t)n, number, err);
    }
    if (!status && ferror(file))
        status = syl_fail(err, SYL_EIO, "%s: %s", e->hyp_path, strerror(errno));
    free(line);
    if (!standard) fclose(file);
    return status;
}

static syl_status load(evaluation *e, syl_error *err)
{
    SYL_TRY(syl_eval_tokens_open(&e->tokens, e->reducer_path, err));
    SYL_TRY(load_reference(e, err));
    return load_hypothesis(e, err);
}

/* ---- boundaries --------------------------------------------------------------------- */

/* One segment: [start, end, ...] or {"start", "end"}. 1 when it is good and no silence. */
static int read_span(const json_t *item, double span[2], int *bad)
{
    const json_t *start = json_array_get(item, 0), *end = json_array_get(item, 1);
    if (json_is_object(item)) {
        if (json_is_true(json_object_get(item, "silence"))) return 0;
        start = json_object_get(item, "start");
        end = json_object_get(item, "end");
    }
    span[0] = json_number_value(start);
    span[1] = json_number_value(end);
    if (!json_is_number(start) || !json_is_number(end)) *bad = 1;
    if (!(fabs(span[0]) < MAX_SECONDS && fabs(span[1]) < MAX_SECONDS)) *bad = 1;
    return !*bad;
}

static syl_status make_boundaries(syl_boundaries *out, const json_t *list, const char *key,
                                  int starts_only, syl_error *err)
{
    size_t n = json_array_size(list), good = 0;
    double(*spans)[2] = syl_calloc(n, sizeof *spans);
    if (!spans) return syl_fail_memory(err, n * sizeof *spans, "segments");
    int bad = !json_is_array(list);
    for (size_t i = 0; i < n && !bad; i++)
        good += (size_t)read_span(json_array_get(list, i), spans[good], &bad);
    syl_status status =
        bad ? syl_fail(err, SYL_EFORMAT, "'%s': a segment without start and end in seconds", key)
            : syl_boundaries_create(out, (const double(*)[2])spans, good, starts_only, err);
    free(spans);
    return status;
}

static syl_status pair_up(evaluation *e, syl_error *err)
{
    size_t all = e->count, missing = 0;
    const char *example = "";
    e->refs = syl_calloc(all, sizeof *e->refs);
    e->hyps[0] = syl_calloc(all, sizeof *e->refs);
    e->hyps[1] = syl_calloc(all, sizeof *e->refs);
    if (!e->refs || !e->hyps[0] || !e->hyps[1])
        return syl_fail_memory(err, 3 * all * sizeof *e->refs, "boundaries");
    e->count = 0;
    for (size_t i = 0; i < all; i++) {
        const json_t *item = json_array_get(e->ref, i);
        const char *key = json_string_value(json_object_get(item, "key"));
        if (!key) return syl_fail(err, SYL_EFORMAT, "%s: item %zu has no key", e->ref_path, i);
        const json_t *line = find_line(e->hyp, key);
        if (!line) {
            if (!missing++) example = key;
            continue;
        }
        const json_t *segments = json_object_get(line, "segments");
        size_t at = e->count++;
        SYL_TRY(make_boundaries(&e->refs[at], json_object_get(item, "syl"), key, 0, err));
        SYL_TRY(make_boundaries(&e->hyps[0][at], segments, key, 0, err));
        SYL_TRY(make_boundaries(&e->hyps[1][at], segments, key, 1, err));
        SYL_TRY(syl_eval_tokens_add(&e->tokens, item, line, key, err));
    }
    if (missing && !e->allow_missing)
        return syl_fail(err, SYL_EINVAL,
                        "%zu of %zu recordings of %s are missing in %s, the first is '%s'; "
                        "--allow-missing leaves them out",
                        missing, all, e->ref_path, e->hyp_path, example);
    if (!e->count)
        return syl_fail(err, SYL_EINVAL, "%s and %s have no recording in common", e->ref_path,
                        e->hyp_path);
    return SYL_OK;
}

/* ---- results ------------------------------------------------------------------------ */

static void print_row(int unique, int shift, const syl_boundary_score *s)
{
    printf("%-12s %5d %9.4f %9.4f %9.4f %9.4f %9.4f %8zu %8zu %8zu\n", unique_names[unique], shift,
           s->precision, s->recall, s->f1, s->os, s->r_value, s->hyp, s->ref, s->hits);
}

static void add_json(json_t *rows, int unique, int shift, int best, const syl_boundary_score *s)
{
    json_array_append_new(
        rows, json_pack("{s:s, s:i, s:b, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "unique",
                        unique_names[unique], "shift_ms", shift, "best_shift", best, "precision",
                        s->precision, "recall", s->recall, "f1", s->f1, "os", s->os, "r_value",
                        s->r_value, "hyp_boundaries", (json_int_t)s->hyp, "ref_boundaries",
                        (json_int_t)s->ref, "hits", (json_int_t)s->hits));
}

static void show(const evaluation *e, json_t *rows, int unique, int best)
{
    double tolerance_ms = e->tolerance * 1000;
    int shift = 0;
    syl_boundary_score s;
    if (best)
        shift = syl_boundaries_best_shift(e->hyps[unique], e->refs, e->count, tolerance_ms, &s);
    else
        s = syl_boundaries_score(e->hyps[unique], e->refs, e->count, 0, tolerance_ms);
    if (e->json)
        add_json(rows, unique, shift, best, &s);
    else
        print_row(unique, shift, &s);
}

static void show_all(evaluation *e)
{
    json_t *rows = json_array();
    if (!e->json)
        printf("recordings %zu, tolerance %g s\n%-12s %5s %9s %9s %9s %9s %9s %8s %8s %8s\n",
               e->count, e->tolerance, "unique", "shift", "P", "R", "F1", "OS", "R-value", "hyp",
               "ref", "hits");
    for (int unique = STARTS_ENDS; unique <= STARTS; unique++)
        for (int best = 0; best <= e->search; best++)
            if (e->unique == BOTH || e->unique == unique) show(e, rows, unique, best);
    if (e->json) {
        json_t *all = json_pack("{s:I, s:f, s:O}", "recordings", (json_int_t)e->count, "tolerance",
                                e->tolerance, "scores", rows);
        syl_eval_tokens_show(&e->tokens, e->vocabulary, all);
        json_dumpf(all, stdout, JSON_REAL_PRECISION(10));
        putchar('\n');
        json_decref(all);
    } else {
        syl_eval_tokens_show(&e->tokens, e->vocabulary, NULL);
    }
    json_decref(rows);
}

static void evaluation_free(evaluation *e)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->refs) syl_boundaries_free(&e->refs[i]);
        for (int k = 0; k < 2; k++)
            if (e->hyps[k]) syl_boundaries_free(&e->hyps[k][i]);
    }
    free(e->refs);
    free(e->hyps[0]);
    free(e->hyps[1]);
    json_decref(e->ref);
    json_decref(e->hyp);
    syl_eval_tokens_close(&e->tokens);
}

static int take_option(evaluation *e, int option, const char *value)
{
    switch (option) {
    case OPT_REF:
        e->ref_path = value;
        return SYL_EXIT_OK;
    case OPT_HYP:
        e->hyp_path = value;
        return SYL_EXIT_OK;
    case OPT_TOLERANCE:
        return syl_option_double("eval", "--tolerance", value, 0, 10, &e->tolerance);
    case OPT_SEARCH:
        e->search = 1;
        return SYL_EXIT_OK;
    case OPT_UNIQUE:
        return syl_option_choice("eval", "--unique", value, unique_names, &e->unique);
    case OPT_MISSING:
        e->allow_missing = 1;
        return SYL_EXIT_OK;
    case OPT_REDUCER:
        e->reducer_path = value;
        return SYL_EXIT_OK;
    case OPT_VOCABULARY:
        return syl_option_int("eval", "--vocabulary", value, 1, INT32_MAX, &e->vocabulary);
    case OPT_JSON:
        e->json = 1;
        return SYL_EXIT_OK;
    case 'h':
        e->help = 1;
        return SYL_EXIT_OK;
    default:
        fputs("Try: sylkit eval --help\n", stderr);
        return SYL_EXIT_USAGE;
    }
}

static int parse(evaluation *e, int argc, char **argv)
{
    static const struct option table[] = {{"ref", required_argument, NULL, OPT_REF},
                                          {"hyp", required_argument, NULL, OPT_HYP},
                                          {"tolerance", required_argument, NULL, OPT_TOLERANCE},
                                          {"shift-search", no_argument, NULL, OPT_SEARCH},
                                          {"unique", required_argument, NULL, OPT_UNIQUE},
                                          {"allow-missing", no_argument, NULL, OPT_MISSING},
                                          {"reducer", required_argument, NULL, OPT_REDUCER},
                                          {"vocabulary", required_argument, NULL, OPT_VOCABULARY},
                                          {"json", no_argument, NULL, OPT_JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1)
        if ((code = take_option(e, option, optarg)) != SYL_EXIT_OK) return code;
    if (e->help) return SYL_EXIT_OK;
    if (argc - optind != 1 || strcmp(argv[optind], "boundaries"))
        return syl_usage("eval", "what to evaluate is expected: boundaries or stream");
    if (!e->ref_path || !e->hyp_path) return syl_usage("eval", "--ref and --hyp are needed");
    return SYL_EXIT_OK;
}

int syl_cmd_eval(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "stream")) return syl_cmd_eval_stream(argc - 1, argv + 1);
    evaluation e = {.tolerance = 0.05, .unique = BOTH};
    syl_error err = {0};
    int code = parse(&e, argc, argv);
    if (e.help) fputs(help, stdout);
    if (code || e.help) return code;
    if (load(&e, &err)) {
        e.count = 0; /* nothing was paired yet */
        code = syl_report(NULL, &err);
    } else if (pair_up(&e, &err)) {
        code = syl_report(NULL, &err);
    } else {
        show_all(&e);
    }
    evaluation_free(&e);
    return code;
}
