/* Vectors of words, of senses and of documents on a CUDA device against the CPU's. */
#include <math.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/skipgram.h"
#include "tests/cuda/backend_tests.h"
#include "tests/paragraph_case.h"

/* ---- word vectors: dim 32, so that rows have no rest (skipgram.h) -----------------------------
 */

enum { WORDS = 9, WINDOWS = 21, AROUND = 4, NEGATIVES = 5, SENSES = 3 };

typedef struct learnt_table {
    twin value, slot, bias, bias_slot;
} learnt_table;

static void all_positive(twin t, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        twin_row(t, 0)[i] = 0.1f + fabsf(twin_row(t, 0)[i]);
    twin_push(t);
}

static learnt_table table_of(int64_t rows)
{
    learnt_table t = {twin_of(F, 1, rows * 32, 0), twin_of(F, 1, rows * 32, 0),
                      twin_of(F, 1, rows, 0), twin_of(F, 1, rows, 0)};
    for (int64_t i = 0; i < rows * 32; i++)
        twin_row(t.value, 0)[i] *= 0.3f;
    twin_push(t.value);
    all_positive(t.slot, rows * 32);
    all_positive(t.bias_slot, rows);
    return t;
}

static syl_vector_table on(learnt_table t, int64_t rows, int i)
{
    return (syl_vector_table){.value = syl_mat_of(twin_row(t.value, i), F, rows, 32),
                              .slot = twin_row(t.slot, i),
                              .bias = twin_row(t.bias, i),
                              .bias_slot = twin_row(t.bias_slot, i)};
}

static void same_tables(const char *what, learnt_table t)
{
    twin_same(what, t.value, FINE);
    twin_same(what, t.slot, FINE);
    twin_same(what, t.bias, FINE);
    twin_same(what, t.bias_slot, FINE);
}

/* The host's arrays: some places empty, some negatives the centre or a target. */
typedef struct word_windows {
    int32_t centre[WINDOWS], words[WINDOWS * AROUND], negative[WINDOWS * NEGATIVES];
    syl_window_span contexts[WINDOWS], targets[WINDOWS];
} word_windows;

static word_windows make_windows(void)
{
    word_windows w;
    for (int i = 0; i < WINDOWS; i++) {
        w.centre[i] = i * 5 % WORDS;
        for (int j = 0; j < AROUND; j++)
            w.words[i * AROUND + j] = (i * 7 + j * 4) % WORDS;
        for (int j = 0; j < NEGATIVES; j++)
            w.negative[i * NEGATIVES + j] = (i * 3 + j * 2) % WORDS;
        w.contexts[i] = (syl_window_span){i * AROUND, AROUND};
        w.targets[i] = (syl_window_span){i * AROUND, i == 3 ? 0 : 1 + i % AROUND};
        for (int j = w.targets[i].count; j < AROUND; j++)
            w.words[i * AROUND + j] = -1;
    }
    return w;
}

void plain_skipgram(void **state)
{
    word_windows w = make_windows();
    learnt_table input = table_of(WORDS), output = table_of(WORDS);
    syl_window_sums sums[2][2];
    (void)state;
    EACH (i) {
        syl_skipgram_batch b[2];
        for (int k = 0; k < 2; k++)
            b[k] = (syl_skipgram_batch){.windows = k ? WINDOWS : 8,
                                        .context = AROUND,
                                        .negatives = NEGATIVES,
                                        .centre = w.centre,
                                        .contexts = w.words,
                                        .negative = w.negative,
                                        .input = on(input, WORDS, i).value,
                                        .output = on(output, WORDS, i).value,
                                        .lr = 0.1f};
        OK(syl_skipgram_steps(twin_ctx[i], b, 2, sums[i], &twin_error));
    }
    for (int k = 0; k < 2; k++)
        twin_near("skip-gram's loss", sums[0][k].loss, sums[1][k].loss, FINE);
    twin_same("skip-gram's input", input.value, FINE);
    twin_same("skip-gram's output", output.value, FINE);
    twin_free_all();
}

void senses_of_words(void **state)
{
    word_windows w = make_windows();
    (void)state;
    for (int rule = SYL_ROW_SGD; rule <= SYL_ROW_ADAGRAD; rule++) {
        learnt_table sense = table_of(WORDS * SENSES), output = table_of(WORDS),
                     choice = table_of(WORDS * SENSES);
        syl_row_update by = {(syl_row_rule)rule, 0.1f, 0.05f, 0.5f};
        syl_window_sums sums[2][2];
        float p[2][WINDOWS * SENSES];
        EACH (i) {
            syl_sense_batch b = {.items = WINDOWS,
                                 .senses = SENSES,
                                 .centre = w.centre,
                                 .words = w.words,
                                 .num_words = WINDOWS * AROUND,
                                 .contexts = w.contexts,
                                 .targets = w.targets,
                                 .slots = rule ? AROUND : 0,
                                 .negative = w.negative,
                                 .negatives = NEGATIVES,
                                 .share = 1 + rule,
                                 .loss = rule == 1 ? SYL_WINDOW_NEGATIVES : SYL_WINDOW_SOFTMAX,
                                 .sense = on(sense, WORDS * SENSES, i),
                                 .output = on(output, WORDS, i),
                                 .choice = on(choice, WORDS * SENSES, i),
                                 .choice_shared = rule == 2,
                                 .sense_update = by,
                                 .output_update = by,
                                 .choice_update = by,
                                 .gumbel = rule > 0,
                                 .temperature = 0.8f,
                                 .entropy = 0.1f,
                                 .seed = 3,
                                 .stream = 4};
            syl_sense_batch two[2] = {b, b};
            two[1].items = 9, two[1].first = WINDOWS;
            OK(syl_sense_steps(twin_ctx[i], two, 2, sums[i], &twin_error));
            OK(syl_sense_probabilities(twin_ctx[i], &b, p[i], &twin_error));
        }
        for (int k = 0; k < 2; k++) {
            twin_near("senses' loss", sums[0][k].loss, sums[1][k].loss, FINE);
            twin_near("senses' entropy", sums[0][k].entropy, sums[1][k].entropy, FINE);
        }
        for (int k = 0; k < WINDOWS * SENSES; k++)
            twin_near("p", (double)p[0][k], (double)p[1][k], FINE);
        same_tables("senses", sense);
        same_tables("senses' output", output);
        same_tables("senses' choice", choice);
        twin_free_all();
    }
}

