/* Records what a stream heard: a 16-bit WAV of up to 4 GB. It has its name when it is
 * complete; until then it lies beside it as .syl-*.tmp, at every moment a valid WAV, so that
 * nothing is lost when the program is killed. */
#ifndef SYL_STREAM_SAVE_H
#define SYL_STREAM_SAVE_H

#include "lib/base/status.h"

typedef struct syl_save syl_save;

syl_status syl_save_open(syl_save **out, const char *path, int sample_rate, int channels,
                         syl_error *err);
/* samples [n][channels]; what lies outside [-1, 1) is clipped. After a failure nothing more is
 * written, and commit keeps what was. */
syl_status syl_save_write(syl_save *save, const float *samples, size_t n, syl_error *err);
/* Gives the recording its name; frees in any case. NULL is allowed. */
syl_status syl_save_commit(syl_save *save, syl_error *err);
/* Nothing appears; frees. NULL is allowed. */
void syl_save_discard(syl_save *save);

#endif
