#include "tests/ptx/lexer.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ptx_lexer_start(ptx_lexer *lexer, const char *text, size_t size)
{
    lexer->at = text;
    lexer->end = text + size;
    lexer->line = 1;
    ptx_next(lexer);
}

bool ptx_complain(ptx_lexer *lexer, const char *format, ...)
{
    va_list list;
    int n;

    if (lexer->error_size == 0 || lexer->error[0]) return false;
    n = snprintf(lexer->error, lexer->error_size, "%s:%u: ", lexer->path, lexer->token.line);
    if (n < 0 || (size_t)n >= lexer->error_size) return false;
    va_start(list, format);
    vsnprintf(lexer->error + n, lexer->error_size - (size_t)n, format, list);
    va_end(list);
    return false;
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '%' || c == '.';
}

static bool comment_begins(const ptx_lexer *lexer, char second)
{
    return lexer->end - lexer->at >= 2 && lexer->at[0] == '/' && lexer->at[1] == second;
}

static void skip_block_comment(ptx_lexer *lexer)
{
    for (lexer->at += 2; lexer->at < lexer->end; lexer->at++) {
        if (lexer->end - lexer->at >= 2 && lexer->at[0] == '*' && lexer->at[1] == '/') {
            lexer->at += 2;
            return;
        }
        lexer->line += *lexer->at == '\n';
    }
}

static void skip_space(ptx_lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (comment_begins(lexer, '/')) {
            while (lexer->at < lexer->end && *lexer->at != '\n')
                lexer->at++;
        } else if (comment_begins(lexer, '*')) {
            skip_block_comment(lexer);
        } else if (isspace((unsigned char)*lexer->at)) {
            lexer->line += *lexer->at++ == '\n';
        } else {
            return;
        }
    }
}

/* `::` belongs to the word, as in ld.global.L1::no_allocate; a single colon ends a label. */
static const char *word_end(const char *at, const char *end)
{
    while (at < end) {
        if (in_word(*at))
            at++;
        else if (end - at > 2 && at[0] == ':' && at[1] == ':' && in_word(at[2]))
            at += 2;
        else
            break;
    }
    return at;
}

void ptx_next(ptx_lexer *lexer)
{
    ptx_token *token = &lexer->token;
    const char *at;

    skip_space(lexer);
    at = lexer->at;
    token->text = at;
    token->line = lexer->line;
    if (at == lexer->end) {
        token->kind = TOKEN_END;
    } else if (isdigit((unsigned char)*at) ||
               (*at == '-' && lexer->end - at > 1 && isdigit((unsigned char)at[1]))) {
        token->kind = TOKEN_NUMBER;
        for (at++; at < lexer->end && isalnum((unsigned char)*at);)
            at++;
    } else if (in_word(*at)) {
        token->kind = TOKEN_WORD;
        at = word_end(at, lexer->end);
    } else if (*at == '"') {
        token->kind = TOKEN_STRING;
        for (at++; at < lexer->end && *at != '"' && *at != '\n';)
            at++;
        at += at < lexer->end && *at == '"';
    } else {
        token->kind = TOKEN_SIGN;
        at++;
    }
    token->length = (size_t)(at - token->text);
    lexer->at = at;
}

bool ptx_token_is(const ptx_token *token, const char *text)
{
    return token->length == strlen(text) && memcmp(token->text, text, token->length) == 0;
}

bool ptx_is(const ptx_lexer *lexer, const char *text)
{
    return ptx_token_is(&lexer->token, text);
}

bool ptx_take(ptx_lexer *lexer, const char *text)
{
    if (!ptx_is(lexer, text)) return false;
    ptx_next(lexer);
    return true;
}

/* How much of a token an error quotes. */
static int quoted(const ptx_token *token)
{
    return token->length < 80 ? (int)token->length : 80;
}

bool ptx_expect(ptx_lexer *lexer, const char *text)
{
    if (ptx_take(lexer, text)) return true;
    if (lexer->token.kind == TOKEN_END)
        return ptx_complain(lexer, "the file ends where `%s` should be", text);
    return ptx_complain(lexer, "`%.*s` where `%s` should be", quoted(&lexer->token),
                        lexer->token.text, text);
}

bool ptx_expect_word(ptx_lexer *lexer, ptx_token *word)
{
    *word = lexer->token;
    if (word->kind != TOKEN_WORD)
        return ptx_complain(lexer, "`%.*s` where a name should be", quoted(word), word->text);
    ptx_next(lexer);
    return true;
}

bool ptx_number(const ptx_token *token, uint64_t *value, unsigned *bytes)
{
    char copy[40], *end;
    bool negative = token->length > 0 && token->text[0] == '-';
    size_t n = token->length - negative;
    int base = 0;

    *bytes = 0;
    if (token->kind != TOKEN_NUMBER || n >= sizeof copy) return false;
    memcpy(copy, token->text + negative, n);
    copy[n] = 0;
    if (copy[0] == '0' && strchr("fFdD", copy[1]) && copy[1]) {
        *bytes = tolower((unsigned char)copy[1]) == 'f' ? 4 : 8;
        if (n != 2 + 2 * *bytes || negative) return false;
        base = 16;
    } else if (copy[n - 1] == 'U') {
        copy[n - 1] = 0;
    }
    *value = strtoull(copy + (base ? 2 : 0), &end, base);
    if (negative) *value = -*value;
    return *end == 0 && end != copy;
}

bool ptx_expect_size(ptx_lexer *lexer, uint64_t limit, uint64_t *value)
{
    unsigned bytes;

    if (lexer->token.text[0] == '-' || !ptx_number(&lexer->token, value, &bytes) || bytes)
        return ptx_complain(lexer, "`%.*s` where a size should be", quoted(&lexer->token),
                            lexer->token.text);
    if (*value > limit)
        return ptx_complain(lexer, "%.*s is more than the %llu that are taken here",
                            quoted(&lexer->token), lexer->token.text, (unsigned long long)limit);
    ptx_next(lexer);
    return true;
}

bool ptx_skip_statement(ptx_lexer *lexer)
{
    while (lexer->token.kind != TOKEN_END && !ptx_is(lexer, ";"))
        ptx_next(lexer);
    return ptx_expect(lexer, ";");
}

bool ptx_skip_braces(ptx_lexer *lexer)
{
    size_t depth = 1;

    if (!ptx_expect(lexer, "{")) return false;
    for (; lexer->token.kind != TOKEN_END; ptx_next(lexer)) {
        depth += ptx_is(lexer, "{");
        depth -= ptx_is(lexer, "}");
        if (depth == 0) return ptx_expect(lexer, "}");
    }
    return ptx_expect(lexer, "}");
}

char *ptx_text(const ptx_token *token)
{
    return strndup(token->text, token->length);
}

bool ptx_append(ptx_lexer *lexer, void *array, size_t *count, size_t size)
{
    char *data;

    memcpy(&data, array, sizeof data);  /* a pointer of any type */
    if ((*count & (*count - 1)) == 0) { /* room is a power of two */
        size_t room = *count ? 2 * *count : 1;

        data = realloc(data, room * size);
        if (!data) return ptx_complain(lexer, "no memory for %zu bytes", room * size);
        memcpy(array, &data, sizeof data);
    }
    memset(data + *count * size, 0, size);
    (*count)++;
    return true;
}
