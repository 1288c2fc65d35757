/* Tests of test_backend.c that have a file of their own, and what all of them share. */
#ifndef TESTS_CUDA_BACKEND_TESTS_H
#define TESTS_CUDA_BACKEND_TESTS_H

#include "tests/cuda/twin.h"

#define F SYL_F32
#define H SYL_BF16
#define FINE 1e-4
#define ROUGH 2e-2 /* bf16 */

static const int64_t sizes[] = {0, 1, 31, 33, 70};
#define SIZES (sizeof sizes / sizeof *sizes)

/* test_backend_attention.c */
void attention_for_training(void **state);
void attention_for_streams(void **state);
void attention_of_a_cache(void **state);
void rotary_positions(void **state);
/* test_backend_text.c */
void plain_skipgram(void **state);
void senses_of_words(void **state);
void paragraphs(void **state);
void paragraph_inference(void **state);

#endif
