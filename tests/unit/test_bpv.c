/* Paragraph vectors as a whole: training, its state, the model's file, inference. The corpus is
 * made: documents of topics, each with words of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embed/bpv.h"
#include "lib/base/random.h"
#include "lib/io/safetensors.h"
#include "train/bpv/trainer.h"

#define TOPICS 4
#define WORDS 60 /* of a topic */
#define LENGTH 70
#define DOCUMENTS 120
#define STATE "test_bpv.state"
#define MODEL "test_bpv.safetensors"

static syl_error err;
#define OK(expr)                                                      \
    do {                                                              \
        if ((expr) != SYL_OK) fail_msg("%s: %s", #expr, err.message); \
    } while (0)

typedef struct corpus {
    syl_documents d;
    char text[TOPICS * WORDS * 16];
    size_t size;
} corpus;

/* Documents 0, 5, 10, ... are empty with `gaps`. Every word comes in the vocabulary once more. */
static void make_corpus(corpus *c, uint64_t seed, bool gaps)
{
    syl_random r = {.seed = seed};
    int64_t counts[TOPICS * WORDS];
    memset(c, 0, sizeof *c);
    c->d.count = DOCUMENTS;
    c->d.begin = calloc(DOCUMENTS + 1, sizeof *c->d.begin);
    c->d.items = calloc(DOCUMENTS * LENGTH, sizeof *c->d.items);
    c->d.names = calloc(DOCUMENTS, sizeof *c->d.names);
    for (int i = 0; i < TOPICS * WORDS; i++)
        counts[i] = 20;
    for (int64_t i = 0, n = 0; i < DOCUMENTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "doc%d", (int)i);
        c->d.names[i] = strdup(name);
        for (int k = 0; k < LENGTH && !(gaps && i % 5 == 0); k++, n++)
            c->d.items[n] = (int32_t)(i % TOPICS * WORDS + syl_random_below(&r, WORDS));
        c->d.begin[i + 1] = n;
    }
    for (int i = 0; i < TOPICS * WORDS; i++)
        c->size += (size_t)snprintf(c->text + c->size, sizeof c->text - c->size, "w%03d\t%d\n", i,
                                    (int)counts[i]);
}

static void free_corpus(corpus *c)
{
    for (int i = 0; i < DOCUMENTS; i++)
        free(c->d.names[i]);
    free(c->d.names);
    free(c->d.begin);
    free(c->d.items);
}

static syl_vocabulary *words_of(const corpus *c)
{
    syl_vocabulary *v;
    OK(syl_vocabulary_parse(&v, c->text, c->size, "words", &err));
    return v;
}

static syl_status try_train(const corpus *c, const syl_bpv_train_options *o, syl_bpv **out)
{
    syl_text_options text = syl_text_defaults();
    return syl_bpv_train(out, &c->d, words_of(c), &text, o, &err);
}

static syl_bpv *train(const corpus *c, const syl_bpv_train_options *o)
{
    syl_bpv *m;
    if (try_train(c, o, &m) != SYL_OK) fail_msg("%s", err.message);
    return m;
}

static syl_bpv_train_options small(syl_bpv_kind kind)
{
    syl_bpv_train_options o = syl_bpv_train_defaults(kind, 20);
    if (kind == SYL_BPV_REAL_BINARY) o.shape.dim = 37;
    o.shape.chunk = 9;
    o.shape.negatives = 8;
    o.batch = 4;
    o.epochs = 3;
    return o;
}

static void same_tables(const syl_bpv *a, const syl_bpv *b)
{
    size_t part = (size_t)syl_paragraph_padded(a->shape.bits);
    size_t dim = (size_t)syl_paragraph_padded(a->shape.dim), items = TOPICS * WORDS;
    assert_memory_equal(a->output, b->output,
                        items * part * (size_t)(1 + a->shape.context) * sizeof(float));
    assert_memory_equal(a->bias, b->bias, items * sizeof(float));
    assert_memory_equal(a->documents, b->documents, DOCUMENTS * dim * sizeof(float));
    if (a->words) assert_memory_equal(a->words, b->words, items * part * sizeof(float));
    if (a->projection)
        assert_memory_equal(a->projection, b->projection,
                            (size_t)a->shape.bits * dim * sizeof(float));
}

