/* Training of Disambiguated Skip-gram (Grzegorczyk and Kurdziel 2018): K vectors for each word, of
 * which the context chooses; with one sense plain skip-gram (Mikolov et al. 2013).
 *
 *     syl_dsg_options o = syl_dsg_defaults(5);        // five senses; 1: plain skip-gram
 *     syl_dsg_corpus c = {.items = d.items, .begin = d.begin, .sentences = d.count,
 *                         .counts = counts, .words = words, .unknown = -1};
 *     syl_dsg_trainer *t;
 *     syl_dsg_trainer_create(&t, &c, &o, &ranks, &err);
 *     syl_dsg_trainer_run(t, &watch, &err);
 *     syl_dsg_result r = syl_dsg_trainer_result(t);   // borrowed: vectors and priors
 *     syl_dsg_trainer_free(t);
 *
 * Results depend on the seed, the options and the number of ranks alone, not on the number of
 * threads; a resumed run ends with the very bits of one that was not interrupted. */
#ifndef SYL_TRAIN_DSG_TRAINER_H
#define SYL_TRAIN_DSG_TRAINER_H

#include "embed/dsg_model.h"
#include "lib/compute/skipgram.h"
#include "train/course.h"

/* Sentences as numbers; all borrowed for the trainer's life. Windows end at sentences' ends. */
typedef struct syl_dsg_corpus {
    const int32_t *items; /* [begin[sentences]] ids of words, 0 ... words - 1 */
    const int64_t *begin; /* [sentences + 1] */
    int64_t sentences;
    const int64_t *counts; /* [words] in the corpus; for subsampling and negatives */
    int64_t words;         /* size of the vocabulary */
    int32_t unknown;       /* id of the item that stands for all other words, or -1. It is never a
                              target; as a centre it is trained in senses, not in plain skip-gram */
} syl_dsg_corpus;

#define SYL_DSG_MAX_EPOCHS 1000
#define SYL_DSG_MAX_SCHEDULED 64

typedef struct syl_dsg_options {
    int dim;    /* of a vector, 1 ... 4096 (100) */
    int senses; /* K, 1 ... SYL_MAX_SENSES */
    int window; /* words to each side (5) */
    bool
        shrink; /* each window has a random width from 1 to `window`, as word2vec's (plain: true) */
    bool shuffle;  /* a new order of the sentences for each epoch: what stands together in a text
                      (a collection sorted by subject) would train all senses for the subject at
                      hand (true) */
    double sample; /* subsampling threshold as word2vec's -sample, 0: none (plain: 1e-3) */
    syl_window_loss loss; /* plain: SYL_WINDOW_NEGATIVES, senses: SYL_WINDOW_SOFTMAX */
    int negative;         /* negatives of a window (plain: 5, senses: 20) */
    bool log_uniform;     /* negatives by rank of frequency; else by count^0.75 (false) */
    bool share;           /* all of a batch share negatives; else each window has its own (false) */
    bool pad;      /* c is a mean over 2 window slots, of which missing ones are UNKNOWN, as in
                      the authors' program; needs an unknown word (false) */
    bool per_pair; /* senses are sampled anew for each target, as in the authors' program,
                      where all of a batch share negatives: ten times the work (false) */
    int epochs;    /* (plain: 5, senses: 8) */
    int pretrain_epochs; /* before them, with one shared sense network and lambda
                            pretrain_entropy, without noise; it hurts small corpora (0) */
    float alpha;         /* learning rate (plain: 0.025, senses: 0.05) */
    float last_rate;    /* what it falls to linearly, as a part of it (plain: 1e-4, senses: 0.01) */
    float choice_alpha; /* that of the sense network, falling alike (0.4) */
    float choice_bias;  /* that of its biases, as a part of that (0: they stay 0), at least
                           `entropy`, up to 1. They learn priors; what they learn before contexts
                           tell anything ends all senses of many words but one. */
    float pretrain_choice_alpha; /* that of the shared network, which every window changes (0.01) */
    syl_row_rule rule; /* SGD; MOMENTUM as the authors' program, ADAGRAD (plain: SGD only) */
    /* Epoch e has alpha[e] throughout and momentum[e]; the last ones stand for all further epochs.
     * choice_alpha is scaled by the same factor. scheduled 0: linear (0). */
    int scheduled;
    float epoch_alpha[SYL_DSG_MAX_SCHEDULED];
    float momentum[SYL_DSG_MAX_SCHEDULED]; /* also without a schedule: momentum[0] (0.5) */
    bool gumbel;                           /* noise in the choice of senses (false) */
    float temperature, last_temperature;   /* of the choice (1, 1); the paper's noise: 1, 0.5 */
    float anneal_epochs;                   /* falls linearly over so many epochs (1) */
    float entropy;          /* lambda for each pair: above 0 fewer senses (plain: 0, senses: 0.1) */
    float pretrain_entropy; /* (-0.1) */
    float prune;            /* senses of less prior are none (0.05) */
    int batch;   /* windows whose gradients are of the same values, at most (64): a batch ends
                    before a ninth window of one centre, since what many windows change at once
                    overshoots; with senses its windows are from all over a block */
    int threads; /* (1) */
    syl_device *device; /* NULL: the CPU */
    uint64_t seed;      /* (1) */
    int exchange_every; /* blocks of 16384 words after which ranks take the mean of their tables;
                           0: at the end of an epoch (8) */
    const char *checkpoint;    /* file of the state of a run, or NULL */
    bool resume;               /* from that file, if it is there */
    double checkpoint_seconds; /* between two of them; always at the end of an epoch (600) */
} syl_dsg_options;

