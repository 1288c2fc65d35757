/* sylkit info: what a model or a recording is; without arguments, what this build is. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef HAVE_CAIRO
#include <cairo.h>
#endif
#include <dnnl.h>
#include <fftw3.h>
#include <sndfile.h>
#include <soxr.h>

#include "lib/audio/audio_file.h"
#include "lib/base/status.h"
#include "lib/cli/options.h"
#include "lib/compute/compute.h"
#include "lib/io/utf8.h"
#include "sylber/cmd.h"

static const char help[] =
    "Usage: sylkit info [--json] [MODEL|RECORDING...]\n"
    "       sylkit info [--json] devices\n"
    "Describes models (.safetensors files, folders with config.json) and recordings; without\n"
    "arguments, this build: version, libraries, what the processor offers. `devices`: what\n"
    "--device can name on this machine, and why CUDA cannot be used where it cannot.\n\n"
    "  --json                   one JSON object a line\n"
    "  --raw ENC:RATE:CHANNELS  recordings have no header, e.g. s16le:16000:1\n"
    "  -h, --help\n";

/* ---- this build --------------------------------------------------------------------- */

static void add_feature(json_t *list, const char *name, int there)
{
    if (there) json_array_append_new(list, json_string(name));
}

static json_t *cpu_features(void)
{
    json_t *list = json_array();
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    add_feature(list, "avx2", __builtin_cpu_supports("avx2"));
    add_feature(list, "fma", __builtin_cpu_supports("fma"));
    add_feature(list, "avx512f", __builtin_cpu_supports("avx512f"));
    add_feature(list, "avx512bw", __builtin_cpu_supports("avx512bw"));
    add_feature(list, "avx512vnni", __builtin_cpu_supports("avx512vnni"));
    add_feature(list, "avx512bf16", __builtin_cpu_supports("avx512bf16"));
#else
    (void)add_feature;
#endif
    return list;
}

static json_t *describe_build(void)
{
    json_t *libraries =
        json_pack("{s:s, s:s, s:s, s:s}", "libsndfile", sf_version_string(), "soxr", soxr_version(),
                  "fftw", fftwf_version, "jansson", jansson_version_str());
    const dnnl_version_t *dnnl = dnnl_version();
    json_object_set_new(libraries, "onednn",
                        json_sprintf("%d.%d.%d", dnnl->major, dnnl->minor, dnnl->patch));
#ifdef HAVE_CAIRO
    json_object_set_new(libraries, "cairo", json_string(cairo_version_string()));
#endif
#ifdef _OPENMP
    int openmp = 1;
#else
    int openmp = 0;
#endif
    return json_pack("{s:s, s:o, s:b, s:o}", "version", syl_version(), "libraries", libraries,
                     "openmp", openmp, "cpu", cpu_features());
}

/* ---- models and recordings ---------------------------------------------------------- */

static int is_model(const char *path)
{
    static const char ending[] = ".safetensors";
    struct stat st;
    size_t n = strlen(path);
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) return 1;
    return n >= sizeof ending && !strcmp(path + n - (sizeof ending - 1), ending);
}

static syl_status describe_model(json_t **out, const char *path, syl_error *err)
{
    static const char *const metrics[] = {"euclidean", "norm6", "spherical"};
    syl_model *model;
    syl_model_info m;
    SYL_TRY(syl_model_load(&model, path, NULL, err));
    syl_model_get_info(model, &m);
    const char *metric = m.metric >= 0 ? metrics[m.metric] : "euclidean";
    *out = json_pack("{s:s, s:i, s:f, s:i, s:i, s:I, s:i, s:i, s:s, s:f, s:f, s:f}", "encoder",
                     m.encoder, "sample_rate", m.sample_rate, "frame_rate", m.frame_rate, "dim",
                     m.dim, "layers", m.layers, "parameters", (json_int_t)m.parameters, "tokens",
                     m.tokens, "residual_tokens", m.residual_tokens, "metric", metric,
                     "norm_threshold", m.norm_threshold, "merge_threshold", m.merge_threshold,
                     "lookahead_seconds", m.lookahead_seconds);
    syl_model_free(model);
    return SYL_OK;
}