/* The share of documents whose nearest other one, by code, is of the same topic. */
static double agreement(const uint8_t *codes, int bytes)
{
    int right = 0;
    for (int i = 0; i < DOCUMENTS; i++) {
        int best = -1, least = 1 << 30;
        for (int j = 0; j < DOCUMENTS; j++) {
            int distance = 0;
            for (int b = 0; b < bytes; b++)
                distance += __builtin_popcount(codes[i * bytes + b] ^ codes[j * bytes + b]);
            if (j != i && distance < least) best = j, least = distance;
        }
        right += best % TOPICS == i % TOPICS;
    }
    return (double)right / DOCUMENTS;
}

/* ---- training -------------------------------------------------------------------------------- */

static void topics_are_found(void **state)
{
    corpus c, unseen;
    (void)state;
    make_corpus(&c, 1, false);
    make_corpus(&unseen, 2, false);
    for (int kind = SYL_BPV_DBOW; kind <= SYL_BPV_REAL_BINARY; kind++) {
        uint8_t codes[DOCUMENTS * 3];
        syl_bpv_train_options o = small(kind);
        o.epochs = 20;
        syl_bpv *m = train(&c, &o);
        OK(syl_bpv_infer(m, unseen.d.items, unseen.d.begin, DOCUMENTS, NULL, codes, NULL, NULL,
                         &err));
        double share = agreement(codes, 3);
        if (share < 0.8) fail_msg("%s: %g", syl_bpv_kind_names[kind], share);
        syl_bpv_free(m);
    }
    free_corpus(&c);
    free_corpus(&unseen);
}

static void threads_make_no_difference(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, true);
    for (int kind = SYL_BPV_DBOW; kind <= SYL_BPV_REAL_BINARY; kind++) {
        syl_bpv_train_options o = small(kind);
        o.subsample = kind % 2 ? 0.01 : 0;
        syl_bpv *a = train(&c, &o);
        o.threads = 2;
        syl_bpv *b = train(&c, &o);
        same_tables(a, b);
        o.seed = 2;
        syl_bpv *other = train(&c, &o);
        assert_memory_not_equal(a->output, other->output, 64);
        syl_bpv_free(a);
        syl_bpv_free(b);
        syl_bpv_free(other);
    }
    free_corpus(&c);
}

typedef struct stopper {
    int rounds, most, epoch;
} stopper;

static bool stop_after(void *user, const syl_course_progress *p)
{
    stopper *s = user;
    if (p->note) return true; /* resumed */
    s->epoch = p->epoch;
    return ++s->rounds < s->most;
}

/* Stopped again and again, a round at a time. */
static void resumed_is_uninterrupted(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, true);
    for (int kind = SYL_BPV_DBOW; kind <= SYL_BPV_REAL_BINARY; kind++) {
        syl_bpv_train_options o = small(kind);
        syl_bpv *whole = train(&c, &o), *pieces = NULL;
        int parts = 0;
        unlink(STATE);
        o.state = STATE;
        o.resume = true;
        o.progress = stop_after;
        syl_status status = SYL_ECANCELLED;
        while (status == SYL_ECANCELLED) {
            stopper s = {.most = 2 + parts % 3};
            o.user = &s;
            status = try_train(&c, &o, &pieces);
            parts++;
        }
        if (status != SYL_OK) fail_msg("%s", err.message);
        assert_true(parts > 2);
        same_tables(whole, pieces);
        /* Other options are no way to go on. */
        o.shape.negatives++;
        syl_bpv *none;
        assert_int_equal(try_train(&c, &o, &none), SYL_EINVAL);
        assert_non_null(strstr(err.message, "negatives"));
        /* Nor are other texts of the same length. */
        o.shape.negatives--;
        int32_t *last = &c.d.items[c.d.begin[DOCUMENTS] - 1];
        *last ^= 1;
        assert_int_equal(try_train(&c, &o, &none), SYL_EINVAL);
        assert_non_null(strstr(err.message, "corpus"));
        *last ^= 1;
        syl_bpv_free(whole);
        syl_bpv_free(pieces);
    }
    unlink(STATE);
    free_corpus(&c);
}

