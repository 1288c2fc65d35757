/* Chain arithmetic modulo 10. */
#include <stdio.h>

#include "embed/sent/gen_draw.h"

#define MOST 20 /* operations */
#define ROOM 8  /* a step's text */

syl_arith_options syl_arith_defaults(void)
{
    return (syl_arith_options){.min_operations = 2, .max_operations = 4};
}

static int apply(int a, char operation, int b)
{
    return (operation == '+' ? a + b : operation == '-' ? a - b + 10 : a * b) % 10;
}

/* Operands and operations alternate in `chain`, which has room for 2 * operations + 2. */
static void draw_chain(char *chain, int operations, syl_random *r)
{
    for (int i = 0; i <= operations; i++) {
        chain[2 * i] = (char)('0' + syl_random_below(r, 10));
        chain[2 * i + 1] = "+-*"[syl_random_below(r, 3)];
    }
    chain[2 * operations + 1] = '\0';
}

static syl_status add_chain(syl_sent_dataset *out, const char *chain, int operations,
                            syl_error *err)
{
    char texts[MOST][ROOM], answer[2] = {0};
    const char *steps[MOST];
    int value = chain[0] - '0';
    for (int i = 0; i < operations; i++) {
        char operation = chain[2 * i + 1], operand = chain[2 * i + 2];
        int result = apply(value, operation, operand - '0');
        snprintf(texts[i], ROOM, "%c%c%c=%c", (char)('0' + value), operation, operand,
                 (char)('0' + result));
        steps[i] = texts[i];
        value = result;
    }
    answer[0] = (char)('0' + value);
    return syl_sent_dataset_add(out, chain, steps, operations, answer, err);
}

static syl_status draw_all(syl_sent_dataset *out, syl_gen_seen *seen, const syl_arith_options *o,
                           const syl_sent_draw *draw, syl_error *err)
{
    syl_random r = {.seed = draw->seed, .stream = (uint64_t)draw->split};
    char chain[2 * MOST + 2];
    for (int tries = 0; out->count < draw->count;) {
        bool take;
        int operations = syl_gen_between(&r, o->min_operations, o->max_operations);
        draw_chain(chain, operations, &r);
        SYL_TRY(syl_gen_take(seen, chain, draw->split, &take, err));
        tries = take ? 0 : tries + 1;
        if (take) SYL_TRY(add_chain(out, chain, operations, err));
        if (tries == SYL_GEN_PATIENCE)
            return syl_gen_exhausted(out, draw, "take fewer, or more operations", err);
    }
    return SYL_OK;
}

syl_status syl_sent_gen_arith(syl_sent_dataset *out, const syl_arith_options *options,
                              const syl_sent_draw *draw, syl_error *err)
{
    syl_gen_seen seen = {0};
    *out = (syl_sent_dataset){0};
    if (options->min_operations < 1 || options->max_operations > MOST ||
        options->min_operations > options->max_operations)
        return syl_fail(err, SYL_EINVAL, "from %d to %d operations; 1 to %d, the smaller first",
                        options->min_operations, options->max_operations, MOST);
    syl_status status = draw_all(out, &seen, options, draw, err);
    syl_gen_seen_free(&seen);
    if (status) syl_sent_dataset_free(out);
    return status;
}
