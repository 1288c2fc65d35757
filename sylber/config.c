#include "sylber/config.h"

#include <string.h>

#define MAX_DIM 16384
/* Sylber's released thresholds (get_segment's defaults), for files that name none. */
#define SYLBER_NORM 2.6
#define SYLBER_MERGE 0.8

/* ---- reading numbers, each with its limits --------------------------------------------- */

typedef struct reader {
    const json_t *root;
    const char *name;
    syl_error *err;
    syl_status status; /* the first failure; later reads do nothing */
} reader;

static int read_int(reader *r, const char *key, int low, int high, int missing)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || ((!v || json_is_null(v)) && missing >= low)) return missing;
    if (json_is_integer(v) && json_integer_value(v) >= low && json_integer_value(v) <= high)
        return (int)json_integer_value(v);
    r->status =
        syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s %s; needs %d to %d", r->name, key,
                 v ? "is out of range or no integer" : "is missing", low, high);
    return low;
}

static double read_real(reader *r, const char *key, double low, double high, double missing)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || !v || json_is_null(v)) return missing;
    double x = json_number_value(v);
    if (json_is_number(v) && x >= low && x <= high) return x;
    r->status = syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be %g to %g", r->name,
                         key, low, high);
    return low;
}

static bool read_bool(reader *r, const char *key, bool missing)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || !v || json_is_null(v)) return missing;
    if (!json_is_boolean(v))
        r->status = syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be true or false",
                             r->name, key);
    return json_is_true(v);
}

/* NULL when the key is missing. */
static const char *read_text(reader *r, const char *key)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || !v || json_is_null(v)) return NULL;
    if (!json_is_string(v))
        r->status = syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be a string",
                             r->name, key);
    return json_string_value(v);
}

/* The value must be one of two words; true when it is the second. */
static bool read_choice(reader *r, const char *key, const char *first, const char *second)
{
    const char *text = read_text(r, key);
    if (r->status != SYL_OK || !text || strcmp(text, first) == 0) return false;
    if (strcmp(text, second) != 0)
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                             "%s: configuration key %s is \"%.60s\"; supported: %s, %s", r->name,
                             key, text, first, second);
    return true;
}

static void read_ints(reader *r, const char *key, int *out, int n, int high)
{
    json_t *list = json_object_get(r->root, key);
    if (r->status != SYL_OK) return;
    bool good = json_is_array(list) && json_array_size(list) == (size_t)n;
    for (int i = 0; good && i < n; i++) {
        json_t *v = json_array_get(list, (size_t)i);
        good = json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= high;
        out[i] = good ? (int)json_integer_value(v) : 1;
    }
    if (!good)
        r->status =
            syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be %d integers of 1 to %d",
                     r->name, key, n, high);
}

/* ---- the two encoders ------------------------------------------------------------------ */

static void read_hubert(reader *r, syl_config *c)
{
    c->kind = SYL_ENCODER_HUBERT;
    c->sample_rate = read_int(r, "sample_rate", 1000, 768000, 16000);
    c->dim = read_int(r, "hidden_size", 1, MAX_DIM, 0);
    c->layers = read_int(r, "num_hidden_layers", 0, 1000, -1);
    c->heads = read_int(r, "num_attention_heads", 1, 1024, 0);
    c->ff = read_int(r, "intermediate_size", 1, 4 * MAX_DIM, 0);
    c->norm_eps = read_real(r, "layer_norm_eps", 0, 1, 1e-5);
    json_t *dims = json_object_get(r->root, "conv_dim");
    c->hubert.num_convs = (int)json_array_size(dims);
    if (r->status == SYL_OK && (c->hubert.num_convs < 1 || c->hubert.num_convs > SYL_MAX_CONVS))
        r->status = syl_fail(r->err, SYL_EFORMAT,
                             "%s: configuration key conv_dim must list 1 to %d convolutions",
                             r->name, SYL_MAX_CONVS);
    read_ints(r, "conv_dim", c->hubert.conv_dim, c->hubert.num_convs, MAX_DIM);
    read_ints(r, "conv_kernel", c->hubert.conv_kernel, c->hubert.num_convs, 64);
    read_ints(r, "conv_stride", c->hubert.conv_stride, c->hubert.num_convs, 64);
    for (int i = 0; r->status == SYL_OK && i < c->hubert.num_convs; i++)
        if (c->hubert.conv_stride[i] > c->hubert.conv_kernel[i])
            r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                                 "%s: conv_stride of convolution %d is %d, over its conv_kernel %d",
                                 r->name, i, c->hubert.conv_stride[i], c->hubert.conv_kernel[i]);
    c->hubert.pos_kernel = read_int(r, "num_conv_pos_embeddings", 2, 1024, 128);
    c->hubert.pos_groups = read_int(r, "num_conv_pos_embedding_groups", 1, 1024, 16);
    c->hubert.conv_bias = read_bool(r, "conv_bias", false);
    c->hubert.conv_layer_norm = read_choice(r, "feat_extract_norm", "group", "layer");
    c->hubert.pre_norm = read_bool(r, "do_stable_layer_norm", false);
    read_choice(r, "hidden_act", "gelu", "gelu");
    read_choice(r, "feat_extract_activation", "gelu", "gelu");
    if (r->status == SYL_OK && !read_bool(r, "feat_proj_layer_norm", true))
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                             "%s: feat_proj_layer_norm = false is not supported", r->name);
    if (r->status == SYL_OK && read_bool(r, "conv_pos_batch_norm", false))
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED,
                             "%s: conv_pos_batch_norm = true is not supported", r->name);
    if (r->status == SYL_OK && c->dim % c->hubert.pos_groups != 0)
        r->status = syl_fail(r->err, SYL_EFORMAT,
                             "%s: num_conv_pos_embedding_groups %d does not divide hidden_size %d",
                             r->name, c->hubert.pos_groups, c->dim);
    c->norm_threshold = SYLBER_NORM;
    c->merge_threshold = SYLBER_MERGE;
}

static void read_mel(reader *r, syl_config *c)
{
    c->kind = SYL_ENCODER_MEL;
    c->sample_rate = read_int(r, "sample_rate", 1000, 768000, 0);
    c->dim = read_int(r, "hidden_size", 1, MAX_DIM, 0);
    c->layers = read_int(r, "num_hidden_layers", 0, 1000, -1);
    c->heads = read_int(r, "num_attention_heads", 1, 1024, 0);
    c->ff = read_int(r, "intermediate_size", 1, 4 * MAX_DIM, 0);
    c->norm_eps = read_real(r, "layer_norm_eps", 0, 1, 1e-5);
    c->mel.n_fft = read_int(r, "n_fft", 16, 1 << 16, 0);
    c->mel.hop = read_int(r, "hop_length", 1, 1 << 16, 0);
    c->mel.mels = read_int(r, "num_mel_bins", 1, 4096, 0);
    c->mel.log10_floor = read_real(r, "log10_floor", -30, 30, -5);
    c->mel.left = read_int(r, "attention_left", 0, 10000, -1);
    c->mel.right = read_int(r, "attention_right", 0, 10000, -1);
    c->mel.out_dim = read_int(r, "output_size", 1, MAX_DIM, 0);
}

static void read_common(reader *r, syl_config *c)
{
    const char *metric = read_text(r, "metric");
    c->norm_threshold = read_real(r, "norm_threshold", 0, 1e9, c->norm_threshold);
    c->merge_threshold = read_real(r, "merge_threshold", -2, 2, c->merge_threshold);
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
    reader r = {.root = root, .name = name, .err = err};
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
