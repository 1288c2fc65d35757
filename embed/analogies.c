/* Answering questions. The words of all questions are few (905 in the usual file), so their cosines
 * to a block of candidates are one product; a question then only combines three rows of it. */
#include "embed/analogies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clones.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/compute/training.h"

#define BLOCK 1024
#define MUL_EPSILON 0.001f

/* A covered question: ids, and rows of the product (of a, b, c). */
typedef struct question {
    int32_t id[4];
    int32_t row[3];
    size_t section;
    float best[2]; /* by adding, by multiplying */
    int32_t answer[2];
} question;

typedef struct evaluation {
    const syl_senses *senses;
    int64_t candidates;
    int threads;
    question *questions; /* [count] */
    size_t count;
    int32_t *row_of; /* [candidates]: the row of a word of questions, -1 */
    int32_t *words;  /* [rows] its inverse */
    int64_t rows;
    syl_ctx *ctx;
    syl_mat asked, block, cosines; /* [rows][D], [BLOCK][D], [rows][BLOCK] */
} evaluation;

/* ---- questions -------------------------------------------------------------------------- */

static int32_t row_of(evaluation *e, int32_t word)
{
    if (e->row_of[word] < 0) {
        e->row_of[word] = (int32_t)e->rows;
        e->words[e->rows++] = word;
    }
    return e->row_of[word];
}

static void add_question(evaluation *e, const syl_analogy *asked, size_t section)
{
    question q = {.section = section, .best = {-INFINITY, -INFINITY}, .answer = {-1, -1}};
    for (int i = 0; i < 4; i++) {
        q.id[i] = syl_dsg_find_word(syl_senses_model(e->senses), asked->word[i].data,
                                    asked->word[i].size);
        if (q.id[i] < 0 || q.id[i] >= e->candidates) return;
    }
    for (int i = 0; i < 3; i++)
        q.row[i] = row_of(e, q.id[i]);
    e->questions[e->count++] = q;
}

static syl_status find_words(evaluation *e, const syl_analogies *analogies, syl_error *err)
{
    e->questions = syl_calloc(analogies->count, sizeof *e->questions);
    e->row_of = syl_calloc((size_t)e->candidates, sizeof *e->row_of);
    e->words = syl_calloc((size_t)e->candidates, sizeof *e->words);
    if (!e->questions || !e->row_of || !e->words)
        return syl_fail_memory(err, analogies->count * sizeof *e->questions, "analogies");
    for (int64_t w = 0; w < e->candidates; w++)
        e->row_of[w] = -1;
    for (size_t s = 0; s < analogies->num_sections; s++)
        for (size_t i = 0; i < analogies->sections[s].count; i++)
            add_question(e, &analogies->questions[analogies->sections[s].first + i], s);
    return SYL_OK;
}

/* ---- answers ---------------------------------------------------------------------------- */

SYL_CLONES static float analogy_add(const float *a, const float *b, const float *c, int64_t n,
                                    float *score)
{
    for (int64_t i = 0; i < n; i++)
        score[i] = b[i] - a[i] + c[i];
    return syl_maximum(score, n);
}

SYL_CLONES static float analogy_multiply(const float *a, const float *b, const float *c, int64_t n,
                                         float *score)
{
    for (int64_t i = 0; i < n; i++)
        score[i] = (1 + b[i]) * (1 + c[i]) / (2 * (1 + a[i]) + 4 * MUL_EPSILON);
    return syl_maximum(score, n);
}

/* Candidates [begin, begin + n) of the block that starts at word `base`: none of a, b, c. */
static void answer_run(const evaluation *e, question *q, int64_t base, int64_t begin, int64_t n)
{
    float score[BLOCK];
    const float *row[3];
    if (n <= 0) return;
    for (int i = 0; i < 3; i++)
        row[i] = (const float *)e->cosines.data + q->row[i] * e->cosines.stride + begin;
    for (int kind = 0; kind < 2; kind++) {
        float best = kind ? analogy_multiply(row[0], row[1], row[2], n, score)
                          : analogy_add(row[0], row[1], row[2], n, score);
        if (!(best > q->best[kind])) continue;
        int64_t at = 0;
        while (score[at] != best)
            at++;
        q->best[kind] = best;
        q->answer[kind] = (int32_t)(base + begin + at);
    }
}

