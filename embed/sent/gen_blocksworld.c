/* Plans for blocks: all states of a number of blocks, and the shortest way between two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/sent/blocks.h"
#include "embed/sent/gen_draw.h"
#include "lib/base/memory.h"

#define MOST_BLOCKS 7 /* 37633 states */
#define SHARE 0.15    /* of the states are valid's, and as many test's */
#define LONGEST_PLAN 32
#define SPLIT_STREAM 0x626c6f636b73 /* the same shares whatever the seed */
#define RULES                                                                                 \
    "In the Blocksworld domain, blocks can be stacked on top of each other or placed on the " \
    "table. Only one block can be moved at a time, and only clear (unblocked) blocks can be " \
    "moved. Given the initial configuration and the goal configuration, what is the minimum " \
    "number of moves required to reach the goal? "

syl_blocksworld_options syl_blocksworld_defaults(void)
{
    return (syl_blocksworld_options){.blocks = 7};
}

/* Every state has a code: its blocks' supports as digits, the table 0. */
typedef struct world {
    int blocks, states;
    int codes;
    int *state_of;     /* [codes] or -1 */
    syl_blocks *state; /* [states] in the order of their codes */
    int *first_next;   /* [states + 1] where a state's successors begin, */
    int *next;         /* in the order of list_moves */
    size_t room_next;
    int *share;       /* [states] in a random order: test's, valid's, train's */
    int first, count; /* those of the split, in share */
    int *distance;    /* [states] moves to the goal, -1: not known */
    int *queue;       /* [states] */
} world;

static void free_world(world *w)
{
    free(w->state_of);
    free(w->state);
    free(w->first_next);
    free(w->next);
    free(w->share);
    free(w->distance);
    free(w->queue);
}

static int code_of(const syl_blocks *b)
{
    int code = 0;
    for (int i = 0; i < b->count; i++)
        code = code * (b->count + 1) + b->on[i] + 1;
    return code;
}

static syl_blocks state_of_code(int code, int blocks)
{
    syl_blocks b = {.count = blocks};
    for (int i = blocks - 1; i >= 0; i--, code /= blocks + 1)
        b.on[i] = (int8_t)(code % (blocks + 1) - 1);
    return b;
}

static syl_status list_states(world *w, syl_error *err)
{
    w->codes = 1;
    for (int i = 0; i < w->blocks; i++)
        w->codes *= w->blocks + 1;
    w->state_of = syl_calloc((size_t)w->codes, sizeof *w->state_of);
    if (!w->state_of) return syl_fail_memory(err, (size_t)w->codes * sizeof(int), "states");
    for (int c = 0; c < w->codes; c++) {
        syl_blocks b = state_of_code(c, w->blocks);
        w->state_of[c] = syl_blocks_valid(&b) ? w->states++ : -1;
    }
    size_t n = (size_t)w->states;
    w->state = syl_calloc(n, sizeof *w->state);
    w->first_next = syl_calloc(n + 1, sizeof *w->first_next);
    w->share = syl_calloc(n, sizeof *w->share);
    w->distance = syl_calloc(n, sizeof *w->distance);
    w->queue = syl_calloc(n, sizeof *w->queue);
    if (!w->state || !w->first_next || !w->share || !w->distance || !w->queue)
        return syl_fail_memory(err, n * sizeof *w->state, "states");
    for (int c = 0; c < w->codes; c++)
        if (w->state_of[c] >= 0) w->state[w->state_of[c]] = state_of_code(c, w->blocks);
    return SYL_OK;
}

/* Which states are the split's. */
static void share_out(world *w, syl_sent_split split)
{
    syl_random r = {.seed = (uint64_t)w->blocks, .stream = SPLIT_STREAM};
    int part = (int)(SHARE * w->states + 0.5);
    for (int i = 0; i < w->states; i++) {
        int k = (int)syl_random_below(&r, (uint32_t)i + 1);
        w->share[i] = w->share[k];
        w->share[k] = i;
    }
    w->first = split == SYL_SENT_TEST ? 0 : split == SYL_SENT_VALID ? part : 2 * part;
    w->count = split == SYL_SENT_TRAIN ? w->states - 2 * part : part;
}

/* Moves from a state, block by block, to the table first. Returns how many; room for blocks^2. */
static int list_moves(const syl_blocks *b, syl_block_move *moves)
{
    int n = 0;
    for (int i = 0; i < b->count; i++)
        for (int to = -1; to < b->count; to++) {
            syl_block_move m = {(int8_t)i, b->on[i], (int8_t)to};
            if (syl_blocks_may_move(b, m)) moves[n++] = m;
        }
    return n;
}

static int state_after(const world *w, int state, syl_block_move move)
{
    syl_blocks b = w->state[state];
    syl_blocks_move(&b, move);
    return w->state_of[code_of(&b)];
}