/* A state that tells of more rounds than there are is refused, and does not run for ever. */
static void state_of_too_many_rounds(void **state)
{
    corpus c;
    syl_bpv *m;
    syl_safetensors *file;
    syl_st_tensor tensors[8];
    size_t n = 0;
    (void)state;
    make_corpus(&c, 1, false);
    syl_bpv_train_options o = small(SYL_BPV_DBOW);
    o.state = STATE;
    unlink(STATE);
    syl_bpv_free(train(&c, &o));
    OK(syl_safetensors_open(&file, STATE, &err));
    static const char *const names[] = {"documents", "documents.square", "output", "output.square",
                                        "bias",      "bias.square"};
    for (; n < sizeof names / sizeof *names; n++)
        tensors[n] = *syl_safetensors_find(file, names[n]);
    json_t *metadata =
        json_pack("{s:s, s:s}", "course.of", syl_safetensors_metadata(file, "course.of"),
                  "course.progress", "1 1000000 0x0p+0 0x0p+0");
    OK(syl_safetensors_write(STATE, tensors, n, metadata, &err));
    json_decref(metadata);
    syl_safetensors_free(file);
    o.resume = true;
    assert_int_equal(try_train(&c, &o, &m), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "1000000 rounds"));
    unlink(STATE);
    free_corpus(&c);
}

static void bad_input(void **state)
{
    corpus c;
    syl_bpv *m;
    (void)state;
    make_corpus(&c, 1, true);
    syl_bpv_train_options o = small(SYL_BPV_BINARY_DBOW);
    o.shape.bits = 0;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    o = small(SYL_BPV_BINARY_DBOW);
    o.dropout = 1;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    o = small(SYL_BPV_DBOW);
    o.sigmoid = true;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    o = small(SYL_BPV_DBOW);
    o.shape.sign = true;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    o = small(SYL_BPV_BINARY_DM);
    o.shape.context = 0;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    o = small(SYL_BPV_DBOW);
    c.d.items[3] = TOPICS * WORDS;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    c.d.items[3] = 0;
    c.d.count = 0;
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    c.d.count = 1; /* the first document is empty */
    assert_int_equal(try_train(&c, &o, &m), SYL_EINVAL);
    assert_non_null(strstr(err.message, "nothing to learn"));
    c.d.count = 2;
    m = train(&c, &o);
    syl_bpv_free(m);
    c.d.count = DOCUMENTS;
    free_corpus(&c);
}

/* Values that overflow float32 end the run and say where. */
static void not_finite(void **state)
{
    corpus c;
    syl_bpv *m;
    (void)state;
    make_corpus(&c, 1, false);
    syl_bpv_train_options o = small(SYL_BPV_DBOW);
    o.learning_rate = o.last_rate = 1e38;
    assert_int_equal(try_train(&c, &o, &m), SYL_ECOMPUTE);
    assert_non_null(strstr(err.message, "epoch 1"));
    assert_non_null(strstr(err.message, "document"));
    assert_non_null(strstr(err.message, "doc"));
    free_corpus(&c);
}

/* ---- ranks ----------------------------------------------------------------------------------- */

/* Two ranks as two threads, with a module that sums in their common memory. */
static pthread_barrier_t meeting;
static _Thread_local int own_rank;
static void *brought[2];

static int sum_floats(float *data, int64_t n)
{
    brought[own_rank] = data;
    pthread_barrier_wait(&meeting);
    float *a = brought[0], *b = brought[1];
    if (own_rank == 0)
        for (int64_t i = 0; i < n; i++)
            a[i] = b[i] = a[i] + b[i];
    pthread_barrier_wait(&meeting);
    return 0;
}

static int sum_doubles(double *data, int64_t n)
{
    brought[own_rank] = data;
    pthread_barrier_wait(&meeting);
    double *a = brought[0], *b = brought[1];
    if (own_rank == 0)
        for (int64_t i = 0; i < n; i++)
            a[i] = b[i] = a[i] + b[i];
    pthread_barrier_wait(&meeting);
    return 0;
}

static int broadcast(float *data, int64_t n)
{
    brought[own_rank] = data;
    pthread_barrier_wait(&meeting);
    if (own_rank == 0) memcpy(brought[1], data, (size_t)n * sizeof *data);
    pthread_barrier_wait(&meeting);
    return 0;
}

static const syl_ranks_module threads_module = {
    .sum_floats = sum_floats, .sum_doubles = sum_doubles, .broadcast = broadcast};

typedef struct rank_run {
    const corpus *c;
    syl_bpv_train_options o;
    syl_ranks ranks;
    stopper stop;
    syl_bpv *model;
    syl_status status;
    syl_error err;
} rank_run;

static void *run_rank(void *user)
{
    rank_run *r = user;
    syl_text_options text = syl_text_defaults();
    syl_vocabulary *words;
    own_rank = r->ranks.rank;
    r->o.ranks = &r->ranks;
    r->o.user = &r->stop;
    r->status = syl_vocabulary_parse(&words, r->c->text, r->c->size, "words", &r->err);
    if (r->status == SYL_OK)
        r->status = syl_bpv_train(&r->model, &r->c->d, words, &text, &r->o, &r->err);
    return NULL;
}

