/* Addresses of all spaces but shared memory, and the table of the host's buffers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ptx/exec.h"

ptx_memory *ptx_memory_create(void)
{
    return calloc(1, sizeof(ptx_memory));
}

void ptx_memory_free(ptx_memory *memory)
{
    if (!memory) return;
    for (size_t i = 0; i < memory->count; i++)
        free(memory->buffers[i].name);
    free(memory->buffers);
    free(memory);
}

bool ptx_memory_add(ptx_memory *memory, const void *base, size_t bytes, const char *name)
{
    ptx_buffer buffer = {(uint64_t)(uintptr_t)base, bytes, strdup(name ? name : "unnamed")};
    size_t i = memory->count;

    if (memory->count == memory->room) {
        size_t room = memory->room ? 2 * memory->room : 16;
        ptx_buffer *grown = realloc(memory->buffers, room * sizeof *grown);

        if (grown) {
            memory->buffers = grown;
            memory->room = room;
        }
    }
    if (!buffer.name || memory->count == memory->room) {
        free(buffer.name);
        return false;
    }
    for (; i > 0 && memory->buffers[i - 1].base > buffer.base; i--)
        memory->buffers[i] = memory->buffers[i - 1];
    memory->buffers[i] = buffer;
    memory->count++;
    return true;
}

void ptx_memory_remove(ptx_memory *memory, const void *base)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (memory->buffers[i].base != (uint64_t)(uintptr_t)base) continue;
        free(memory->buffers[i].name);
        memory->count--;
        memmove(&memory->buffers[i], &memory->buffers[i + 1],
                (memory->count - i) * sizeof *memory->buffers);
        return;
    }
}

/* The last buffer that begins at or before the address. */
static const ptx_buffer *buffer_before(const ptx_memory *memory, uint64_t address)
{
    size_t low = 0, high = memory->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (memory->buffers[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &memory->buffers[low - 1] : NULL;
}

static bool holds(uint64_t base, uint64_t size, uint64_t address, unsigned bytes)
{
    return address >= base && address - base <= size && bytes <= size - (address - base);
}

static bool in_variables(const ptx_module *m, uint64_t address, unsigned bytes, ptx_access access)
{
    for (size_t i = 0; i < m->variable_count; i++) {
        const ptx_variable *v = &m->variables[i];

        if (v->data && (access == ACCESS_READ || v->space == SPACE_GLOBAL) &&
            holds(v->address, v->bytes, address, bytes))
            return true;
    }
    return false;
}

static const char *verb(ptx_access access)
{
    return access == ACCESS_READ ? "reads" : access == ACCESS_WRITE ? "writes" : "changes";
}

static unsigned char *global_at(ptx_thread *t, const ptx_insn *insn, uint64_t address,
                                unsigned bytes, ptx_access access)
{
    ptx_exec *e = t->exec;
    const ptx_buffer *b = e->last;

    if (!b || !holds(b->base, b->bytes, address, bytes)) {
        b = buffer_before(e->memory, address);
        if (b && holds(b->base, b->bytes, address, bytes))
            e->last = b;
        else if (in_variables(t->frame->function->module, address, bytes, access))
            return (unsigned char *)(uintptr_t)address;
        else if (b)
            ptx_fault(t, insn,
                      "%s %u bytes out of bounds, at byte %" PRIu64 " of buffer `%s` of %" PRIu64
                      " bytes",
                      verb(access), bytes, address - b->base, b->name, b->bytes);
        else
            ptx_fault(t, insn, "%s %u bytes out of bounds, at 0x%" PRIx64 " where no buffer is",
                      verb(access), bytes, address);
    }
    return (unsigned char *)(uintptr_t)address;
}

static unsigned char *local_at(ptx_thread *t, const ptx_insn *insn, uint64_t address,
                               unsigned bytes, ptx_access access, uint8_t **written)
{
    if (!holds(0, t->frame->function->module->local_bytes, address, bytes))
        ptx_fault(t, insn, "%s %u bytes out of bounds of local memory, at byte %" PRId64,
                  verb(access), bytes, (int64_t)address);
    *written = t->local_written + address;
    return t->local + address;
}

unsigned char *ptx_locate(ptx_thread *t, const ptx_insn *insn, uint64_t address, unsigned bytes,
                          ptx_access access, uint8_t **written)
{
    const ptx_function *f = t->frame->function;
    uint8_t space = insn->space;

    *written = NULL;
    if (address % bytes != 0)
        ptx_fault(t, insn, "misaligned: %s %u bytes at 0x%" PRIx64, verb(access), bytes, address);
    if (space == SPACE_GENERIC && address - SHARED_WINDOW < WINDOW_BYTES) {
        space = SPACE_SHARED;
        address -= SHARED_WINDOW;
    } else if (space == SPACE_GENERIC && address - LOCAL_WINDOW < WINDOW_BYTES) {
        space = SPACE_LOCAL;
        address -= LOCAL_WINDOW;
    }
    switch (space) {
    case SPACE_SHARED:
        return ptx_shared_at(t, insn, address, bytes, access);
    case SPACE_LOCAL:
        return local_at(t, insn, address, bytes, access, written);
    case SPACE_PARAM:
        if (!holds(0, f->param_bytes, address, bytes))
            ptx_fault(t, insn, "%s out of bounds of the parameters", verb(access));
        return t->frame->params + address;
    default:
        return global_at(t, insn, address, bytes, access);
    }
}
