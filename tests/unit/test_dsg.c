/* Disambiguated Skip-gram on small corpora: what it learns, and that a run is a function of seed
 * and options alone. */
#include "tests/golden/golden.h"

#include <unistd.h>

#include "lib/base/random.h"
#include "tests/dsg/planted.h"
#include "train/dsg/windows.h"

static syl_error err;
static const syl_ranks alone = {.count = 1};
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "dsg-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static syl_dsg_trainer *trained(const planted *p, const syl_dsg_options *o,
                                const syl_dsg_watch *watch)
{
    syl_dsg_trainer *t;
    ok(syl_dsg_trainer_create(&t, &p->corpus, o, &alone, &err));
    ok(syl_dsg_trainer_run(t, watch, &err));
    return t;
}

/* A corpus of some thousand words, for what needs no meaning. */
static planted tiny(void)
{
    planted_rules rules = {6000, 4, 20, 20, 4, 9};
    return planted_make(&rules);
}

static syl_dsg_options tiny_options(int senses)
{
    syl_dsg_options o = syl_dsg_defaults(senses);
    o.dim = 20;
    o.window = 3;
    o.negative = 6;
    o.epochs = 2;
    o.batch = 16;
    return o;
}

static void same_floats(const float *a, const float *b, int64_t n)
{
    assert_memory_equal(a, b, (size_t)n * sizeof *a);
}

static void same_results(const syl_dsg_trainer *a, const syl_dsg_trainer *b)
{
    syl_dsg_result x = syl_dsg_trainer_result(a), y = syl_dsg_trainer_result(b);
    same_floats(x.sense, y.sense, x.words * x.senses * x.stride);
    same_floats(x.output, y.output, x.words * x.stride);
    if (x.output_bias) same_floats(x.output_bias, y.output_bias, x.words);
    if (x.choice) same_floats(x.choice, y.choice, x.words * x.senses * x.stride);
    same_floats(x.priors, y.priors, x.words * x.senses);
}

/* ---- senses -----------------------------------------------------------------------------------
 */

/* Three seeds are in the bench (tests/bench/planted_senses.c), on the large corpus. */
static void planted_senses(void **state)
{
    (void)state;
    planted_rules rules = planted_small();
    planted p = planted_make(&rules);
    for (int gumbel = 0; gumbel < 2; gumbel++) {
        syl_dsg_options o = syl_dsg_defaults(3);
        o.dim = 32;
        o.epochs = 24;
        o.gumbel = gumbel;
        if (gumbel) o.last_temperature = 0.5f;
        syl_dsg_trainer *t = trained(&p, &o, NULL);
        syl_dsg_result r = syl_dsg_trainer_result(t);
        planted_score s = planted_evaluate(&p, &r, o.window, o.prune, false);
        print_message(
            "gumbel %d: ARI %.3f (network %.3f), %.2f senses a word, %.2f a pseudo-word\n", gumbel,
            s.cosine, s.network, s.senses, s.pseudo_senses);
        assert_true(s.cosine >= (gumbel ? 0.85 : 0.9));
        assert_true(s.network >= (gumbel ? 0.85 : 0.9));
        assert_true(s.pseudo_senses > s.senses); /* ambiguous words are told from others */
        syl_dsg_trainer_free(t);
    }
    planted_free(&p);
}

/* More lambda, fewer senses; much of it leaves one. */
static void entropy(void **state)
{
    static const float lambda[] = {0, 0.1f, 0.5f, 10};
    double h[4], senses[4];
    (void)state;
    planted_rules rules = planted_small();
    rules.tokens = 60000;
    planted p = planted_make(&rules);
    for (int i = 0; i < 4; i++) {
        syl_dsg_options o = syl_dsg_defaults(3);
        o.dim = 24;
        o.epochs = 8;
        o.entropy = lambda[i];
        syl_dsg_trainer *t = trained(&p, &o, NULL);
        syl_dsg_result r = syl_dsg_trainer_result(t);
        planted_score s = planted_evaluate(&p, &r, o.window, o.prune, false);
        h[i] = r.entropy, senses[i] = s.senses;
        print_message("lambda %g: H %.4f, %.3f senses a word\n", (double)lambda[i], h[i],
                      senses[i]);
        syl_dsg_trainer_free(t);
    }
    for (int i = 1; i < 4; i++) {
        assert_true(h[i] < h[i - 1]);
        assert_true(senses[i] < senses[i - 1]);
    }
    assert_true(h[3] < 1e-3 && senses[3] < 1.001);
    planted_free(&p);
}

