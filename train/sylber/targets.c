#include "train/sylber/targets.h"

#include <string.h>

#include "sylber/segmenter.h"

static float *row(syl_mat m, int64_t t)
{
    return (float *)m.data + t * m.stride;
}

static void fill(const float *mean, int64_t begin, int64_t end, syl_mat target)
{
    for (int64_t t = begin; t < end; t++)
        memcpy(row(target, t), mean, (size_t)target.cols * sizeof *mean);
}

static void clear(syl_mat target)
{
    for (int64_t t = 0; t < target.rows; t++)
        memset(row(target, t), 0, (size_t)target.cols * sizeof(float));
}

/* The mean is made in the segment's first row of the target. */
void syl_target_from_segments(syl_mat teacher, const int32_t (*segments)[2], int n, syl_mat target)
{
    clear(target);
    for (int i = 0; i < n; i++) {
        int64_t begin = segments[i][0], end = segments[i][1];
        float *mean = row(target, begin);
        for (int64_t t = begin; t < end; t++)
            for (int64_t c = 0; c < teacher.cols; c++)
                mean[c] += row(teacher, t)[c];
        for (int64_t c = 0; c < teacher.cols; c++)
            mean[c] /= (float)(end - begin);
        fill(mean, begin + 1, end, target);
    }
}

static syl_status take(void *user, int64_t start, int64_t end, const float *mean, syl_error *err)
{
    (void)err;
    fill(mean, start, end, *(syl_mat *)user);
    return SYL_OK;
}

syl_status syl_target_from_teacher(syl_mat teacher, double norm_threshold, double merge_threshold,
                                   syl_mat target, syl_error *err)
{
    syl_segmenter *s;
    syl_segmenter_config config = {.dim = (int)teacher.cols,
                                   .norm_threshold = norm_threshold,
                                   .merge_threshold = merge_threshold,
                                   .sink = take,
                                   .user = &target};
    clear(target);
    SYL_TRY(syl_segmenter_create(&s, &config, err));
    syl_status status = syl_segmenter_push(s, teacher.data, teacher.rows, err);
    if (status == SYL_OK) status = syl_segmenter_finish(s, err);
    syl_segmenter_free(s);
    return status;
}
