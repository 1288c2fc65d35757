/* A function's body: registers, variables, labels, one instruction after another. */
#include <stdlib.h>
#include <string.h>

#include "tests/ptx/parser.h"

#define MAX_SLOTS (1 << 20)
#define MAX_LOCAL (UINT64_C(1) << 20)

bool ptx_add_slot(ptx_parser *p, uint64_t value, bool defined, uint8_t bytes, uint32_t *slot)
{
    ptx_function *f = p->function;
    size_t n = f->slot_count, n_defined = n, n_bytes = n;

    if (n >= MAX_SLOTS) return ptx_complain(&p->lexer, "more than %d registers", MAX_SLOTS);
    if (!ptx_append(&p->lexer, &f->initial_defined, &n_defined, sizeof *f->initial_defined) ||
        !ptx_append(&p->lexer, &f->slot_bytes, &n_bytes, sizeof *f->slot_bytes) ||
        !ptx_append(&p->lexer, &f->initial, &f->slot_count, sizeof *f->initial))
        return false;
    f->initial[n] = value;
    f->initial_defined[n] = defined;
    f->slot_bytes[n] = bytes;
    *slot = (uint32_t)n;
    return true;
}

bool ptx_constant(ptx_parser *p, uint64_t value, uint32_t *slot)
{
    const ptx_function *f = p->function;

    if (value == 0) {
        *slot = SLOT_ZERO;
        return true;
    }
    for (size_t i = SLOT_SPECIALS; i < f->slot_count; i++)
        if (f->slot_bytes[i] == 0 && f->initial[i] == value) {
            *slot = (uint32_t)i;
            return true;
        }
    return ptx_add_slot(p, value, true, 0, slot);
}

/* From the last declared: braces of inline assembly and of calls declare names again. */
bool ptx_find_register(const ptx_parser *p, const ptx_token *name, uint32_t *slot)
{
    for (size_t i = p->register_count; i-- > 0;) {
        const ptx_registers *r = &p->registers[i];
        uint64_t index = 0;
        size_t k = r->prefix.length;

        if (name->length < k || memcmp(name->text, r->prefix.text, k) != 0) continue;
        *slot = r->first;
        if (r->count == 0) {
            if (name->length == k) return true;
            continue;
        }
        for (; k < name->length && name->text[k] >= '0' && name->text[k] <= '9'; k++)
            index = index < r->count ? 10 * index + (uint64_t)(name->text[k] - '0') : r->count;
        if (k != name->length || k == r->prefix.length || index >= r->count) continue;
        *slot = r->first + (uint32_t)index;
        return true;
    }
    return false;
}

/* .reg .f32 %f<20>, %x; */
static bool parse_registers(ptx_parser *p)
{
    ptx_token word;
    ptx_type type;
    char name[8] = "";
    uint32_t slot;

    if (!ptx_expect_word(&p->lexer, &word)) return false;
    memcpy(name, word.text, word.length < 7 ? word.length : 7);
    if (!ptx_parse_type(name + 1, &type))
        return ptx_complain(&p->lexer, "registers of type `%s` are not known", name);
    do {
        ptx_registers *r;

        if (!ptx_expect_word(&p->lexer, &word) ||
            !ptx_append(&p->lexer, &p->registers, &p->register_count, sizeof *p->registers))
            return false;
        r = &p->registers[p->register_count - 1];
        r->prefix = word;
        if (ptx_take(&p->lexer, "<") &&
            !(ptx_expect_size(&p->lexer, MAX_SLOTS, &r->count) && ptx_expect(&p->lexer, ">")))
            return false;
        r->first = (uint32_t)p->function->slot_count;
        for (uint64_t i = 0; i < (r->count ? r->count : 1); i++)
            if (!ptx_add_slot(p, 0, false, type.bytes, &slot)) return false;
    } while (ptx_take(&p->lexer, ","));
    return ptx_expect(&p->lexer, ";");
}

static bool parse_variable(ptx_parser *p, ptx_space space)
{
    ptx_function *f = p->function;
    ptx_module *m = p->module;
    ptx_variable *v;
    uint64_t *top = &f->param_bytes, limit = MAX_LOCAL;
    bool unsized;

    if (!ptx_append(&p->lexer, &f->variables, &f->variable_count, sizeof *f->variables))
        return false;
    v = &f->variables[f->variable_count - 1];
    v->space = space;
    if (!ptx_parse_variable(p, v, &unsized)) return false;
    if (unsized || v->align == 0) return ptx_complain(&p->lexer, "`%s` has no size", v->name);
    if (space == SPACE_SHARED && !f->entry)
        return ptx_complain(&p->lexer, "shared memory in a .func is not supported");
    if (space == SPACE_SHARED) top = &f->shared_bytes;
    if (space == SPACE_LOCAL) top = &m->local_bytes;
    v->address = ptx_place(top, v->bytes, v->align);
    if (space == SPACE_SHARED) *top += SHARED_GAP;
    if (*top > limit)
        return ptx_complain(&p->lexer, "`%s`: more than %llu bytes", v->name,
                            (unsigned long long)limit);
    if (m->shared_top < f->shared_bytes) m->shared_top = f->shared_bytes;
    return ptx_expect(&p->lexer, ";");
}

