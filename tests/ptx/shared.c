/* Shared memory: bounds of variables, bytes that nobody wrote, races.
 *
 * A race: two threads at one byte between the same two barriers, one of them writing, not both
 * atomically, and no __syncwarp between them where they share a warp. A shuffle orders nothing, as
 * CUDA says. __syncwarp counts for the whole warp, whatever its mask. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ptx/exec.h"

bool ptx_shared_start(ptx_shared *shared, const ptx_function *kernel, size_t dynamic_bytes)
{
    shared->static_bytes = (kernel->shared_bytes + 15) / 16 * 16;
    shared->dynamic_bytes = dynamic_bytes;
    shared->size = shared->static_bytes + dynamic_bytes;
    shared->bytes = aligned_alloc(64, shared->size / 64 * 64 + 64);
    shared->state = malloc(shared->size + 1);
    shared->cells = calloc(shared->size + 4, sizeof *shared->cells);
    shared->split = calloc(shared->size / 4 + 1, 1);
    return shared->bytes && shared->state && shared->cells && shared->split;
}

static void open_variables(ptx_shared *shared, const ptx_variable *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].space == SPACE_SHARED && list[i].address < shared->static_bytes &&
            list[i].bytes <= shared->static_bytes - list[i].address)
            memset(shared->state + list[i].address, SHARED_UNWRITTEN, list[i].bytes);
}

/* For a new block. Filled with NaNs, should something unwritten come through after all. */
void ptx_shared_reset(ptx_shared *shared, const ptx_function *kernel)
{
    memset(shared->bytes, 0xFF, shared->size);
    memset(shared->state, SHARED_NOBODYS, shared->static_bytes);
    memset(shared->state + shared->static_bytes, SHARED_UNWRITTEN, shared->dynamic_bytes);
    open_variables(shared, kernel->variables, kernel->variable_count);
    open_variables(shared, kernel->module->variables, kernel->module->variable_count);
}

void ptx_shared_end(ptx_shared *shared)
{
    free(shared->bytes);
    free(shared->state);
    free(shared->cells);
    free(shared->split);
}

/* Whether a touch and what the thread does now are ordered by nothing. */
static bool conflicts(const ptx_exec *e, const ptx_touch *touch, const ptx_thread *t)
{
    if (touch->epoch != e->epoch) return false;
    if (touch->spread == 0 && touch->thread == t->index) return false;
    return touch->spread == 2 || touch->thread / 32 != t->warp ||
           touch->warp_epoch == e->warp_epochs[t->warp];
}

static void note(const ptx_exec *e, ptx_touch *touch, const ptx_thread *t, bool atomic)
{
    bool same = touch->epoch == e->epoch;
    uint8_t spread = 0;

    if (same && touch->spread == 2)
        spread = 2;
    else if (same && touch->thread / 32 != t->warp)
        spread = 2;
    else if (same && touch->warp_epoch == e->warp_epochs[t->warp])
        spread = touch->spread == 1 || touch->thread != t->index;
    *touch = (ptx_touch){e->epoch, e->warp_epochs[t->warp], (uint16_t)t->index, spread, atomic};
}

static void check_cell(ptx_thread *t, const ptx_insn *insn, ptx_cell *cell, uint64_t address,
                       ptx_access access)
{
    const ptx_exec *e = t->exec;
    const ptx_touch *other = NULL;

    if (!(access == ACCESS_ATOMIC && cell->write.atomic) && conflicts(e, &cell->write, t))
        other = &cell->write;
    /* The reads of atomics are not noted: these are writes. */
    if (access != ACCESS_READ && conflicts(e, &cell->read, t)) other = &cell->read;
    if (other)
        ptx_fault(t, insn,
                  "race: %s the shared byte %" PRIu64 " that thread %u %s with no barrier between",
                  access == ACCESS_READ ? "reads" : "writes", address, other->thread,
                  other == &cell->read ? "reads" : "writes");
    if (access == ACCESS_READ)
        note(e, &cell->read, t, false);
    else
        note(e, &cell->write, t, access == ACCESS_ATOMIC);
}

/* Words share a cell until a part of one is touched alone. */
static void check_races(ptx_thread *t, const ptx_insn *insn, size_t at, uint64_t address,
                        unsigned bytes, ptx_access access)
{
    ptx_shared *s = &t->exec->shared;
    size_t word = at / 4;

    if (bytes < 4 && !s->split[word]) {
        for (size_t i = 1; i < 4; i++)
            s->cells[4 * word + i] = s->cells[4 * word];
        s->split[word] = 1;
    }
    for (unsigned i = 0; i < bytes; i++)
        if (i % 4 == 0 || s->split[(at + i) / 4])
            check_cell(t, insn, &s->cells[at + i], address + i, access);
}

static _Noreturn void out_of_bounds(ptx_thread *t, const ptx_insn *insn, uint64_t address,
                                    unsigned bytes, ptx_access access)
{
    const ptx_shared *s = &t->exec->shared;
    bool dynamic = address >= DYNAMIC_SHARED;

    ptx_fault(t, insn,
              "%s %u bytes out of bounds of shared memory, at byte %" PRIu64 " of the %s %zu",
              access == ACCESS_READ ? "reads" : "writes", bytes,
              dynamic ? address - DYNAMIC_SHARED : address, dynamic ? "dynamic" : "static",
              dynamic ? s->dynamic_bytes : s->static_bytes);
}

unsigned char *ptx_shared_at(ptx_thread *t, const ptx_insn *insn, uint64_t address, unsigned bytes,
                             ptx_access access)
{
    ptx_shared *s = &t->exec->shared;
    bool dynamic = address >= DYNAMIC_SHARED;
    uint64_t begin = dynamic ? address - DYNAMIC_SHARED : address;
    size_t size = dynamic ? s->dynamic_bytes : s->static_bytes;
    size_t at = (size_t)begin + (dynamic ? s->static_bytes : 0);

    if (begin > size || bytes > size - begin) out_of_bounds(t, insn, address, bytes, access);
    for (unsigned i = 0; i < bytes; i++) {
        if (s->state[at + i] == SHARED_NOBODYS) out_of_bounds(t, insn, address, bytes, access);
        if (access != ACCESS_WRITE && s->state[at + i] == SHARED_UNWRITTEN)
            ptx_fault(t, insn, "reads unwritten shared memory, byte %" PRIu64, begin + i);
    }
    check_races(t, insn, at, begin, bytes, access);
    if (access == ACCESS_WRITE) memset(s->state + at, SHARED_WRITTEN, bytes);
    return s->bytes + at;
}
