#include "sylber/config.h"

#include <string.h>

#include "lib/io/json_fields.h"

#define MAX_DIM 16384
/* Sylber's released thresholds (get_segment's defaults), for files that name none. */
#define SYLBER_NORM 2.6
#define SYLBER_MERGE 0.8

/* ---- the two encoders ------------------------------------------------------------------ */

static void read_hubert(syl_json_fields *r, syl_config *c)
{
    c->kind = SYL_ENCODER_HUBERT;
    c->sample_rate = syl_json_int(r, "sample_rate", 1000, 768000, 16000);
    c->dim = syl_json_int(r, "hidden_size", 1, MAX_DIM, 0);
    c->layers = syl_json_int(r, "num_hidden_layers", 0, 1000, -1);
    c->heads = syl_json_int(r, "num_attention_heads", 1, 1024, 0);
    c->ff = syl_json_int(r, "intermediate_size", 1, 4 * MAX_DIM, 0);
    c->norm_eps = syl_json_real(r, "layer_norm_eps", 0, 1, 1e-5);
    json_t *dims = json_object_get(r->root, "conv_dim");
    c->hubert.num_convs = (int)json_array_size(dims);
    if (r->status == SYL_OK && (c->hubert.num_convs < 1 || c->hubert.num_convs > SYL_MAX_CONVS))
        r->status = syl_fail(r->err, SYL_EFORMAT,
                             "%s: configuration key conv_dim must list 1 to %d convolutions",
                             r->name, SYL_MAX_CONVS);
    syl_json_ints(r, "conv_dim", c->hubert.conv_dim, c->hubert.num_convs, MAX_DIM);
    syl_json_ints(r, "conv_kernel", c->hubert.conv_kernel, c->hubert.num_convs, 64);
    syl_json_ints(r, "conv_stride", c->hubert.conv_stride, c->hubert.num_convs, 64);
    for (int i = 0; r->status == SYL_OK && i < c->hubert.num_convs; i++)
        if (c->hubert.conv_stride[i] > c->hubert.conv_kernel[i])
            r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                                 "%s: conv_stride of convolution %d is %d, over its conv_kernel %d",
                                 r->name, i, c->hubert.conv_stride[i], c->hubert.conv_kernel[i]);
    c->hubert.pos_kernel = syl_json_int(r, "num_conv_pos_embeddings", 2, 1024, 128);
    c->hubert.pos_groups = syl_json_int(r, "num_conv_pos_embedding_groups", 1, 1024, 16);
    c->hubert.conv_bias = syl_json_bool(r, "conv_bias", false);
    c->hubert.conv_layer_norm = syl_json_choice(r, "feat_extract_norm", "group", "layer");
    c->hubert.pre_norm = syl_json_bool(r, "do_stable_layer_norm", false);
    syl_json_choice(r, "hidden_act", "gelu", "gelu");
    syl_json_choice(r, "feat_extract_activation", "gelu", "gelu");
    if (r->status == SYL_OK && !syl_json_bool(r, "feat_proj_layer_norm", true))
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                             "%s: feat_proj_layer_norm = false is not supported", r->name);
    if (r->status == SYL_OK && syl_json_bool(r, "conv_pos_batch_norm", false))
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                             "%s: conv_pos_batch_norm = true is not supported", r->name);
    if (r->status == SYL_OK && c->dim % c->hubert.pos_groups != 0)
        r->status = syl_fail(r->err, SYL_EFORMAT,
                             "%s: num_conv_pos_embedding_groups %d does not divide hidden_size %d",
                             r->name, c->hubert.pos_groups, c->dim);
    c->norm_threshold = SYLBER_NORM;
    c->merge_threshold = SYLBER_MERGE;
}

static void read_mel(syl_json_fields *r, syl_config *c)
{
    c->kind = SYL_ENCODER_MEL;
    c->sample_rate = syl_json_int(r, "sample_rate", 1000, 768000, 0);
    c->dim = syl_json_int(r, "hidden_size", 1, MAX_DIM, 0);
    c->layers = syl_json_int(r, "num_hidden_layers", 0, 1000, -1);
    c->heads = syl_json_int(r, "num_attention_heads", 1, 1024, 0);
    c->ff = syl_json_int(r, "intermediate_size", 1, 4 * MAX_DIM, 0);
    c->norm_eps = syl_json_real(r, "layer_norm_eps", 0, 1, 1e-5);
    c->mel.n_fft = syl_json_int(r, "n_fft", 16, 1 << 16, 0);
    c->mel.hop = syl_json_int(r, "hop_length", 1, 1 << 16, 0);
    c->mel.mels = syl_json_int(r, "num_mel_bins", 1, 4096, 0);
    c->mel.log10_floor = syl_json_real(r, "log10_floor", -30, 30, -5);
    c->mel.left = syl_json_int(r, "attention_left", 0, 10000, -1);
    c->mel.right = syl_json_int(r, "attention_right", 0, 10000, -1);
    c->mel.out_dim = syl_json_int(r, "output_size", 1, MAX_DIM, 0);
}

