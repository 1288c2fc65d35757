/* What the tests of language models in training share: the shape of make_lm_net.py's models, and
 * its fixture's tensors. */
#ifndef SYL_TESTS_LM_CASE_H
#define SYL_TESTS_LM_CASE_H

#include "embed/lm/net.h"
#include "tests/golden/golden.h"

#define DIM 16
#define ROWS 13 /* of two sequences */
#define SHAPE \
    .vocab = 23, .dim = DIM, .layers = 2, .heads = 4, .context = 12, .eps = 1e-5f, .rope_base = 40

static const int64_t begin[] = {0, 7, ROWS};
static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

/* Of one model: what stands before the names of its tensors. */
typedef struct lm_case {
    syl_safetensors *file;
    const char *prefix;
} lm_case;

static float *floats(const lm_case *c, const char *what, const char *name, size_t *n)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s%s", c->prefix, what, name);
    return golden_floats(c->file, full, n);
}

static void ints(const lm_case *c, const char *name, int32_t out[ROWS])
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", c->prefix, name);
    const syl_st_tensor *t = syl_safetensors_find(c->file, full);
    assert_true(t && t->dtype == SYL_I32 && t->count == ROWS);
    memcpy(out, t->data, ROWS * sizeof *out);
}

static void compare(const lm_case *c, const char *what, const char *name, const float *got,
                    double tolerance)
{
    size_t n;
    float *want = floats(c, what, name, &n);
    assert_close(name, got, want, n, tolerance);
    free(want);
}

#endif
