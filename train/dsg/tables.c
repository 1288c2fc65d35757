#include "train/dsg/tables.h"

#include <string.h>

#include "lib/base/random.h"

#define FIRST_SLOT 0.1f /* of AdaGrad's sums */
#define INIT_STREAM (UINT64_C(1) << 61)

typedef struct table_shape {
    int64_t rows;
    bool bias;
} table_shape;

enum { SENSE, OUTPUT, CHOICE, SHARED, TABLES };

static void shapes_of(const syl_dsg_options *o, int64_t words, table_shape s[TABLES])
{
    int64_t chosen = o->senses > 1 ? words * o->senses : 0;
    s[SENSE] = (table_shape){words * o->senses, false};
    s[OUTPUT] = (table_shape){words, o->loss == SYL_WINDOW_SOFTMAX};
    s[CHOICE] = (table_shape){chosen, true};
    s[SHARED] = (table_shape){o->pretrain_epochs > 0 && chosen ? o->senses : 0, true};
}

int64_t syl_dsg_tables_bytes(const syl_dsg_options *o, int64_t words)
{
    table_shape shape[TABLES];
    int64_t floats = 0, stride = syl_vector_stride(o->dim);
    shapes_of(o, words, shape);
    for (int i = 0; i < TABLES; i++)
        floats += shape[i].rows * (stride + shape[i].bias);
    return floats * (int64_t)sizeof(float) * (o->rule == SYL_ROW_SGD ? 1 : 2);
}

static void fill(syl_mirror *m, float value)
{
    for (int64_t i = 0; i < m->size; i++)
        m->host[i] = value;
}

static void begin_slots(syl_dsg_table *t, syl_row_rule rule)
{
    float value = rule == SYL_ROW_ADAGRAD ? FIRST_SLOT : 0;
    fill(&t->slot, value);
    fill(&t->bias_slot, value);
}

static syl_status create_table(syl_dsg_table *t, table_shape shape, const syl_dsg_options *o,
                               const char *what, syl_error *err)
{
    *t = (syl_dsg_table){.rows = shape.rows, .stride = syl_vector_stride(o->dim), .dim = o->dim};
    int64_t floats = t->rows * t->stride, biases = shape.bias ? t->rows : 0;
    bool slots = o->rule != SYL_ROW_SGD;
    if (floats == 0) return SYL_OK;
    SYL_TRY(syl_mirror_create(&t->value, floats, what, err));
    if (biases) SYL_TRY(syl_mirror_create(&t->bias, biases, what, err));
    if (slots) SYL_TRY(syl_mirror_create(&t->slot, floats, what, err));
    if (slots && biases) SYL_TRY(syl_mirror_create(&t->bias_slot, biases, what, err));
    begin_slots(t, o->rule);
    return SYL_OK;
}

static void init_senses(syl_dsg_table *t, const syl_dsg_options *o)
{
    float scale = 1.0f / (float)o->dim / (float)o->senses;
#pragma omp parallel for num_threads(o->threads)
    for (int64_t i = 0; i < t->rows; i++) {
        syl_random r = {.seed = o->seed, .stream = INIT_STREAM + (uint64_t)i};
        for (int j = 0; j < t->dim; j++)
            t->value.host[i * t->stride + j] = (syl_random_uniform(&r) - 0.5f) * scale;
    }
}

static syl_status create_all(syl_dsg_tables *t, const syl_dsg_options *o, int64_t words,
                             syl_error *err)
{
    table_shape shape[TABLES];
    shapes_of(o, words, shape);
    SYL_TRY(create_table(&t->sense, shape[SENSE], o, "vectors of senses", err));
    SYL_TRY(create_table(&t->output, shape[OUTPUT], o, "output vectors", err));
    SYL_TRY(create_table(&t->choice, shape[CHOICE], o, "sense networks", err));
    SYL_TRY(create_table(&t->shared, shape[SHARED], o, "the shared sense network", err));
    init_senses(&t->sense, o);
    for (int i = 0; syl_dsg_tables_array(t, i, NULL); i++)
        SYL_TRY(syl_mirror_place(syl_dsg_tables_array(t, i, NULL), o->device, err));
    return SYL_OK;
}

syl_status syl_dsg_tables_create(syl_dsg_tables *t, const syl_dsg_options *options, int64_t words,
                                 syl_error *err)
{
    memset(t, 0, sizeof *t);
    syl_status status = create_all(t, options, words, err);
    if (status != SYL_OK) syl_dsg_tables_free(t);
    return status;
}

void syl_dsg_tables_free(syl_dsg_tables *t)
{
    syl_mirror *m;
    while ((m = syl_dsg_tables_array(t, 0, NULL)))
        syl_mirror_free(m); /* it is not there any more */
}

syl_vector_table syl_dsg_table_view(const syl_dsg_table *t)
{
    syl_mat value = syl_mat_of(t->value.data, SYL_F32, t->rows, t->dim);
    value.stride = t->stride;
    return (syl_vector_table){
        .value = value, .slot = t->slot.data, .bias = t->bias.data, .bias_slot = t->bias_slot.data};
}

syl_mirror *syl_dsg_tables_array(syl_dsg_tables *t, int i, const char **name)
{
    struct {
        const char *name;
        syl_mirror *array;
    } all[] = {
        {"sense", &t->sense.value},       {"sense.slot", &t->sense.slot},
        {"output", &t->output.value},     {"output.slot", &t->output.slot},
        {"output.bias", &t->output.bias}, {"output.bias.slot", &t->output.bias_slot},
        {"choice", &t->choice.value},     {"choice.slot", &t->choice.slot},
        {"choice.bias", &t->choice.bias}, {"choice.bias.slot", &t->choice.bias_slot},
        {"shared", &t->shared.value},     {"shared.slot", &t->shared.slot},
        {"shared.bias", &t->shared.bias}, {"shared.bias.slot", &t->shared.bias_slot},
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (all[k].array->host && i-- == 0) {
            if (name) *name = all[k].name;
            return all[k].array;
        }
    return NULL;
}

syl_status syl_dsg_tables_pull(syl_dsg_tables *t, syl_error *err)
{
    for (int i = 0; syl_dsg_tables_array(t, i, NULL); i++)
        SYL_TRY(syl_mirror_pull(syl_dsg_tables_array(t, i, NULL), err));
    return SYL_OK;
}

syl_status syl_dsg_tables_push(syl_dsg_tables *t, syl_error *err)
{
    for (int i = 0; syl_dsg_tables_array(t, i, NULL); i++)
        SYL_TRY(syl_mirror_push(syl_dsg_tables_array(t, i, NULL), err));
    return SYL_OK;
}

syl_status syl_dsg_tables_spread(syl_dsg_tables *t, const syl_dsg_options *o, syl_error *err)
{
    SYL_TRY(syl_dsg_tables_pull(t, err));
    for (int64_t i = 0; i < t->choice.rows; i++) {
        int64_t k = i % o->senses;
        memcpy(t->choice.value.host + i * t->choice.stride,
               t->shared.value.host + k * t->shared.stride,
               (size_t)t->choice.stride * sizeof(float));
        t->choice.bias.host[i] = t->shared.bias.host[k];
    }
    begin_slots(&t->sense, o->rule);
    begin_slots(&t->output, o->rule);
    return syl_dsg_tables_push(t, err);
}
