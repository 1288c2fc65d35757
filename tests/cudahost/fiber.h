/* Fibers: functions on stacks of their own that pass control to and fro.
 *
 * On x86-64 and aarch64 by a few lines of assembly, 10 to 19 times faster than swapcontext, which
 * saves the signal mask by a system call; swapcontext elsewhere, or with CUDAHOST_UCONTEXT. */
#ifndef CUDAHOST_FIBER_H
#define CUDAHOST_FIBER_H

#include <cstddef>

#if !defined(CUDAHOST_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define CUDAHOST_UCONTEXT
#endif
#ifdef CUDAHOST_UCONTEXT
#include <ucontext.h>
#endif

namespace cudahost {

/* One stack with a guard page below it. Not copied; all fibers of a thread are resumed from
 * outside of fibers. */
class Fiber {
  public:
    Fiber();
    ~Fiber();
    Fiber(const Fiber &) = delete;
    Fiber &operator=(const Fiber &) = delete;

    /* The next resume begins entry(argument); a fiber that is not done is given up. */
    void start(void (*entry)(void *), void *argument);
    /* Runs it until it pauses or returns; true when it returned. */
    bool resume();
    /* Called by the fiber's own code: back to its resume. */
    void pause();

    /* Whether the address is in the guard page. */
    bool overflowed(const void *address) const;

  private:
    static void main(Fiber *fiber);
    void leave(bool for_good);

    char *mapping, *stack; /* guard page; stack above it */
    void (*entry)(void *);
    void *argument;
    bool done;
#ifdef CUDAHOST_UCONTEXT
    ucontext_t own, caller;
#else
    void *own, *caller; /* stack pointers while the other side runs */
#endif
    /* for ASan: the caller's stack */
    [[maybe_unused]] const void *caller_stack;
    [[maybe_unused]] size_t caller_stack_size;
};

} // namespace cudahost

#endif