static void answer(const evaluation *e, question *q, int64_t base)
{
    int64_t begin = 0, n = e->block.rows;
    while (begin < n) {
        int64_t stop = n;
        for (int i = 0; i < 3; i++) {
            int64_t own = q->id[i] - base;
            if (own >= begin && own < stop) stop = own;
        }
        answer_run(e, q, base, begin, stop - begin);
        begin = stop + 1;
    }
}

static void unit_vector(const evaluation *e, int32_t word, float *to)
{
    syl_senses_global_vector(e->senses, word, to);
    syl_scale_to(to, syl_senses_model(e->senses)->dim, 1);
}

static syl_status answer_all(evaluation *e, syl_error *err)
{
    int dim = syl_senses_model(e->senses)->dim;
    syl_mat block, cosines;
    SYL_TRY(syl_ctx_mat(e->ctx, SYL_F32, e->rows, dim, &e->asked, err));
    SYL_TRY(syl_ctx_mat(e->ctx, SYL_F32, BLOCK, dim, &block, err));
    SYL_TRY(syl_ctx_mat(e->ctx, SYL_F32, e->rows, BLOCK, &cosines, err));
    for (int64_t i = 0; i < e->rows; i++)
        unit_vector(e, e->words[i], (float *)e->asked.data + i * dim);
    for (int64_t base = 0; base < e->candidates; base += BLOCK) {
        int64_t n = e->candidates - base < BLOCK ? e->candidates - base : BLOCK;
        e->block = syl_mat_rows(block, 0, n);
        e->cosines = syl_mat_cols(cosines, 0, n);
#pragma omp parallel for num_threads(e->threads) schedule(static)
        for (int64_t i = 0; i < n; i++)
            unit_vector(e, (int32_t)(base + i), (float *)e->block.data + i * dim);
        SYL_TRY(syl_product(e->ctx, e->asked, false, e->block, true, false, e->cosines, err));
#pragma omp parallel for num_threads(e->threads) schedule(static)
        for (size_t q = 0; q < e->count; q++)
            answer(e, &e->questions[q], base);
    }
    return SYL_OK;
}

/* ---- scores ----------------------------------------------------------------------------- */

static void count_question(syl_analogy_score *score, const question *q)
{
    score->covered++;
    score->add += q->answer[0] == q->id[3];
    score->multiply += q->answer[1] == q->id[3];
}

static syl_status count_all(syl_analogies_result *out, const evaluation *e,
                            const syl_analogies *analogies, syl_error *err)
{
    out->sections = syl_calloc(analogies->num_sections, sizeof *out->sections);
    if (!out->sections)
        return syl_fail_memory(err, analogies->num_sections * sizeof *out->sections, "scores");
    out->total.questions = analogies->count;
    for (size_t s = 0; s < analogies->num_sections; s++)
        out->sections[s].questions = analogies->sections[s].count;
    for (size_t i = 0; i < e->count; i++) {
        count_question(&out->total, &e->questions[i]);
        count_question(&out->sections[e->questions[i].section], &e->questions[i]);
    }
    return SYL_OK;
}

syl_status syl_analogies_evaluate(syl_analogies_result *out, const syl_senses *senses,
                                  const syl_analogies *analogies, int64_t candidates, int threads,
                                  syl_error *err)
{
    int64_t words = syl_senses_model(senses)->words;
    evaluation e = {.senses = senses, .candidates = candidates, .threads = threads};
    *out = (syl_analogies_result){0};
    if (candidates < 0 || threads < 1)
        return syl_fail(err, SYL_EINVAL, "analogies among %lld candidates by %d threads",
                        (long long)candidates, threads);
    if (candidates == 0 || candidates > words) e.candidates = words;
    SYL_TRY(syl_ctx_create(&e.ctx, threads, err));
    syl_status status = find_words(&e, analogies, err);
    if (!status && e.count) status = answer_all(&e, err);
    if (!status) status = count_all(out, &e, analogies, err);
    free(e.questions);
    free(e.row_of);
    free(e.words);
    syl_ctx_free(e.ctx);
    return status;
}

void syl_analogies_result_free(syl_analogies_result *result)
{
    free(result->sections);
    *result = (syl_analogies_result){0};
}
