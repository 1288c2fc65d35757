/* Shuffles, votes, reductions, __syncwarp: what the lanes of a warp do together. Lanes that have
 * exited are not waited for, but there is nothing to read from them. */
#include "tests/ptx/exec.h"

typedef struct group {     /* lanes at one collective */
    ptx_thread *lanes[32]; /* NULL where not of the group */
    ptx_thread *first;
    const ptx_insn *insn;
    uint32_t mask; /* as the instruction gives it */
    uint32_t here; /* lanes that take part */
} group;

static uint64_t value_of(const ptx_thread *t, uint32_t slot)
{
    return t->frame->r[slot];
}

static void give(const ptx_thread *t, uint32_t slot, uint64_t value, uint8_t defined)
{
    t->frame->r[slot] = value;
    t->frame->defined[slot] = defined;
}

static uint32_t mask_of(const ptx_thread *t)
{
    if (t->waits->detail == ACTIVE_MASK) return UINT32_MAX;
    if (!t->frame->defined[t->waits->src[3]]) ptx_fault(t, t->waits, "the mask is undefined");
    return (uint32_t)value_of(t, t->waits->src[3]);
}

/* PTX ISA, shfl.sync: lanes of a segment, clamped at its end. */
static int source_lane(const ptx_insn *insn, int lane, uint32_t b, uint32_t c, bool *valid)
{
    int clamp = c & 31, segment = c >> 8 & 31, n = b & 31, j = lane;
    int top = (lane & segment) | (clamp & ~segment), bottom = lane & segment;

    switch (insn->detail) {
    case SHUFFLE_UP:
        j = lane - n;
        *valid = j >= top;
        break;
    case SHUFFLE_DOWN:
        j = lane + n;
        *valid = j <= top;
        break;
    case SHUFFLE_BUTTERFLY:
        j = lane ^ n;
        *valid = j <= top;
        break;
    default:
        j = bottom | (n & ~segment);
        *valid = j <= top;
    }
    return *valid ? j : lane;
}

static void shuffle(const group *g)
{
    uint64_t values[32];
    uint8_t defined[32];

    for (int lane = 0; lane < 32; lane++) {
        if (!g->lanes[lane]) continue;
        values[lane] = (uint32_t)value_of(g->lanes[lane], g->insn->src[0]);
        defined[lane] = g->lanes[lane]->frame->defined[g->insn->src[0]];
    }
    for (int lane = 0; lane < 32; lane++) {
        const ptx_thread *t = g->lanes[lane];
        bool valid;
        int from;

        if (!t) continue;
        if (!t->frame->defined[g->insn->src[1]]) ptx_fault(t, g->insn, "the lane is undefined");
        from = source_lane(g->insn, lane, (uint32_t)value_of(t, g->insn->src[1]),
                           (uint32_t)value_of(t, g->insn->src[2]), &valid);
        if (!(g->here >> from & 1))
            ptx_fault(t, g->insn, "shuffle reads lane %d, which %s", from,
                      g->mask >> from & 1 ? "has exited" : "is not in the mask");
        give(t, g->insn->dst, values[from], defined[from]);
        give(t, g->insn->dst2, valid, 1);
    }
}

static uint32_t ballot(const group *g)
{
    uint32_t votes = 0;

    for (int lane = 0; lane < 32; lane++) {
        const ptx_thread *t = g->lanes[lane];

        if (!t) continue;
        if (!t->frame->defined[g->insn->src[0]]) ptx_fault(t, g->insn, "the vote is undefined");
        votes |= (uint32_t)(value_of(t, g->insn->src[0]) & 1) << lane;
    }
    return g->insn->modifiers & MODIFIER_NEGATED ? ~votes & g->here : votes;
}

static uint64_t reduce(const group *g)
{
    uint64_t sum = 0;
    bool any = false;

    for (int lane = 0; lane < 32; lane++) {
        const ptx_thread *t = g->lanes[lane];

        if (!t) continue;
        if (!t->frame->defined[g->insn->src[0]]) ptx_fault(t, g->insn, "the operand is undefined");
        sum = any ? g->insn->alu(sum, value_of(t, g->insn->src[0]), 0, 0)
                  : value_of(t, g->insn->src[0]);
        any = true;
    }
    return sum;
}

