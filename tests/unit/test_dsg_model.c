/* The file of a model of senses: it comes back as it was, and hostile ones are refused. */
#include "tests/unit/dsg_fixture.h"

#include <unistd.h>

#include "embed/sense_vectors.h"

#define FILE_NAME "test_dsg_model.tmp"

static void same_floats(const float *a, const float *b, size_t n)
{
    assert_true(!a == !b);
    if (a) assert_memory_equal(a, b, n * sizeof *a);
}

static void round_trip(int words, int senses, int dim, bool network, bool training)
{
    syl_dsg_model *m = dsg_fixture_of_size(words, senses, dim, network), *again;
    syl_error err;
    if (training) m->training = json_pack("{s:i, s:f}", "epochs", 3, "rate", 0.025);
    if (syl_dsg_model_save(m, FILE_NAME, &err)) fail_msg("%s", err.message);
    if (syl_dsg_model_load(&again, FILE_NAME, &err)) fail_msg("%s", err.message);
    size_t v = (size_t)words, k = (size_t)senses, d = (size_t)dim;
    assert_true(again->words == words && again->senses == senses && again->dim == dim);
    assert_int_equal(again->unknown, 0);
    same_floats(m->sense_vectors, again->sense_vectors, v * k * d);
    same_floats(m->output_vectors, again->output_vectors, v * d);
    same_floats(m->output_bias, again->output_bias, v);
    same_floats(m->priors, again->priors, v * k);
    same_floats(m->network, again->network, v * d * k);
    same_floats(m->network_bias, again->network_bias, v * k);
    assert_true(!m->network == !network);
    assert_true(training ? json_equal(m->training, again->training) : !again->training);
    for (int w = 0; w < words; w++) {
        assert_string_equal(syl_vocabulary_word(m->vocabulary, w),
                            syl_vocabulary_word(again->vocabulary, w));
        assert_true(syl_vocabulary_counts(m->vocabulary)[w] ==
                    syl_vocabulary_counts(again->vocabulary)[w]);
    }
    assert_true(again->text.expand_it && again->text.pattern == SYL_WORDS_TOKENS);
    syl_dsg_model_free(again);
    syl_dsg_model_free(m);
    unlink(FILE_NAME);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip(1, 1, 1, false, false);
    round_trip(33, 3, 17, true, true);
    round_trip(100, 5, 31, false, true);
}

static void test_create(void **state)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN Bank bank river", 2, 4, true), *none;
    syl_text_options text = syl_text_defaults();
    syl_vocabulary *vocabulary;
    syl_error err;
    (void)state;
    assert_int_equal(syl_dsg_find_word(m, "Bank", 4), 1);
    assert_int_equal(syl_dsg_find_word(m, "BANK", 4), 2);
    assert_int_equal(syl_dsg_find_word(m, "banks", 5), -1);
    assert_int_equal(syl_dsg_find_word(m, "riverx", 5), 3);
    /* 4 words: E 4*2*4, O 4*4, ob 4, priors 4*2, A 4*4*2, a0 4*2 */
    assert_int_equal(syl_dsg_model_bytes(4, 2, 4, true), 4 * (32 + 16 + 4 + 8 + 32 + 8));
    assert_int_equal(syl_dsg_model_bytes(4, 2, 4, false), 4 * (32 + 16 + 4 + 8));
    assert_true(syl_dsg_model_bytes(4, 0, 4, true) == SIZE_MAX);
    syl_dsg_model_free(m);
    static const int wrong[][2] = {{0, 4}, {SYL_DSG_MAX_SENSES + 1, 4}, {2, 0}, {2, -1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(syl_vocabulary_parse(&vocabulary, "a\t1\n", 4, "v", &err), SYL_OK);
        assert_int_equal(
            syl_dsg_model_create(&none, vocabulary, &text, wrong[i][0], wrong[i][1], true, &err),
            SYL_EINVAL);
        assert_null(none);
    }
    /* Without UNKNOWN in the text's preparation the word is one as any. */
    assert_int_equal(syl_vocabulary_parse(&vocabulary, "UNKNOWN\t1\n", 10, "v", &err), SYL_OK);
    assert_int_equal(syl_dsg_model_create(&m, vocabulary, &text, 1, 1, false, &err), SYL_OK);
    assert_int_equal(m->unknown, -1);
    syl_dsg_model_free(m);
}

