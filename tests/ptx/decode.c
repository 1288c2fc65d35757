/* From an opcode's text to what the executor switches on. What is not known is refused. */
#include <stdio.h>
#include <string.h>

#include "tests/ptx/alu.h"
#include "tests/ptx/parser.h"

static bool unsupported(ptx_parser *p, const ptx_statement *s)
{
    char text[160];
    size_t n = 0;

    for (size_t i = 0; i < s->part_count && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "." : "", s->part[i]);
    return ptx_complain(&p->lexer, "this form of `%s` is not supported (what is left of it: `%s`)",
                        s->part[0], text);
}

/* Takes a part off; so each decoder ends with nothing left but what it understood. */
static bool take(ptx_statement *s, const char *part)
{
    for (size_t i = 1; i < s->part_count; i++) {
        if (strcmp(s->part[i], part) != 0) continue;
        memmove(&s->part[i], &s->part[i + 1], (s->part_count - i - 1) * sizeof *s->part);
        s->part_count--;
        return true;
    }
    return false;
}

static void take_any(ptx_statement *s, const char *const *parts)
{
    for (; *parts; parts++)
        take(s, *parts);
}

/* Takes the last part, which is a type. */
static bool take_type(ptx_statement *s, ptx_type *type)
{
    return s->part_count > 1 && ptx_parse_type(s->part[--s->part_count], type);
}

/* Operands as `want` says, a letter each: s register or value, v vector or register, a address,
 * n name. */
static bool operands_are(ptx_parser *p, const ptx_statement *s, const char *want)
{
    if (s->operand_count != strlen(want))
        return ptx_complain(&p->lexer, "`%s` with %zu operands, not %zu", s->part[0],
                            s->operand_count, strlen(want));
    for (size_t i = 0; i < s->operand_count; i++) {
        ptx_operand_kind kind = s->operand[i].kind;
        bool fits = want[i] == 's'   ? kind == OPERAND_SLOT
                    : want[i] == 'v' ? kind == OPERAND_SLOT || kind == OPERAND_VECTOR
                    : want[i] == 'a' ? kind == OPERAND_ADDRESS
                                     : kind == OPERAND_NAME;

        if (kind == OPERAND_NAME && !fits)
            return ptx_complain(&p->lexer, "`%.*s` is not known",
                                s->operand[i].name.length < 80 ? (int)s->operand[i].name.length
                                                               : 80,
                                s->operand[i].name.text);
        if (!fits) return ptx_complain(&p->lexer, "operand %zu of `%s`", i + 1, s->part[0]);
    }
    return true;
}

/* Constants and special registers are not written to. */
static bool writable(ptx_parser *p, uint32_t slot)
{
    const ptx_function *f = p->function;
    bool reg = slot == SLOT_SINK || (slot >= SLOT_SPECIALS && f->slot_bytes[slot] > 0);

    return reg || ptx_complain(&p->lexer, "the destination is not a register");
}

static bool set_destination(ptx_parser *p, const ptx_statement *s)
{
    s->insn->dst = s->operand[0].slot;
    s->insn->dst2 = s->operand[0].second ? s->operand[0].second : SLOT_SINK;
    return writable(p, s->insn->dst) && writable(p, s->insn->dst2);
}

static void set_sources(const ptx_statement *s, size_t first)
{
    for (size_t i = first; i < s->operand_count && i - first < 4; i++)
        s->insn->src[i - first] = s->operand[i].slot;
}

static bool set_vector(ptx_parser *p, ptx_insn *insn, const ptx_operand *operand, bool written)
{
    insn->count = operand->kind == OPERAND_VECTOR ? operand->count : 1;
    if (operand->kind == OPERAND_VECTOR)
        memcpy(insn->vector, operand->vector, sizeof insn->vector);
    else
        insn->vector[0] = operand->slot;
    for (int i = 0; written && i < insn->count; i++)
        if (!writable(p, insn->vector[i])) return false;
    return true;
}

