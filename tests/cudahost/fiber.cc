#include "tests/cudahost/fiber.h"
#include "tests/cudahost/sanitizer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#ifdef CUDAHOST_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cudahost {
namespace {

/* Sanitizers make frames larger. */
#ifdef CUDAHOST_ASAN
constexpr size_t stack_bytes = 256 << 10;
#else
constexpr size_t stack_bytes = 64 << 10;
#endif

size_t page_bytes()
{
    static const size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    return bytes;
}

} // namespace

/* ---- the switch itself ---------------------------------------------------------------- */

#ifndef CUDAHOST_UCONTEXT

/* Saves what a call must keep on the stack, its pointer in *save, and goes on at `to`. */
extern "C" void cudahost_switch(void **save, void *to);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl cudahost_switch\n"
        ".hidden cudahost_switch\n"
        ".type cudahost_switch, @function\n"
        "cudahost_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
        "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n"
        "    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size cudahost_switch, . - cudahost_switch\n"
        /* A fiber begins here: its argument was put in rbx. */
        ".globl cudahost_enter\n"
        ".hidden cudahost_enter\n"
        ".type cudahost_enter, @function\n"
        "cudahost_enter:\n"
        "    movq %rbx, %rdi\n"
        "    xorl %ebp, %ebp\n"
        "    call *%r12\n"
        "    ud2\n"
        ".size cudahost_enter, . - cudahost_enter\n");

/* The words that cudahost_switch takes off a new stack: r15 r14 r13 r12 rbx rbp, return address. */
static void *first_frame(char *top, void (*main)(void *), void *argument)
{
    extern void enter() __asm__("cudahost_enter");
    void **frame = (void **)top - 9; /* so that the stack is aligned when main is called */
    for (int i = 0; i < 9; i++)
        frame[i] = nullptr;
    frame[3] = (void *)main;
    frame[4] = argument;
    frame[6] = (void *)enter;
    return frame;
}
#else
__asm__(".text\n"
        ".globl cudahost_switch\n"
        ".hidden cudahost_switch\n"
        ".type cudahost_switch, %function\n"
        "cudahost_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n    str x9, [x0]\n    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size cudahost_switch, . - cudahost_switch\n"
        ".globl cudahost_enter\n"
        ".hidden cudahost_enter\n"
        ".type cudahost_enter, %function\n"
        "cudahost_enter:\n"
        "    mov x0, x19\n"
        "    mov x29, #0\n"
        "    blr x20\n"
        "    brk #0\n"
        ".size cudahost_enter, . - cudahost_enter\n");

/* x19 x20 ... x29 x30 d8 ... d15. */
static void *first_frame(char *top, void (*main)(void *), void *argument)
{
    extern void enter() __asm__("cudahost_enter");
    void **frame = (void **)top - 20;
    for (int i = 0; i < 20; i++)
        frame[i] = nullptr;
    frame[0] = argument;
    frame[1] = (void *)main;
    frame[11] = (void *)enter;
    return frame;
}
#endif
#endif

/* ---- fibers --------------------------------------------------------------------------- */

Fiber::Fiber()
    : entry(nullptr), argument(nullptr), done(true), own(), caller(), caller_stack(nullptr),
      caller_stack_size(0)
{
    size_t guard = page_bytes();
    void *memory = mmap(nullptr, guard + stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0) {
        perror("cudahost: a fiber's stack");
        abort();
    }
    mapping = (char *)memory;
    stack = mapping + guard;
    /* Stacks that all began at the same place of a page would fight for the same lines of cache. */
    static std::atomic<size_t> made;
    offset = made++ % 61 * 64;
}

Fiber::~Fiber()
{
#ifdef CUDAHOST_ASAN
    __asan_unpoison_memory_region(stack, stack_bytes); /* whatever is mapped there next */
#endif
    munmap(mapping, page_bytes() + stack_bytes);
}

bool Fiber::overflowed(const void *address) const
{
    return (const char *)address >= mapping && (const char *)address < stack;
}

void Fiber::start(void (*entry_)(void *), void *argument_)
{
    entry = entry_;
    argument = argument_;
    done = false;
#ifdef CUDAHOST_ASAN
    /* What was given up there left its frames' red zones. */
    __asan_unpoison_memory_region(stack, stack_bytes);
#endif
#ifdef CUDAHOST_UCONTEXT
    getcontext(&own);
    own.uc_stack.ss_sp = stack;
    own.uc_stack.ss_size = stack_bytes - offset;
    own.uc_link = nullptr;
    /* makecontext passes ints: the pointer goes in two. */
    auto begin = +[](unsigned high, unsigned low) {
        main((Fiber *)(((uintptr_t)high << 16 << 16) | (uintptr_t)low));
    };
    uintptr_t self = (uintptr_t)this;
    makecontext(&own, (void (*)())begin, 2, (unsigned)(self >> 16 >> 16), (unsigned)self);
#else
    own = first_frame(stack + stack_bytes - offset, (void (*)(void *))main, this);
#endif
}

void Fiber::main(Fiber *fiber)
{
#ifdef CUDAHOST_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &fiber->caller_stack, &fiber->caller_stack_size);
#endif
    fiber->entry(fiber->argument);
    fiber->done = true;
    fiber->leave(true);
    abort();
}

bool Fiber::resume()
{
#ifdef CUDAHOST_ASAN
    void *fake;
    __sanitizer_start_switch_fiber(&fake, stack, stack_bytes);
#endif
#ifdef CUDAHOST_UCONTEXT
    swapcontext(&caller, &own);
#else
    cudahost_switch(&caller, own);
#endif
#ifdef CUDAHOST_ASAN
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
    return done;
}

void Fiber::leave(bool for_good)
{
#ifdef CUDAHOST_ASAN
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, caller_stack, caller_stack_size);
#else
    (void)for_good;
#endif
#ifdef CUDAHOST_UCONTEXT
    swapcontext(&own, &caller);
#else
    cudahost_switch(&own, caller);
#endif
#ifdef CUDAHOST_ASAN
    __sanitizer_finish_switch_fiber(fake, &caller_stack, &caller_stack_size);
#endif
}

void Fiber::pause()
{
    leave(false);
}

} // namespace cudahost