/* What all lanes get alike. */
static uint64_t common_result(const group *g)
{
    switch (g->insn->detail) {
    case VOTE_ALL:
        return ballot(g) == g->here;
    case VOTE_ANY:
        return ballot(g) != 0;
    case VOTE_UNI:
        return ballot(g) == g->here || ballot(g) == 0;
    case VOTE_BALLOT:
        return ballot(g);
    case REDUX:
        return reduce(g);
    default:
        return g->here; /* activemask */
    }
}

static void perform(ptx_exec *e, const group *g)
{
    uint64_t result = 0;

    if (g->insn->detail >= SHUFFLE_UP && g->insn->detail <= SHUFFLE_INDEX)
        shuffle(g);
    else if (g->insn->detail == WARP_BARRIER)
        e->warp_epochs[g->first->warp]++;
    else
        result = common_result(g);
    for (int lane = 0; lane < 32; lane++) {
        ptx_thread *t = g->lanes[lane];

        if (!t) continue;
        if (g->insn->detail >= VOTE_ALL && g->insn->detail != WARP_BARRIER)
            give(t, g->insn->dst, result, 1);
        t->state = STATE_READY;
    }
}

static bool together(const ptx_thread *a, const ptx_thread *b)
{
    return b->state == STATE_COLLECTIVE && b->waits == a->waits && mask_of(a) == mask_of(b);
}

/* The lanes that the first one waits for; false while some are elsewhere. */
static bool gather(ptx_exec *e, ptx_thread *first, group *g)
{
    ptx_thread *warp = &e->threads[32 * first->warp];
    uint32_t lanes = e->thread_count - 32 * first->warp;

    *g = (group){.first = first, .insn = first->waits, .mask = mask_of(first)};
    if (!(g->mask >> first->lane & 1))
        ptx_fault(first, first->waits, "the lane itself is not in the mask 0x%x", g->mask);
    for (uint32_t lane = 0; lane < lanes && lane < 32; lane++) {
        if (!(g->mask >> lane & 1) || warp[lane].state == STATE_EXITED) continue;
        if (together(first, &warp[lane])) {
            g->lanes[lane] = &warp[lane];
            g->here |= 1u << lane;
        } else if (first->waits->detail != ACTIVE_MASK) {
            return false;
        }
    }
    return true;
}

bool ptx_collect(ptx_exec *e, uint32_t warp)
{
    bool any = false;

    for (uint32_t i = 32 * warp; i < e->thread_count && i < 32 * warp + 32; i++) {
        group g;

        if (e->threads[i].state != STATE_COLLECTIVE || !gather(e, &e->threads[i], &g)) continue;
        perform(e, &g);
        any = true;
    }
    return any;
}

/* The first thread that the waiting one misses. */
static const ptx_thread *missing(const ptx_exec *e, const ptx_thread *t)
{
    for (uint32_t i = 0; i < e->thread_count; i++) {
        const ptx_thread *other = &e->threads[i];

        if (t->state == STATE_BARRIER) {
            if (other->state != STATE_BARRIER || other->waits != t->waits) return other;
        } else if (other->warp == t->warp && mask_of(t) >> other->lane & 1 &&
                   other->state != STATE_EXITED && !together(t, other)) {
            return other;
        }
    }
    return t;
}

void ptx_stuck(const ptx_exec *e, const ptx_thread *t)
{
    const ptx_thread *other = missing(e, t);
    const char *what = t->state == STATE_BARRIER ? "divergent barrier" : "divergent collective";
    char text[160];

    if (other->state == STATE_EXITED)
        ptx_fault(t, t->waits, "%s: waits for thread %u, which has exited", what, other->index);
    ptx_insn_text(other->frame->function, other->waits, text, sizeof text);
    ptx_fault(t, t->waits, "%s: waits for thread %u, which waits at line %u, `%s`%s", what,
              other->index, other->waits->line, text,
              other->waits == t->waits ? " with another mask" : "");
}
