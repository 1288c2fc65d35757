/* A launch: blocks one after another, in each of them threads between barriers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ptx/exec.h"

#define MAX_SHARED ((size_t)227 << 10) /* of an H100, dynamic and static */

size_t ptx_kernel_count(const ptx_module *module)
{
    size_t count = 0;

    for (size_t i = 0; i < module->function_count; i++)
        count += module->functions[i]->entry && module->functions[i]->defined;
    return count;
}

const ptx_kernel *ptx_kernel_at(const ptx_module *module, size_t index)
{
    for (size_t i = 0; i < module->function_count; i++) {
        const ptx_function *f = module->functions[i];

        if (f->entry && f->defined && index-- == 0) return f;
    }
    return NULL;
}

static bool is_plain_name(const char *mangled, const char *name)
{
    char *end;
    size_t length = strlen(name);

    if (strncmp(mangled, "_Z", 2) != 0) return false;
    return strtoul(mangled + 2, &end, 10) == length && strncmp(end, name, length) == 0;
}

const ptx_kernel *ptx_kernel_find(const ptx_module *module, const char *name)
{
    const ptx_kernel *plain = NULL, *kernel;

    for (size_t i = 0; (kernel = ptx_kernel_at(module, i)); i++) {
        if (strcmp(kernel->name, name) == 0) return kernel;
        if (!plain && is_plain_name(kernel->name, name)) plain = kernel;
    }
    return plain;
}

const char *ptx_kernel_name(const ptx_kernel *kernel)
{
    return kernel->name;
}

size_t ptx_param_count(const ptx_kernel *kernel)
{
    return kernel->param_count;
}

size_t ptx_param_size(const ptx_kernel *kernel, size_t index)
{
    return index < kernel->param_count ? (size_t)kernel->params[index].bytes : 0;
}

void ptx_insn_text(const ptx_function *f, const ptx_insn *insn, char *text, size_t size)
{
    const char *at = f->module->text;
    size_t n = 0;

    for (uint32_t line = 1; line < insn->line && at; line++)
        at = (at = strchr(at, '\n')) ? at + 1 : NULL;
    for (at = at ? at : ""; *at && *at != '\n' && n + 1 < size; at++) {
        bool space = *at == ' ' || *at == '\t';

        if (!space)
            text[n++] = *at;
        else if (n > 0 && text[n - 1] != ' ')
            text[n++] = ' ';
    }
    text[n] = 0;
}

static void thread_place(const ptx_thread *t, unsigned place[3])
{
    const unsigned *block = t->exec->launch->block;

    place[0] = t->index % block[0];
    place[1] = t->index / block[0] % block[1];
    place[2] = t->index / block[0] / block[1];
}

void ptx_fault(const ptx_thread *t, const ptx_insn *insn, const char *format, ...)
{
    ptx_exec *e = t->exec;
    const ptx_function *f = t->frame->function;
    char text[160], what[512], source[300] = "";
    unsigned place[3];
    va_list list;

    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    thread_place(t, place);
    ptx_insn_text(f, insn, text, sizeof text);
    if (f->module->source && insn->source_line)
        snprintf(source, sizeof source, " (%s:%u)", f->module->source, insn->source_line);
    snprintf(e->error, e->error_size,
             "kernel %s, %s:%u%s, `%s`: %s; block (%u,%u,%u), thread (%u,%u,%u)", e->kernel->name,
             f->module->path, insn->line, source, text, what, e->ctaid[0], e->ctaid[1], e->ctaid[2],
             place[0], place[1], place[2]);
    longjmp(*e->failed, 1);
}

void ptx_set_specials(ptx_thread *t, ptx_frame *frame)
{
    const ptx_exec *e = t->exec;
    uint32_t bit = UINT32_C(1) << t->lane;
    unsigned place[3];
    uint64_t *r = frame->r;

    thread_place(t, place);
    for (int i = 0; i < 3; i++) {
        r[SLOT_TID + i] = place[i];
        r[SLOT_NTID + i] = e->launch->block[i];
        r[SLOT_CTAID + i] = e->ctaid[i];
        r[SLOT_NCTAID + i] = e->launch->grid[i];
    }
    r[SLOT_LANE] = t->lane;
    r[SLOT_WARP] = t->warp;
    r[SLOT_WARPS] = e->warp_count;
    r[SLOT_MASK_EQ] = bit;
    r[SLOT_MASK_LT] = bit - 1;
    r[SLOT_MASK_LE] = bit | (bit - 1);
    r[SLOT_MASK_GE] = ~(bit - 1);
    r[SLOT_MASK_GT] = ~(bit | (bit - 1));
    r[SLOT_DYNAMIC_BYTES] = e->launch->shared_bytes;
}

