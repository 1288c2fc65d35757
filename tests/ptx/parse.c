/* A module: variables, functions, what is skipped. */
#include "tests/ptx/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)64 << 20)
#define MAX_VARIABLE (UINT64_C(16) << 20)

bool ptx_parse_type(const char *name, ptx_type *type)
{
    static const struct {
        char letter;
        ptx_class class;
    } classes[] = {
        {'b', CLASS_BITS}, {'u', CLASS_UNSIGNED}, {'s', CLASS_SIGNED}, {'f', CLASS_FLOAT}};

    *type = (ptx_type){CLASS_PRED, 1, strcmp(name, "bf16") == 0};
    if (strcmp(name, "pred") == 0) return true;
    if (type->brain) name++;
    for (size_t i = 0; i < 4; i++) {
        int bits = atoi(name + (name[0] != 0));

        if (name[0] != classes[i].letter) continue;
        type->class = type->brain ? CLASS_FLOAT : classes[i].class;
        type->bytes = (uint8_t)(bits / 8);
        return (bits == 8 && classes[i].letter != 'f') || bits == 16 || bits == 32 || bits == 64;
    }
    return false;
}

uint64_t ptx_place(uint64_t *top, uint64_t bytes, uint64_t align)
{
    uint64_t begin = (*top + align - 1) / align * align;

    *top = begin + bytes;
    return begin;
}

static bool parse_dimensions(ptx_parser *p, ptx_variable *variable, bool *unsized)
{
    uint64_t n;

    while (ptx_take(&p->lexer, "[")) {
        if (ptx_take(&p->lexer, "]")) {
            *unsized = true;
            continue;
        }
        if (!ptx_expect_size(&p->lexer, MAX_VARIABLE, &n) || !ptx_expect(&p->lexer, "]"))
            return false;
        variable->bytes *= n;
        if (variable->bytes > MAX_VARIABLE)
            return ptx_complain(&p->lexer, "variable `%s` is too large", variable->name);
    }
    return true;
}

bool ptx_parse_variable(ptx_parser *p, ptx_variable *variable, bool *unsized)
{
    ptx_token word;
    char name[16] = "";
    ptx_type type;

    *unsized = false;
    if (ptx_take(&p->lexer, ".align") && !ptx_expect_size(&p->lexer, 4096, &variable->align))
        return false;
    if (!ptx_expect_word(&p->lexer, &word)) return false;
    snprintf(name, sizeof name, "%.*s", word.length < 12 ? (int)word.length : 12, word.text);
    if (name[0] != '.' || !ptx_parse_type(name + 1, &type))
        return ptx_complain(&p->lexer, "`%s` is not a type that is known", name);
    variable->bytes = variable->element = type.bytes;
    if (variable->align == 0) variable->align = type.bytes;
    if (ptx_take(&p->lexer, ".ptr")) { /* of a parameter: what it points to */
        while (ptx_is(&p->lexer, ".global") || ptx_is(&p->lexer, ".align") ||
               p->lexer.token.kind == TOKEN_NUMBER)
            ptx_next(&p->lexer);
    }
    if (!ptx_expect_word(&p->lexer, &word)) return false;
    variable->name = ptx_text(&word);
    if (!variable->name) return ptx_complain(&p->lexer, "no memory");
    return parse_dimensions(p, variable, unsized);
}

static const ptx_variable *find_in(const ptx_variable *list, size_t count, const ptx_token *name)
{
    for (size_t i = count; i-- > 0;)
        if (list[i].name && ptx_token_is(name, list[i].name)) return &list[i];
    return NULL;
}

const ptx_variable *ptx_find_variable(const ptx_parser *p, const ptx_token *name)
{
    const ptx_function *f = p->function;
    const ptx_variable *found = f ? find_in(f->variables, f->variable_count, name) : NULL;

    if (!found && f) found = find_in(f->params, f->param_count, name);
    return found ? found : find_in(p->module->variables, p->module->variable_count, name);
}