static void set_address(const ptx_parser *p, ptx_insn *insn, const ptx_operand *operand)
{
    insn->src[0] = operand->slot;
    insn->offset = operand->offset;
    insn->narrow_address = p->function->slot_bytes[operand->slot] == 4;
}

static void take_space(ptx_statement *s)
{
    static const struct {
        const char *name;
        ptx_space space;
    } spaces[] = {{"param", SPACE_PARAM},   {"global", SPACE_GLOBAL},      {"const", SPACE_CONST},
                  {"shared", SPACE_SHARED}, {"shared::cta", SPACE_SHARED}, {"local", SPACE_LOCAL}};

    s->insn->space = SPACE_GENERIC;
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (take(s, spaces[i].name)) s->insn->space = (uint8_t)spaces[i].space;
}

/* Caches and orders mean nothing where one thread runs at a time. */
static const char *const hints[] = {"weak",
                                    "relaxed",
                                    "volatile",
                                    "acquire",
                                    "release",
                                    "acq_rel",
                                    "gpu",
                                    "cta",
                                    "sys",
                                    "ca",
                                    "cg",
                                    "cs",
                                    "cv",
                                    "lu",
                                    "wb",
                                    "wt",
                                    "nc",
                                    "L1::no_allocate",
                                    "L1::evict_last",
                                    "L1::evict_first",
                                    "L1::evict_normal",
                                    "L1::evict_unchanged",
                                    "L2::128B",
                                    "L2::256B",
                                    "L2::64B",
                                    NULL};

static bool decode_access(ptx_parser *p, ptx_statement *s)
{
    bool load = s->part[0][1] == 'd';
    unsigned count = 1;
    const ptx_operand *values = &s->operand[load ? 0 : 1];

    take_space(s);
    take_any(s, hints);
    if (take(s, "v2")) count = 2;
    if (take(s, "v4")) count = 4;
    if (!take_type(s, &s->insn->type) || s->part_count != 1 || s->insn->type.class == CLASS_PRED)
        return unsupported(p, s);
    if (!operands_are(p, s, load ? "va" : "av") || !set_vector(p, s->insn, values, load))
        return false;
    if (s->insn->count != count) return ptx_complain(&p->lexer, "a vector of another size");
    if (!load && s->insn->space == SPACE_CONST) return unsupported(p, s);
    s->insn->kind = load ? KIND_LOAD : KIND_STORE;
    set_address(p, s->insn, &s->operand[load ? 1 : 0]);
    return true;
}

/* Two or four registers make one, or one makes them. */
static bool decode_pack(ptx_parser *p, ptx_statement *s)
{
    bool pack = s->operand[1].kind == OPERAND_VECTOR;

    s->insn->kind = pack ? KIND_PACK : KIND_UNPACK;
    if (!operands_are(p, s, pack ? "sv" : "vs")) return false;
    if (!set_vector(p, s->insn, &s->operand[pack ? 1 : 0], !pack)) return false;
    if (s->insn->type.bytes % s->insn->count != 0 || s->insn->type.class == CLASS_PRED)
        return ptx_complain(&p->lexer, "a vector of another size");
    set_sources(s, 1);
    return !pack || set_destination(p, s);
}

static bool decode_mov(ptx_parser *p, ptx_statement *s)
{
    if (!take_type(s, &s->insn->type) || s->part_count != 1) return unsupported(p, s);
    if (s->operand_count == 2 &&
        (s->operand[0].kind == OPERAND_VECTOR || s->operand[1].kind == OPERAND_VECTOR))
        return decode_pack(p, s);
    s->insn->kind = KIND_MOVE;
    set_sources(s, 1);
    return operands_are(p, s, "ss") && set_destination(p, s);
}