/* A table of a case on both. */
static twin twin_table(const float *from, int64_t n)
{
    twin t = twin_zeros(F, 1, n, 0);
    if (n) memcpy(twin_row(t, 0), from, (size_t)n * sizeof *from);
    twin_push(t);
    return t;
}

/* One training step of each model, then inference of two documents from what it left. */
static void check_paragraphs(int shape)
{
    paragraph_case *c = case_create(paragraph_shapes[shape], 11 + (uint64_t)shape);
    twin value[TABLES], square[TABLES], log_q = twin_table(c->log_q, c->s.items);
    float loss[2][64];
    for (int t = 0; t < TABLES; t++) {
        value[t] = twin_table(c->value[t], c->size[t]);
        square[t] = twin_table(c->square[t], c->size[t]);
    }
    EACH (i) {
        syl_paragraph_model m = c->m;
        syl_learnt *all[TABLES] = {&m.documents, &m.output,     &m.bias,
                                   &m.words,     &m.projection, &m.offset};
        for (int t = 0; t < TABLES; t++)
            if (c->value[t]) *all[t] = (syl_learnt){twin_row(value[t], i), twin_row(square[t], i)};
        m.log_q = twin_row(log_q, i);
        OK(syl_paragraph_steps(twin_ctx[i], &m, &c->b, 1, loss[i], &twin_error));
    }
    for (int k = 0; k < c->s.chunks; k++)
        twin_near("paragraph_steps", (double)loss[0][k], (double)loss[1][k], FINE);
    for (int t = 0; t < TABLES; t++) {
        twin_same("paragraph_steps value", value[t], FINE);
        twin_same("paragraph_steps square", square[t], FINE);
    }
    case_free(c);
    twin_free_all();
}

void paragraphs(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++)
        check_paragraphs(i);
}

/* From the same beginning, as rounding would part what a step has made differ in the last bit. */
static void check_paragraph_inference(int shape)
{
    paragraph_case *c = case_create(paragraph_shapes[shape], 13 + (uint64_t)shape);
    twin value[TABLES], square[TABLES], log_q = twin_table(c->log_q, c->s.items);
    syl_alias columns[64];
    int64_t begin[3] = {0, 4, 4};
    int32_t items[4] = {0, 1, 2, 1};
    uint64_t key[2] = {3, 4};
    void *there;
    for (int i = 0; i < c->s.items; i++)
        columns[i] = (syl_alias){0x80000000u, (i + 1) % c->s.items};
    size_t bytes = (size_t)c->s.items * sizeof *columns;
    OK(syl_device_alloc(twin_device, bytes, &there, &twin_error));
    OK(syl_device_put(twin_device, columns, there, bytes, &twin_error));
    for (int t = 0; t < TABLES; t++) {
        value[t] = twin_table(c->value[t], c->size[t]);
        square[t] = twin_table(c->square[t], c->size[t]);
    }
    EACH (i) {
        syl_paragraph_model m = c->m;
        syl_learnt *all[TABLES] = {&m.documents, &m.output,     &m.bias,
                                   &m.words,     &m.projection, &m.offset};
        for (int t = 0; t < TABLES; t++)
            if (c->value[t]) *all[t] = (syl_learnt){twin_row(value[t], i), twin_row(square[t], i)};
        m.log_q = twin_row(log_q, i);
        syl_paragraph_inference q = {.count = c->s.documents < 2 ? 1 : 2,
                                     .begin = begin,
                                     .items = items,
                                     .key = key,
                                     .passes = 3,
                                     .chunk = 3,
                                     .columns = i ? there : columns,
                                     .num_columns = c->s.items};
        OK(syl_paragraph_infer(twin_ctx[i], &m, &q, &twin_error));
        q.count = 0;
        OK(syl_paragraph_infer(twin_ctx[i], &m, &q, &twin_error));
    }
    for (int t = 0; t < TABLES; t++)
        twin_same("paragraph_infer", value[t], FINE);
    syl_device_release(twin_device, there);
    case_free(c);
    twin_free_all();
}

void paragraph_inference(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++)
        check_paragraph_inference(i);
}