/* `= {1, 2}` or `= 1`; element by element, the rest stays 0. */
static bool parse_values(ptx_parser *p, ptx_variable *variable, unsigned bytes)
{
    uint64_t value, at = 0;
    unsigned float_bytes;
    size_t depth = 0;

    for (; !ptx_is(&p->lexer, ";"); ptx_next(&p->lexer)) {
        if (ptx_is(&p->lexer, "{"))
            depth++;
        else if (ptx_is(&p->lexer, "}") && depth > 0)
            depth--;
        else if (ptx_is(&p->lexer, ","))
            continue;
        else if (!ptx_number(&p->lexer.token, &value, &float_bytes))
            return ptx_complain(&p->lexer, "initial value of `%s`: only numbers are understood",
                                variable->name);
        else if (at + bytes > variable->bytes)
            return ptx_complain(&p->lexer, "more initial values than `%s` holds", variable->name);
        else {
            memcpy(variable->data + at, &value, bytes); /* the host is little-endian */
            at += bytes;
        }
    }
    return true;
}

static bool parse_data(ptx_parser *p, ptx_variable *variable)
{
    size_t align = variable->align < 16 ? 16 : variable->align;
    size_t room = (variable->bytes + align) / align * align;

    if (align & (align - 1)) return ptx_complain(&p->lexer, "alignment %zu", align);
    variable->data = aligned_alloc(align, room);
    if (!variable->data) return ptx_complain(&p->lexer, "no memory for `%s`", variable->name);
    memset(variable->data, 0, room);
    variable->address = (uint64_t)(uintptr_t)variable->data;
    return !ptx_take(&p->lexer, "=") || parse_values(p, variable, variable->element);
}

/* Behind .global, .const or .shared. */
static bool parse_module_variable(ptx_parser *p, ptx_space space)
{
    ptx_module *m = p->module;
    ptx_variable *variable;
    bool unsized;

    if (!ptx_append(&p->lexer, &m->variables, &m->variable_count, sizeof *m->variables))
        return false;
    variable = &m->variables[m->variable_count - 1];
    variable->space = space;
    if (!ptx_parse_variable(p, variable, &unsized)) return false;
    if (variable->align == 0) return ptx_complain(&p->lexer, "the alignment is 0");
    if (space == SPACE_SHARED && unsized) {
        variable->address = DYNAMIC_SHARED;
    } else if (space == SPACE_SHARED) {
        if (m->shared_top > m->shared_bytes) m->shared_bytes = m->shared_top;
        variable->address = ptx_place(&m->shared_bytes, variable->bytes, variable->align);
        m->shared_bytes += SHARED_GAP;
        if (m->shared_bytes > MAX_VARIABLE / 2)
            return ptx_complain(&p->lexer, "more shared memory than there is");
    } else if (unsized || !parse_data(p, variable)) {
        return ptx_complain(&p->lexer, "`%s` has no size", variable->name);
    }
    return ptx_expect(&p->lexer, ";");
}

static ptx_function *find_function(const ptx_module *m, const char *name)
{
    for (size_t i = 0; i < m->function_count; i++)
        if (strcmp(m->functions[i]->name, name) == 0) return m->functions[i];
    return NULL;
}

static void free_variables(ptx_variable *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
        free(list[i].data);
    }
    free(list);
}

static void free_function(ptx_function *f)
{
    free_variables(f->params, f->param_count);
    free_variables(f->variables, f->variable_count);
    for (size_t i = 0; i < f->call_count; i++)
        free(f->calls[i].name);
    for (size_t i = 0; i < f->table_count; i++)
        free(f->tables[i].targets);
    free(f->calls);
    free(f->tables);
    free(f->code);
    free(f->initial);
    free(f->initial_defined);
    free(f->slot_bytes);
    free(f->name);
    free(f);
}

