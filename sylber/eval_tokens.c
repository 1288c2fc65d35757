#include "sylber/eval_tokens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"

#define MAX_UNIT 16777216 /* up to it every whole number is a float32 */

static syl_status check_reducer(const syl_eval_tokens *t, syl_error *err)
{
    const syl_npy *r = &t->reducer;
    if (r->ndim != 1 || !r->count)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: a reducer is an array [tokens], this one has %d dimensions; sylkit "
                        "kmeans --ward writes one",
                        t->reducer_path, r->ndim);
    for (size_t i = 0; i < r->count; i++)
        if (!(r->data[i] >= 0 && r->data[i] < MAX_UNIT) || r->data[i] != floorf(r->data[i]))
            return syl_fail(err, SYL_EFORMAT, "%s: value %zu is %g; units are whole numbers from 0",
                            t->reducer_path, i, (double)r->data[i]);
    return SYL_OK;
}

syl_status syl_eval_tokens_open(syl_eval_tokens *t, const char *reducer_path, syl_error *err)
{
    *t = (syl_eval_tokens){.reducer_path = reducer_path, .largest = -1};
    if (reducer_path) {
        SYL_TRY(syl_npy_read(&t->reducer, reducer_path, err));
        syl_status status = check_reducer(t, err);
        if (status) syl_npy_free(&t->reducer);
        SYL_TRY(status);
    }
    t->syllables = json_object();
    if (t->syllables) return SYL_OK;
    syl_npy_free(&t->reducer);
    return syl_fail_memory(err, sizeof *t, "labels");
}

void syl_eval_tokens_close(syl_eval_tokens *t)
{
    syl_npy_free(&t->reducer);
    json_decref(t->syllables);
    free(t->pairs);
    *t = (syl_eval_tokens){0};
}

/* ---- reading ------------------------------------------------------------------------ */

static void add_length(syl_eval_tokens *t, const json_t *reference, const json_t *hypothesis)
{
    double samples = json_number_value(json_object_get(hypothesis, "num_samples"));
    double rate = json_number_value(json_object_get(hypothesis, "sample_rate"));
    double seconds = json_number_value(json_object_get(reference, "dur"));
    if (samples > 0 && rate > 0) seconds = samples / rate;
    if (seconds > 0)
        t->seconds += seconds;
    else
        t->untimed = true;
}

static syl_status number_of(syl_eval_tokens *t, const char *label, int32_t *number, syl_error *err)
{
    const json_t *known = json_object_get(t->syllables, label);
    *number =
        (int32_t)(known ? json_integer_value(known) : (json_int_t)json_object_size(t->syllables));
    if (!known && json_object_set_new(t->syllables, label, json_integer(*number)))
        return syl_fail_memory(err, sizeof *t, "labels");
    return SYL_OK;
}

static syl_status unit_of(const syl_eval_tokens *t, json_int_t token, const char *key,
                          int32_t *unit, syl_error *err)
{
    json_int_t end = t->reducer.data ? (json_int_t)t->reducer.count : INT32_MAX;
    if (token < 0 || token >= end)
        return syl_fail(err, SYL_EINVAL, "'%s': token %lld is not in 0..%lld of %s", key,
                        (long long)token, (long long)end - 1,
                        t->reducer.data ? t->reducer_path : "whole numbers of 32 bits");
    *unit = t->reducer.data ? (int32_t)t->reducer.data[token] : (int32_t)token;
    return SYL_OK;
}

