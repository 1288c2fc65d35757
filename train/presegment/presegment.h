/* Segments of a recording before anything was trained, and what a student is to learn from them:
 * the mean of the teacher's features in each. */
#ifndef SYL_TRAIN_PRESEGMENT_H
#define SYL_TRAIN_PRESEGMENT_H

#include "train/presegment/spans.h"
#include "train/presegment/stats.h"

typedef enum syl_presegment_method {
    SYL_PRESEGMENT_SONORITY,   /* sonority.h */
    SYL_PRESEGMENT_NORM_PEAKS, /* norm_peaks.h, of the final layer norm */
    SYL_PRESEGMENT_MINCUT,     /* mincut.h, the same */
    SYL_PRESEGMENT_PROBE,      /* probe.h, the same */
    SYL_PRESEGMENT_GREEDY      /* Sylber's segmenter on the same, cosine 0.3 */
} syl_presegment_method;

/* "sonority", "norm-peaks", "mincut", "probe", "greedy" in the order of the enum, then NULL. */
extern const char *const syl_presegment_method_names[];

/* Standardised features are scaled by this to be a student's target, so that the small model's
 * vectors have norms like Sylber's. */
#define SYL_TARGET_SCALE 0.3f

typedef struct syl_presegments {
    syl_spans segments;
    float *means; /* [segments.count][dim]: of the final layer norm's output, standardised and
                     scaled; owned */
    int64_t num_frames;
} syl_presegments;

void syl_presegments_free(syl_presegments *segments);

/* All methods look inside of speech regions only (speech_regions.h). samples [n] are at the
 * teacher's rate. The probe is refused when stats has none. */
syl_status syl_presegment(const syl_teacher *teacher, const syl_stats *stats, syl_ctx *ctx,
                          syl_presegment_method method, const float *samples, size_t n,
                          syl_presegments *out, syl_error *err);

#endif