/* Generic addresses of global memory are the host's, of shared and local memory their window's. */
static bool decode_cvta(ptx_parser *p, ptx_statement *s)
{
    bool to = take(s, "to");
    uint64_t window;

    take_space(s);
    if (!take_type(s, &s->insn->type) || s->part_count != 1 || s->insn->type.bytes != 8 ||
        s->insn->space == SPACE_PARAM)
        return unsupported(p, s);
    if (!operands_are(p, s, "ss") || !set_destination(p, s)) return false;
    set_sources(s, 1);
    s->insn->kind = KIND_MOVE;
    if (s->insn->space != SPACE_SHARED && s->insn->space != SPACE_LOCAL) return true;
    window = s->insn->space == SPACE_SHARED ? SHARED_WINDOW : LOCAL_WINDOW;
    s->insn->kind = KIND_ALU;
    s->insn->alu = ptx_alu_find(to ? "sub.u64" : "add.u64")->run;
    return ptx_constant(p, window, &s->insn->src[1]);
}

static bool decode_cvt(ptx_parser *p, ptx_statement *s)
{
    static const char *const names[2][4] = {{"rn", "rz", "rm", "rp"}, {"rni", "rzi", "rmi", "rpi"}};
    bool saturate = take(s, "sat"), flush = take(s, "ftz"), to_integer = false;
    ptx_insn *insn = s->insn;
    unsigned rounding = 0;
    ptx_type from;

    for (int integer = 0; integer < 2; integer++)
        for (int i = 0; i < 4; i++)
            if (take(s, names[integer][i])) {
                rounding = (unsigned)i;
                to_integer = integer;
            }
    if (!take_type(s, &from) || !take_type(s, &insn->type) || s->part_count != 1 ||
        from.class == CLASS_PRED || insn->type.class == CLASS_PRED)
        return unsupported(p, s);
    if (from.class == CLASS_FLOAT && insn->type.class != CLASS_FLOAT && !to_integer)
        return unsupported(p, s);
    if (!operands_are(p, s, "ss") || !set_destination(p, s)) return false;
    set_sources(s, 1);
    insn->alu = ptx_convert;
    if (!to_integer && insn->type.class == CLASS_FLOAT) insn->rounding = (uint8_t)rounding;
    insn->kind = insn->rounding ? KIND_MODIFIED : KIND_ALU;
    return ptx_constant(p, ptx_conversion(insn->type, from, rounding, to_integer, saturate, flush),
                        &insn->src[1]);
}

static bool decode_selp(ptx_parser *p, ptx_statement *s)
{
    s->insn->kind = KIND_SELECT;
    if (!take_type(s, &s->insn->type) || s->part_count != 1) return unsupported(p, s);
    set_sources(s, 1);
    if (s->operand[3].negated) s->insn->modifiers = MODIFIER_NEGATED;
    return operands_are(p, s, "ssss") && set_destination(p, s);
}

static bool decode_branch(ptx_parser *p, ptx_statement *s)
{
    size_t insn = p->function->code_count - 1;
    bool table = strcmp(s->part[0], "brx") == 0;

    take(s, "uni");
    if (table && !take(s, "idx")) return unsupported(p, s);
    if (s->part_count != 1) return unsupported(p, s);
    if (!operands_are(p, s, table ? "sn" : "n")) return false;
    s->insn->kind = table ? KIND_BRANCH_TABLE : KIND_BRANCH;
    s->insn->src[0] = s->operand[0].slot;
    return ptx_branch_to(p, &s->operand[table ? 1 : 0].name, insn);
}

static bool decode_end(ptx_parser *p, ptx_statement *s)
{
    take(s, "uni");
    if (s->part_count != 1) return unsupported(p, s);
    s->insn->kind = s->part[0][0] == 'r'   ? KIND_RETURN
                    : s->part[0][0] == 'e' ? KIND_EXIT
                                           : KIND_TRAP;
    return operands_are(p, s, "");
}

static bool decode_nothing(ptx_parser *p, ptx_statement *s)
{
    (void)p;
    s->insn->kind = KIND_FENCE;
    return true;
}

