/* Between the files of the parser: parse.c (a module), body.c (a function), operand.c, decode.c. */
#ifndef SYL_TESTS_PTX_PARSER_H
#define SYL_TESTS_PTX_PARSER_H

#include "tests/ptx/lexer.h"

#define MAX_OPERANDS 6
#define MAX_PARTS 16

typedef struct ptx_registers { /* %r<50>, or one name */
    ptx_token prefix;
    uint64_t count; /* 0: one of exactly that name */
    uint32_t first;
} ptx_registers;

typedef struct ptx_label {
    ptx_token name;
    uint32_t target;
} ptx_label;

typedef struct ptx_fixup { /* a branch to a label that may come later */
    ptx_token name;
    size_t insn; /* SIZE_MAX: an entry of a table */
    size_t table, entry;
} ptx_fixup;

typedef struct ptx_parser {
    ptx_lexer lexer;
    ptx_module *module;
    ptx_function *function;
    ptx_registers *registers;
    size_t register_count;
    ptx_label *labels, *table_names;
    size_t label_count, table_name_count;
    ptx_fixup *fixups;
    size_t fixup_count;
    uint32_t source_line;
} ptx_parser;

typedef enum ptx_operand_kind {
    OPERAND_SLOT,
    OPERAND_VECTOR,
    OPERAND_ADDRESS,
    OPERAND_NAME
} ptx_operand_kind;

typedef struct ptx_operand {
    ptx_operand_kind kind;
    uint32_t slot, second; /* second: of d|p */
    bool negated;
    uint8_t count;
    uint32_t vector[4];
    int64_t offset;
    ptx_token name;
} ptx_operand;

/* An opcode taken apart at its dots, and its operands. */
typedef struct ptx_statement {
    char text[128];
    const char *part[MAX_PARTS];
    size_t part_count;
    ptx_operand operand[MAX_OPERANDS];
    size_t operand_count;
    ptx_insn *insn; /* zeroed but for guard and lines */
} ptx_statement;

bool ptx_parse_type(const char *name, ptx_type *type);
/* [.align N] .type name [[N]...]; what comes after is left. */
bool ptx_parse_variable(ptx_parser *p, ptx_variable *variable, bool *unsized);
/* A place of that size behind *top. */
uint64_t ptx_place(uint64_t *top, uint64_t bytes, uint64_t align);
const ptx_variable *ptx_find_variable(const ptx_parser *p, const ptx_token *name);

/* Between { and }. */
bool ptx_parse_body(ptx_parser *p);
bool ptx_add_slot(ptx_parser *p, uint64_t value, bool defined, uint8_t bytes, uint32_t *slot);
bool ptx_constant(ptx_parser *p, uint64_t value, uint32_t *slot);
bool ptx_find_register(const ptx_parser *p, const ptx_token *name, uint32_t *slot);
bool ptx_branch_to(ptx_parser *p, const ptx_token *label, size_t insn);
bool ptx_parse_operand(ptx_parser *p, ptx_operand *operand);
bool ptx_decode(ptx_parser *p, ptx_statement *s);
bool ptx_parse_call(ptx_parser *p, ptx_insn *insn);

#endif
