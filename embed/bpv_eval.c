#include "embed/bpv_eval.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/chart.h"

const char *const syl_hash_names[] = {"sign", "median", "planes", "itq", NULL};
static const char *const relevances[] = {"shared", "graded", "fraction"};

/* ---- rows ---------------------------------------------------------------------------- */

static const syl_eval_side *ranked_side(const syl_eval *e)
{
    return e->database ? e->database : e->queries;
}

static syl_representations by_of(const syl_arrays *a)
{
    return (syl_representations){.count = a->count,
                                 .codes = a->bits ? a->codes : NULL,
                                 .bits = a->bits,
                                 .vectors = a->dim ? a->vectors : NULL,
                                 .dim = a->dim};
}

static syl_labelled labelled(const syl_eval_side *side)
{
    return (syl_labelled){.by = by_of(&side->arrays), .labels = &side->labels};
}

static syl_status add_row(syl_eval *e, const char *name, int length, syl_ranking_by by,
                          const syl_labelled *queries, const syl_labelled *database, syl_error *err)
{
    syl_eval_row *row = &e->rows[e->num_rows];
    if (e->num_rows == SYL_EVAL_MOST_ROWS)
        return syl_fail(err, SYL_EINVAL, "%d rows are the most", SYL_EVAL_MOST_ROWS);
    SYL_TRY(syl_retrieval_evaluate(&row->score, by, e->database ? queries : NULL, database,
                                   &e->options, err));
    row->name = name;
    row->length = length;
    e->num_rows++;
    if (row->score.queries) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "none of %" PRId64 " queries has a relevant document among %" PRId64
                    ": their labels have nothing in common",
                    queries->by.count, database->by.count);
}

static syl_status check_lengths(const syl_eval *e, syl_error *err)
{
    const syl_arrays *q = &e->queries->arrays, *d = &ranked_side(e)->arrays;
    if (q->bits && d->bits && q->bits != d->bits)
        return syl_fail(err, SYL_EINVAL, "codes of %d bits cannot be compared with codes of %d",
                        q->bits, d->bits);
    if (q->dim && d->dim && q->dim != d->dim)
        return syl_fail(err, SYL_EINVAL, "vectors of %d cannot be compared with vectors of %d",
                        q->dim, d->dim);
    if ((q->bits && d->bits) || (q->dim && d->dim)) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "queries and database have nothing to compare: codes of both are needed, or "
                    "vectors of both");
}

syl_status syl_eval_arrays(syl_eval *e, syl_error *err)
{
    const syl_arrays *d = &ranked_side(e)->arrays;
    syl_labelled queries = labelled(e->queries), database = labelled(ranked_side(e));
    SYL_TRY(check_lengths(e, err));
    if (queries.by.codes && d->bits)
        SYL_TRY(add_row(e, "codes", d->bits, SYL_RANK_HAMMING, &queries, &database, err));
    if (queries.by.vectors && d->dim)
        SYL_TRY(add_row(e, "vectors", d->dim, SYL_RANK_COSINE, &queries, &database, err));
    return SYL_OK;
}

static syl_status hash_codes(const syl_hash *hash, const syl_arrays *a, int threads,
                             uint8_t **codes, syl_error *err)
{
    *codes = syl_calloc((size_t)a->count, (size_t)(hash->bits + 7) / 8);
    if (!*codes) return syl_fail_memory(err, (size_t)a->count * (size_t)hash->bits / 8, "codes");
    syl_hash_codes(hash, a->vectors, a->count, threads, *codes);
    return SYL_OK;
}

static syl_status hash_row(syl_eval *e, const syl_hash *hash, const char *name, syl_error *err)
{
    const syl_eval_side *ranked = ranked_side(e);
    uint8_t *codes = NULL, *ranked_codes = NULL;
    int threads = e->options.threads;
    syl_status status = hash_codes(hash, &e->queries->arrays, threads, &codes, err);
    if (status == SYL_OK && e->database)
        status = hash_codes(hash, &ranked->arrays, threads, &ranked_codes, err);
    syl_labelled queries = {{e->queries->arrays.count, codes, hash->bits, NULL, 0},
                            &e->queries->labels};
    syl_labelled database = {
        {ranked->arrays.count, e->database ? ranked_codes : codes, hash->bits, NULL, 0},
        &ranked->labels};
    if (status == SYL_OK)
        status = add_row(e, name, hash->bits, SYL_RANK_HAMMING, &queries, &database, err);
    free(codes);
    free(ranked_codes);
    return status;
}

syl_status syl_eval_hash(syl_eval *e, const syl_hash_options *options, const float *fit, int64_t n,
                         syl_error *err)
{
    const syl_arrays *d = &ranked_side(e)->arrays;
    syl_hash hash;
    SYL_TRY(check_lengths(e, err));
    if (!d->dim || !e->queries->arrays.dim)
        return syl_fail(err, SYL_EINVAL, "hashing wants vectors of queries and database");
    SYL_TRY(syl_hash_fit(&hash, fit ? fit : d->vectors, fit ? n : d->count, d->dim, options, err));
    syl_status status = hash_row(e, &hash, syl_hash_names[options->kind], err);
    syl_hash_free(&hash);
    return status;
}