/* bar.sync 0 for the whole block; barriers of other numbers or of some threads are refused. */
static bool decode_barrier(ptx_parser *p, ptx_statement *s)
{
    static const struct {
        const char *name, *type;
        ptx_detail detail;
    } reductions[] = {
        {"popc", "u32", BARRIER_POPC}, {"and", "pred", BARRIER_AND}, {"or", "pred", BARRIER_OR}};
    ptx_insn *insn = s->insn;
    size_t number = 0;

    take(s, "aligned");
    take(s, "cta");
    insn->kind = KIND_BARRIER;
    if (take(s, "warp") && take(s, "sync")) {
        insn->kind = KIND_COLLECTIVE;
        insn->detail = WARP_BARRIER;
        insn->src[3] = s->operand[0].slot;
        return s->part_count == 1 ? operands_are(p, s, "s") : unsupported(p, s);
    }
    if (take(s, "sync")) insn->detail = BARRIER_PLAIN;
    if (take(s, "red"))
        for (size_t i = 0; i < 3; i++)
            if (take(s, reductions[i].name) && take(s, reductions[i].type))
                insn->detail = (uint8_t)reductions[i].detail;
    if (s->part_count != 1 || insn->detail == DETAIL_NONE) return unsupported(p, s);
    if (insn->detail != BARRIER_PLAIN) {
        number = 1;
        if (!operands_are(p, s, "sss") || !set_destination(p, s)) return false;
        insn->src[0] = s->operand[2].slot;
        if (s->operand[2].negated) insn->modifiers = MODIFIER_NEGATED;
    } else if (!operands_are(p, s, "s")) {
        return false;
    }
    return s->operand[number].slot == SLOT_ZERO ||
           ptx_complain(&p->lexer, "only barrier 0 of the whole block is supported");
}

static bool decode_shuffle(ptx_parser *p, ptx_statement *s)
{
    static const char *const modes[] = {"up", "down", "bfly", "idx"};

    s->insn->kind = KIND_COLLECTIVE;
    if (!take(s, "sync") || !take(s, "b32")) return unsupported(p, s);
    for (int i = 0; i < 4; i++)
        if (take(s, modes[i])) s->insn->detail = (uint8_t)(SHUFFLE_UP + i);
    if (s->part_count != 1 || s->insn->detail == DETAIL_NONE) return unsupported(p, s);
    set_sources(s, 1); /* value, lane, clamp, mask */
    return operands_are(p, s, "sssss") && set_destination(p, s);
}

static bool decode_vote(ptx_parser *p, ptx_statement *s)
{
    static const char *const modes[] = {"all", "any", "uni", "ballot"};
    ptx_insn *insn = s->insn;

    insn->kind = KIND_COLLECTIVE;
    if (!take(s, "sync")) return unsupported(p, s);
    for (int i = 0; i < 4; i++)
        if (take(s, modes[i])) insn->detail = (uint8_t)(VOTE_ALL + i);
    if (!take(s, insn->detail == VOTE_BALLOT ? "b32" : "pred") || s->part_count != 1 ||
        insn->detail == DETAIL_NONE)
        return unsupported(p, s);
    if (s->operand[1].negated) insn->modifiers = MODIFIER_NEGATED;
    insn->src[0] = s->operand[1].slot;
    insn->src[3] = s->operand[2].slot;
    return operands_are(p, s, "sss") && set_destination(p, s);
}

static bool set_alu(ptx_insn *insn, const char *operation, const char *type)
{
    char name[64];
    const ptx_alu_entry *entry;

    snprintf(name, sizeof name, "%s.%s", operation, type);
    entry = ptx_alu_find(name);
    insn->alu = entry && entry->sources == 2 ? entry->run : NULL;
    return insn->alu != NULL;
}

static bool decode_redux(ptx_parser *p, ptx_statement *s)
{
    ptx_insn *insn = s->insn;

    insn->kind = KIND_COLLECTIVE;
    insn->detail = REDUX;
    if (!take(s, "sync") || s->part_count != 3 || !ptx_parse_type(s->part[2], &insn->type) ||
        insn->type.bytes != 4 || insn->type.class == CLASS_FLOAT ||
        !set_alu(insn, s->part[1], s->part[2]))
        return unsupported(p, s);
    insn->src[0] = s->operand[1].slot;
    insn->src[3] = s->operand[2].slot;
    return operands_are(p, s, "sss") && set_destination(p, s);
}