/* What is good for so many senses. */
syl_dsg_options syl_dsg_defaults(int senses);
/* The authors' public schedule: one epoch of pretraining, three of training by momentum, noise,
 * pairs, 64 log-uniform negatives for each batch of 128 pairs. */
syl_dsg_options syl_dsg_public_schedule(int senses);

/* Bytes of the host's memory that a trainer holds beside the corpus: tables, what the optimiser
 * keeps, batches. longest: items of the longest sentence. */
int64_t syl_dsg_bytes(const syl_dsg_options *options, int64_t words, int64_t sentences,
                      int64_t longest);

/* How far a run is. */
typedef struct syl_dsg_report {
    const syl_course_progress
        *course; /* epochs (those of pretraining count), speed, loss of a pair */
    bool pretraining;
    double entropy;           /* mean H(p) of the last block's windows */
    float alpha, temperature; /* at its end */
} syl_dsg_report;

typedef struct syl_dsg_watch {
    void *user;
    /* On rank 0, many times an epoch; false: write the checkpoint and return SYL_ECANCELLED. */
    bool (*report)(void *user, const syl_dsg_report *report);
} syl_dsg_watch;

typedef struct syl_dsg_trainer syl_dsg_trainer;

/* Refuses options out of range with the option's name. */
syl_status syl_dsg_trainer_create(syl_dsg_trainer **out, const syl_dsg_corpus *corpus,
                                  const syl_dsg_options *options, const syl_ranks *ranks,
                                  syl_error *err);
/* All epochs and the pass for the priors. A loss that is not finite is SYL_ECOMPUTE with epoch and
 * sentence. watch may be NULL. */
syl_status syl_dsg_trainer_run(syl_dsg_trainer *trainer, const syl_dsg_watch *watch,
                               syl_error *err);
void syl_dsg_trainer_free(syl_dsg_trainer *trainer);

/* Views of the trained tables, on the host, valid as long as the trainer. Rows are `stride` floats
 * apart. */
typedef struct syl_dsg_result {
    int64_t words;
    int dim, senses;
    int64_t stride;
    const float *sense;       /* [words][senses][stride] */
    const float *output;      /* [words][stride] */
    const float *output_bias; /* [words], as of a full softmax; NULL with negatives */
    const float *choice;      /* [words][senses][stride]: A; NULL with one sense */
    const float *choice_bias; /* [words][senses] */
    const float *priors;      /* [words][senses]: mean p over the corpus */
    double loss, entropy;     /* means of the last block */
} syl_dsg_result;

syl_dsg_result syl_dsg_trainer_result(const syl_dsg_trainer *trainer);
/* Makes a model of the trained tables, where they lie, so that memory has no second copy of them;
 * with a network where senses > 1. Takes over the vocabulary, which the corpus's ids are of, also
 * on failure. The trainer can only be freed then. */
syl_status syl_dsg_trainer_take(syl_dsg_trainer *trainer, syl_vocabulary *vocabulary,
                                const syl_text_options *text, syl_dsg_model **out, syl_error *err);

#endif