bool ptx_push_frame(ptx_thread *t, const ptx_function *f)
{
    ptx_frame *frame = calloc(1, sizeof *frame);

    if (!frame) return false;
    frame->function = f;
    frame->caller = t->frame;
    frame->r = malloc(f->slot_count * sizeof *frame->r);
    frame->defined = malloc(f->slot_count);
    frame->params = calloc(f->param_bytes + 1, 1);
    t->frame = frame;
    if (!frame->r || !frame->defined || !frame->params) return false;
    memcpy(frame->r, f->initial, f->slot_count * sizeof *frame->r);
    memcpy(frame->defined, f->initial_defined, f->slot_count);
    ptx_set_specials(t, frame);
    return true;
}

void ptx_pop_frame(ptx_thread *t)
{
    ptx_frame *frame = t->frame;

    t->frame = frame->caller;
    free(frame->r);
    free(frame->defined);
    free(frame->params);
    free(frame);
}

/* xorshift64*: an order that is the same everywhere. */
static uint64_t draw(ptx_exec *e, uint64_t n)
{
    e->random ^= e->random >> 12;
    e->random ^= e->random << 25;
    e->random ^= e->random >> 27;
    return (e->random * UINT64_C(2685821657736338717) >> 32) % n;
}

static void shuffle_order(ptx_exec *e, uint32_t *order, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; e->launch->seed && i > 1; i--) {
        uint32_t k = (uint32_t)draw(e, i), saved = order[i - 1];

        order[i - 1] = order[k];
        order[k] = saved;
    }
}

static void start_block(ptx_exec *e)
{
    const ptx_function *f = e->kernel;

    ptx_shared_reset(&e->shared, f);
    e->epoch++;
    shuffle_order(e, e->order, e->thread_count);
    for (uint32_t i = 0; i < e->thread_count; i++) {
        ptx_thread *t = &e->threads[i];

        t->state = STATE_READY;
        t->frame->pc = 0;
        memcpy(t->frame->defined, f->initial_defined, f->slot_count);
        for (int k = 0; k < 3; k++)
            t->frame->r[SLOT_CTAID + k] = e->ctaid[k];
        if (f->module->local_bytes) memset(t->local_written, 0, f->module->local_bytes);
    }
}

/* What __syncthreads_count, _and, _or give every thread. */
static void reduce_barrier(ptx_exec *e, const ptx_insn *insn)
{
    uint32_t count = 0;
    uint64_t result;

    for (uint32_t i = 0; i < e->thread_count; i++) {
        const ptx_thread *t = &e->threads[i];

        if (!t->frame->defined[insn->src[0]]) ptx_fault(t, insn, "the predicate is undefined");
        count += (t->frame->r[insn->src[0]] & 1) != !!(insn->modifiers & MODIFIER_NEGATED);
    }
    result = insn->detail == BARRIER_POPC  ? count
             : insn->detail == BARRIER_AND ? count == e->thread_count
                                           : count > 0;
    for (uint32_t i = 0; i < e->thread_count; i++) {
        e->threads[i].frame->r[insn->dst] = result;
        e->threads[i].frame->defined[insn->dst] = 1;
    }
}

/* All threads stand still. False when all have exited. */
static bool pass_barrier(ptx_exec *e)
{
    const ptx_thread *waiting = NULL;
    bool all = true;

    for (uint32_t i = 0; i < e->thread_count; i++)
        if (e->threads[i].state == STATE_COLLECTIVE) ptx_stuck(e, &e->threads[i]);
    for (uint32_t i = 0; i < e->thread_count; i++)
        if (!waiting && e->threads[i].state == STATE_BARRIER) waiting = &e->threads[i];
    if (!waiting) return false;
    for (uint32_t i = 0; i < e->thread_count; i++)
        all &= e->threads[i].state == STATE_BARRIER && e->threads[i].waits == waiting->waits;
    if (!all) ptx_stuck(e, waiting);
    if (waiting->waits->detail != BARRIER_PLAIN) reduce_barrier(e, waiting->waits);
    for (uint32_t i = 0; i < e->thread_count; i++)
        e->threads[i].state = STATE_READY;
    e->epoch++;
    return true;
}

static void run_block(ptx_exec *e)
{
    bool any = true;

    start_block(e);
    do {
        for (any = true; any;) {
            any = false;
            for (uint32_t i = 0; i < e->thread_count; i++)
                if (e->threads[e->order[i]].state == STATE_READY)
                    ptx_step(&e->threads[e->order[i]]);
            for (uint32_t w = 0; w < e->warp_count; w++)
                any |= ptx_collect(e, w);
        }
    } while (pass_barrier(e));
}