/* ---- hostile files ---------------------------------------------------------------------- */

static char *read_file(size_t *size)
{
    FILE *f = fopen(FILE_NAME, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *data = malloc(*size + 1);
    assert_int_equal(fread(data, 1, *size, f), *size);
    fclose(f);
    unlink(FILE_NAME);
    return data;
}

static syl_status parse(const char *data, size_t size, syl_error *err)
{
    syl_dsg_model *m;
    char *exact = malloc(size ? size : 1); /* so that reading past it is seen */
    memcpy(exact, data, size);
    syl_status status = syl_dsg_model_parse(&m, exact, size, "input", err);
    free(exact);
    if (!status) syl_dsg_model_free(m);
    return status;
}

static void test_cut_off(void **state)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN aa bb cc", 2, 3, true);
    syl_error err;
    size_t size;
    (void)state;
    assert_int_equal(syl_dsg_model_save(m, FILE_NAME, &err), SYL_OK);
    syl_dsg_model_free(m);
    char *data = read_file(&size);
    assert_int_equal(parse(data, size, &err), SYL_OK);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(parse(data, cut, &err), SYL_EFORMAT);
    /* Any byte of the header changed: an error or a model, never a crash. */
    for (size_t i = 0; i < size; i++) {
        char kept = data[i];
        data[i] = (char)(kept ^ 1);
        parse(data, size, &err);
        data[i] = kept;
    }
    free(data);
}

/* Saves a good model with one thing changed by `spoil`, which must be refused with `word` in the
 * message. */
static void refuse(void (*spoil)(syl_dsg_model *m), const char *word)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN aa bb cc", 2, 3, true);
    syl_error err;
    size_t size;
    spoil(m);
    assert_int_equal(syl_dsg_model_save(m, FILE_NAME, &err), SYL_OK);
    syl_dsg_model_free(m);
    char *data = read_file(&size);
    assert_int_equal(parse(data, size, &err), SYL_EFORMAT);
    if (!strstr(err.message, word)) fail_msg("no %s in: %s", word, err.message);
    free(data);
}

static void not_finite(syl_dsg_model *m)
{
    m->sense_vectors[5] = NAN;
}

static void negative_prior(syl_dsg_model *m)
{
    m->priors[2] = -0.5f;
    m->priors[3] = 1.5f;
}

static void prior_sum(syl_dsg_model *m)
{
    m->priors[2] = m->priors[3] = 0.6f;
}

static void fewer_dimensions(syl_dsg_model *m)
{
    m->dim = 2;
    m->words = 3;
}

static void test_bad_values(void **state)
{
    (void)state;
    refuse(not_finite, "sense_vectors");
    refuse(negative_prior, "priors");
    refuse(prior_sum, "priors");
    refuse(fewer_dimensions, "does not fit");
}

/* Files of tensors that are no models. */
static void test_other_tensors(void **state)
{
    static float numbers[64];
    static const char *const formats[] = {NULL, "other", SYL_DSG_FORMAT};
    syl_st_tensor tensors[] = {
        {"priors", SYL_F32, 2, {2, 1}, numbers, 2},
        {"sense_vectors", SYL_F32, 2, {2, 3}, numbers, 6},
        {"output_vectors", SYL_F32, 2, {2, 3}, numbers, 6},
        {"output_bias", SYL_F32, 1, {2}, numbers, 2},
        {"vocabulary", SYL_S8, 1, {8}, "a\t2\nb\t1\n", 8},
    };
    syl_error err;
    size_t size;
    (void)state;
    numbers[0] = numbers[1] = 1;
    for (size_t n = 0; n <= 5; n++)
        for (size_t f = 0; f < 3; f++) {
            json_t *metadata = json_object();
            if (formats[f]) json_object_set_new(metadata, "format", json_string(formats[f]));
            assert_int_equal(syl_safetensors_write(FILE_NAME, tensors, n, metadata, &err), SYL_OK);
            json_decref(metadata);
            char *data = read_file(&size);
            assert_int_equal(parse(data, size, &err), SYL_EFORMAT); /* at last for want of "text" */
            free(data);
        }
    assert_non_null(strstr(err.message, "text"));
    syl_dsg_model *m;
    assert_int_equal(syl_dsg_model_load(&m, "no such file", &err), SYL_EIO);
}

/* ---- word vectors ----------------------------------------------------------------------- */