/* One segment of the hypothesis, whose times the caller checked. */
static syl_status add_segment(syl_eval_tokens *t, const json_t *segment, const json_t *syllables,
                              const double (*spans)[2], const char *key, syl_error *err)
{
    const json_t *token = json_object_get(segment, "token");
    if (!json_is_integer(token) || json_is_true(json_object_get(segment, "silence"))) return SYL_OK;
    double start = json_number_value(json_object_get(segment, "start"));
    double end = json_number_value(json_object_get(segment, "end"));
    syl_token_pair pair;
    SYL_TRY(unit_of(t, json_integer_value(token), key, &pair.token, err));
    t->tokens++;
    if (pair.token > t->largest) t->largest = pair.token;
    ptrdiff_t at = syl_longest_overlap(start, end, spans, json_array_size(syllables));
    const json_t *syllable = at < 0 ? NULL : json_array_get(syllables, (size_t)at);
    const char *label = json_string_value(json_array_get(syllable, 2));
    if (!label) return SYL_OK;
    t->labelled = true;
    SYL_TRY(number_of(t, label, &pair.syllable, err));
    void *pairs = t->pairs;
    SYL_TRY(syl_grow(&pairs, &t->capacity, t->count + 1, sizeof pair, err));
    t->pairs = pairs;
    t->pairs[t->count++] = pair;
    return SYL_OK;
}

syl_status syl_eval_tokens_add(syl_eval_tokens *t, const json_t *reference,
                               const json_t *hypothesis, const char *key, syl_error *err)
{
    const json_t *syllables = json_object_get(reference, "syl"), *segment;
    size_t n = json_array_size(syllables), i;
    double(*spans)[2] = syl_calloc(n, sizeof *spans);
    if (!spans) return syl_fail_memory(err, n * sizeof *spans, "syllables");
    for (i = 0; i < n; i++)
        for (size_t side = 0; side < 2; side++)
            spans[i][side] = json_number_value(json_array_get(json_array_get(syllables, i), side));
    syl_status status = SYL_OK;
    json_array_foreach(json_object_get(hypothesis, "segments"), i, segment)
    {
        status = add_segment(t, segment, syllables, (const double(*)[2])spans, key, err);
        if (status) break;
    }
    free(spans);
    add_length(t, reference, hypothesis);
    return status;
}

/* ---- results ------------------------------------------------------------------------ */

static int units(const syl_eval_tokens *t)
{
    float largest = (float)t->largest;
    for (size_t i = 0; i < t->reducer.count; i++)
        largest = fmaxf(largest, t->reducer.data[i]);
    return (int)largest + 1;
}

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void syl_eval_tokens_show(syl_eval_tokens *t, int vocabulary, json_t *object)
{
    syl_clustering_score s;
    if (!t->labelled) return;
    if (!vocabulary) vocabulary = units(t);
    double rate = t->untimed ? NAN : (double)t->tokens / t->seconds;
    double bits = rate * log2(vocabulary);
    syl_clustering_score_pairs(&s, t->pairs, t->count);
    size_t unmatched = t->tokens - t->count;
    if (object)
        json_object_set_new(
            object, "tokens",
            json_pack("{s:I, s:I, s:I, s:I, s:i, s:f, s:f, s:f, s:f, s:o, s:o}", "segments",
                      (json_int_t)t->tokens, "unmatched", (json_int_t)unmatched, "syllables",
                      (json_int_t)s.syllables, "units", (json_int_t)s.tokens, "vocabulary",
                      vocabulary, "syllable_purity", s.syllable_purity, "cluster_purity",
                      s.cluster_purity, "mutual_information", s.mutual_information,
                      "normalised_mutual_information", s.normalised, "tokens_per_second",
                      real_or_null(rate), "bits_per_second", real_or_null(bits)));
    else
        printf("\n%8s %9s %9s %6s %10s %6s %6s %8s %6s %7s %7s\n%8zu %9zu %9zu %6zu %10d %6.4f "
               "%6.4f %8.4f %6.4f %7.3f %7.2f\n",
               "segments", "unmatched", "syllables", "units", "vocabulary", "SP", "CP", "MI bits",
               "NMI", "tok/s", "bits/s", t->tokens, unmatched, s.syllables, s.tokens, vocabulary,
               s.syllable_purity, s.cluster_purity, s.mutual_information, s.normalised, rate, bits);
}