/* A parenthesised list of .param, in the order in which they lie. */
static bool parse_params(ptx_parser *p)
{
    ptx_function *f = p->function;
    bool unsized;

    if (!ptx_expect(&p->lexer, "(")) return false;
    while (!ptx_take(&p->lexer, ")")) {
        ptx_variable *param;

        if (!ptx_expect(&p->lexer, ".param") ||
            !ptx_append(&p->lexer, &f->params, &f->param_count, sizeof *f->params))
            return false;
        param = &f->params[f->param_count - 1];
        param->space = SPACE_PARAM;
        if (!ptx_parse_variable(p, param, &unsized)) return false;
        if (unsized) return ptx_complain(&p->lexer, "a parameter has no size");
        if (param->align == 0) return ptx_complain(&p->lexer, "a parameter's alignment is 0");
        param->address = ptx_place(&f->param_bytes, param->bytes, param->align);
        if (f->param_bytes > 65536) return ptx_complain(&p->lexer, "too many parameters");
        ptx_take(&p->lexer, ",");
    }
    return true;
}

/* .maxntid 256, 1, 1 and its like, up to the body. */
static bool parse_performance(ptx_parser *p)
{
    while (p->lexer.token.kind == TOKEN_WORD) {
        bool bounds = ptx_is(&p->lexer, ".maxntid") || ptx_is(&p->lexer, ".reqntid");
        uint64_t n, threads = 1;

        ptx_next(&p->lexer);
        while (p->lexer.token.kind == TOKEN_NUMBER) {
            if (!ptx_expect_size(&p->lexer, UINT32_MAX, &n)) return false;
            if (threads <= UINT32_MAX) threads *= n;
            ptx_take(&p->lexer, ",");
        }
        if (bounds) p->function->max_threads = threads;
    }
    return true;
}

/* A declaration that came before leaves its place to the definition. */
static bool parse_function(ptx_parser *p, bool entry)
{
    ptx_module *m = p->module;
    ptx_function *f, *earlier;
    ptx_token name;
    bool ok;

    if (!ptx_append(&p->lexer, &m->functions, &m->function_count, sizeof *m->functions))
        return false;
    f = m->functions[m->function_count - 1] = calloc(1, sizeof *f);
    if (!f) {
        m->function_count--;
        return ptx_complain(&p->lexer, "no memory");
    }
    f->module = m;
    f->entry = entry;
    f->name = strdup("");
    p->function = f;
    if (!f->name || (ptx_is(&p->lexer, "(") && !parse_params(p))) return false;
    f->result_count = f->param_count;
    if (!ptx_expect_word(&p->lexer, &name)) return false;
    m->function_count--;
    free(f->name);
    f->name = ptx_text(&name);
    earlier = f->name ? find_function(m, f->name) : NULL;
    m->function_count++;
    if (!f->name) return ptx_complain(&p->lexer, "no memory");
    if (earlier && earlier->defined) return ptx_complain(&p->lexer, "`%s` is there twice", f->name);
    if (ptx_is(&p->lexer, "(") && !parse_params(p)) return false;
    if (!parse_performance(p)) return false;
    ok = ptx_take(&p->lexer, ";") || ptx_parse_body(p);
    p->function = NULL;
    return ok;
}

