#include "train/sent/args.h"

#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "embed/sent/config.h"
#include "lib/cli/inputs.h"
#include "lib/nn/optimizer.h"
#include "train/sent/stages.h"

#define COMMAND "sent train"

static const char *const stage_names[] = {"cot",   "nocot",  "sem",  "ctx-b",
                                          "ctx-c", "latent", "stop", NULL};
static const char *const architecture_names[] = {"gpt2", "llama", NULL}; /* syl_lm_kind */
static const char *const precision_names[] = {"f32", "bf16", NULL};
static const char *const schedule_names[] = {"constant", "cosine", "linear", NULL};
static const char *const loss_names[] = {"answer", "all", NULL};
static const char *const norm_names[] = {"none", "scale", "rms", NULL};

#define AT(field) offsetof(syl_sent_args, field)
#define TEXT(name, field, recorded, help)                         \
    {                                                             \
        name, SYL_ARG_TEXT, AT(field), help, 0, 0, NULL, recorded \
    }
#define WHOLE(name, field, low, high, help)                    \
    {                                                          \
        name, SYL_ARG_INT, AT(field), help, low, high, NULL, 1 \
    }
#define FREE_WHOLE(name, field, low, high, help)               \
    {                                                          \
        name, SYL_ARG_INT, AT(field), help, low, high, NULL, 0 \
    }
#define REAL(name, field, low, high, help)                      \
    {                                                           \
        name, SYL_ARG_REAL, AT(field), help, low, high, NULL, 1 \
    }
#define CHOICE(name, field, names, help)                      \
    {                                                         \
        name, SYL_ARG_CHOICE, AT(field), help, 0, 0, names, 1 \
    }
#define FLAG(name, field, help)                            \
    {                                                      \
        name, SYL_ARG_FLAG, AT(field), help, 0, 0, NULL, 0 \
    }
#define HEADING(text)                                 \
    {                                                 \
        NULL, SYL_ARG_HEADING, 0, text, 0, 0, NULL, 0 \
    }

/* clang-format off */
const syl_arg syl_sent_args_table[] = {
    HEADING("Stage (sets the defaults of the options below):"),
    CHOICE("stage", stage, stage_names,
           "cot, nocot: language model; sem: embeddings that restore a sentence; ctx-b, ctx-c:\n"
           "        that predict the next one; latent: from embedding to embedding; stop: the\n"
           "        classifier that ends a chain"),
    HEADING("Model and data:"),
    TEXT("data", data, 0, "JSON list of {question, steps, answer} to learn from"),
    TEXT("valid", valid, 0, "the same, to choose the best model by"),
    TEXT("out", out, 0, "folder of the run: checkpoint, models, metrics"),
    TEXT("from", from, 1, "FOLDER or file of the model to begin with, or a folder with Hugging Face's GPT-2\n"
         "        or Llama; cot, nocot: anew without it"),
    TEXT("semantic", semantic, 1, "ctx-c: model of stage sem, whose embeddings draw"),
    TEXT("encoder-from", encoder_from, 1, "latent: another model's encoder (semantic to contextual)"),
    TEXT("latent-from", latent_from, 1,
         "latent: language model that it begins as, of any width (default: --from's\n"
         "        decoder)"),
    CHOICE("architecture", architecture, architecture_names,
           "a new model: gpt2 learns positions one by one; llama turns by distances (RoPE)"),
    WHOLE("dim", dim, 1, 65536, "a new model: width"),
    WHOLE("layers", layers, 1, 1024, "a new model: blocks"),
    WHOLE("heads", heads, 1, 1024, "a new model: heads of attention"),
    WHOLE("kv-heads", kv_heads, 0, 1024, "a new Llama: heads of keys and values; 0: as many as --heads"),
    WHOLE("context", context, 2, 1048576, "a new model: positions"),
    WHOLE("sentence-tokens", sentence_tokens, 1, 1048576, "samples with a longer sentence are left out"),
    WHOLE("sentences", sentences, 1, 100000, "samples with more of them are left out"),
    HEADING("What is learnt:"),
    CHOICE("loss-on", loss_on, loss_names, "cot, nocot: tokens of the answer, or of the question too"),
    REAL("dropout", dropout, 0, 0.9, "inside the transformer that is trained"),
    REAL("prefix-dropout", prefix_dropout, 0, 0.9, "ctx-b, ctx-c: of the embedding"),
    REAL("contrast", contrast, 0, 1e6, "ctx-c: weight of InfoNCE"),
    REAL("latent-dropout", latent_dropout, 0, 0.9, "latent: of what is read and what is decoded"),
    REAL("lambda", lambda, 0, 1e6, "latent: weight of InfoNCE"),
    REAL("temperature", temperature, 1e-6, 1e6, "of InfoNCE"),
    CHOICE("latent-norm", latent_norm, norm_names,
           "latent: how what is fed back is brought to the length of what was learnt;\n"
           "        none: the paper; scale: by one factor; rms: both to one length"),
    REAL("self-feed", self_feed, 0, 1,
         "latent: probability of feeding the model's own prediction (not in the paper)"),
    WHOLE("self-feed-ramp", self_feed_ramp, 0, 1000000000, "steps in which that rises from 0"),
    HEADING("Low-rank adapters (LoRA), in place of the transformer that is trained:"),
    WHOLE("lora", lora, 0, 65536, "rank; 0: none"),
    REAL("lora-alpha", lora_alpha, 0, 1e6, "updates are multiplied by this over the rank; 0: 4 times the rank"),
    REAL("lora-dropout", lora_dropout, 0, 0.9, "of what adapters read"),
    TEXT("lora-targets", lora_targets, 1,
         "products by commas (default: c_attn,c_proj of GPT-2,\n"
         "        q_proj,k_proj,v_proj,o_proj of Llama)"),
    HEADING("Optimisation:"),
    FREE_WHOLE("steps", steps, 1, 1000000000, "updates in all"),
    WHOLE("batch", batch, 1, 4096, "samples of a micro-batch and rank; more by --accumulate"),
    WHOLE("accumulate", accumulate, 1, 4096, "micro-batches of an update"),
    REAL("lr", lr, 0, 10, "learning rate"),
    CHOICE("schedule", schedule, schedule_names, "of the learning rate after the warm-up"),
    WHOLE("warmup", warmup, 0, 1000000000, "updates in which the rate rises from 0"),
    REAL("min-factor", min_factor, 0, 1, "of the rate at the end"),
    REAL("beta1", beta1, 0, 0.999999, "of AdamW"),
    REAL("beta2", beta2, 0, 0.999999, "of AdamW"),
    REAL("eps", eps, 1e-20, 1, "of AdamW"),
    REAL("weight-decay", weight_decay, 0, 10, "of AdamW"),
    REAL("clip", clip, 0, 1e9, "largest norm of the gradient; 0: any"),
    CHOICE("precision", precision, precision_names, "of matrix products"),
    HEADING("The run:"),
    FREE_WHOLE("valid-count", valid_count, 1, 1000000000, "samples of --valid that are answered"),
    TEXT("device", device, 0, "cpu, cuda, cuda:N, auto"),
    FREE_WHOLE("threads", threads, 1, 1024, "of computation"),
    WHOLE("seed", seed, 0, 2147483647, "of everything that is drawn"),
    FREE_WHOLE("log-every", log_every, 1, 1000000, "steps between lines of metrics"),
    FREE_WHOLE("checkpoint-every", checkpoint_every, 1, 100000000, "steps between checkpoints"),
    FREE_WHOLE("validate-every", validate_every, 1, 100000000, "steps between validations"),
    FLAG("resume", resume, "go on from the checkpoint in --out"),
    FLAG("quiet", quiet, "no progress"),
};
/* clang-format on */
const size_t syl_sent_args_count = sizeof syl_sent_args_table / sizeof *syl_sent_args_table;