static void read_common(syl_json_fields *r, syl_config *c)
{
    const char *metric = syl_json_text(r, "metric");
    c->norm_threshold = syl_json_real(r, "norm_threshold", 0, 1e9, c->norm_threshold);
    c->merge_threshold = syl_json_real(r, "merge_threshold", -2, 2, c->merge_threshold);
    c->metric = SYL_METRIC_EUCLIDEAN;
    if (metric && syl_metric_parse(metric, &c->metric, NULL) != SYL_OK)
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                             "%s: configuration key metric is \"%.40s\"; supported: euclidean, "
                             "norm6, spherical",
                             r->name, metric);
    if (r->status == SYL_OK && c->dim % c->heads != 0)
        r->status = syl_fail(r->err, SYL_EFORMAT,
                             "%s: num_attention_heads %d does not divide hidden_size %d", r->name,
                             c->heads, c->dim);
}

syl_status syl_config_parse(syl_config *config, const char *json, size_t size, const char *name,
                            syl_error *err)
{
    json_error_t where;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &where);
    memset(config, 0, sizeof *config);
    if (!json_is_object(root)) {
        json_decref(root);
        return syl_fail(err, SYL_EFORMAT, "%s: configuration is no JSON object: %s", name,
                        where.text);
    }
    syl_json_fields r = {.root = root, .name = name, .err = err};
    const char *type = json_string_value(json_object_get(root, "model_type"));
    if (type && strcmp(type, "hubert") == 0)
        read_hubert(&r, config);
    else if (type && strcmp(type, "sylkit-mel") == 0)
        read_mel(&r, config);
    else
        r.status = syl_fail(err, SYL_EUNSUPPORTED,
                            "%s: model_type is \"%.60s\"; supported: hubert, sylkit-mel", name,
                            type ? type : "(missing)");
    if (r.status == SYL_OK) read_common(&r, config);
    json_decref(root);
    return r.status;
}

/* ---- writing --------------------------------------------------------------------------- */

static json_t *int_list(const int *values, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

static json_t *write_hubert(const syl_config *c)
{
    int n = c->hubert.num_convs;
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:i, s:i, s:b, s:s, s:b}", "model_type", "hubert", "conv_dim",
        int_list(c->hubert.conv_dim, n), "conv_kernel", int_list(c->hubert.conv_kernel, n),
        "conv_stride", int_list(c->hubert.conv_stride, n), "num_conv_pos_embeddings",
        c->hubert.pos_kernel, "num_conv_pos_embedding_groups", c->hubert.pos_groups, "conv_bias",
        c->hubert.conv_bias, "feat_extract_norm", c->hubert.conv_layer_norm ? "layer" : "group",
        "do_stable_layer_norm", c->hubert.pre_norm);
}

static json_t *write_mel(const syl_config *c)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:f, s:i, s:i, s:i}", "model_type", "sylkit-mel",
                     "n_fft", c->mel.n_fft, "hop_length", c->mel.hop, "num_mel_bins", c->mel.mels,
                     "log10_floor", c->mel.log10_floor, "attention_left", c->mel.left,
                     "attention_right", c->mel.right, "output_size", c->mel.out_dim);
}

char *syl_config_write(const syl_config *c)
{
    json_t *root = c->kind == SYL_ENCODER_HUBERT ? write_hubert(c) : write_mel(c);
    json_t *common =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:s}", "sample_rate", c->sample_rate,
                  "hidden_size", c->dim, "num_hidden_layers", c->layers, "num_attention_heads",
                  c->heads, "intermediate_size", c->ff, "layer_norm_eps", c->norm_eps,
                  "norm_threshold", c->norm_threshold, "merge_threshold", c->merge_threshold,
                  "metric", syl_metric_name(c->metric));
    char *text = NULL;
    if (root && common && json_object_update(root, common) == 0)
        text = json_dumps(root, JSON_REAL_PRECISION(9));
    json_decref(root);
    json_decref(common);
    return text;
}

/* ---- derived --------------------------------------------------------------------------- */

int syl_config_hop(const syl_config *c)
{
    if (c->kind == SYL_ENCODER_MEL)
        return 2 * c->mel.hop; /* the stem's second convolution has stride 2 */
    int hop = 1;
    for (int i = 0; i < c->hubert.num_convs && hop < 1 << 24; i++)
        hop *= c->hubert.conv_stride[i];
    return hop;
}

double syl_config_frame_rate(const syl_config *c)
{
    return (double)c->sample_rate / syl_config_hop(c);
}

int syl_config_dim(const syl_config *c)
{
    return c->kind == SYL_ENCODER_MEL ? c->mel.out_dim : c->dim;
}

static const char *const metric_names[] = {"euclidean", "norm6", "spherical"};

syl_status syl_metric_parse(const char *text, syl_metric *out, syl_error *err)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, metric_names[i]) == 0) {
            *out = (syl_metric)i;
            return SYL_OK;
        }
    }
    return syl_fail(err, SYL_EINVAL, "metric \"%.40s\" is unknown; use euclidean, norm6, spherical",
                    text);
}

const char *syl_metric_name(syl_metric metric)
{
    return metric >= 0 && metric < 3 ? metric_names[metric] : "model";
}
