#include "train/bpv/tables.h"

#include <math.h>
#include <string.h>

#include "lib/base/random.h"

#define STREAM_BEGIN ((uint64_t)3 << 56) /* the first values of a table: plus its number */

static const char *const names[SYL_BPV_TABLES][2] = {{"documents", "documents.square"},
                                                     {"output", "output.square"},
                                                     {"bias", "bias.square"},
                                                     {"words", "words.square"},
                                                     {"projection", "projection.square"},
                                                     {"offset", "offset.square"}};

/* Evenly in (-spread, spread); what is beyond a row's length stays zero. */
static void spread_out(syl_bpv_table *t, int64_t length, double spread, uint64_t seed, int number)
{
    for (int64_t r = 0; r < t->rows; r++) {
        syl_random random = {.seed = seed,
                             .stream = STREAM_BEGIN | (uint64_t)number << 48 | (uint64_t)r};
        for (int64_t k = 0; k < length; k++)
            t->value.host[r * t->length + k] =
                (float)spread * (2 * syl_random_uniform(&random) - 1);
    }
}

static syl_status make_table(syl_bpv_tables *t, int which, int64_t rows, int64_t length,
                             double accumulator, syl_error *err)
{
    syl_bpv_table *own = &t->table[which];
    const char *const *name = names[which];
    SYL_TRY(syl_mirror_create(&own->value, rows * length, "a model of documents", err));
    SYL_TRY(syl_mirror_create(&own->square, rows * length, "a model of documents", err));
    own->rows = rows;
    own->length = length;
    for (int64_t i = 0; i < rows * length; i++)
        own->square.host[i] = (float)accumulator;
    syl_mirror *both[2] = {&own->value, &own->square};
    for (int i = 0; i < 2; i++)
        t->blocks[t->num_blocks++] =
            (syl_course_block){name[i], both[i]->host, both[i]->size, both[i]};
    return SYL_OK;
}

/* Projections begin as Glorot and Bengio 2010 have them. */
static syl_status make_projection(syl_bpv_tables *t, const syl_bpv_shape *s, uint64_t seed,
                                  syl_error *err)
{
    int64_t dim = syl_paragraph_padded(s->dim);
    SYL_TRY(make_table(t, SYL_BPV_PROJECTION, s->bits, dim, s->accumulator, err));
    SYL_TRY(make_table(t, SYL_BPV_OFFSET, 1, syl_paragraph_padded(s->bits), s->accumulator, err));
    spread_out(&t->table[SYL_BPV_PROJECTION], s->dim, sqrt(6.0 / (s->dim + s->bits)), seed,
               SYL_BPV_PROJECTION);
    return SYL_OK;
}

syl_status syl_bpv_tables_create(syl_bpv_tables *t, const syl_bpv *model, int64_t documents,
                                 uint64_t seed, syl_error *err)
{
    const syl_bpv_shape *s = &model->shape;
    int64_t items = model->sampler.size, part = syl_paragraph_padded(s->bits);
    double q = s->accumulator;
    SYL_TRY(make_table(t, SYL_BPV_DOCUMENTS, documents, syl_paragraph_padded(s->dim), q, err));
    SYL_TRY(make_table(t, SYL_BPV_OUTPUT, items, part * (1 + s->context), q, err));
    SYL_TRY(make_table(t, SYL_BPV_BIAS, items, 1, q, err));
    spread_out(&t->table[SYL_BPV_DOCUMENTS], s->dim, s->spread, seed, SYL_BPV_DOCUMENTS);
    if (s->context) {
        SYL_TRY(make_table(t, SYL_BPV_WORDS, items, part, q, err));
        spread_out(&t->table[SYL_BPV_WORDS], s->bits, s->spread, seed, SYL_BPV_WORDS);
    }
    if (s->kind == SYL_BPV_REAL_BINARY) SYL_TRY(make_projection(t, s, seed, err));
    SYL_TRY(syl_mirror_create(&t->log_q, items, "a model of documents", err));
    memcpy(t->log_q.host, model->sampler.log_q, (size_t)items * sizeof(float));
    return SYL_OK;
}

syl_status syl_bpv_tables_place(syl_bpv_tables *t, syl_device *device, syl_error *err)
{
    for (int i = 0; i < SYL_BPV_TABLES; i++) {
        if (!t->table[i].rows) continue;
        SYL_TRY(syl_mirror_place(&t->table[i].value, device, err));
        SYL_TRY(syl_mirror_place(&t->table[i].square, device, err));
    }
    SYL_TRY(syl_mirror_place(&t->log_q, device, err));
    return syl_mirror_push(&t->log_q, err);
}

void syl_bpv_tables_free(syl_bpv_tables *t)
{
    for (int i = 0; i < SYL_BPV_TABLES; i++) {
        syl_mirror_free(&t->table[i].value);
        syl_mirror_free(&t->table[i].square);
    }
    syl_mirror_free(&t->log_q);
}

static syl_learnt learnt(const syl_bpv_tables *t, int which)
{
    return (syl_learnt){t->table[which].value.data, t->table[which].square.data};
}

syl_paragraph_model syl_bpv_tables_model(const syl_bpv_tables *t, const syl_bpv *model)
{
    syl_paragraph_model p = syl_bpv_paragraph(model);
    p.documents = learnt(t, SYL_BPV_DOCUMENTS);
    p.output = learnt(t, SYL_BPV_OUTPUT);
    p.bias = learnt(t, SYL_BPV_BIAS);
    p.words = learnt(t, SYL_BPV_WORDS);
    p.projection = learnt(t, SYL_BPV_PROJECTION);
    p.offset = learnt(t, SYL_BPV_OFFSET);
    p.log_q = t->log_q.data;
    return p;
}

syl_status syl_bpv_tables_pull(const syl_bpv_tables *t, syl_error *err)
{
    for (int i = 0; i < t->num_blocks; i++)
        SYL_TRY(syl_mirror_pull(t->blocks[i].mirror, err));
    return SYL_OK;
}

void syl_bpv_tables_keep(const syl_bpv_tables *t, syl_bpv *model)
{
    float *to[SYL_BPV_TABLES] = {model->documents, model->output,     model->bias,
                                 model->words,     model->projection, model->offset};
    for (int i = 0; i < SYL_BPV_TABLES; i++)
        if (to[i] && t->table[i].rows)
            memcpy(to[i], t->table[i].value.host,
                   (size_t)(t->table[i].rows * t->table[i].length) * sizeof(float));
}