static syl_status describe_audio(json_t **out, const char *path, const char *raw, syl_error *err)
{
    syl_audio_file *audio;
    syl_audio_info info;
    SYL_TRY(syl_audio_open(&audio, path, raw, err));
    syl_audio_get_info(audio, &info);
    *out = json_pack("{s:s?, s:i, s:i}", "format", info.format, "sample_rate", info.sample_rate,
                     "channels", info.channels);
    if (info.frames >= 0) {
        double seconds = (double)info.frames / info.sample_rate;
        json_object_set_new(*out, "num_samples", json_integer((json_int_t)info.frames));
        json_object_set_new(*out, "seconds", json_real(seconds));
    }
    syl_audio_close(audio);
    return SYL_OK;
}

/* ---- printing ----------------------------------------------------------------------- */

static void print_value(json_t *value)
{
    const char *between = "", *name;
    size_t i;
    json_t *item;
    if (json_is_string(value))
        fputs(json_string_value(value), stdout);
    else if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            printf("%s%s", i ? " " : "", json_string_value(item));
        }
    } else if (json_is_object(value)) {
        json_object_foreach(value, name, item)
        {
            printf("%s%s %s", between, name, json_string_value(item));
            between = ", ";
        }
    } else if (json_is_real(value))
        printf("%.10g", json_real_value(value));
    else
        json_dumpf(value, stdout, JSON_ENCODE_ANY);
}

static int print(json_t *object, const char *path, int json)
{
    const char *key;
    json_t *value;
    if (!object) {
        fprintf(stderr, "sylkit: %s: it cannot be described\n", path ? path : "sylkit");
        return SYL_EXIT_FAILED;
    }
    if (json) {
        char *name = path ? syl_utf8_clean(path) : NULL;
        if (name) json_object_set_new(object, "file", json_string(name));
        free(name);
        json_dumpf(object, stdout, JSON_REAL_PRECISION(10));
        putchar('\n');
    } else {
        if (path) printf("%s\n", path);
        json_object_foreach(object, key, value)
        {
            printf("%s%-18s ", path ? "  " : "", key);
            print_value(value);
            putchar('\n');
        }
    }
    json_decref(object);
    return SYL_EXIT_OK;
}

static int describe(const char *path, const char *raw, int json)
{
    json_t *object = NULL;
    syl_error err;
    syl_status status = is_model(path) ? describe_model(&object, path, &err)
                                       : describe_audio(&object, path, raw, &err);
    if (status) return syl_report(path, &err);
    return print(object, path, json);
}

/* ---- devices -------------------------------------------------------------------------- */

static json_t *describe_device(const char *name)
{
    syl_device *device;
    syl_error err;
    if (syl_device_open(&device, name, &err) != SYL_OK)
        return json_pack("{s:s, s:b, s:s}", "device", name, "usable", 0, "reason", err.message);
    json_t *object =
        json_pack("{s:s, s:b, s:s}", "device", name, "usable", 1, "name", syl_device_name(device));
    syl_device_close(device);
    return object;
}

static int print_devices(int json)
{
    int count, code = print(describe_device("cpu"), NULL, json);
    syl_error err;
    if (syl_device_count("cuda", &count, &err) != SYL_OK)
        return print(
            json_pack("{s:s, s:b, s:s}", "device", "cuda", "usable", 0, "reason", err.message),
            NULL, json);
    for (int i = 0; i < count && code == SYL_EXIT_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "cuda:%d", i);
        code = print(describe_device(name), NULL, json);
    }
    return code;
}

int syl_cmd_info(int argc, char **argv)
{
    static const struct option table[] = {{"json", no_argument, NULL, 'j'},
                                          {"raw", required_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *raw = NULL;
    int option, json = 0, code = SYL_EXIT_OK;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (option == 'j')
            json = 1;
        else if (option == 'r')
            raw = optarg;
        else if (option == 'h')
            return fputs(help, stdout) < 0 ? SYL_EXIT_FAILED : SYL_EXIT_OK;
        else {
            fputs("Try: sylkit info --help\n", stderr);
            return SYL_EXIT_USAGE;
        }
    }
    if (optind == argc) return print(describe_build(), NULL, json);
    if (argc - optind == 1 && !strcmp(argv[optind], "devices")) return print_devices(json);
    for (int i = optind; i < argc; i++)
        if (describe(argv[i], raw, json)) code = SYL_EXIT_FAILED;
    return code;
}