static void run_ranks(rank_run r[2], const corpus *c, const syl_bpv_train_options *o, int most)
{
    pthread_t thread;
    pthread_barrier_init(&meeting, NULL, 2);
    for (int i = 0; i < 2; i++)
        r[i] = (rank_run){.c = c,
                          .o = *o,
                          .ranks = {.rank = i, .count = 2, .module = &threads_module},
                          .stop.most = most};
    assert_int_equal(pthread_create(&thread, NULL, run_rank, &r[1]), 0);
    run_rank(&r[0]);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&meeting);
    assert_int_equal(r[0].status, r[1].status);
}

/* Both ranks end with one model, that finds the topics; and also by way of stops. */
static void two_ranks(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, true);
    for (int kind = SYL_BPV_DBOW; kind <= SYL_BPV_REAL_BINARY; kind++) {
        syl_bpv_train_options o = small(kind);
        rank_run whole[2], part[2];
        uint8_t codes[DOCUMENTS * 3];
        o.epochs = 12;
        o.batch = 1;
        o.exchange_every = 2;
        run_ranks(whole, &c, &o, 1 << 30);
        if (whole[0].status != SYL_OK) fail_msg("%s", whole[0].err.message);
        same_tables(whole[0].model, whole[1].model);
        OK(syl_bpv_infer(whole[0].model, c.d.items, c.d.begin, DOCUMENTS, NULL, codes, NULL, NULL,
                         &err));
        if (agreement(codes, 3) < 0.6)
            fail_msg("%s: %g", syl_bpv_kind_names[kind], agreement(codes, 3));
        unlink(STATE);
        o.state = STATE;
        o.resume = true;
        o.progress = stop_after;
        do {
            run_ranks(part, &c, &o, 20);
        } while (part[0].status == SYL_ECANCELLED);
        if (part[0].status != SYL_OK) fail_msg("%s", part[0].err.message);
        same_tables(whole[0].model, part[0].model);
        same_tables(whole[0].model, part[1].model);
        for (int i = 0; i < 2; i++) {
            syl_bpv_free(whole[i].model);
            syl_bpv_free(part[i].model);
        }
    }
    unlink(STATE);
    free_corpus(&c);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void files(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, true);
    for (int kind = SYL_BPV_DBOW; kind <= SYL_BPV_REAL_BINARY; kind++) {
        syl_bpv_train_options o = small(kind);
        syl_bpv *a = train(&c, &o), *b;
        syl_bpv_info info;
        OK(syl_bpv_save(a, MODEL, true, &err));
        OK(syl_bpv_load(&b, MODEL, &err));
        same_tables(a, b);
        assert_memory_equal(&a->shape, &b->shape, sizeof a->shape);
        assert_string_equal(syl_bpv_document_name(b, 3), "doc3");
        assert_string_equal(syl_bpv_item(b, 7), "w007");
        assert_int_equal(syl_bpv_find(b, "w007"), 7);
        assert_int_equal(syl_bpv_find(b, "none"), -1);
        assert_null(syl_bpv_item(b, -1));
        syl_bpv_get_info(b, &info);
        assert_int_equal(info.kind, kind);
        assert_int_equal(info.bits, 20);
        assert_int_equal(info.documents, DOCUMENTS);
        syl_bpv_free(b);
        OK(syl_bpv_save(a, MODEL, false, &err));
        OK(syl_bpv_load(&b, MODEL, &err));
        syl_bpv_get_info(b, &info);
        assert_int_equal(info.documents, 0);
        assert_int_equal(syl_bpv_documents(b, NULL, NULL, &err), SYL_EINVAL);
        syl_bpv_free(a);
        syl_bpv_free(b);
    }
    unlink(MODEL);
    free_corpus(&c);
}

