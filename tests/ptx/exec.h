/* A launch while it runs. A block runs at a time, in it a thread at a time, from one place where it
 * must wait (barrier, collective) to the next. */
#ifndef SYL_TESTS_PTX_EXEC_H
#define SYL_TESTS_PTX_EXEC_H

#include <setjmp.h>

#include "tests/ptx/module.h"

typedef enum ptx_state { STATE_READY, STATE_BARRIER, STATE_COLLECTIVE, STATE_EXITED } ptx_state;
typedef enum ptx_access { ACCESS_READ, ACCESS_WRITE, ACCESS_ATOMIC } ptx_access;

typedef struct ptx_frame {
    const ptx_function *function;
    uint64_t *r;      /* [slot_count] */
    uint8_t *defined; /* [slot_count] */
    unsigned char *params;
    uint32_t pc;          /* where to go on */
    const ptx_call *call; /* what brought us here */
    struct ptx_frame *caller;
} ptx_frame;

typedef struct ptx_thread {
    struct ptx_exec *exec;
    uint32_t index, lane, warp;
    ptx_state state;
    ptx_frame *frame;
    const ptx_insn *waits; /* the barrier or collective */
    unsigned char *local, *local_written;
} ptx_thread;

/* Who touched a shared byte last, since the block's last barrier (epochs count barriers). */
typedef struct ptx_touch {
    uint32_t epoch, warp_epoch;
    uint16_t thread;
    uint8_t spread; /* 0: that thread; 1: several of its warp; 2: of several warps */
    uint8_t atomic; /* no write but atomic ones */
} ptx_touch;

typedef struct ptx_cell {
    ptx_touch write, read;
} ptx_cell;

typedef struct ptx_shared {
    unsigned char *bytes;
    uint8_t *state;  /* [size]: SHARED_... */
    ptx_cell *cells; /* [size]; of a word that is not split the first stands for all */
    uint8_t *split;  /* [size / 4 + 1] */
    size_t static_bytes, dynamic_bytes, size;
} ptx_shared;

enum { SHARED_NOBODYS, SHARED_UNWRITTEN, SHARED_WRITTEN };

typedef struct ptx_buffer {
    uint64_t base, bytes;
    char *name;
} ptx_buffer;

struct ptx_memory {
    ptx_buffer *buffers; /* by base */
    size_t count, room;
};

typedef struct ptx_exec {
    const ptx_function *kernel;
    ptx_launch *launch;
    const ptx_memory *memory;
    const ptx_buffer *last; /* where the last access was */
    ptx_thread *threads;
    uint32_t thread_count, warp_count;
    uint32_t *order;       /* in which threads run */
    uint32_t *warp_epochs; /* count __syncwarp of each warp */
    uint32_t epoch;
    unsigned ctaid[3];
    ptx_shared shared;
    uint64_t random, limit;
    jmp_buf *failed;
    char *error;
    size_t error_size;
} ptx_exec;

/* Ends the launch with a message that says where. */
_Noreturn void ptx_fault(const ptx_thread *t, const ptx_insn *insn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The text of an instruction's line; for messages. */
void ptx_insn_text(const ptx_function *f, const ptx_insn *insn, char *text, size_t size);

/* Where `bytes` bytes at an address of the instruction's space lie; faults where they must not be
 * touched. *written: local and shared memory's state to set or read, NULL for the rest. */
unsigned char *ptx_locate(ptx_thread *t, const ptx_insn *insn, uint64_t address, unsigned bytes,
                          ptx_access access, uint8_t **written);
unsigned char *ptx_shared_at(ptx_thread *t, const ptx_insn *insn, uint64_t address, unsigned bytes,
                             ptx_access access);
bool ptx_shared_start(ptx_shared *shared, const ptx_function *kernel, size_t dynamic_bytes);
void ptx_shared_reset(ptx_shared *shared, const ptx_function *kernel);
void ptx_shared_end(ptx_shared *shared);

/* Runs a thread until it waits or exits. */
void ptx_step(ptx_thread *t);
/* Lets the collectives of a warp happen whose lanes are all there; whether any did. */
bool ptx_collect(ptx_exec *exec, uint32_t warp);
/* Says why the waiting lanes of a warp will wait for ever. */
_Noreturn void ptx_stuck(const ptx_exec *exec, const ptx_thread *t);
bool ptx_push_frame(ptx_thread *t, const ptx_function *f);
void ptx_pop_frame(ptx_thread *t);
void ptx_set_specials(ptx_thread *t, ptx_frame *frame);

#endif