static syl_status list_successors(world *w, syl_error *err)
{
    syl_block_move moves[MOST_BLOCKS * MOST_BLOCKS];
    for (int s = 0; s < w->states; s++) {
        void *next = w->next;
        int n = list_moves(&w->state[s], moves), at = w->first_next[s];
        SYL_TRY(syl_grow(&next, &w->room_next, (size_t)(at + n), sizeof *w->next, err));
        w->next = next;
        for (int i = 0; i < n; i++)
            w->next[at + i] = state_after(w, s, moves[i]);
        w->first_next[s + 1] = at + n;
    }
    return SYL_OK;
}

/* Moves to the goal of all states up to the distance of `from`; moves can be undone, so the way is
 * looked for from its end. */
static void find_distances(world *w, int goal, int from)
{
    int last = 1;
    memset(w->distance, -1, (size_t)w->states * sizeof *w->distance);
    w->distance[goal] = 0;
    w->queue[0] = goal;
    for (int at = 0; at < last && w->distance[from] < 0; at++) {
        int s = w->queue[at];
        for (int i = w->first_next[s]; i < w->first_next[s + 1]; i++) {
            if (w->distance[w->next[i]] >= 0) continue;
            w->distance[w->next[i]] = w->distance[s] + 1;
            w->queue[last++] = w->next[i];
        }
    }
}

/* Returns the number of moves. */
static int make_plan(world *w, int from, int goal, syl_block_move *plan)
{
    syl_block_move moves[MOST_BLOCKS * MOST_BLOCKS];
    int length = 0;
    find_distances(w, goal, from);
    for (int s = from; s != goal; length++) {
        const int *next = &w->next[w->first_next[s]];
        int i = 0;
        list_moves(&w->state[s], moves);
        while (w->distance[next[i]] != w->distance[s] - 1)
            i++;
        plan[length] = moves[i];
        s = next[i];
    }
    return length;
}

static void write_question(const world *w, int from, int goal, bool short_wording, char *text,
                           size_t size)
{
    char initial[SYL_BLOCKS_TEXT], end[SYL_BLOCKS_TEXT];
    syl_blocks_format(&w->state[from], initial);
    syl_blocks_format(&w->state[goal], end);
    snprintf(text, size, "%sInitial state: %s. Goal state: %s.", short_wording ? "" : RULES,
             initial, end);
}

static syl_status add_question(syl_sent_dataset *out, world *w, int from, int goal,
                               const char *question, syl_error *err)
{
    syl_block_move plan[LONGEST_PLAN];
    char texts[LONGEST_PLAN + 1][SYL_BLOCK_MOVE_TEXT], answer[16];
    const char *steps[LONGEST_PLAN + 1];
    int n = make_plan(w, from, goal, plan);
    for (int i = 0; i < n; i++)
        syl_block_move_format(plan[i], texts[i]);
    snprintf(answer, sizeof answer, "%d", n);
    snprintf(texts[n], sizeof texts[n], "The answer is: %d", n);
    for (int i = 0; i <= n; i++)
        steps[i] = texts[i];
    return syl_sent_dataset_add(out, question, steps, n + 1, answer, err);
}

static syl_status draw_all(syl_sent_dataset *out, world *w, syl_gen_seen *seen,
                           const syl_blocksworld_options *o, const syl_sent_draw *draw,
                           syl_error *err)
{
    syl_random r = {.seed = draw->seed, .stream = (uint64_t)draw->split};
    char question[sizeof RULES + 2 * SYL_BLOCKS_TEXT + 64];
    for (int tries = 0; out->count < draw->count; tries++) {
        bool take;
        if (tries == SYL_GEN_PATIENCE)
            return syl_gen_exhausted(out, draw, "take fewer, or more blocks", err);
        int from = w->share[w->first + (int)syl_random_below(&r, (uint32_t)w->count)];
        int goal = w->share[w->first + (int)syl_random_below(&r, (uint32_t)w->count)];
        if (from == goal) continue;
        write_question(w, from, goal, o->short_wording, question, sizeof question);
        SYL_TRY(syl_gen_new(seen, question, &take, err));
        if (!take) continue;
        SYL_TRY(add_question(out, w, from, goal, question, err));
        tries = -1;
    }
    return SYL_OK;
}

syl_status syl_sent_gen_blocksworld(syl_sent_dataset *out, const syl_blocksworld_options *options,
                                    const syl_sent_draw *draw, syl_error *err)
{
    world w = {.blocks = options->blocks};
    syl_gen_seen seen = {0};
    *out = (syl_sent_dataset){0};
    if (options->blocks < 3 || options->blocks > MOST_BLOCKS)
        return syl_fail(err, SYL_EINVAL, "%d blocks; there may be 3 to %d", options->blocks,
                        MOST_BLOCKS);
    syl_status status = list_states(&w, err);
    if (!status) status = list_successors(&w, err);
    if (!status) share_out(&w, draw->split);
    if (!status) status = draw_all(out, &w, &seen, options, draw, err);
    syl_gen_seen_free(&seen);
    free_world(&w);
    if (status) syl_sent_dataset_free(out);
    return status;
}