/* A single item, whose row has two padded parts. */
static void one_item(void **state)
{
    syl_text_options text = syl_text_defaults();
    syl_bpv_train_options o = small(SYL_BPV_DM);
    syl_vocabulary *word;
    syl_bpv *a, *b;
    (void)state;
    OK(syl_vocabulary_parse(&word, "moon\t3\n", 7, "words", &err));
    OK(syl_bpv_create(&a, &o.shape, &text, word, 1, &err));
    int64_t part = syl_paragraph_padded(o.shape.bits);
    assert_true(part > o.shape.bits);
    for (int i = 0; i < o.shape.bits; i++) {
        a->output[i] = (float)i;
        a->output[part + i] = 100 + (float)i;
        a->documents[i] = 200 + (float)i;
    }
    OK(syl_bpv_save(a, MODEL, true, &err));
    OK(syl_bpv_load(&b, MODEL, &err));
    assert_memory_equal(a->output, b->output, (size_t)(2 * part) * sizeof(float));
    assert_memory_equal(a->documents, b->documents, (size_t)part * sizeof(float));
    syl_bpv_free(a);
    syl_bpv_free(b);
    unlink(MODEL);
}

static uint8_t *slurp(const char *path, size_t *size)
{
    syl_map map;
    OK(syl_map_open(&map, path, &err));
    uint8_t *copy = malloc(map.size);
    memcpy(copy, map.data, map.size);
    *size = map.size;
    syl_map_close(&map);
    return copy;
}

/* Cut off anywhere, or with a byte of its description changed, a file is refused or still whole. */
static void damaged_files(void **state)
{
    corpus c;
    size_t size;
    (void)state;
    make_corpus(&c, 1, true);
    syl_bpv_train_options o = small(SYL_BPV_REAL_BINARY);
    o.epochs = 1;
    syl_bpv *m = train(&c, &o), *other;
    OK(syl_bpv_save(m, MODEL, true, &err));
    syl_bpv_free(m);
    uint8_t *data = slurp(MODEL, &size);
    for (size_t n = 0; n < size; n += 1 + size / 100)
        assert_int_not_equal(syl_bpv_parse(&other, data, n, "cut", &err), SYL_OK);
    for (size_t i = 8; i < 2500; i += 3) {
        data[i] ^= 0x11;
        if (syl_bpv_parse(&other, data, size, "changed", &err) == SYL_OK) syl_bpv_free(other);
        data[i] ^= 0x11;
    }
    memset(data + size - 4000, 0xFF,
           4000); /* values that are no numbers, or names without an end */
    assert_int_equal(syl_bpv_parse(&other, data, size, "changed", &err), SYL_EFORMAT);
    float zero = 0;
    syl_st_tensor t = {"output", SYL_F32, 2, {1, 1}, &zero, 1};
    OK(syl_safetensors_write(MODEL, &t, 1, NULL, &err));
    assert_int_equal(syl_bpv_load(&other, MODEL, &err), SYL_EFORMAT);
    free(data);
    unlink(MODEL);
    free_corpus(&c);
}

/* ---- inference ------------------------------------------------------------------------------- */

/* What stands beside a document, its place and the threads change nothing; nor does inference the
 * model. */
static void documents_stand_alone(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, true);
    for (int kind = SYL_BPV_DBOW; kind <= SYL_BPV_REAL_BINARY; kind++) {
        syl_bpv_train_options o = small(kind);
        syl_bpv *m = train(&c, &o), *again = train(&c, &o);
        int dim = o.shape.dim;
        uint8_t codes[DOCUMENTS * 3], other[DOCUMENTS * 3], empty[DOCUMENTS];
        float *vectors = calloc((size_t)(DOCUMENTS * dim), sizeof *vectors);
        float *alone = calloc((size_t)dim, sizeof *alone);
        OK(syl_bpv_infer(m, c.d.items, c.d.begin, DOCUMENTS, NULL, codes, vectors, empty, &err));
        syl_bpv_infer_options two = syl_bpv_infer_defaults(m);
        two.threads = 2;
        OK(syl_bpv_infer(m, c.d.items, c.d.begin, DOCUMENTS, &two, other, NULL, NULL, &err));
        assert_memory_equal(codes, other, sizeof codes);
        OK(syl_bpv_infer(m, c.d.items, c.d.begin + 7, 1, NULL, other, alone, NULL, &err));
        assert_memory_equal(codes + 7 * 3, other, 3);
        assert_memory_equal(vectors + 7 * dim, alone, (size_t)dim * sizeof *alone);
        for (int i = 0; i < DOCUMENTS; i++) {
            bool bits = codes[3 * i] || codes[3 * i + 1] || codes[3 * i + 2];
            assert_int_equal(empty[i], i % 5 == 0);
            if (empty[i]) assert_false(bits || vectors[i * dim] != 0);
            assert_int_equal(codes[3 * i + 2] >> 4, 0); /* 20 bits */
        }
        /* Training says of empty documents what inference does. */
        if (m->offset) m->offset[3] = 1;
        OK(syl_bpv_documents(m, codes, vectors, &err));
        for (int i = 0; i < DOCUMENTS; i++) {
            bool bits = codes[3 * i] || codes[3 * i + 1] || codes[3 * i + 2];
            assert_int_equal(i % 5 == 0, !bits && vectors[i * dim] == 0);
        }
        same_tables(m, again);
        free(vectors);
        free(alone);
        syl_bpv_free(m);
        syl_bpv_free(again);
    }
    free_corpus(&c);
}