syl_status syl_eval_radius(syl_eval *e, int max_radius, syl_error *err)
{
    const syl_arrays *q = &e->queries->arrays, *d = &ranked_side(e)->arrays;
    syl_labelled queries = labelled(e->queries), database = labelled(ranked_side(e));
    if (!q->bits || !q->dim || !d->bits || !d->dim)
        return syl_fail(err, SYL_EINVAL,
                        "a radius wants both codes and vectors, of queries and database");
    if (max_radius > d->bits)
        return syl_fail(err, SYL_EINVAL,
                        "a radius of %d: codes of %d bits are never that far apart", max_radius,
                        d->bits);
    e->radius = syl_calloc((size_t)max_radius + 1, sizeof *e->radius);
    if (!e->radius) return syl_fail_memory(err, (size_t)max_radius + 1, "scores");
    e->max_radius = max_radius;
    return syl_radius_evaluate(e->radius, max_radius, e->database ? &queries : NULL, &database,
                               &e->options, err);
}

void syl_eval_free(syl_eval *e)
{
    for (int i = 0; i < SYL_EVAL_MOST_ROWS; i++)
        syl_retrieval_score_free(&e->rows[i].score);
    free(e->radius);
}

/* ---- report -------------------------------------------------------------------------- */

void syl_eval_print(const syl_eval *e, FILE *to)
{
    char ndcg[24];
    snprintf(ndcg, sizeof ndcg, "NDCG@%d", e->options.depth);
    fprintf(to, "%" PRId64 " queries, ", e->queries->arrays.count);
    if (e->database)
        fprintf(to, "each ranks %" PRId64 " documents", e->database->arrays.count);
    else
        fputs("each ranks the others", to);
    fprintf(to, "; relevance %s\n\n%-10s%8s%10s%12s%12s\n", relevances[e->options.relevance], "",
            "length", "MAP", ndcg, "left out");
    for (int i = 0; i < e->num_rows; i++) {
        const syl_eval_row *r = &e->rows[i];
        fprintf(to, "%-10s%8d%10.4f%12.4f%12" PRId64 "\n", r->name, r->length, r->score.map,
                r->score.ndcg, r->score.left_out);
    }
    if (e->max_radius >= 0)
        fprintf(to, "\n%-10s%12s%10s%12s\n", "radius", "candidates", "empty", ndcg);
    for (int r = 0; r <= e->max_radius; r++)
        fprintf(to, "%-10d%12.1f%9.1f%%%12.4f\n", r, e->radius[r].candidates,
                100 * e->radius[r].empty, e->radius[r].ndcg);
}

static json_t *row_json(const syl_eval_row *r)
{
    json_t *curve = json_array();
    for (int i = 0; i < r->score.points; i++)
        json_array_append_new(curve, json_real(r->score.precision[i]));
    return json_pack("{s:s, s:i, s:f, s:f, s:f, s:I, s:I, s:o}", "by", r->name, "length", r->length,
                     "map", r->score.map, "map_any", r->score.map_any, "ndcg", r->score.ndcg,
                     "queries", (json_int_t)r->score.queries, "left_out",
                     (json_int_t)r->score.left_out, "precision", curve);
}

json_t *syl_eval_json(const syl_eval *e)
{
    json_t *rows = json_array(), *radius = json_array();
    for (int i = 0; i < e->num_rows; i++)
        json_array_append_new(rows, row_json(&e->rows[i]));
    for (int r = 0; r <= e->max_radius; r++)
        json_array_append_new(radius, json_pack("{s:i, s:f, s:f, s:f}", "radius", r, "candidates",
                                                e->radius[r].candidates, "empty",
                                                e->radius[r].empty, "ndcg", e->radius[r].ndcg));
    json_t *all = json_pack(
        "{s:I, s:I, s:b, s:s, s:i, s:b, s:o}", "queries", (json_int_t)e->queries->arrays.count,
        "database", (json_int_t)ranked_side(e)->arrays.count, "without_itself", e->database == NULL,
        "relevance", relevances[e->options.relevance], "depth", e->options.depth, "expected_ties",
        e->options.expected_ties, "results", rows);
    if (all && e->max_radius >= 0)
        json_object_set_new(all, "radius", radius);
    else
        json_decref(radius);
    return all;
}

syl_status syl_eval_curve(const syl_eval *e, const char *path, syl_error *err)
{
    char names[SYL_EVAL_MOST_ROWS][64];
    syl_series series[SYL_EVAL_MOST_ROWS];
    int points = e->options.points;
    double *recall = syl_calloc((size_t)points, sizeof *recall);
    if (!recall) return syl_fail_memory(err, (size_t)points * sizeof *recall, "a curve");
    for (int i = 0; i < points; i++)
        recall[i] = (double)i / (points - 1);
    for (int i = 0; i < e->num_rows; i++) {
        const syl_eval_row *r = &e->rows[i];
        snprintf(names[i], sizeof names[i], "%s, %d", r->name, r->length);
        series[i] = (syl_series){names[i], recall, r->score.precision, (size_t)points};
    }
    syl_chart chart = {.title = "Precision and recall",
                       .x = {"recall", 0, 1},
                       .y = {"precision", 0, 1},
                       .series = series,
                       .num_series = (size_t)e->num_rows};
    syl_status status = syl_chart_write(&chart, path, err);
    free(recall);
    return status;
}
