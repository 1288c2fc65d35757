/* sylkit sent flops: what answers would cost, by the closed form. */
#include <string.h>

#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/sent/saved.h"
#include "embed/sent_args.h"

#define COMMAND "sent flops"

typedef struct arguments {
    int dim, layers, vocab, limit;
    double question, sentences, tokens, answer;
} arguments;

static const syl_arg table[] = {
    SYL_OPTION_HEADING("Without MODEL: GPT-2's shape and means of a data set:"),
    SYL_OPTION_INT(arguments, "dim", dim, 1, 65536, "width"),
    SYL_OPTION_INT(arguments, "layers", layers, 1, 1024, "blocks"),
    SYL_OPTION_INT(arguments, "vocab", vocab, 1, 10000000, "tokens"),
    SYL_OPTION_REAL(arguments, "question", question, 1, 1e9, "tokens of a question"),
    SYL_OPTION_REAL(arguments, "sentences", sentences, 1, 1e9, "of a chain, with the answer's"),
    SYL_OPTION_REAL(arguments, "tokens", tokens, 1, 1e9, "of a sentence, without its newline"),
    SYL_OPTION_REAL(arguments, "answer", answer, 1, 1e9, "tokens of the answer's sentence"),
    SYL_OPTION_HEADING("With MODEL and DATA.json:"),
    SYL_OPTION_INT(arguments, "limit", limit, 0, INT32_MAX, "of the questions the first N; 0: all"),
};
#define NUM_OPTIONS (sizeof table / sizeof *table)

static void add_costs(syl_costs *sum, const syl_costs *c)
{
    sum->cot += c->cot;
    sum->cot_published += c->cot_published;
    sum->no_cot += c->no_cot;
    sum->continuous += c->continuous;
    sum->continuous_classifier += c->continuous_classifier;
    sum->discretized += c->discretized;
}

static void set_cost(json_t *line, const char *name, double cost, double n)
{
    json_object_set_new(line, name, json_real(cost / n / 1e6));
}

static syl_status print(const syl_costs *sum, size_t count, syl_error *err)
{
    double n = (double)count;
    json_t *mflops = json_object(), *ratios = json_object();
    set_cost(mflops, "cot", sum->cot, n);
    set_cost(mflops, "cot_published", sum->cot_published, n);
    set_cost(mflops, "no_cot", sum->no_cot, n);
    set_cost(mflops, "continuous", sum->continuous, n);
    set_cost(mflops, "continuous_classifier", sum->continuous_classifier, n);
    set_cost(mflops, "discretized", sum->discretized, n);
    json_object_set_new(ratios, "continuous", json_real(sum->continuous / sum->cot));
    json_object_set_new(ratios, "continuous_classifier",
                        json_real(sum->continuous_classifier / sum->cot));
    json_object_set_new(ratios, "discretized", json_real(sum->discretized / sum->cot));
    json_object_set_new(ratios, "continuous_published",
                        json_real(sum->continuous / sum->cot_published));
    json_object_set_new(ratios, "continuous_classifier_published",
                        json_real(sum->continuous_classifier / sum->cot_published));
    return syl_print_json(json_pack("{s:I, s:o, s:o}", "questions", (json_int_t)count, "mflops",
                                    mflops, "ratio", ratios),
                          err);
}

/* A model of that shape in all three places. The classifier is the paper's. */
static void complete(syl_sent_config *c)
{
    if (!syl_sent_has_encoder(c)) c->encoder = c->decoder;
    if (!syl_sent_has_latent(c)) c->latent = c->decoder;
    if (!c->stop[0]) {
        c->stop[0] = 192;
        c->stop[1] = 48;
    }
}

static syl_status of_shape(const arguments *a, syl_error *err)
{
    syl_sent_config c = {.decoder = {.kind = SYL_LM_GPT2,
                                     .vocab = a->vocab,
                                     .dim = a->dim,
                                     .layers = a->layers,
                                     .heads = 1,
                                     .kv_heads = 1,
                                     .ff = 4 * a->dim}};
    syl_cost_means means = {a->question, a->sentences, a->tokens, a->answer};
    complete(&c);
    syl_costs costs = syl_flops_means(&c, &means);
    return print(&costs, 1, err);
}

static syl_status add_sample(syl_costs *sum, const syl_sent_saved *model,
                             const syl_sent_sample *sample, syl_error *err)
{
    syl_sent_tokens t;
    SYL_TRY(syl_sent_sample_encode(&t, sample, model->tokenizer, err));
    int n = t.num_sentences;
    double all = t.starts[n] - t.starts[0], answer = t.starts[n] - t.starts[n - 1];
    syl_cost_means means = {t.starts[0], n, all / n - 1, answer};
    syl_costs costs = syl_flops_means(&model->config, &means);
    add_costs(sum, &costs);
    syl_sent_tokens_free(&t);
    return SYL_OK;
}

static syl_status of_model(const arguments *a, const char *path, const char *data, syl_error *err)
{
    syl_sent_saved model;
    syl_sent_dataset set = {0};
    syl_costs sum = {0};
    SYL_TRY(syl_sent_saved_open(&model, path, err));
    complete(&model.config);
    syl_status status = syl_sent_dataset_read(&set, data, err);
    if (!status && a->limit > 0) syl_sent_dataset_truncate(&set, (size_t)a->limit);
    for (size_t i = 0; !status && i < set.count; i++)
        if ((status = add_sample(&sum, &model, &set.samples[i], err)) == SYL_EINVAL)
            syl_sent_dataset_blame(&set, i, err);
    if (!status) status = print(&sum, set.count, err);
    syl_sent_dataset_free(&set);
    syl_sent_saved_close(&model);
    return status;
}

/* CommonsenseQA's means, table 8 of the paper. */
static arguments defaults(void)
{
    return (arguments){.dim = 768,
                       .layers = 12,
                       .vocab = 50257,
                       .question = 38.8,
                       .sentences = 5.6,
                       .tokens = 10.8,
                       .answer = 3};
}

/* Options of the other half of the table would have no effect. */
static int check(const arguments *a, int names)
{
    arguments d = defaults();
    bool shape = a->dim != d.dim || a->layers != d.layers || a->vocab != d.vocab ||
                 a->question != d.question || a->sentences != d.sentences ||
                 a->tokens != d.tokens || a->answer != d.answer;
    if (names != 0 && names != 2)
        return syl_usage(COMMAND, "name a MODEL and a file of questions, or neither");
    if (names && shape)
        return syl_usage(COMMAND,
                         "a shape and means have no effect with a MODEL and its questions");
    if (!names && a->limit) return syl_usage(COMMAND, "--limit is for a file of questions");
    return SYL_EXIT_OK;
}

static int start(void *args, int argc, char **argv)
{
    const arguments *a = args;
    syl_error err;
    int code = check(a, argc);
    if (code != SYL_EXIT_OK) return code;
    return syl_exit_code(argc ? of_model(a, argv[0], argv[1], &err) : of_shape(a, &err), &err);
}

static const char usage[] =
    "Usage: sylkit sent flops [OPTIONS] [MODEL DATA.json]\n"
    "Operations of an answer by the closed form: chain of thought (with logits of the\n"
    "prompt's last token; of all, as published), without it, and chains of latents.\n";

int syl_cmd_sent_flops(int argc, char **argv)
{
    syl_arg_command command = {COMMAND, usage, .table = table, .count = NUM_OPTIONS,
                               .start = start};
    arguments a = defaults();
    return syl_args_run(&command, &a, &a, argc, argv);
}
