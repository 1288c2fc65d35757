/* Options of the trainer: defaults, checks, memory. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "train/dsg/run.h"

syl_dsg_options syl_dsg_defaults(int senses)
{
    bool plain = senses == 1;
    return (syl_dsg_options){.dim = 100,
                             .senses = senses,
                             .window = 5,
                             .shrink = plain,
                             .shuffle = true,
                             .sample = plain ? 1e-3 : 0,
                             .loss = plain ? SYL_WINDOW_NEGATIVES : SYL_WINDOW_SOFTMAX,
                             .negative = plain ? 5 : 20,
                             .epochs = plain ? 5 : 8,
                             .alpha = plain ? 0.025f : 0.05f,
                             .last_rate = plain ? 1e-4f : 0.01f,
                             .choice_alpha = 0.4f,
                             .pretrain_choice_alpha = 0.01f,
                             .rule = SYL_ROW_SGD,
                             .momentum = {0.5f},
                             .temperature = 1,
                             .last_temperature = 1,
                             .anneal_epochs = 1,
                             .entropy = plain ? 0 : 0.1f,
                             .pretrain_entropy = -0.1f,
                             .prune = 0.05f,
                             .batch = 64,
                             .threads = 1,
                             .seed = 1,
                             .exchange_every = 8,
                             .checkpoint_seconds = 600};
}

/* The program's loss is a mean over 128 pairs, ours a sum. */
#define PUBLIC_BATCH 128

syl_dsg_options syl_dsg_public_schedule(int senses)
{
    static const float alpha[] = {0.1f, 0.05f, 0.01f, 0.005f, 0.001f};
    syl_dsg_options o = syl_dsg_defaults(senses);
    o.dim = 300;
    o.loss = SYL_WINDOW_SOFTMAX;
    o.negative = 64;
    o.log_uniform = o.pad = o.per_pair = o.share = o.gumbel = true;
    o.shrink = false;
    o.sample = 0;
    o.epochs = 3;
    o.pretrain_epochs = 1;
    o.rule = SYL_ROW_MOMENTUM;
    o.alpha = o.choice_alpha = o.pretrain_choice_alpha = 0.1f / PUBLIC_BATCH;
    o.last_rate = 0; /* of pretraining */
    o.choice_bias = 1;
    o.entropy = 0;
    o.scheduled = sizeof alpha / sizeof *alpha;
    for (int i = 0; i < o.scheduled; i++) {
        o.epoch_alpha[i] = alpha[i] / PUBLIC_BATCH;
        o.momentum[i] = 0.5f + 0.1f * (float)i;
    }
    o.last_temperature = 0.5f;
    o.batch = PUBLIC_BATCH / (2 * o.window);
    return o;
}

/* ---- checks -------------------------------------------------------------------------------------
 */

static syl_status whole(const char *name, int64_t value, int64_t least, int64_t most,
                        syl_error *err)
{
    if (value >= least && value <= most) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s is %lld; give %lld to %lld", name, (long long)value,
                    (long long)least, (long long)most);
}

static syl_status real(const char *name, double value, double least, double most, syl_error *err)
{
    if (value >= least && value <= most) return SYL_OK; /* not so for a NaN */
    return syl_fail(err, SYL_EINVAL, "%s is %g; give %g to %g", name, value, least, most);
}

static syl_status check_model(const syl_dsg_options *o, syl_error *err)
{
    SYL_TRY(whole("dim", o->dim, 1, o->device ? 1024 : 4096, err));
    SYL_TRY(whole("senses", o->senses, 1, SYL_MAX_SENSES, err));
    SYL_TRY(whole("window", o->window, 1, 1000, err));
    SYL_TRY(whole("negative", o->negative, o->loss == SYL_WINDOW_SOFTMAX, 10000, err));
    SYL_TRY(real("sample", o->sample, 0, 1, err));
    SYL_TRY(real("temperature", o->temperature, 1e-3, 1e3, err));
    SYL_TRY(real("last temperature", o->last_temperature, 1e-3, 1e3, err));
    SYL_TRY(real("anneal epochs", o->anneal_epochs, 0, SYL_DSG_MAX_EPOCHS, err));
    SYL_TRY(real("entropy", o->entropy, -1e3, 1e3, err));
    SYL_TRY(real("pretrain entropy", o->pretrain_entropy, -1e3, 1e3, err));
    return real("prune", o->prune, 0, 1, err);
}

static syl_status check_course(const syl_dsg_options *o, syl_error *err)
{
    SYL_TRY(whole("epochs", o->epochs, 1, SYL_DSG_MAX_EPOCHS, err));
    SYL_TRY(whole("pretrain epochs", o->pretrain_epochs, 0, SYL_DSG_MAX_EPOCHS, err));
    SYL_TRY(real("alpha", o->alpha, 0, 100, err));
    SYL_TRY(real("last rate", o->last_rate, 0, 1, err));
    SYL_TRY(real("choice alpha", o->choice_alpha, 0, 100, err));
    SYL_TRY(real("choice bias", o->choice_bias, 0, 100, err));
    SYL_TRY(real("pretrain choice alpha", o->pretrain_choice_alpha, 0, 100, err));
    SYL_TRY(whole("scheduled epochs", o->scheduled, 0, SYL_DSG_MAX_SCHEDULED, err));
    for (int i = 0; i < SYL_DSG_MAX_SCHEDULED; i++) {
        SYL_TRY(real("alpha of an epoch", o->epoch_alpha[i], 0, 100, err));
        SYL_TRY(real("momentum", o->momentum[i], 0, 0.9999, err));
    }
    SYL_TRY(whole("batch", o->batch, 1, 1 << 20, err));
    SYL_TRY(whole("threads", o->threads, 1, 1024, err));
    return whole("exchange every", o->exchange_every, 0, 1 << 20, err);
}

