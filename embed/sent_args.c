#include "embed/sent_args.h"

static const char *const norms[] = {"model", "none", "scale", "rms", NULL};
static const char *const precisions[] = {"f32", "bf16", NULL};

static const syl_arg model_part[] = {
    SYL_OPTION_HEADING("The model:"),
    SYL_OPTION_CHOICE(syl_sent_run_args, "precision", precision, precisions, "of products"),
    SYL_OPTION_TEXT(syl_sent_run_args, "device", device, "cpu, cuda, cuda:N, auto"),
    SYL_OPTION_INT(syl_sent_run_args, "threads", threads, 1, 1024,
                   "questions at a time; results are the same"),
    SYL_OPTION_INT(syl_sent_run_args, "limit", limit, 0, INT32_MAX,
                   "of the questions the first N; 0: all"),
    SYL_OPTION_FLAG(syl_sent_run_args, "quiet", quiet, "no progress bar"),
};
static const syl_arg run_part[] = {
    SYL_OPTION_HEADING("How a chain ends:"),
    SYL_OPTION_CHOICE(
        syl_sent_run_args, "stop", stop, syl_stop_rule_names,
        "decoder: the first token of a latent begins an answer; classifier: a network "
        "says so; fixed: after --max-sentences latents"),
    SYL_OPTION_INT(syl_sent_run_args, "max-sentences", max_sentences, 1, 100000, "of a chain"),
    SYL_OPTION_INT(syl_sent_run_args, "max-tokens", max_tokens, 1, 100000, "of a sentence"),
    SYL_OPTION_HEADING("What is fed back:"),
    SYL_OPTION_CHOICE(syl_sent_run_args, "latent-norm", latent_norm, norms,
                      "model: as it was trained; none: as it is (the paper); scale: times "
                      "--latent-scale; rms: brought to that root mean square"),
    SYL_OPTION_REAL(syl_sent_run_args, "latent-scale", latent_scale, 0, 1e9, "0: the model's own"),
};
static const syl_arg regime_part[] = {
    SYL_OPTION_HEADING("How the model runs:"),
    SYL_OPTION_CHOICE(syl_sent_run_args, "regime", regime, syl_regime_names,
                      "auto: by its stage; latent models run continuously, or discretized: each "
                      "latent is decoded and encoded again"),
    SYL_OPTION_FLAG(syl_sent_run_args, "verbalise", verbalise,
                    "decode all latents, beside the count of operations and time"),
    SYL_OPTION_CHOICE(syl_sent_run_args, "noise", noise, syl_noise_place_names,
                      "where: what the latent model gives, what goes in, what the decoder reads"),
    SYL_OPTION_REAL(syl_sent_run_args, "noise-sigma", noise_sigma, 0, 1e6,
                    "deviation, relative to the vector's root mean square"),
    SYL_OPTION_REAL(syl_sent_run_args, "noise-probability", noise_probability, 0, 1,
                    "of a step to have noise"),
    SYL_OPTION_INT(syl_sent_run_args, "seed", seed, 0, INT32_MAX, "of the noise"),
    SYL_OPTION_INT(syl_sent_run_args, "batch", batch, 1, 256,
                   "questions that a thread has under way, with one pass for all of them; 1: times "
                   "are those of a question alone"),
};
#define COUNT(table) (sizeof table / sizeof *table)
_Static_assert(COUNT(model_part) + COUNT(run_part) + COUNT(regime_part) <= SYL_SENT_ARGS_MOST,
               "room for all of them");

syl_sent_run_args syl_sent_run_args_defaults(void)
{
    syl_infer_options o = syl_infer_defaults();
    return (syl_sent_run_args){.regime = (int)o.regime,
                               .stop = (int)o.stop,
                               .max_sentences = o.max_sentences,
                               .max_tokens = o.max_tokens,
                               .noise_sigma = 0.1,
                               .noise_probability = o.noise.probability,
                               .seed = (int)o.noise.seed,
                               .threads = 1,
                               .batch = 16};
}

syl_arg *syl_sent_run_args_table(syl_arg *to, unsigned parts, size_t offset)
{
    if (parts & SYL_SENT_ARGS_REGIME)
        to = syl_args_append(to, regime_part, COUNT(regime_part), offset);
    if (parts & SYL_SENT_ARGS_RUN) to = syl_args_append(to, run_part, COUNT(run_part), offset);
    if (parts & SYL_SENT_ARGS_MODEL)
        to = syl_args_append(to, model_part, COUNT(model_part), offset);
    return to;
}

syl_infer_options syl_sent_run_args_infer(const syl_sent_run_args *a)
{
    return (syl_infer_options){
        .regime = (syl_regime)a->regime,
        .stop = (syl_stop_rule)a->stop,
        .max_sentences = a->max_sentences,
        .max_tokens = a->max_tokens,
        .latent_norm = a->latent_norm - 1,
        .latent_scale = a->latent_scale,
        .noise = {(syl_noise_place)a->noise, a->noise_sigma, a->noise_probability,
                  (uint64_t)a->seed},
        .verbalise = a->verbalise,
    };
}

syl_status syl_sent_run_args_open(const syl_sent_run_args *a, const char *path, syl_device **device,
                                  syl_reasoner **model, syl_error *err)
{
    *device = NULL;
    *model = NULL;
    if (a->device) SYL_TRY(syl_device_open(device, a->device, err));
    return syl_reasoner_open(model, path, a->precision ? SYL_BF16 : SYL_F32, *device, err);
}

syl_status syl_sent_run_args_read(const syl_sent_run_args *a, const char *path,
                                  syl_sent_dataset *dataset, syl_error *err)
{
    SYL_TRY(syl_sent_dataset_read(dataset, path, err));
    if (a->limit > 0) syl_sent_dataset_truncate(dataset, (size_t)a->limit);
    return SYL_OK;
}