/* Unknown items are passed over. */
static void unknown_items(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, false);
    syl_bpv_train_options o = small(SYL_BPV_BINARY_DBOW);
    syl_bpv *m = train(&c, &o);
    int32_t plain[3] = {1, 2, 3}, holes[6] = {-1, 1, 2, TOPICS * WORDS, 3, INT32_MAX},
            none[2] = {-1, -5};
    int64_t three[2] = {0, 3}, six[2] = {0, 6}, two[2] = {0, 2}, back[2] = {2, 1};
    float a[20], b[20];
    uint8_t empty, code[3];
    OK(syl_bpv_infer(m, plain, three, 1, NULL, NULL, a, &empty, &err));
    assert_int_equal(empty, 0);
    OK(syl_bpv_infer(m, holes, six, 1, NULL, NULL, b, NULL, &err));
    assert_memory_equal(a, b, sizeof a);
    OK(syl_bpv_infer(m, none, two, 1, NULL, code, b, &empty, &err));
    assert_int_equal(empty, 1);
    assert_true(code[0] == 0 && b[0] == 0);
    OK(syl_bpv_infer(m, none, two, 0, NULL, NULL, NULL, NULL, &err));
    assert_int_equal(syl_bpv_infer(m, none, back, 1, NULL, NULL, b, NULL, &err), SYL_EINVAL);
    syl_bpv_infer_options bad = syl_bpv_infer_defaults(m);
    bad.dropout = 2;
    assert_int_equal(syl_bpv_infer(m, plain, three, 1, &bad, NULL, a, NULL, &err), SYL_EINVAL);
    syl_bpv_free(m);
    free_corpus(&c);
}

/* The traps of the published recipe are options, and each of them does something. */
static void traps(void **state)
{
    corpus c;
    (void)state;
    make_corpus(&c, 1, false);
    syl_bpv_train_options o = syl_bpv_train_defaults(SYL_BPV_BINARY_DBOW, 64);
    assert_true(o.dropout > 0); /* a mask that inference keeps on */
    assert_true(o.shape.infer.dropout == o.dropout && !o.shape.infer.sigmoid);
    o = small(SYL_BPV_BINARY_DBOW);
    o.dropout = o.shape.infer.dropout = 0.7;
    o.shape.infer.sigmoid = 0;
    syl_bpv *m = train(&c, &o);
    float plain[20], other[20];
    syl_bpv_infer_options with = syl_bpv_infer_defaults(m);
    OK(syl_bpv_infer(m, c.d.items, c.d.begin, 1, &with, NULL, plain, NULL, &err));
    syl_bpv_infer_options without = with;
    without.dropout = 0;
    OK(syl_bpv_infer(m, c.d.items, c.d.begin, 1, &without, NULL, other, NULL, &err));
    assert_memory_not_equal(plain, other, sizeof plain);
    syl_bpv_infer_options sigmoid = without;
    sigmoid.sigmoid = 1;
    OK(syl_bpv_infer(m, c.d.items, c.d.begin, 1, &sigmoid, NULL, plain, NULL, &err));
    assert_memory_not_equal(plain, other, sizeof plain);
    syl_bpv_free(m);
    o.shape.sign = true;
    m = train(&c, &o);
    OK(syl_bpv_infer(m, c.d.items, c.d.begin, 1, &without, NULL, plain, NULL, &err));
    assert_memory_not_equal(plain, other, sizeof plain);
    syl_bpv_free(m);
    o = small(SYL_BPV_BINARY_DBOW);
    o.shape.loss = SYL_NEGATIVE_SAMPLING;
    m = train(&c, &o);
    syl_bpv_free(m);
    free_corpus(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_found),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(resumed_is_uninterrupted),
        cmocka_unit_test(state_of_too_many_rounds),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(two_ranks),
        cmocka_unit_test(files),
        cmocka_unit_test(one_item),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(documents_stand_alone),
        cmocka_unit_test(unknown_items),
        cmocka_unit_test(traps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
