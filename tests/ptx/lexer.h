/* Tokens of PTX, and the parser's way of saying what is wrong. */
#ifndef SYL_TESTS_PTX_LEXER_H
#define SYL_TESTS_PTX_LEXER_H

#include "tests/ptx/module.h"

typedef enum ptx_token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_SIGN
} ptx_token_kind;

/* A WORD is a name, register, directive or opcode with all of its dots. */
typedef struct ptx_token {
    ptx_token_kind kind;
    const char *text;
    size_t length;
    uint32_t line;
} ptx_token;

typedef struct ptx_lexer {
    const char *at, *end;
    uint32_t line;
    ptx_token token; /* the one to look at */
    const char *path;
    char *error;
    size_t error_size;
} ptx_lexer;

void ptx_lexer_start(ptx_lexer *lexer, const char *text, size_t size);
void ptx_next(ptx_lexer *lexer);
/* Always false: `return ptx_complain(...)`. The first complaint stays. */
bool ptx_complain(ptx_lexer *lexer, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool ptx_is(const ptx_lexer *lexer, const char *text);
bool ptx_token_is(const ptx_token *token, const char *text);
/* Skips the token when it is there; says whether. */
bool ptx_take(ptx_lexer *lexer, const char *text);
bool ptx_expect(ptx_lexer *lexer, const char *text);
bool ptx_expect_word(ptx_lexer *lexer, ptx_token *word);
/* An integer without a sign, at most `limit`. */
bool ptx_expect_size(ptx_lexer *lexer, uint64_t limit, uint64_t *value);
/* Any number; a float's bits. bytes: 4 for 0f, 8 for 0d, 0 for an integer. */
bool ptx_number(const ptx_token *token, uint64_t *value, unsigned *bytes);
/* Skips to behind the next `;`, or a whole {...}. */
bool ptx_skip_statement(ptx_lexer *lexer);
bool ptx_skip_braces(ptx_lexer *lexer);
/* A copy that ends with 0; NULL when there is no memory. */
char *ptx_text(const ptx_token *token);
/* One more element at the end of an array, zeroed; false with a complaint. */
bool ptx_append(ptx_lexer *lexer, void *array, size_t *count, size_t size);

#endif
