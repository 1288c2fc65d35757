/* Instructions that only compute: functions of up to four registers. Registers hold a value's bits
 * in their low bytes, what is above them is nothing's business: every function takes what its type
 * says. Predicates are bit 0. */
#ifndef SYL_TESTS_PTX_ALU_H
#define SYL_TESTS_PTX_ALU_H

#include <string.h>

#include "tests/ptx/module.h"

typedef struct ptx_alu_entry {
    const char *name; /* opcode without rounding, .approx, .ftz, .sat, with its type */
    ptx_alu run;
    int sources;
} ptx_alu_entry;

/* End with a name of NULL. */
extern const ptx_alu_entry ptx_integer_alu[], ptx_bits_alu[], ptx_float_alu[], ptx_compare_alu[];
const ptx_alu_entry *ptx_alu_find(const char *name);

/* The conversion between two types; `how` is ptx_conversion(...) as a constant operand. */
uint64_t ptx_convert(uint64_t a, uint64_t how, uint64_t c, uint64_t d);
uint64_t ptx_conversion(ptx_type to, ptx_type from, unsigned rounding, bool to_integer,
                        bool saturate, bool flush);

/* Nearest even, to zero, down, up: fesetround's values for rn rz rm rp. */
extern const int ptx_roundings[4];
uint64_t ptx_run_modified(const ptx_insn *insn, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

static inline float ptx_f32(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float x;

    memcpy(&x, &low, sizeof x);
    return x;
}

static inline uint64_t ptx_bits32(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double ptx_f64(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t ptx_bits64(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Defines a function of the four registers; those that its body leaves alone are of no use. */
#define PTX_ALU(name, ...)                                               \
    static uint64_t name(uint64_t a, uint64_t b, uint64_t c, uint64_t d) \
    {                                                                    \
        (void)a, (void)b, (void)c, (void)d;                              \
        return (uint64_t)(__VA_ARGS__);                                  \
    }

#endif
