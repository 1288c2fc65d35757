/* What training and inference of paragraph vectors share on the CPU: one chunk's losses and
 * gradients. */
#ifndef SYL_COMPUTE_CPU_PARAGRAPH_H
#define SYL_COMPUTE_CPU_PARAGRAPH_H

#include "lib/compute/paragraph.h"

/* A thread's room. */
typedef struct syl_paragraph_work {
    const float **row; /* [targets + negatives] rows of output, or what else is summed */
    float *logit, *by; /* [targets + negatives] */
    float *z;          /* [P]; P is the padded length of a code */
    float *mask;       /* [(1 + context) P] */
    float *slope;      /* [(1 + context) P] */
    float *around;     /* [targets][context P]: h of the context */
    float *d_h;        /* [(1 + context) P] */
    float *sum;        /* [a row of the widest table] */
    float *negative;   /* [targets][negatives], with context */
} syl_paragraph_work;

/* Where a chunk's gradients and h go: arrays of the batch or of the thread. */
typedef struct syl_paragraph_chunk {
    int targets;
    const int32_t *target, *negative, *around;
    const float *document;     /* [padded(dim)] */
    uint64_t stream, position; /* of its dropout */
    float *h;                  /* [P] of the code */
    float *h_around;           /* [targets][context P] */
    float *d_logit;            /* [targets], then [negatives] summed over targets */
    float *d_negative;         /* [targets][negatives], with context */
    float *d_z;                /* [P] */
    float *d_document;         /* [padded(dim)]; d_z itself without a projection */
    float *d_around;           /* [targets][context P]; NULL: not wanted */
} syl_paragraph_chunk;

/* Floats of a thread's room. */
int64_t syl_paragraph_work_size(const syl_paragraph_model *m, int targets);
void syl_paragraph_work_of(const syl_paragraph_model *m, int targets, float *room,
                           syl_paragraph_work *work);

/* Forward and backward; the chunk's summed loss. */
double syl_paragraph_chunk_gradients(const syl_paragraph_model *m, const syl_paragraph_chunk *c,
                                     const syl_paragraph_work *w);

#endif