typedef struct watched {
    double entropy; /* at the end of pretraining */
} watched;

static bool keep_entropy(void *user, const syl_dsg_report *r)
{
    if (r->pretraining) ((watched *)user)->entropy = r->entropy;
    return true;
}

/* Rewarded entropy keeps all senses alive while the network is shared. */
static void pretraining(void **state)
{
    (void)state;
    planted p = tiny();
    syl_dsg_options o = tiny_options(4);
    o.pretrain_epochs = 2;
    o.pretrain_entropy = -3;
    watched w = {0};
    syl_dsg_watch watch = {&w, keep_entropy};
    syl_dsg_trainer *t = trained(&p, &o, &watch);
    assert_true(fabs(w.entropy - log(4)) < 0.02);
    syl_dsg_trainer_free(t);
    planted_free(&p);
}

/* The public schedule in small: pairs, UNKNOWN around windows, momentum, noise. */
static void public_schedule(void **state)
{
    (void)state;
    planted p = tiny();
    syl_dsg_options o = syl_dsg_public_schedule(3);
    p.corpus.unknown = (int32_t)p.corpus.words - 1;
    o.dim = 12;
    o.window = 2;
    o.negative = 10;
    syl_dsg_trainer *a = trained(&p, &o, NULL);
    o.threads = 2;
    syl_dsg_trainer *b = trained(&p, &o, NULL);
    same_results(a, b);
    syl_dsg_trainer_free(a), syl_dsg_trainer_free(b);
    planted_free(&p);
}

/* ---- runs
 * ---------------------------------------------------------------------------------------- */

static syl_dsg_options kind_of(int kind)
{
    syl_dsg_options o = tiny_options(kind == 0 ? 1 : 3);
    if (kind == 2) {
        o.pretrain_epochs = 1;
        o.gumbel = true;
        o.rule = SYL_ROW_ADAGRAD;
        o.sample = 1e-2;
    }
    if (kind == 3) {
        o.per_pair = true;
        o.rule = SYL_ROW_MOMENTUM;
    }
    return o;
}

static void threads(void **state)
{
    (void)state;
    planted p = tiny();
    for (int kind = 0; kind < 4; kind++) {
        syl_dsg_options o = kind_of(kind);
        syl_dsg_trainer *one = trained(&p, &o, NULL);
        o.threads = 3;
        syl_dsg_trainer *three = trained(&p, &o, NULL);
        same_results(one, three);
        o.seed = 2;
        syl_dsg_trainer *other = trained(&p, &o, NULL);
        syl_dsg_result x = syl_dsg_trainer_result(one), y = syl_dsg_trainer_result(other);
        assert_memory_not_equal(x.sense, y.sense, (size_t)x.stride * sizeof(float));
        syl_dsg_trainer_free(one), syl_dsg_trainer_free(three), syl_dsg_trainer_free(other);
    }
    planted_free(&p);
}

static bool stop_soon(void *user, const syl_dsg_report *r)
{
    (void)r;
    return --*(int *)user > 0;
}

/* Stopped after each few blocks, gone on with anew: as if it had not been. */
static void resume(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/state", folder);
    planted_rules rules = {40000, 4, 20, 20, 4, 9}; /* three blocks an epoch */
    planted p = planted_make(&rules);
    for (int kind = 0; kind < 3; kind++) {
        syl_dsg_options o = kind_of(kind);
        syl_dsg_trainer *whole = trained(&p, &o, NULL), *t = NULL;
        o.checkpoint = path;
        o.resume = true;
        syl_status status = SYL_ECANCELLED;
        int turns = 0;
        while (status == SYL_ECANCELLED) {
            int left = 2;
            syl_dsg_watch watch = {&left, stop_soon};
            ok(syl_dsg_trainer_create(&t, &p.corpus, &o, &alone, &err));
            status = syl_dsg_trainer_run(t, &watch, &err);
            if (status == SYL_ECANCELLED) syl_dsg_trainer_free(t);
            turns++;
        }
        ok(status);
        assert_true(turns > 2);
        same_results(whole, t);
        o.alpha *= 2;
        syl_dsg_trainer *changed;
        ok(syl_dsg_trainer_create(&changed, &p.corpus, &o, &alone, &err));
        assert_int_equal(syl_dsg_trainer_run(changed, NULL, &err), SYL_EINVAL);
        assert_non_null(strstr(err.message, "alpha"));
        syl_dsg_trainer_free(changed), syl_dsg_trainer_free(t), syl_dsg_trainer_free(whole);
        assert_int_equal(unlink(path), 0);
    }
    planted_free(&p);
}