static bool parse_statement(ptx_parser *p)
{
    static const char *linkage[] = {".visible", ".weak", ".extern", ".common"};
    ptx_lexer *lexer = &p->lexer;

    for (size_t i = 0; i < 4; i++)
        if (ptx_take(lexer, linkage[i])) i = SIZE_MAX; /* from the first again */
    if (ptx_take(lexer, ".entry")) return parse_function(p, true);
    if (ptx_take(lexer, ".func")) return parse_function(p, false);
    if (ptx_take(lexer, ".global")) return parse_module_variable(p, SPACE_GLOBAL);
    if (ptx_take(lexer, ".const")) return parse_module_variable(p, SPACE_CONST);
    if (ptx_take(lexer, ".shared")) return parse_module_variable(p, SPACE_SHARED);
    if (ptx_take(lexer, ".section")) {
        ptx_next(lexer);
        return ptx_skip_braces(lexer);
    }
    if (ptx_is(lexer, ".version") || ptx_is(lexer, ".address_size")) {
        uint32_t line = lexer->token.line;

        while (lexer->token.kind != TOKEN_END && lexer->token.line == line)
            ptx_next(lexer);
        return true;
    }
    if (ptx_take(lexer, ".target")) {
        do
            ptx_next(lexer);
        while (ptx_take(lexer, ","));
        return true;
    }
    if (ptx_take(lexer, ".pragma")) return ptx_skip_statement(lexer);
    if (ptx_take(lexer, ".file")) {
        ptx_next(lexer);
        if (lexer->token.kind == TOKEN_STRING && lexer->token.length > 2 && !p->module->source)
            p->module->source = strndup(lexer->token.text + 1, lexer->token.length - 2);
        ptx_next(lexer);
        while (ptx_take(lexer, ","))
            ptx_next(lexer);
        return true;
    }
    return ptx_complain(lexer, "`%.*s` is not understood here",
                        lexer->token.length < 80 ? (int)lexer->token.length : 80,
                        lexer->token.text);
}

/* Calls find the functions that are defined; one that is only declared is an error when called. */
static void resolve_calls(ptx_module *m)
{
    for (size_t i = 0; i < m->function_count; i++)
        for (size_t k = 0; k < m->functions[i]->call_count; k++) {
            ptx_call *call = &m->functions[i]->calls[k];

            for (size_t j = 0; j < m->function_count; j++)
                if (m->functions[j]->defined && strcmp(m->functions[j]->name, call->name) == 0)
                    call->callee = m->functions[j];
        }
}

static bool parse_module(ptx_parser *p)
{
    ptx_lexer_start(&p->lexer, p->module->text, p->module->size);
    if (!ptx_is(&p->lexer, ".version"))
        return ptx_complain(&p->lexer, "no .version: this is not PTX");
    while (p->lexer.token.kind != TOKEN_END)
        if (!parse_statement(p)) return ptx_complain(&p->lexer, "no memory");
    resolve_calls(p->module);
    return true;
}

ptx_module *ptx_parse(const char *text, size_t size, const char *path, char *error,
                      size_t error_size)
{
    ptx_parser p = {.lexer = {.path = path, .error = error, .error_size = error_size}};
    ptx_module *m = calloc(1, sizeof *m);
    bool ok;

    if (error_size) error[0] = 0;
    if (!m) return NULL;
    m->path = strdup(path);
    m->text = malloc(size + 1);
    m->size = size;
    if (m->text && size) memcpy(m->text, text, size);
    if (m->text) m->text[size] = 0;
    p.module = m;
    ok = m->path && m->text && parse_module(&p);
    free(p.registers);
    free(p.labels);
    free(p.table_names);
    free(p.fixups);
    if (ok) return m;
    ptx_free(m);
    return NULL;
}

ptx_module *ptx_load(const char *path, char *error, size_t error_size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, room = 0, got = 1;
    ptx_module *m = NULL;

    if (!file) {
        snprintf(error, error_size, "%s: cannot be opened", path);
        return NULL;
    }
    while (got > 0 && size <= MAX_FILE) {
        char *grown = size == room ? realloc(text, room = room ? 2 * room : 65536) : text;

        if (!grown) break;
        text = grown;
        got = fread(text + size, 1, room - size, file);
        size += got;
    }
    if (got > 0 || ferror(file))
        snprintf(error, error_size, "%s: cannot be read", path);
    else
        m = ptx_parse(text, size, path, error, error_size);
    fclose(file);
    free(text);
    return m;
}

void ptx_free(ptx_module *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->function_count; i++)
        free_function(m->functions[i]);
    free(m->functions);
    free_variables(m->variables, m->variable_count);
    free(m->path);
    free(m->text);
    free(m->source);
    free(m);
}