bool ptx_branch_to(ptx_parser *p, const ptx_token *label, size_t insn)
{
    if (!ptx_append(&p->lexer, &p->fixups, &p->fixup_count, sizeof *p->fixups)) return false;
    p->fixups[p->fixup_count - 1] = (ptx_fixup){.name = *label, .insn = insn};
    return true;
}

/* Behind `name: .branchtargets`. */
static bool parse_table(ptx_parser *p, const ptx_token *name)
{
    ptx_function *f = p->function;
    ptx_table *table;
    ptx_token label;

    if (!ptx_append(&p->lexer, &f->tables, &f->table_count, sizeof *f->tables) ||
        !ptx_append(&p->lexer, &p->table_names, &p->table_name_count, sizeof *p->table_names))
        return false;
    p->table_names[p->table_name_count - 1] = (ptx_label){*name, (uint32_t)f->table_count - 1};
    table = &f->tables[f->table_count - 1];
    do {
        if (!ptx_expect_word(&p->lexer, &label) ||
            !ptx_append(&p->lexer, &table->targets, &table->count, sizeof *table->targets) ||
            !ptx_branch_to(p, &label, SIZE_MAX))
            return false;
        p->fixups[p->fixup_count - 1].table = f->table_count - 1;
        p->fixups[p->fixup_count - 1].entry = table->count - 1;
    } while (ptx_take(&p->lexer, ","));
    return ptx_expect(&p->lexer, ";");
}

static bool resolve(ptx_parser *p, const ptx_fixup *fixup)
{
    ptx_function *f = p->function;
    bool indexed = fixup->insn != SIZE_MAX && f->code[fixup->insn].kind == KIND_BRANCH_TABLE;
    const ptx_label *list = indexed ? p->table_names : p->labels;
    size_t count = indexed ? p->table_name_count : p->label_count;

    for (size_t i = 0; i < count; i++) {
        if (list[i].name.length != fixup->name.length ||
            memcmp(list[i].name.text, fixup->name.text, fixup->name.length) != 0)
            continue;
        if (fixup->insn == SIZE_MAX)
            f->tables[fixup->table].targets[fixup->entry] = list[i].target;
        else
            f->code[fixup->insn].target = list[i].target;
        return true;
    }
    return ptx_complain(&p->lexer, "label `%.*s` of `%s` is not there",
                        fixup->name.length < 80 ? (int)fixup->name.length : 80, fixup->name.text,
                        f->name);
}

static bool add_insn(ptx_parser *p, ptx_insn **insn)
{
    ptx_function *f = p->function;

    if (!ptx_append(&p->lexer, &f->code, &f->code_count, sizeof *f->code)) return false;
    *insn = &f->code[f->code_count - 1];
    (*insn)->line = p->lexer.token.line;
    (*insn)->source_line = p->source_line;
    return true;
}

static bool parse_guard(ptx_parser *p, ptx_insn *insn)
{
    ptx_token word;

    if (!ptx_take(&p->lexer, "@")) return true;
    insn->guard_negated = ptx_take(&p->lexer, "!");
    if (!ptx_expect_word(&p->lexer, &word)) return false;
    if (!ptx_find_register(p, &word, &insn->guard))
        return ptx_complain(&p->lexer, "the guard is not a register");
    return true;
}

static bool split(ptx_parser *p, ptx_statement *s, const ptx_token *word)
{
    char *at = s->text;

    if (word->length >= sizeof s->text)
        return ptx_complain(&p->lexer, "an opcode of %zu letters", word->length);
    memcpy(s->text, word->text, word->length);
    while (at && s->part_count < MAX_PARTS) {
        s->part[s->part_count++] = at;
        at = strchr(at, '.');
        if (at) *at++ = 0;
    }
    return at == NULL || ptx_complain(&p->lexer, "an opcode of too many parts");
}