/* Table 10 of the paper: batch, learning rate, schedule, warm-up. */
static void set_stage(syl_sent_args *a)
{
    switch (a->stage) {
    case SYL_SENT_COT:
    case SYL_SENT_NOCOT:
        a->lr = 1e-4;
        a->weight_decay = 0;
        a->batch = 64;
        break;
    case SYL_SENT_SEM:
        a->schedule = SYL_LINEAR;
        a->batch = 256;
        break;
    case SYL_SENT_LATENT:
        a->schedule = SYL_COSINE;
        a->warmup = 300;
        break;
    case SYL_SENT_ARGS_STOP:
        a->lr = 1e-3;
        a->steps = 1000;
        break;
    default: /* ctx-b, ctx-c */
        a->schedule = SYL_LINEAR;
        a->warmup = 100;
    }
}

syl_sent_args syl_sent_args_defaults(int stage)
{
    syl_sent_losses losses = syl_sent_losses_defaults();
    syl_sent_args a = {.stage = stage,
                       .device = "cpu",
                       .schedule = SYL_CONSTANT,
                       .dim = 64,
                       .layers = 3,
                       .heads = 4,
                       .context = 1024,
                       .sentence_tokens = 100,
                       .sentences = 20,
                       .valid_count = 256,
                       .steps = 3000,
                       .batch = 128,
                       .accumulate = 1,
                       .self_feed_ramp = 500,
                       .threads = omp_get_max_threads(),
                       .seed = 1,
                       .log_every = 50,
                       .checkpoint_every = 500,
                       .validate_every = 250,
                       .lora_dropout = 0.1,
                       .lr = 5e-4,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .eps = 1e-8,
                       .weight_decay = 0.01,
                       .clip = 1,
                       .prefix_dropout = (double)losses.prefix_dropout,
                       .latent_dropout = (double)losses.latent_dropout,
                       .contrast = (double)losses.contrast,
                       .lambda = (double)losses.lambda,
                       .temperature = (double)losses.temperature};
    set_stage(&a);
    return a;
}