/* Each epoch has all sentences once, in an order of its own, in blocks that are not too long. */
static void order(void **state)
{
    (void)state;
    planted_rules rules = {40000, 4, 20, 20, 4, 9};
    planted p = planted_make(&rules);
    int64_t n = p.corpus.sentences, moved = 0;
    int64_t *first = calloc((size_t)n, sizeof *first);
    uint8_t *seen = calloc((size_t)n, 1);
    syl_dsg_options o = tiny_options(3);
    syl_dsg_windows w;
    ok(syl_dsg_windows_create(&w, &p.corpus, &o, &err));
    for (int epoch = 0; epoch < 2; epoch++) {
        int64_t words = 0;
        ok(syl_dsg_windows_begin(&w, (uint64_t)epoch << 42, &err));
        assert_int_equal(w.begin[0], 0);
        assert_int_equal(w.begin[w.blocks], n);
        for (int64_t b = 0; b < w.blocks; b++) {
            words += syl_dsg_windows_words(&w, b);
            assert_in_range(syl_dsg_windows_words(&w, b), 1, w.most);
            syl_dsg_windows_make(&w, b, epoch, (uint64_t)epoch << 42 | (uint64_t)b << 2);
            assert_int_equal(w.count, syl_dsg_windows_words(&w, b));
            assert_int_equal(w.sentence[0], w.order[w.begin[b]]);
            assert_int_equal(w.centre[0], p.items[p.begin[w.sentence[0]]]);
        }
        assert_int_equal(words, p.begin[n]);
        for (int64_t i = 0; i < n; i++) {
            if (epoch == 0) first[i] = w.order[i];
            seen[w.order[i]]++;
            moved += w.order[i] != i && (epoch == 0 || w.order[i] != first[i]);
        }
    }
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(seen[i], 2);
    assert_true(moved > 2 * n - 40);
    o.shuffle = false;
    ok(syl_dsg_windows_begin(&w, 0, &err));
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(w.order[i], i);
    syl_dsg_windows_free(&w);
    free(first), free(seen);
    planted_free(&p);
}

/* ---- trouble
 * --------------------------------------------------------------------------------------- */

static void not_finite(void **state)
{
    (void)state;
    planted p = tiny();
    syl_dsg_options o = tiny_options(3);
    syl_dsg_trainer *t;
    o.alpha = 90;
    o.choice_alpha = 90;
    o.rule = SYL_ROW_SGD;
    ok(syl_dsg_trainer_create(&t, &p.corpus, &o, &alone, &err));
    assert_int_equal(syl_dsg_trainer_run(t, NULL, &err), SYL_ECOMPUTE);
    assert_non_null(strstr(err.message, "epoch 1"));
    assert_non_null(strstr(err.message, "sentence "));
    syl_dsg_trainer_free(t);
    planted_free(&p);
}

static void refuse(const planted *p, syl_dsg_options o, const char *what)
{
    syl_dsg_trainer *t = NULL;
    assert_int_equal(syl_dsg_trainer_create(&t, &p->corpus, &o, &alone, &err), SYL_EINVAL);
    assert_null(t);
    if (!strstr(err.message, what)) fail_msg("'%s' does not name '%s'", err.message, what);
}

#define REFUSE(field, value, what)             \
    do {                                       \
        syl_dsg_options bad = tiny_options(3); \
        bad.field = value;                     \
        refuse(&p, bad, what);                 \
    } while (0)

static void bad_options(void **state)
{
    (void)state;
    planted p = tiny();
    REFUSE(dim, 0, "dim");
    REFUSE(senses, SYL_MAX_SENSES + 1, "senses");
    REFUSE(window, 0, "window");
    REFUSE(negative, 0, "negative");
    REFUSE(epochs, 0, "epochs");
    REFUSE(alpha, NAN, "alpha");
    REFUSE(temperature, 0, "temperature");
    REFUSE(batch, 0, "batch");
    REFUSE(threads, 0, "threads");
    REFUSE(pad, true, "unknown");
    REFUSE(momentum[0], 1, "momentum");
    syl_dsg_options plain = tiny_options(1);
    plain.share = true;
    refuse(&p, plain, "plain skip-gram");
    plain.share = false;
    plain.pad = true;
    refuse(&p, plain, "plain skip-gram");
    p.corpus.sentences = 0;
    REFUSE(dim, 10, "fewer than two known words");
    planted_free(&p);
}