static syl_status check_corpus(const syl_dsg_corpus *c, const syl_dsg_options *o, syl_error *err)
{
    int64_t total = 0;
    if (c->words < 1 || c->words > INT32_MAX / o->senses)
        return syl_fail(err, SYL_EINVAL, "a vocabulary of %lld words with %d senses; give 1 to %d",
                        (long long)c->words, o->senses, INT32_MAX / o->senses);
    if (c->sentences < 1 || c->begin[c->sentences] < 2)
        return syl_fail(err, SYL_EINVAL,
                        "the corpus has fewer than two known words; give more text, or a smaller "
                        "min-count");
    if (o->pad && c->unknown < 0)
        return syl_fail(err, SYL_EINVAL,
                        "windows are to be filled up with the unknown word, which the vocabulary "
                        "has not; prepare it with one");
    for (int64_t i = 0; i < c->words; i++)
        total += c->counts[i];
    if (total < 1) return syl_fail(err, SYL_EINVAL, "the vocabulary's counts are all 0");
    return SYL_OK;
}

syl_status syl_dsg_check(const syl_dsg_corpus *corpus, const syl_dsg_options *o, syl_error *err)
{
    SYL_TRY(check_model(o, err));
    SYL_TRY(check_course(o, err));
    if (syl_dsg_is_plain(o) && o->rule != SYL_ROW_SGD)
        return syl_fail(err, SYL_EINVAL,
                        "plain skip-gram with negative sampling is trained by SGD; leave the rule "
                        "out, or use the sampled softmax");
    return check_corpus(corpus, o, err);
}

int64_t syl_dsg_bytes(const syl_dsg_options *o, int64_t words, int64_t sentences, int64_t longest)
{
    int64_t priors = words * o->senses * (int64_t)(sizeof(double) + sizeof(float));
    return syl_dsg_tables_bytes(o, words) + syl_dsg_windows_bytes(o, words, sentences, longest) +
           syl_dsg_batch_bytes(o) + priors;
}

/* ---- identity -----------------------------------------------------------------------------------
 */

/* Of what trains on what; not of threads and the device. */
static uint64_t corpus_hash(const syl_dsg_corpus *c)
{
    uint64_t hash = SYL_HASH_START;
    for (int64_t i = 0; i < c->begin[c->sentences]; i++)
        hash = (hash ^ (uint32_t)c->items[i]) * 0x100000001b3;
    for (int64_t i = 0; i <= c->sentences; i++)
        hash = (hash ^ (uint64_t)c->begin[i]) * 0x100000001b3;
    return hash;
}

static bool set_real(json_t *to, const char *key, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%.17g", value);
    return json_object_set_new(to, key, json_string(text)) == 0;
}

static bool set_schedule(json_t *to, const syl_dsg_options *o)
{
    char text[SYL_DSG_MAX_SCHEDULED * 32] = "";
    for (int i = 0; i < o->scheduled; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.9g %.9g ",
                 (double)o->epoch_alpha[i], (double)o->momentum[i]);
    return json_object_set_new(to, "schedule", json_string(text)) == 0;
}

char *syl_dsg_identity(const syl_dsg_corpus *c, const syl_dsg_options *o, int ranks)
{
    struct {
        const char *name;
        double value;
    } all[] = {{"words", (double)c->words},
               {"sentences", (double)c->sentences},
               {"dim", o->dim},
               {"senses", o->senses},
               {"window", o->window},
               {"shrink", o->shrink},
               {"shuffle", o->shuffle},
               {"sample", o->sample},
               {"loss", o->loss},
               {"negative", o->negative},
               {"log uniform", o->log_uniform},
               {"share", o->share},
               {"pad", o->pad},
               {"per pair", o->per_pair},
               {"epochs", o->epochs},
               {"pretrain epochs", o->pretrain_epochs},
               {"alpha", (double)o->alpha},
               {"last rate", (double)o->last_rate},
               {"choice alpha", (double)o->choice_alpha},
               {"choice bias", (double)o->choice_bias},
               {"pretrain choice alpha", (double)o->pretrain_choice_alpha},
               {"rule", o->rule},
               {"momentum", (double)o->momentum[0]},
               {"gumbel", o->gumbel},
               {"temperature", (double)o->temperature},
               {"last temperature", (double)o->last_temperature},
               {"anneal epochs", (double)o->anneal_epochs},
               {"entropy", (double)o->entropy},
               {"pretrain entropy", (double)o->pretrain_entropy},
               {"batch", o->batch},
               {"seed", (double)o->seed},
               {"ranks", ranks}};
    json_t *object = json_object();
    char hash[32], *text = NULL;
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)corpus_hash(c));
    bool good = object && json_object_set_new(object, "corpus", json_string(hash)) == 0 &&
                set_schedule(object, o);
    for (size_t i = 0; good && i < sizeof all / sizeof *all; i++)
        good = set_real(object, all[i].name, all[i].value);
    if (good) text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}