static bool decode_active(ptx_parser *p, ptx_statement *s)
{
    s->insn->kind = KIND_COLLECTIVE;
    s->insn->detail = ACTIVE_MASK;
    if (!take(s, "b32") || s->part_count != 1) return unsupported(p, s);
    return operands_are(p, s, "s") && set_destination(p, s);
}

static bool decode_atomic(ptx_parser *p, ptx_statement *s)
{
    bool returns = s->part[0][0] == 'a';
    ptx_insn *insn = s->insn;
    size_t first = returns ? 2 : 1;

    insn->kind = KIND_ATOMIC;
    take_space(s);
    take_any(s, hints);
    if (s->part_count != 3 || !ptx_parse_type(s->part[2], &insn->type) || insn->type.bytes < 4)
        return unsupported(p, s);
    if (strcmp(s->part[1], "cas") == 0)
        insn->detail = ATOMIC_CAS;
    else if (strcmp(s->part[1], "exch") == 0)
        insn->detail = ATOMIC_EXCHANGE;
    else if (!set_alu(insn, s->part[1], s->part[2]))
        return unsupported(p, s);
    if (!operands_are(p, s, insn->detail == ATOMIC_CAS ? "sass" : returns ? "sas" : "as"))
        return false;
    if (insn->space != SPACE_GENERIC && insn->space != SPACE_GLOBAL && insn->space != SPACE_SHARED)
        return unsupported(p, s);
    set_address(p, insn, &s->operand[returns ? 1 : 0]);
    insn->src[1] = s->operand[first].slot;
    insn->src[2] = insn->detail == ATOMIC_CAS ? s->operand[first + 1].slot : SLOT_ZERO;
    insn->dst = SLOT_SINK;
    return !returns || set_destination(p, s);
}

/* The parts that do not choose the function but change what it is given or gives. */
static bool take_modifiers(ptx_statement *s)
{
    static const char *const roundings[] = {"rn", "rz", "rm", "rp"};
    ptx_insn *insn = s->insn;
    ptx_type type;
    bool is_float = ptx_parse_type(s->part[s->part_count - 1], &type) && type.class == CLASS_FLOAT;

    insn->type = type;
    if (!is_float) return true;
    for (int i = 0; i < 4; i++)
        if (take(s, roundings[i])) insn->rounding = (uint8_t)i;
    take(s, "approx");
    take(s, "full");
    if (take(s, "ftz") && type.bytes == 4) insn->modifiers |= MODIFIER_FTZ;
    if (take(s, "sat")) insn->modifiers |= MODIFIER_SATURATE;
    return true;
}

/* Whatever only computes, comparisons among them. */
static bool decode_alu(ptx_parser *p, ptx_statement *s)
{
    static const char *const combines[] = {"", "and", "or", "xor"};
    bool compares = strcmp(s->part[0], "setp") == 0;
    ptx_insn *insn = s->insn;
    const ptx_alu_entry *entry;
    char name[160] = "";

    if (!take_modifiers(s)) return false;
    for (int i = 1; compares && i < 4; i++)
        if (take(s, combines[i])) insn->combine = (uint8_t)i;
    for (size_t i = 0; i < s->part_count; i++) {
        strncat(name, i ? "." : "", sizeof name - strlen(name) - 1);
        strncat(name, s->part[i], sizeof name - strlen(name) - 1);
    }
    entry = ptx_alu_find(name);
    if (!entry) return ptx_complain(&p->lexer, "`%s` is not an instruction that is known", name);
    if (compares) insn->modifiers |= MODIFIER_COMPARES;
    if (!operands_are(p, s, &"sssss"[4 - entry->sources - (insn->combine != 0)])) return false;
    if (!set_destination(p, s)) return false;
    if (insn->dst2 != SLOT_SINK) return unsupported(p, s);
    set_sources(s, 1);
    if (insn->combine) {
        insn->src[2] = SLOT_ZERO;
        insn->src[3] = s->operand[3].slot;
        if (s->operand[3].negated) insn->modifiers |= MODIFIER_NEGATED;
    }
    insn->alu = entry->run;
    insn->kind = insn->rounding || insn->combine || insn->modifiers & ~MODIFIER_COMPARES
                     ? KIND_MODIFIED
                     : KIND_ALU;
    return true;
}