/* The run writes models and a tokenizer into its folder: not over those that it begins with. */
static int check_folder(const syl_sent_args *a)
{
    static const char *const written[] = {"model.safetensors", "best.safetensors",
                                          "tokenizer.json"};
    const char *read[] = {a->from, a->semantic, a->encoder_from, a->latent_from};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        for (size_t k = 0; read[i] && k < sizeof written / sizeof *written; k++) {
            snprintf(path, sizeof path, "%s/%s", a->out, written[k]);
            if (syl_output_is_of_model(path, read[i]))
                return syl_usage(COMMAND, "%s would overwrite the model %s; give another --out",
                                 path, read[i]);
        }
        /* Beside weights in several files its model.safetensors would be taken for theirs. */
        if (read[i] && syl_same_file(a->out, read[i]))
            return syl_usage(COMMAND, "%s is the folder of the model; give another --out", a->out);
    }
    return SYL_EXIT_OK;
}

/* ---- options of some stages ------------------------------------------------------------------ */

#define OF(stage) (1u << (stage))
#define OF_LM (OF(SYL_SENT_COT) | OF(SYL_SENT_NOCOT))
#define OF_CTX (OF(SYL_SENT_CTX_B) | OF(SYL_SENT_CTX_C))
#define OF_ADAPTED (OF(SYL_SENT_ARGS_STOP) - 1) /* all but stop */

static const struct {
    const char *name;
    unsigned stages;
} of_stages[] = {
    {"semantic", OF(SYL_SENT_CTX_C)},
    {"encoder-from", OF(SYL_SENT_LATENT)},
    {"latent-from", OF(SYL_SENT_LATENT)},
    {"architecture", OF_LM},
    {"dim", OF_LM},
    {"layers", OF_LM},
    {"heads", OF_LM},
    {"kv-heads", OF_LM},
    {"context", OF_LM},
    {"loss-on", OF_LM},
    {"prefix-dropout", OF_CTX},
    {"contrast", OF(SYL_SENT_CTX_C)},
    {"latent-dropout", OF(SYL_SENT_LATENT)},
    {"lambda", OF(SYL_SENT_LATENT)},
    {"temperature", OF(SYL_SENT_CTX_C) | OF(SYL_SENT_LATENT)},
    {"latent-norm", OF(SYL_SENT_LATENT)},
    {"self-feed", OF(SYL_SENT_LATENT)},
    {"self-feed-ramp", OF(SYL_SENT_LATENT)},
    {"lora", OF_ADAPTED},
    {"lora-alpha", OF_ADAPTED},
    {"lora-dropout", OF_ADAPTED},
    {"lora-targets", OF_ADAPTED},
};

static int check_option(const syl_sent_args *a, const char *name, unsigned stages)
{
    char list[128] = "";
    size_t length = 0;
    for (int i = 0; stage_names[i]; i++)
        if (stages & OF(i))
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%s",
                                       length ? ", " : "", stage_names[i]);
    if (!(stages & OF(a->stage)))
        return syl_usage(COMMAND, "--%s is for --stage %s, not for %s", name, list,
                         stage_names[a->stage]);
    /* Those of a new model: language models alone have them. */
    if (a->from && stages == OF_LM && strcmp(name, "loss-on"))
        return syl_usage(COMMAND, "--%s is for a new model, not for one that goes on --from %s",
                         name, a->from);
    if (!strcmp(name, "kv-heads") && a->architecture != SYL_LM_LLAMA)
        return syl_usage(COMMAND, "--kv-heads is for --architecture llama");
    if (!a->lora && !strncmp(name, "lora-", 5))
        return syl_usage(COMMAND, "--%s wants the rank of adapters: --lora", name);
    return SYL_EXIT_OK;
}

static int check_given(const syl_sent_args *a, const bool *given)
{
    for (size_t i = 0; i < syl_sent_args_count; i++)
        for (size_t k = 0; given[i] && k < sizeof of_stages / sizeof *of_stages; k++) {
            const char *name = syl_sent_args_table[i].name;
            if (strcmp(name, of_stages[k].name)) continue;
            int code = check_option(a, name, of_stages[k].stages);
            if (code != SYL_EXIT_OK) return code;
        }
    return SYL_EXIT_OK;
}

/* Models of other stages, which a file of options may have, are not read. */
static void forget_others(syl_sent_args *a)
{
    if (a->stage != SYL_SENT_CTX_C) a->semantic = NULL;
    if (a->stage != SYL_SENT_LATENT) a->encoder_from = a->latent_from = NULL;
    if (a->stage == SYL_SENT_ARGS_STOP) a->lora = 0;
}

int syl_sent_args_check(syl_sent_args *a, const bool *given)
{
    int code = check_given(a, given);
    if (code != SYL_EXIT_OK) return code;
    forget_others(a);
    if (!a->data) return syl_usage(COMMAND, "give what to learn from (--data)");
    if (!a->out || !*a->out) return syl_usage(COMMAND, "give the folder of the run (--out)");
    if (a->stage > SYL_SENT_NOCOT && !a->from)
        return syl_usage(COMMAND, "--stage %s goes on from another model: --from",
                         stage_names[a->stage]);
    if (a->stage == SYL_SENT_CTX_C && !a->semantic)
        return syl_usage(COMMAND, "--stage ctx-c wants a model of stage sem: --semantic");
    if (a->lora && !a->from)
        return syl_usage(COMMAND, "--lora adapts a model that is there: --from");
    return check_folder(a);
}
