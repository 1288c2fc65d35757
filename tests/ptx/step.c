/* A thread's instructions, one after another. Whether a value is defined goes with it, and matters
 * where it reaches a store, an address, a branch: compilers compute with undefined values whose
 * results nobody uses. */
#include <inttypes.h>
#include <string.h>

#include "tests/ptx/alu.h"
#include "tests/ptx/exec.h"

static void need(const ptx_thread *t, const ptx_insn *insn, uint32_t slot, const char *what)
{
    if (!t->frame->defined[slot]) ptx_fault(t, insn, "%s is undefined", what);
}

static uint64_t address_of(const ptx_thread *t, const ptx_insn *insn)
{
    uint64_t base = t->frame->r[insn->src[0]];

    need(t, insn, insn->src[0], "the address");
    return (insn->narrow_address ? (uint32_t)base : base) + (uint64_t)insn->offset;
}

static uint64_t read_value(const unsigned char *at, ptx_type type)
{
    uint64_t value = 0;
    unsigned unused = 64 - 8 * type.bytes;

    memcpy(&value, at, type.bytes);
    return type.class == CLASS_SIGNED ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

static void load(ptx_thread *t, const ptx_insn *insn)
{
    unsigned bytes = insn->type.bytes;
    uint8_t *written;
    const unsigned char *at =
        ptx_locate(t, insn, address_of(t, insn), bytes * insn->count, ACCESS_READ, &written);

    for (unsigned i = 0; i < insn->count; i++) {
        t->frame->r[insn->vector[i]] = read_value(at + i * bytes, insn->type);
        t->frame->defined[insn->vector[i]] = !written || !memchr(written + i * bytes, 0, bytes);
    }
}

static void store(ptx_thread *t, const ptx_insn *insn)
{
    const ptx_frame *frame = t->frame;
    unsigned bytes = insn->type.bytes;
    uint8_t *written;
    unsigned char *at =
        ptx_locate(t, insn, address_of(t, insn), bytes * insn->count, ACCESS_WRITE, &written);

    for (unsigned i = 0; i < insn->count; i++) {
        if (!written && insn->space != SPACE_PARAM)
            need(t, insn, insn->vector[i], "the stored value");
        memcpy(at + i * bytes, &frame->r[insn->vector[i]], bytes);
        if (written) memset(written + i * bytes, frame->defined[insn->vector[i]], bytes);
    }
}

static void atomic(ptx_thread *t, const ptx_insn *insn)
{
    uint64_t *r = t->frame->r, old, value = r[insn->src[1]];
    unsigned bytes = insn->type.bytes;
    uint8_t *written;
    unsigned char *at = ptx_locate(t, insn, address_of(t, insn), bytes, ACCESS_ATOMIC, &written);

    need(t, insn, insn->src[1], "the operand");
    need(t, insn, insn->src[2], "the operand");
    old = read_value(at, insn->type);
    if (insn->detail == ATOMIC_CAS)
        value = memcmp(at, &value, bytes) == 0 ? r[insn->src[2]] : old;
    else if (insn->detail != ATOMIC_EXCHANGE)
        value = insn->alu(old, value, 0, 0);
    memcpy(at, &value, bytes);
    r[insn->dst] = old;
    t->frame->defined[insn->dst] = 1;
}

static uint64_t low_bytes(uint64_t value, unsigned bytes)
{
    return bytes == 8 ? value : value & ((UINT64_C(1) << (8 * bytes)) - 1);
}

static void pack(const ptx_frame *frame, const ptx_insn *insn)
{
    unsigned bytes = insn->type.bytes / insn->count;
    uint64_t value = 0;
    uint8_t defined = 1;

    for (unsigned i = 0; i < insn->count; i++) {
        value |= low_bytes(frame->r[insn->vector[i]], bytes) << (8 * bytes * i);
        defined &= frame->defined[insn->vector[i]];
    }
    frame->r[insn->dst] = value;
    frame->defined[insn->dst] = defined;
}

static void unpack(const ptx_frame *frame, const ptx_insn *insn)
{
    unsigned bytes = insn->type.bytes / insn->count;
    uint64_t value = frame->r[insn->src[0]];
    uint8_t defined = frame->defined[insn->src[0]];

    for (unsigned i = 0; i < insn->count; i++) {
        frame->r[insn->vector[i]] = low_bytes(value >> (8 * bytes * i), bytes);
        frame->defined[insn->vector[i]] = defined;
    }
}

static void select_value(const ptx_frame *frame, const ptx_insn *insn)
{
    bool second = (frame->r[insn->src[2]] & 1) == !!(insn->modifiers & MODIFIER_NEGATED);
    uint32_t slot = insn->src[second];

    frame->r[insn->dst] = frame->r[slot];
    frame->defined[insn->dst] = frame->defined[slot] & frame->defined[insn->src[2]];
}

static void compute(const ptx_frame *frame, const ptx_insn *insn)
{
    const uint64_t *r = frame->r;
    const uint8_t *d = frame->defined;
    const uint32_t *s = insn->src;
    uint64_t value;

    if (insn->kind == KIND_ALU)
        value = insn->alu(r[s[0]], r[s[1]], r[s[2]], r[s[3]]);
    else
        value = ptx_run_modified(insn, r[s[0]], r[s[1]], r[s[2]], r[s[3]]);
    frame->defined[insn->dst] = d[s[0]] & d[s[1]] & d[s[2]] & d[s[3]];
    frame->r[insn->dst] = value;
}

static void enter(ptx_thread *t, const ptx_insn *insn)
{
    ptx_frame *caller = t->frame;
    const ptx_call *call = &caller->function->calls[insn->target];
    const ptx_function *f = call->callee;
    size_t first;

    if (!f) ptx_fault(t, insn, "calls `%s`, which is only declared", call->name);
    if (call->arg_count != f->param_count - f->result_count || call->result_count > f->result_count)
        ptx_fault(t, insn, "calls `%s` with other arguments", call->name);
    for (const ptx_frame *up = caller; up; up = up->caller)
        if (up->function == f) ptx_fault(t, insn, "recursion of `%s` is not supported", f->name);
    if (!ptx_push_frame(t, f)) ptx_fault(t, insn, "no memory for a call");
    t->frame->call = call;
    first = f->result_count;
    for (size_t i = 0; i < call->arg_count; i++) {
        const ptx_variable *param = &f->params[first + i];

        if (call->args[i] + param->bytes > caller->function->param_bytes)
            ptx_fault(t, insn, "argument %zu of `%s` is too small", i, f->name);
        memcpy(t->frame->params + param->address, caller->params + call->args[i], param->bytes);
    }
}

/* False when it was the kernel itself that ended. */
static bool leave(ptx_thread *t, const ptx_insn *insn)
{
    ptx_frame *frame = t->frame, *caller = frame->caller;

    if (!caller) return false;
    for (size_t i = 0; i < frame->call->result_count; i++) {
        const ptx_variable *result = &frame->function->params[i];

        if (frame->call->results[i] + result->bytes > caller->function->param_bytes)
            ptx_fault(t, insn, "the result of `%s` is too small", frame->function->name);
        memcpy(caller->params + frame->call->results[i], frame->params + result->address,
               result->bytes);
    }
    ptx_pop_frame(t);
    return true;
}

static uint32_t table_target(const ptx_thread *t, const ptx_insn *insn)
{
    const ptx_table *table = &t->frame->function->tables[insn->target];
    uint32_t index = (uint32_t)t->frame->r[insn->src[0]];

    need(t, insn, insn->src[0], "the index");
    if (index >= table->count)
        ptx_fault(t, insn, "index %u of a table of %zu", index, table->count);
    return table->targets[index];
}

static void wait_for_others(ptx_thread *t, const ptx_insn *insn)
{
    t->waits = insn;
    t->state = insn->kind == KIND_BARRIER ? STATE_BARRIER : STATE_COLLECTIVE;
}

/* What needs more than the registers; false when the thread stops. frame->pc is the next one. */
static bool act(ptx_thread *t, const ptx_insn *insn)
{
    switch (insn->kind) {
    case KIND_LOAD:
        load(t, insn);
        return true;
    case KIND_STORE:
        store(t, insn);
        return true;
    case KIND_ATOMIC:
        atomic(t, insn);
        return true;
    case KIND_BRANCH_TABLE:
        t->frame->pc = table_target(t, insn);
        return true;
    case KIND_CALL:
        enter(t, insn);
        return true;
    case KIND_RETURN:
        if (leave(t, insn)) return true;
        t->state = STATE_EXITED;
        return false;
    case KIND_EXIT:
        t->state = STATE_EXITED;
        return false;
    case KIND_TRAP:
        ptx_fault(t, insn, "trap");
    case KIND_FENCE:
        return true;
    default:
        wait_for_others(t, insn);
        return false;
    }
}

static bool guard_holds(const ptx_thread *t, const ptx_insn *insn)
{
    if (!insn->guard) return true;
    need(t, insn, insn->guard, "the branch's condition");
    return (t->frame->r[insn->guard] & 1) != insn->guard_negated;
}

void ptx_step(ptx_thread *t)
{
    ptx_exec *e = t->exec;
    ptx_frame *frame = t->frame;
    const ptx_insn *code = frame->function->code;
    uint64_t left = e->limit - e->launch->instructions, begin = left;
    uint32_t pc = frame->pc;
    bool runs = true;

    while (runs) {
        const ptx_insn *insn = &code[pc++];

        if (left-- == 0)
            ptx_fault(t, insn, "more than %" PRIu64 " instructions: an endless loop?", e->limit);
        if (!guard_holds(t, insn)) continue;
        switch (insn->kind) {
        case KIND_ALU:
        case KIND_MODIFIED:
            compute(frame, insn);
            break;
        case KIND_MOVE:
            frame->r[insn->dst] = frame->r[insn->src[0]];
            frame->defined[insn->dst] = frame->defined[insn->src[0]];
            break;
        case KIND_SELECT:
            select_value(frame, insn);
            break;
        case KIND_PACK:
            pack(frame, insn);
            break;
        case KIND_UNPACK:
            unpack(frame, insn);
            break;
        case KIND_BRANCH:
            pc = insn->target;
            break;
        default:
            frame->pc = pc;
            runs = act(t, insn);
            frame = t->frame; /* calls and returns change it */
            code = frame->function->code;
            pc = frame->pc;
        }
    }
    e->launch->instructions += begin - left;
}