/* At a guard or an opcode. */
static bool parse_instruction(ptx_parser *p)
{
    ptx_statement s = {0};
    ptx_token word;

    if (!add_insn(p, &s.insn) || !parse_guard(p, s.insn) || !ptx_expect_word(&p->lexer, &word) ||
        !split(p, &s, &word))
        return false;
    if (strcmp(s.part[0], "call") == 0) return ptx_parse_call(p, s.insn);
    while (!ptx_is(&p->lexer, ";")) {
        if (s.operand_count == MAX_OPERANDS)
            return ptx_complain(&p->lexer, "more than %d operands", MAX_OPERANDS);
        if (!ptx_parse_operand(p, &s.operand[s.operand_count++])) return false;
        if (!ptx_is(&p->lexer, ";") && !ptx_expect(&p->lexer, ",")) return false;
    }
    p->lexer.token.line = s.insn->line; /* complaints name where it begins */
    if (!ptx_decode(p, &s)) return false;
    ptx_next(&p->lexer);
    return true;
}

static bool parse_labelled(ptx_parser *p, bool *was_label)
{
    ptx_lexer saved = p->lexer;
    ptx_token name = p->lexer.token;

    ptx_next(&p->lexer);
    *was_label = ptx_take(&p->lexer, ":");
    if (!*was_label) {
        p->lexer = saved;
        return true;
    }
    if (ptx_take(&p->lexer, ".branchtargets")) return parse_table(p, &name);
    if (!ptx_append(&p->lexer, &p->labels, &p->label_count, sizeof *p->labels)) return false;
    p->labels[p->label_count - 1] = (ptx_label){name, (uint32_t)p->function->code_count};
    return true;
}

/* .loc FILE LINE COLUMN[, ...] has no semicolon. */
static bool parse_location(ptx_parser *p)
{
    uint64_t file, line, column;
    uint32_t text_line = p->lexer.token.line;

    if (!ptx_expect_size(&p->lexer, UINT32_MAX, &file) ||
        !ptx_expect_size(&p->lexer, UINT32_MAX, &line) ||
        !ptx_expect_size(&p->lexer, UINT32_MAX, &column))
        return false;
    p->source_line = (uint32_t)line;
    while (p->lexer.token.kind != TOKEN_END && p->lexer.token.line == text_line)
        ptx_next(&p->lexer); /* , function_name ..., inlined_at ... */
    return true;
}

static bool parse_line(ptx_parser *p)
{
    ptx_lexer *lexer = &p->lexer;
    bool was_label = false;

    if (ptx_take(lexer, ".reg")) return parse_registers(p);
    if (ptx_take(lexer, ".local")) return parse_variable(p, SPACE_LOCAL);
    if (ptx_take(lexer, ".shared")) return parse_variable(p, SPACE_SHARED);
    if (ptx_take(lexer, ".param")) return parse_variable(p, SPACE_PARAM);
    if (ptx_take(lexer, ".pragma")) return ptx_skip_statement(lexer);
    if (ptx_take(lexer, ".loc")) return parse_location(p);
    if (lexer->token.kind == TOKEN_WORD && !parse_labelled(p, &was_label)) return false;
    return was_label || parse_instruction(p);
}

static bool start(ptx_parser *p)
{
    uint32_t slot;

    p->register_count = p->label_count = p->table_name_count = p->fixup_count = 0;
    free(p->registers);
    free(p->labels);
    free(p->table_names);
    free(p->fixups);
    p->registers = NULL;
    p->labels = p->table_names = NULL;
    p->fixups = NULL;
    p->function->shared_bytes = p->module->shared_bytes;
    for (int i = 0; i < SLOT_SPECIALS; i++)
        if (!ptx_add_slot(p, 0, true, i == SLOT_SINK || i >= SLOT_TID ? 4 : 0, &slot)) return false;
    return true;
}

bool ptx_parse_body(ptx_parser *p)
{
    size_t depth = 1;
    ptx_insn *insn;

    if (!start(p) || !ptx_expect(&p->lexer, "{")) return false;
    while (depth > 0) {
        if (p->lexer.token.kind == TOKEN_END)
            return ptx_complain(&p->lexer, "the file ends within `%s`", p->function->name);
        if (ptx_take(&p->lexer, "{"))
            depth++;
        else if (ptx_is(&p->lexer, "}")) {
            if (--depth > 0) ptx_next(&p->lexer);
        } else if (!parse_line(p))
            return false;
    }
    if (!add_insn(p, &insn)) return false; /* nothing runs off the end */
    insn->kind = KIND_RETURN;
    for (size_t i = 0; i < p->fixup_count; i++)
        if (!resolve(p, &p->fixups[i])) return false;
    p->function->defined = true;
    return ptx_expect(&p->lexer, "}");
}
