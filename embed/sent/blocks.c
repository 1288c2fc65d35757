#include "embed/sent/blocks.h"

#include <stdio.h>
#include <string.h>

#define INITIAL "Initial state: "
#define GOAL "Goal state: "
#define TABLE "the table"

/* ---- configurations --------------------------------------------------------------------- */

bool syl_blocks_valid(const syl_blocks *b)
{
    uint32_t bears = 0;
    for (int i = 0; i < b->count; i++) {
        int steps = 0;
        if (b->on[i] >= 0 && bears & UINT32_C(1) << b->on[i]) return false;
        if (b->on[i] >= 0) bears |= UINT32_C(1) << b->on[i];
        for (int k = i; k >= 0; k = b->on[k])
            if (steps++ == b->count) return false;
    }
    return true;
}

bool syl_blocks_equal(const syl_blocks *a, const syl_blocks *b)
{
    return a->count == b->count && !memcmp(a->on, b->on, (size_t)a->count);
}

bool syl_blocks_clear(const syl_blocks *b, int block)
{
    return !memchr(b->on, block, (size_t)b->count);
}

bool syl_blocks_may_move(const syl_blocks *b, syl_block_move m)
{
    return m.block >= 0 && m.block < b->count && m.to >= -1 && m.to < b->count &&
           m.from == b->on[m.block] && m.to != m.from && m.to != m.block &&
           syl_blocks_clear(b, m.block) && (m.to < 0 || syl_blocks_clear(b, m.to));
}

void syl_blocks_move(syl_blocks *b, syl_block_move m)
{
    b->on[m.block] = m.to;
}

/* ---- text ------------------------------------------------------------------------------- */

/* Where something is: "G" or "the table", in a buffer of two bytes. */
static const char *place(int block, char name[2])
{
    name[0] = (char)('A' + block);
    name[1] = '\0';
    return block < 0 ? TABLE : name;
}

void syl_blocks_format(const syl_blocks *b, char text[SYL_BLOCKS_TEXT])
{
    char name[2];
    int n = 0;
    text[0] = '\0';
    for (int i = 0; i < b->count; i++)
        n += snprintf(text + n, (size_t)(SYL_BLOCKS_TEXT - n), "%s%c is on %s", i ? ", " : "",
                      'A' + i, place(b->on[i], name));
}

void syl_block_move_format(syl_block_move m, char text[SYL_BLOCK_MOVE_TEXT])
{
    char from[2], to[2];
    snprintf(text, SYL_BLOCK_MOVE_TEXT, "<<Move %c from %s to %s>>", 'A' + m.block,
             place(m.from, from), place(m.to, to));
}

/* Passes over a text that must be there. */
static bool skip(const char **p, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(*p, text, n)) return false;
    *p += n;
    return true;
}

static bool read_block(const char **p, int8_t *block)
{
    if (**p < 'A' || **p > 'Z') return false;
    *block = (int8_t)(*(*p)++ - 'A');
    return true;
}

static bool read_place(const char **p, int8_t *block)
{
    *block = -1;
    return skip(p, TABLE) || read_block(p, block);
}

bool syl_block_move_parse(syl_block_move *m, const char *text)
{
    return skip(&text, "<<Move ") && read_block(&text, &m->block) && skip(&text, " from ") &&
           read_place(&text, &m->from) && skip(&text, " to ") && read_place(&text, &m->to) &&
           skip(&text, ">>") && !*text;
}

/* "A is on ..., B is on ...." up to the dot; blocks in any order, all from A on. */
static bool read_blocks(const char *p, syl_blocks *b)
{
    uint32_t named = 0;
    int8_t block, below;
    *b = (syl_blocks){0};
    do {
        if (!read_block(&p, &block) || !skip(&p, " is on ") || !read_place(&p, &below))
            return false;
        if (named & UINT32_C(1) << block) return false;
        named |= UINT32_C(1) << block;
        b->on[block] = below;
        b->count++;
    } while (skip(&p, ", "));
    if (*p != '.' || named != (UINT32_C(1) << b->count) - 1) return false;
    for (int i = 0; i < b->count; i++)
        if (b->on[i] >= b->count) return false;
    return syl_blocks_valid(b);
}

bool syl_blocks_parse_question(syl_blocks *initial, syl_blocks *goal, const char *question)
{
    const char *first = strstr(question, INITIAL), *second = strstr(question, GOAL);
    return first && second && read_blocks(first + strlen(INITIAL), initial) &&
           read_blocks(second + strlen(GOAL), goal) && initial->count == goal->count;
}