static bool start_threads(ptx_exec *e)
{
    const ptx_function *f = e->kernel;
    size_t local = f->module->local_bytes;

    e->threads = calloc(e->thread_count, sizeof *e->threads);
    e->order = calloc(e->thread_count, sizeof *e->order);
    e->warp_epochs = calloc(e->warp_count, sizeof *e->warp_epochs);
    if (!e->threads || !e->order || !e->warp_epochs) return false;
    for (uint32_t i = 0; i < e->thread_count; i++) {
        ptx_thread *t = &e->threads[i];

        *t = (ptx_thread){.exec = e, .index = i, .lane = i % 32, .warp = i / 32};
        t->local = local ? malloc(local) : NULL;
        t->local_written = local ? malloc(local) : NULL;
        if (!ptx_push_frame(t, f) || (local && !(t->local && t->local_written))) return false;
        for (size_t k = 0; k < f->param_count; k++)
            memcpy(t->frame->params + f->params[k].address, e->launch->args[k], f->params[k].bytes);
    }
    return true;
}

static void end_threads(ptx_exec *e)
{
    for (uint32_t i = 0; e->threads && i < e->thread_count; i++) {
        while (e->threads[i].frame)
            ptx_pop_frame(&e->threads[i]);
        free(e->threads[i].local);
        free(e->threads[i].local_written);
    }
    free(e->threads);
    free(e->order);
    free(e->warp_epochs);
    ptx_shared_end(&e->shared);
}

static void run_grid(ptx_exec *e, uint32_t *blocks, uint32_t count)
{
    const unsigned *grid = e->launch->grid;

    shuffle_order(e, blocks, count);
    for (uint32_t i = 0; i < count; i++) {
        e->ctaid[0] = blocks[i] % grid[0];
        e->ctaid[1] = blocks[i] / grid[0] % grid[1];
        e->ctaid[2] = blocks[i] / grid[0] / grid[1];
        run_block(e);
    }
}

static bool refuse(ptx_exec *e, const char *what, unsigned long long value)
{
    snprintf(e->error, e->error_size, "kernel %s: %s (%llu)", e->kernel->name, what, value);
    return false;
}

/* What a GPU would not launch. */
static bool launch_fits(ptx_exec *e)
{
    const ptx_launch *l = e->launch;
    uint64_t threads = 1, blocks = 1;

    for (int i = 0; i < 3; i++) {
        uint64_t limit = i == 2 ? 64 : 1024;

        if (l->block[i] == 0 || l->block[i] > limit) return refuse(e, "no such block", l->block[i]);
        if (l->grid[i] == 0 || (i > 0 && l->grid[i] > 65535))
            return refuse(e, "no such grid", l->grid[i]);
        threads *= l->block[i];
        if (blocks <= UINT32_MAX) blocks *= l->grid[i];
    }
    if (threads > 1024) return refuse(e, "more than 1024 threads in a block", threads);
    if (blocks > INT32_MAX) return refuse(e, "too many blocks", blocks);
    if (e->kernel->max_threads && threads > e->kernel->max_threads)
        return refuse(e, "more threads than its launch bounds", threads);
    if (l->shared_bytes > MAX_SHARED || e->kernel->shared_bytes > MAX_SHARED - l->shared_bytes)
        return refuse(e, "too much shared memory", l->shared_bytes + e->kernel->shared_bytes);
    e->thread_count = (uint32_t)threads;
    e->warp_count = (e->thread_count + 31) / 32;
    return true;
}

bool ptx_run(const ptx_kernel *kernel, ptx_launch *launch, const ptx_memory *memory, char *error,
             size_t error_size)
{
    jmp_buf failed;
    ptx_exec e = {.kernel = kernel, .launch = launch, .memory = memory, .failed = &failed};
    uint32_t *volatile blocks = NULL;
    volatile bool ok = false;

    e.error = error;
    e.error_size = error_size;
    e.random = launch->seed;
    e.limit = launch->limit ? launch->limit : UINT64_C(1) << 40;
    launch->instructions = 0;
    if (!launch_fits(&e)) return false;
    blocks = malloc((size_t)launch->grid[0] * launch->grid[1] * launch->grid[2] * sizeof *blocks);
    if (!ptx_shared_start(&e.shared, kernel, launch->shared_bytes) || !start_threads(&e) ||
        !blocks) {
        refuse(&e, "no memory for its threads", e.thread_count);
    } else if (setjmp(failed) == 0) {
        run_grid(&e, blocks, launch->grid[0] * launch->grid[1] * launch->grid[2]);
        ok = true;
    }
    free(blocks);
    end_threads(&e);
    return ok;
}
