/* A module as parsed: functions are arrays of decoded instructions whose operands are slots of a
 * register file, constants and special registers among them. */
#ifndef SYL_TESTS_PTX_MODULE_H
#define SYL_TESTS_PTX_MODULE_H

#include "tests/ptx/ptx.h"

/* Addresses of the windows through which generic addresses see shared and local memory: no address
 * of the host looks so. Shared addresses themselves count from 0, dynamic shared memory has its own
 * start, so that running out of a static array is never running into it. */
#define SHARED_WINDOW (UINT64_C(1) << 56)
#define LOCAL_WINDOW (UINT64_C(2) << 56)
#define WINDOW_BYTES (UINT64_C(1) << 32)
#define DYNAMIC_SHARED (UINT64_C(1) << 24)
#define SHARED_GAP 16 /* bytes that belong to nobody behind each shared variable */

typedef enum ptx_space {
    SPACE_GENERIC,
    SPACE_PARAM,
    SPACE_GLOBAL,
    SPACE_CONST,
    SPACE_SHARED,
    SPACE_LOCAL
} ptx_space;

typedef enum ptx_class {
    CLASS_PRED,
    CLASS_BITS,
    CLASS_UNSIGNED,
    CLASS_SIGNED,
    CLASS_FLOAT
} ptx_class;

typedef struct ptx_type {
    uint8_t class;
    uint8_t bytes;
    bool brain; /* bf16, not f16 */
} ptx_type;

typedef enum ptx_kind {
    KIND_ALU,      /* dst = alu(src...) */
    KIND_MODIFIED, /* the same with rounding, .ftz, .sat, or a predicate combined */
    KIND_SELECT,
    KIND_MOVE,
    KIND_PACK,
    KIND_UNPACK,
    KIND_LOAD,
    KIND_STORE,
    KIND_ATOMIC,
    KIND_BRANCH,
    KIND_BRANCH_TABLE,
    KIND_CALL,
    KIND_RETURN,
    KIND_EXIT,
    KIND_TRAP,
    KIND_FENCE,
    KIND_BARRIER,   /* waits for the block */
    KIND_COLLECTIVE /* waits for lanes of its warp */
} ptx_kind;

typedef enum ptx_detail {
    DETAIL_NONE,
    SHUFFLE_UP,
    SHUFFLE_DOWN,
    SHUFFLE_BUTTERFLY,
    SHUFFLE_INDEX,
    VOTE_ALL,
    VOTE_ANY,
    VOTE_UNI,
    VOTE_BALLOT,
    REDUX,
    WARP_BARRIER,
    ACTIVE_MASK,
    BARRIER_PLAIN,
    BARRIER_POPC,
    BARRIER_AND,
    BARRIER_OR,
    ATOMIC_CAS,
    ATOMIC_EXCHANGE
} ptx_detail;

typedef enum ptx_combine { COMBINE_NONE, COMBINE_AND, COMBINE_OR, COMBINE_XOR } ptx_combine;

enum { MODIFIER_FTZ = 1, MODIFIER_SATURATE = 2, MODIFIER_COMPARES = 4, MODIFIER_NEGATED = 8 };

typedef uint64_t (*ptx_alu)(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

typedef struct ptx_insn {
    uint8_t kind, detail, space;
    uint8_t modifiers, rounding, combine; /* rounding: an index of ptx_roundings */
    bool guard_negated, narrow_address;   /* the address is a register of 32 bits */
    uint8_t count;                        /* elements of a vector */
    ptx_type type;
    uint32_t guard; /* slot; SLOT_ZERO for none */
    uint32_t dst, dst2;
    uint32_t src[4];
    uint32_t vector[4]; /* what a vector operand consists of */
    int64_t offset;     /* of an address */
    ptx_alu alu;
    uint32_t target; /* instruction, table or call */
    uint32_t line, source_line;
} ptx_insn;

enum {
    SLOT_ZERO, /* also: no operand */
    SLOT_SINK, /* where `_` is written */
    SLOT_TID,
    SLOT_NTID = SLOT_TID + 3,
    SLOT_CTAID = SLOT_NTID + 3,
    SLOT_NCTAID = SLOT_CTAID + 3,
    SLOT_LANE = SLOT_NCTAID + 3,
    SLOT_WARP,
    SLOT_WARPS,
    SLOT_MASK_EQ,
    SLOT_MASK_LE,
    SLOT_MASK_LT,
    SLOT_MASK_GE,
    SLOT_MASK_GT,
    SLOT_DYNAMIC_BYTES,
    SLOT_SPECIALS /* how many are fixed */
};

typedef struct ptx_variable {
    char *name;
    ptx_space space;
    uint64_t address; /* in its space */
    uint64_t bytes, align;
    uint8_t element;     /* bytes of one */
    unsigned char *data; /* of .global and .const */
} ptx_variable;

typedef struct ptx_call {
    char *name; /* of the callee */
    const struct ptx_function *callee;
    uint32_t line;
    size_t arg_count, result_count;
    uint64_t args[32], results[1]; /* offsets in the caller's .param memory */
} ptx_call;

typedef struct ptx_table {
    uint32_t *targets;
    size_t count;
} ptx_table;

typedef struct ptx_function {
    struct ptx_module *module;
    char *name;
    bool entry, defined;
    ptx_variable *params; /* results of a .func first */
    size_t param_count, result_count;
    uint64_t param_bytes; /* with those declared in the body */
    uint64_t shared_bytes;
    uint64_t max_threads; /* .maxntid or .reqntid; 0: any */
    ptx_insn *code;
    size_t code_count;
    uint64_t *initial; /* [slot_count]: constants */
    uint8_t *initial_defined;
    uint8_t *slot_bytes; /* 0 where a constant */
    size_t slot_count;
    ptx_variable *variables; /* of the body */
    size_t variable_count;
    ptx_call *calls;
    size_t call_count;
    ptx_table *tables;
    size_t table_count;
} ptx_function;

typedef struct ptx_module {
    char *path;
    char *text; /* ends with 0 */
    size_t size;
    ptx_function **functions;
    size_t function_count;
    ptx_variable *variables;
    size_t variable_count;
    uint64_t shared_bytes; /* of variables outside functions */
    uint64_t shared_top;   /* of those inside too */
    uint64_t local_bytes;  /* each function has its own part: there is no recursion */
    char *source;          /* of .loc; NULL without -lineinfo */
} ptx_module;

#endif