static int32_t id_of(const syl_dsg_model *m, const char *word)
{
    return syl_vocabulary_find(m->vocabulary, word, strlen(word));
}

/* Written and read again, every sense that was left is where it was, and nothing else. */
static void test_export(void **state)
{
    syl_dsg_model *m = dsg_fixture_of_size(70, 4, 11, false), *again;
    syl_senses *s, *t;
    syl_error err;
    (void)state;
    assert_int_equal(syl_senses_create(&s, m, SYL_PRUNE_PRIOR, 1, &err), SYL_OK);
    for (int format = 0; format < 2; format++) {
        syl_word_vectors v;
        int64_t count, total;
        if (syl_sense_vectors_write(s, FILE_NAME, (syl_vector_format)format, &err))
            fail_msg("%s", err.message);
        if (syl_word_vectors_read(&v, FILE_NAME, SYL_VECTORS_DETECT, &err))
            fail_msg("%s", err.message);
        unlink(FILE_NAME);
        if (syl_sense_vectors_model(&again, &v, true, &m->text, &err)) fail_msg("%s", err.message);
        syl_word_vectors_free(&v);
        assert_true(again->words == 69 && id_of(again, "UNKNOWN") < 0);
        assert_int_equal(syl_senses_create(&t, again, SYL_PRUNE_PRIOR, 1, &err), SYL_OK);
        const syl_sense *all = syl_senses_all(s, &count);
        syl_senses_all(t, &total);
        int64_t of_unknown = 0;
        for (int64_t i = 0; i < count; i++) {
            int own;
            if (all[i].word == m->unknown) {
                of_unknown++;
                continue;
            }
            int32_t id = id_of(again, syl_vocabulary_word(m->vocabulary, all[i].word));
            assert_true(id >= 0 && (i == 0 || id == all[i].word - 1)); /* the order is kept */
            syl_senses_of(s, all[i].word, &own);
            assert_memory_equal(syl_dsg_sense_vector(m, all[i].word, all[i].sense),
                                syl_dsg_sense_vector(again, id, own == 1 ? 0 : all[i].sense),
                                11 * sizeof(float));
        }
        assert_int_equal(total, count - of_unknown);
        syl_senses_free(t);
        syl_dsg_model_free(again);
    }
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

static void test_import(void **state)
{
    static const char text[] = "8 1\nbank#2 1\nc# 2\nbank 3\n#1 4\nbank#1 5\nx#0 6\nx#257 7\n"
                               "bank#2 8\n";
    syl_text_options options = syl_text_defaults();
    syl_word_vectors v;
    syl_dsg_model *m;
    syl_error err;
    (void)state;
    assert_int_equal(
        syl_word_vectors_parse(&v, text, sizeof text - 1, "input", SYL_VECTORS_TEXT, &err), SYL_OK);
    if (syl_sense_vectors_model(&m, &v, true, &options, &err)) fail_msg("%s", err.message);
    assert_true(m->words == 5 && m->senses == 2);
    static const char *const words[] = {"bank", "c#", "#1", "x#0", "x#257"};
    static const float values[] = {3, 1, 2, 0, 4, 0, 6, 0, 7, 0};
    for (int w = 0; w < 5; w++) {
        assert_int_equal(id_of(m, words[w]), w);
        for (int k = 0; k < 2; k++) {
            assert_true(m->sense_vectors[2 * w + k] == values[2 * w + k]);
            assert_true(m->priors[2 * w + k] == (w == 0 ? 0.5f : (float)(k == 0)));
        }
    }
    syl_dsg_model_free(m);
    if (syl_sense_vectors_model(&m, &v, false, &options, &err)) fail_msg("%s", err.message);
    assert_true(m->words == 7 && m->senses == 1 && id_of(m, "bank#2") == 0);
    assert_true(m->sense_vectors[0] == 1);
    syl_dsg_model_free(m);
    syl_word_vectors_free(&v);
    assert_int_equal(syl_word_vectors_parse(&v, "0 1\n", 4, "input", SYL_VECTORS_TEXT, &err),
                     SYL_OK);
    assert_int_equal(syl_sense_vectors_model(&m, &v, true, &options, &err), SYL_EFORMAT);
    syl_word_vectors_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_create),
        cmocka_unit_test(test_cut_off),       cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_other_tensors), cmocka_unit_test(test_export),
        cmocka_unit_test(test_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