/* ---- memory
 * ----------------------------------------------------------------------------------------- */

/* A vocabulary of so many words, all of one count. */
static syl_vocabulary *vocabulary_of(int64_t words)
{
    syl_vocabulary *v;
    size_t size = 0;
    char *text = calloc((size_t)words, 24);
    for (int64_t i = 0; i < words; i++)
        size += (size_t)snprintf(text + size, 24, "w%09lld\t1\n", (long long)i);
    ok(syl_vocabulary_parse(&v, text, size, "a test", &err));
    free(text);
    return v;
}

/* Element by element what the trainer shows of another run. Rows are padded (dim 20) and not (16).
 */
static void take(void **state)
{
    (void)state;
    syl_text_options text = syl_text_defaults();
    for (int kind = 0; kind < 4; kind++) {
        planted p = tiny();
        syl_dsg_options o = tiny_options(kind == 3 ? 1 : 3);
        syl_dsg_model *m;
        o.dim = kind == 1 ? 16 : 20;
        if (kind == 2) o.loss = SYL_WINDOW_NEGATIVES, o.rule = SYL_ROW_ADAGRAD;
        syl_dsg_trainer *kept = trained(&p, &o, NULL), *taken = trained(&p, &o, NULL);
        syl_dsg_result r = syl_dsg_trainer_result(kept);
        ok(syl_dsg_trainer_take(taken, vocabulary_of(r.words), &text, &m, &err));
        syl_dsg_trainer_free(taken);
        for (int64_t w = 0; w < r.words; w++) {
            same_floats(m->output_vectors + w * r.dim, r.output + w * r.stride, r.dim);
            assert_true(m->output_bias[w] == (r.output_bias ? r.output_bias[w] : 0));
        }
        for (int64_t i = 0; i < r.words * r.senses; i++) {
            int64_t w = i / r.senses, k = i % r.senses;
            same_floats(m->sense_vectors + i * r.dim, r.sense + i * r.stride, r.dim);
            for (int d = 0; r.choice && d < r.dim; d++)
                assert_true(m->network[(w * r.dim + d) * r.senses + k] ==
                            r.choice[i * r.stride + d]);
        }
        same_floats(m->priors, r.priors, r.words * r.senses);
        assert_true((m->network != NULL) == (r.senses > 1));
        if (m->network) same_floats(m->network_bias, r.choice_bias, r.words * r.senses);
        syl_dsg_model_free(m);
        assert_int_equal(syl_dsg_trainer_take(kept, vocabulary_of(r.words + 1), &text, &m, &err),
                         SYL_EINVAL);
        syl_dsg_trainer_free(kept);
        planted_free(&p);
    }
}

static int64_t resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* What syl_dsg_bytes says is what a trainer takes. */
static void memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    int64_t words = 30000;
    planted p = tiny();
    int64_t *counts = calloc((size_t)words, sizeof *counts);
    assert_non_null(counts);
    for (int64_t i = 0; i < words; i++)
        counts[i] = 1 + words / (i + 1);
    p.corpus.counts = counts;
    p.corpus.words = words;
    for (int kind = 0; kind < 3; kind++) {
        syl_dsg_options o = syl_dsg_defaults(kind == 0 ? 1 : 5);
        o.dim = 100;
        o.epochs = 1;
        if (kind == 2) o.rule = SYL_ROW_ADAGRAD;
        int64_t before = resident(), want = syl_dsg_bytes(&o, words, p.corpus.sentences, 30);
        if (before == 0) skip();
        syl_dsg_trainer *t = trained(&p, &o, NULL);
        int64_t got = resident() - before;
        print_message("predicted %.1f MB, resident %.1f MB\n", (double)want / 1e6,
                      (double)got / 1e6);
        assert_true(llabs(got - want) < want / 20 + 2000000);
        syl_dsg_trainer_free(t);
    }
    free(counts);
    planted_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_senses), cmocka_unit_test(entropy),
        cmocka_unit_test(pretraining),    cmocka_unit_test(public_schedule),
        cmocka_unit_test(threads),        cmocka_unit_test(resume),
        cmocka_unit_test(order),          cmocka_unit_test(not_finite),
        cmocka_unit_test(bad_options),    cmocka_unit_test(take),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
