/* Operands: registers, numbers, variables' addresses, {vectors}, [addresses], names. */
#include <string.h>

#include "tests/ptx/parser.h"

static const struct {
    const char *name;
    uint32_t slot;
} specials[] = {
    {"%tid.x", SLOT_TID},
    {"%tid.y", SLOT_TID + 1},
    {"%tid.z", SLOT_TID + 2},
    {"%ntid.x", SLOT_NTID},
    {"%ntid.y", SLOT_NTID + 1},
    {"%ntid.z", SLOT_NTID + 2},
    {"%ctaid.x", SLOT_CTAID},
    {"%ctaid.y", SLOT_CTAID + 1},
    {"%ctaid.z", SLOT_CTAID + 2},
    {"%nctaid.x", SLOT_NCTAID},
    {"%nctaid.y", SLOT_NCTAID + 1},
    {"%nctaid.z", SLOT_NCTAID + 2},
    {"%laneid", SLOT_LANE},
    {"%warpid", SLOT_WARP},
    {"%nwarpid", SLOT_WARPS},
    {"%lanemask_eq", SLOT_MASK_EQ},
    {"%lanemask_le", SLOT_MASK_LE},
    {"%lanemask_lt", SLOT_MASK_LT},
    {"%lanemask_ge", SLOT_MASK_GE},
    {"%lanemask_gt", SLOT_MASK_GT},
    {"%dynamic_smem_size", SLOT_DYNAMIC_BYTES},
};

static bool unknown(ptx_parser *p, const ptx_token *word)
{
    return ptx_complain(&p->lexer, "`%.*s` is not a register, variable or label that is known",
                        word->length < 80 ? (int)word->length : 80, word->text);
}

/* A register, special register, variable or number, whichever it is. */
static bool parse_value(ptx_parser *p, uint32_t *slot)
{
    ptx_token word = p->lexer.token;
    const ptx_variable *variable;
    uint64_t value;
    unsigned bytes;

    if (word.kind != TOKEN_WORD && word.kind != TOKEN_NUMBER) return unknown(p, &word);
    ptx_next(&p->lexer);
    if (word.kind == TOKEN_NUMBER)
        return ptx_number(&word, &value, &bytes) ? ptx_constant(p, value, slot) : unknown(p, &word);
    if (ptx_find_register(p, &word, slot)) return true;
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (ptx_token_is(&word, specials[i].name)) {
            *slot = specials[i].slot;
            return true;
        }
    if (ptx_token_is(&word, "WARP_SZ")) return ptx_constant(p, 32, slot);
    if (ptx_token_is(&word, "_") || ptx_token_is(&word, "%temp")) {
        *slot = SLOT_SINK;
        return true;
    }
    variable = ptx_find_variable(p, &word);
    return variable ? ptx_constant(p, variable->address, slot) : unknown(p, &word);
}

static bool parse_vector(ptx_parser *p, ptx_operand *operand)
{
    operand->kind = OPERAND_VECTOR;
    do {
        if (operand->count == 4) return ptx_complain(&p->lexer, "a vector of more than 4");
        if (!parse_value(p, &operand->vector[operand->count++])) return false;
    } while (ptx_take(&p->lexer, ","));
    return ptx_expect(&p->lexer, "}");
}

static bool parse_address(ptx_parser *p, ptx_operand *operand)
{
    uint64_t offset = 0;
    unsigned bytes;

    operand->kind = OPERAND_ADDRESS;
    if (!parse_value(p, &operand->slot)) return false;
    if (ptx_take(&p->lexer, "+")) {
        if (!ptx_number(&p->lexer.token, &offset, &bytes) || bytes)
            return ptx_complain(&p->lexer, "an offset that is not a number");
        ptx_next(&p->lexer);
    }
    operand->offset = (int64_t)offset;
    return ptx_expect(&p->lexer, "]");
}

/* Labels and tables, which may come later, stay names. */
static bool is_name(const ptx_parser *p)
{
    const ptx_token *word = &p->lexer.token;
    uint32_t slot;

    return word->kind == TOKEN_WORD && word->text[0] != '%' && !ptx_token_is(word, "_") &&
           !ptx_token_is(word, "WARP_SZ") && !ptx_find_register(p, word, &slot) &&
           !ptx_find_variable(p, word);
}

bool ptx_parse_operand(ptx_parser *p, ptx_operand *operand)
{
    if (ptx_take(&p->lexer, "{")) return parse_vector(p, operand);
    if (ptx_take(&p->lexer, "[")) return parse_address(p, operand);
    if (is_name(p)) {
        operand->kind = OPERAND_NAME;
        return ptx_expect_word(&p->lexer, &operand->name);
    }
    operand->negated = ptx_take(&p->lexer, "!");
    if (!parse_value(p, &operand->slot)) return false;
    return !ptx_take(&p->lexer, "|") || parse_value(p, &operand->second);
}