/* `!` before a predicate is understood in its own places only. */
static bool negations_fit(const ptx_statement *s, const ptx_insn *insn)
{
    for (size_t i = 0; i < s->operand_count; i++)
        if (s->operand[i].negated && !(insn->modifiers & MODIFIER_NEGATED)) return false;
    return true;
}

bool ptx_decode(ptx_parser *p, ptx_statement *s)
{
    static const struct {
        const char *name;
        bool (*decode)(ptx_parser *p, ptx_statement *s);
    } decoders[] = {
        {"ld", decode_access},     {"ldu", decode_access},       {"st", decode_access},
        {"mov", decode_mov},       {"cvta", decode_cvta},        {"cvt", decode_cvt},
        {"selp", decode_selp},     {"bra", decode_branch},       {"brx", decode_branch},
        {"ret", decode_end},       {"exit", decode_end},         {"trap", decode_end},
        {"bar", decode_barrier},   {"barrier", decode_barrier},  {"membar", decode_nothing},
        {"fence", decode_nothing}, {"prefetch", decode_nothing}, {"shfl", decode_shuffle},
        {"vote", decode_vote},     {"redux", decode_redux},      {"activemask", decode_active},
        {"atom", decode_atomic},   {"red", decode_atomic},
    };
    bool (*decode)(ptx_parser *, ptx_statement *) = decode_alu;

    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (strcmp(s->part[0], decoders[i].name) == 0) decode = decoders[i].decode;
    if (!decode(p, s)) return false;
    return negations_fit(s, s->insn) || ptx_complain(&p->lexer, "`!` is not supported here");
}

/* .param variables in parentheses, as offsets. */
static bool parse_call_list(ptx_parser *p, uint64_t *offsets, size_t limit, size_t *count)
{
    ptx_token word;

    if (!ptx_expect(&p->lexer, "(")) return false;
    while (!ptx_take(&p->lexer, ")")) {
        const ptx_variable *v;

        if (!ptx_expect_word(&p->lexer, &word)) return false;
        v = ptx_find_variable(p, &word);
        if (!v || v->space != SPACE_PARAM || *count == limit)
            return ptx_complain(&p->lexer, "arguments of a call: .param variables, %zu at most",
                                limit);
        offsets[(*count)++] = v->address;
        ptx_take(&p->lexer, ",");
    }
    return true;
}

/* call[.uni] [(result),] name[, (arguments)]; */
bool ptx_parse_call(ptx_parser *p, ptx_insn *insn)
{
    ptx_function *f = p->function;
    ptx_call *call;
    ptx_token word;

    if (!ptx_append(&p->lexer, &f->calls, &f->call_count, sizeof *f->calls)) return false;
    call = &f->calls[f->call_count - 1];
    call->line = insn->line;
    insn->kind = KIND_CALL;
    insn->target = (uint32_t)f->call_count - 1;
    if (ptx_is(&p->lexer, "(") &&
        (!parse_call_list(p, call->results, 1, &call->result_count) || !ptx_expect(&p->lexer, ",")))
        return false;
    if (!ptx_expect_word(&p->lexer, &word)) return false;
    call->name = ptx_text(&word);
    if (!call->name) return ptx_complain(&p->lexer, "no memory");
    if (ptx_take(&p->lexer, ",") && !parse_call_list(p, call->args, 32, &call->arg_count))
        return false;
    return ptx_expect(&p->lexer, ";");
}
