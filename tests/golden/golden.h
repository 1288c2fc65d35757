/* Reading fixtures and comparing with them. */
#ifndef SYL_TESTS_GOLDEN_H
#define SYL_TESTS_GOLDEN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/io/safetensors.h"

/* Path of a file under tests/golden, in a buffer of the caller's. */
static inline const char *golden_path(char *buffer, size_t size, const char *name)
{
    const char *folder = getenv("GOLDEN");
    snprintf(buffer, size, "%s/%s", folder ? folder : "tests/golden", name);
    return buffer;
}

static inline syl_safetensors *golden_open(const char *name)
{
    char path[4096];
    syl_error err;
    syl_safetensors *file;
    if (syl_safetensors_open(&file, golden_path(path, sizeof path, name), &err) != SYL_OK)
        fail_msg("%s", err.message);
    return file;
}

/* The tensor as float32, freed by the caller; it must be there. */
static inline float *golden_floats(const syl_safetensors *file, const char *name, size_t *count)
{
    const syl_st_tensor *t = syl_safetensors_find(file, name);
    if (!t) fail_msg("fixture has no %s", name);
    float *data = malloc(t->count * sizeof *data);
    assert_non_null(data);
    syl_st_to_f32(t, data);
    if (count) *count = t->count;
    return data;
}

/* The fixture's speech at 16 kHz, once for each gain, after every second one a pause of 0.7 s. */
static inline float *golden_speech(const float *gains, int count, size_t *num_samples)
{
    size_t n, at = 0, pause = 11200;
    syl_safetensors *file = golden_open("small_check.safetensors");
    float *once = golden_floats(file, "audio", &n);
    float *audio = calloc((size_t)count * (n + pause), sizeof *audio);
    assert_non_null(audio);
    for (int part = 0; part < count; part++) {
        for (size_t i = 0; i < n; i++)
            audio[at + i] = gains[part] * once[i];
        at += part % 2 ? n + pause : n;
    }
    free(once);
    syl_safetensors_free(file);
    *num_samples = at;
    return audio;
}

/* Where the model that ships is. */
static inline const char *golden_model(void)
{
    const char *path = getenv("MODEL");
    return path ? path : "sylber/models/sylber-small.safetensors";
}

/* Fails when any |a - b| is above the tolerance, or is NaN. */
static inline void assert_close(const char *what, const float *a, const float *b, size_t n,
                                double tolerance)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);
        if (!(d <= tolerance)) fail_msg("%s: value %zu is %g, expected %g", what, i, a[i], b[i]);
        worst = d > worst ? d : worst;
    }
    print_message("%-18s %8zu values, largest difference %.2g\n", what, n, worst);
}

static inline double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

#endif
